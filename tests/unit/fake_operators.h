// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Operator types for tests of configurations: they have options, schemas and groupings, and never run.
#pragma once

#include <errno.h>
#include <stdio.h>

#include "dataplane/operator.h"

struct fake_options {
	char *path;
	uint64_t max_flows, idle_timeout, active_timeout, rotate_size, rate;
	unsigned tunnels;
	bool verbose;
	struct option_list ports;
};

static unsigned fake_poll(struct instance *self, unsigned room) {
	return 0;
}

static int fake_check(const void *options, char *error, size_t size) {
	const struct fake_options *o = options;
	if (o->idle_timeout <= o->active_timeout)
		return 0;
	snprintf(error, size, "idle_timeout is longer than active_timeout; expected at most active_timeout");
	return -EINVAL;
}

static const struct schema *const fake_packets[] = {&packet_schema, NULL};
static const struct schema *const fake_flows[] = {&flow_schema, NULL};
static const struct schema *const fake_updates[] = {&flow_update_schema, NULL};
static const struct operator_output fake_packet_output[] = {{"packets", &packet_schema}, {0}};
static const struct operator_output fake_same_output[] = {{"same", NULL}, {0}};
static const struct operator_output fake_flow_outputs[] = {
	{"flows", &flow_schema}, {"updates", &flow_update_schema}, {0}};
static const char *const fake_key[] = {"src_ip", "dst_ip", "src_port", "dst_port", "protocol", NULL};
static const char *const fake_tunnels[] = {"outer", "inner", NULL};

static const struct option fake_source_options[] = {
	{"path", OPTION_STRING, offsetof(struct fake_options, path), .required = true, .help = "capture file"},
	{"rate", OPTION_RATE, offsetof(struct fake_options, rate), "0"},
	{"ports", OPTION_LIST, offsetof(struct fake_options, ports)},
	{0},
};
static struct operator_type fake_source = {
	.name = "pcap",
	.options = fake_source_options,
	.options_size = sizeof(struct fake_options),
	.outputs = fake_packet_output,
	.parallelism = 1,
	.parallelism_max = 1,
	.poll = fake_poll,
};

static const struct option fake_flow_id_options[] = {
	{"tunnels", OPTION_ENUM, offsetof(struct fake_options, tunnels), "outer", .choices = fake_tunnels},
	{0},
};
static struct operator_type fake_flow_id = {
	.name = "flow_id",
	.options = fake_flow_id_options,
	.options_size = sizeof(struct fake_options),
	.accepts = fake_packets,
	.outputs = fake_same_output,
	.grouping = GROUPING_FORWARD,
};

static const struct option fake_stats_options[] = {
	{"max_flows", OPTION_UINT, offsetof(struct fake_options, max_flows), "1048576", 16, 1 << 26},
	{"idle_timeout", OPTION_DURATION, offsetof(struct fake_options, idle_timeout), "60s", 1000000,
		UINT64_C(604800000000000)},
	{"active_timeout", OPTION_DURATION, offsetof(struct fake_options, active_timeout), "300s", 1000000,
		UINT64_C(604800000000000)},
	{0},
};
static struct operator_type fake_stats = {
	.name = "flow_stats",
	.options = fake_stats_options,
	.options_size = sizeof(struct fake_options),
	.accepts = fake_packets,
	.outputs = fake_flow_outputs,
	.grouping = GROUPING_KEY,
	.key = fake_key,
	.key_symmetric = true,
	.check = fake_check,
};

static const struct option fake_json_options[] = {
	{"path", OPTION_STRING, offsetof(struct fake_options, path), "-", .max = 200},
	{"rotate_size", OPTION_SIZE, offsetof(struct fake_options, rotate_size), "0"},
	{"verbose", OPTION_BOOL, offsetof(struct fake_options, verbose), "false"},
	{0},
};
static struct operator_type fake_json = {
	.name = "json",
	.options = fake_json_options,
	.options_size = sizeof(struct fake_options),
	.accepts = fake_flows,
	.grouping = GROUPING_GLOBAL,
	.parallelism = 1,
	.parallelism_max = 1,
};

static struct operator_type fake_summary = {
	.name = "summary",
	.accepts = fake_updates,
	.grouping = GROUPING_FORWARD,
};

// Takes anything, hands it on.
static struct operator_type fake_count = {
	.name = "count",
	.outputs = fake_same_output,
	.grouping = GROUPING_SHUFFLE,
};

OPERATOR_REGISTER(fake_summary);
OPERATOR_REGISTER(fake_count);
OPERATOR_REGISTER(fake_json);
OPERATOR_REGISTER(fake_source);
OPERATOR_REGISTER(fake_stats);
OPERATOR_REGISTER(fake_flow_id);
