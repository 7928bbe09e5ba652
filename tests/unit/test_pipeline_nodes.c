// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Pipelines over several nodes: what is left of one file at each of them, and what is refused.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/pipeline.h"
#include "dataplane/plan.h"
#include "dataplane/switch/link_operators.h"
#include "tests/unit/fake_operators.h"

#define NODES "nodes: {a: tcp://127.0.0.1:5580, b: tcp://127.0.0.1:5581, c: \"tcp://[::1]:5582\"}\n"
#define STREAM_OF(streams)                                                                                             \
	NODES "pipeline: p\n"                                                                                          \
	      "operators: [{name: s, type: pcap, path: a, node: a}, {name: stats, type: flow_stats, node: a},\n"       \
	      "  {name: k, type: count, node: b}]\n"                                                                   \
	      "streams: [" streams "]\n"
static const char monitor[] =
	NODES "pipeline: monitor\n"
	      "operators:\n"
	      "  - {name: source,  type: pcap, path: a.pcap, node: a}\n"
	      "  - {name: flow_id, type: flow_id, node: a}\n"
	      "  - {name: stats,   type: flow_stats, parallelism: 3, node: a}\n"
	      "  - {name: any,     type: count, parallelism: 2, node: b}\n"
	      "  - {name: sink,    type: json, node: b}\n"
	      "streams:\n"
	      "  - {from: source,  to: flow_id}\n"
	      "  - {from: flow_id, to: stats}\n"
	      "  - {from: stats,   to: any, grouping: key, key: [src_ip, dst_ip], symmetric: true, rate: 8M}\n"
	      "  - {from: any,     to: sink, grouping: global}\n";

static void parse(const char *text, const char *node, struct node_config *config) {
	struct config_error error;
	char setting[80];
	snprintf(setting, sizeof(setting), "node=%s", node);
	const char *const settings[] = {setting};
	if (node_config_parse("a.yaml", text, strlen(text), settings, 1, config, &error) != 0)
		fail_msg("%s", error.text);
}

static void the_sending_node_keeps_its_part(void **state) {
	struct node_config config;
	parse(monitor, "a", &config);
	const struct pipeline *pipeline = &config.pipelines[0];
	assert_true(pipeline->is_spread);
	assert_int_equal(pipeline->operator_count, 4);
	assert_int_equal(pipeline->elsewhere_count, 2);
	const struct pipeline_operator *sender = &pipeline->operators[3];
	assert_ptr_equal(sender->type, &link_out_type);
	assert_string_equal(sender->name, "stats.flows>any");
	assert_int_equal(sender->parallelism, 3); // a channel for each instance of stats
	const struct link_channel_options *options = sender->options;
	assert_string_equal(options->node, "b");
	assert_string_equal(options->stream, "stats.flows>any");
	assert_int_equal(options->rate, 1000000);
	assert_int_equal(options->queue_size, 4 << 20);
	assert_int_equal(pipeline->stream_count, 3);
	const struct pipeline_stream *out = &pipeline->streams[2];
	assert_int_equal(out->from, 2);
	assert_int_equal(out->to, 3);
	assert_int_equal(out->grouping, GROUPING_FORWARD);
	assert_ptr_equal(sender->inputs[0], &flow_schema);
	node_config_free(&config);
}

static void the_receiving_node_does_the_grouping(void **state) {
	struct node_config config;
	struct config_error error;
	struct plan *plan;
	parse(monitor, "b", &config);
	const struct pipeline *pipeline = &config.pipelines[0];
	assert_int_equal(pipeline->operator_count, 3);
	assert_string_equal(pipeline->operators[0].name, "any");
	const struct pipeline_operator *receiver = &pipeline->operators[2];
	assert_ptr_equal(receiver->type, &link_in_type);
	assert_int_equal(receiver->parallelism, 3);
	assert_ptr_equal(receiver->outputs[0], &flow_schema);
	assert_int_equal(pipeline->stream_count, 2);
	const struct pipeline_stream *in = &pipeline->streams[0];
	assert_int_equal(in->from, 2);
	assert_int_equal(in->to, 0);
	assert_int_equal(in->grouping, GROUPING_KEY);
	assert_int_equal(in->key_count, 2);
	assert_true(in->symmetric);
	assert_int_equal(plan_new(&plan, &config, 2, &error), 0);
	assert_int_equal(plan->instance_count, 2 + 1 + 3);
	plan_free(plan);
	node_config_free(&config);
}

// The sender's queue alone grows.
static void a_stream_may_spill(void **state) {
	struct node_config config;
	char text[sizeof(monitor) + 64];
	const char *at = strstr(monitor, ", rate: 8M");
	snprintf(text, sizeof(text), "%.*s, queue: spill, queue_size: 3MiB%s", (int)(at - monitor), monitor, at);
	parse(text, "a", &config);
	const struct link_channel_options *sender = config.pipelines[0].operators[3].options;
	assert_true(sender->spills);
	assert_int_equal(sender->queue_size, 3 << 20);
	node_config_free(&config);
	parse(text, "b", &config);
	const struct link_channel_options *receiver = config.pipelines[0].operators[2].options;
	assert_false(receiver->spills);
	assert_int_equal(receiver->queue_size, 4 << 20);
	node_config_free(&config);
}

static void a_node_without_a_part_has_none(void **state) {
	struct node_config config;
	struct config_error error;
	struct plan *plan;
	parse(monitor, "c", &config);
	assert_int_equal(config.pipelines[0].operator_count, 0);
	assert_int_equal(config.pipelines[0].stream_count, 0);
	assert_int_equal(plan_new(&plan, &config, 2, &error), 0);
	assert_int_equal(plan->instance_count, 0);
	plan_free(plan);
	node_config_free(&config);
}

