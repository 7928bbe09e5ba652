// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The k greatest of what is offered, each with a key and a state of some bytes, and which keys were told last.
//
// Of equal numbers the key that is less in memory is the greater, so that a ranking does not depend on the order of the
// offers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A place; its key and state lie at `slot` of the ranking's arrays.
struct ranking_place {
	double number;
	uint32_t slot;
};

struct ranking {
	unsigned k, count, told_count;
	unsigned key_length;          // words
	size_t state_size;            // bytes, a multiple of 8
	struct ranking_place *places; // [k] the first `count` descending
	uint64_t *keys;               // [k][key_length]
	uint8_t *states;              // [k][state_size]
	uint64_t *told;               // [k][key_length] keys in their order
};

//   ranking  zeroed
//   return   0 or -ENOMEM; what was taken is released by ranking_fini
int ranking_init(struct ranking *ranking, unsigned k, unsigned key_length, size_t state_size);
void ranking_fini(struct ranking *ranking);

// Begin anew; what was told stays known.
static inline void ranking_clear(struct ranking *ranking) {
	ranking->count = 0;
}

// Give a key the place that its number has, if it has one; both are copied.
//   key    [key_length], offered once
//   state  [state_size]
void ranking_offer(struct ranking *ranking, const uint64_t *key, const void *state, double number);

//   rank  0..count-1
static inline const uint64_t *ranking_key(const struct ranking *ranking, unsigned rank) {
	return &ranking->keys[(size_t)ranking->places[rank].slot * ranking->key_length];
}

static inline void *ranking_state(const struct ranking *ranking, unsigned rank) {
	return ranking->states + ranking->places[rank].slot * ranking->state_size;
}

// Whether other keys have the places than when it was told last.
bool ranking_is_changed(const struct ranking *ranking);
void ranking_note_told(struct ranking *ranking);
