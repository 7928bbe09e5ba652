// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Views of a list that had no room for all: they don't claim to be exact, and their errors are bounds.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/query.h"

enum { NETS = 3, HOSTS_MAX = 64 };

static struct state state_of;
static struct node *node;
static uint64_t truth[NETS]; // bytes of 10.0.NET.0/24

static int setup(void **state) {
	state_of = (struct state){.config = {.interval_ns = NS_PER_S}};
	state_of.nodes = (struct nodes){.max = 1, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 4};
	memset(truth, 0, sizeof(truth));
	return nodes_obtain(&state_of.nodes, "a", &node);
}

static int teardown(void **state) {
	nodes_fini(&state_of.nodes);
	return 0;
}

static uint64_t bytes_of(unsigned host) {
	return 1000 + 37 * host % 900;
}

// A summary of so many hosts, by turns of each net.
static void see_hosts(unsigned length) {
	Weir__Summary summary = WEIR__SUMMARY__INIT;
	Weir__Totals totals = WEIR__TOTALS__INIT;
	Weir__HostDelta hosts[HOSTS_MAX], *list[HOSTS_MAX];
	uint8_t addresses[HOSTS_MAX][4];
	assert_true(length <= HOSTS_MAX);
	for (unsigned i = 0; i < length; i++) {
		weir__host_delta__init(&hosts[i]);
		memcpy(addresses[i], (uint8_t[]){10, 0, (uint8_t)(i % NETS), (uint8_t)i}, 4);
		hosts[i].ip = (ProtobufCBinaryData){4, addresses[i]};
		hosts[i].sent_packets = 1;
		hosts[i].sent_bytes = bytes_of(i);
		truth[i % NETS] += bytes_of(i);
		list[i] = &hosts[i];
	}
	summary.start_ns = 1000 * NS_PER_S;
	summary.end_ns = 1001 * NS_PER_S;
	summary.interval = &totals;
	summary.hosts = list;
	summary.n_hosts = length;
	assert_true(window_add(node->window, &summary, NULL, clock_mono_ns()));
}

static json_t *top(const struct view *view) {
	return query_top(&state_of,
		&(struct query_top){.kind = view->kind, .window_s = 2, .limit = 100, .node = node, .view = view});
}

static uint64_t number(const json_t *object, const char *name) {
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static struct view only_net(unsigned net) {
	struct view view = {.name = "one_net", .kind = LIST_HOSTS};
	view.filter.prefixes_length = 1;
	view.filter.prefixes[0] = (struct filter_prefix){4, 24, {10, 0, (uint8_t)net}};
	return view;
}

static void what_had_room_is_exact(void **state) {
	struct view view = only_net(1);
	see_hosts(12);
	json_t *answer = top(&view);
	assert_true(json_is_true(json_object_get(answer, "exact")));
	assert_null(json_object_get(answer, "error"));
	assert_int_equal(json_array_size(json_object_get(answer, "entries")), 4);
	json_decref(answer);
}

static void a_filtered_sketch_is_a_sketch(void **state) {
	struct view view = only_net(1);
	see_hosts(HOSTS_MAX);
	json_t *answer = top(&view), *entry, *text;
	uint64_t listed = 0;
	size_t i;
	assert_true(json_is_false(json_object_get(answer, "exact")));
	assert_true(number(answer, "error") > 0);
	assert_int_equal(number(json_object_get(answer, "rest"), "bytes"), 0);
	json_array_foreach(json_object_get(answer, "entries"), i, entry) {
		text = json_object_get(entry, "ip");
		assert_non_null(text);
		unsigned host = (unsigned)atoi(strrchr(json_string_value(text), '.') + 1);
		assert_int_equal(host % NETS, 1);
		assert_in_range(
			bytes_of(host), number(entry, "bytes"), number(entry, "bytes") + number(entry, "error"));
		listed += number(entry, "bytes");
	}
	assert_true(listed < truth[1]);
	json_decref(answer);
}

static void assert_nets_within_errors(const struct view *view) {
	json_t *answer = top(view), *entry;
	size_t i;
	assert_true(json_is_false(json_object_get(answer, "exact")));
	assert_true(json_array_size(json_object_get(answer, "entries")) > 0);
	json_array_foreach(json_object_get(answer, "entries"), i, entry) {
		const char *prefix = json_string_value(json_object_get(entry, "prefix"));
		assert_non_null(prefix);
		uint64_t bytes = number(entry, "bytes"), net = (uint64_t)(prefix[5] - '0');
		assert_in_range(truth[net], bytes, bytes + number(entry, "error"));
	}
	json_decref(answer);
}

// Many of a prefix's hosts may have been left out, not one.
static void prefixes_lack_all_that_was_left_out(void **state) {
	struct view all = {.name = "nets", .kind = LIST_HOSTS, .v4 = 24}, one = only_net(2);
	one.v4 = 24;
	see_hosts(HOSTS_MAX);
	assert_nets_within_errors(&all);
	assert_nets_within_errors(&one);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_had_room_is_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(a_filtered_sketch_is_a_sketch, setup, teardown),
		cmocka_unit_test_setup_teardown(prefixes_lack_all_that_was_left_out, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
