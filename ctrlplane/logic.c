// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/logic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/logic_parts.h"
#include "ctrlplane/losses.h"
#include "ctrlplane/window.h"

bool evaluation_fires(const struct alert_rule *rule, double value) {
	return rule->is_below ? value <= rule->threshold : value >= rule->threshold;
}

void evaluation_judge(const struct evaluation *evaluation, const char *subject, double value) {
	const struct alert_rule *rule = evaluation->rule;
	struct alert alert = {.value = value,
		.threshold = rule->threshold,
		.hold_down_ns = rule->hold_down_ns,
		.for_ns = rule->for_ns,
		.at_most = rule->at_most};
	if (!evaluation_fires(rule, value))
		return;
	snprintf(alert.rule, sizeof(alert.rule), "%s", rule->name);
	snprintf(alert.subject, sizeof(alert.subject), "%s", subject);
	snprintf(alert.severity, sizeof(alert.severity), "%s", rule->severity);
	snprintf(alert.description, sizeof(alert.description), "%s", rule->description);
	snprintf(alert.measure, sizeof(alert.measure), "%s", rule->measure);
	snprintf(alert.actions, sizeof(alert.actions), "%s", rule->actions);
	if (alerts_raise(&evaluation->state->alerts, &alert, evaluation->state->epoch) == ALERTS_NO_ROOM)
		(*evaluation->no_room)++;
}

void evaluation_compare(const struct evaluation *evaluation, const char *subject, double rate, bool is_great) {
	const struct alert_rule *rule = evaluation->rule;
	struct logic *logic = evaluation->logic;
	struct logic_baseline *known =
		is_great ? logic_baseline(logic, rule, subject) : logic_baseline_find(logic, rule->name, subject);
	struct baseline_usual usual;
	if (known == NULL)
		return;
	known->learnt = logic->evaluations;
	if (is_great)
		known->used = logic->evaluations;
	baseline_add(&known->baseline, &known->shape, rate);
	if (rate < rule->minimum || !baseline_usual(&known->baseline, &known->shape, &usual))
		return;
	if (rule->aggregate == ALERT_DEVIATION)
		evaluation_judge(evaluation, subject, baseline_deviation(&usual, rate));
	else if (usual.median > 0)
		evaluation_judge(evaluation, subject, rate / usual.median);
}

struct aggregate_scope evaluation_scope(const struct evaluation *evaluation, const struct node *node) {
	uint64_t interval_ns = evaluation->state->nodes.interval_ns;
	return (struct aggregate_scope){.nodes = &evaluation->state->nodes,
		.node = node,
		.length = (uint32_t)((evaluation->rule->window_s * NS_PER_S + interval_ns - 1) / interval_ns),
		.mono_ns = evaluation->mono_ns};
}

bool evaluation_is_complete(const struct evaluation *evaluation, const struct node *node) {
	const struct nodes *nodes = &evaluation->state->nodes;
	uint32_t length = evaluation_scope(evaluation, node).length, any = 0;
	for (size_t i = 0; i < nodes->length; i++) {
		const struct node *one = nodes->list[i];
		if ((node != NULL && node != one) || !filter_has_node(&evaluation->rule->view.filter, one->name))
			continue;
		uint32_t known = window_known(one->window, length, evaluation->mono_ns);
		any += known;
		if (known > 0 && known < length - length / 10)
			return false;
	}
	return any > 0;
}

static void scope_totals(const struct evaluation *evaluation, const struct node *node, struct totals *out) {
	const struct nodes *nodes = &evaluation->state->nodes;
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < nodes->length; i++) {
		const struct node *one = nodes->list[i];
		if ((node != NULL && node != one) || !filter_has_node(&evaluation->rule->view.filter, one->name))
			continue;
		struct aggregate_scope scope = evaluation_scope(evaluation, one);
		struct window_sums sums;
		aggregate_window_s(&scope, &sums);
		totals_add(out, &sums.totals);
	}
}

