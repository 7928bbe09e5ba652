// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/rule_field.h"

#include <stdio.h>
#include <string.h>

#include "ctrlplane/losses.h"
#include "ctrlplane/totals.h"

enum { FIELDS_MAX = 40, FIELDS_TEXT_SIZE = 400 };

static bool is_prefix_list(enum list_kind kind) {
	return kind == LIST_PREFIXES || kind == LIST_TCP_PREFIXES;
}

static size_t list_fields(enum list_kind kind, const char **out) {
	size_t length = 0, values = kind == LIST_TCP_PREFIXES ? TCP_PREFIX_RETRANSMITTED : TOPN_VALUES;
	for (size_t i = 0; i < values && list_types[kind].values[i] != NULL; i++)
		if ((list_types[kind].max_mask >> i & 1) == 0)
			out[length++] = list_types[kind].values[i];
	return length;
}

// What a rule may look at: the values that can be added up, bits where there are bytes, and a few of their own.
static void rule_fields(const struct alert_rule *rule, const char *out[FIELDS_MAX]) {
	size_t length = 0;
	if (rule->over == ALERT_OVER_LIST)
		length = list_fields(rule->view.kind, out);
	else
		while (length < TOTALS_FIELDS) {
			out[length] = totals_names[length];
			length++;
		}
	out[length++] = "bits";
	if (rule->over == ALERT_OVER_LIST && is_prefix_list(rule->view.kind)) {
		for (int i = TCP_PREFIX_RETRANSMITTED; i < TCP_PREFIX_RANK; i++)
			out[length++] = list_types[LIST_TCP_PREFIXES].values[i];
		out[length++] = "rtt_ms";
	}
	if (rule->over != ALERT_OVER_LIST) {
		out[length++] = "rtt_ms";
		out[length++] = "handshake_ms";
		for (int i = 0; i < LOSS_KINDS; i++)
			out[length++] = loss_names[i];
	}
	if (rule->over == ALERT_OVER_NODE)
		out[length++] = "lost";
	if (rule->over == ALERT_OVER_LIST && rule->view.kind == LIST_HOSTS)
		out[length++] = "endpoints_out";
	out[length] = NULL;
}

static unsigned index_of(const char *const *names, size_t length, const char *name) {
	unsigned i = 0;
	while (i < length && names[i] != NULL && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static int rule_field_unknown(struct conf *conf, const yaml_node_t *node, const struct alert_rule *rule,
	const char *name, const char **fields) {
	static const char *const overs[] = {[ALERT_OVER_NODE] = "node", [ALERT_OVER_TOTAL] = "total"};
	char allowed[FIELDS_TEXT_SIZE] = "";
	for (size_t i = 0, used = 0; fields[i] != NULL && used < sizeof(allowed); i++)
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s", i > 0 ? ", " : "", fields[i]);
	return conf_error(conf, node, "rule %s: field \"%s\": expected over %s one of %s", rule->name, name,
		rule->over == ALERT_OVER_LIST ? list_types[rule->view.kind].name : overs[rule->over], allowed);
}

static bool is_of_tcp(const char *name) {
	for (int i = TCP_PREFIX_RETRANSMITTED; i < TCP_PREFIX_RANK; i++)
		if (strcmp(list_types[LIST_TCP_PREFIXES].values[i], name) == 0)
			return true;
	return strcmp(name, "rtt_ms") == 0;
}

// The lists in which hosts are the greatest by these.
static enum list_kind list_for(enum list_kind kind, const struct rule_field *field) {
	if (kind != LIST_HOSTS)
		return kind;
	if (field->kind == RULE_FIELD_ENDPOINTS || field->index == HOST_FLOWS_OUT)
		return LIST_SOURCES;
	return field->index == HOST_SYN_IN ? LIST_TARGETS : kind;
}

int rule_field_place(
	struct conf *conf, const yaml_node_t *node, struct alert_rule *rule, const char *name, struct rule_field *out) {
	const char *fields[FIELDS_MAX];
	rule_fields(rule, fields);
	if (fields[index_of(fields, FIELDS_MAX, name)] == NULL)
		return rule_field_unknown(conf, node, rule, name, fields);
	*out = (struct rule_field){.scale = 1};
	snprintf(out->name, sizeof(out->name), "%s", name);
	if (rule->over == ALERT_OVER_LIST && rule->view.kind == LIST_PREFIXES && is_of_tcp(name))
		rule->view.kind = LIST_TCP_PREFIXES;
	if (strcmp(name, "lost") == 0) {
		out->kind = RULE_FIELD_LOST;
	} else if (strcmp(name, "rtt_ms") == 0) {
		out->kind = RULE_FIELD_RTT;
	} else if (strcmp(name, "handshake_ms") == 0) {
		out->kind = RULE_FIELD_HANDSHAKE;
	} else if (rule->over != ALERT_OVER_LIST && index_of(loss_names, LOSS_KINDS, name) < LOSS_KINDS) {
		out->kind = RULE_FIELD_LOSS;
		out->index = index_of(loss_names, LOSS_KINDS, name);
	} else if (strcmp(name, "endpoints_out") == 0) {
		out->kind = RULE_FIELD_ENDPOINTS;
	} else {
		bool is_bits = strcmp(name, "bits") == 0;
		out->scale = is_bits ? 8 : 1;
		name = is_bits ? "bytes" : name;
		out->index = rule->over == ALERT_OVER_LIST
				     ? index_of(list_types[rule->view.kind].values, TOPN_VALUES, name)
				     : index_of(totals_names, TOTALS_FIELDS, name);
	}
	if (rule->over == ALERT_OVER_LIST && out == &rule->field)
		rule->view.kind = list_for(rule->view.kind, out);
	return 0;
}
