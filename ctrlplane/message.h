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
	MESSAGE_SIZE_MAX = 1 << 20, // bytes; greater ones are refused
	// What announces more than this closes the connection before it is read, and ZeroMQ doesn't tell why.
	MESSAGE_SIZE_READ_MAX = 4 << 20,
	MESSAGE_MEMORY = 64 << 20, // bytes, taken as they are needed
	MESSAGE_MEMORY_KEPT = 4 << 20,
};

// Read a message into memory that is used again for the next one: it lives until then. What would need more than
// MESSAGE_MEMORY is refused, since few bytes can be very many empty entries.
//   return  NULL: these bytes are none
//   thread  one
Weir__Message *message_unpack(const void *data, size_t size);
// The same for a summary, without its lists: their remainders have all of it, and it is marked as shed. Far less work.
//   return  NULL: these bytes are none, or no summary
Weir__Message *message_unpack_bare(const void *data, size_t size);

// Send without waiting.
//   to      the peer, on a ROUTER; NULL on a DEALER
//   return  0; -EHOSTUNREACH: that peer is not connected; -EAGAIN: its queue is full; another negative errno
int message_send(void *socket, const struct identity *to, const Weir__Message *message);
int message_send_error(void *socket, const struct identity *to, Weir__ErrorCode code, const char *text);
