// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The login page: a token in, a cookie out. It needs no script.
#pragma once

#include "dashboard/server.h"

// GET /login and /login.css.
enum MHD_Result login_show(struct MHD_Connection *connection, bool has_failed);
enum MHD_Result login_show_style(struct MHD_Connection *connection);
// POST /login: `token=…`, as a form sends it.
//   upload  the body, ends with a zero; is changed
enum MHD_Result login_take(const struct server *server, struct MHD_Connection *connection, char *upload);
// POST /logout.
enum MHD_Result login_end(struct MHD_Connection *connection);
