// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// S1's programs (3) and (4): GLPK against the closed forms against brute force, the guards where a queue or a rate is
// 0, the smaller of the two, and backfilling.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "ctrlplane/optimise/s1.h"
#include "tests/unit/random_network.h"

enum { CHANNELS = 3, STEPS = 100 };

static struct workspace workspace;
static struct allocation found;
static const struct s1_options by_lp = {.method = S1_LP, .bottleneck = 0.95};
static const struct s1_options by_closed = {.method = S1_CLOSED, .bottleneck = 0.95};

static void near(double value, double wanted) {
	if (!(fabs(value - wanted) <= 1e-6 * fmax(1, fabs(wanted))))
		fail_msg("%.9g: %.9g wanted", value, wanted);
}

struct one_link {
	double numbers[CHANNELS], queues[CHANNELS], rates[CHANNELS];
	struct s1_link link;
};

static void random_link(struct one_link *one, uint64_t *seed, int is_uplink) {
	one->link = (struct s1_link){.length = CHANNELS,
		.numbers = one->numbers,
		.queues = one->queues,
		.capacity_bps = random_between(seed, 1e6, 20e6),
		.interval_s = random_between(seed, 0.5, 5),
		.rates_bps = one->rates};
	for (unsigned i = 0; i < CHANNELS; i++) {
		one->numbers[i] = random_between(seed, is_uplink ? 0 : 0.05, 1) * one->link.capacity_bps;
		one->queues[i] = random_below(seed, 3) == 0 ? 0 : random_between(seed, 0, 10e6);
	}
}

static double objective(const struct one_link *one, const double *rates, int is_uplink) {
	double largest = 0;
	for (unsigned i = 0; i < CHANNELS; i++) {
		double value = is_uplink ? one->numbers[i] / rates[i]
					 : (one->queues[i] + rates[i] * one->link.interval_s) / one->numbers[i];
		largest = fmax(largest, isnan(value) ? 0 : value);
	}
	return largest;
}

// All ways to share the capacity out in hundredths.
static double brute_force(const struct one_link *one, int is_uplink) {
	double least = INFINITY, part = one->link.capacity_bps / STEPS;
	for (unsigned i = 0; i <= STEPS; i++)
		for (unsigned j = 0; i + j <= STEPS; j++) {
			const double rates[] = {i * part, j * part, (STEPS - i - j) * part};
			least = fmin(least, objective(one, rates, is_uplink));
		}
	return least;
}

static void check_against_brute_force(const struct one_link *one, int is_uplink) {
	double best = objective(one, one->rates, is_uplink), by_force = brute_force(one, is_uplink), sum = 0;
	for (unsigned i = 0; i < CHANNELS; i++) {
		assert_true(one->rates[i] >= -1e-6);
		sum += one->rates[i];
	}
	near(sum, one->link.capacity_bps);
	assert_true(best <= by_force * (1 + 1e-7));
	assert_true(is_uplink || by_force <= best * 1.5);
}

static void test_programs_closed_forms_and_brute_force_agree(void **state) {
	uint64_t seed = 4;
	for (unsigned round = 0; round < 200; round++) {
		int is_uplink = round % 2 == 0;
		struct one_link one;
		double closed[CHANNELS], price;
		random_link(&one, &seed, is_uplink);
		if (is_uplink)
			s1_uplink_closed(&one.link);
		else
			s1_downlink_closed(&one.link);
		check_against_brute_force(&one, is_uplink);
		memcpy(closed, one.rates, sizeof(closed));
		price = one.link.price;
		int ret = is_uplink ? s1_uplink_lp(&one.link, &workspace.lp) : s1_downlink_lp(&one.link, &workspace.lp);
		assert_int_equal(ret, 0);
		check_against_brute_force(&one, is_uplink);
		for (unsigned i = 0; i < CHANNELS; i++)
			near(one.rates[i] / one.link.capacity_bps, closed[i] / one.link.capacity_bps);
		assert_true(fabs(one.link.price - price) <= 1e-6 * price);
	}
}

// Two queues, the second longer than what the link moves in an interval: it gets nothing, the price is that of the
// first.
static void test_downlink_with_one_long_queue(void **state) {
	struct one_link one = {.numbers = {4e6, 4e6, 2e6}, .queues = {0, 90e6, 0}};
	one.link = (struct s1_link){.length = CHANNELS,
		.numbers = one.numbers,
		.queues = one.queues,
		.capacity_bps = 12e6,
		.interval_s = 1,
		.rates_bps = one.rates};
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			s1_downlink_closed(&one.link);
		else
			assert_int_equal(s1_downlink_lp(&one.link, &workspace.lp), 0);
		near(one.rates[0], 8e6);
		near(one.rates[1], 0);
		near(one.rates[2], 4e6);
		near(one.link.price * 6e6, 1);
	}
}

