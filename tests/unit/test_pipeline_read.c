// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Good configurations and what becomes of them. What is refused, and with which words, is in test_pipeline_errors.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/pipeline.h"
#include "tests/unit/fake_operators.h"

static const char monitor[] =
	"pipeline: flow-monitor\n"
	"operators:\n"
	"  - {name: source,  type: pcap, path: a.pcap, ports: [\"a,b\", c]}\n"
	"  - {name: flow_id, type: flow_id, tunnels: inner}\n"
	"  - {name: stats,   type: flow_stats, parallelism: 2, workers: [0, 3], idle_timeout: 1.5s}\n"
	"  - {name: sink,    type: json, path: flows.jsonl, rotate_size: 1MiB}\n"
	"  - {name: report,  type: summary}\n"
	"streams:\n"
	"  - {from: source,  to: flow_id, grouping: shuffle}\n"
	"  - {from: flow_id, to: stats,   grouping: key, key: [src_ip, dst_ip], symmetric: true, channels: ring}\n"
	"  - {from: stats,   to: sink,    grouping: global}\n"
	"  - {from: stats.updates, to: report}\n";
static const char line[] = "pipeline: line\n"
			   "operators:\n"
			   "  - {name: in, type: pcap, path: b.pcap}\n"
			   "  - {name: any, type: count}\n"
			   "  - {name: stats, type: flow_stats}\n"
			   "  - {name: sink, type: json}\n";

static void parse(const char *text, const char *const *settings, unsigned setting_count, struct node_config *config) {
	struct config_error error;
	if (node_config_parse("a.yaml", text, strlen(text), settings, setting_count, config, &error) != 0)
		fail_msg("%s", error.text);
}

static void a_pipeline_is_read_as_written(void **state) {
	struct node_config config;
	parse(monitor, NULL, 0, &config);
	assert_int_equal(config.pipeline_count, 1);
	const struct pipeline *pipeline = config.pipelines;
	assert_string_equal(pipeline->name, "flow-monitor");
	assert_int_equal(pipeline->operator_count, 5);
	const struct pipeline_operator *ops = pipeline->operators;
	assert_string_equal(ops[0].name, "source");
	assert_ptr_equal(ops[0].type, &fake_source);
	assert_string_equal(ops[0].where.file, "a.yaml");
	assert_int_equal(ops[0].where.line, 3);
	assert_int_equal(ops[0].parallelism, 1); // the type's
	const struct fake_options *options = ops[0].options;
	assert_string_equal(options->path, "a.pcap");
	assert_int_equal(options->ports.count, 2);
	assert_string_equal(options->ports.items[0], "a,b");
	options = ops[1].options;
	assert_int_equal(options->tunnels, 1);
	assert_int_equal(ops[1].parallelism, 0); // auto
	options = ops[2].options;
	assert_int_equal(ops[2].parallelism, 2);
	assert_int_equal(ops[2].worker_count, 2);
	assert_int_equal(ops[2].workers[1], 3);
	assert_int_equal(options->idle_timeout, 1500000000);
	assert_int_equal(options->max_flows, 1048576);
	options = ops[3].options;
	assert_string_equal(options->path, "flows.jsonl");
	assert_int_equal(options->rotate_size, 1048576);
	node_config_free(&config);
}

static void streams_are_resolved(void **state) {
	struct node_config config;
	parse(monitor, NULL, 0, &config);
	const struct pipeline_stream *streams = config.pipelines[0].streams;
	assert_int_equal(config.pipelines[0].stream_count, 4);
	assert_int_equal(streams[0].grouping, GROUPING_SHUFFLE);
	assert_ptr_equal(streams[0].schema, &packet_schema);
	assert_int_equal(streams[0].channels, CHANNEL_AUTO);
	assert_int_equal(streams[1].from, 1);
	assert_int_equal(streams[1].to, 2);
	assert_int_equal(streams[1].grouping, GROUPING_KEY);
	assert_ptr_equal(streams[1].schema, &packet_schema); // flow_id hands on what it gets
	assert_int_equal(streams[1].key_count, 2);
	assert_ptr_equal(streams[1].key[0], schema_field(&packet_schema, "src_ip"));
	assert_ptr_equal(streams[1].key[1], schema_field(&packet_schema, "dst_ip"));
	assert_true(streams[1].symmetric);
	assert_int_equal(streams[1].channels, CHANNEL_RING);
	assert_int_equal(streams[2].output, 0);
	assert_ptr_equal(streams[2].schema, &flow_schema);
	assert_int_equal(streams[3].output, 1);
	assert_ptr_equal(streams[3].schema, &flow_update_schema);
	assert_int_equal(streams[3].grouping, GROUPING_FORWARD);
	assert_int_equal(streams[3].where.line, 12);
	node_config_free(&config);
}

