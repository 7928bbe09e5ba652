// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Every way to get a configuration wrong, and the exact line that a person reads then.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/config_tree.h"
#include "dataplane/pipeline.h"
#include "tests/unit/fake_operators.h"

#define SOURCE "{name: a, type: pcap, path: x}"
#define LINE(operators) "pipeline: p\noperators: [" SOURCE ",\n" operators "]\n"
#define GRAPH(operators, streams) LINE(operators) "streams:\n" streams
#define PACKET_FIELDS                                                                                                  \
	"src_ip, dst_ip, src_port, dst_port, protocol, ip_version, ttl, tos, bytes, payload_bytes, timestamp_ns, "     \
	"late_ms or tcp_flags"
#define STATS "{name: b, type: flow_stats}"

struct mistake {
	const char *text;
	const char *message;
};

static void expect(const struct mistake *cases, size_t count) {
	for (size_t i = 0; i < count; i++) {
		struct node_config config;
		struct config_error error;
		int ret = node_config_parse("a.yaml", cases[i].text, strlen(cases[i].text), NULL, 0, &config, &error);
		assert_int_equal(ret, -EINVAL);
		assert_string_equal(error.text, cases[i].message);
		assert_int_equal(config.pipeline_count, 0); // nothing is left to release
	}
}
#define EXPECT(cases) expect(cases, sizeof(cases) / sizeof((cases)[0]))

static void what_is_not_yaml(void **state) {
	static const struct mistake cases[] = {
		{"", "a.yaml: empty; expected a configuration such as pipeline: NAME, operators: [...]"},
		{"# nothing\n---\n",
			"a.yaml: empty; expected a configuration such as pipeline: NAME, operators: [...]"},
		{"pipeline: p\noperators: [{name: a\n", "a.yaml:3: column 1: YAML syntax: while parsing a flow "
							"mapping, did not find expected ',' or '}'"},
		{"pipeline: p\n\toperators: []\n",
			"a.yaml:2: column 1: YAML syntax: while scanning a plain scalar, found a tab character "
			"that violates indentation"},
		{"pipeline: \"p\n",
			"a.yaml:2: column 1: YAML syntax: while scanning a quoted scalar, found unexpected end "
			"of stream"},
		{"node: a\n\x01", "a.yaml:2: byte 8: control characters are not allowed; expected YAML, which is UTF-8 "
				  "text"},
		{"\xd4\xc3\xb2\xa1",
			"a.yaml:1: byte 1: invalid trailing UTF-8 octet; expected YAML, which is UTF-8 text"},
		{"node: \"a\\0b\"\n", "a.yaml:1: text with a zero byte; expected none"},
		{"just text\n", "a.yaml:1: expected a map of pipeline, operators, streams and node options"},
		{"[a, b]\n", "a.yaml:1: expected a map of pipeline, operators, streams and node options"},
	};
	EXPECT(cases);
}

static void yaml_that_is_not_supported(void **state) {
	static const struct mistake cases[] = {
		{"a: &x [*x]\n", "a.yaml:1: anchors (&) and aliases (*) are not supported"},
		{"node: a\neal: *x\n", "a.yaml:2: anchors (&) and aliases (*) are not supported"},
		{"node: !!str 5\n", "a.yaml:1: tags (!) are not supported"},
		{"[a]: b\n", "a.yaml:1: a list or map as key; expected a name"},
		{"[[[[[[[[[[[[[[[[[[[[", "a.yaml:1: lists and maps are nested more than 8 deep"},
		{"node: a\nidle: busy\nnode: b\n", "a.yaml:3: \"node\": given twice, first on line 1"},
		{LINE("{name: b, type: flow_id,\ntunnels: outer, tunnels: inner}"),
			"a.yaml:4: \"tunnels\": given twice, first on line 4"},
	};
	EXPECT(cases);
}