static void test_nothing_to_send(void **state) {
	struct one_link one = {.numbers = {0, -5, 0}};
	one.link = (struct s1_link){.length = CHANNELS,
		.numbers = one.numbers,
		.capacity_bps = 9e6,
		.interval_s = 1,
		.rates_bps = one.rates};
	assert_int_equal(s1_uplink_lp(&one.link, &workspace.lp), 0);
	for (unsigned i = 0; i < CHANNELS; i++)
		near(one.rates[i], 3e6);
	s1_uplink_closed(&one.link);
	for (unsigned i = 0; i < CHANNELS; i++)
		near(one.rates[i], 3e6);
}

// A receiver that consumed nothing, or less than nothing by a report that was lost, does not spoil it for the others.
static void test_nothing_consumed(void **state) {
	for (int i = 0; i < 2; i++) {
		struct one_link one = {.numbers = {0, -1e6, 5e6}, .queues = {0, 4e6, 0}};
		one.link = (struct s1_link){.length = CHANNELS,
			.numbers = one.numbers,
			.queues = one.queues,
			.capacity_bps = 10e6,
			.interval_s = 1,
			.rates_bps = one.rates};
		if (i == 0)
			s1_downlink_closed(&one.link);
		else
			assert_int_equal(s1_downlink_lp(&one.link, &workspace.lp), 0);
		assert_true(one.rates[0] > 0.05e6 && one.rates[0] < 0.1e6);
		near(one.rates[1], 0);
		near(one.rates[0] + one.rates[2], 10e6);
	}
}

static struct network *star(unsigned nodes, double capacity_bps) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	for (unsigned i = 0; i < nodes; i++)
		add_node(network, capacity_bps, capacity_bps);
	return network;
}

static void allocate(struct network *network, const struct s1_options *options) {
	assert_int_equal(network_check(network), 0);
	int ret = s1_allocate(&found, &workspace, network, options);
	if (ret != 0)
		fail_msg("%d: %s%s", ret, network->error, workspace.lp.error);
}

static struct network_queues sends(double volume_bits, double before_bits, double after_bits) {
	return (struct network_queues){
		.volume = volume_bits / 8, .sender_before = before_bits / 8, .sender_after = after_bits / 8};
}

// n0 sends to n1 and n2, 12 Mbit/s: A is 9 and 3 Mbit, the uplink alone is a bottleneck.
static void test_fork(void **state) {
	struct network *network = star(3, 12e6);
	network->links[network->nodes[1].downlink].capacity_bps = 100e6;
	network->links[network->nodes[2].downlink].capacity_bps = 100e6;
	add_channel(network, 0, 1, 9e6)->queues = sends(7e6, 0, 1e6);
	add_channel(network, 0, 2, 3e6)->queues = sends(5e6, 2e6, 0);
	for (int i = 0; i < 2; i++) {
		allocate(network, i == 0 ? &by_lp : &by_closed);
		near(found.rates_bps[0], 9e6);
		near(found.rates_bps[1], 3e6);
		assert_int_equal(found.bottlenecks[0], NETWORK_NONE); // served by it
		near(found.prices[network->nodes[0].uplink] * 12e6, 1);
	}
	network_free(network);
}

// Pairs of tuples of 1 and 3 bits whose receiver is where they meet: the queue of what came too early is not fed
// further.
static void test_join(void **state) {
	struct network *network = star(3, 8e6);
	network->links[network->nodes[0].uplink].capacity_bps = 100e6;
	network->links[network->nodes[1].uplink].capacity_bps = 100e6;
	struct network_queues *small = &add_channel(network, 0, 2, 8e6)->queues;
	*small = (struct network_queues){.volume = 4e6 / 8, .receiver_after = 2.6667e6 / 8};
	add_channel(network, 1, 2, 24e6)->queues = (struct network_queues){.volume = 4e6 / 8};
	allocate(network, &by_lp);
	near(found.rates_bps[0] + found.rates_bps[1], 8e6);
	assert_true(found.rates_bps[0] < 0.1e6);
	double first = found.rates_bps[0];
	allocate(network, &by_closed);
	near(found.rates_bps[0], first);
	network_free(network);
}

// With no receiver queue (4) gives the split there was: bounded queues blind it.
static void test_queues_at_zero_give_the_split_there_was(void **state) {
	struct network *network = star(3, 10e6);
	add_channel(network, 0, 2, 5e6)->queues = sends(2e6, 0, 0);
	add_channel(network, 1, 2, 50e6)->queues = sends(8e6, 0, 0);
	for (int i = 0; i < 2; i++) {
		allocate(network, i == 0 ? &by_lp : &by_closed);
		near(found.rates_bps[0], 2e6);
		near(found.rates_bps[1], 8e6);
	}
	network_free(network);
}

static void test_without_a_bottleneck_nothing_is_held_back(void **state) {
	struct network *network = star(2, 100e6);
	add_channel(network, 0, 1, 5e6)->queues = sends(5e6, 0, 0);
	add_channel(network, 0, 1, 5e6)->cap_bps = 20e6;
	allocate(network, &by_lp);
	assert_true(isinf(found.rates_bps[0]));
	near(found.rates_bps[1], 20e6);
	network_free(network);
}

