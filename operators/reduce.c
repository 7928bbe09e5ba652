// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// reduce: running figures of each key.
//
//   in       any schema
//   out      a record with the key's fields and the figures of `compute`: after every N tuples of a key, each interval
//            for the keys that changed in it, and at the end for those that changed since they were told
//            dead: what was dropped, with the reason (dataplane/dead_letter.h)
//   drops    table_full: no place for another key
//   options  key, compute, every, interval, reset, time, evict, max_keys
//   state    a keyed_table shared by the instances, a timer wheel per instance; key groups can be moved
//
// What a record says is what had come when it was made: with interval, how far that is depends on the plan. For figures
// that are the same under every plan there is the operator window.
#include <errno.h>
#include <stdlib.h>

#include "dataplane/dead_letter.h"
#include "dataplane/keyed_figures.h"
#include "dataplane/keyed_state.h"
#include "dataplane/tuple_time.h"

enum { DROP_TABLE_FULL };
enum { OUTPUT_FIGURES, OUTPUT_DEAD };
enum { GAUGE_KEYS, GAUGE_RECORDS, GAUGE_EVICTED, GAUGE_CAPACITY };
enum { EVICT_OLDEST, EVICT_NONE };
enum { LOOKS_PER_TICK = 256 };

struct reduce_options {
	struct option_list key, compute;
	uint64_t every, interval_ns;
	bool reset;
	char *time;
	unsigned evict;
	uint64_t max_keys;
};

struct reduce_shared {
	struct keyed_figures figures;
	struct tuple_time time; // no field: first and last go by arrival
	struct keyed_table *table;
};

// A key's value; its figures lie behind it.
struct reduction {
	uint64_t used;     // when it was last, in tuples of the instance: what eviction goes by
	uint64_t arrivals; // since it was last told
	uint64_t due_ns;   // with an interval: the end of that in which the first of them came
};

struct reduce {
	struct reduce_shared *shared;
	uint64_t every, interval_ns;
	bool reset, evicts;
	uint64_t arrivals;
	struct keyed_cursor flushed;
	struct timer_wheel wheel;
	struct dead_letters dead;
};

static void *figures_of(struct reduction *reduction) {
	return reduction + 1;
}

static void tell(struct instance *self, uint32_t record) {
	struct reduce *reduce = self->state;
	const struct reduce_shared *shared = reduce->shared;
	struct reduction *reduction = keyed_table_value(shared->table, record);
	reduction->arrivals = 0;
	self->gauges[GAUGE_RECORDS]++;
	struct rte_mbuf *tuple =
		instance_has_listener(self, 0) ? instance_new_record(self, shared->figures.schema) : NULL;
	if (tuple != NULL) {
		keyed_figures_store(&shared->figures, keyed_table_key(shared->table, record), figures_of(reduction),
			tuple_record(tuple));
		instance_emit(self, 0, tuple);
	}
	if (reduce->reset)
		memset(figures_of(reduction), 0, shared->figures.aggregates.size);
}

//   return  false: no key is there that could go
static bool evict_key(struct instance *self, uint64_t hash) {
	struct reduce *reduce = self->state;
	struct keyed_table *table = reduce->shared->table;
	uint32_t victim = keyed_table_oldest(table, self->index, hash);
	if (victim == 0)
		return false;
	const struct reduction *reduction = keyed_table_value(table, victim);
	if (reduction->arrivals > 0)
		tell(self, victim);
	if (table->links[victim].timer.slot != 0)
		timer_wheel_remove(&reduce->wheel, victim);
	keyed_table_remove(table, self->index, victim);
	self->gauges[GAUGE_EVICTED]++;
	self->gauges[GAUGE_KEYS]--;
	return true;
}

