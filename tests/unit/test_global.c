// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The allocation `global`: filling against linear programs against brute force on random networks, the same every run;
// what weights, minimum rates, caps and headroom do; and the corners: no capacity, no demand, no channels.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "ctrlplane/optimise/global.h"
#include "tests/unit/random_network.h"

static struct workspace workspace;
static struct allocation found, other;

static void near(double value, double wanted) {
	if (!(fabs(value - wanted) <= 1e-6 * fmax(1, fabs(wanted))))
		fail_msg("%.9g: %.9g wanted", value, wanted);
}

static void allocate(struct network *network) {
	assert_int_equal(network_check(network), 0);
	assert_int_equal(global_allocate(&found, &workspace, network), 0);
	assert_true(network_fits(network, found.rates_bps));
	for (unsigned i = 0; i < network->links_length; i++)
		near(found.loads_bps[i], network_load(network, i, found.rates_bps));
}

static struct network *star(unsigned nodes, double capacity_bps) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	for (unsigned i = 0; i < nodes; i++)
		add_node(network, capacity_bps, capacity_bps);
	return network;
}

// What counts of a rate: the part up to the demand.
static double level_of(const struct network *network, unsigned channel, double rate_bps) {
	const struct network_channel *of = &network->channels[channel];
	double demand = global_demand(network, channel);
	return fmin(rate_bps, fmax(demand, of->min_bps)) / (of->weight * demand);
}

static int compare(const void *a, const void *b) {
	double one = *(const double *)a, another = *(const double *)b;
	return one < another ? -1 : one > another;
}

enum { CHANNELS = 3, STEPS = 24 };

// Levels in ascending order, to be compared from the smallest on.
static void sorted_levels(const struct network *network, const double *rates_bps, double *levels) {
	for (unsigned i = 0; i < CHANNELS; i++)
		levels[i] = level_of(network, i, rates_bps[i]);
	qsort(levels, CHANNELS, sizeof(*levels), compare);
}

static int is_better(const double *levels, const double *than) {
	for (unsigned i = 0; i < CHANNELS; i++)
		if (fabs(levels[i] - than[i]) > 1e-9)
			return levels[i] > than[i];
	return 0;
}

// Every rate in steps of a part of what it may have at most, and half a step less for those that are below.
static void no_grid_point_is_better(const struct network *network) {
	double best[CHANNELS], levels[CHANNELS], rates[CHANNELS];
	unsigned points = 0;
	sorted_levels(network, found.rates_bps, best);
	for (unsigned point = 0; point < STEPS * STEPS * STEPS; point++) {
		const unsigned steps[] = {point % STEPS, point / STEPS % STEPS, point / STEPS / STEPS};
		for (unsigned i = 0; i < CHANNELS; i++) {
			const struct network_channel *channel = &network->channels[i];
			double most = fmin(channel->cap_bps, fmax(global_demand(network, i), channel->min_bps));
			rates[i] = channel->min_bps + (most - channel->min_bps) * steps[i] / (STEPS - 1);
		}
		if (!network_fits(network, rates))
			continue;
		points++;
		sorted_levels(network, rates, levels);
		assert_false(is_better(levels, best));
	}
	assert_true(points > 0);
}

static void test_no_rates_are_better(void **state) {
	uint64_t seed = 1;
	for (unsigned round = 0; round < 100; round++) {
		struct network *network = random_network(&seed, 2 + random_below(&seed, 2), CHANNELS);
		if (round % 2 == 1)
			add_needs(network, &seed);
		allocate(network);
		no_grid_point_is_better(network);
		network_free(network);
	}
}

static void same_as_by_lp(struct network *network) {
	allocate(network);
	int ret = global_by_lp(&other, &workspace, network);
	if (ret != 0)
		fail_msg("%d: %s", ret, workspace.lp.error);
	for (unsigned i = 0; i < network->channels_length; i++) {
		near(level_of(network, i, found.rates_bps[i]), level_of(network, i, other.rates_bps[i]));
		near(found.shares[i], other.shares[i]);
	}
	// Random capacities fill at different levels, so that dual values are unique.
	for (unsigned i = 0; i < network->links_length; i++)
		if (fabs(found.prices[i] - other.prices[i]) > 1e-4 * found.prices[i])
			fail_msg("%s: price %.9g, by GLPK %.9g", network->links[i].name, found.prices[i],
				other.prices[i]);
}