bool evaluation_percentile(const struct alert_rule *rule, const struct histogram *times, double *out) {
	uint64_t count = times != NULL ? histogram_count(times) : 0;
	if (count == 0 || (double)count < rule->minimum)
		return false;
	*out = (double)histogram_quantile(times, rule->percentile / 100) / (double)NS_PER_MS;
	return true;
}

static void evaluate_times(const struct evaluation *evaluation, const struct node *node) {
	const struct alert_rule *rule = evaluation->rule;
	const struct nodes *nodes = &evaluation->state->nodes;
	struct histogram times = {0};
	double value;
	for (size_t i = 0; i < nodes->length; i++) {
		const struct node *one = nodes->list[i];
		if ((node != NULL && node != one) || !filter_has_node(&rule->view.filter, one->name))
			continue;
		struct aggregate_scope scope = evaluation_scope(evaluation, one);
		struct tcp_health health;
		aggregate_tcp(&scope, &health);
		histogram_merge(&times, rule->field.kind == RULE_FIELD_RTT ? &health.rtt : &health.handshake);
	}
	if (evaluation_percentile(rule, &times, &value))
		evaluation_judge(evaluation, node != NULL ? node->name : "all", value);
}

// What a field adds up to in the window.
//   totals  of the same nodes and window
static double scope_sum(const struct evaluation *evaluation, const struct node *node, const struct rule_field *field,
	const struct totals *totals) {
	const struct nodes *nodes = &evaluation->state->nodes;
	uint64_t sum = 0;
	if (field->kind != RULE_FIELD_LOSS)
		return field->scale * (double)totals->v[field->index];
	for (size_t i = 0; i < nodes->length; i++) {
		const struct node *one = nodes->list[i];
		bool is_asked =
			(node == NULL || node == one) && filter_has_node(&evaluation->rule->view.filter, one->name);
		if (is_asked && one->losses != NULL)
			sum += losses_within(
				one->losses, (enum loss)field->index, evaluation->rule->window_s * NS_PER_S);
	}
	return (double)sum;
}

//   node  NULL: the total
static void evaluate_scope(const struct evaluation *evaluation, const struct node *node) {
	const struct alert_rule *rule = evaluation->rule;
	const char *subject = node != NULL ? node->name : "all";
	if (rule->field.kind == RULE_FIELD_LOST) {
		evaluation_judge(evaluation, subject, node->state == NODE_LOST);
		return;
	}
	if (rule->aggregate == ALERT_PERCENTILE) {
		evaluate_times(evaluation, node);
		return;
	}
	bool must_be_complete = rule->is_below || alert_rule_has_baseline(rule);
	if (must_be_complete && !evaluation_is_complete(evaluation, node))
		return;
	struct totals totals;
	scope_totals(evaluation, node, &totals);
	double sum = scope_sum(evaluation, node, &rule->field, &totals);
	if (alert_rule_has_baseline(rule)) {
		evaluation_compare(evaluation, subject, sum / rule->window_s, true);
	} else if (rule->aggregate == ALERT_RATIO) {
		double of = rule->of.scale * (double)totals.v[rule->of.index];
		if (of > 0 && of >= rule->minimum)
			evaluation_judge(evaluation, subject, sum / of);
	} else {
		evaluation_judge(evaluation, subject, rule->aggregate == ALERT_RATE ? sum / rule->window_s : sum);
	}
}

static void evaluate_rule(const struct evaluation *evaluation) {
	const struct alert_rule *rule = evaluation->rule;
	const struct nodes *nodes = &evaluation->state->nodes;
	if (rule->over == ALERT_OVER_LIST)
		evaluate_list(evaluation);
	else if (rule->over == ALERT_OVER_TOTAL && evaluation->only == NULL)
		evaluate_scope(evaluation, NULL);
	for (size_t i = 0; rule->over == ALERT_OVER_NODE && i < nodes->length; i++)
		if ((evaluation->only == NULL || evaluation->only == nodes->list[i]) &&
			filter_has_node(&rule->view.filter, nodes->list[i]->name))
			evaluate_scope(evaluation, nodes->list[i]);
}

