// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// top_k: the greatest of all keys, over a sliding window or of all that came.
//
//   in       any schema
//   out      every `every`, or where the ranking changed: up to k records with the key's fields, window_start_ns,
//            window_end_ns, rank and what they are ranked by
//            dead: what was dropped, with the reason (dataplane/dead_letter.h)
//   drops    late: its part of the window was told; table_full: no place for another key or pane; no_time
//   options  key, by, k, window, every, emit, time, lateness, max_keys
//   state    a keyed_table of panes (window_panes.h); one instance, whose state is not moved
//
// The ranking depends on the tuples' times alone, as the windows of the operator window do.
#include <errno.h>
#include <stdlib.h>

#include "dataplane/dead_letter.h"
#include "dataplane/key.h"
#include "dataplane/keyed_windows.h"
#include "dataplane/ranking.h"

enum drop { DROP_LATE, DROP_TABLE_FULL, DROP_NO_TIME, TAKEN };
enum { OUTPUT_RANKING, OUTPUT_DEAD };
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
	struct keyed_windows windows; // of one figure
	struct field rank;            // of the records
};

enum phase { PHASE_OPEN, PHASE_SCAN, PHASE_EMIT };

struct top_k {
	struct top_k_shared *shared;
	const struct top_k_options *options;
	uint64_t end_ns; // of the next ranking; 0: nothing to rank
	enum phase phase;
	struct keyed_cursor cursor;
	unsigned emitted;
	struct ranking ranking;
	void *state; // [aggregates.size] scratch
	struct dead_letters dead;
};

// What a key has in the window.
//   return  false: the key was removed
static bool rank_key(struct instance *self, uint32_t record) {
	struct top_k *top = self->state;
	struct window_panes *panes = &top->shared->windows.panes;
	const struct window_pane *pane = keyed_table_value(panes->table, record);
	struct window_result result = {.state = top->state};
	bool is_left = true;
	if (top->options->window_ns == 0)
		memcpy(top->state, (const uint8_t *)pane + panes->state_offset, panes->aggregates->size);
	else
		is_left = window_panes_take_at(panes, self->index, record, top->end_ns, &result);
	double number;
	if (aggregates_number(panes->aggregates, top->state, &number) && number > 0)
		ranking_offer(&top->ranking, keyed_table_key(panes->table, record), top->state, number);
	if (is_left)
		return true;
	keyed_table_remove(panes->table, self->index, record);
	self->gauges[GAUGE_KEYS]--;
	return false;
}

// All keys were looked at.
static void end_scan(struct instance *self) {
	struct top_k *top = self->state;
	bool is_told = top->options->emit == EMIT_ALWAYS || ranking_is_changed(&top->ranking);
	top->emitted = is_told ? 0 : top->ranking.count;
	ranking_note_told(&top->ranking);
	self->gauges[GAUGE_RANKINGS] += is_told;
	top->phase = PHASE_EMIT;
}

static void emit_place(struct instance *self, unsigned place) {
	struct top_k *top = self->state;
	const struct top_k_shared *shared = top->shared;
	const uint64_t window_ns = top->options->window_ns;
	const struct window_result result = {
		.start_ns = window_ns != 0 && top->end_ns > window_ns ? top->end_ns - window_ns : 0,
		.end_ns = top->end_ns,
		.state = ranking_state(&top->ranking, place),
	};
	uint32_t rank = place + 1;
	struct rte_mbuf *tuple = keyed_windows_tell(&shared->windows, self, ranking_key(&top->ranking, place), &result);
	if (tuple == NULL)
		return;
	record_set(shared->windows.figures.schema, &shared->rank, tuple_record(tuple), &rank);
	instance_emit(self, 0, tuple);
}

static void begin_scan(struct top_k *top) {
	top->cursor = (struct keyed_cursor){0};
	ranking_clear(&top->ranking);
	top->phase = PHASE_SCAN;
}

