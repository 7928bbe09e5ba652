// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/state_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "dataplane/operator.h"

static const uint64_t MAGIC = UINT64_C(0x3161746164736577); // "wesdata1"

struct state_hash {
	XXH3_state_t state;
};

int state_writer_init(struct state_writer *writer) {
	*writer = (struct state_writer){.fd = -1};
	writer->buffer = malloc(STATE_BUFFER_SIZE);
	writer->hash = aligned_alloc(64, (sizeof(*writer->hash) + 63) / 64 * 64);
	return writer->buffer != NULL && writer->hash != NULL ? 0 : -ENOMEM;
}

void state_writer_fini(struct state_writer *writer) {
	free(writer->buffer);
	free(writer->hash);
	*writer = (struct state_writer){.fd = -1};
}

static void write_out(struct state_writer *writer) {
	size_t done = 0;
	XXH3_64bits_update(&writer->hash->state, writer->buffer, writer->used);
	while (writer->error == 0 && done < writer->used) {
		ssize_t written = write(writer->fd, writer->buffer + done, writer->used - done);
		if (written > 0)
			done += (size_t)written;
		else if (written == 0 || errno != EINTR)
			writer->error = written == 0 ? -EIO : -errno;
	}
	writer->used = 0;
}

static void add(struct state_writer *writer, const void *data, size_t size) {
	const uint8_t *bytes = data;
	writer->size += size;
	while (size > 0 && writer->error == 0) {
		size_t part = STATE_BUFFER_SIZE - writer->used;
		part = part < size ? part : size;
		memcpy(writer->buffer + writer->used, bytes, part);
		writer->used += part;
		bytes += part;
		size -= part;
		if (writer->used == STATE_BUFFER_SIZE)
			write_out(writer);
	}
}

void state_begin(struct state_writer *writer, int fd, uint64_t layout) {
	const struct state_header header = {.magic = MAGIC, .layout = layout};
	writer->fd = fd;
	writer->error = 0;
	writer->size = writer->items = 0;
	writer->used = 0;
	XXH3_64bits_reset(&writer->hash->state);
	add(writer, &header, sizeof(header));
}

void state_put_parts(struct state_writer *writer, uint32_t kind, const struct state_part *parts, unsigned count) {
	static const uint8_t zeros[8];
	struct state_item_header header = {.kind = kind};
	size_t size = 0;
	for (unsigned i = 0; i < count; i++)
		size += parts[i].size;
	if (size > STATE_ITEM_MAX) {
		writer->error = -EFBIG;
		return;
	}
	header.size = (uint32_t)size;
	add(writer, &header, sizeof(header));
	for (unsigned i = 0; i < count; i++)
		add(writer, parts[i].data, parts[i].size);
	add(writer, zeros, -size % sizeof(zeros));
	writer->items++;
}

void state_put(struct state_writer *writer, uint32_t kind, const void *data, size_t size) {
	const struct state_part part = {data, size};
	state_put_parts(writer, kind, &part, 1);
}

int state_end(struct state_writer *writer, uint64_t *checksum) {
	write_out(writer);
	if (writer->error == 0 && fsync(writer->fd) != 0)
		writer->error = -errno;
	*checksum = XXH3_64bits_digest(&writer->hash->state);
	return writer->error;
}

uint64_t state_checksum(const void *data, size_t size) {
	return XXH3_64bits(data, size);
}

int state_reader_init(
	struct state_reader *reader, const void *data, size_t size, uint64_t layout, const uint16_t *owners) {
	struct state_header header;
	*reader = (struct state_reader){.data = data, .size = size, .at = sizeof(header), .owners = owners};
	if (size < sizeof(header))
		return -EINVAL;
	memcpy(&header, data, sizeof(header));
	return header.magic == MAGIC && header.layout == layout ? 0 : -EINVAL;
}

int state_next(struct state_reader *reader, struct state_item *item) {
	struct state_item_header header;
	size_t left = reader->size - reader->at;
	if (left == 0)
		return 0;
	if (left < sizeof(header))
		return -EINVAL;
	memcpy(&header, reader->data + reader->at, sizeof(header));
	left -= sizeof(header);
	size_t padded = ((size_t)header.size + 7) / 8 * 8;
	if (header.size > STATE_ITEM_MAX || padded > left)
		return -EINVAL;
	*item = (struct state_item){header.kind, header.size, reader->data + reader->at + sizeof(header)};
	reader->at += sizeof(header) + padded;
	return 1;
}

int state_take(struct state_reader *reader, uint32_t kind, void *data, size_t size) {
	struct state_item item;
	if (state_next(reader, &item) != 1 || item.kind != kind || item.size != size)
		return -EINVAL;
	memcpy(data, item.data, size);
	return 0;
}

void state_enter_groups(struct operator *op, const struct state_reader *reader) {
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		op->type->group_enter(op->instances[state_owner(reader, group)], group);
}