static void test_same_as_linear_programs(void **state) {
	uint64_t seed = 2;
	for (unsigned round = 0; round < 100; round++) {
		struct network *network =
			random_network(&seed, 2 + random_below(&seed, 4), 1 + random_below(&seed, 20));
		same_as_by_lp(network);
		add_needs(network, &seed);
		same_as_by_lp(network);
		network_free(network);
	}
}

// A link inside the switch, on the routes of some.
static void test_links_inside(void **state) {
	struct network *network = star(4, 100e6);
	unsigned core = (unsigned)network_add_link(network, "core", 9e6);
	struct network_channel channel = {
		.name = "inside", .source = 0, .destination = 1, .weight = 1, .cap_bps = INFINITY, .demand_bps = 6e6};
	assert_true(network_add_channel(network, &channel, &core, 1) >= 0);
	channel.source = 2;
	channel.demand_bps = 12e6;
	assert_true(network_add_channel(network, &channel, &core, 1) >= 0);
	add_channel(network, 0, 3, 50e6);
	same_as_by_lp(network);
	near(found.rates_bps[0], 3e6);
	near(found.rates_bps[1], 6e6);
	assert_int_equal(found.bottlenecks[0], core);
	assert_int_equal(found.bottlenecks[1], core);
	near(found.shares[2], 1);
	assert_int_equal(found.bottlenecks[2], NETWORK_NONE);
	near(found.prices[core] * 18e6, 1);
	network_free(network);
}

// The price is what one more bit/s is worth: checked by giving one in a thousand more.
static void test_price_is_the_gain(void **state) {
	uint64_t seed = 3;
	unsigned checked = 0;
	for (unsigned round = 0; round < 50; round++) {
		struct network *network = random_network(&seed, 3, 6);
		allocate(network);
		for (unsigned i = 0; i < network->channels_length; i++) {
			int link = found.bottlenecks[i];
			if (link == NETWORK_NONE)
				continue;
			double more = 1e-6 * network->links[link].capacity_bps, share = found.shares[i];
			double wanted = share + found.prices[link] * more;
			network->links[link].capacity_bps += more;
			assert_int_equal(global_allocate(&other, &workspace, network), 0);
			network->links[link].capacity_bps -= more;
			assert_true(fabs(other.shares[i] - wanted) < 1e-9 * fmax(1, wanted));
			checked++;
		}
		network_free(network);
	}
	assert_true(checked > 50);
}

static void test_weight_counts(void **state) {
	struct network *network = star(3, 9e6);
	add_channel(network, 0, 2, 9e6);
	add_channel(network, 1, 2, 9e6)->weight = 2;
	allocate(network);
	near(found.rates_bps[0], 3e6);
	near(found.rates_bps[1], 6e6);
	network_free(network);
}

static void test_minimum_comes_first(void **state) {
	struct network *network = star(3, 10e6);
	add_channel(network, 0, 2, 1e6)->min_bps = 7e6; // promised, whatever it offers
	add_channel(network, 1, 2, 10e6);
	allocate(network);
	near(found.rates_bps[0], 7e6);
	near(found.rates_bps[1], 3e6);
	near(found.shares[0], 1);
	near(found.shares[1], 0.3);
	network_free(network);
}

static void test_cap_leaves_the_rest_to_others(void **state) {
	struct network *network = star(3, 10e6);
	add_channel(network, 0, 2, 10e6)->cap_bps = 2e6;
	add_channel(network, 1, 2, 10e6);
	allocate(network);
	near(found.rates_bps[0], 2e6);
	near(found.rates_bps[1], 8e6);
	assert_int_equal(found.bottlenecks[0], NETWORK_NONE);
	assert_string_equal(network->links[found.bottlenecks[1]].name, "n2 downlink");
	network_free(network);
}

