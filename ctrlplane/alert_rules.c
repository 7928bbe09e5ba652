// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/alert_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/conf.h"
#include "ctrlplane/rule_field.h"
#include "ctrlplane/text.h"

static const char *const aggregate_names[] = {
	"rate", "sum", "count", "distinct", "ratio", "deviation", "percentile", NULL};
static const char *const severity_names[] = {"info", "warning", "critical", NULL};

// What the file says of a rule, before it is held against what there is.
struct rule_text {
	struct conf *conf;
	const yaml_node_t *node, *only;
	const struct views *views;
	const struct alert_rules *rules;
	char over[ALERT_NAME_SIZE], field[ALERT_NAME_SIZE], of[ALERT_NAME_SIZE];
	double threshold, below;
	struct conf_strings *actions;
};

const struct alert_rule *alert_rules_find(const struct alert_rules *rules, const char *name) {
	for (size_t i = 0; i < rules->length; i++)
		if (strcmp(rules->list[i].name, name) == 0)
			return &rules->list[i];
	return NULL;
}

bool alert_rule_has_baseline(const struct alert_rule *rule) {
	return rule->aggregate == ALERT_DEVIATION || (rule->aggregate == ALERT_RATIO && rule->of_baseline);
}

bool alert_rule_measures_same(const struct alert_rule *a, const struct alert_rule *b) {
	return a->over == b->over && a->aggregate == b->aggregate && strcmp(a->field.name, b->field.name) == 0 &&
	       strcmp(a->of.name, b->of.name) == 0 && a->window_s == b->window_s && a->baseline_ns == b->baseline_ns &&
	       a->percentile == b->percentile && view_is_same(&a->view, &b->view);
}