// A subject counts once for as long as it finds no room.
static void note_no_room(struct logic *logic, const struct evaluation *evaluation, size_t r, uint64_t no_room) {
	const struct alert_rule *rule = evaluation->rule;
	uint64_t before = logic->no_room[r];
	if (no_room > before) {
		logic->suppressed[r] += no_room - before;
		logic->overflow += no_room - before;
	} else if (evaluation->only != NULL) {
		return; // it says nothing of the others
	}
	if (no_room > 0 && before == 0)
		log_line("rule %s: more than %u alerts at a time: %llu subjects found no room", rule->name,
			rule->at_most, (unsigned long long)no_room);
	logic->no_room[r] = no_room;
}

static void note_losses(struct node *node, uint64_t mono_ns) {
	uint64_t now[LOSS_KINDS];
	for (int i = 0; i < LOSS_KINDS; i++)
		now[i] = node_counted(node, loss_names[i]);
	if (node->losses == NULL)
		node->losses = calloc(1, sizeof(*node->losses));
	// One that only an earlier controller has heard of yet is known by what that one stored.
	bool had_another = node->had_controller || node->commands.size == 0;
	if (node->losses != NULL)
		losses_note(
			node->losses, node->incarnation, had_another, node->operators != NULL ? now : NULL, mono_ns);
}

// Only where a rule asks for them.
static void note_all_losses(struct state *state, uint64_t mono_ns) {
	bool is_asked = false;
	for (size_t r = 0; r < state->rules.length; r++)
		is_asked = is_asked || state->rules.list[r].field.kind == RULE_FIELD_LOSS;
	for (size_t i = 0; is_asked && i < state->nodes.length; i++)
		note_losses(state->nodes.list[i], mono_ns);
}

static void evaluate_rules(struct logic *logic, struct state *state, const struct node *only) {
	uint64_t mono_ns = clock_mono_ns();
	logic->evaluations++;
	for (size_t r = 0; r < state->rules.length; r++) {
		uint64_t no_room = 0;
		const struct evaluation evaluation = {.logic = logic,
			.state = state,
			.rule = &state->rules.list[r],
			.only = only,
			.no_room = &no_room,
			.mono_ns = mono_ns};
		evaluate_rule(&evaluation);
		note_no_room(logic, &evaluation, r, no_room);
	}
}

// Alerts of an earlier controller: the nodes need a window's time to show whether their conditions still hold.
static void adopt_restored(struct state *state) {
	struct alerts *alerts = &state->alerts;
	for (size_t i = 0; i < alerts->active_length;) {
		struct alert *alert = &alerts->active[i];
		const struct alert_rule *rule = alert_rules_find(&state->rules, alert->rule);
		if (alert->is_restored && rule == NULL) {
			char name[ALERT_NAME_SIZE];
			memcpy(name, alert->rule, sizeof(name));
			alerts_end_rule(alerts, name, clock_wall_ns(), "the rule was removed");
			i = 0;
			continue;
		}
		if (alert->is_restored)
			alert->last_mono_ns += rule->window_s * NS_PER_S;
		alert->is_restored = false;
		i++;
	}
}

void logic_evaluate(struct logic *logic, struct state *state) {
	uint64_t start_mono_ns = clock_mono_ns(), before_ns = logic->mono_ns;
	logic->mono_ns = start_mono_ns;
	adopt_restored(state);
	// After a standstill what came in meanwhile has to be read first.
	if (before_ns != 0 && start_mono_ns - before_ns > LOGIC_STALL * state->nodes.interval_ns) {
		log_line("rules were not looked at for %.1f s", (double)(start_mono_ns - before_ns) / 1e9);
		alerts_forgive(&state->alerts, start_mono_ns - before_ns);
		return;
	}
	note_all_losses(state, start_mono_ns);
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
