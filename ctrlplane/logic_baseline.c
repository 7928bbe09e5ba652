// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "api/clock.h"
#include "ctrlplane/logic_parts.h"

void logic_fini(struct logic *logic) {
	free(logic->baselines);
	*logic = (struct logic){0};
}

static uint64_t baseline_hash(const char *rule, const char *subject) {
	return XXH3_64bits_withSeed(subject, strlen(subject), XXH3_64bits(rule, strlen(rule)));
}

struct logic_baseline *logic_baseline_find(const struct logic *logic, const char *rule, const char *subject) {
	uint64_t hash = baseline_hash(rule, subject);
	for (uint16_t i = logic->buckets[hash % LOGIC_BASELINES_MAX]; i != 0; i = logic->baselines[i - 1].next) {
		struct logic_baseline *one = &logic->baselines[i - 1];
		if (one->hash == hash && strcmp(one->subject, subject) == 0 && strcmp(one->rule, rule) == 0)
			return one;
	}
	return NULL;
}

static void baseline_link(struct logic *logic, struct logic_baseline *one) {
	uint16_t *bucket = &logic->buckets[one->hash % LOGIC_BASELINES_MAX];
	one->next = *bucket;
	*bucket = (uint16_t)(one - logic->baselines + 1);
}

static void baseline_unlink(struct logic *logic, const struct logic_baseline *one) {
	uint16_t *link = &logic->buckets[one->hash % LOGIC_BASELINES_MAX];
	while (&logic->baselines[*link - 1] != one)
		link = &logic->baselines[*link - 1].next;
	*link = one->next;
}

// A free place, or that of whoever was not among the greatest for longest.
static struct logic_baseline *baseline_make_room(struct logic *logic) {
	if (logic->baselines == NULL)
		logic->baselines = calloc(LOGIC_BASELINES_MAX, sizeof(*logic->baselines));
	if (logic->baselines == NULL)
		return NULL;
	if (logic->length < LOGIC_BASELINES_MAX)
		return &logic->baselines[logic->length++];
	struct logic_baseline *oldest = logic->baselines;
	for (size_t i = 1; i < logic->length; i++)
		if (logic->baselines[i].used < oldest->used)
			oldest = &logic->baselines[i];
	baseline_unlink(logic, oldest);
	logic->forgotten++;
	return oldest;
}

struct logic_baseline *logic_baseline(struct logic *logic, const struct alert_rule *rule, const char *subject) {
	struct logic_baseline *found = logic_baseline_find(logic, rule->name, subject);
	if (found != NULL)
		return found;
	found = baseline_make_room(logic);
	if (found == NULL)
		return NULL;
	*found = (struct logic_baseline){.hash = baseline_hash(rule->name, subject),
		.shape = baseline_shape(rule->window_s * NS_PER_S, rule->baseline_ns, logic->interval_ns),
		.used = logic->evaluations};
	snprintf(found->rule, sizeof(found->rule), "%s", rule->name);
	snprintf(found->subject, sizeof(found->subject), "%s", subject);
	baseline_link(logic, found);
	return found;
}

void logic_baselines_fade(struct logic *logic, const struct alert_rule *rule) {
	for (size_t i = 0; i < logic->length; i++) {
		struct logic_baseline *one = &logic->baselines[i];
		if (one->learnt != logic->evaluations && strcmp(one->rule, rule->name) == 0)
			baseline_add(&one->baseline, &one->shape, 0);
	}
}

json_t *logic_baseline_to_json(const struct logic *logic, const struct state *state, size_t i) {
	const struct logic_baseline *one = &logic->baselines[i];
	const struct alert_rule *rule = alert_rules_find(&state->rules, one->rule);
	if (rule == NULL)
		return NULL;
	json_t *object = baseline_to_json(&one->baseline, &one->shape);
	json_object_set_new(object, "rule", json_string(one->rule));
	json_object_set_new(object, "subject", json_string(one->subject));
	json_object_set_new(object, "measure", json_string(rule->measure));
	return object;
}

static const char *text_of(const json_t *object, const char *name) {
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

void logic_restore_baseline(struct logic *logic, const struct state *state, const json_t *object) {
	const struct alert_rule *rule = alert_rules_find(&state->rules, text_of(object, "rule"));
	const char *subject = text_of(object, "subject");
	if (rule == NULL || !alert_rule_has_baseline(rule) || strcmp(rule->measure, text_of(object, "measure")) != 0 ||
		strlen(subject) >= ALERT_SUBJECT_SIZE || logic_baseline_find(logic, rule->name, subject) != NULL)
		return;
	struct baseline_shape shape = baseline_shape(rule->window_s * NS_PER_S, rule->baseline_ns, logic->interval_ns);
	struct baseline baseline;
	struct logic_baseline *one = NULL;
	if (baseline_from_json(object, &shape, &baseline))
		one = logic_baseline(logic, rule, subject);
	if (one != NULL)
		one->baseline = baseline;
}

static void forget_baselines(struct logic *logic, const char *rule) {
	size_t kept = 0;
	for (size_t i = 0; i < logic->length; i++)
		if (strcmp(logic->baselines[i].rule, rule) != 0)
			logic->baselines[kept++] = logic->baselines[i];
	logic->length = kept;
	memset(logic->buckets, 0, sizeof(logic->buckets));
	for (size_t i = 0; i < kept; i++)
		baseline_link(logic, &logic->baselines[i]);
}

void logic_replace_rules(struct logic *logic, struct state *state, const struct alert_rules *rules) {
	uint64_t no_room[ALERT_RULES_MAX] = {0}, suppressed[ALERT_RULES_MAX] = {0};
	for (size_t i = 0; i < state->rules.length; i++) {
		const struct alert_rule *before = &state->rules.list[i], *now = alert_rules_find(rules, before->name);
		bool is_same = now != NULL && alert_rule_measures_same(before, now);
		if (!is_same) {
			forget_baselines(logic, before->name);
			alerts_end_rule(&state->alerts, before->name, clock_wall_ns(),
				now == NULL ? "the rule was removed" : "the rule was changed");
			continue;
		}
		no_room[now - rules->list] = logic->no_room[i];
		suppressed[now - rules->list] = logic->suppressed[i];
	}
	memcpy(logic->no_room, no_room, sizeof(no_room));
	memcpy(logic->suppressed, suppressed, sizeof(suppressed));
	state->rules = *rules;
}
