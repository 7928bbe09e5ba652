// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define POLICY                                                                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "             \
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

static const struct {
	const char *name, *value;
} common[] = {
	{MHD_HTTP_HEADER_CONTENT_SECURITY_POLICY, POLICY},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING},
};

void answer_add_headers(struct MHD_Response *response, const char *type, bool is_immutable) {
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		MHD_add_response_header(response, common[i].name, common[i].value);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
		is_immutable ? "private, max-age=31536000, immutable" : "no-cache");
}

const char *answer_header_of(struct MHD_Connection *connection, const char *name) {
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

const struct sockaddr *answer_peer_of(struct MHD_Connection *connection) {
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	return info != NULL ? info->client_addr : NULL;
}

static bool takes_gzip(struct MHD_Connection *connection) {
	const char *accepted = answer_header_of(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	const char *gzip = accepted != NULL ? strstr(accepted, "gzip") : NULL;
	return gzip != NULL && strncmp(gzip, "gzip;q=0", 8) != 0;
}

static bool has_it(struct MHD_Connection *connection, const char *etag) {
	const char *known = answer_header_of(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
	return known != NULL && strstr(known, etag) != NULL;
}

static void release(void *body) {
	body_release(body);
}

// Takes the reference.
static struct MHD_Response *response_of(struct body *body, bool is_compressed) {
	size_t size = is_compressed ? body->gzip_size : body->size;
	char *data = is_compressed ? body->gzip : body->data;
	struct MHD_Response *response =
		MHD_create_response_from_buffer_with_free_callback_cls(size, data, release, body);
	if (response == NULL)
		body_release(body);
	else if (is_compressed)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	return response;
}

enum MHD_Result answer_send(struct MHD_Connection *connection, const struct answer *answer, struct body *body) {
	// Weak: the compressed copy has the same one.
	char etag[BODY_ETAG_SIZE], weak[BODY_ETAG_SIZE + 2];
	if (body == NULL)
		return MHD_NO;
	body_etag(body, etag);
	snprintf(weak, sizeof(weak), "W/%s", etag);
	bool is_known = answer->status == MHD_HTTP_OK && has_it(connection, etag);
	struct MHD_Response *response;
	if (is_known) {
		body_release(body);
		response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	} else {
		response = response_of(body, takes_gzip(connection) && body_compress(body));
	}
	if (response == NULL)
		return MHD_NO;
	answer_add_headers(response, answer->type, answer->is_immutable);
	if (answer->status == MHD_HTTP_OK)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, weak);
	if (answer->location != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, answer->location);
	if (answer->cookie != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, answer->cookie);
	if (answer->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "2");
	if (answer->status == MHD_HTTP_TOO_MANY_REQUESTS)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "6"); // ATTEMPT_S
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result queued =
		MHD_queue_response(connection, is_known ? MHD_HTTP_NOT_MODIFIED : answer->status, response);
	MHD_destroy_response(response);
	return queued;
}

enum MHD_Result answer_error(struct MHD_Connection *connection, unsigned status, const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return answer_send(connection, &(struct answer){.status = status, .type = ANSWER_JSON}, body_from_error(text));
}
