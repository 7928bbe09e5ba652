// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Rules over lists: each entry is a subject, the greatest first, so that a bound on alerts keeps those that matter.
#include <math.h>
#include <stdlib.h>

#include "ctrlplane/logic_parts.h"

enum { LEARNT_MAX = 256 }; // subjects of a list, the first ones, of which a baseline is begun

struct candidate {
	double value;
	size_t index;
};

static double field_sum(const struct rule_field *field, const struct topn_entry *entry) {
	return field->scale * (double)entry->values[field->index];
}

//   return  false: nothing can be said of this entry
static bool entry_value(const struct alert_rule *rule, const struct topn_entry *entry, double *out) {
	if (rule->field.kind == RULE_FIELD_ENDPOINTS) {
		*out = entry->sketch != NULL ? hll_estimate(entry->sketch) : 0;
		return entry->sketch != NULL;
	}
	if (rule->field.kind == RULE_FIELD_RTT)
		return evaluation_percentile(rule, entry->rtt, out);
	double sum = field_sum(&rule->field, entry), of;
	switch (rule->aggregate) {
	case ALERT_RATIO:
		if (rule->of_baseline)
			break;
		of = field_sum(&rule->of, entry);
		*out = of > 0 ? sum / of : 0;
		return of > 0 && of >= rule->minimum;
	case ALERT_SUM:
	case ALERT_PERCENTILE:
	case ALERT_COUNT:
		*out = sum;
		return sum > 0 && sum >= rule->minimum;
	default:
		break;
	}
	*out = sum / rule->window_s;
	return *out > 0;
}

static int compare_descending(const void *a, const void *b) {
	const struct candidate *x = a, *y = b;
	return (x->value < y->value) - (x->value > y->value);
}

// The value below which so many of a hundred lie: the nearest rank.
static double nearest_rank(const struct candidate *descending, size_t length, double percentile) {
	size_t rank = (size_t)ceil(percentile / 100 * (double)length);
	return descending[length - (rank > 0 ? rank : 1)].value;
}

//   place  among the candidates
static void judge_entry(
	const struct evaluation *evaluation, const struct topn_entry *entry, double value, size_t place) {
	char subject[LIST_SUBJECT_SIZE];
	view_key_type(&evaluation->rule->view)->subject(entry->key, subject);
	if (alert_rule_has_baseline(evaluation->rule))
		evaluation_compare(evaluation, subject, value, place < LEARNT_MAX);
	else
		evaluation_judge(evaluation, subject, value);
}

// Beyond a multiple of what the rule may have, no alert starts: only those that are active go on. The greatest subjects
// were looked at, so most often there is none left of them, and nothing left to do.
//   return  whether it was one of those
static bool go_on_with_entry(const struct evaluation *evaluation, const struct topn_entry *entry, double value) {
	char subject[LIST_SUBJECT_SIZE];
	view_key_type(&evaluation->rule->view)->subject(entry->key, subject);
	if (alerts_find(&evaluation->state->alerts, evaluation->rule->name, subject) == NULL)
		return false;
	evaluation_judge(evaluation, subject, value);
	return true;
}

static void go_on(
	const struct evaluation *evaluation, const struct topn *list, const struct candidate *rest, size_t length) {
	size_t left = alerts_unraised(&evaluation->state->alerts, evaluation->rule->name, evaluation->mono_ns);
	*evaluation->no_room += length;
	for (size_t i = 0; i < length && left > 0; i++) {
		size_t next = evaluation->rule->is_below ? length - 1 - i : i;
		if (!go_on_with_entry(evaluation, &list->entries[rest[next].index], rest[next].value))
			continue;
		--*evaluation->no_room;
		left--;
	}
}

// In turn: those at the end of `candidates` first where low values are what is looked for.
static void judge_each(const struct evaluation *evaluation, const struct topn *list, const struct candidate *candidates,
	size_t length) {
	const struct alert_rule *rule = evaluation->rule;
	size_t share = (size_t)ALERTS_SHARE * rule->at_most;
	size_t judged = alert_rule_has_baseline(rule) || length < share ? length : share;
	for (size_t i = 0; i < judged; i++) {
		size_t next = rule->is_below ? length - 1 - i : i;
		judge_entry(evaluation, &list->entries[candidates[next].index], candidates[next].value, i);
	}
	go_on(evaluation, list, rule->is_below ? candidates : candidates + judged, length - judged);
}

static void judge_entries(const struct evaluation *evaluation, const struct topn *list, struct candidate *candidates) {
	const struct alert_rule *rule = evaluation->rule;
	bool is_compared = alert_rule_has_baseline(rule), is_value = rule->field.kind == RULE_FIELD_VALUE;
	bool is_of_all = is_value && (rule->aggregate == ALERT_COUNT || rule->aggregate == ALERT_PERCENTILE);
	size_t length = 0;
	for (size_t i = 0; i < list->length; i++) {
		double value;
		bool is_known = entry_value(rule, &list->entries[i], &value);
		if (is_known && (is_compared || is_of_all || evaluation_fires(rule, value)))
			candidates[length++] = (struct candidate){value, i};
	}
	if (rule->aggregate == ALERT_COUNT) {
		evaluation_judge(evaluation, "all", (double)length);
		return;
	}
	qsort(candidates, length, sizeof(*candidates), compare_descending);
	if (is_of_all) {
		if (length > 0)
			evaluation_judge(evaluation, "all", nearest_rank(candidates, length, rule->percentile));
		return;
	}
	judge_each(evaluation, list, candidates, length);
}

void evaluate_list(const struct evaluation *evaluation) {
	const struct alert_rule *rule = evaluation->rule;
	bool is_compared = alert_rule_has_baseline(rule);
	if (evaluation->only != NULL && !filter_has_node(&rule->view.filter, evaluation->only->name))
		return;
	// Baselines of lists are over all nodes: one node's part of it says nothing.
	if (is_compared && evaluation->only != NULL && evaluation->state->nodes.length > 1)
		return;
	if ((is_compared || rule->is_below) && !evaluation_is_complete(evaluation, evaluation->only))
		return;
	struct aggregate_scope scope = evaluation_scope(evaluation, evaluation->only);
	struct topn list;
	view_list(&rule->view, &scope, &list);
	struct candidate *candidates = malloc((list.length + 1) * sizeof(*candidates));
	if (candidates != NULL)
		judge_entries(evaluation, &list, candidates);
	if (is_compared)
		logic_baselines_fade(evaluation->logic, rule);
	free(candidates);
	topn_fini(&list);
}