static void without_streams_operators_form_a_line(void **state) {
	struct node_config config;
	parse(line, NULL, 0, &config);
	const struct pipeline *pipeline = config.pipelines;
	assert_int_equal(pipeline->stream_count, 3);
	assert_int_equal(pipeline->streams[0].grouping, GROUPING_SHUFFLE);
	assert_int_equal(pipeline->streams[1].grouping, GROUPING_KEY);
	assert_int_equal(pipeline->streams[1].key_count, 5);
	assert_ptr_equal(pipeline->streams[1].key[4], schema_field(&packet_schema, "protocol"));
	assert_true(pipeline->streams[1].symmetric);
	assert_int_equal(pipeline->streams[2].grouping, GROUPING_GLOBAL);
	assert_ptr_equal(pipeline->streams[2].schema, &flow_schema);
	node_config_free(&config);
}

static void the_output_that_fits_is_chosen(void **state) {
	struct node_config config;
	parse("pipeline: p\n"
	      "operators: [{name: a, type: pcap, path: x}, {name: b, type: flow_stats}, {name: c, type: summary}]\n",
		NULL, 0, &config);
	assert_int_equal(config.pipelines[0].streams[1].output, 1);
	assert_ptr_equal(config.pipelines[0].streams[1].schema, &flow_update_schema);
	node_config_free(&config);
}

static void one_operator_is_a_pipeline(void **state) {
	struct node_config config;
	parse("pipeline: p\noperators: [{name: a, type: pcap, path: x}]\nstreams: []\n", NULL, 0, &config);
	assert_int_equal(config.pipelines[0].operator_count, 1);
	assert_int_equal(config.pipelines[0].stream_count, 0);
	node_config_free(&config);
}

static void node_options_have_defaults(void **state) {
	struct node_config config;
	parse(line, NULL, 0, &config);
	assert_int_equal(config.ring_size, 1024);
	assert_int_equal(config.idle, IDLE_ADAPTIVE);
	assert_int_equal(config.channels, CHANNEL_AUTO);
	assert_null(config.controller);
	assert_null(config.hash_secret);
	assert_int_equal(config.eal.count, 0);
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(config.node, host);
	node_config_free(&config);
}

static void node_options_may_stand_in_any_document(void **state) {
	char text[2048];
	snprintf(text, sizeof(text),
		"node: n1\nring_size: 64\nchannels: ring\n---\n%s---\n%s---\nidle: busy\nhash_secret: abc\n"
		"controller: tcp://127.0.0.1:5570\neal: [-l, 0-1, \"--vdev=net_pcap0,iface=eth0\"]\n---\n",
		monitor, line);
	struct node_config config;
	parse(text, NULL, 0, &config);
	assert_int_equal(config.pipeline_count, 2);
	assert_string_equal(config.node, "n1");
	assert_int_equal(config.ring_size, 64);
	assert_int_equal(config.idle, IDLE_BUSY);
	assert_string_equal(config.hash_secret, "abc");
	assert_string_equal(config.controller, "tcp://127.0.0.1:5570");
	assert_int_equal(config.eal.count, 3);
	assert_string_equal(config.eal.items[2], "--vdev=net_pcap0,iface=eth0");
	assert_int_equal(config.pipelines[1].streams[0].channels, CHANNEL_RING);
	assert_int_equal(config.pipelines[1].where.line, 18);
	node_config_free(&config);
}

