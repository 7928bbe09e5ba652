// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The wheel (see timer_wheel.h). Slot time t lies in slot t % SLOTS; items on the wheel have slot times in
// (cursor, cursor + SLOTS], so that a slot holds one slot time only.
#include "dataplane/timer_wheel.h"

_Static_assert(TIMER_WHEEL_SLOTS == 64 * 64, "two levels of 64-bit words cover the slots");

static struct timer_link *link_of(const struct timer_wheel *wheel, uint32_t item) {
	return (struct timer_link *)((uint8_t *)wheel->links + item * wheel->stride);
}

// Rounded up: an item never comes up before its deadline.
static uint64_t slot_time(const struct timer_wheel *wheel, uint64_t deadline_ns) {
	uint64_t time = (deadline_ns >> TIMER_WHEEL_SHIFT) + 1;
	if (time <= wheel->cursor)
		return wheel->cursor + 1;
	return time - wheel->cursor > TIMER_WHEEL_SLOTS ? wheel->cursor + TIMER_WHEEL_SLOTS : time;
}

// Distance from the cursor to the next slot with items: 1..SLOTS. The wheel is not empty.
static uint32_t distance_to_next(const struct timer_wheel *wheel) {
	uint32_t first = (uint32_t)(wheel->cursor + 1) % TIMER_WHEEL_SLOTS;
	uint32_t word = first / 64;
	uint64_t bits = wheel->used[word] >> first % 64;
	if (bits != 0)
		return 1 + (uint32_t)__builtin_ctzll(bits);
	// Words after this one, then from the beginning up to and with this one.
	uint64_t after = word == 63 ? 0 : wheel->used_words >> (word + 1) << (word + 1);
	word = (uint32_t)__builtin_ctzll(after != 0 ? after : wheel->used_words);
	uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(wheel->used[word]);
	return 1 + (slot - first + TIMER_WHEEL_SLOTS) % TIMER_WHEEL_SLOTS;
}

void timer_wheel_init(struct timer_wheel *wheel, void *links, size_t stride) {
	wheel->links = links;
	wheel->stride = stride;
}

void timer_wheel_insert(struct timer_wheel *wheel, uint32_t item, uint64_t deadline_ns) {
	uint32_t slot = (uint32_t)(slot_time(wheel, deadline_ns) % TIMER_WHEEL_SLOTS);
	struct timer_link *link = link_of(wheel, item);
	uint32_t head = wheel->heads[slot];
	link->next = head;
	link->prev = 0;
	link->slot = (uint16_t)(slot + 1);
	if (head != 0)
		link_of(wheel, head)->prev = item;
	wheel->heads[slot] = item;
	wheel->used[slot / 64] |= UINT64_C(1) << slot % 64;
	wheel->used_words |= UINT64_C(1) << slot / 64;
	wheel->count++;
}

void timer_wheel_remove(struct timer_wheel *wheel, uint32_t item) {
	struct timer_link *link = link_of(wheel, item);
	uint32_t slot = link->slot - 1u;
	if (link->next != 0)
		link_of(wheel, link->next)->prev = link->prev;
	if (link->prev != 0)
		link_of(wheel, link->prev)->next = link->next;
	else
		wheel->heads[slot] = link->next;
	if (wheel->heads[slot] == 0) {
		wheel->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
		if (wheel->used[slot / 64] == 0)
			wheel->used_words &= ~(UINT64_C(1) << slot / 64);
	}
	link->slot = 0;
	wheel->count--;
}

void timer_wheel_prefetch(const struct timer_wheel *wheel, uint32_t item) {
	const struct timer_link *link = link_of(wheel, item);
	__builtin_prefetch(link_of(wheel, link->next), 1);
	__builtin_prefetch(link_of(wheel, link->prev), 1);
}

void timer_wheel_hasten(struct timer_wheel *wheel, uint32_t item, uint64_t deadline_ns) {
	uint32_t slot = link_of(wheel, item)->slot - 1u;
	uint32_t first = (uint32_t)(wheel->cursor + 1) % TIMER_WHEEL_SLOTS;
	uint64_t now_in = wheel->cursor + 1 + (slot - first + TIMER_WHEEL_SLOTS) % TIMER_WHEEL_SLOTS;
	if (slot_time(wheel, deadline_ns) >= now_in)
		return;
	timer_wheel_remove(wheel, item);
	timer_wheel_insert(wheel, item, deadline_ns);
}

static uint32_t pop_at(struct timer_wheel *wheel, uint64_t time) {
	uint32_t item = wheel->heads[time % TIMER_WHEEL_SLOTS];
	uint32_t next = link_of(wheel, item)->next;
	timer_wheel_remove(wheel, item);
	__builtin_prefetch(link_of(wheel, next), 1);
	return item;
}

uint32_t timer_wheel_pop(struct timer_wheel *wheel, uint64_t now_ns) {
	uint64_t now = now_ns >> TIMER_WHEEL_SHIFT;
	if (now <= wheel->cursor)
		return 0;
	// A jump past the span: every slot has come up, so the time between need not be walked.
	if (now - wheel->cursor > TIMER_WHEEL_SLOTS)
		wheel->cursor = now - TIMER_WHEEL_SLOTS;
	if (wheel->count > 0) {
		uint64_t time = wheel->cursor + distance_to_next(wheel);
		if (time <= now) {
			wheel->cursor = time - 1; // those before are empty; this one may not be yet
			return pop_at(wheel, time);
		}
	}
	wheel->cursor = now;
	return 0;
}

uint32_t timer_wheel_pop_any(struct timer_wheel *wheel, uint64_t *up_ns) {
	if (wheel->count == 0)
		return 0;
	uint64_t time = wheel->cursor + distance_to_next(wheel);
	*up_ns = time << TIMER_WHEEL_SHIFT;
	return pop_at(wheel, time);
}
