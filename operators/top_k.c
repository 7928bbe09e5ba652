// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// top_k: the greatest of all keys, over a sliding window or of all that came.
//
//   in       any schema
//   out      every `every`, or where the ranking changed: up to k records with the key's fields, window_start_ns,
//            window_end_ns, rank and what they are ranked by
//   drops    late: its part of the window was told; table_full: no place for another key or pane; no_time
//   options  key, by, k, window, every, emit, time, lateness, max_keys
//   state    a keyed_table of panes (window_panes.h); one instance, whose state is not moved
//
// The ranking depends on the tuples' times alone, as the windows of the operator window do.
#include <errno.h>
#include <stdlib.h>

#include "dataplane/keyed_figures.h"
#include "dataplane/tuple_time.h"
#include "dataplane/window_panes.h"

enum drop { DROP_LATE, DROP_TABLE_FULL, DROP_NO_TIME, TAKEN };
enum { GAUGE_KEYS, GAUGE_RANKINGS, GAUGE_CAPACITY };
enum { EMIT_ALWAYS, EMIT_CHANGE };
enum { LOOKS_PER_TICK = 512, K_MAX = 10000 };

struct top_k_options {
	struct option_list key;
	char *by, *time;
	uint64_t k, window_ns, every_ns, lateness_ns, max_keys;
	unsigned emit;
};

struct top_k_shared {
	struct keyed_figures figures; // one figure
	struct tuple_time time;
	bool has_time;
	struct window_panes panes;
	struct field start, end, rank; // of the records
};

// A place in the ranking. Its key and state lie at `slot` of the scratch arrays.
struct place {
	double number;
	uint32_t slot;
};

enum phase { PHASE_OPEN, PHASE_SCAN, PHASE_EMIT };

struct top_k {
	struct top_k_shared *shared;
	const struct top_k_options *options;
	uint64_t end_ns; // of the next ranking; 0: nothing to rank
	enum phase phase;
	struct keyed_cursor cursor;
	unsigned count, emitted;
	struct place *places; // [k + 1] descending
	uint64_t *keys;       // [k + 1][words]
	uint8_t *states;      // [k + 1][aggregates.size]
	void *state;          // [aggregates.size] scratch
	uint64_t *told;       // [k][words] keys of the last ranking that was told
	unsigned told_count;
};

static size_t key_size(const struct top_k *top) {
	return top->shared->figures.input.words.length * sizeof(uint64_t);
}

static uint64_t *key_at(const struct top_k *top, uint32_t slot) {
	return &top->keys[slot * top->shared->figures.input.words.length];
}

static uint8_t *state_at(const struct top_k *top, uint32_t slot) {
	return top->states + slot * (size_t)top->shared->figures.aggregates.size;
}

// Of equal numbers the key that is less in memory is greater, so that rankings do not depend on the order of offers.
static bool is_above(const struct top_k *top, double number, const uint64_t *key, const struct place *place) {
	if (number != place->number)
		return number > place->number;
	return memcmp(key, key_at(top, place->slot), key_size(top)) < 0;
}

static void offer(struct top_k *top, const uint64_t *key, const void *state, double number) {
	unsigned at = top->count;
	if (top->count == top->options->k && !is_above(top, number, key, &top->places[top->count - 1]))
		return;
	uint32_t slot = top->count < top->options->k ? top->count++ : top->places[--at].slot;
	for (; at > 0 && is_above(top, number, key, &top->places[at - 1]); at--)
		top->places[at] = top->places[at - 1];
	memcpy(key_at(top, slot), key, key_size(top));
	memcpy(state_at(top, slot), state, top->shared->figures.aggregates.size);
	top->places[at] = (struct place){number, slot};
}

