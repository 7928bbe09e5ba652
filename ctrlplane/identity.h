// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The routing identity of a ZeroMQ peer: the first frame of what a ROUTER hands over.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct identity {
	uint8_t size; // bytes; 0: none
	uint8_t bytes[255];
};

static inline bool identity_equal(const struct identity *a, const struct identity *b) {
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}
