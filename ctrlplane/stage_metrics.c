// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// metrics: what the controller knows in Prometheus text format over HTTP. libmicrohttpd's epoll descriptor is one more
// that the loop polls; the text is made at most once per interval, however often it is asked for.
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/channel_metrics.h"
#include "api/listen.h"
#include "api/node_metrics.h"
#include "api/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/logic.h"
#include "ctrlplane/query.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/store.h"

enum {
	CONNECTIONS_MAX = 32,
	CONNECTION_MEMORY = 16384,
	CONNECTION_S = 10, // without a byte
};

struct metrics_state {
	struct MHD_Daemon *daemon; // NULL: nothing is served
	char *text;                // [size], of the interval at made_mono_ns
	size_t size;
	uint64_t made_mono_ns;
};

static const struct stage_option metrics_options[] = {
	{.name = "metrics",
		.type = CONF_STRING,
		.offset = offsetof(struct config, metrics),
		.size = CONFIG_TEXT_SIZE,
		.fallback = "none",
		.help = "ADDRESS:PORT of loopback, such as 127.0.0.1:9570, or none"},
	{0},
};

static uint64_t count_of(const json_t *object, const char *name) {
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static void add_count(struct metrics *metrics, const char *name, const char *help, uint64_t value) {
	size_t length = strlen(name);
	bool is_counter = length > 6 && strcmp(name + length - 6, "_total") == 0;
	metrics_family(metrics, name, is_counter ? "counter" : "gauge", help);
	metrics_count(metrics, value, NULL);
}

static void add_controller(struct metrics *metrics, const struct state *state) {
	const struct state_counters *c = &state->counters;
	metrics_family(metrics, "weir_controller_info", "gauge", "The version that runs.");
	metrics_count(metrics, 1, "version", WEIR_VERSION, NULL);
	metrics_family(metrics, "weir_controller_start_timestamp_seconds", "gauge", "When it was started.");
	metrics_real(metrics, (double)state->started_ns / 1e9, NULL);
	add_count(metrics, "weir_controller_epoch", "Its epoch.", state->epoch);
	add_count(metrics, "weir_controller_messages_received_total", "Messages on both sockets.", c->messages);
	add_count(metrics, "weir_controller_messages_taken_total", "Messages that were of use.", c->taken);
	add_count(metrics, "weir_controller_messages_malformed_total", "Messages that made no sense.", c->malformed);
	add_count(metrics, "weir_controller_messages_refused_total", "Messages that were refused.", c->refused);
	add_count(metrics, "weir_controller_messages_unregistered_total", "Messages of nobody known.", c->unregistered);
	add_count(
		metrics, "weir_controller_answers_undeliverable_total", "Answers that nobody took.", c->undeliverable);
	add_count(metrics, "weir_controller_connections_accepted_total", "Connections to both sockets.",
		state->access.accepted);
	add_count(metrics, "weir_controller_connections_ended_total", "Connections that ended, whoever ended them.",
		state->access.ended);
	metrics_family(
		metrics, "weir_controller_refusals_total", "counter", "Connections and messages refused, by reason.");
	for (int i = 0; i < ACCESS_REFUSALS; i++)
		metrics_count(metrics, state->access.refused[i], "reason", access_refusal_names[i], NULL);
	add_count(metrics, "weir_controller_nodes_departed_total", "Nodes given up to make room.",
		state->nodes.departed_nodes);
	add_count(metrics, "weir_alerts_active", "Alerts that fire.", state->alerts.active_length);
	add_count(metrics, "weir_controller_alert_events_total", "Starts and ends of alerts.", state->alerts.events);
	add_count(metrics, "weir_controller_alerts_overflow_total", "Subjects that found no room for their alert.",
		state->logic != NULL ? state->logic->overflow : 0);
}

static void add_store(struct metrics *metrics, const struct state *state) {
	json_t *status = store_status(state->store);
	const char *how = json_string_value(json_object_get(status, "state"));
	add_count(metrics, "weir_controller_redis_up", "1: connected to Redis.",
		how != NULL && strcmp(how, "connected") == 0);
	add_count(metrics, "weir_controller_redis_errors_total", "Connections lost and transactions failed.",
		count_of(status, "errors"));
	add_count(metrics, "weir_controller_history_pending", "Entries of the history that wait for Redis.",
		count_of(status, "history_pending"));
	metrics_family(metrics, "weir_stored_timestamp_seconds", "gauge", "When the state was stored last.");
	metrics_real(metrics, (double)count_of(status, "stored_ns") / 1e9, NULL);
	json_decref(status);
}

static void metrics_make(struct metrics_state *made, struct state *state) {
	struct metrics metrics = {0};
	json_t *status = query_status(state), *graphs = query_operators(state, NULL);
	json_t *channels = query_channels(state, QUERY_CHANNELS_MAX);
	add_controller(&metrics, state);
	add_store(&metrics, state);
	node_metrics_add(&metrics, json_object_get(status, "nodes"), json_object_get(graphs, "nodes"));
	channel_metrics_add(&metrics, channels);
	json_decref(channels);
	json_decref(status);
	json_decref(graphs);
	free(made->text);
	made->text = metrics_finish(&metrics, &made->size);
	made->made_mono_ns = clock_mono_ns();
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *text, size_t size) {
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, METRICS_TYPE);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	enum MHD_Result queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result metrics_answer(void *context, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size, void **request) {
	static const char expected[] = "expected GET /metrics\n";
	static const char foreign[] = "Host: expected localhost or a loopback address\n";
	struct stage *stage = context;
	struct metrics_state *state = stage->state;
	bool is_read = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	if (!is_read)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, expected, strlen(expected));
	// The first call has the headers alone: an answer to it would end the connection.
	if (*request == NULL) {
		*request = state;
		return MHD_YES;
	}
	if (*upload_size > 0)
		return MHD_NO;
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	if (!listen_serves_host(host, true, NULL, 0))
		return answer(connection, MHD_HTTP_FORBIDDEN, foreign, strlen(foreign));
	if (strcmp(url, "/metrics") != 0)
		return answer(connection, MHD_HTTP_NOT_FOUND, expected, strlen(expected));
	if (state->text == NULL || clock_mono_ns() - state->made_mono_ns >= stage->shared->config.interval_ns)
		metrics_make(state, stage->shared);
	return state->text != NULL ? answer(connection, MHD_HTTP_OK, state->text, state->size) : MHD_NO;
}

