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

static uint64_t *uses_of(const struct keyed_state *keyed, const struct instance *instance) {
	return (uint64_t *)((uint8_t *)instance->state + keyed->uses_offset);
}

void keyed_state_save_uses(const struct keyed_state *keyed, const struct operator *op, struct state_writer *writer) {
	uint64_t uses = 0;
	for (unsigned i = 0; i < op->instance_count; i++)
		uses = RTE_MAX(uses, *uses_of(keyed, op->instances[i]));
	state_put(writer, STATE_USES, &uses, sizeof(uses));
}

int keyed_state_restore_uses(
	const struct keyed_state *keyed, const struct operator *op, const struct state_item *item) {
	if (item->kind != STATE_USES || item->size != sizeof(uint64_t))
		return -EINVAL;
	for (unsigned i = 0; i < op->instance_count; i++)
		memcpy(uses_of(keyed, op->instances[i]), item->data, sizeof(uint64_t));
	return 0;
}

void keyed_state_save_operator(
	const struct keyed_state *keyed, const struct operator *op, struct state_writer *writer) {
	if (keyed->uses_offset != 0)
		keyed_state_save_uses(keyed, op, writer);
	keyed_state_save(keyed->table, writer, NULL);
}

int keyed_state_restore_operator(const struct keyed_state *keyed, struct operator *op, struct state_reader *reader) {
	struct state_item item;
	int ret = keyed->uses_offset != 0 ? state_next(reader, &item) : 1;
	if (ret == 1 && keyed->uses_offset != 0 && keyed_state_restore_uses(keyed, op, &item) < 0)
		ret = -EINVAL;
	while (ret == 1 && (ret = state_next(reader, &item)) == 1)
		if (keyed_state_restore_key(keyed->table, &item) == 0)
			ret = -EINVAL;
	if (ret < 0)
		return keyed_state_refuse(op);
	state_enter_groups(op, reader);
	return 0;
}
