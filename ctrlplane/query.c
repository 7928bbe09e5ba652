// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/query.h"

#include <stdio.h>
#include <string.h>

#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/text.h"

enum { QUERY_LIMIT_MAX = 1000 };

struct query {
	struct state *state;
	const Weir__Request *request;
	const struct node *node; // NULL: all
	char *error;
};

static json_t *answer_status(const struct query *query) {
	return query_status(query->state);
}

static json_t *answer_operators(const struct query *query) {
	return query_operators(query->state, query->node);
}

static uint32_t query_limit(const struct query *query) {
	uint32_t limit = query->request->limit != 0 ? query->request->limit : query->state->config.list_length;
	return limit < QUERY_LIMIT_MAX ? limit : QUERY_LIMIT_MAX;
}

static json_t *answer_top(const struct query *query) {
	const struct config *config = &query->state->config;
	const char *what = query->request->what[0] != '\0' ? query->request->what : "flows";
	uint32_t longest_s = config->windows_s[config->windows_length - 1];
	struct query_top top = {.window_s = query->request->window_s, .limit = query_limit(query), .node = query->node};
	if (top.window_s == 0)
		top.window_s = config->windows_s[0];
	while (top.kind < LISTS_SHOWN && strcmp(what, list_types[top.kind].name) != 0)
		top.kind++;
	top.view = views_find(&query->state->views, what);
	if (top.view != NULL) {
		top.kind = top.view->kind;
		if (query->request->window_s == 0)
			top.window_s = top.view->window_s;
		if (query->request->limit == 0)
			top.limit = top.view->list_length;
		longest_s = longest_s > top.view->window_s ? longest_s : top.view->window_s;
	}
	if (top.kind == LISTS_SHOWN)
		snprintf(query->error, QUERY_ERROR_SIZE,
			"top: \"%.40s\": expected flows, hosts, ports, prefixes, applications "
			"or an aggregate of the configuration",
			what);
	else if (top.window_s > longest_s)
		snprintf(query->error, QUERY_ERROR_SIZE, "top: window %u s: expected 1..%u s", top.window_s, longest_s);
	else
		return query_top(query->state, &top);
	return NULL;
}

static json_t *answer_tcp(const struct query *query) {
	const struct config *config = &query->state->config;
	uint32_t longest_s = config->windows_s[config->windows_length - 1];
	uint32_t window_s = query->request->window_s != 0 ? query->request->window_s : config->windows_s[0];
	if (window_s <= longest_s)
		return query_tcp(query->state, window_s, query_limit(query), query->node);
	snprintf(query->error, QUERY_ERROR_SIZE, "tcp: window %u s: expected 1..%u s", window_s, longest_s);
	return NULL;
}

static json_t *answer_paths(const struct query *query) {
	return query_paths(query->state, query_limit(query));
}

static json_t *answer_channels(const struct query *query) {
	json_t *answer = query_channels(query->state, query_limit(query));
	if (answer == NULL)
		snprintf(query->error, QUERY_ERROR_SIZE, "channels: the configuration has no stage bandwidth");
	return answer;
}

static json_t *answer_reload(const struct query *query) {
	char error[CONF_ERROR_SIZE] = "the configuration is not read again here";
	struct state *state = query->state;
	if (state->reload == NULL || state->reload(state, error) != 0) {
		snprintf(query->error, QUERY_ERROR_SIZE, "%.*s", QUERY_ERROR_SIZE - 1, error);
		return NULL;
	}
	return json_pack("{sI sI sI}", "rules", (json_int_t)state->rules.length, "keys",
		(json_int_t)state->access.length, "reloads", (json_int_t)state->reloads);
}

static json_t *answer_alerts(const struct query *query) {
	const char *what = query->request->what;
	bool is_all = strcmp(what, "all") == 0;
	if (is_all || what[0] == '\0' || strcmp(what, "active") == 0)
		return query_alerts(query->state, is_all, query_limit(query));
	snprintf(query->error, QUERY_ERROR_SIZE, "alerts: \"%.40s\": expected active or all", what);
	return NULL;
}

static json_t *answer_explain(const struct query *query) {
	const struct channels_answers *channels = query->state->channels;
	json_t *answer = act_explain(&query->state->act, query->request->what, query_limit(query));
	if (answer == NULL && channels != NULL)
		answer = channels->explain(channels->context, query->request->what);
	if (answer == NULL)
		snprintf(query->error, QUERY_ERROR_SIZE,
			"explain: \"%.60s\": none of the last decisions; expected its id, that of its alert, or a "
			"channel",
			query->request->what);
	return answer;
}

static const struct command {
	const char *name;
	json_t *(*answer)(const struct query *query);
} commands[] = {
	{"status", answer_status},
	{"top", answer_top},
	{"tcp", answer_tcp},
	{"paths", answer_paths},
	{"channels", answer_channels},
	{"operators", answer_operators},
	{"alerts", answer_alerts},
	{"reload", answer_reload},
	{"explain", answer_explain},
};

static json_t *query_run(struct query *query) {
	if (query->request->node[0] != '\0') {
		query->node = nodes_find(&query->state->nodes, query->request->node);
		if (query->node == NULL) {
			snprintf(query->error, QUERY_ERROR_SIZE, "node \"%.64s\": not known", query->request->node);
			return NULL;
		}
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(query->request->command, commands[i].name) == 0)
			return commands[i].answer(query);
	snprintf(query->error, QUERY_ERROR_SIZE,
		"command \"%.40s\": expected status, top, tcp, paths, channels, operators, alerts, reload, explain, "
		"set, move, "
		"apply, "
		"remove, log or stop",
		query->request->command);
	return NULL;
}

json_t *query_channels(struct state *state, uint32_t limit) {
	return state->channels != NULL ? state->channels->list(state->channels->context, limit) : NULL;
}

char *query_answer(struct state *state, const Weir__Request *request, char *error) {
	struct query query = {.state = state, .request = request, .error = error};
	snprintf(error, QUERY_ERROR_SIZE, "no memory for the answer");
	json_t *answer = query_run(&query);
	if (answer == NULL) {
		text_clean(error);
		return NULL;
	}
	char *text = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(answer);
	return text;
}
