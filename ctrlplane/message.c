// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/message.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zmq.h>

// protobuf-c asks for a piece of memory for each entry and each address: here that is an addition.
static struct arena {
	uint8_t *bytes; // [MESSAGE_MEMORY], untouched pages are not there
	size_t used;
} arena;

static void *arena_alloc(void *context, size_t size) {
	size_t taken = (size + 15) & ~(size_t)15;
	if (size > MESSAGE_MEMORY || taken > MESSAGE_MEMORY - arena.used)
		return NULL;
	arena.used += taken;
	return arena.bytes + arena.used - taken;
}

static void arena_free(void *context, void *memory) {
}

static bool arena_begin(void) {
	if (arena.bytes == NULL)
		arena.bytes = mmap(NULL, MESSAGE_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena.bytes == MAP_FAILED)
		arena.bytes = NULL;
	// What one great message took is given back.
	if (arena.bytes != NULL && arena.used > MESSAGE_MEMORY_KEPT)
		madvise(arena.bytes + MESSAGE_MEMORY_KEPT, MESSAGE_MEMORY - MESSAGE_MEMORY_KEPT, MADV_DONTNEED);
	arena.used = 0;
	return arena.bytes != NULL;
}

static ProtobufCAllocator arena_allocator = {arena_alloc, arena_free, NULL};

Weir__Message *message_unpack(const void *data, size_t size) {
	if (size > MESSAGE_SIZE_MAX || !arena_begin())
		return NULL;
	return weir__message__unpack(&arena_allocator, size, data);
}

// One field of a message as it lies on the wire.
struct wire_field {
	uint64_t number;
	uint64_t varint;              // of a varint
	const uint8_t *start, *value; // value: what follows the tag, and the length where there is one
	size_t size, value_size;      // from start on, from value on
};

static size_t wire_varint(const uint8_t *data, size_t size, uint64_t *out) {
	*out = 0;
	for (size_t i = 0; i < size && i < 10; i++) {
		*out |= (uint64_t)(data[i] & 0x7f) << (7 * i);
		if ((data[i] & 0x80) == 0)
			return i + 1;
	}
	return 0;
}

// Find out what follows a tag.
//   return  false: nothing of protobuf's
static bool wire_value(unsigned type, size_t left, struct wire_field *field) {
	enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };
	uint64_t number = 0;
	size_t varint_size = type == VARINT || type == LENGTH ? wire_varint(field->value, left, &number) : 0;
	if ((type == VARINT || type == LENGTH) && varint_size == 0)
		return false;
	if (type == LENGTH) {
		field->value += varint_size;
		left -= varint_size;
	}
	field->varint = number;
	uint64_t size = type == VARINT    ? varint_size
			: type == LENGTH  ? number
			: type == FIXED64 ? 8
			: type == FIXED32 ? 4
					  : UINT64_MAX;
	field->value_size = (size_t)size;
	return size <= left;
}

//   return  false: the end, or nothing of protobuf's
static bool wire_next(const uint8_t **at, const uint8_t *end, struct wire_field *out) {
	uint64_t tag;
	size_t tag_size = wire_varint(*at, (size_t)(end - *at), &tag);
	*out = (struct wire_field){.number = tag >> 3, .start = *at, .value = *at + tag_size};
	if (tag_size == 0 || !wire_value(tag & 7, (size_t)(end - out->value), out))
		return false;
	*at = out->value + out->value_size;
	out->size = (size_t)(*at - out->start);
	return true;
}

// What a summary says of itself, and no list: the first fields in api/weir.proto.
enum { BARE_FIELDS = 10 };

static void fill_rests(Weir__Summary *summary) {
	static Weir__Remainder once, twice;
	weir__remainder__init(&once);
	weir__remainder__init(&twice);
	if (summary->interval != NULL) {
		once.packets = summary->interval->packets;
		once.bytes = once.greatest_bytes = summary->interval->bytes;
	}
	twice.packets = 2 * once.packets;
	twice.bytes = twice.greatest_bytes = 2 * once.bytes;
	summary->flows_rest = summary->services_rest = &once;
	summary->hosts_rest = summary->prefixes_rest = &twice;
}

// Copy the fields of a summary that are no lists.
//   out     [size]
//   kept    bytes written
//   return  false: these bytes are no fields
static bool strip_summary(const uint8_t *data, size_t size, uint8_t *out, size_t *kept) {
	const uint8_t *at = data;
	struct wire_field field;
	*kept = 0;
	while (wire_next(&at, data + size, &field)) {
		if (field.number > BARE_FIELDS)
			continue;
		memcpy(out + *kept, field.start, field.size);
		*kept += field.size;
	}
	return at == data + size;
}

Weir__Message *message_unpack_bare(const void *data, size_t size) {
	static Weir__Message message;
	const uint8_t *at = data, *end = at + size;
	struct wire_field field;
	weir__message__init(&message);
	if (size > MESSAGE_SIZE_MAX || !arena_begin())
		return NULL;
	uint8_t *bare = arena_alloc(NULL, size + 1);
	while (wire_next(&at, end, &field)) {
		if (field.number == 1)
			message.version = (uint32_t)field.varint;
		if (field.number != WEIR__MESSAGE__BODY_SUMMARY)
			continue;
		size_t kept;
		if (!strip_summary(field.value, field.value_size, bare, &kept))
			return NULL;
		message.summary = weir__summary__unpack(&arena_allocator, kept, bare);
	}
	if (message.summary == NULL || at != end)
		return NULL;
	message.body_case = WEIR__MESSAGE__BODY_SUMMARY;
	fill_rests(message.summary);
	message.summary->shed = true;
	return &message;
}

int message_send(void *socket, const struct identity *to, const Weir__Message *message) {
	size_t size = weir__message__get_packed_size(message);
	uint8_t *packed = malloc(size + 1);
	if (packed == NULL)
		return -ENOMEM;
	weir__message__pack(message, packed);
	int err = 0;
	if (to != NULL && zmq_send(socket, to->bytes, to->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		err = -zmq_errno();
	else if (zmq_send(socket, packed, size, ZMQ_DONTWAIT) < 0)
		err = -zmq_errno();
	free(packed);
	return err;
}

int message_send_error(void *socket, const struct identity *to, Weir__ErrorCode code, const char *text) {
	Weir__Error error = WEIR__ERROR__INIT;
	error.code = code;
	error.text = (char *)text;
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_ERROR;
	message.error = &error;
	return message_send(socket, to, &message);
}
