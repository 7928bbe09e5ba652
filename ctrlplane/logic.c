// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/logic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/aggregate.h"
#include "ctrlplane/clock.h"
#include "ctrlplane/window.h"

void logic_fini(struct logic *logic) {
	free(logic->baselines);
	*logic = (struct logic){0};
}

// A rule in the course of its evaluation.
struct evaluation {
	struct logic *logic;
	struct state *state;
	const struct alert_rule *rule;
	const struct node *only; // NULL: all nodes
	uint64_t mono_ns;
};

static void raise_alert(const struct evaluation *evaluation, const char *subject, double value) {
	const struct alert_rule *rule = evaluation->rule;
	struct alert alert = {.value = value, .threshold = rule->threshold, .hold_down_ns = rule->hold_down_ns};
	if (value < rule->threshold)
		return;
	snprintf(alert.rule, sizeof(alert.rule), "%s", rule->name);
	snprintf(alert.subject, sizeof(alert.subject), "%s", subject);
	snprintf(alert.severity, sizeof(alert.severity), "%s", rule->severity);
	snprintf(alert.description, sizeof(alert.description), "%s", rule->description);
	snprintf(alert.measure, sizeof(alert.measure), "%s", rule->measure);
	alerts_raise(&evaluation->state->alerts, &alert, evaluation->state->epoch);
}

static struct aggregate_scope scope_of(const struct evaluation *evaluation, const struct node *node) {
	uint64_t interval_ns = evaluation->state->nodes.interval_ns;
	return (struct aggregate_scope){.nodes = &evaluation->state->nodes,
		.node = node,
		.length = (uint32_t)((evaluation->rule->window_s * NS_PER_S + interval_ns - 1) / interval_ns),
		.mono_ns = evaluation->mono_ns};
}

static double entry_value(const struct alert_rule *rule, const struct topn_entry *entry) {
	if (rule->aggregate == ALERT_DISTINCT)
		return entry->sketch != NULL ? hll_estimate(entry->sketch) : 0;
	double sum = rule->scale * (double)entry->values[rule->field];
	return rule->aggregate == ALERT_RATE ? sum / rule->window_s : sum;
}

static void evaluate_list(const struct evaluation *evaluation) {
	const struct alert_rule *rule = evaluation->rule;
	struct aggregate_scope scope = scope_of(evaluation, evaluation->only);
	struct topn list;
	size_t count = 0;
	aggregate_list(&scope, rule->list, &list);
	for (size_t i = 0; i < list.length; i++) {
		char subject[LIST_SUBJECT_SIZE];
		if (rule->aggregate == ALERT_COUNT) {
			count += list.entries[i].values[rule->field] > 0;
			continue;
		}
		double value = entry_value(rule, &list.entries[i]);
		if (value < rule->threshold)
			continue;
		list_types[rule->list].subject(list.entries[i].key, subject);
		raise_alert(evaluation, subject, value);
	}
	topn_fini(&list);
	if (rule->aggregate == ALERT_COUNT)
		raise_alert(evaluation, "all", (double)count);
}

