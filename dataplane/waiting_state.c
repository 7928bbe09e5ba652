// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/waiting_state.h"

#include <errno.h>

#include "dataplane/operator.h"

enum { STATE_WAITING = STATE_KINDS }; // of side 0; of side 1 the next

static void save_lists(const void *owner, uint32_t record, struct state_writer *writer) {
	const struct waiting_state *state = owner;
	const struct waiting_lists *lists = keyed_table_value(state->table, record);
	for (unsigned side = 0; side < WAITING_SIDES; side++) {
		struct waiting *one;
		for (uint32_t number = lists->heads[side]; number != 0; number = one->next) {
			one = waiting_at(state->waiting, number);
			const struct state_part parts[] = {
				{&one->time_ns, sizeof(one->time_ns)},
				{waiting_body(one), state->schemas[side]->size},
			};
			state_put_parts(writer, STATE_WAITING + side, parts, 2);
		}
	}
}

void waiting_state_save(const struct waiting_state *state, struct state_writer *writer) {
	const struct keyed_saving saving = {save_lists, state};
	keyed_state_save(state->table, writer, &saving);
}

// Where a restore is: its key, 0 before the first one, and the last tuple of each of its lists.
struct place {
	uint32_t record, last[WAITING_SIDES];
};

static int restore_key(const struct waiting_state *state, struct place *at, const struct state_item *item) {
	*at = (struct place){.record = keyed_state_restore_key(state->table, item)};
	if (at->record == 0)
		return -EINVAL;
	*(struct waiting_lists *)keyed_table_value(state->table, at->record) = (struct waiting_lists){0};
	return 1;
}

static int restore_tuple(const struct waiting_state *state, struct place *at, const struct state_item *item) {
	const unsigned side = item->kind - STATE_WAITING;
	const uint8_t *body = (const uint8_t *)item->data + sizeof(uint64_t);
	uint64_t time_ns;
	if (side >= WAITING_SIDES || at->record == 0 || item->size != sizeof(time_ns) + state->schemas[side]->size ||
		!schema_is_sound(state->schemas[side], body))
		return -EINVAL;
	memcpy(&time_ns, item->data, sizeof(time_ns));
	uint32_t number = waiting_tuples_take(state->waiting, 0, time_ns);
	if (number == 0)
		return -EINVAL;
	memcpy(waiting_body(waiting_at(state->waiting, number)), body, state->schemas[side]->size);
	waiting_lists_append(state->waiting, keyed_table_value(state->table, at->record), side, at->last[side], number);
	at->last[side] = number;
	return 1;
}

int waiting_state_restore(const struct waiting_state *state, struct operator *op, struct state_reader *reader) {
	struct place at = {0};
	struct state_item item;
	int ret;
	while ((ret = state_next(reader, &item)) == 1) {
		ret = item.kind == STATE_KEY ? restore_key(state, &at, &item) : restore_tuple(state, &at, &item);
		if (ret < 0)
			break;
	}
	if (ret < 0)
		return keyed_state_refuse(op);
	state_enter_groups(op, reader);
	return 0;
}