static void top_level(void **state) {
	static const struct mistake cases[] = {
		{"pipelines: p\n",
			"a.yaml:1: \"pipelines\": unknown key, did you mean \"pipeline\"? expected pipeline, "
			"operators, streams, weight, node, controller, key, controller_key, allowed_nodes, eal, idle, "
			"hash_secret, "
			"restore, ring_size, channels, placement, source_workers, change_limit, "
			"nodes, connections, link_queue or plugins"},
		{"operators: [" SOURCE "]\n", "a.yaml:1: no pipeline; expected pipeline: NAME"},
		{"pipeline: p\n",
			"a.yaml:1: p: no operators; expected operators: [{name: NAME, type: TYPE, ...}, ...]"},
		{"pipeline: a b\noperators: []\n",
			"a.yaml:1: pipeline: \"a b\": expected a name of 1..63 letters, digits, _ and -"},
		{"pipeline: [p]\n", "a.yaml:1: pipeline: \"[...]\": expected a name of 1..63 letters, digits, _ and -"},
		{"pipeline: p\noperators: []\n", "a.yaml:2: operators: 0 given; expected 1..256"},
		{"pipeline: p\noperators: a\n", "a.yaml:2: operators: expected a list of operators"},
		{LINE(STATS) "---\n" LINE(STATS),
			"a.yaml:5: pipeline: \"p\": given to two pipelines, first in a.yaml:1"},
		{LINE(STATS) "streams: x\n", "a.yaml:4: streams: expected a list of streams"},
	};
	EXPECT(cases);
}

static void node_options_checked(void **state) {
	static const struct mistake cases[] = {
		{"ring_size: 1000\n", "a.yaml:1: ring_size: \"1000\": expected a power of two from 64 to 65536"},
		{"ring_size: 32\n",
			"a.yaml:1: ring_size: \"32\": expected a whole number such as 64, 10k, 1M (64..65536)"},
		{"idle: sometimes\n", "a.yaml:1: idle: \"sometimes\": expected adaptive or busy"},
		{"idle: [busy]\n", "a.yaml:1: idle: a list; expected adaptive or busy"},
		{"channels: {a: b}\n", "a.yaml:1: channels: a map; expected auto or ring"},
		{"controller: 10.0.0.9\n",
			"a.yaml:1: controller: \"10.0.0.9\": expected tcp://HOST:PORT (1..65534) or ipc://PATH"},
		{"node: a/b\n", "a.yaml:1: node: \"a/b\": expected a name of 1..63 letters, digits, _, - and ."},
		{"eal: [a, [b]]\n", "a.yaml:1: eal: a list in a list; expected a list such as [a, b]"},
		{"idle: busy\n---\n\nidle: busy\n", "a.yaml:4: \"idle\": given twice, first in a.yaml:1"},
	};
	EXPECT(cases);
}

static void operators_checked(void **state) {
	static const struct mistake cases[] = {
		{LINE("{type: json}"), "a.yaml:3: operators: no name; expected {name: NAME, type: TYPE, ...}"},
		{LINE("{name: b}"), "a.yaml:3: b: no type; expected {name: b, type: TYPE, ...}"},
		{LINE("b"), "a.yaml:3: operators: expected a map such as {name: sink, type: json}"},
		{LINE("{name: a.b, type: json}"),
			"a.yaml:3: operators.name: \"a.b\": expected a name of 1..63 letters, digits, _ and -"},
		{LINE("{name: a, type: json}"),
			"a.yaml:3: operators.name: \"a\": given to two operators, first on line 2"},
		{LINE("{name: b,\n type: flowid}"),
			"a.yaml:4: b.type: \"flowid\": unknown operator type, did you mean "
			"\"flow_id\"? expected count, flow_id, flow_stats, json, pcap or summary"},
		{LINE("{name: b, type: [x]}"), "a.yaml:3: b.type: \"[...]\": unknown operator type; expected count, "
					       "flow_id, flow_stats, json, pcap or summary"},
		{LINE("{name: b, type: flow_stats, idle_timout: 3s}"),
			"a.yaml:3: b: \"idle_timout\": unknown option of flow_stats, did you mean \"idle_timeout\"? "
			"expected "
			"max_flows, idle_timeout, active_timeout, node, parallelism or workers"},
		{LINE("{name: b, type: flow_stats,\n\n idle_timeout: banana}"),
			"a.yaml:5: b.idle_timeout: \"banana\": expected a duration such as 30s, 500ms (1ms..7d)"},
		{LINE("{name: b, type: flow_stats, max_flows: 3}"),
			"a.yaml:3: b.max_flows: \"3\": expected a whole number such as 64, 10k, 1M (16..67108864)"},
		{LINE("{name: b, type: flow_stats, max_flows: [3]}"),
			"a.yaml:3: b.max_flows: a list; expected a whole number such as 64, 10k, 1M (16..67108864)"},
		{LINE("{name: b, type: flow_stats, idle_timeout: 10m}"),
			"a.yaml:3: b: idle_timeout is longer than active_timeout; expected at most active_timeout"},
		{"pipeline: p\noperators:\n - name: a\n   type: pcap\n",
			"a.yaml:3: a.path: missing; expected text: capture file"},
	};
	EXPECT(cases);
}