static int compare_rates(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double logic_baseline_median(const struct logic_baseline *baseline, size_t window, size_t length) {
	double rates[LOGIC_SAMPLES_MAX];
	if (window + length > LOGIC_SAMPLES_MAX)
		length = LOGIC_SAMPLES_MAX > window ? LOGIC_SAMPLES_MAX - window : 0;
	uint64_t known = baseline->samples > window ? baseline->samples - window : 0;
	size_t used = known < length ? (size_t)known : length;
	if (used == 0 || used * 5 < length)
		return -1;
	for (size_t i = 0; i < used; i++)
		rates[i] = baseline->rates[(known - 1 - i) % LOGIC_SAMPLES_MAX];
	qsort(rates, used, sizeof(*rates), compare_rates);
	return rates[used / 2];
}

// The baseline of a rule and node; those of nodes that are gone make room.
static struct logic_baseline *find_baseline(const struct evaluation *evaluation, const char *subject) {
	struct logic *logic = evaluation->logic;
	struct logic_baseline *found = NULL;
	for (size_t i = 0; i < logic->length && found == NULL; i++)
		if (logic->baselines[i].rule == evaluation->rule && strcmp(logic->baselines[i].subject, subject) == 0)
			return &logic->baselines[i];
	for (size_t i = 0; i < logic->length && found == NULL; i++)
		if (logic->baselines[i].used + LOGIC_SAMPLES_MAX < logic->evaluations)
			found = &logic->baselines[i];
	if (found == NULL) {
		struct logic_baseline *grown = realloc(logic->baselines, (logic->length + 1) * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		logic->baselines = grown;
		found = &grown[logic->length++];
	}
	memset(found, 0, sizeof(*found));
	found->rule = evaluation->rule;
	snprintf(found->subject, sizeof(found->subject), "%s", subject);
	return found;
}

static void evaluate_ratio(const struct evaluation *evaluation, const char *subject, double rate) {
	const struct alert_rule *rule = evaluation->rule;
	uint64_t interval_ns = evaluation->state->nodes.interval_ns;
	struct logic_baseline *baseline = find_baseline(evaluation, subject);
	if (baseline == NULL)
		return;
	baseline->used = evaluation->logic->evaluations;
	baseline->rates[baseline->samples++ % LOGIC_SAMPLES_MAX] = rate;
	double usual = logic_baseline_median(
		baseline, (size_t)(rule->window_s * NS_PER_S / interval_ns), (size_t)(rule->baseline_ns / interval_ns));
	if (usual < 0 || rate < rule->minimum)
		return;
	// Against silence everything is a surge: the least usual rate is one per second.
	raise_alert(evaluation, subject, rate / (usual > 1 ? usual : 1));
}

static void evaluate_scope(const struct evaluation *evaluation, const struct node *node) {
	const struct alert_rule *rule = evaluation->rule;
	const char *subject = node != NULL ? node->name : "all";
	if (rule->field == ALERT_FIELD_LOST) {
		raise_alert(evaluation, subject, node->state == NODE_LOST);
		return;
	}
	struct aggregate_scope scope = scope_of(evaluation, node);
	struct window_sums sums;
	aggregate_window_s(&scope, &sums);
	double sum = rule->scale * (double)sums.totals.v[rule->field];
	if (rule->aggregate == ALERT_RATIO)
		evaluate_ratio(evaluation, subject, sum / rule->window_s);
	else
		raise_alert(evaluation, subject, rule->aggregate == ALERT_RATE ? sum / rule->window_s : sum);
}

static void evaluate_rule(const struct evaluation *evaluation) {
	const struct nodes *nodes = &evaluation->state->nodes;
	if (evaluation->rule->over < ALERT_OVER_NODE)
		evaluate_list(evaluation);
	else if (evaluation->rule->over == ALERT_OVER_TOTAL && evaluation->only == NULL)
		evaluate_scope(evaluation, NULL);
	for (size_t i = 0; evaluation->rule->over == ALERT_OVER_NODE && i < nodes->length; i++)
		if (evaluation->only == NULL || evaluation->only == nodes->list[i])
			evaluate_scope(evaluation, nodes->list[i]);
}

static void evaluate_rules(struct logic *logic, struct state *state, const struct node *only) {
	uint64_t mono_ns = clock_mono_ns();
	logic->evaluations++;
	for (size_t r = 0; r < state->rules.length; r++)
		evaluate_rule(&(struct evaluation){.logic = logic,
			.state = state,
			.rule = &state->rules.list[r],
			.only = only,
			.mono_ns = mono_ns});
}

void logic_evaluate(struct logic *logic, struct state *state) {
	uint64_t start_mono_ns = clock_mono_ns();
	evaluate_rules(logic, state, NULL);
	for (size_t i = 0; i < state->nodes.length; i++)
		state->nodes.list[i]->evaluated = window_newest(state->nodes.list[i]->window);
	alerts_expire(&state->alerts, clock_wall_ns(), start_mono_ns);
}

void logic_evaluate_ahead(struct logic *logic, struct state *state) {
	for (size_t i = 0; i < state->nodes.length; i++) {
		struct node *node = state->nodes.list[i];
		if (!logic_is_ahead(node))
			continue;
		node->evaluated = window_newest(node->window);
		evaluate_rules(logic, state, node);
	}
}

bool logic_is_ahead(const struct node *node) {
	return window_newest(node->window) > node->evaluated + LOGIC_AHEAD;
}
