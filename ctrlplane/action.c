// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/action.h"

#include <string.h>

#include "api/clock.h"
#include "ctrlplane/nodes.h"

static const char *const type_names[] = {"webhook", "command", NULL};
const char *const action_verbs[] = {"set", "log", NULL};
static const char *const on_names[] = {"both", "start", "end", NULL};

static bool is_url(const char *text) {
	size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	return scheme > 0 && text[scheme] != '\0' && text[scheme] != '/';
}

// A header is a line of its own: none may bring another with it.
static bool is_header(const char *text) {
	const char *colon = strchr(text, ':');
	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			return false;
	return colon != NULL && colon != text && strcspn(text, " ") > (size_t)(colon - text);
}

static int action_check(struct conf *conf, const yaml_node_t *node, const struct action *action) {
	if (!node_name_is_valid(action->name))
		return conf_error(
			conf, node, "action.name: \"%s\": expected 1 to 63 of A-Z a-z 0-9 . _ -", action->name);
	if (strcmp(action->name, "store") == 0 || strcmp(action->name, "log") == 0)
		return conf_error(conf, node, "action.name: \"%s\": is there already", action->name);
	if (action->type == ACTION_COMMAND && (action->node[0] == '\0' || action->value[0] == '\0' ||
						      (action->verb == 0) != (action->target[0] != '\0')))
		return conf_error(conf, node,
			"action %s: expected node, command and value, and with set a target OPERATOR.OPTION",
			action->name);
	if (action->type == ACTION_COMMAND)
		return 0;
	if (!is_url(action->url))
		return conf_error(conf, node, "action.url: \"%.100s\": expected http://HOST/... or https://HOST/...",
			action->url);
	for (size_t i = 0; i < action->headers.length; i++)
		if (!is_header(action->headers.items[i]))
			return conf_error(conf, node, "action.headers: \"%.100s\": expected Name: value",
				action->headers.items[i]);
	return 0;
}

static int action_read(struct conf *conf, const yaml_node_t *node, struct action *out) {
	int type = 0, on = 0;
	*out = (struct action){.timeout_ns = 5 * NS_PER_S, .backoff_ns = NS_PER_S, .retries = 5, .queue = 100};
	const struct conf_field fields[] = {
		{"name", CONF_STRING, out->name, sizeof(out->name), .required = 1},
		{"type", CONF_CHOICE, &type, .choices = type_names, .required = 1},
		{"on", CONF_CHOICE, &on, .choices = on_names},
		{"url", CONF_STRING, out->url, sizeof(out->url)},
		{"headers", CONF_STRINGS, &out->headers},
		{"ca", CONF_PATH, out->ca, sizeof(out->ca)},
		{"proxy", CONF_STRING, out->proxy, sizeof(out->proxy)},
		{"timeout", CONF_DURATION, &out->timeout_ns, .min = 100e6, .max = 60e9},
		{"backoff", CONF_DURATION, &out->backoff_ns, .min = 10e6, .max = 60e9},
		{"retries", CONF_U32, &out->retries, .min = 0, .max = 100},
		{"node", CONF_STRING, out->node, sizeof(out->node)},
		{"command", CONF_CHOICE, &out->verb, .choices = action_verbs},
		{"target", CONF_STRING, out->target, sizeof(out->target)},
		{"value", CONF_STRING, out->value, sizeof(out->value)},
		{"queue", CONF_U32, &out->queue, .min = 1, .max = ACTION_QUEUE_MAX},
		{0},
	};
	int err = conf_mapping(conf, node, "action", fields);
	out->type = (enum action_type)type;
	out->on = (enum action_on)on;
	return err == 0 ? action_check(conf, node, out) : err;
}

int actions_read(struct conf *conf, const yaml_node_t *list, struct action *out, size_t *length) {
	const yaml_node_t *item;
	*length = 0;
	if (list->type != YAML_SEQUENCE_NODE)
		return conf_error(conf, list, "actions: expected a list");
	for (size_t i = 0; (item = conf_item(conf, list, i)) != NULL; i++) {
		if (i == ACTIONS_MAX)
			return conf_error(conf, item, "actions: expected at most %d", ACTIONS_MAX);
		int err = action_read(conf, item, &out[i]);
		for (size_t before = 0; err == 0 && before < i; before++)
			if (strcmp(out[before].name, out[i].name) == 0)
				err = conf_error(conf, item, "action %s: there are two of this name", out[i].name);
		if (err != 0)
			return err;
		*length = i + 1;
	}
	return 0;
}

bool action_equal(const struct action *a, const struct action *b) {
	if (a->headers.length != b->headers.length)
		return false;
	for (size_t i = 0; i < a->headers.length; i++)
		if (strcmp(a->headers.items[i], b->headers.items[i]) != 0)
			return false;
	return a->type == b->type && strcmp(a->name, b->name) == 0 && strcmp(a->url, b->url) == 0 &&
	       strcmp(a->ca, b->ca) == 0 && strcmp(a->proxy, b->proxy) == 0 && a->timeout_ns == b->timeout_ns &&
	       a->backoff_ns == b->backoff_ns && a->retries == b->retries && a->queue == b->queue;
}
