// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz what operators read of a snapshot: the first byte says what they keep, the rest is the file behind its header.
// What is taken up must be whole: each key is found again, and goes when it is told to, with all that it has.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/operator.h"
#include "dataplane/waiting_state.h"
#include "dataplane/window_panes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAPACITY = 64, PARTS = 2, KINDS = WINDOW_COUNT + 1, WINDOWS_MAX = 1 << 16, STATE_WORDS_MAX = 256 };

struct body {
	uint64_t time_ns;
	uint32_t value;
	char name[4];
	uint16_t labels[3];
	uint8_t label_count, kind;
};
static const char *const kinds[] = {"one", "other", NULL};
static const struct field fields[] = {
	{"time_ns", FIELD_U64, offsetof(struct body, time_ns)},
	{"value", FIELD_U32, offsetof(struct body, value)},
	{"name", FIELD_STRING, offsetof(struct body, name), .length = 4},
	{"labels", FIELD_U16_LIST, offsetof(struct body, labels), .length = 3,
		.count_offset = offsetof(struct body, label_count)},
	{"kind", FIELD_ENUM, offsetof(struct body, kind), .choices = kinds},
	{0},
};
static const struct schema schema = {
	.name = "body", .body = SCHEMA_RECORD, .size = sizeof(struct body), .fields = fields};

// What an instance keeps besides the table.
struct used {
	uint64_t begun, uses;
};

static struct keyed_table *table;
static uint32_t entered;

static void require(bool holds) {
	if (!holds)
		abort();
}

static void group_enter(struct instance *self, unsigned group) {
	entered += keyed_table_enter(table, self->index, group, NULL);
}

static struct keyed_state state_of(const struct operator *op) {
	return (struct keyed_state){table, offsetof(struct used, uses)};
}

static const struct keyed_state_saving saving = {KEYED_STATE_SAVING, state_of};
static const struct operator_type type = {.name = "kept", .group_enter = group_enter, .saving = &saving.saving};

// An operator of two instances that own every other group.
struct fixture {
	struct operator op;
	struct instance instances[PARTS];
	struct instance *list[PARTS];
	struct used states[PARTS];
	uint16_t owners[KEY_GROUPS];
	struct state_reader reader;
};

static void fixture_init(struct fixture *fixture, const uint8_t *items, size_t size) {
	memset(fixture, 0, sizeof(*fixture));
	fixture->op = (struct operator){
		.type = &type, .name = "op", .pipeline = "fuzz", .instance_count = PARTS, .instances = fixture->list};
	for (unsigned i = 0; i < PARTS; i++) {
		fixture->list[i] = &fixture->instances[i];
		fixture->instances[i].op = &fixture->op;
		fixture->instances[i].index = i;
		fixture->instances[i].state = &fixture->states[i];
	}
	for (unsigned i = 0; i < KEY_GROUPS; i++)
		fixture->owners[i] = i % PARTS;
	fixture->reader = (struct state_reader){.data = items, .size = size, .owners = fixture->owners};
	entered = 0;
}

static void make_table(uint32_t value_size) {
	const struct keyed_table_shape shape = {CAPACITY, 2 * sizeof(uint64_t), value_size, PARTS};
	require(keyed_table_new(&table, &shape) == 0);
}

// Call for every key, which is gone afterwards.
static uint32_t remove_all(void (*empty)(void *context, uint32_t record), void *context) {
	uint32_t count = 0;
	for (uint32_t group = 0; group < KEY_INDEX_GROUPS; group++) {
		struct keyed_cursor cursor = {.group = group};
		for (uint32_t record; (record = keyed_table_next_of_group(table, &cursor)) != 0; count++) {
			uint64_t hash = key_index_hash(&table->index, keyed_table_hash(table, record), record);
			require(keyed_table_lookup(table, hash, keyed_table_key(table, record)) != 0);
			if (empty != NULL)
				empty(context, record);
			keyed_table_remove(table, group % PARTS, record);
			keyed_cursor_step_back(&cursor);
		}
	}
	return count;
}

static void read_keys(const uint8_t *items, size_t size) {
	struct fixture fixture;
	fixture_init(&fixture, items, size);
	make_table(24);
	int ret = type.saving->restore(&fixture.op, &fixture.reader);
	require(ret == 0 || ret == -EINVAL);
	uint32_t count = remove_all(NULL, NULL);
	require(ret != 0 || (count == entered && fixture.states[0].uses == fixture.states[1].uses));
	keyed_table_free(table);
}

