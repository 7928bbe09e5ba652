// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// bandwidth: the rates that channels between nodes should have, from what both of their ends report, once per interval
// (bandwidth.h, optimise/). `weirctl channels` and `weirctl explain CHANNEL` show them beside those that plain TCP
// would come near to; with `enforce` nodes are told of those that changed.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/act.h"
#include "ctrlplane/bandwidth.h"
#include "ctrlplane/log.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/state.h"

enum {
	RATE_MAX_GBPS = 10000,
	COMMAND_MS = 3000,
};

struct bandwidth_stage {
	struct bandwidth bandwidth;
	struct channels_answers answers;
	char told[NETWORK_ERROR_SIZE]; // the error that was logged last
};

#define AT(member) .offset = offsetof(struct bandwidth_options, member)
static const struct stage_option bandwidth_options[] = {
	{.name = "allocation",
		.type = CONF_CHOICE,
		AT(method),
		.choices = bandwidth_method_names,
		.fallback = "global",
		.help = "global: the smallest share of its demand that a channel gets is as large as possible; s1: by "
			"queues, S1's Algorithm 1; tcp: none is held back"},
	{.name = "enforce",
		.type = CONF_BOOL,
		AT(is_enforced),
		.fallback = "false",
		.help = "nodes hold channels to these rates; false: they are shown alone"},
	{.name = "capacity",
		.type = CONF_NUMBER,
		AT(capacity_bps),
		.max = RATE_MAX_GBPS * 1e9,
		.fallback = "0",
		.help = "bit/s of the uplink and of the downlink of each node, on the wire; 0: not known, never a "
			"bottleneck"},
	{.name = "nodes",
		.type = CONF_NODE,
		AT(capacities_node),
		.help = "nodes whose links differ: [{node: edge1, uplink: 10M, downlink: 100M}]; 0: nothing passes"},
	{.name = "needs",
		.type = CONF_NODE,
		AT(needs_node),
		.help = "what channels need: [{pipeline: words, stream: \"split>count\", weight: 2, minimum: 1M, cap: "
			"20M}], each channel of the stream, or of the pipeline without a stream; the last that fits "
			"counts"},
	{.name = "tolerance",
		.type = CONF_NUMBER,
		AT(tolerance),
		.max = 1,
		.fallback = "0.05",
		.help = "rates stay as they are while none would change by more than this part"},
	{.name = "fall",
		.type = CONF_NUMBER,
		AT(fall),
		.min = 0.01,
		.max = 1,
		.fallback = "0.3",
		.help = "the part of a fall in what is offered that is followed each interval; a rise is followed at "
			"once"},
	{.name = "solver_limit",
		.type = CONF_U32,
		AT(limit_ms),
		.min = 1,
		.max = 1000,
		.fallback = "100",
		.help = "ms that the linear programs of a round of s1 may take together; then the last rates stay"},
	{0},
};
#undef AT

static int read_capacity(struct conf *conf, const yaml_node_t *item, struct bandwidth_options *options) {
	struct bandwidth_capacity *out = &options->capacities[options->capacities_length];
	if (options->capacities_length == BANDWIDTH_NODES_MAX)
		return conf_error(conf, item, "bandwidth.nodes: expected at most %d", BANDWIDTH_NODES_MAX);
	double otherwise = options->capacity_bps > 0 ? options->capacity_bps : INFINITY;
	*out = (struct bandwidth_capacity){.uplink_bps = otherwise, .downlink_bps = otherwise};
	const struct conf_field fields[] = {
		{.name = "node", .type = CONF_STRING, .out = out->node, .size = sizeof(out->node), .required = 1},
		{.name = "uplink", .type = CONF_NUMBER, .out = &out->uplink_bps, .max = RATE_MAX_GBPS * 1e9},
		{.name = "downlink", .type = CONF_NUMBER, .out = &out->downlink_bps, .max = RATE_MAX_GBPS * 1e9},
		{0},
	};
	options->capacities_length++;
	return conf_mapping(conf, item, "bandwidth.nodes", fields);
}

static int read_need(struct conf *conf, const yaml_node_t *item, struct bandwidth_options *options) {
	struct bandwidth_need *out = &options->needs[options->needs_length];
	if (options->needs_length == BANDWIDTH_NEEDS_MAX)
		return conf_error(conf, item, "bandwidth.needs: expected at most %d", BANDWIDTH_NEEDS_MAX);
	*out = (struct bandwidth_need){.weight = 1, .cap_bps = INFINITY};
	const struct conf_field fields[] = {
		{.name = "pipeline",
			.type = CONF_STRING,
			.out = out->pipeline,
			.size = sizeof(out->pipeline),
			.required = 1},
		{.name = "stream", .type = CONF_STRING, .out = out->stream, .size = sizeof(out->stream)},
		{.name = "weight", .type = CONF_NUMBER, .out = &out->weight, .min = 0.001, .max = 1000},
		{.name = "minimum", .type = CONF_NUMBER, .out = &out->min_bps, .max = RATE_MAX_GBPS * 1e9},
		{.name = "cap", .type = CONF_NUMBER, .out = &out->cap_bps, .max = RATE_MAX_GBPS * 1e9},
		{0},
	};
	options->needs_length++;
	int ret = conf_mapping(conf, item, "bandwidth.needs", fields);
	if (ret == 0 && out->cap_bps < out->min_bps)
		return conf_error(conf, item, "bandwidth.needs: cap %g: expected at least the minimum, %g",
			out->cap_bps, out->min_bps);
	if (ret == 0 && options->method == BANDWIDTH_S1 && (out->weight != 1 || out->min_bps > 0))
		return conf_error(conf, item, "bandwidth.needs: weight, minimum: go with allocation global");
	return ret;
}