// Go on with the ranking that is being made.
//   return  true: it is out
static bool advance_ranking(struct instance *self, unsigned *room) {
	struct top_k *top = self->state;
	const struct keyed_table *table = top->shared->windows.panes.table;
	for (unsigned looks = 0; top->phase == PHASE_SCAN; looks++) {
		uint32_t record = looks < LOOKS_PER_TICK ? keyed_table_next(table, self->index, &top->cursor) : 0;
		if (record != 0 && !rank_key(self, record))
			keyed_cursor_step_back(&top->cursor);
		else if (record == 0 && looks == LOOKS_PER_TICK)
			return false;
		else if (record == 0)
			end_scan(self);
	}
	for (; top->emitted < top->ranking.count && room[0] > 0; --room[0])
		emit_place(self, top->emitted++);
	if (top->emitted < top->ranking.count)
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
	struct window_panes *panes = &top->shared->windows.panes;
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

static enum drop take_tuple(
	struct instance *self, const struct batch *batch, unsigned i, const uint64_t *key, uint64_t hash) {
	struct top_k *top = self->state;
	struct keyed_windows *windows = &top->shared->windows;
	const struct top_k_options *options = top->options;
	uint64_t clock_ns = tuple_clock_ns(batch, i, self->watermark_ns), time_ns = clock_ns;
	if (windows->time.field != NULL) {
		if (!tuple_time_is_present(&windows->time, batch, i))
			return DROP_NO_TIME;
		time_ns = tuple_time_ns(&windows->time, batch, i);
	}
	uint64_t start_ns = time_ns - time_ns % options->every_ns, end_ns = start_ns + options->every_ns;
	if (end_ns + options->lateness_ns <= clock_ns)
		return DROP_LATE;
	struct window_pane *pane;
	enum drop drop = find_pane(self, key, hash, options->window_ns != 0 ? start_ns : 0, &pane);
	if (drop != TAKEN)
		return drop;
	if (top->phase == PHASE_OPEN && (top->end_ns == 0 || end_ns < top->end_ns))
		top->end_ns = end_ns;
	aggregates_add(&windows->figures.aggregates, window_pane_state(&windows->panes, pane),
		batch_body(batch, i, windows->figures.input.schema), time_ns);
	return TAKEN;
}

// Its key is not that of the stream, whose hashes may be none.
static void top_k_process(struct instance *self, struct batch *batch) {
	struct top_k *top = self->state;
	const struct keyed_input *input = &top->shared->windows.figures.input;
	const unsigned length = input->words.length;
	struct keyed_batch keyed;
	uint64_t hashes[BATCH_MAX];
	unsigned kept = 0;
	keyed_input_load(input, batch, &keyed);
	key_hash_batch(self->op->node, keyed.keys, length, batch->count, hashes);
	for (unsigned i = 0; i < batch->count; i++) {
		enum drop drop = take_tuple(self, batch, i, &keyed.keys[i * length], hashes[i]);
		if (drop == TAKEN)
			batch_move(batch, kept++, i);
		else
			dead_letters_drop(&top->dead, self, drop, batch, i);
	}
	batch->count = kept;
	instance_absorb(self, batch);
}

enum { STATE_RANKING = STATE_PANE + 1 };

static uint64_t top_k_layout(const struct operator *op) {
	const struct top_k_shared *shared = op->shared;
	return keyed_state_layout(shared->windows.panes.table);
}

// No ranking is being made.
static void top_k_save(const struct operator *op, struct state_writer *writer) {
	const struct top_k_shared *shared = op->shared;
	const struct top_k *top = op->instances[0]->state;
	const struct state_part parts[] = {
		{&top->end_ns, sizeof(top->end_ns)},
		{top->ranking.told, (size_t)top->ranking.told_count * top->ranking.key_length * sizeof(uint64_t)},
	};
	state_put_parts(writer, STATE_RANKING, parts, 2);
	window_panes_save(&shared->windows.panes, writer);
}

static int restore_ranking(struct top_k *top, const struct state_item *item) {
	struct ranking *ranking = &top->ranking;
	const size_t key_size = ranking->key_length * sizeof(uint64_t), head = sizeof(top->end_ns);
	if (item->kind != STATE_RANKING || item->size < head || (item->size - head) % key_size != 0 ||
		(item->size - head) / key_size > ranking->k)
		return -EINVAL;
	memcpy(&top->end_ns, item->data, head);
	memcpy(ranking->told, (const uint8_t *)item->data + head, item->size - head);
	ranking->told_count = (unsigned)((item->size - head) / key_size);
	return 0;
}

static int top_k_restore(struct operator *op, struct state_reader *reader) {
	struct top_k_shared *shared = op->shared;
	struct instance *self = op->instances[0];
	struct window_panes_restoring restoring = {.panes = &shared->windows.panes};
	struct state_item item;
	if (state_next(reader, &item) != 1 || restore_ranking(self->state, &item) < 0)
		return keyed_state_refuse(op);
	int ret;
	while ((ret = state_next(reader, &item)) == 1) {
		uint32_t record = window_panes_restore(&restoring, &item);
		if (record == 0)
			return keyed_state_refuse(op);
		self->gauges[GAUGE_KEYS] += record != UINT32_MAX;
	}
	return ret < 0 ? keyed_state_refuse(op) : 0;
}

static const struct operator_saving top_k_saving = {
	.layout = top_k_layout, .save = top_k_save, .restore = top_k_restore};

static int top_k_check(const void *given, char *error, size_t size) {
	const struct top_k_options *options = given;
	const struct window_part every = {"every", " ns", options->window_ns, options->every_ns};
	return window_part_check(&every, error, size);
}

// The figure that keys are ranked by, as the list that aggregates are read from.
static struct option_list by_list(const struct top_k_options *options, char **item) {
	*item = options->by;
	return (struct option_list){.count = 1, .items = item};
}

//   by  as by_list gives it; lives as long as what is returned
static struct keyed_windows_options windows_of(const struct top_k_options *options, const struct option_list *by) {
	return (struct keyed_windows_options){
		.figures = {&options->key, by},
		.has_time = KEYED_WINDOWS_TIME_IF_ANY,
		.time = options->time,
		.shape = {.kind = WINDOW_SLIDING, .size_ns = options->window_ns, .slide_ns = options->every_ns},
		.max_keys = options->max_keys,
	};
}

static int top_k_derive(struct derivation *derivation) {
	const struct top_k_options *options = derivation->options;
	char *item;
	const struct option_list by = by_list(options, &item);
	const struct keyed_windows_options windows = windows_of(options, &by);
	int ret = keyed_windows_derive(derivation, &windows);
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
	keyed_windows_fini(&shared->windows);
	free(shared);
	op->shared = NULL;
}

static int top_k_open(struct operator *op) {
	char *item;
	const struct option_list by = by_list(op->options, &item);
	const struct keyed_windows_options windows = windows_of(op->options, &by);
	struct top_k_shared *shared = operator_new_shared(op, sizeof(*shared));
	int ret = shared != NULL ? keyed_windows_init(&shared->windows, op, &windows) : -ENOMEM;
	if (ret == 0)
		shared->rank = *schema_field(op->outputs[0], "rank");
	return ret;
}

static int top_k_init(struct instance *self) {
	struct top_k *top = self->state;
	top->shared = self->op->shared;
	top->options = self->options;
	const struct keyed_windows *windows = &top->shared->windows;
	const size_t state_size = windows->figures.aggregates.size;
	int ret =
		ranking_init(&top->ranking, (unsigned)top->options->k, windows->figures.input.words.length, state_size);
	top->state = calloc(1, state_size);
	self->gauges[GAUGE_CAPACITY] = windows->panes.table->capacity;
	if (ret == 0 && top->state != NULL)
		return dead_letters_init(&top->dead, self, OUTPUT_DEAD);
	operator_error(self->op, "no memory for k: %llu", (unsigned long long)top->options->k);
	return -ENOMEM;
}

static void top_k_fini(struct instance *self) {
	struct top_k *top = self->state;
	ranking_fini(&top->ranking);
	free(top->state);
	top->state = NULL;
	dead_letters_fini(&top->dead);
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

static const struct operator_output outputs[] = {
	[OUTPUT_RANKING] = {.name = "ranking"}, [OUTPUT_DEAD] = DEAD_LETTER_OUTPUT, {0}};
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
	.saving = &top_k_saving,
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