//   return  0: the table is full
static uint32_t __attribute__((noinline)) find_key(struct instance *self, const uint64_t *key, uint64_t hash) {
	struct reduce *reduce = self->state;
	struct keyed_table *table = reduce->shared->table;
	uint32_t record = keyed_table_lookup(table, hash, key);
	if (record != 0)
		return record;
	record = keyed_table_insert(table, self->index, hash, key);
	if (record == 0 && reduce->evicts && evict_key(self, hash))
		record = keyed_table_insert(table, self->index, hash, key);
	self->gauges[GAUGE_KEYS] += record != 0;
	return record;
}

// The end of the interval that is now.
static uint64_t interval_end_ns(const struct reduce *reduce, uint64_t now_ns) {
	return now_ns - now_ns % reduce->interval_ns + reduce->interval_ns;
}

// Add a tuple to its key.
static inline void add_tuple(struct instance *self, const struct batch *batch, unsigned i, uint32_t record) {
	struct reduce *reduce = self->state;
	const struct reduce_shared *shared = reduce->shared;
	struct reduction *reduction = keyed_table_value(shared->table, record);
	reduction->used = ++reduce->arrivals;
	uint64_t time_ns = shared->time.field != NULL ? tuple_time_ns(&shared->time, batch, i) : reduce->arrivals;
	aggregates_add(&shared->figures.aggregates, figures_of(reduction),
		batch_body(batch, i, shared->figures.input.schema), time_ns);
	bool is_first = reduction->arrivals++ == 0;
	if (reduction->arrivals == reduce->every) {
		tell(self, record);
	} else if (is_first && reduce->interval_ns != 0) {
		timer_wheel_skip_to(&reduce->wheel, self->watermark_ns);
		reduction->due_ns = interval_end_ns(reduce, self->watermark_ns);
		keyed_table_set_timer(shared->table, &reduce->wheel, record, reduction->due_ns);
	}
}

static void reduce_process(struct instance *self, struct batch *batch) {
	struct reduce *reduce = self->state;
	const struct reduce_shared *shared = reduce->shared;
	const unsigned length = shared->figures.input.words.length;
	struct keyed_batch keyed;
	uint32_t records[BATCH_MAX];
	unsigned kept = 0;
	reduce->flushed = (struct keyed_cursor){0}; // it had ended, if nothing led to it for a while
	keyed_input_load(&shared->figures.input, batch, &keyed);
	keyed_table_lookup_batch(shared->table, keyed.hashes, keyed.keys, batch->count, records);
	for (unsigned i = 0; i < batch->count; i++) {
		// One before it in the batch may have been put in its key's place.
		const uint64_t *key = &keyed.keys[i * length];
		uint32_t record = records[i];
		if (record == 0 || (reduce->evicts && !keyed_table_has_key(shared->table, record, key)))
			record = find_key(self, key, keyed.hashes[i]);
		if (record == 0) {
			dead_letters_drop(&reduce->dead, self, DROP_TABLE_FULL, batch, i);
			continue;
		}
		add_tuple(self, batch, i, record);
		batch_move(batch, kept++, i);
	}
	batch->count = kept;
	instance_absorb(self, batch);
}

static bool reduce_tick(struct instance *self, unsigned room) {
	struct reduce *reduce = self->state;
	for (unsigned looks = 0; room > 0 && looks < LOOKS_PER_TICK; looks++) {
		uint32_t record = timer_wheel_pop(&reduce->wheel, self->watermark_ns);
		if (record == 0)
			return false;
		const struct reduction *reduction = keyed_table_value(reduce->shared->table, record);
		if (reduction->arrivals == 0)
			continue;
		tell(self, record);
		room--;
	}
	return true;
}

static bool reduce_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	struct reduce *reduce = self->state;
	const struct keyed_table *table = reduce->shared->table;
	uint32_t record;
	while (room > 0 && (record = keyed_table_next(table, self->index, &reduce->flushed)) != 0) {
		const struct reduction *reduction = keyed_table_value(table, record);
		if (reduction->arrivals == 0)
			continue;
		tell(self, record);
		room--;
	}
	return room == 0;
}

