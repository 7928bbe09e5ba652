// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink's sockets: endpoints, what is set on a DEALER and why, one Message in and out. Knows no state of the
// conversation.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "api/weir.pb-c.h"
#include "dataplane/uplink_keys.h"

enum { UPLINK_ENDPOINT_MAX = 256 };

// Check the endpoint of the command socket: tcp://HOST:PORT with a port 1..65534, or ipc://PATH.
//   return  0 or -EINVAL
int uplink_endpoint_check(const char *command);

// The endpoint of the summary socket that belongs to a command endpoint: tcp's port is `port`, or one above the
// command's where that is 0; a path gets "-summaries" behind it.
//   out     [UPLINK_ENDPOINT_MAX]
//   return  0 or -EINVAL
int uplink_endpoint_summaries(const char *command, uint32_t port, char *out);

// A DEALER that is connecting to `endpoint`.
//   keys    with no secret in them: in the clear
//   return  0 or a negative errno
int uplink_socket_open(void *zmq, const char *endpoint, const struct uplink_keys *keys, void **out);

// Close; what is unsent may still leave for up to linger_ms after zmq_ctx_term is called. NULL is fine.
void uplink_socket_close(void *socket, int linger_ms);

// Send one message without waiting.
//   return  0; -EAGAIN: not connected, or the peer does not keep up; another negative errno
int uplink_socket_send(void *socket, const Weir__Message *message);
int uplink_socket_send_packed(void *socket, const uint8_t *packed, size_t size);

// Receive one message without waiting.
//   out     released with weir__message__free_unpacked
//   return  0; -EAGAIN: none; -EBADMSG: it was none of ours, and is gone; another negative errno
int uplink_socket_receive(void *socket, Weir__Message **out);
