// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/keyed_state.h"

#include <errno.h>

#include "dataplane/operator.h"

void keyed_state_save(const struct keyed_table *table, struct state_writer *writer, const struct keyed_saving *saving) {
	for (uint32_t group = 0; group < KEY_INDEX_GROUPS; group++) {
		struct keyed_cursor cursor = {.group = group};
		for (uint32_t record; (record = keyed_table_next_of_group(table, &cursor)) != 0;) {
			const uint64_t hash = key_index_hash(&table->index, keyed_table_hash(table, record), record);
			const struct state_part parts[] = {
				{&hash, sizeof(hash)},
				{keyed_table_key(table, record), table->key_size},
				{keyed_table_value(table, record), table->value_size},
			};
			state_put_parts(writer, STATE_KEY, parts, 3);
			if (saving != NULL)
				saving->save(saving->owner, record, writer);
		}
	}
}

uint32_t keyed_state_restore_key(struct keyed_table *table, const struct state_item *item) {
	const uint64_t *words = item->data, *key = words + 1;
	if (item->kind != STATE_KEY || item->size != sizeof(words[0]) + table->key_size + table->value_size)
		return 0;
	const uint64_t hash = words[0];
	if (key[table->key_size / sizeof(*key) - 1] == 0)
		return 0;
	uint32_t record = keyed_table_insert(table, 0, hash, key);
	if (record != 0)
		memcpy(keyed_table_value(table, record), (const uint8_t *)key + table->key_size, table->value_size);
	return record;
}

uint64_t keyed_state_layout(const struct keyed_table *table) {
	return state_fold(state_fold(STATE_KINDS, table->key_size), table->value_size);
}

int keyed_state_refuse(const struct operator *op) {
	operator_error(op, "what the snapshot has of it is damaged, or more than it has room for");
	return -EINVAL;
}

static struct keyed_state state_of(const struct operator *op) {
	const struct keyed_state_saving *saving =
		container_of(op->type->saving, const struct keyed_state_saving, saving);
	return saving->state_of(op);
}

uint64_t keyed_state_layout_of(const struct operator *op) {
	return keyed_state_layout(state_of(op).table);
}

static uint64_t *uses_of(const struct keyed_state *keyed, const struct instance *instance) {
	return (uint64_t *)((uint8_t *)instance->state + keyed->uses_offset);
}

// Of all instances the greatest count.
static void save_uses(const struct keyed_state *keyed, const struct operator *op, struct state_writer *writer) {
	uint64_t uses = 0;
	for (unsigned i = 0; i < op->instance_count; i++)
		uses = RTE_MAX(uses, *uses_of(keyed, op->instances[i]));
	state_put(writer, STATE_USES, &uses, sizeof(uses));
}

static int restore_uses(const struct keyed_state *keyed, const struct operator *op, struct state_reader *reader) {
	uint64_t uses;
	int ret = state_take(reader, STATE_USES, &uses, sizeof(uses));
	for (unsigned i = 0; ret == 0 && i < op->instance_count; i++)
		*uses_of(keyed, op->instances[i]) = uses;
	return ret;
}

void keyed_state_save_operator(const struct operator *op, struct state_writer *writer) {
	const struct keyed_state keyed = state_of(op);
	if (keyed.uses_offset != 0)
		save_uses(&keyed, op, writer);
	keyed_state_save(keyed.table, writer, NULL);
}

int keyed_state_restore_operator(struct operator *op, struct state_reader *reader) {
	const struct keyed_state keyed = state_of(op);
	struct state_item item;
	int ret = keyed.uses_offset != 0 ? restore_uses(&keyed, op, reader) : 0;
	while (ret == 0 && (ret = state_next(reader, &item)) == 1)
		ret = keyed_state_restore_key(keyed.table, &item) != 0 ? 0 : -EINVAL;
	if (ret < 0)
		return keyed_state_refuse(op);
	state_enter_groups(op, reader);
	return 0;
}