// What a key has in the window.
//   return  false: the key was removed
static bool rank_key(struct instance *self, uint32_t record) {
	struct top_k *top = self->state;
	struct window_panes *panes = &top->shared->panes;
	const struct window_pane *pane = keyed_table_value(panes->table, record);
	struct window_result result = {.state = top->state};
	bool is_left = true;
	if (top->options->window_ns == 0)
		memcpy(top->state, (const uint8_t *)pane + panes->state_offset, panes->aggregates->size);
	else
		is_left = window_panes_take_at(panes, self->index, record, top->end_ns, &result);
	double number;
	if (aggregates_number(panes->aggregates, top->state, &number) && number > 0)
		offer(top, keyed_table_key(panes->table, record), top->state, number);
	if (is_left)
		return true;
	keyed_table_remove(panes->table, self->index, record);
	self->gauges[GAUGE_KEYS]--;
	return false;
}

static bool is_changed(const struct top_k *top) {
	if (top->count != top->told_count)
		return true;
	for (unsigned i = 0; i < top->count; i++)
		if (memcmp(&top->told[i * key_size(top) / sizeof(uint64_t)], key_at(top, top->places[i].slot),
			    key_size(top)) != 0)
			return true;
	return false;
}

// All keys were looked at.
static void end_scan(struct instance *self) {
	struct top_k *top = self->state;
	bool is_told = top->options->emit == EMIT_ALWAYS || is_changed(top);
	top->emitted = is_told ? 0 : top->count;
	for (unsigned i = 0; i < top->count && is_told; i++)
		memcpy(&top->told[i * key_size(top) / sizeof(uint64_t)], key_at(top, top->places[i].slot),
			key_size(top));
	top->told_count = top->count;
	self->gauges[GAUGE_RANKINGS] += is_told;
	top->phase = PHASE_EMIT;
}

static void emit_place(struct instance *self, unsigned number) {
	struct top_k *top = self->state;
	const struct top_k_shared *shared = top->shared;
	const struct schema *schema = shared->figures.schema;
	uint32_t slot = top->places[number].slot, rank = number + 1;
	uint64_t window_ns = top->options->window_ns;
	uint64_t start_ns = window_ns != 0 && top->end_ns > window_ns ? top->end_ns - window_ns : 0;
	struct rte_mbuf *tuple = instance_has_listener(self, 0) ? instance_new_record(self, schema) : NULL;
	if (tuple == NULL)
		return;
	keyed_figures_store(&shared->figures, key_at(top, slot), state_at(top, slot), tuple_record(tuple));
	record_set(schema, &shared->start, tuple_record(tuple), &start_ns);
	record_set(schema, &shared->end, tuple_record(tuple), &top->end_ns);
	record_set(schema, &shared->rank, tuple_record(tuple), &rank);
	instance_emit(self, 0, tuple);
}

static void begin_scan(struct top_k *top) {
	top->cursor = (struct keyed_cursor){0};
	top->count = 0;
	top->phase = PHASE_SCAN;
}

// Go on with the ranking that is being made.
//   return  true: it is out
static bool advance_ranking(struct instance *self, unsigned *room) {
	struct top_k *top = self->state;
	const struct keyed_table *table = top->shared->panes.table;
	for (unsigned looks = 0; top->phase == PHASE_SCAN; looks++) {
		uint32_t record = looks < LOOKS_PER_TICK ? keyed_table_next(table, self->index, &top->cursor) : 0;
		if (record != 0 && !rank_key(self, record))
			keyed_cursor_step_back(&top->cursor);
		else if (record == 0 && looks == LOOKS_PER_TICK)
			return false;
		else if (record == 0)
			end_scan(self);
	}
	for (; top->emitted<top->count && * room> 0; --*room)
		emit_place(self, top->emitted++);
	if (top->emitted < top->count)
		return false;
	top->phase = PHASE_OPEN;
	bool goes_on = top->options->window_ns != 0 && self->gauges[GAUGE_KEYS] > 0;
	top->end_ns = goes_on ? top->end_ns + top->options->every_ns : 0;
	return true;
}

static bool top_k_tick(struct instance *self, unsigned room) {
	struct top_k *top = self->state;
	if (top->phase == PHASE_OPEN) {
		if (top->end_ns == 0 || self->watermark_ns < top->end_ns + top->options->lateness_ns)
			return false;
		begin_scan(top);
	}
	advance_ranking(self, &room);
	return true;
}

