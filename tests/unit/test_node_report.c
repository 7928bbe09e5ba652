// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Reports: the counters of a large node fit into a message that a controller takes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/node_report.h"
#include "tests/unit/small_node.h"

enum { WORKERS = 128, MESSAGE_MAX = 1 << 20 };

static const struct schema *const packets[] = {&packet_schema, NULL};
static const struct operator_output packet_output[] = {{.name = "out", .schema = &packet_schema}, {0}};

static unsigned poll_nothing(struct instance *self, unsigned room) {
	return 0;
}

static void process_nothing(struct instance *self, struct batch *batch) {
}

static struct operator_type feed = {.name = "feed", .outputs = packet_output, .poll = poll_nothing};
static struct operator_type end = {
	.name = "end", .accepts = packets, .process = process_nothing, .grouping = GROUPING_SHUFFLE};
OPERATOR_REGISTER(feed);
OPERATOR_REGISTER(end);

static const char mesh[] = "pipeline: flow-monitor\n"
			   "ring_size: 64\n"
			   "operators: [{name: flow_identification, type: feed}, {name: flow_statistics, type: end}]\n";

static Weir__Heartbeat *measure(struct node *node) {
	Weir__Heartbeat *beat = malloc(sizeof(*beat));
	assert_non_null(beat);
	weir__heartbeat__init(beat);
	struct uplink_source source = node_report_source(node);
	source.measure(source.context, beat);
	return beat;
}

static bool tells(const Weir__Heartbeat *beat, uint32_t from, uint32_t to) {
	bool told = false;
	for (size_t i = 0; i < beat->n_channels; i++)
		told |= beat->channels[i]->from_index == from && beat->channels[i]->to_index == to;
	return told;
}

static void test_a_mesh_of_workers_fits(void **state) {
	struct node node;
	struct node_config config;
	small_node_init(&node, &config, mesh, WORKERS);
	assert_int_equal(schedule_build(&node, node.plan), 0);
	assert_int_equal(node.plan->channel_count, WORKERS * WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store(&node.workers[i].snapshot_made, UINT64_MAX);
	struct ring *last = NULL;
	for (unsigned i = 0; i < node.plan->channel_count; i++) {
		struct ring *ring = node.channels[i].ring;
		if (ring == NULL)
			continue;
		atomic_store(&ring->sent, UINT64_C(1) << 50);
		atomic_store(&ring->received, UINT64_C(1) << 50);
		last = ring;
	}
	atomic_fetch_add(&last->sent, 7);

	Weir__Heartbeat *beat = measure(&node);
	assert_in_range(weir__heartbeat__get_packed_size(beat), MESSAGE_MAX / 2, MESSAGE_MAX - 4096);
	assert_int_equal(beat->n_instances, 2 * WORKERS);
	assert_true(tells(beat, WORKERS - 1, WORKERS - 2)); // the ring in which tuples wait
	weir__heartbeat__free_unpacked(beat, NULL);
	small_node_fini(&node, &config);
}

static void test_a_small_node_tells_all(void **state) {
	struct node node;
	struct node_config config;
	small_node_init(&node, &config, mesh, 3);
	assert_int_equal(schedule_build(&node, node.plan), 0);
	for (unsigned i = 0; i < 3; i++)
		atomic_store(&node.workers[i].snapshot_made, UINT64_MAX);
	Weir__Heartbeat *beat = measure(&node);
	assert_int_equal(beat->n_instances, 6);
	assert_int_equal(beat->n_channels, 9);
	weir__heartbeat__free_unpacked(beat, NULL);
	small_node_fini(&node, &config);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mesh_of_workers_fits),
		cmocka_unit_test(test_a_small_node_tells_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
