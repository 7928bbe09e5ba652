// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// When new rates replace those in force, and what people are told of a channel's rate.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "ctrlplane/optimise/explain.h"
#include "ctrlplane/optimise/hysteresis.h"
#include "tests/unit/random_network.h"

static struct workspace workspace;
static struct allocation found, trial;

static void near(double value, double wanted) {
	if (!(fabs(value - wanted) <= 1e-6 * fmax(1, fabs(wanted))))
		fail_msg("%.9g: %.9g wanted", value, wanted);
}

static struct network *star(unsigned nodes, double capacity_bps) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	for (unsigned i = 0; i < nodes; i++)
		add_node(network, capacity_bps, capacity_bps);
	return network;
}

static void allocate(struct network *network) {
	assert_int_equal(network_check(network), 0);
	assert_int_equal(global_allocate(&found, &workspace, network), 0);
}

static void test_demand_rises_at_once_and_falls_slowly(void **state) {
	near(hysteresis_demand(2e6, 5e6, 0.3), 5e6);
	near(hysteresis_demand(5e6, 0, 0.3), 3.5e6);
	double demand = 5e6;
	for (int i = 0; i < 30; i++)
		demand = hysteresis_demand(demand, 1e6, 0.3);
	assert_true(demand > 1e6 && demand < 1.01e6);
}

static void test_small_changes_wait(void **state) {
	struct network *network = star(3, 10e6);
	add_channel(network, 0, 2, 10e6);
	add_channel(network, 1, 2, 10e6)->cap_bps = 6e6;
	assert_int_equal(network_check(network), 0);
	const double before[] = {5e6, 5e6};
	assert_false(hysteresis_gives_way(network, before, (const double[]){5.2e6, 4.8e6}, 0.05));
	assert_true(hysteresis_gives_way(network, before, (const double[]){5.3e6, 4.7e6}, 0.05));
	assert_true(hysteresis_gives_way(network, before, (const double[]){INFINITY, 5e6}, 0.05));
	const double open[] = {INFINITY, 5e6};
	assert_false(hysteresis_gives_way(network, open, open, 0.05));
	network_free(network);
}

// What no longer fits gives way to whatever does, however near.
static void test_rates_that_do_not_fit_give_way(void **state) {
	struct network *network = star(3, 10e6);
	add_channel(network, 0, 2, 10e6);
	add_channel(network, 1, 2, 10e6);
	assert_int_equal(network_check(network), 0);
	const double before[] = {5e6, 5e6}, after[] = {4.9e6, 4.9e6};
	assert_false(hysteresis_gives_way(network, before, after, 0.05));
	network->links[network->nodes[2].downlink].capacity_bps = 9.8e6;
	assert_true(hysteresis_gives_way(network, before, after, 0.05));
	network->links[network->nodes[2].downlink].capacity_bps = 10e6;
	network->channels[0].cap_bps = 4.9e6;
	assert_true(hysteresis_gives_way(network, before, after, 0.05));
	network_free(network);
}

// Demands that change by a few per cent all the time, and one that comes and goes: rates change a few times, not
// always.
static void test_noise_does_not_flap(void **state) {
	struct network *network = star(5, 10e6);
	double in_force[4] = {0}, demands[4] = {0};
	uint64_t seed = 8;
	unsigned changes = 0;
	for (unsigned i = 0; i < 4; i++)
		add_channel(network, i, 4, 0);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 4; i++) {
			double offered = random_between(&seed, 0.97, 1.0) * (4e6 + i * 1e6);
			if (i == 3 && round % 2 == 1)
				offered *= 0.9;
			demands[i] = hysteresis_demand(demands[i], offered, 0.3);
			network->channels[i].demand_bps = demands[i];
		}
		allocate(network);
		if (!hysteresis_gives_way(network, in_force, found.rates_bps, 0.05))
			continue;
		memcpy(in_force, found.rates_bps, sizeof(in_force));
		changes++;
	}
	assert_true(changes >= 1 && changes <= 3);
	network_free(network);
}

static void explain(struct explanation *out, struct network *network, unsigned channel, double before_bps) {
	const struct explain_context context = {network, &found, &workspace, &trial};
	assert_int_equal(explain_channel(out, &context, channel, before_bps), 0);
}

static void test_explain_bottleneck(void **state) {
	struct explanation out;
	struct network *network = star(3, 10e6);
	network->links[network->nodes[0].uplink].capacity_bps = 100e6;
	add_channel(network, 0, 2, 15e6);
	add_channel(network, 1, 2, 5e6)->min_bps = 2e6;
	allocate(network);
	explain(&out, network, 0, 4e6);
	near(out.rate_bps, 7.5e6);
	near(out.share, 0.5);
	near(out.price * 20e6, 1);
	near(out.wanted_bps, 20e6);
	near(out.with_capacity_bps, 8.25e6);
	near(out.with_weight_bps, 8e6); // the other one keeps its minimum
	near(out.room_bps, 8e6);
	assert_string_equal(out.text, "c0: offers 15.0 Mbit/s, may send 7.50 Mbit/s (50 % of it), before 4.00 Mbit/s. "
				      "Held by n2 downlink: its 2 "
				      "channels offer 20.0 Mbit/s, it has 10.0 Mbit/s; its price: 5 % of this demand "
				      "per Mbit/s more. With 1.00 "
				      "Mbit/s more there: 8.25 Mbit/s; with weight 2 instead of 1: 8.00 Mbit/s. A "
				      "minimum of 8.00 Mbit/s could be "
				      "promised to it");
	near(network->channels[0].weight, 1);
	near(network->links[network->nodes[2].downlink].capacity_bps, 10e6);
	network_free(network);
}

static void test_explain_cap(void **state) {
	struct explanation out;
	struct network *network = star(2, 10e6);
	add_channel(network, 0, 1, 5e6)->cap_bps = 2e6;
	allocate(network);
	explain(&out, network, 0, NAN);
	assert_string_equal(out.text,
		"c0: offers 5.00 Mbit/s, may send 2.00 Mbit/s (40 % of it), new. No link holds it, its "
		"cap does; with weight 2 instead of 1: 2.00 Mbit/s; without its cap of 2.00 Mbit/s: "
		"10.0 Mbit/s. A minimum of 2.00 Mbit/s could be promised to it");
	network_free(network);
}

static void test_explain_served(void **state) {
	struct explanation out;
	struct network *network = star(2, INFINITY);
	add_channel(network, 0, 1, 5e6);
	allocate(network);
	explain(&out, network, 0, INFINITY);
	assert_string_equal(out.text,
		"c0: offers 5.00 Mbit/s, may send any rate, before any rate. Nothing holds it back. A "
		"minimum of any rate could be promised to it");
	network_free(network);
}

static int fini(void **state) {
	workspace_fini(&workspace);
	allocation_fini(&found);
	allocation_fini(&trial);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_demand_rises_at_once_and_falls_slowly),
		cmocka_unit_test(test_small_changes_wait),
		cmocka_unit_test(test_rates_that_do_not_fit_give_way),
		cmocka_unit_test(test_noise_does_not_flap),
		cmocka_unit_test(test_explain_bottleneck),
		cmocka_unit_test(test_explain_cap),
		cmocka_unit_test(test_explain_served),
	};
	return cmocka_run_group_tests(tests, NULL, fini);
}