static void placement_checked(void **state) {
	static const struct mistake cases[] = {
		{LINE("{name: b, type: flow_stats, parallelism: 0}"),
			"a.yaml:3: b.parallelism: \"0\": expected auto or 1..1024"},
		{LINE("{name: b, type: flow_stats, parallelism: many}"),
			"a.yaml:3: b.parallelism: \"many\": expected auto or 1..1024"},
		{LINE("{name: b, type: json, parallelism: 2}"), "a.yaml:3: b.parallelism: \"2\": expected auto or 1"},
		{LINE("{name: b, type: flow_stats, workers: [0, x]}"),
			"a.yaml:3: b.workers: \"x\": no worker index; expected a list of worker indices such as [0, 2] "
			"(each "
			"0..1023)"},
		{LINE("{name: b, type: flow_stats, workers: [1, 1]}"),
			"a.yaml:3: b.workers: \"1\": given twice; expected a list of worker indices such as [0, 2] "
			"(each "
			"0..1023)"},
		{LINE("{name: b, type: flow_stats, workers: []}"),
			"a.yaml:3: b.workers: \"[...]\": expected a list such as [a, b] of 1..1024 items"},
		{LINE("{name: b, type: flow_id, parallelism: 2}"),
			"a.yaml:3: a -> b: forward joins instance i to instance i, but a has parallelism 1 and b 2; "
			"expected "
			"equal parallelism, or grouping shuffle, key or global"},
	};
	EXPECT(cases);
}

static void streams_checked(void **state) {
	static const struct mistake cases[] = {
		{GRAPH(STATS, " - {from: a, too: b}\n"),
			"a.yaml:5: streams: \"too\": unknown key, did you mean \"to\"? "
			"expected from, to, grouping, key, weights, symmetric, channels, rate, queue or queue_size"},
		{GRAPH(STATS, " - {from: a}\n"), "a.yaml:5: streams: no to; expected {from: NAME, to: NAME}"},
		{GRAPH(STATS, " - a\n"), "a.yaml:5: streams: expected a map such as {from: a, to: b}"},
		{GRAPH(STATS, " - {from: a, to: c}\n"),
			"a.yaml:5: streams.to: \"c\": unknown operator; expected a or b"},
		{GRAPH(STATS, " - {from: stats, to: b}\n"),
			"a.yaml:5: streams.from: \"stats\": unknown operator; expected a or b"},
		{GRAPH(STATS, " - {from: a.flows, to: b}\n"),
			"a.yaml:5: streams.from: \"a.flows\": unknown output; expected packets"},
		{GRAPH(STATS, " - {from: a, to: b, grouping: keys}\n"),
			"a.yaml:5: streams.grouping: \"keys\": expected forward, shuffle, key, partial_key, "
			"global or all"},
		{GRAPH(STATS, " - {from: a, to: b, channels: pipe}\n"),
			"a.yaml:5: streams.channels: \"pipe\": expected auto or ring"},
		{GRAPH(STATS, " - {from: a, to: b, grouping: shuffle, key: [src_ip]}\n"),
			"a.yaml:5: streams.key: grouping is shuffle; expected grouping: key beside it"},
		{GRAPH(STATS, " - {from: a, to: b}\n - {from: a, to: b}\n"),
			"a.yaml:6: a -> b: given twice, first on line 5"},
	};
	EXPECT(cases);
}

static void keys_checked(void **state) {
	static const struct mistake cases[] = {
		{GRAPH(STATS, " - {from: a, to: b, key: [src_ip, vlan]}\n"),
			"a.yaml:5: streams.key: \"vlan\": unknown field of packet; expected " PACKET_FIELDS},
		{GRAPH(STATS, " - {from: a, to: b,\n key: [src_iq]}\n"),
			"a.yaml:6: streams.key: \"src_iq\": unknown field of packet, did you mean \"src_ip\"? "
			"expected " PACKET_FIELDS},
		{GRAPH(STATS, " - {from: a, to: b, key: [src_ip, src_ip]}\n"),
			"a.yaml:5: streams.key: \"src_ip\": given twice"},
		{GRAPH(STATS, " - {from: a, to: b, key: [src_ip, dst_port], symmetric: true}\n"),
			"a.yaml:5: streams.key: \"src_ip\": symmetric, but without its other end; expected dst_ip "
			"beside it"},
		{GRAPH("{name: b, type: count}", " - {from: a, to: b, grouping: key}\n"),
			"a.yaml:5: streams: grouping key without a key, and count has none of its own; expected key: "
			"[FIELD, "
			"...]"},
		{GRAPH("{name: b, type: flow_stats}, {name: c, type: count}",
			 " - {from: a, to: b}\n - {from: b, to: c, grouping: key, key: [vlan]}\n"),
			"a.yaml:6: streams.key: \"vlan\": is a list; expected fields with one value"},
	};
	EXPECT(cases);
}