static bool top_k_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	struct top_k *top = self->state;
	if (top->phase == PHASE_OPEN && top->end_ns != 0)
		begin_scan(top);
	// The windows that begin after the last tuple's are not made.
	if (top->phase != PHASE_OPEN && advance_ranking(self, &room) && self->watermark_ns < top->end_ns)
		top->end_ns = 0;
	return top->phase != PHASE_OPEN || top->end_ns != 0;
}

//   return  TAKEN with *pane set
static enum drop find_pane(
	struct instance *self, const uint64_t *key, uint64_t hash, uint64_t start_ns, struct window_pane **pane) {
	struct top_k *top = self->state;
	struct window_panes *panes = &top->shared->panes;
	uint32_t record = keyed_table_lookup(panes->table, hash, key);
	bool is_new = record == 0;
	if (is_new)
		record = keyed_table_insert(panes->table, self->index, hash, key);
	if (record == 0)
		return DROP_TABLE_FULL;
	self->gauges[GAUGE_KEYS] += is_new;
	*pane = window_panes_at(panes, self->index, record, start_ns, is_new);
	return *pane != NULL ? TAKEN : DROP_TABLE_FULL;
}

static enum drop take_tuple(struct instance *self, const struct batch *batch, unsigned i, const uint64_t *key) {
	struct top_k *top = self->state;
	const struct top_k_shared *shared = top->shared;
	const struct top_k_options *options = top->options;
	uint64_t clock_ns = tuple_clock_ns(batch, i, self->watermark_ns), time_ns = clock_ns;
	if (shared->has_time && !tuple_time_is_present(&shared->time, batch, i))
		return DROP_NO_TIME;
	if (shared->has_time)
		time_ns = tuple_time_ns(&shared->time, batch, i);
	uint64_t start_ns = time_ns - time_ns % options->every_ns, end_ns = start_ns + options->every_ns;
	if (end_ns + options->lateness_ns <= clock_ns)
		return DROP_LATE;
	struct window_pane *pane;
	uint64_t hash = key_hash(self->op->node, key, key_size(top));
	enum drop drop = find_pane(self, key, hash, options->window_ns != 0 ? start_ns : 0, &pane);
	if (drop != TAKEN)
		return drop;
	if (top->phase == PHASE_OPEN && (top->end_ns == 0 || end_ns < top->end_ns))
		top->end_ns = end_ns;
	aggregates_add(&shared->figures.aggregates, window_pane_state(&shared->panes, pane),
		batch_body(batch, i, shared->figures.input.schema), time_ns);
	return TAKEN;
}

static void top_k_process(struct instance *self, struct batch *batch) {
	struct top_k *top = self->state;
	const struct key_words *words = &top->shared->figures.input.words;
	uint64_t key[KEY_WORDS_MAX];
	unsigned kept = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		key_words_load(words, batch_body(batch, i, top->shared->figures.input.schema), key);
		enum drop drop = take_tuple(self, batch, i, key);
		if (drop == TAKEN)
			batch_move(batch, kept++, i);
		else
			instance_drop(self, drop, batch->tuples[i]);
	}
	batch->count = kept;
	instance_absorb(self, batch);
}

static int top_k_check(const void *given, char *error, size_t size) {
	const struct top_k_options *options = given;
	if (options->window_ns % options->every_ns == 0 && options->window_ns / options->every_ns <= 4096)
		return 0;
	snprintf(error, size,
		"every: %llu ns; expected a part of window (%llu ns) that divides it, at most 4096 times "
		"smaller",
		(unsigned long long)options->every_ns, (unsigned long long)options->window_ns);
	return -EINVAL;
}

// The figure that keys are ranked by, as the list that aggregates are read from.
static struct option_list by_list(const struct top_k_options *options, char **item) {
	*item = options->by;
	return (struct option_list){.count = 1, .items = item};
}

static int find_time(struct top_k_shared *shared, const struct top_k_options *options, const struct schema *input,
	char *error, size_t size) {
	shared->has_time = (options->time != NULL && options->time[0] != '\0') || input->body == SCHEMA_PACKET;
	return shared->has_time ? tuple_time_init(&shared->time, input, options->time, error, size) : 0;
}

