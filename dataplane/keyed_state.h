// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Keyed tables in snapshots: each key with its value is an item, which those of what belongs to the key may follow
// (panes, waiting tuples). Keys are inserted anew when they are restored, all by one thread with part 0, so that a full
// table fits into its like; then the instances take up the groups that they own (state_enter_groups).
#pragma once

#include "dataplane/keyed_table.h"
#include "dataplane/operator_type.h"
#include "dataplane/state_file.h"

// Kinds of items; an operator's own begin behind them.
enum { STATE_KEY = 1, STATE_USES, STATE_KINDS };

// What is saved of a key besides its value, right behind it. May be NULL.
struct keyed_saving {
	void (*save)(const void *owner, uint32_t record, struct state_writer *writer);
	const void *owner;
};
void keyed_state_save(const struct keyed_table *table, struct state_writer *writer, const struct keyed_saving *saving);

// Put a key of an item of kind STATE_KEY into the table, its value as it was; it is on no wheel.
//   return  its record; 0: the item is no key of this table, or the table is full
uint32_t keyed_state_restore_key(struct keyed_table *table, const struct state_item *item);

//   return  of keys and values
uint64_t keyed_state_layout(const struct keyed_table *table);

// An operator whose keys are all it keeps, and a count of uses that eviction goes by (keyed_table_oldest).
struct keyed_state {
	struct keyed_table *table;
	// Where in an instance's state the count is; 0: there is none.
	size_t uses_offset;
};

// How such an operator is saved: its type has `.saving = &X_saving.saving`, of
// `static const struct keyed_state_saving X_saving = {KEYED_STATE_SAVING, state_of};`.
struct keyed_state_saving {
	struct operator_saving saving;
	struct keyed_state (*state_of)(const struct operator *op);
};
#define KEYED_STATE_SAVING                                                                                             \
	{ .layout = keyed_state_layout_of, .save = keyed_state_save_operator, .restore = keyed_state_restore_operator }
uint64_t keyed_state_layout_of(const struct operator *op);
void keyed_state_save_operator(const struct operator *op, struct state_writer *writer);
int keyed_state_restore_operator(struct operator *op, struct state_reader *reader);

// What to say of an item that restore can't take up.
//   return  -EINVAL
int keyed_state_refuse(const struct operator *op);