static int read_items(struct conf *conf, const yaml_node_t *list, struct bandwidth_options *options,
	int (*read)(struct conf *conf, const yaml_node_t *item, struct bandwidth_options *options)) {
	int ret = 0;
	if (list != NULL && list->type != YAML_SEQUENCE_NODE)
		return conf_error(conf, list, "bandwidth: expected a list of mappings");
	for (size_t i = 0; ret == 0 && list != NULL && conf_item(conf, list, i) != NULL; i++)
		ret = read(conf, conf_item(conf, list, i), options);
	return ret;
}

static int bandwidth_check(struct conf *conf, const yaml_node_t *mapping, struct config *config, void *context) {
	struct bandwidth_options *options = context;
	const yaml_node_t *capacities = options->capacities_node, *needs = options->needs_node;
	options->capacities_node = options->needs_node = NULL; // they end with the file
	int ret = read_items(conf, capacities, options, read_capacity);
	return ret != 0 ? ret : read_items(conf, needs, options, read_need);
}

static json_t *answer_list(void *context, uint32_t limit) {
	struct stage *stage = context;
	const struct bandwidth_stage *self = stage->state;
	return bandwidth_json(&self->bandwidth, stage->options, limit);
}

static json_t *answer_explain(void *context, const char *channel) {
	struct stage *stage = context;
	struct bandwidth_stage *self = stage->state;
	return bandwidth_explain(&self->bandwidth, stage->options, channel);
}

static int bandwidth_init(struct stage *stage, char *error) {
	struct bandwidth_stage *self = stage->state;
	if (stage->shared->channels != NULL) {
		snprintf(error, CONF_ERROR_SIZE, "stage bandwidth: expected once");
		return -EINVAL;
	}
	self->answers = (struct channels_answers){.list = answer_list, .explain = answer_explain, .context = stage};
	stage->shared->channels = &self->answers;
	return 0;
}

static void bandwidth_stage_fini(struct stage *stage) {
	struct bandwidth_stage *self = stage->state;
	if (stage->shared->channels == &self->answers)
		stage->shared->channels = NULL;
	bandwidth_fini(&self->bandwidth);
}

static void tell(struct stage *stage, const struct node *node) {
	static char lines[ACT_DOCUMENT_MAX];
	struct bandwidth_stage *self = stage->state;
	const struct bandwidth_options *options = stage->options;
	char reason[ACT_TEXT_SIZE], id[ACT_ID_SIZE], error[ACT_ERROR_SIZE];
	unsigned told = bandwidth_tell(&self->bandwidth, node->name, options->is_enforced, lines, sizeof(lines));
	if (told == 0)
		return;
	snprintf(reason, sizeof(reason), "%s: other rates for %u of its channels",
		options->is_enforced ? bandwidth_method_names[options->method] : "not enforced", told);
	const struct act_request request = {.node = node->name,
		.verb = "rates",
		.document = lines,
		.kind = "bandwidth",
		.cause = "bandwidth",
		.reason = reason,
		.timeout_ms = COMMAND_MS};
	if (act_request(stage->shared, &request, id, error) != 0)
		log_line("bandwidth: node %s: %s", node->name, error);
}

static void bandwidth_interval(struct stage *stage) {
	struct bandwidth_stage *self = stage->state;
	bandwidth_round(&self->bandwidth, &stage->shared->nodes, stage->options);
	if (self->bandwidth.error[0] != '\0' && strcmp(self->bandwidth.error, self->told) != 0)
		log_line("bandwidth: %s: the last rates stay", self->bandwidth.error);
	snprintf(self->told, sizeof(self->told), "%s", self->bandwidth.error);
	const struct nodes *nodes = &stage->shared->nodes;
	for (size_t i = 0; i < nodes->length; i++)
		if (nodes->list[i]->state == NODE_UP)
			tell(stage, nodes->list[i]);
}

static json_t *bandwidth_status(const struct stage *stage) {
	const struct bandwidth_stage *self = stage->state;
	const struct bandwidth *bandwidth = &self->bandwidth;
	return json_pack("{si sI sI sI sf}", "channels",
		bandwidth->network != NULL ? (int)bandwidth->network->channels_length : 0, "rounds",
		(json_int_t)bandwidth->rounds, "changes", (json_int_t)bandwidth->changes, "failures",
		(json_int_t)bandwidth->failures, "took_ms", bandwidth->took_ms);
}

// The next round goes by the new options, whatever they are.
static void bandwidth_commit(struct stage *stage) {
}

static const struct stage_type bandwidth_type = {
	.name = "bandwidth",
	.title = "the rates that channels between nodes should have",
	.manual =
		"Nodes report both ends of each channel to another node once a second. From what is offered, the "
		"queues\n"
		"and the capacities of the nodes' links it works out a rate for each channel: weirctl channels shows\n"
		"them beside the rates that plain TCP would come near to, weirctl explain CHANNEL tells why a channel\n"
		"has its rate and what would change it; docs/bandwidth.md has the formulas. With enforce nodes hold\n"
		"channels to these rates, and are told of those that changed; allocation: tcp lets all go. Minimum "
		"rates\n"
		"that do not fit, or a linear program that fails, leave the last rates as they are; the reason is "
		"logged\n"
		"and shown.",
	.options = bandwidth_options,
	.options_size = sizeof(struct bandwidth_options),
	.state_size = sizeof(struct bandwidth_stage),
	.check = bandwidth_check,
	.init = bandwidth_init,
	.fini = bandwidth_stage_fini,
	.interval = bandwidth_interval,
	.commit = bandwidth_commit,
	.status = bandwidth_status,
};
STAGE_REGISTER(bandwidth_type);