// Served channels have equal parts of what is left; one that is silent too.
static void test_headroom(void **state) {
	struct network *network = star(4, 12e6);
	add_channel(network, 0, 3, 2e6);
	add_channel(network, 1, 3, 4e6);
	add_channel(network, 2, 3, 0);
	allocate(network);
	double silent = global_demand(network, 2);
	near(silent, 12e6 / 3000);
	double left = (6e6 - silent) / 3;
	near(found.rates_bps[0], 2e6 + left);
	near(found.rates_bps[1], 4e6 + left);
	near(found.rates_bps[2], silent + left);
	network_free(network);
}

static void test_silent_channel_on_a_full_link(void **state) {
	struct network *network = star(3, 10e6);
	add_channel(network, 0, 2, 20e6);
	add_channel(network, 1, 2, 0);
	allocate(network);
	assert_true(found.rates_bps[1] > 0 && found.rates_bps[1] < 0.001 * 10e6);
	near(found.loads_bps[network->nodes[2].downlink], 10e6);
	near(found.shares[1], 1);
	network_free(network);
}

static void test_no_capacity(void **state) {
	struct network *network = star(3, 10e6);
	network->links[network->nodes[2].downlink].capacity_bps = 0;
	add_channel(network, 0, 2, 5e6);
	add_channel(network, 1, 2, 0);
	add_channel(network, 0, 1, 5e6);
	allocate(network);
	assert_true(found.rates_bps[0] == 0 && found.shares[0] == 0);
	assert_int_equal(found.bottlenecks[0], network->nodes[2].downlink);
	assert_true(found.rates_bps[1] == 0 && found.shares[1] == 1);
	near(found.rates_bps[2], 10e6);
	network_free(network);
}

static void test_nothing_is_offered(void **state) {
	struct network *network = star(3, 10e6);
	add_channel(network, 0, 2, 0);
	add_channel(network, 1, 2, 0);
	allocate(network);
	near(found.rates_bps[0], 5e6);
	near(found.rates_bps[1], 5e6);
	network_free(network);
}

static void test_no_link_no_limit(void **state) {
	struct network *network = star(2, INFINITY);
	add_channel(network, 0, 0, 5e6);
	add_channel(network, 0, 1, 5e6);
	add_channel(network, 0, 1, 5e6)->cap_bps = 7e6;
	allocate(network);
	assert_true(isinf(found.rates_bps[0]) && isinf(found.rates_bps[1]));
	near(found.rates_bps[2], 7e6);
	network_free(network);
}

static void test_no_channels(void **state) {
	struct network *network = star(2, 10e6);
	allocate(network);
	assert_true(found.loads_bps[0] == 0);
	network_free(network);
	assert_int_equal(network_new(&network, 1), 0);
	allocate(network);
	network_free(network);
}

// What plain TCP comes near to: equal parts of the bottleneck, whatever is offered.
static void test_fair(void **state) {
	struct network *network = star(4, 12e6);
	add_channel(network, 0, 3, 1e6);
	add_channel(network, 1, 3, 20e6)->weight = 10;
	add_channel(network, 2, 3, 9e6);
	assert_int_equal(network_check(network), 0);
	assert_int_equal(fair_allocate(&found, &workspace, network), 0);
	near(found.rates_bps[0], 1e6);
	near(found.rates_bps[1], 5.5e6);
	near(found.rates_bps[2], 5.5e6);
	network_free(network);
}

static int fini(void **state) {
	workspace_fini(&workspace);
	allocation_fini(&found);
	allocation_fini(&other);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rates_are_better),
		cmocka_unit_test(test_same_as_linear_programs),
		cmocka_unit_test(test_links_inside),
		cmocka_unit_test(test_price_is_the_gain),
		cmocka_unit_test(test_weight_counts),
		cmocka_unit_test(test_minimum_comes_first),
		cmocka_unit_test(test_cap_leaves_the_rest_to_others),
		cmocka_unit_test(test_headroom),
		cmocka_unit_test(test_silent_channel_on_a_full_link),
		cmocka_unit_test(test_no_capacity),
		cmocka_unit_test(test_nothing_is_offered),
		cmocka_unit_test(test_no_link_no_limit),
		cmocka_unit_test(test_no_channels),
		cmocka_unit_test(test_fair),
	};
	return cmocka_run_group_tests(tests, NULL, fini);
}
