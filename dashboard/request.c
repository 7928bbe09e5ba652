// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/request.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard/answer.h"
#include "api/clock.h"
#include "dashboard/events.h"
#include "dashboard/login.h"
#include "dashboard/metrics.h"

#define API "/api/v1/"

enum { REQUEST_PATH_SIZE = 256 };

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_OTHER };

struct request {
	struct server *server;
	struct MHD_Connection *mhd;
	enum method method;
	char path[REQUEST_PATH_SIZE];
	char upload[SERVER_UPLOAD_MAX + 1]; // [upload_size]
	size_t upload_size;
	// Of a series:
	struct series_waiter waiter;
	bool is_ready; // status and body are set
	unsigned status;
	struct body *body;
};

static enum method method_of(const char *text) {
	if (strcmp(text, MHD_HTTP_METHOD_GET) == 0)
		return METHOD_GET;
	if (strcmp(text, MHD_HTTP_METHOD_HEAD) == 0)
		return METHOD_HEAD;
	return strcmp(text, MHD_HTTP_METHOD_POST) == 0 ? METHOD_POST : METHOD_OTHER;
}

static bool is_for_posting(const char *path) {
	return strcmp(path, "/login") == 0 || strcmp(path, "/logout") == 0;
}

// Bytes of the body as announced; without a length, more than any.
static unsigned long long body_size(struct MHD_Connection *mhd) {
	const char *length = answer_header_of(mhd, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (answer_header_of(mhd, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL)
		return ULLONG_MAX;
	return length != NULL ? strtoull(length, NULL, 10) : 0;
}

enum MHD_Result request_begin(
	struct server *server, struct MHD_Connection *mhd, struct request_line line, struct request **out) {
	enum method method = method_of(line.method);
	server->counters.requests++;
	if (method == METHOD_OTHER || (method == METHOD_POST && !is_for_posting(line.path)))
		return answer_error(mhd, MHD_HTTP_METHOD_NOT_ALLOWED, "%.20s: expected GET or HEAD", line.method);
	if (strlen(line.path) >= REQUEST_PATH_SIZE)
		return answer_error(
			mhd, MHD_HTTP_URI_TOO_LONG, "path: expected at most %d bytes", REQUEST_PATH_SIZE - 1);
	if (method != METHOD_POST && body_size(mhd) > 0)
		return answer_error(mhd, MHD_HTTP_BAD_REQUEST, "%s: expected no body", line.method);
	if (body_size(mhd) > SERVER_UPLOAD_MAX)
		return answer_error(mhd, MHD_HTTP_CONTENT_TOO_LARGE, "body: expected a length of at most %d bytes",
			SERVER_UPLOAD_MAX);
	struct request *request = calloc(1, sizeof(*request));
	if (request == NULL)
		return MHD_NO;
	request->server = server;
	request->mhd = mhd;
	request->method = method;
	strcpy(request->path, line.path);
	*out = request;
	return MHD_YES;
}

void request_take(struct request *request, const char *upload, size_t size) {
	if (size > SERVER_UPLOAD_MAX - request->upload_size)
		size = SERVER_UPLOAD_MAX - request->upload_size;
	memcpy(request->upload + request->upload_size, upload, size);
	request->upload_size += size;
}

void request_free(struct request *request) {
	if (request == NULL)
		return;
	body_release(request->body);
	free(request);
}

static const char *argument_of(const struct request *request, const char *name) {
	return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

static void series_ready(struct series_waiter *waiter, unsigned status, struct body *body) {
	struct request *request = (struct request *)((char *)waiter - offsetof(struct request, waiter));
	request->is_ready = true;
	request->status = status;
	request->body = body;
	MHD_resume_connection(request->mhd);
}

static enum MHD_Result answer_series(struct request *request) {
	struct series_parameters parameters = {
		.last = argument_of(request, "last"),
		.from = argument_of(request, "from"),
		.to = argument_of(request, "to"),
		.points = argument_of(request, "points"),
		.resolution = argument_of(request, "resolution"),
		.node = argument_of(request, "node"),
		.fields = argument_of(request, "fields"),
	};
	struct body *body = request->body;
	request->body = NULL;
	if (!request->is_ready) {
		request->waiter.ready = series_ready;
		request->is_ready = series_reader_get(
			&request->server->series, &parameters, &request->waiter, &request->status, &body);
	}
	if (!request->is_ready) {
		MHD_suspend_connection(request->mhd);
		return MHD_YES;
	}
	return answer_send(request->mhd, &(struct answer){.status = request->status, .type = ANSWER_JSON}, body);
}

static enum MHD_Result answer_api(struct request *request, struct connection *client) {
	const char *part = request->path + strlen(API);
	if (strcmp(part, "series") == 0)
		return answer_series(request);
	if (strcmp(part, "events") == 0 && request->method == METHOD_GET)
		return events_start(request->server, request->mhd, client, argument_of(request, "parts"));
	struct answer answer = {.type = ANSWER_JSON};
	struct body *body = parts_get(&request->server->parts, part, &answer.status);
	return answer_send(request->mhd, &answer, body);
}

static enum MHD_Result answer_page(struct request *request) {
	const struct page *page = &request->server->page;
	const struct page_file *file = page_find(page, request->path);
	if (file != NULL)
		return answer_send(request->mhd,
			&(struct answer){.status = MHD_HTTP_OK, .type = file->type, .is_immutable = file->is_immutable},
			body_keep(file->body));
	if (strcmp(request->path, "/") == 0)
		return answer_send(request->mhd, &(struct answer){.status = MHD_HTTP_OK, .type = ANSWER_TEXT},
			body_format("weir-dashboard %s runs, without its page: it was not built, or is not where "
				    "--page says.\nThe API is there: /api/v1/status, /api/v1/overview, /metrics\n",
				WEIR_VERSION));
	return answer_error(request->mhd, MHD_HTTP_NOT_FOUND, "\"%.100s\": no such path", request->path);
}

static enum MHD_Result answer_stranger(struct request *request, enum auth_verdict verdict) {
	if (verdict == AUTH_HELD)
		return answer_error(request->mhd, MHD_HTTP_TOO_MANY_REQUESTS,
			"too many wrong tokens came from your address: try again in a few seconds");
	bool is_page = strcmp(request->path, "/") == 0 || strcmp(request->path, "/index.html") == 0;
	if (!is_page)
		return answer_error(request->mhd, MHD_HTTP_UNAUTHORIZED,
			"a token is needed: Authorization: Bearer TOKEN, or the cookie of /login");
	return answer_send(request->mhd,
		&(struct answer){.status = MHD_HTTP_SEE_OTHER, .type = ANSWER_TEXT, .location = "login"},
		body_format("see login\n"));
}

static enum MHD_Result answer_login(struct request *request) {
	if (request->method != METHOD_POST)
		return login_show(request->mhd, MHD_HTTP_OK);
	return login_take(request->server, request->mhd, request->upload);
}

enum MHD_Result request_answer(struct request *request, struct connection *client) {
	struct auth *auth = &request->server->auth;
	const char *host = answer_header_of(request->mhd, MHD_HTTP_HEADER_HOST);
	if (!auth_host_is_right(auth, host))
		return answer_error(request->mhd, MHD_HTTP_FORBIDDEN,
			"Host \"%.80s\": expected localhost, a loopback address or a name given by --host",
			host != NULL ? host : "");
	if (auth->token[0] != '\0' && strcmp(request->path, "/login") == 0)
		return answer_login(request);
	if (auth->token[0] != '\0' && strcmp(request->path, "/login.css") == 0)
		return login_show_style(request->mhd);
	struct auth_request asks = {.authorization = answer_header_of(request->mhd, MHD_HTTP_HEADER_AUTHORIZATION),
		.cookie = MHD_lookup_connection_value(request->mhd, MHD_COOKIE_KIND, AUTH_COOKIE),
		.peer = answer_peer_of(request->mhd),
		.mono_s = clock_mono_ns() / NS_PER_S};
	enum auth_verdict verdict = auth_check(auth, &asks, &client->session);
	if (verdict != AUTH_ALLOWED)
		return answer_stranger(request, verdict);
	if (request->method == METHOD_POST)
		return auth->token[0] != '\0' ? login_end(request->server, request->mhd, client->session)
					      : answer_error(request->mhd, MHD_HTTP_NOT_FOUND, "no token is in use");
	if (strncmp(request->path, API, strlen(API)) == 0)
		return answer_api(request, client);
	if (strcmp(request->path, "/metrics") == 0)
		return answer_send(request->mhd, &(struct answer){.status = MHD_HTTP_OK, .type = METRICS_TYPE},
			metrics_body(request->server));
	return answer_page(request);
}
