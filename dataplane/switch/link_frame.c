// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/link_frame.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const uint32_t MAGIC = 0x72696577; // "weir"

// What is left of a frame to read; `bad` once something was not there.
struct reader {
	const uint8_t *at, *end;
	int bad;
};

static void take(struct reader *reader, void *out, size_t size) {
	if ((size_t)(reader->end - reader->at) < size) {
		reader->bad = 1;
		memset(out, 0, size);
		return;
	}
	memcpy(out, reader->at, size);
	reader->at += size;
}

static uint16_t take_u16(struct reader *reader) {
	uint16_t value;
	take(reader, &value, sizeof(value));
	return le16toh(value);
}

static uint32_t take_u32(struct reader *reader) {
	uint32_t value;
	take(reader, &value, sizeof(value));
	return le32toh(value);
}

static uint64_t take_u64(struct reader *reader) {
	uint64_t value;
	take(reader, &value, sizeof(value));
	return le64toh(value);
}

// One byte of length, then characters.
static void take_text(struct reader *reader, char out[LINK_TEXT_SIZE]) {
	uint8_t length;
	take(reader, &length, 1);
	take(reader, out, length);
	out[length] = '\0';
	for (unsigned i = 0; i < length; i++)
		if (out[i] < 0x20 || out[i] > 0x7e)
			reader->bad = 1;
}

static int finish(const struct reader *reader) {
	return reader->bad || reader->at != reader->end ? -EBADMSG : 0;
}

struct writer {
	uint8_t *at;
};

static void put(struct writer *writer, const void *data, size_t size) {
	memcpy(writer->at, data, size);
	writer->at += size;
}

static void put_u16(struct writer *writer, uint16_t value) {
	value = htole16(value);
	put(writer, &value, sizeof(value));
}

static void put_u32(struct writer *writer, uint32_t value) {
	value = htole32(value);
	put(writer, &value, sizeof(value));
}

static void put_u64(struct writer *writer, uint64_t value) {
	value = htole64(value);
	put(writer, &value, sizeof(value));
}

static void put_text(struct writer *writer, const char *text) {
	size_t length = strnlen(text, LINK_TEXT_SIZE - 1);
	*writer->at++ = (uint8_t)length;
	put(writer, text, length);
}

void link_header_pack(const struct link_header *header, uint8_t *out) {
	struct writer writer = {out};
	put_u32(&writer, header->size);
	*writer.at++ = header->type;
	*writer.at++ = header->flags;
	put_u16(&writer, header->channel);
	put_u64(&writer, header->position);
}

// Put the header before what was written behind its place.
static size_t complete(uint8_t *out, const struct writer *writer, struct link_header header) {
	size_t size = (size_t)(writer->at - out);
	header.size = (uint32_t)(size - LINK_HEADER_SIZE);
	link_header_pack(&header, out);
	return size;
}

int link_header_parse(const uint8_t *data, struct link_header *header) {
	struct reader reader = {.at = data, .end = data + LINK_HEADER_SIZE};
	header->size = take_u32(&reader);
	take(&reader, &header->type, 1);
	take(&reader, &header->flags, 1);
	header->channel = take_u16(&reader);
	header->position = take_u64(&reader);
	bool has_flags = header->type == LINK_DATA || header->type == LINK_ACK;
	if (header->type < LINK_HELLO || header->type > LINK_REFUSE || header->flags > (has_flags ? 1 : 0))
		return -EBADMSG;
	if (header->type == LINK_DATA)
		return header->size >= LINK_DATA_SIZE && header->size <= LINK_FRAME_MAX - LINK_HEADER_SIZE ? 0
													   : -EBADMSG;
	return header->size <= (header->type == LINK_ACK ? 0 : LINK_CONTROL_MAX) ? 0 : -EBADMSG;
}

size_t link_hello_pack(const struct link_hello *hello, uint8_t *out) {
	struct writer writer = {out + LINK_HEADER_SIZE};
	put_u32(&writer, MAGIC);
	put_u16(&writer, hello->version);
	put_u16(&writer, hello->index);
	put_u16(&writer, hello->count);
	put_u64(&writer, hello->incarnation);
	put_text(&writer, hello->node);
	return complete(out, &writer, (struct link_header){.type = LINK_HELLO, .channel = LINK_ALL_CHANNELS});
}

