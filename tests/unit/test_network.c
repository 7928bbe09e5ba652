// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The model of what bandwidth is allocated on: routes, and every number that is refused with its reason.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/unit/random_network.h"

static void test_route_is_uplink_inside_downlink(void **state) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	add_node(network, 1e6, 2e6);
	add_node(network, 3e6, 4e6);
	int core = network_add_link(network, "core", 5e6);
	assert_true(core >= 0);
	struct network_channel channel = {.name = "c", .source = 1, .destination = 0, .weight = 1, .cap_bps = 1e6};
	const unsigned inside[] = {(unsigned)core};
	int index = network_add_channel(network, &channel, inside, 1);
	assert_int_equal(index, 0);
	const struct network_channel *added = &network->channels[0];
	assert_int_equal(added->hops, 3);
	assert_string_equal(network->links[added->route[0]].name, "n1 uplink");
	assert_string_equal(network->links[added->route[1]].name, "core");
	assert_string_equal(network->links[added->route[2]].name, "n0 downlink");
	assert_int_equal(network_check(network), 0);
	assert_int_equal(network->links[core].length, 1);
	network_free(network);
}

static void test_within_a_node_crosses_nothing(void **state) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	add_node(network, 1e6, 1e6);
	assert_int_equal(add_channel(network, 0, 0, 5e6)->hops, 0);
	assert_int_equal(network_check(network), 0);
	network_free(network);
}

static void test_wrong_routes_are_refused(void **state) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	add_node(network, 1e6, 1e6);
	add_node(network, 1e6, 1e6);
	assert_int_equal(network_add_node(network, "n1", 1, 1), -EINVAL);
	assert_string_equal(network->error, "node \"n1\" is there already");
	struct network_channel channel = {.name = "c", .source = 0, .destination = 7, .weight = 1};
	assert_int_equal(network_add_channel(network, &channel, NULL, 0), -EINVAL);
	assert_string_equal(network->error, "channel \"c\": from node 0 to node 7: there are 2 nodes");
	channel.destination = 1;
	const unsigned missing[] = {99}, twice[] = {network->nodes[0].uplink}, many[NETWORK_ROUTE_MAX] = {0};
	assert_int_equal(network_add_channel(network, &channel, missing, 1), -EINVAL);
	assert_string_equal(network->error, "channel \"c\": link 99 of its route: there are 4 links");
	assert_int_equal(network_add_channel(network, &channel, twice, 1), -EINVAL);
	assert_string_equal(network->error, "channel \"c\": its route crosses n0 uplink twice");
	assert_int_equal(network_add_channel(network, &channel, many, NETWORK_ROUTE_MAX), -EINVAL);
	assert_string_equal(network->error, "channel \"c\": a route of 10 links: at most 8");
	assert_int_equal(network->channels_length, 0);
	network_free(network);
}

static void refused(struct network *network, double *number, double value, const char *error) {
	double before = *number;
	*number = value;
	assert_int_equal(network_check(network), -EINVAL);
	assert_string_equal(network->error, error);
	*number = before;
	assert_int_equal(network_check(network), 0);
}

static void test_wrong_numbers_are_refused(void **state) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	add_node(network, 1e6, 1e6);
	add_node(network, 1e6, INFINITY);
	add_channel(network, 0, 1, 1e6);
	struct network_channel *c = &network->channels[0];
	refused(network, &network->interval_s, 0, "interval of 0 s: above 0");
	refused(network, &network->links[0].capacity_bps, -1, "n0 uplink: capacity of -1 bit/s: 0 or more");
	refused(network, &network->links[1].capacity_bps, NAN, "n0 downlink: capacity of nan bit/s: 0 or more");
	refused(network, &c->weight, 0, "channel \"c0\": weight 0: above 0");
	refused(network, &c->min_bps, -5, "channel \"c0\": minimum of -5 bit/s: 0 or more");
	refused(network, &c->cap_bps, -1, "channel \"c0\": cap of -1 bit/s: at least its minimum, 0");
	refused(network, &c->demand_bps, INFINITY, "channel \"c0\": demand of inf bit/s: 0 or more");
	refused(network, &c->queues.volume, NAN, "channel \"c0\": volume: nan bytes: 0 or more");
	refused(network, &c->queues.sender_after, -2, "channel \"c0\": sender queue at the end: -2 bytes: 0 or more");
	network_free(network);
}

static void test_minimums_that_do_not_fit(void **state) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		add_node(network, 10e6, 10e6);
	add_channel(network, 0, 2, 1e6)->min_bps = 6e6;
	add_channel(network, 1, 2, 1e6)->min_bps = 4e6;
	assert_int_equal(network_check(network), 0);
	assert_true(fabs(network_room(network, 1) - 4e6) < 1);
	network->channels[1].min_bps = 7e6;
	assert_int_equal(network_check(network), -ENOSPC);
	assert_string_equal(network->error,
		"n2 downlink: the minimum rates of its 2 channels are 1.3e+07 bit/s together, "
		"3e+06 more than its 1e+07");
	network_free(network);
}

static void test_what_fits(void **state) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		add_node(network, 10e6, 10e6);
	add_channel(network, 0, 2, 1e6)->cap_bps = 8e6;
	add_channel(network, 1, 2, 1e6)->min_bps = 1e6;
	assert_int_equal(network_check(network), 0);
	assert_true(network_fits(network, (const double[]){8e6, 2e6}));
	assert_false(network_fits(network, (const double[]){8e6, 2.1e6}));
	assert_false(network_fits(network, (const double[]){8.1e6, 1e6}));
	assert_false(network_fits(network, (const double[]){8e6, 0.9e6}));
	network_free(network);
}

static void test_no_nodes_no_channels(void **state) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	assert_int_equal(network_check(network), 0);
	assert_true(network_fits(network, NULL));
	network_free(network);
	network_free(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route_is_uplink_inside_downlink),
		cmocka_unit_test(test_within_a_node_crosses_nothing),
		cmocka_unit_test(test_wrong_routes_are_refused),
		cmocka_unit_test(test_wrong_numbers_are_refused),
		cmocka_unit_test(test_minimums_that_do_not_fit),
		cmocka_unit_test(test_what_fits),
		cmocka_unit_test(test_no_nodes_no_channels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
