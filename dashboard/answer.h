// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Answers to requests: their headers, and the copy of a body that suits the client.
#pragma once

#include <microhttpd.h>

#include "dashboard/body.h"

#define ANSWER_JSON "application/json"
#define ANSWER_TEXT "text/plain; charset=utf-8"
#define ANSWER_HTML "text/html; charset=utf-8"

struct answer {
	unsigned status;
	const char *type;
	const char *location; // of a redirection; NULL: none
	const char *cookie;   // to set; NULL: none
	bool is_immutable;    // may be kept for ever
};

// The headers that every answer carries.
void answer_add_headers(struct MHD_Response *response, const char *type, bool is_immutable);
// Queue an answer. Knows If-None-Match and Accept-Encoding.
//   body    its reference is taken; NULL: no memory, which closes the connection
//   return  for the access handler to return
enum MHD_Result answer_send(struct MHD_Connection *connection, const struct answer *answer, struct body *body);
// {"error": text}
__attribute__((format(printf, 3, 4))) enum MHD_Result answer_error(
	struct MHD_Connection *connection, unsigned status, const char *format, ...);
// Where a request came from; NULL: not known.
const struct sockaddr *answer_peer_of(struct MHD_Connection *connection);
const char *answer_header_of(struct MHD_Connection *connection, const char *name);
