// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/body.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

enum {
	COMPRESS_MIN = 1024, // bytes below which a packet is a packet
	GZIP_WINDOW = 15 + 16,
	GZIP_MEMORY = 8,
};

struct body *body_new(char *data, size_t size) {
	struct body *body = data != NULL ? calloc(1, sizeof(*body)) : NULL;
	if (body == NULL) {
		free(data);
		return NULL;
	}
	body->references = 1;
	body->data = data;
	body->size = size;
	body->hash = XXH3_64bits(data, size);
	return body;
}

struct body *body_from_json(json_t *value) {
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
	json_decref(value);
	return body_new(text, text != NULL ? strlen(text) : 0);
}

struct body *body_from_error(const char *text) {
	char *clean = strdup(text);
	for (char *c = clean; c != NULL && *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	struct body *body = clean != NULL ? body_from_json(json_pack("{ss}", "error", clean)) : NULL;
	free(clean);
	return body;
}

struct body *body_format(const char *format, ...) {
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int size = vasprintf(&text, format, arguments);
	va_end(arguments);
	return size >= 0 ? body_new(text, (size_t)size) : NULL;
}

struct body *body_keep(struct body *body) {
	if (body != NULL)
		body->references++;
	return body;
}

void body_release(struct body *body) {
	if (body == NULL || --body->references > 0)
		return;
	free(body->data);
	free(body->gzip);
	free(body);
}

static void body_deflate(struct body *body) {
	z_stream stream = {0};
	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	char *out = malloc(body->size);
	stream.next_in = (Bytef *)body->data;
	stream.avail_in = (uInt)body->size;
	stream.next_out = (Bytef *)out;
	stream.avail_out = (uInt)body->size;
	// What does not fit into as much room as the original has is not worth having.
	if (out != NULL && deflate(&stream, Z_FINISH) == Z_STREAM_END) {
		body->gzip = out;
		body->gzip_size = stream.total_out;
	} else {
		free(out);
	}
	deflateEnd(&stream);
}

bool body_compress(struct body *body) {
	if (!body->is_compressed && body->size >= COMPRESS_MIN && body->size <= UINT32_MAX)
		body_deflate(body);
	body->is_compressed = true;
	return body->gzip != NULL;
}

void body_etag(const struct body *body, char out[BODY_ETAG_SIZE]) {
	snprintf(out, BODY_ETAG_SIZE, "\"%016" PRIx64 "\"", body->hash);
}
