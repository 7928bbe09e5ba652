// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The messages an uplink writes: built from the session and the node's own description, sent, and freed.
#pragma once

#include "dataplane/uplink_session.h"

// Each sends without waiting.
//   return  0, -EAGAIN where the socket takes nothing now, or another negative errno
int uplink_message_send_register(void *socket, const struct uplink_session *session);
int uplink_message_send_heartbeat(void *socket, const struct uplink_session *session, bool with_counters);
int uplink_message_send_result(void *socket, const struct uplink_session *session, const struct uplink_answer *answer);
int uplink_message_send_goodbye(void *socket, const struct uplink_session *session);