static void graph_checked(void **state) {
	static const struct mistake cases[] = {
		{GRAPH("{name: b, type: count}, {name: c, type: count}",
			 " - {from: a, to: b}\n - {from: b, to: c}\n - {from: c, to: b}\n"),
			"a.yaml:6: streams: a cycle: b -> c -> b; expected none"},
		{GRAPH("{name: b, type: count}", " - {from: a, to: b}\n - {from: b, to: b}\n"),
			"a.yaml:6: streams: a cycle: b -> b; expected none"},
		{GRAPH(STATS, " - {from: a, to: b}\n - {from: b, to: a}\n"),
			"a.yaml:6: b -> a: a is a source, pcap has no input"},
		{LINE("{name: b, type: flow_stats}, {name: c, type: json}, {name: d, type: json}"),
			"a.yaml:3: c -> d: c is a sink, json has no output"},
		{GRAPH("{name: b, type: count}, {name: c, type: count}", " - {from: a, to: b}\n"),
			"a.yaml:3: c: no stream leads to it; count is not a source and needs an input"},
		{LINE("{name: b, type: json}"), "a.yaml:3: a -> b: pcap gives packet; json accepts flow"},
		{LINE(STATS ",\n{name: c, type: flow_id}"),
			"a.yaml:4: b -> c: flow_stats gives flow or flow_update; flow_id accepts packet"},
		{GRAPH(STATS ",\n{name: c, type: json}", " - {from: a, to: b}\n - {from: b.updates, to: c}\n"),
			"a.yaml:7: b -> c: flow_stats gives flow_update; json accepts flow"},
		{GRAPH(STATS ",\n{name: c, type: count}",
			 " - {from: a, to: b}\n - {from: b.updates, to: c}\n - {from: a, to: c}\n"),
			"a.yaml:7: b -> c: gives flow_update, but another stream gives c packet; expected one schema"},
	};
	EXPECT(cases);
}