static void forget(void *context, uint32_t record) {
	const struct waiting_state *state = context;
	struct waiting_lists *lists = keyed_table_value(table, record);
	unsigned waiting = lists->counts[0] + lists->counts[1];
	char text[256];
	for (unsigned side = 0; side < WAITING_SIDES; side++)
		for (uint32_t i = lists->heads[side]; i != 0; i = waiting_at(state->waiting, i)->next)
			for (const struct field *field = fields; field->name != NULL; field++)
				field_format(field, waiting_body(waiting_at(state->waiting, i)), text, sizeof(text));
	const uint64_t earliest_ns = waiting_lists_earliest_ns(state->waiting, lists);
	unsigned gone = waiting_lists_forget(state->waiting, 0, lists, UINT64_MAX);
	require(gone <= waiting && (gone > 0) == (earliest_ns != UINT64_MAX));
}

static void read_waiting(const uint8_t *items, size_t size) {
	struct fixture fixture;
	struct waiting_tuples waiting = {0};
	fixture_init(&fixture, items, size);
	make_table(sizeof(struct waiting_lists));
	require(waiting_tuples_init(&waiting, CAPACITY, sizeof(struct body), PARTS) == 0);
	struct waiting_state state = {table, &waiting, {&schema, &schema}};
	int ret = waiting_state_restore(&state, &fixture.op, &fixture.reader);
	require(ret == 0 || ret == -EINVAL);
	uint32_t count = remove_all(forget, &state);
	require(ret != 0 || count == entered);
	waiting_tuples_fini(&waiting);
	keyed_table_free(table);
}

static void take_windows(void *context, uint32_t record) {
	static uint64_t state[STATE_WORDS_MAX];
	struct window_panes *panes = context;
	struct window_result result = {.state = state};
	require(panes->aggregates->size <= sizeof(state));
	unsigned taken = 0;
	window_panes_deadline_ns(panes, record);
	while (window_panes_take(panes, 0, record, &result) && panes->shape.kind != WINDOW_COUNT)
		require(++taken < WINDOWS_MAX);
	double number;
	aggregates_number(panes->aggregates, state, &number);
}

static void read_panes(enum window_kind kind, const uint8_t *items, size_t size) {
	static char *compute[] = {"sum(value)", "mean(value)", "distinct(name)", "last(name)", "max(value)"};
	const struct option_list list = {.count = 5, .items = compute};
	const struct window_shape_options shapes[KINDS] = {
		[WINDOW_TUMBLING] = {.kind = kind, .size_ns = 100},
		[WINDOW_SLIDING] = {.kind = kind, .size_ns = 100, .slide_ns = 10},
		[WINDOW_SESSION] = {.kind = kind, .gap_ns = 50},
		[WINDOW_COUNT] = {.kind = kind, .count = 12, .every = 3},
	};
	struct keyed_table_shape shape = {.capacity = CAPACITY, .key_size = 2 * sizeof(uint64_t), .parts = PARTS};
	struct aggregates aggregates;
	struct fixture fixture;
	char error[200];
	fixture_init(&fixture, items, size);
	require(window_shape_check(&shapes[kind], error, sizeof(error)) == 0);
	require(aggregates_parse(&aggregates, &schema, &list, error, sizeof(error)) == 0);
	struct window_panes panes = {.shape = window_shape_of(&shapes[kind]), .aggregates = &aggregates};
	require(window_panes_init(&panes, &shape, CAPACITY) == 0);
	table = panes.table;
	struct window_panes_restoring restoring = {.panes = &panes};
	struct state_item item;
	int ret;
	while ((ret = state_next(&fixture.reader, &item)) == 1 && window_panes_restore(&restoring, &item) != 0)
		;
	if (ret == 0)
		remove_all(take_windows, &panes);
	window_panes_fini(&panes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static bool is_quiet;
	if (!is_quiet)
		stderr = fopen("/dev/null", "w"); // operators say why they refuse something
	is_quiet = true;
	require(stderr != NULL);
	if (size == 0)
		return 0;
	uint8_t *items = malloc(size > 1 ? size - 1 : 1); // aligned, and with an end that the sanitizer knows
	require(items != NULL);
	memcpy(items, data + 1, size - 1);
	struct state_reader reader;
	require(state_reader_init(&reader, items, size - 1, 1, NULL) <= 0);
	if (data[0] % (KINDS + 2) < KINDS)
		read_panes(data[0] % (KINDS + 2), items, size - 1);
	else if (data[0] % (KINDS + 2) == KINDS)
		read_keys(items, size - 1);
	else
		read_waiting(items, size - 1);
	free(items);
	return 0;
}