// Uplink n0 and downlink n3 are full; what the smaller of the two rates leaves of one goes to the others there.
static void test_smaller_of_two_and_backfilling(void **state) {
	struct network *network = star(4, 10e6);
	add_channel(network, 0, 3, 9e6)->queues = sends(5e6, 0, 4e6); // A = 13
	add_channel(network, 0, 2, 9e6)->queues = sends(5e6, 0, 4e6); // A = 13: 5 of the uplink each
	add_channel(network, 1, 3, 9e6)->queues = sends(5e6, 0, 0);
	network->channels[0].queues.receiver_after = 4e6 / 8; // consumed 1, the other 5: τ = 14/6
	for (int i = 0; i < 2; i++) {
		allocate(network, i == 0 ? &by_lp : &by_closed);
		near(found.rates_bps[2], 10e6);
		assert_true(found.rates_bps[0] < 1);
		near(found.rates_bps[1], 10e6); // 5, and 5 that the first left
		assert_true(network_load(network, network->nodes[0].uplink, found.rates_bps) <= 10e6 * (1 + 1e-9));
	}
	network_free(network);
}

// Backfilling ends with every channel at its cap or on a full link, in proportion, and never overfills one.
static void test_backfilling_fills(void **state) {
	uint64_t seed = 5;
	for (unsigned round = 0; round < 100; round++) {
		double rates[12];
		struct network *network = random_network(&seed, 4, 12);
		add_needs(network, &seed);
		assert_int_equal(network_check(network), 0);
		assert_int_equal(fill_init(&workspace.fill, network), 0);
		for (unsigned i = 0; i < 12; i++)
			rates[i] = fmin(network->channels[i].cap_bps,
				random_below(&seed, 4) == 0 ? 0 : random_between(&seed, 0, 0.08e6));
		s1_backfill(network, rates, &workspace.fill);
		for (unsigned i = 0; i < network->links_length; i++)
			assert_true(network_load(network, i, rates) <= network->links[i].capacity_bps * (1 + 1e-9));
		for (unsigned i = 0; i < 12; i++) {
			const struct network_channel *channel = &network->channels[i];
			int is_done = rates[i] >= channel->cap_bps * (1 - 1e-9);
			for (unsigned j = 0; j < channel->hops; j++)
				is_done |= network_load(network, channel->route[j], rates) >=
					   network->links[channel->route[j]].capacity_bps * (1 - 1e-8);
			assert_true(is_done);
		}
		network_free(network);
	}
}

// GLPK and the closed forms on whole random networks, with queues of all kinds.
static void test_methods_agree_on_networks(void **state) {
	uint64_t seed = 6;
	for (unsigned round = 0; round < 50; round++) {
		struct network *network = random_network(&seed, 4, 12);
		double rates[12];
		for (unsigned i = 0; i < 12; i++)
			network->channels[i].queues =
				(struct network_queues){.sender_before = random_between(&seed, 0, 1e5),
					.sender_after = random_between(&seed, 0, 1e6),
					.receiver_before = random_between(&seed, 0, 1e5),
					.receiver_after = random_between(&seed, 0, 5e5),
					.volume = random_between(&seed, 0, 1e6)};
		allocate(network, &by_lp);
		memcpy(rates, found.rates_bps, sizeof(rates));
		allocate(network, &by_closed);
		for (unsigned i = 0; i < 12; i++)
			if (!isinf(rates[i]))
				assert_true(fabs(rates[i] - found.rates_bps[i]) < 1e-5 * 20e6);
			else
				assert_true(isinf(found.rates_bps[i]));
		network_free(network);
	}
}

static void test_no_capacity(void **state) {
	struct network *network = star(2, 10e6);
	network->links[network->nodes[1].downlink].capacity_bps = 0;
	add_channel(network, 0, 1, 5e6)->queues = sends(0, 0, 1e6);
	allocate(network, &by_lp);
	assert_true(found.rates_bps[0] == 0);
	network_free(network);
}

static void test_what_s1_does_not_know_is_refused(void **state) {
	struct network *network = star(2, 10e6);
	struct network_channel *channel = add_channel(network, 0, 1, 5e6);
	channel->min_bps = 1;
	assert_int_equal(s1_allocate(&found, &workspace, network, &by_lp), -ENOTSUP);
	assert_string_equal(
		network->error, "allocation s1: channel \"c0\" has a minimum rate: s1 knows none; global does");
	channel->min_bps = 0;
	channel->weight = 2;
	assert_int_equal(s1_allocate(&found, &workspace, network, &by_lp), -ENOTSUP);
	network_free(network);
}

static int fini(void **state) {
	workspace_fini(&workspace);
	allocation_fini(&found);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs_closed_forms_and_brute_force_agree),
		cmocka_unit_test(test_downlink_with_one_long_queue),
		cmocka_unit_test(test_nothing_to_send),
		cmocka_unit_test(test_nothing_consumed),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_queues_at_zero_give_the_split_there_was),
		cmocka_unit_test(test_without_a_bottleneck_nothing_is_held_back),
		cmocka_unit_test(test_smaller_of_two_and_backfilling),
		cmocka_unit_test(test_backfilling_fills),
		cmocka_unit_test(test_methods_agree_on_networks),
		cmocka_unit_test(test_no_capacity),
		cmocka_unit_test(test_what_s1_does_not_know_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, fini);
}