static uint64_t deadline_ns(const void *owner, uint32_t record) {
	const struct reduce *reduce = owner;
	const struct reduction *reduction = keyed_table_value(reduce->shared->table, record);
	return reduce->interval_ns != 0 && reduction->arrivals > 0 ? reduction->due_ns : UINT64_MAX;
}

static void reduce_group_leave(struct instance *self, unsigned group) {
	struct reduce *reduce = self->state;
	self->gauges[GAUGE_KEYS] -= keyed_table_leave(reduce->shared->table, &reduce->wheel, group);
}

static void reduce_group_enter(struct instance *self, unsigned group) {
	struct reduce *reduce = self->state;
	struct keyed_table *table = reduce->shared->table;
	const struct keyed_timers timers = {&reduce->wheel, deadline_ns, reduce};
	struct keyed_cursor cursor = {.group = group};
	timer_wheel_skip_to(&reduce->wheel, self->watermark_ns);
	self->gauges[GAUGE_KEYS] += keyed_table_enter(table, self->index, group, &timers);
	// What comes from now on comes after all that the old owner had.
	for (uint32_t record; (record = keyed_table_next_of_group(table, &cursor)) != 0;) {
		const struct reduction *reduction = keyed_table_value(table, record);
		reduce->arrivals = RTE_MAX(reduce->arrivals, reduction->used);
	}
}

static struct keyed_state saved_state(const struct operator *op) {
	const struct reduce_shared *shared = op->shared;
	return (struct keyed_state){shared->table, offsetof(struct reduce, arrivals)};
}

static const struct keyed_state_saving reduce_saving = {KEYED_STATE_SAVING, saved_state};

static int reduce_derive(struct derivation *derivation) {
	static const char *const times[] = {NULL};
	const struct reduce_options *options = derivation->options;
	const struct keyed_figures_options figures = {&options->key, &options->compute};
	struct tuple_time time;
	int ret = tuple_time_init_if_any(
		&time, derivation->inputs[0], options->time, derivation->error, derivation->error_size);
	return ret == 0 ? keyed_figures_derive(derivation, &figures, times) : ret;
}

static void reduce_close(struct operator *op) {
	struct reduce_shared *shared = op->shared;
	if (shared == NULL)
		return;
	keyed_table_free(shared->table);
	free(shared);
	op->shared = NULL;
}

static int make_table(struct operator *op, struct reduce_shared *shared) {
	const struct reduce_options *options = op->options;
	const struct keyed_table_shape shape = {
		.capacity = options->max_keys,
		.key_size = shared->figures.input.words.length * (uint32_t)sizeof(uint64_t),
		.value_size = (uint32_t)sizeof(struct reduction) + shared->figures.aggregates.size,
		.parts = operator_part_count(op),
	};
	int ret = keyed_table_new(&shared->table, &shape);
	if (ret != 0)
		operator_error(op, "no memory for max_keys: %llu, of %u bytes each",
			(unsigned long long)options->max_keys, shape.key_size + shape.value_size);
	return ret;
}

static int reduce_open(struct operator *op) {
	const struct reduce_options *options = op->options;
	const struct keyed_figures_options figures = {&options->key, &options->compute};
	struct reduce_shared *shared = operator_new_shared(op, sizeof(*shared));
	char error[400];
	int ret = shared != NULL ? keyed_figures_init(&shared->figures, op, &figures) : -ENOMEM;
	if (ret != 0)
		return ret;
	ret = tuple_time_init_if_any(&shared->time, op->inputs[0], options->time, error, sizeof(error));
	if (ret != 0)
		operator_error(op, "%s", error);
	return ret == 0 ? make_table(op, shared) : ret;
}

static int reduce_init(struct instance *self) {
	const struct reduce_options *options = self->options;
	struct reduce *reduce = self->state;
	reduce->shared = self->op->shared;
	reduce->every = options->every;
	reduce->interval_ns = options->interval_ns;
	reduce->reset = options->reset;
	reduce->evicts = options->evict == EVICT_OLDEST;
	keyed_table_init_wheel(reduce->shared->table, &reduce->wheel);
	self->gauges[GAUGE_CAPACITY] = reduce->shared->table->capacity;
	return dead_letters_init(&reduce->dead, self, OUTPUT_DEAD);
}

