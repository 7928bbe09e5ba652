// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A bounded memory of flows seen lately: 16 bytes for each, a word of which is the owner's. It is a cache, four flows
// to a line, and forgets the one of the line that was idle for longest.
//
// A flow is known by the 64 bits of its keyed hash alone: a new one is taken for another with a probability of 2^-62
// as long as the secret is one. What may not be wrong at all has to compare keys.
//
//   thread  one at a time
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FLOW_NOTES_WAYS = 4,
	FLOW_NOTES_TICK_SHIFT = 20, // times are counted in 2^20 ns, about a millisecond; they wrap after 52 days
};

struct flow_note {
	uint64_t hash;
	uint32_t used; // ticks of the clock when the flow was last seen
	uint32_t word; // the owner's; 0: no flow
};

struct flow_notes {
	struct flow_note *notes; // [mask + 1][FLOW_NOTES_WAYS]
	uint64_t mask;
	uint32_t idle; // ticks after which a flow is another one
};

//   flows    how many it holds, rounded up to a power of two
//   idle_ns  a flow that was not seen for so long is forgotten; below 24 days
//   return   0 or -ENOMEM
int flow_notes_init(struct flow_notes *notes, uint64_t flows, uint64_t idle_ns);
void flow_notes_fini(struct flow_notes *notes);

static inline uint32_t flow_notes_ticks(uint64_t clock_ns) {
	return (uint32_t)(clock_ns >> FLOW_NOTES_TICK_SHIFT);
}

static inline struct flow_note *flow_notes_line(const struct flow_notes *notes, uint64_t hash) {
	return &notes->notes[(hash & notes->mask) * FLOW_NOTES_WAYS];
}

// Begin to fetch what flow_notes_take will look at.
static inline void flow_notes_prefetch(const struct flow_notes *notes, uint64_t hash) {
	__builtin_prefetch(flow_notes_line(notes, hash), 1);
}

//   return  the flow's note, or NULL; also one that is idle (flow_note_is_idle)
static inline struct flow_note *flow_notes_lookup(const struct flow_notes *notes, uint64_t hash) {
	struct flow_note *line = flow_notes_line(notes, hash);
	for (unsigned i = 0; i < FLOW_NOTES_WAYS; i++)
		if (line[i].hash == hash && line[i].word != 0)
			return &line[i];
	return NULL;
}

// Times before the last one are not idle.
static inline int flow_note_is_idle(const struct flow_notes *notes, const struct flow_note *note, uint32_t now) {
	return (int32_t)(now - note->used) >= (int32_t)notes->idle;
}

// The place for a flow that has no note. What is in it, if its word is not 0, is forgotten: it is the caller's to let
// go of what the word stood for, and to fill the note.
struct flow_note *flow_notes_place(const struct flow_notes *notes, uint64_t hash, uint32_t now);