static int top_k_derive(struct derivation *derivation) {
	static const char *const times[] = {"window_start_ns", "window_end_ns", NULL};
	const struct top_k_options *options = derivation->options;
	char *item;
	const struct option_list by = by_list(options, &item);
	const struct keyed_figures_options figures = {&options->key, &by};
	struct top_k_shared *shared = calloc(1, sizeof(*shared));
	if (shared == NULL)
		return -ENOMEM;
	int ret = find_time(shared, options, derivation->inputs[0], derivation->error, derivation->error_size);
	if (ret == 0)
		ret = keyed_figures_derive(derivation, &figures, times);
	free(shared);
	if (ret != 0)
		return ret;
	struct schema *out = (struct schema *)(uintptr_t)derivation->outputs[0];
	enum field_type type = schema_last(out)->type;
	if (type > FIELD_F64) {
		snprintf(derivation->error, derivation->error_size, "by: \"%s\": gives a %s; expected a number",
			options->by, field_type_names[type]);
		return -EINVAL;
	}
	ret = schema_add(out, "rank", FIELD_U32, 0, NULL);
	if (ret == -EEXIST)
		snprintf(derivation->error, derivation->error_size,
			"rank: the records have a field of that name already");
	return ret == 0 || ret == -ENOMEM ? ret : -EINVAL;
}

static void top_k_close(struct operator *op) {
	struct top_k_shared *shared = op->shared;
	if (shared == NULL)
		return;
	window_panes_fini(&shared->panes);
	free(shared);
	op->shared = NULL;
}

static int make_panes(struct operator *op, struct top_k_shared *shared) {
	const struct top_k_options *options = op->options;
	struct keyed_table_shape table = {
		.capacity = options->max_keys,
		.key_size = shared->figures.input.words.length * (uint32_t)sizeof(uint64_t),
		.parts = op->instance_count,
	};
	shared->panes.shape = (struct window_shape){
		.kind = WINDOW_SLIDING, .size_ns = options->window_ns, .slide_ns = options->every_ns};
	shared->panes.aggregates = &shared->figures.aggregates;
	uint64_t per_key = RTE_MIN(RTE_MAX(options->window_ns / options->every_ns, 1u), 64u);
	uint64_t older = RTE_MIN(options->max_keys * per_key, KEYED_TABLE_CAPACITY_MAX + UINT64_C(0));
	int ret = window_panes_init(&shared->panes, &table, older);
	if (ret != 0)
		operator_error(op, "no memory for max_keys: %llu", (unsigned long long)options->max_keys);
	return ret;
}

static int top_k_open(struct operator *op) {
	const struct top_k_options *options = op->options;
	char *item, error[400] = "out of memory";
	const struct option_list by = by_list(options, &item);
	const struct keyed_figures_options figures = {&options->key, &by};
	struct top_k_shared *shared = aligned_alloc(64, (sizeof(*shared) + 63) / 64 * 64);
	if (shared != NULL)
		op->shared = memset(shared, 0, sizeof(*shared));
	int ret = shared != NULL ? find_time(shared, options, op->inputs[0], error, sizeof(error)) : -ENOMEM;
	if (ret != 0) {
		operator_error(op, "%s", error);
		return ret;
	}
	ret = keyed_figures_init(&shared->figures, op, &figures);
	if (ret != 0)
		return ret;
	shared->start = *schema_field(shared->figures.schema, "window_start_ns");
	shared->end = *schema_field(shared->figures.schema, "window_end_ns");
	shared->rank = *schema_field(shared->figures.schema, "rank");
	return make_panes(op, shared);
}

static int top_k_init(struct instance *self) {
	struct top_k *top = self->state;
	top->shared = self->op->shared;
	top->options = self->options;
	const size_t places = top->options->k + 1, state_size = top->shared->figures.aggregates.size;
	top->places = calloc(places, sizeof(*top->places));
	top->keys = calloc(places, key_size(top));
	top->told = calloc(places, key_size(top));
	top->states = calloc(places, state_size);
	top->state = calloc(1, state_size);
	self->gauges[GAUGE_CAPACITY] = top->shared->panes.table->capacity;
	if (top->places != NULL && top->keys != NULL && top->told != NULL && top->states != NULL && top->state != NULL)
		return 0;
	operator_error(self->op, "no memory for k: %llu", (unsigned long long)top->options->k);
	return -ENOMEM;
}

