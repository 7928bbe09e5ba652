// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What an answer consists of: bytes that are made once and shared by all who are sent them, with their ETag and, where
// somebody takes it, a compressed copy. One thread.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BODY_ETAG_SIZE = 24 };

struct body {
	unsigned references;
	uint64_t hash; // of data
	char *data;    // [size], and a zero
	size_t size;
	char *gzip; // [gzip_size]; NULL: not asked for yet, or not worth it
	size_t gzip_size;
	bool is_compressed; // it was tried
};

// Take over bytes from malloc, which end with a zero that size does not count.
//   return  NULL: no memory, or data is NULL; the bytes are freed
struct body *body_new(char *data, size_t size);
// Take over a value, as compact JSON; NULL is passed on as no memory.
struct body *body_from_json(json_t *value);
// {"error": text}, with '?' for what is not printable ASCII: what was given may be no UTF-8, or none any more where it
// was cut, and JSON takes nothing else.
struct body *body_from_error(const char *text);
// A text of format and arguments.
__attribute__((format(printf, 1, 2))) struct body *body_format(const char *format, ...);
struct body *body_keep(struct body *body);
void body_release(struct body *body);
// Whether there is a compressed copy; made when first asked for, if that saves something.
bool body_compress(struct body *body);
// The entity tag: a quoted hash.
void body_etag(const struct body *body, char out[BODY_ETAG_SIZE]);
