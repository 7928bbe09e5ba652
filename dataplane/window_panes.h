// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The open windows of every key, as chains of panes. A pane is the state of some aggregates over a span of one key's
// tuples: of tumbling and sliding windows `slide_ns` of event time, so that each tuple is added once however many
// windows overlap; of sessions a session; of windows by count `slide` tuples. The newest pane lies in the key's record
// (keyed_table.h), the older ones in a slab that all instances share. A key without panes is removed.
//
// Which windows there are depends on the tuples' times alone, not on when they come, as long as each comes before its
// windows are taken off.
//
//   source  Li et al. 2005, "No pane, no gain: efficient evaluation of sliding-window aggregates over data streams"
//   thread  each group's keys by one thread at a time, with that thread's part
#pragma once

#include "dataplane/aggregate.h"
#include "dataplane/keyed_state.h"
#include "dataplane/window_shape.h"

// The newest one of a key, or one of the slab.
struct window_pane {
	uint32_t next; // the next older one, 0: none
	uint32_t length;
	uint64_t start_ns; // time of the pane, or of its first tuple
	// Not of tumbling windows, whose pane begins its state here:
	//   sliding   of the newest one: where the window taken off last ended
	//   session   time of its last tuple
	//   by count  tuples, and the time of the last one
	uint64_t last_ns;
};

struct window_panes {
	struct window_shape shape;
	struct aggregates *aggregates;
	struct keyed_table *table;
	struct index_pool pool;
	struct index_cache *caches; // [parts]
	uint8_t *slab;              // [pool.capacity + 1]
	size_t stride;
	uint32_t state_offset; // bytes, of the aggregates in a pane
	uint32_t pane_size;
};

// A window that was taken off.
struct window_result {
	uint64_t start_ns, end_ns;
	void *state; // [aggregates->size], the caller's
};

//   panes  aggregates and shape are set, all else zeroed; released with window_panes_fini
//   shape  of the table; its value_size is filled here
//   older  panes in the slab
//   return 0, -EINVAL or -ENOMEM
int window_panes_init(struct window_panes *panes, struct keyed_table_shape *shape, uint64_t older);
void window_panes_fini(struct window_panes *panes);

// The instance of a part goes, and owns no group any more.
//   thread  a control thread
void window_panes_leave_part(struct window_panes *panes, unsigned part);

static inline void *window_pane_state(const struct window_panes *panes, struct window_pane *pane) {
	return (uint8_t *)pane + panes->state_offset;
}

// The pane that a tuple is to be added to.
//   start_ns  tumbling, sliding: window_pane_start of its time; else its time
//   is_new    the record has no pane yet
//   return    NULL: the slab is used up; the record is as it was
struct window_pane *window_panes_at(
	struct window_panes *panes, unsigned part, uint32_t record, uint64_t start_ns, bool is_new);

// When the earliest window of a key can be taken off; UINT64_MAX: windows by count.
uint64_t window_panes_deadline_ns(const void *owner, uint32_t record);

// Take the earliest window of a key off, or, by count, what it has now.
//   return  true: the key has panes left
bool window_panes_take(struct window_panes *panes, unsigned part, uint32_t record, struct window_result *result);

// Take what a key has in the window that ends at `end_ns`, and remove the panes that no later window covers.
//   return  true: the key has panes left
bool window_panes_take_at(
	struct window_panes *panes, unsigned part, uint32_t record, uint64_t end_ns, struct window_result *result);

// In snapshots: a key's older panes, the newest first, are items behind its own.
enum { STATE_PANE = STATE_KINDS };
void window_panes_save(const struct window_panes *panes, struct state_writer *writer);

struct window_panes_restoring {
	struct window_panes *panes;
	struct window_pane *last; // of the key that is being restored
	unsigned count;           // panes that it has
};
// Take up an item of window_panes_save.
//   restoring  `last` is NULL before the first one
//   return     its record, where it was a key; UINT32_MAX: it was a pane; 0: it can't be taken up
uint32_t window_panes_restore(struct window_panes_restoring *restoring, const struct state_item *item);