int link_hello_parse(const uint8_t *data, size_t size, struct link_hello *hello) {
	struct reader reader = {.at = data, .end = data + size};
	uint32_t magic = take_u32(&reader);
	hello->version = take_u16(&reader);
	if (reader.bad || magic != MAGIC)
		return -EBADMSG;
	if (hello->version != LINK_VERSION)
		return -EPROTONOSUPPORT;
	hello->index = take_u16(&reader);
	hello->count = take_u16(&reader);
	hello->incarnation = take_u64(&reader);
	take_text(&reader, hello->node);
	if (hello->incarnation == 0 || hello->count == 0 || hello->count > LINK_CONNECTIONS_MAX ||
		hello->index >= hello->count)
		return -EBADMSG;
	return finish(&reader);
}

size_t link_open_pack(uint16_t channel, uint64_t position, const struct link_open *open, uint8_t *out) {
	struct writer writer = {out + LINK_HEADER_SIZE};
	put_u64(&writer, open->schema_hash);
	put_u32(&writer, open->frame_max);
	put_u16(&writer, open->index);
	put_u16(&writer, open->count);
	put_text(&writer, open->pipeline);
	put_text(&writer, open->stream);
	return complete(
		out, &writer, (struct link_header){.type = LINK_OPEN, .channel = channel, .position = position});
}

int link_open_parse(const uint8_t *data, size_t size, struct link_open *open) {
	struct reader reader = {.at = data, .end = data + size};
	open->schema_hash = take_u64(&reader);
	open->frame_max = take_u32(&reader);
	open->index = take_u16(&reader);
	open->count = take_u16(&reader);
	take_text(&reader, open->pipeline);
	take_text(&reader, open->stream);
	return open->frame_max > LINK_FRAME_MAX || open->index >= open->count ? -EBADMSG : finish(&reader);
}

size_t link_resume_pack(uint16_t channel, const struct link_resume *resume, uint8_t *out) {
	struct writer writer = {out + LINK_HEADER_SIZE};
	put_u64(&writer, resume->received);
	put_u64(&writer, resume->consumed);
	put_u64(&writer, resume->window);
	return complete(out, &writer, (struct link_header){.type = LINK_RESUME, .channel = channel});
}

int link_resume_parse(const uint8_t *data, size_t size, struct link_resume *resume) {
	struct reader reader = {.at = data, .end = data + size};
	resume->received = take_u64(&reader);
	resume->consumed = take_u64(&reader);
	resume->window = take_u64(&reader);
	return resume->window > UINT32_MAX || resume->received - resume->consumed > resume->window ? -EBADMSG
												   : finish(&reader);
}

size_t link_ack_pack(uint16_t channel, uint64_t consumed, uint8_t flags, uint8_t *out) {
	link_header_pack(
		&(struct link_header){.type = LINK_ACK, .flags = flags, .channel = channel, .position = consumed}, out);
	return LINK_HEADER_SIZE;
}

size_t link_refuse_pack(uint16_t channel, const char *text, uint8_t *out) {
	struct writer writer = {out + LINK_HEADER_SIZE};
	put_text(&writer, text);
	return complete(out, &writer, (struct link_header){.type = LINK_REFUSE, .channel = channel});
}

int link_refuse_parse(const uint8_t *data, size_t size, char text[LINK_TEXT_SIZE]) {
	struct reader reader = {.at = data, .end = data + size};
	take_text(&reader, text);
	return finish(&reader);
}

void link_data_pack(const struct link_data *data, uint8_t *out) {
	struct writer writer = {out};
	put_u64(&writer, data->watermark_ns);
	put_u64(&writer, data->since_ns);
	put_u32(&writer, data->tuples);
	put_u32(&writer, 0);
}

int link_data_parse(const uint8_t *data, size_t size, struct link_data *out) {
	struct reader reader = {.at = data, .end = data + size};
	out->watermark_ns = take_u64(&reader);
	out->since_ns = take_u64(&reader);
	out->tuples = take_u32(&reader);
	uint32_t reserved = take_u32(&reader);
	return reader.bad || reserved != 0 || out->tuples > LINK_TUPLES_MAX ? -EBADMSG : 0;
}