static void reduce_fini(struct instance *self) {
	struct reduce *reduce = self->state;
	keyed_table_leave_part(reduce->shared->table, self->index);
	dead_letters_fini(&reduce->dead);
}

static const char *const evict_names[] = {[EVICT_OLDEST] = "oldest", [EVICT_NONE] = "none", NULL};

#define AT(member) offsetof(struct reduce_options, member)
#define MS UINT64_C(1000000)
static const struct option reduce_option_table[] = {
	{"key", OPTION_LIST, AT(key), "", 0, GROUPING_KEY_MAX,
		.help = "fields by which tuples are told apart, up to 8; without any, all have the same key"},
	{"compute", OPTION_LIST, AT(compute), .required = true, .min = 1, .max = AGGREGATES_MAX,
		.help = "figures, such as [packets = count(), bytes = sum(bytes)]: as the operator window has them"},
	{"every", OPTION_UINT, AT(every), "0", 0, UINT32_MAX,
		.help = "a key is told after so many of its tuples; 0: it is not"},
	{"interval", OPTION_DURATION, AT(interval_ns), "0s", 0, 86400 * 1000 * MS,
		.help = "keys that changed are told so often; 0s: they are not"},
	{"reset", OPTION_BOOL, AT(reset), "false", .help = "figures begin anew once they were told"},
	{"time", OPTION_STRING, AT(time), .min = 0, .max = SCHEMA_NAME_MAX,
		.help = "field with a tuple's time in ns, which first and last go by; packets: timestamp_ns; else by "
			"arrival"},
	{"evict", OPTION_ENUM, AT(evict), "oldest", .choices = evict_names,
		.help = "which key makes room for a new one when max_keys is reached: one that has had no tuple for "
			"long, which is told first, or none"},
	{"max_keys", OPTION_UINT, AT(max_keys), "1048576", 1, KEYED_TABLE_CAPACITY_MAX,
		.help = "keys kept, by all instances together; memory is taken when used"},
	{0},
};
#undef AT

static const struct operator_output outputs[] = {
	[OUTPUT_FIGURES] = {.name = "figures"}, [OUTPUT_DEAD] = DEAD_LETTER_OUTPUT, {0}};
static const char *const drops[] = {[DROP_TABLE_FULL] = "table_full", NULL};
static const char *const gauges[] = {[GAUGE_KEYS] = "keys",
	[GAUGE_RECORDS] = "records",
	[GAUGE_EVICTED] = "evicted",
	[GAUGE_CAPACITY] = "capacity",
	NULL};

static struct operator_type reduce_type = {
	.name = "reduce",
	.summary = "compute running figures of each key",
	.manual = "Adds up the tuples of each key and tells the figures in records with the fields of the key and what "
		  "compute says: count, sum, min, max, mean, variance, stddev, p50 and other percentiles, distinct, "
		  "first and last, written as in the operator window, which says how exact they are.\n\n"
		  "A key is told after every so many of its tuples, each interval of event time in which it changed, "
		  "when it is evicted, and when the input ends; each time only if it changed since it was last told. "
		  "The figures go on from there, or begin anew with reset.\n\n"
		  "With evict: oldest the key that makes room is the least recently used of eight.",
	.options = reduce_option_table,
	.options_size = sizeof(struct reduce_options),
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key_option = "key",
	.borrows = true,
	.state_size = sizeof(struct reduce),
	.saving = &reduce_saving.saving,
	.derive = reduce_derive,
	.open = reduce_open,
	.close = reduce_close,
	.init = reduce_init,
	.fini = reduce_fini,
	.process = reduce_process,
	.tick = reduce_tick,
	.flush = reduce_flush,
	.group_leave = reduce_group_leave,
	.group_enter = reduce_group_enter,
};
OPERATOR_REGISTER(reduce_type);
