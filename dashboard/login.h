// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The login page: a token in, the cookie of a session out. It needs no script.
#pragma once

#include "dashboard/server.h"

// GET /login and /login.css.
//   status  of HTTP: the page says why it is not 200
enum MHD_Result login_show(struct MHD_Connection *connection, unsigned status);
enum MHD_Result login_show_style(struct MHD_Connection *connection);
// POST /login: `token=…`, as a form sends it.
//   upload  the body, ends with a zero; is changed
enum MHD_Result login_take(struct server *server, struct MHD_Connection *connection, char *upload);
// POST /logout: the session ends, for whoever has its cookie.
enum MHD_Result login_end(struct server *server, struct MHD_Connection *connection, uint64_t session);
