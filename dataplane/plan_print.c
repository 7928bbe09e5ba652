// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Plans for people: `weir-dataplane --check` prints both forms.
#include <inttypes.h>
#include <string.h>

#include "dataplane/plan.h"

static const char *operator_name(const struct plan *plan, unsigned instance) {
	return plan_operator_config(plan, &plan->operators[plan->instances[instance].op])->name;
}

static void print_channels_from(const struct plan *plan, unsigned instance, FILE *out) {
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct plan_channel *channel = &plan->channels[i];
		if (channel->from != instance)
			continue;
		const struct pipeline_stream *stream = plan_channel_stream(plan, channel);
		const struct operator_type *to =
			plan_operator_config(plan, &plan->operators[plan->instances[channel->to].op])->type;
		fprintf(out, "      -> %s%s%s[%u]  %s, %s, schema %s", operator_name(plan, channel->to),
			to->inputs != NULL ? "." : "", to->inputs != NULL ? to->inputs[stream->input].name : "",
			plan->instances[channel->to].index, grouping_names[stream->grouping],
			channel->ring ? "ring" : "call", stream->schema->name);
		if (channel->ring)
			fprintf(out, ", to worker %u", plan->instances[channel->to].worker);
		fprintf(out, "\n");
	}
}

static void print_schema(const struct schema *schema, FILE *out) {
	enum { WIDTH_MAX = 100 };
	int width = WIDTH_MAX;
	fprintf(out, "  schema %s, %u bytes", schema->name, schema->size);
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		char text[160];
		int length = snprintf(text, sizeof(text), "%s %s", field->name, field_type_names[field->type]);
		if (field->length > 0)
			length += snprintf(text + length, sizeof(text) - (size_t)length, " %u", field->length);
		if (field->unit != NULL)
			length += snprintf(text + length, sizeof(text) - (size_t)length, " (%.40s)", field->unit);
		bool is_new_line = width + length > WIDTH_MAX;
		fprintf(out, "%s%s%s", field == schema->fields ? "" : ",", is_new_line ? "\n    " : " ", text);
		width = is_new_line ? 4 + length : width + length + 2;
	}
	fprintf(out, "\n");
}

static bool is_printed(const struct pipeline *pipeline, unsigned stream) {
	for (unsigned i = 0; i < stream; i++)
		if (schema_is_same(pipeline->streams[i].schema, pipeline->streams[stream].schema) &&
			strcmp(pipeline->streams[i].schema->name, pipeline->streams[stream].schema->name) == 0)
			return true;
	return false;
}

// What flows on the streams, each schema once for a pipeline.
static void print_schemas(const struct node_config *config, FILE *out) {
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		const struct pipeline *pipeline = &config->pipelines[i];
		for (unsigned j = 0; j < pipeline->stream_count; j++)
			if (!is_printed(pipeline, j))
				print_schema(pipeline->streams[j].schema, out);
	}
}

void plan_print(const struct plan *plan, FILE *out) {
	unsigned rings = 0;
	for (unsigned i = 0; i < plan->channel_count; i++)
		rings += plan->channels[i].ring;
	fprintf(out, "plan %u: %u pipeline%s, %u operators, %u instances on %u worker%s, %u calls, %u rings\n",
		plan->version, plan->config->pipeline_count, plan->config->pipeline_count == 1 ? "" : "s",
		plan->operator_count, plan->instance_count, plan->worker_count, plan->worker_count == 1 ? "" : "s",
		plan->channel_count - rings, rings);
	for (unsigned worker = 0; worker < plan->worker_count; worker++) {
		fprintf(out, "  worker %u\n", worker);
		for (unsigned i = 0; i < plan->instance_count; i++) {
			const struct plan_instance *instance = &plan->instances[i];
			if (instance->worker != worker)
				continue;
			const struct plan_operator *op = &plan->operators[instance->op];
			fprintf(out, "    %s/%s[%u]  type %s\n", plan->config->pipelines[op->pipeline].name,
				operator_name(plan, i), instance->index, plan_operator_config(plan, op)->type->name);
			print_channels_from(plan, i, out);
		}
	}
	print_schemas(plan->config, out);
}

void plan_print_dot(const struct plan *plan, FILE *out) {
	fprintf(out, "digraph plan {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
	fprintf(out, "  edge [fontname=\"sans-serif\", fontsize=10];\n");
	for (unsigned worker = 0; worker < plan->worker_count; worker++) {
		fprintf(out, "  subgraph cluster_worker_%u {\n    label=\"worker %u\";\n", worker, worker);
		for (unsigned i = 0; i < plan->instance_count; i++) {
			if (plan->instances[i].worker != worker)
				continue;
			const struct plan_operator *op = &plan->operators[plan->instances[i].op];
			fprintf(out, "    i%u [label=\"%s[%u]\\n%s\"];\n", i, operator_name(plan, i),
				plan->instances[i].index, plan_operator_config(plan, op)->type->name);
		}
		fprintf(out, "  }\n");
	}
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct plan_channel *channel = &plan->channels[i];
		fprintf(out, "  i%u -> i%u [label=\"%s\"%s];\n", channel->from, channel->to,
			grouping_names[plan_channel_stream(plan, channel)->grouping],
			channel->ring ? ", style=dashed" : "");
	}
	fprintf(out, "}\n");
}
