// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One request, from its headers to its answer: what is refused at once, who is let in, and which path is what.
#pragma once

#include "dashboard/server.h"

struct request;

struct request_line {
	const char *method, *path;
};

// The headers are there. What is no request for us is answered now.
enum MHD_Result request_begin(
	struct server *server, struct MHD_Connection *mhd, struct request_line line, struct request **out);
// A piece of its body.
void request_take(struct request *request, const char *upload, size_t size);
// All of it is there, or what it waited for: answer, or wait.
enum MHD_Result request_answer(struct request *request, struct connection *client);
void request_free(struct request *request);