static void top_k_fini(struct instance *self) {
	struct top_k *top = self->state;
	free(top->places);
	free(top->keys);
	free(top->told);
	free(top->states);
	free(top->state);
	*top = (struct top_k){.count = 0};
}

static const char *const emit_names[] = {[EMIT_ALWAYS] = "always", [EMIT_CHANGE] = "change", NULL};

#define AT(member) offsetof(struct top_k_options, member)
#define MS UINT64_C(1000000)
#define DAY (86400 * 1000 * MS)
static const struct option top_k_option_table[] = {
	{"key", OPTION_LIST, AT(key), .required = true, .min = 1, .max = GROUPING_KEY_MAX,
		.help = "fields of what is ranked, up to 8"},
	{"by", OPTION_STRING, AT(by), "count()", 1, 160,
		.help = "the figure that it is ranked by, such as sum(bytes) or last(count), as the operator window "
			"has "
			"them"},
	{"k", OPTION_UINT, AT(k), "10", 1, K_MAX, .help = "how many are told"},
	{"window", OPTION_DURATION, AT(window_ns), "0s", 0, 7 * DAY,
		.help = "length of the sliding window; 0s: all that came"},
	{"every", OPTION_DURATION, AT(every_ns), "1s", MS, DAY, .help = "from one ranking to the next; divides window"},
	{"emit", OPTION_ENUM, AT(emit), "always", .choices = emit_names,
		.help = "tell each ranking, or those in which another key has a place"},
	{"time", OPTION_STRING, AT(time), .min = 0, .max = SCHEMA_NAME_MAX,
		.help = "field with a tuple's time in ns since the epoch; packets: timestamp_ns; without one, the time "
			"when it comes"},
	{"lateness", OPTION_DURATION, AT(lateness_ns), "0s", 0, DAY,
		.help = "rankings wait for so long for tuples out of order"},
	{"max_keys", OPTION_UINT, AT(max_keys), "262144", 1, KEYED_TABLE_CAPACITY_MAX,
		.help = "keys in the window; memory is taken when used"},
	{0},
};
#undef AT

static const struct operator_output outputs[] = {{.name = "ranking"}, {0}};
static const char *const drops[] = {
	[DROP_LATE] = "late", [DROP_TABLE_FULL] = "table_full", [DROP_NO_TIME] = "no_time", NULL};
static const char *const gauges[] = {
	[GAUGE_KEYS] = "keys", [GAUGE_RANKINGS] = "rankings", [GAUGE_CAPACITY] = "capacity", NULL};

static struct operator_type top_k_type = {
	.name = "top_k",
	.summary = "rank keys over a sliding window",
	.manual = "Ranks all keys by a figure over the last `window` of event time, every `every`: the k greatest are "
		  "told, "
		  "from rank 1, with window_start_ns and window_end_ns. Of equal ones the order is always the same. A "
		  "figure of 0 or less has no rank.\n\n"
		  "What is ranked may be counted here (by: count(), sum(bytes)), or before, by a reduce that tells its "
		  "counts now and then: by: last(count) takes the latest that each key was told with in the window.\n\n"
		  "A tuple is dropped as late when the first ranking that it counts for was made, a key that max_keys "
		  "leaves no place for as table_full. All tuples come to one instance.",
	.options = top_k_option_table,
	.options_size = sizeof(struct top_k_options),
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_GLOBAL,
	.borrows = true,
	.parallelism = 1,
	.parallelism_max = 1,
	.state_size = sizeof(struct top_k),
	.check = top_k_check,
	.derive = top_k_derive,
	.open = top_k_open,
	.close = top_k_close,
	.init = top_k_init,
	.fini = top_k_fini,
	.process = top_k_process,
	.tick = top_k_tick,
	.flush = top_k_flush,
};
OPERATOR_REGISTER(top_k_type);
