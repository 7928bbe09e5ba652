// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Records as protobuf messages, by name: the field fwd.packets of a schema goes to the field packets of the message in
// the field fwd. Message and schema are joined once, so that a new field needs a line in each and none here.
#pragma once

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "api/schema.h"

struct record_message;

//   missing  set to the schema's field that the message has none for, on -ENOENT
//   return   0; -ENOENT; -EINVAL: a field's types do not go together, *missing is set as well; -ENOMEM
int record_message_new(struct record_message **out, const struct schema *schema,
	const ProtobufCMessageDescriptor *descriptor, const char **missing);
void record_message_free(struct record_message *message); // NULL is fine

// Fill the message from a record; it holds until the next call.
//   body    may be pointed to by the message: stays until it is packed
//   thread  one at a time
const ProtobufCMessage *record_message_fill(struct record_message *message, const void *body);
