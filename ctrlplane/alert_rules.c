// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/alert_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/clock.h"
#include "ctrlplane/conf.h"
#include "ctrlplane/text.h"
#include "ctrlplane/totals.h"

static const char *const over_names[] = {"flows", "hosts", "ports", "prefixes", "node", "total", NULL};
static const char *const aggregate_names[] = {"rate", "sum", "count", "distinct", "ratio", NULL};
static const char *const severity_names[] = {"info", "warning", "critical", NULL};

enum { RULE_FIELDS_MAX = 16 };

// What a rule may look at: the summable values of its list, and bits where there are bytes.
static void rule_fields(enum alert_over over, const char *out[RULE_FIELDS_MAX]) {
	size_t length = 0;
	if (over >= ALERT_OVER_NODE) {
		for (int i = 0; i < TOTALS_FIELDS; i++)
			out[length++] = totals_names[i];
	} else {
		for (int i = 0; list_types[over].values[i] != NULL; i++)
			if ((list_types[over].max_mask >> i & 1) == 0)
				out[length++] = list_types[over].values[i];
	}
	out[length++] = "bits";
	if (over == ALERT_OVER_NODE)
		out[length++] = "lost";
	if (over == ALERT_OVER_HOSTS)
		out[length++] = "endpoints_out";
	out[length] = NULL;
}

static unsigned index_of(const char *const *names, const char *name) {
	unsigned i = 0;
	while (names[i] != NULL && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static void rule_place_field(struct alert_rule *rule, const char *field) {
	rule->scale = 1;
	if (strcmp(field, "bits") == 0) {
		rule->scale = 8;
		field = "bytes";
	}
	if (rule->over >= ALERT_OVER_NODE) {
		rule->field = strcmp(field, "lost") == 0 ? ALERT_FIELD_LOST : index_of(totals_names, field);
		return;
	}
	rule->list = (enum list_kind)rule->over;
	if (strcmp(field, "endpoints_out") == 0) {
		rule->list = LIST_SOURCES;
		return;
	}
	rule->field = index_of(list_types[rule->over].values, field);
	// The lists in which those hosts are the greatest by this field.
	if (rule->over == ALERT_OVER_HOSTS && rule->field == HOST_FLOWS_OUT)
		rule->list = LIST_SOURCES;
	if (rule->over == ALERT_OVER_HOSTS && rule->field == HOST_SYN_IN)
		rule->list = LIST_TARGETS;
}

static int rule_check(struct conf *conf, const yaml_node_t *node, const struct alert_rule *rule, const char *field) {
	bool is_endpoints = strcmp(field, "endpoints_out") == 0, is_lost = strcmp(field, "lost") == 0;
	if (is_endpoints != (rule->aggregate == ALERT_DISTINCT))
		return conf_error(conf, node,
			"rule %s: aggregate distinct goes with over hosts, field endpoints_out, and only so",
			rule->name);
	if (is_lost != (rule->aggregate == ALERT_COUNT && rule->over >= ALERT_OVER_NODE))
		return conf_error(conf, node,
			"rule %s: aggregate count goes with over flows, hosts, ports or prefixes, or over node, field "
			"lost",
			rule->name);
	if (rule->aggregate == ALERT_RATIO && rule->over < ALERT_OVER_NODE)
		return conf_error(conf, node, "rule %s: aggregate ratio goes with over node or total", rule->name);
	return 0;
}

static int rule_field(struct conf *conf, const yaml_node_t *node, struct alert_rule *rule, const char *field) {
	const char *fields[RULE_FIELDS_MAX];
	rule_fields(rule->over, fields);
	if (fields[index_of(fields, field)] == NULL) {
		char allowed[256] = "";
		for (size_t i = 0, used = 0; fields[i] != NULL && used < sizeof(allowed); i++)
			used += (size_t)snprintf(
				allowed + used, sizeof(allowed) - used, "%s%s", i > 0 ? ", " : "", fields[i]);
		return conf_error(conf, node, "rule %s: field \"%s\": expected over %s one of %s", rule->name, field,
			over_names[rule->over], allowed);
	}
	rule_place_field(rule, field);
	return rule_check(conf, node, rule, field);
}

static int rule_read(struct conf *conf, const yaml_node_t *node, struct alert_rule *rule) {
	char field[ALERT_NAME_SIZE];
	int over = 0, aggregate = 0, severity = 1;
	uint64_t window_ns = 10 * NS_PER_S;
	*rule = (struct alert_rule){.baseline_ns = 300 * NS_PER_S};
	const struct conf_field fields[] = {
		{"name", CONF_STRING, rule->name, sizeof(rule->name), .required = 1},
		{"over", CONF_CHOICE, &over, .choices = over_names, .required = 1},
		{"field", CONF_STRING, field, sizeof(field), .required = 1},
		{"aggregate", CONF_CHOICE, &aggregate, .choices = aggregate_names, .required = 1},
		{"window", CONF_DURATION, &window_ns, .min = 1e9, .max = ALERT_RULE_WINDOW_S_MAX * 1e9},
		{"threshold", CONF_NUMBER, &rule->threshold, .min = 1e-9, .max = 1e18, .required = 1},
		{"hold_down", CONF_DURATION, &rule->hold_down_ns, .min = 0, .max = 86400e9},
		{"severity", CONF_CHOICE, &severity, .choices = severity_names},
		{"description", CONF_STRING, rule->description, sizeof(rule->description)},
		{"baseline", CONF_DURATION, &rule->baseline_ns, .min = 5e9, .max = 600e9},
		{"minimum", CONF_NUMBER, &rule->minimum, .min = 0, .max = 1e18},
		{0},
	};
	int err = conf_mapping(conf, node, "rule", fields);
	if (err != 0)
		return err;
	rule->over = (enum alert_over)over;
	rule->aggregate = (enum alert_aggregate)aggregate;
	rule->severity = severity_names[severity];
	rule->window_s = (uint32_t)(window_ns / NS_PER_S);
	text_clean(rule->name);
	text_clean(rule->description);
	snprintf(rule->measure, sizeof(rule->measure), "%s %.40s in %u s", aggregate_names[aggregate], field,
		rule->window_s);
	return rule_field(conf, node, rule, field);
}

static int rules_read(struct conf *conf, struct alert_rules *rules) {
	const yaml_node_t *list = NULL, *item;
	const struct conf_field fields[] = {{"rules", CONF_NODE, &list, .required = 1}, {0}};
	int err = conf_mapping(conf, conf_root(conf), "", fields);
	if (err == 0 && list->type != YAML_SEQUENCE_NODE)
		err = conf_error(conf, list, "rules: expected a list");
	for (size_t i = 0; err == 0 && (item = conf_item(conf, list, i)) != NULL; i++) {
		if (i == ALERT_RULES_MAX)
			return conf_error(conf, item, "rules: expected at most %d", ALERT_RULES_MAX);
		struct alert_rule *rule = &rules->list[i];
		err = rule_read(conf, item, rule);
		for (size_t before = 0; err == 0 && before < i; before++)
			if (strcmp(rules->list[before].name, rule->name) == 0)
				err = conf_error(conf, item, "rule %s: there are two of this name", rule->name);
		rules->length = i + 1;
	}
	return err;
}

int alert_rules_load(struct alert_rules *rules, const char *path, char *error) {
	struct conf conf;
	*rules = (struct alert_rules){0};
	int err = conf_open(&conf, path);
	if (err == 0) {
		err = rules_read(&conf, rules);
		conf_close(&conf);
	}
	if (err != 0)
		snprintf(error, CONF_ERROR_SIZE, "%s", conf.error);
	return err;
}