static int metrics_start(struct stage *stage, char *error) {
	struct metrics_state *state = stage->state;
	const char *listen = stage->shared->config.metrics;
	char why[LISTEN_ERROR_SIZE] = "", bound[LISTEN_TEXT_SIZE];
	bool is_loopback = false;
	if (strcmp(listen, "none") == 0)
		return 0;
	int socket = listen_open(listen, &is_loopback, bound, why);
	if (socket >= 0 && !is_loopback) {
		snprintf(why, sizeof(why),
			"\"%.80s\": expected a loopback address: beyond it everybody could read along", listen);
		close(socket);
		socket = -EACCES;
	}
	if (socket < 0) {
		snprintf(error, CONF_ERROR_SIZE, "metrics: %s", why);
		return socket;
	}
	state->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, metrics_answer, stage, MHD_OPTION_LISTEN_SOCKET,
		socket, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_S, MHD_OPTION_END);
	if (state->daemon == NULL) {
		close(socket);
		snprintf(error, CONF_ERROR_SIZE, "metrics: the HTTP server does not start");
		return -ENOMEM;
	}
	log_line("metrics at http://%s/metrics", bound);
	return 0;
}

static void metrics_end(struct stage *stage) {
	struct metrics_state *state = stage->state;
	if (state->daemon != NULL)
		MHD_stop_daemon(state->daemon);
	free(state->text);
}

static int metrics_descriptor(const struct stage *stage, short *events) {
	const struct metrics_state *state = stage->state;
	*events = POLLIN;
	return state->daemon != NULL ? MHD_get_daemon_info(state->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd : -1;
}

static void metrics_work(struct stage *stage) {
	struct metrics_state *state = stage->state;
	if (state->daemon != NULL)
		MHD_run(state->daemon);
}

static const struct stage_type metrics_type = {
	.name = "metrics",
	.title = "serves what the controller knows to Prometheus, at /metrics",
	.manual = "Text format 0.0.4: the controller's own counters, and those of nodes, operators and channels, under "
		  "the same names as on the dashboard. Only requests whose Host is localhost or a loopback address are "
		  "answered, so that no page in a browser gets at them under a name of its own.",
	.options = metrics_options,
	.state_size = sizeof(struct metrics_state),
	.init = metrics_start,
	.fini = metrics_end,
	.descriptor = metrics_descriptor,
	.work = metrics_work,
};
STAGE_REGISTER(metrics_type);
