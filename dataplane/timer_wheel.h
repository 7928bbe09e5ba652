// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A timer wheel over the items of one thread, lazy and intrusive. An item's slot says when to look at it again, not
// when it is due: deadlines that move later cost nothing until the slot comes up, and the owner then puts the item
// back. A deadline that moves earlier must be told (timer_wheel_hasten). Deadlines beyond the wheel's span wait in its
// farthest slot and are looked at once per span.
//
//   source  Varghese and Lauck 1987, scheme 4, with a bitmap over the slots so that empty time costs nothing
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TIMER_WHEEL_SHIFT = 24,   // a slot is 2^24 ns = 16.8 ms: how late an item may come up
	TIMER_WHEEL_SLOTS = 4096, // 68.7 s in all
};

// In the item. Zeroed: not on a wheel.
struct timer_link {
	uint32_t next, prev; // 0: none
	uint16_t slot;       // 1 + slot
	uint16_t spare;      // the owner's, left alone
};

struct timer_wheel {
	void *links;                           // of item 0, which does not exist; item i's link is i * stride further
	size_t stride;                         // bytes
	uint64_t cursor;                       // slot times up to this one have come up
	uint32_t count;                        // items on the wheel
	uint64_t used[TIMER_WHEEL_SLOTS / 64]; // bit: the slot has items
	uint64_t used_words;                   // bit: the word above is not 0
	uint32_t heads[TIMER_WHEEL_SLOTS];
};

// Prepare a zeroed wheel.
//   links  where struct timer_link of item 0 would be
void timer_wheel_init(struct timer_wheel *wheel, void *links, size_t stride);

// Put an item on the wheel that is not on it.
//   item  1..
void timer_wheel_insert(struct timer_wheel *wheel, uint32_t item, uint64_t deadline_ns);
void timer_wheel_remove(struct timer_wheel *wheel, uint32_t item);
// Ask for the lines that removing an item will touch beside its own, which should be there by now.
void timer_wheel_prefetch(const struct timer_wheel *wheel, uint32_t item);

// The deadline of an item on the wheel moved: see to it that the item comes up in time.
void timer_wheel_hasten(struct timer_wheel *wheel, uint32_t item, uint64_t deadline_ns);

// Take one item off whose slot has come up by now_ns: every item whose deadline is a slot's time or more in the past is
// among them, and some that are not due. The caller puts back what it keeps, with a deadline after now_ns.
//   return  an item, or 0: none left at this time
uint32_t timer_wheel_pop(struct timer_wheel *wheel, uint64_t now_ns);

// Take off an item of those that come up soonest, whatever the time.
//   up_ns   filled: when it would have come up; its deadline is before that unless it has moved
//   return  an item, or 0: the wheel is empty
uint32_t timer_wheel_pop_any(struct timer_wheel *wheel, uint64_t *up_ns);

// Of an empty wheel: start its span at now_ns, so that deadlines from then on spread over its slots.
static inline void timer_wheel_skip_to(struct timer_wheel *wheel, uint64_t now_ns) {
	if (wheel->count == 0 && now_ns >> TIMER_WHEEL_SHIFT > wheel->cursor)
		wheel->cursor = now_ns >> TIMER_WHEEL_SHIFT;
}