static void settings_override_the_file(void **state) {
	static const char *const settings[] = {"stats.idle_timeout=2s", "source.path=x=y.pcap", "ring_size=256",
		"flow-monitor/sink.path=-", "stats.parallelism=auto", "stats.workers=1,0,2", "channels=ring",
		"idle=busy", "stats.idle_timeout=3s"};
	struct node_config config;
	parse(monitor, settings, sizeof(settings) / sizeof(settings[0]), &config);
	const struct pipeline_operator *ops = config.pipelines[0].operators;
	const struct fake_options *options = ops[0].options;
	assert_string_equal(options->path, "x=y.pcap");
	options = ops[2].options;
	assert_int_equal(options->idle_timeout, UINT64_C(3000000000)); // the last one counts
	assert_int_equal(ops[2].parallelism, 0);
	assert_int_equal(ops[2].worker_count, 3);
	assert_int_equal(ops[2].workers[0], 1);
	options = ops[3].options;
	assert_string_equal(options->path, "-");
	assert_int_equal(config.ring_size, 256);
	assert_int_equal(config.idle, IDLE_BUSY);
	assert_int_equal(config.pipelines[0].streams[0].channels, CHANNEL_RING);
	node_config_free(&config);
}

static void a_setting_gives_what_is_required(void **state) {
	static const char *const settings[] = {"a.path=x"};
	struct node_config config;
	parse("pipeline: p\noperators: [{name: a, type: pcap}]\n", settings, 1, &config);
	const struct fake_options *options = config.pipelines[0].operators[0].options;
	assert_string_equal(options->path, "x");
	node_config_free(&config);
}

static void a_key_may_be_one_name(void **state) {
	struct node_config config;
	parse("pipeline: p\noperators: [{name: a, type: pcap, path: x}, {name: b, type: count}]\n"
	      "streams: [{from: a, to: b, grouping: key, key: src_ip}]\n",
		NULL, 0, &config);
	assert_int_equal(config.pipelines[0].streams[0].key_count, 1);
	assert_false(config.pipelines[0].streams[0].symmetric);
	node_config_free(&config);
}

static void no_file_is_an_empty_node(void **state) {
	static const char *const settings[] = {"controller=ipc:///run/weir.sock"};
	struct node_config config;
	struct config_error error;
	assert_int_equal(node_config_read(NULL, 0, settings, 1, &config, &error), 0);
	assert_int_equal(config.pipeline_count, 0);
	assert_string_equal(config.controller, "ipc:///run/weir.sock");
	node_config_free(&config);
}

static void write_file(const char *path, const char *text) {
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void files_add_up(void **state) {
	char directory[] = "/tmp/weir-test-XXXXXX", first[64], second[64];
	assert_non_null(mkdtemp(directory));
	snprintf(first, sizeof(first), "%s/a.yaml", directory);
	snprintf(second, sizeof(second), "%s/b.yaml", directory);
	write_file(first, monitor);
	write_file(second, line);
	const char *const files[] = {first, second};
	struct node_config config;
	struct config_error error;
	int ret = node_config_read(files, 2, NULL, 0, &config, &error);
	unlink(first);
	unlink(second);
	rmdir(directory);
	if (ret != 0)
		fail_msg("%s", error.text);
	assert_int_equal(config.pipeline_count, 2);
	assert_string_equal(config.pipelines[1].where.file, second);
	node_config_free(&config);
}

static void types_are_in_order_of_name(void **state) {
	static const char *const names[] = {"count", "flow_id", "flow_stats", "json", "pcap", "summary"};
	const struct operator_type *type = NULL;
	for (unsigned i = 0; i < 6; i++) {
		type = operator_type_next(type);
		assert_string_equal(type->name, names[i]);
		assert_ptr_equal(operator_type_lookup(names[i]), type);
	}
	assert_null(operator_type_next(type));
	assert_null(operator_type_lookup("pca"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipeline_is_read_as_written),
		cmocka_unit_test(streams_are_resolved),
		cmocka_unit_test(without_streams_operators_form_a_line),
		cmocka_unit_test(the_output_that_fits_is_chosen),
		cmocka_unit_test(one_operator_is_a_pipeline),
		cmocka_unit_test(node_options_have_defaults),
		cmocka_unit_test(node_options_may_stand_in_any_document),
		cmocka_unit_test(settings_override_the_file),
		cmocka_unit_test(a_setting_gives_what_is_required),
		cmocka_unit_test(a_key_may_be_one_name),
		cmocka_unit_test(no_file_is_an_empty_node),
		cmocka_unit_test(files_add_up),
		cmocka_unit_test(types_are_in_order_of_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
