// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Messages of api/weir.proto as frames on a ZeroMQ socket.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/identity.h"

enum {
	MESSAGE_VERSION = 1,
	MESSAGE_SIZE_MAX = 1 << 20, // bytes; greater ones close the connection
};

//   return  the message, for weir__message__free_unpacked, or NULL: these bytes are none
Weir__Message *message_unpack(const void *data, size_t size);

// Send without waiting.
//   to      the peer, on a ROUTER; NULL on a DEALER
//   return  0; -EHOSTUNREACH: that peer is not connected; -EAGAIN: its queue is full; another negative errno
int message_send(void *socket, const struct identity *to, const Weir__Message *message);
int message_send_error(void *socket, const struct identity *to, Weir__ErrorCode code, const char *text);
