// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// /metrics: the server itself, and the nodes as Redis has them.
#pragma once

#include "api/metrics.h"
#include "dashboard/server.h"

//   return  a reference to release; NULL: no memory
struct body *metrics_body(struct server *server);