static int rule_over_unknown(const struct rule_text *text) {
	char names[256];
	size_t used = 0;
	for (int kind = 0; kind < LISTS_SHOWN; kind++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s, ", list_types[kind].name);
	for (size_t i = 0; i < text->views->length && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s, ", text->views->list[i].name);
	return conf_error(
		text->conf, text->node, "rule.over: \"%s\": expected one of %snode, total", text->over, names);
}

static int rule_read_over(const struct rule_text *text, struct alert_rule *rule) {
	const struct view *view = views_find(text->views, text->over);
	bool is_node = strcmp(text->over, "node") == 0;
	int kind = 0;
	while (kind < LISTS_SHOWN && strcmp(text->over, list_types[kind].name) != 0)
		kind++;
	rule->over = is_node ? ALERT_OVER_NODE : ALERT_OVER_LIST;
	rule->view.kind = (enum list_kind)kind;
	if (kind < LISTS_SHOWN || is_node)
		return 0;
	if (view != NULL) {
		rule->view = *view;
		return 0;
	}
	rule->over = ALERT_OVER_TOTAL;
	return strcmp(text->over, "total") == 0 ? 0 : rule_over_unknown(text);
}

static int rule_check_aggregate(const struct rule_text *text, const struct alert_rule *rule) {
	bool is_list = rule->over == ALERT_OVER_LIST, is_lost = rule->field.kind == RULE_FIELD_LOST;
	if ((rule->field.kind == RULE_FIELD_ENDPOINTS) != (rule->aggregate == ALERT_DISTINCT))
		return conf_error(text->conf, text->node,
			"rule %s: aggregate distinct goes with over hosts, field endpoints_out, and only so",
			rule->name);
	if (is_lost != (rule->aggregate == ALERT_COUNT && !is_list))
		return conf_error(text->conf, text->node,
			"rule %s: aggregate count goes with over a list, or over node, field lost", rule->name);
	bool is_time = rule->field.kind == RULE_FIELD_RTT || rule->field.kind == RULE_FIELD_HANDSHAKE;
	if (rule->aggregate == ALERT_PERCENTILE ? !is_list && !is_time : is_time)
		return conf_error(text->conf, text->node,
			"rule %s: aggregate percentile goes with over a list, or with field rtt_ms or handshake_ms, "
			"and "
			"these only with it",
			rule->name);
	bool has_minimum = rule->aggregate != ALERT_RATE && rule->aggregate != ALERT_SUM && !is_lost &&
			   rule->aggregate != ALERT_DISTINCT;
	if (rule->minimum > 0 && !has_minimum)
		return conf_error(text->conf, text->node,
			"rule %s: minimum: goes with aggregate ratio, deviation, count or percentile", rule->name);
	if (rule->is_below && is_lost)
		return conf_error(text->conf, text->node, "rule %s: below: not of field lost", rule->name);
	return 0;
}

// What is said of something that the rule does not do is a mistake; what is not said has its default.
static int rule_settle(const struct rule_text *text, struct alert_rule *rule) {
	if (rule->percentile >= 0 && rule->aggregate != ALERT_PERCENTILE)
		return conf_error(
			text->conf, text->node, "rule %s: percentile: goes with aggregate percentile", rule->name);
	if (rule->baseline_ns > 0 && !alert_rule_has_baseline(rule))
		return conf_error(text->conf, text->node,
			"rule %s: baseline: goes with aggregate deviation, or with ratio of: baseline", rule->name);
	if (rule->percentile < 0)
		rule->percentile = 95;
	if (rule->baseline_ns == 0)
		rule->baseline_ns = 300 * NS_PER_S;
	return 0;
}

static int rule_read_of(const struct rule_text *text, struct alert_rule *rule) {
	if (rule->aggregate != ALERT_RATIO)
		return text->of[0] == '\0' ? 0
					   : conf_error(text->conf, text->node,
						     "rule %s: of: goes with aggregate ratio", rule->name);
	if (text->of[0] == '\0')
		return conf_error(text->conf, text->node,
			"rule %s: of: missing: aggregate ratio is of one field to another, or to its baseline",
			rule->name);
	rule->of_baseline = strcmp(text->of, "baseline") == 0;
	if (rule->of_baseline)
		return 0;
	// The divisor is one of the same entries: of the list that the field chose.
	int err = rule_field_place(text->conf, text->node, rule, text->of, &rule->of);
	if (err == 0 && rule->of.kind != RULE_FIELD_VALUE)
		err = conf_error(text->conf, text->node, "rule %s: of: \"%s\": expected a field that adds up",
			rule->name, text->of);
	return err;
}

static int rule_read_threshold(const struct rule_text *text, struct alert_rule *rule) {
	rule->is_below = text->below >= 0;
	if ((text->threshold >= 0) == rule->is_below)
		return conf_error(text->conf, text->node,
			"rule %s: threshold: expected either threshold (fires at or above) or below (at or below)",
			rule->name);
	rule->threshold = rule->is_below ? text->below : text->threshold;
	return 0;
}

static bool action_exists(const struct alert_rules *rules, const char *name) {
	for (size_t i = 0; i < rules->actions_length; i++)
		if (strcmp(rules->actions[i].name, name) == 0)
			return true;
	return strcmp(name, "store") == 0 || strcmp(name, "log") == 0;
}

static int rule_read_actions(const struct rule_text *text, struct alert_rule *rule) {
	size_t used = 0;
	for (size_t i = 0; i < text->actions->length; i++) {
		const char *name = text->actions->items[i];
		if (!action_exists(text->rules, name))
			return conf_error(text->conf, text->node,
				"rule %s: actions: \"%s\": expected store, log or the name of an action above",
				rule->name, name);
		used += (size_t)snprintf(
			rule->actions + used, sizeof(rule->actions) - used, "%s%s", i > 0 ? "," : "", name);
		if (used >= sizeof(rule->actions))
			return conf_error(text->conf, text->node, "rule %s: actions: too many", rule->name);
	}
	return 0;
}

// "ratio retransmitted_packets / packets in 30 s"
static void rule_describe(struct alert_rule *rule) {
	char percent[16] = "";
	if (rule->aggregate == ALERT_PERCENTILE)
		snprintf(percent, sizeof(percent), " %g", rule->percentile);
	snprintf(rule->measure, sizeof(rule->measure), "%s%s %.24s%s%.20s in %u s", aggregate_names[rule->aggregate],
		percent, rule->field.name, rule->aggregate == ALERT_RATIO ? " / " : "",
		rule->of_baseline ? "baseline" : rule->of.name, rule->window_s);
}

static int rule_place(const struct rule_text *text, struct alert_rule *rule) {
	int err = rule_read_over(text, rule);
	if (err == 0)
		err = rule_field_place(text->conf, text->node, rule, text->field, &rule->field);
	if (err == 0)
		err = rule_read_of(text, rule);
	if (err == 0)
		err = rule_settle(text, rule);
	if (err == 0)
		err = rule_read_threshold(text, rule);
	if (err == 0)
		err = rule_check_aggregate(text, rule);
	if (err == 0)
		err = rule_read_actions(text, rule);
	if (err == 0 && text->only != NULL && rule->view.name[0] != '\0')
		err = conf_error(text->conf, text->only, "rule %s: only: the aggregate %s has a filter of its own",
			rule->name, rule->view.name);
	if (err == 0 && text->only != NULL)
		err = filter_read(text->conf, text->only, "rule.only",
			rule->over == ALERT_OVER_LIST ? rule->view.kind : LISTS, &rule->view.filter);
	if (err == 0)
		rule_describe(rule);
	return err;
}

static int rule_read(struct rule_text *text, struct alert_rule *rule) {
	int aggregate = 0, severity = 1;
	uint64_t window_ns = 10 * NS_PER_S;
	*rule = (struct alert_rule){.at_most = 32, .percentile = -1};
	text->threshold = text->below = -1;
	text->only = NULL;
	text->of[0] = '\0';
	text->actions->length = 1;
	strcpy(text->actions->items[0], "log");
	const struct conf_field fields[] = {
		{"name", CONF_STRING, rule->name, sizeof(rule->name), .required = 1},
		{"over", CONF_STRING, text->over, sizeof(text->over), .required = 1},
		{"field", CONF_STRING, text->field, sizeof(text->field), .required = 1},
		{"of", CONF_STRING, text->of, sizeof(text->of)},
		{"aggregate", CONF_CHOICE, &aggregate, .choices = aggregate_names, .required = 1},
		{"window", CONF_DURATION, &window_ns, .min = 1e9, .max = ALERT_RULE_WINDOW_S_MAX * 1e9},
		{"threshold", CONF_NUMBER, &text->threshold, .min = 1e-9, .max = 1e18},
		{"below", CONF_NUMBER, &text->below, .min = 0, .max = 1e18},
		{"minimum", CONF_NUMBER, &rule->minimum, .min = 0, .max = 1e18},
		{"percentile", CONF_NUMBER, &rule->percentile, .min = 0, .max = 100},
		{"baseline", CONF_DURATION, &rule->baseline_ns, .min = 5e9, .max = 86400e9},
		{"only", CONF_NODE, &text->only},
		{"for", CONF_DURATION, &rule->for_ns, .min = 0, .max = 3600e9},
		{"hold_down", CONF_DURATION, &rule->hold_down_ns, .min = 0, .max = 86400e9},
		{"at_most", CONF_U32, &rule->at_most, .min = 1, .max = ALERTS_ACTIVE_MAX},
		{"severity", CONF_CHOICE, &severity, .choices = severity_names},
		{"description", CONF_STRING, rule->description, sizeof(rule->description)},
		{"actions", CONF_STRINGS, text->actions},
		{0},
	};
	int err = conf_mapping(text->conf, text->node, "rule", fields);
	if (err != 0)
		return err;
	if (!node_name_is_valid(rule->name))
		return conf_error(
			text->conf, text->node, "rule.name: \"%s\": expected 1 to 63 of A-Z a-z 0-9 . _ -", rule->name);
	if (window_ns % NS_PER_S != 0)
		return conf_error(text->conf, text->node, "rule %.63s: window: %gs: expected whole seconds", rule->name,
			(double)window_ns / 1e9);
	rule->aggregate = (enum alert_aggregate)aggregate;
	rule->severity = severity_names[severity];
	rule->window_s = (uint32_t)(window_ns / NS_PER_S);
	text_clean_utf8(rule->description);
	return rule_place(text, rule);
}

static int rules_read_list(struct rule_text *text, const yaml_node_t *list, struct alert_rules *rules) {
	const yaml_node_t *item;
	int err = list->type == YAML_SEQUENCE_NODE ? 0 : conf_error(text->conf, list, "rules: expected a list");
	for (size_t i = 0; err == 0 && (item = conf_item(text->conf, list, i)) != NULL; i++) {
		if (i == ALERT_RULES_MAX)
			return conf_error(text->conf, item, "rules: expected at most %d", ALERT_RULES_MAX);
		text->node = item;
		err = rule_read(text, &rules->list[i]);
		if (err == 0 && alert_rules_find(rules, rules->list[i].name) != NULL)
			err = conf_error(text->conf, item, "rule %s: there are two of this name", rules->list[i].name);
		rules->length = i + 1;
	}
	return err;
}

static int rules_read(struct conf *conf, const struct views *views, struct alert_rules *rules) {
	static struct conf_strings action_names; // one thread; too large for a stack
	const yaml_node_t *list = NULL, *actions = NULL;
	const struct conf_field fields[] = {
		{"actions", CONF_NODE, &actions}, {"rules", CONF_NODE, &list, .required = 1}, {0}};
	struct rule_text text = {.conf = conf, .views = views, .rules = rules, .actions = &action_names};
	int err = conf_mapping(conf, conf_root(conf), "", fields);
	if (err == 0 && actions != NULL)
		err = actions_read(conf, actions, rules->actions, &rules->actions_length);
	return err == 0 ? rules_read_list(&text, list, rules) : err;
}

int alert_rules_load(struct alert_rules *rules, const struct views *views, const char *path, char *error) {
	struct conf conf;
	*rules = (struct alert_rules){0};
	int err = conf_open(&conf, path);
	if (err == 0) {
		err = rules_read(&conf, views, rules);
		conf_close(&conf);
	}
	if (err != 0)
		snprintf(error, CONF_ERROR_SIZE, "%s", conf.error);
	return err;
}