static void a_sender_whose_instances_are_not_known_has_one_channel(void **state) {
	static const char text[] = NODES "pipeline: p\n"
					 "operators:\n"
					 "  - {name: source, type: pcap, path: a.pcap, node: a}\n"
					 "  - {name: stats,  type: flow_stats, parallelism: auto, node: a}\n"
					 "  - {name: any,    type: count, node: b}\n"
					 "streams:\n"
					 "  - {from: source, to: stats}\n"
					 "  - {from: stats,  to: any, grouping: shuffle, weights: [1, 2]}\n";
	struct node_config config;
	parse(text, "a", &config);
	assert_int_equal(config.pipelines[0].streams[1].grouping, GROUPING_GLOBAL);
	assert_int_equal(config.pipelines[0].streams[1].weight_count, 0);
	assert_int_equal(config.pipelines[0].operators[2].parallelism, 1);
	node_config_free(&config);
	parse(text, "b", &config);
	assert_int_equal(config.pipelines[0].streams[0].grouping, GROUPING_SHUFFLE);
	assert_int_equal(config.pipelines[0].streams[0].weight_count, 2);
	assert_int_equal(config.pipelines[0].streams[0].weights[1], 2);
	node_config_free(&config);
}

static void what_cannot_be_is_refused(void **state) {
	static const struct {
		const char *text, *expected;
	} bad[] = {
		{"nodes: [a]\n", "a.yaml:1: nodes: \"a\": expected {NAME: tcp://ADDRESS:PORT, ...}, such as {a: "
				 "tcp://127.0.0.1:5580}"},
		{"nodes: {a: 127.0.0.1:5580}\n",
			"a.yaml:1: nodes: \"a = 127.0.0.1:5580\": expected {NAME: tcp://ADDRESS:PORT, ...}, such as "
			"{a: tcp://127.0.0.1:5580}"},
		{"nodes: [a tcp://127.0.0.1:1, a tcp://127.0.0.1:2]\n", "a.yaml:1: nodes: \"a\": given twice"},
		{"nodes: {b: tcp://127.0.0.1:5580}\n", "a.yaml:1: node: \"a\": unknown node; expected b"},
		{"connections: 0\n", "a.yaml:1: connections: \"0\": expected a number (1..256) or per-channel"},
		{"connections: many\n", "a.yaml:1: connections: \"many\": expected a number (1..256) or per-channel"},
		{"pipeline: p\n"
		 "operators: [{name: s, type: pcap, path: a, node: a}, {name: k, type: flow_id, node: a}]\n",
			"a.yaml:2: s: \"a\": no nodes; expected nodes: {a: tcp://ADDRESS:PORT, ...} as well"},
		{NODES "pipeline: p\n"
		       "operators: [{name: s, type: pcap, path: a, node: a}, {name: k, type: flow_id}]\n",
			"a.yaml:3: k: no node; expected one, as other operators of p have"},
		{NODES "pipeline: p\n"
		       "operators: [{name: s, type: pcap, path: a, node: d}, {name: k, type: flow_id, node: a}]\n",
			"a.yaml:3: s: \"d\": not one of nodes; expected one of those"},
		{NODES "pipeline: p\n"
		       "operators: [{name: s, type: pcap, path: a, node: a}, {name: k, type: flow_id, node: b}]\n",
			"a.yaml:3: s -> k: packets do not cross nodes yet, records do; expected both on one node"},
		{NODES "pipeline: p\n"
		       "operators: [{name: s, type: pcap, path: a, node: a},\n"
		       "  {name: stats, type: flow_stats, parallelism: auto, node: a}, {name: k, type: count, node: "
		       "b}]\n"
		       "streams: [{from: s, to: stats}, {from: stats, to: k, grouping: forward}]\n",
			"a.yaml:5: stats -> k: grouping forward between nodes; expected stats.parallelism to be given"},
		{STREAM_OF("{from: s, to: stats, queue: spill}, {from: stats, to: k}"),
			"a.yaml:5: s -> stats: queue: spill goes with a stream between two nodes; these are on one"},
		{STREAM_OF("{from: s, to: stats, queue_size: 1MiB}, {from: stats, to: k}"),
			"a.yaml:5: s -> stats: queue_size goes with a stream between two nodes; these are on one"},
		{STREAM_OF("{from: s, to: stats, rate: 1M}, {from: stats, to: k}"),
			"a.yaml:5: s -> stats: rate goes with a stream between two nodes; these are on one"},
		{STREAM_OF("{from: s, to: stats}, {from: stats, to: k, queue_size: 2GiB}"),
			"a.yaml:5: stats -> k: queue_size: expected 64KiB..1GiB, or queue: spill beside it"},
		{NODES "pipeline: p\n"
		       "operators: [{name: s, type: pcap, path: a, node: [a]}, {name: k, type: flow_id, node: a}]\n",
			"a.yaml:3: s.node: \"[...]\": expected a name of nodes: 1..63 letters, digits, _, - and ."},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct node_config config;
		struct config_error error;
		const char *const settings[] = {"node=a"};
		assert_int_equal(
			node_config_parse("a.yaml", bad[i].text, strlen(bad[i].text), settings, 1, &config, &error),
			-EINVAL);
		assert_string_equal(error.text, bad[i].expected);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sending_node_keeps_its_part),
		cmocka_unit_test(the_receiving_node_does_the_grouping),
		cmocka_unit_test(a_stream_may_spill),
		cmocka_unit_test(a_node_without_a_part_has_none),
		cmocka_unit_test(a_sender_whose_instances_are_not_known_has_one_channel),
		cmocka_unit_test(what_cannot_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