static void settings_checked(void **state) {
	static const char text[] = LINE(STATS) "---\npipeline: q\noperators: [" SOURCE ", {name: c, type: flow_id}]\n";
	static const struct mistake cases[] = {
		{"b.idle_timeout=banana",
			"--set b.idle_timeout=banana: \"banana\": expected a duration such as 30s, 500ms (1ms..7d)"},
		{"p/a.path=", "a.yaml:2: a.path: missing; expected text: capture file"},
		{"b.idle_timout=1s",
			"--set b.idle_timout=1s: \"idle_timout\": unknown option of flow_stats, did you mean "
			"\"idle_timeout\"? expected max_flows, idle_timeout, active_timeout, node, parallelism or "
			"workers"},
		{"sink.path=-", "--set sink.path=-: \"sink\": unknown operator; expected a, b or c"},
		{"p/c.tunnels=outer", "--set p/c.tunnels=outer: \"c\": unknown operator; expected a or b"},
		{"r/c.tunnels=outer", "--set r/c.tunnels=outer: \"r\": unknown pipeline; expected p or q"},
		{"a.path=y", "--set a.path=y: \"a\": in several pipelines; expected p/a.path or q/a.path"},
		{"ring_size=65", "--set ring_size=65: \"65\": expected a power of two from 64 to 65536"},
		{"ring=64", "--set ring=64: \"ring\": unknown node option; expected node, controller, key, "
			    "controller_key, allowed_nodes, eal, idle, "
			    "hash_secret, restore, ring_size, channels, placement, source_workers, "
			    "change_limit, nodes, connections, link_queue, plugins or operator.option"},
		{"b.parallelism=x", "--set b.parallelism=x: \"x\": expected auto or 1..1024"},
		{"b.workers=1,x",
			"--set b.workers=1,x: \"x\": no worker index; expected a list of worker indices such as "
			"[0, 2] (each 0..1023)"},
		{"b", "--set b: expected operator.option=value, pipeline/operator.option=value or node-option=value"},
		{"=", "--set =: expected operator.option=value, pipeline/operator.option=value or node-option=value"},
		{".x=1", "--set .x=1: expected operator.option=value, pipeline/operator.option=value or "
			 "node-option=value"},
		{"p/x=1", "--set p/x=1: expected operator.option=value, pipeline/operator.option=value or "
			  "node-option=value"},
		{"idle=a\nb", "--set idle=a?b: \"a\\nb\": expected adaptive or busy"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_config config;
		struct config_error error;
		assert_int_equal(
			node_config_parse("a.yaml", text, strlen(text), &cases[i].text, 1, &config, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].message);
	}
	struct node_config config;
	struct config_error error;
	const char *setting = "a.path=y";
	assert_int_equal(node_config_read(NULL, 0, &setting, 1, &config, &error), -EINVAL);
	assert_string_equal(error.text, "--set a.path=y: \"a\": no pipeline is configured");
}

static void files_checked(void **state) {
	static const struct mistake cases[] = {
		{"/nowhere/a.yaml", "/nowhere/a.yaml: No such file or directory"},
		{"/proc/self", "/proc/self: Is a directory"},
		{"/dev/null", "/dev/null: empty; expected a configuration such as pipeline: NAME, operators: [...]"},
		{"/dev/zero", "/dev/zero: larger than 1 MiB; expected a configuration in YAML"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_config config;
		struct config_error error;
		assert_int_equal(node_config_read(&cases[i].text, 1, NULL, 0, &config, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].message);
	}
}

static void width_is_bounded(void **state) {
	char *text = malloc(CONFIG_FILE_MAX);
	size_t used = (size_t)sprintf(text, "eal: [");
	for (unsigned i = 0; i < CONFIG_ITEMS_MAX + 1; i++)
		used += (size_t)sprintf(text + used, "a,");
	struct node_config config;
	struct config_error error;
	assert_int_equal(node_config_parse("a.yaml", text, used, NULL, 0, &config, &error), -EINVAL);
	assert_string_equal(error.text, "a.yaml:1: more than 4096 items in one list");
	used = 0;
	for (unsigned i = 0; i < CONFIG_KEYS_MAX + 1; i++)
		used += (size_t)sprintf(text + used, "k%u: x\n", i);
	assert_int_equal(node_config_parse("a.yaml", text, used, NULL, 0, &config, &error), -EINVAL);
	assert_string_equal(error.text, "a.yaml:65: more than 64 keys in one map");
	used = 0;
	for (unsigned i = 0; i < CONFIG_KEYS_MAX + 1; i++)
		used += (size_t)sprintf(text + used, "---\nnode: x\n");
	assert_int_equal(node_config_parse("a.yaml", text, used, NULL, 0, &config, &error), -EINVAL);
	assert_string_equal(error.text, "a.yaml:130: more than 64 documents in one file");
	free(text);
}

// What is long is cut, so that the rest has room. The end of a file name matters more than its beginning.
static void long_names_leave_room(void **state) {
	char name[2000];
	memset(name, 'd', sizeof(name));
	memcpy(name + sizeof(name) - 7, "/a.cfg", 7);
	struct node_config config;
	struct config_error error;
	assert_int_equal(node_config_parse(name, "idle: x\n", 8, NULL, 0, &config, &error), -EINVAL);
	assert_memory_equal(error.text, "...ddd", 6);
	assert_non_null(strstr(error.text, "d/a.cfg:1: idle: \"x\": expected adaptive or busy"));
	memset(name, 'd', sizeof(name) - 1);
	memcpy(name, "idle=", 5);
	name[sizeof(name) - 1] = '\0';
	const char *setting = name;
	assert_int_equal(node_config_read(NULL, 0, &setting, 1, &config, &error), -EINVAL);
	assert_memory_equal(error.text, "--set idle=ddd", 14);
	assert_non_null(strstr(error.text, "ddd...: \"ddd"));
	assert_non_null(strstr(error.text, "ddd...\": expected adaptive or busy"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_yaml),
		cmocka_unit_test(yaml_that_is_not_supported),
		cmocka_unit_test(top_level),
		cmocka_unit_test(node_options_checked),
		cmocka_unit_test(operators_checked),
		cmocka_unit_test(placement_checked),
		cmocka_unit_test(streams_checked),
		cmocka_unit_test(keys_checked),
		cmocka_unit_test(graph_checked),
		cmocka_unit_test(settings_checked),
		cmocka_unit_test(files_checked),
		cmocka_unit_test(width_is_bounded),
		cmocka_unit_test(long_names_leave_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
