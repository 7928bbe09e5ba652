// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// window: figures of each key over windows of time, or of so many tuples.
//
//   in       any schema
//   out      windows: one record per key and window that has any tuples: the key's fields, window_start_ns,
//            window_end_ns and the figures of `compute`
//            late: the tuples that came too late, unchanged, where a stream leaves by it
//   drops    late: its window was closed, and nobody takes late tuples; table_full: no place for another key or pane;
//            no_time: the field `time` does not apply to it
//   options  key, compute, kind, size, slide, gap, count, every, time, clock, lateness, max_keys, max_panes
//   state    a keyed_table of panes (window_panes.h) shared by the instances, and a slab of older panes; a timer wheel
//            per instance. Key groups can be moved
//
// By event time the records are the same whatever the batches and the number of workers: a tuple is late by the clock
// that its source gave it, and a window is closed by the watermark, which no tuple in time can be behind. A pane is
// late as a whole: with sliding windows, a tuple is late when the first window that it belongs to is.
#include <errno.h>
#include <stdlib.h>

#include "dataplane/keyed_figures.h"
#include "dataplane/tuple_time.h"
#include "dataplane/window_panes.h"

enum { OUTPUT_WINDOWS, OUTPUT_LATE };
enum drop { DROP_LATE, DROP_TABLE_FULL, DROP_NO_TIME, TAKEN };
enum { GAUGE_KEYS, GAUGE_WINDOWS, GAUGE_CAPACITY };
enum window_clock { CLOCK_EVENT, CLOCK_PROCESSING };

enum {
	LOOKS_PER_TICK = 256, // keys that came up on the wheel: a tick is bounded whatever has come up
	LOOKS_AT_ONCE = 16,   // memory is fetched for so many together
	PANES_PER_WINDOW_MAX = 4096,
};

struct window_options {
	struct option_list key, compute;
	unsigned kind, clock;
	uint64_t size_ns, slide_ns, gap_ns, lateness_ns;
	uint64_t count, every;
	char *time;
	uint64_t max_keys, max_panes;
};

// What the instances share; constant once they run, but for the panes.
struct window_shared {
	struct keyed_figures figures;
	struct tuple_time time;
	struct window_panes panes;
	struct field start, end; // of the records
	bool has_time;           // by count they may have none
	enum window_clock clock;
};

struct window {
	struct window_shared *shared;
	uint64_t pane_start_ns; // of the last tuple
	uint64_t now_ns;        // what windows are closed by
	void *state;            // scratch for results
	struct keyed_cursor flushed;
	unsigned due_count;
	uint32_t due[LOOKS_AT_ONCE]; // off the wheel, with windows that may have ended and are not out
	struct timer_wheel wheel;
};

static void emit_window(struct instance *self, uint32_t record, const struct window_result *result) {
	struct window *window = self->state;
	const struct window_shared *shared = window->shared;
	self->gauges[GAUGE_WINDOWS]++;
	if (!instance_has_listener(self, OUTPUT_WINDOWS))
		return;
	struct rte_mbuf *tuple = instance_new_record(self, shared->figures.schema);
	if (tuple == NULL)
		return;
	void *body = tuple_record(tuple);
	keyed_figures_store(&shared->figures, keyed_table_key(shared->panes.table, record), result->state, body);
	record_set(shared->figures.schema, &shared->start, body, &result->start_ns);
	record_set(shared->figures.schema, &shared->end, body, &result->end_ns);
	instance_emit(self, OUTPUT_WINDOWS, tuple);
}

// Emit the earliest window of a key.
//   return  true: the key is still there
static bool close_window(struct instance *self, uint32_t record) {
	struct window *window = self->state;
	struct window_panes *panes = &window->shared->panes;
	struct window_result result = {.state = window->state};
	bool is_left = window_panes_take(panes, self->index, record, &result);
	emit_window(self, record, &result);
	if (is_left)
		return true;
	keyed_table_stop_timer(panes->table, &window->wheel, record); // set by a tuple that came while the key was due
	keyed_table_remove(panes->table, self->index, record);
	self->gauges[GAUGE_KEYS]--;
	return false;
}

static void watch(struct window *window, uint32_t record) {
	struct window_panes *panes = &window->shared->panes;
	uint64_t deadline_ns = window_panes_deadline_ns(panes, record);
	if (deadline_ns == UINT64_MAX)
		return;
	timer_wheel_skip_to(&window->wheel, window->now_ns);
	keyed_table_set_timer(panes->table, &window->wheel, record, deadline_ns);
}

// A tuple whose key is new, or whose pane is not the key's newest.
//   record  or 0: to be looked for
static enum drop __attribute__((noinline)) find_pane(struct instance *self, const uint64_t *key, uint64_t hash,
	uint64_t start_ns, uint32_t *record, struct window_pane **pane) {
	struct window *window = self->state;
	struct window_panes *panes = &window->shared->panes;
	struct keyed_table *table = panes->table;
	if (*record == 0)
		*record = keyed_table_lookup(table, hash, key);
	bool is_new = *record == 0;
	if (is_new)
		*record = keyed_table_insert(table, self->index, hash, key);
	if (*record == 0)
		return DROP_TABLE_FULL;
	self->gauges[GAUGE_KEYS] += is_new;
	*pane = window_panes_at(panes, self->index, *record, start_ns, is_new);
	if (*pane == NULL)
		return DROP_TABLE_FULL;
	watch(window, *record);
	return TAKEN;
}

static inline bool is_late(const struct window_shape *shape, uint64_t start_ns, uint64_t clock_ns) {
	uint64_t span_ns = shape->kind == WINDOW_SESSION ? shape->gap_ns : shape->slide_ns;
	return shape->kind != WINDOW_COUNT && start_ns + span_ns + shape->lateness_ns <= clock_ns;
}

// Where the pane of a tuple begins. Most tuples are of the same pane as the one before: divisions are slow.
static inline uint64_t pane_start(struct window *window, uint64_t time_ns) {
	const struct window_shape *shape = &window->shared->panes.shape;
	if (shape->kind == WINDOW_SESSION || shape->kind == WINDOW_COUNT)
		return time_ns;
	if (__builtin_expect(time_ns - window->pane_start_ns >= shape->slide_ns, 0))
		window->pane_start_ns = window_pane_start(shape, time_ns);
	return window->pane_start_ns;
}

// Count tuple `i` of a batch.
//   record  of its key, or 0
static inline enum drop take_tuple(struct instance *self, const struct batch *batch, unsigned i, const uint64_t *key,
	uint64_t hash, uint32_t record) {
	struct window *window = self->state;
	struct window_shared *shared = window->shared;
	struct window_panes *panes = &shared->panes;
	const struct window_shape *shape = &panes->shape;
	uint64_t time_ns = window->now_ns, clock_ns = window->now_ns;
	if (shared->has_time) {
		if (!tuple_time_is_present(&shared->time, batch, i))
			return DROP_NO_TIME;
		time_ns = tuple_time_ns(&shared->time, batch, i);
		clock_ns = tuple_clock_ns(batch, i, self->watermark_ns);
	}
	uint64_t start_ns = pane_start(window, time_ns);
	if (__builtin_expect(is_late(shape, start_ns, clock_ns), 0))
		return DROP_LATE;
	struct window_pane *pane = keyed_table_value(panes->table, record);
	bool by_pane = shape->kind <= WINDOW_SLIDING;
	if (__builtin_expect(record == 0 || !by_pane || pane->start_ns != start_ns, 0)) {
		enum drop drop = find_pane(self, key, hash, start_ns, &record, &pane);
		if (drop != TAKEN)
			return drop;
	}
	aggregates_add(&shared->figures.aggregates, window_pane_state(panes, pane),
		batch_body(batch, i, shared->figures.input.schema), time_ns);
	if (shape->kind == WINDOW_COUNT && pane->length == shape->slide)
		close_window(self, record);
	return TAKEN;
}

static void window_process(struct instance *self, struct batch *batch) {
	struct window *window = self->state;
	const struct window_shared *shared = window->shared;
	const unsigned length = shared->figures.input.words.length;
	struct keyed_batch keyed;
	uint32_t records[BATCH_MAX];
	struct batch late = {.count = 0};
	bool tells_late = instance_has_listener(self, OUTPUT_LATE);
	unsigned kept = 0;
	window->now_ns = shared->clock == CLOCK_PROCESSING ? clock_now_ns() : self->watermark_ns;
	keyed_input_load(&shared->figures.input, batch, &keyed);
	keyed_table_lookup_batch(shared->panes.table, keyed.hashes, keyed.keys, batch->count, records);
	for (unsigned i = 0; i < batch->count; i++) {
		enum drop drop =
			take_tuple(self, batch, i, &keyed.keys[i * length], keyed.hashes[i], records[i]);
		if (__builtin_expect(drop == TAKEN, 1))
			batch_move(batch, kept++, i);
		else if (drop == DROP_LATE && tells_late)
			batch_add_from(&late, batch, i);
		else
			instance_drop(self, drop, batch->tuples[i]);
	}
	batch->count = kept;
	instance_absorb(self, batch);
	instance_forward(self, OUTPUT_LATE, &late);
}

// Take keys off the wheel that have come up, their memory on its way.
static void pop_due(struct window *window) {
	const struct keyed_table *table = window->shared->panes.table;
	unsigned n = 0;
	for (; n < LOOKS_AT_ONCE && (window->due[n] = timer_wheel_pop(&window->wheel, window->now_ns)) != 0; n++) {
		__builtin_prefetch(keyed_table_key(table, window->due[n]), 1);
		key_index_prefetch(&table->index, keyed_table_hash(table, window->due[n]));
	}
	window->due_count = n;
}

// Emit all windows of a key that have ended. One that is put back on the wheel too late would come up after its time
// was told.
//   return  false: there was no room for the rest
static bool close_ended(struct instance *self, uint32_t record, unsigned *room) {
	struct window *window = self->state;
	while (window_panes_deadline_ns(&window->shared->panes, record) <= window->now_ns) {
		if (*room == 0)
			return false;
		--*room;
		if (!close_window(self, record))
			return true;
	}
	watch(window, record);
	return true;
}

// Every window that ended before the slot of the wheel that is now coming up is out: so much time is told to those who
// get the records, whose times may be their window's beginning.
static void tell_watermark(struct instance *self) {
	struct window *window = self->state;
	const uint64_t passed_ns = self->watermark_ns >> TIMER_WHEEL_SHIFT << TIMER_WHEEL_SHIFT;
	const uint64_t behind_ns = window->shared->panes.shape.lateness_ns + 1;
	if (window->shared->clock == CLOCK_PROCESSING || window->shared->panes.shape.kind == WINDOW_COUNT)
		self->told_ns = self->watermark_ns;
	else if (passed_ns > self->told_ns + behind_ns)
		self->told_ns = passed_ns - behind_ns;
}

static bool window_tick(struct instance *self, unsigned room) {
	struct window *window = self->state;
	window->now_ns = window->shared->clock == CLOCK_PROCESSING ? clock_now_ns() : self->watermark_ns;
	for (unsigned looks = 0; looks < LOOKS_PER_TICK; looks += LOOKS_AT_ONCE) {
		for (; window->due_count > 0; window->due_count--)
			if (!close_ended(self, window->due[window->due_count - 1], &room))
				return true;
		pop_due(window);
		if (window->due_count == 0) {
			tell_watermark(self);
			return false;
		}
	}
	return true;
}

// By count: what each key has since its last window.
static bool flush_counts(struct instance *self, unsigned room) {
	struct window *window = self->state;
	struct window_panes *panes = &window->shared->panes;
	uint32_t record;
	for (; room > 0 && (record = keyed_table_next(panes->table, self->index, &window->flushed)) != 0;) {
		const struct window_pane *pane = keyed_table_value(panes->table, record);
		if (pane->length == 0 || pane->length == panes->shape.slide)
			continue;
		close_window(self, record);
		room--;
	}
	return room == 0;
}

static bool window_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	struct window *window = self->state;
	if (window->shared->panes.shape.kind == WINDOW_COUNT)
		return flush_counts(self, room);
	uint64_t up_ns;
	for (uint32_t record; room > 0 && (record = timer_wheel_pop_any(&window->wheel, &up_ns)) != 0; room--)
		if (close_window(self, record))
			watch(window, record);
	return window->wheel.count > 0;
}

static const char *const kind_names[] = {[WINDOW_TUMBLING] = "tumbling",
	[WINDOW_SLIDING] = "sliding",
	[WINDOW_SESSION] = "session",
	[WINDOW_COUNT] = "count",
	NULL};

// What one kind of window is made of: whether each option is needed (true) or has no meaning (false).
static int check_use(const struct window_options *options, const char *name, bool is_given, bool is_needed, char *error,
	size_t size) {
	if (is_given == is_needed)
		return 0;
	snprintf(error, size, is_needed ? "%s: missing; kind %s needs it" : "%s: kind %s has none", name,
		kind_names[options->kind]);
	return -EINVAL;
}

static int check_multiple(const char *name, uint64_t whole, uint64_t part, char *error, size_t size) {
	if (part != 0 && whole % part == 0 && whole / part <= PANES_PER_WINDOW_MAX)
		return 0;
	snprintf(error, size, "%s: %llu%s; expected a part of %llu that divides it, at most %u times smaller", name,
		(unsigned long long)part, name[0] == 's' ? " ns" : "", (unsigned long long)whole, PANES_PER_WINDOW_MAX);
	return -EINVAL;
}

static int window_check(const void *given, char *error, size_t size) {
	const struct window_options *options = given;
	bool by_time = options->kind == WINDOW_TUMBLING || options->kind == WINDOW_SLIDING;
	int ret = check_use(options, "size", options->size_ns != 0, by_time, error, size);
	if (ret == 0)
		ret = check_use(options, "slide", options->slide_ns != 0, options->kind == WINDOW_SLIDING, error, size);
	if (ret == 0)
		ret = check_use(options, "gap", options->gap_ns != 0, options->kind == WINDOW_SESSION, error, size);
	if (ret == 0)
		ret = check_use(options, "count", options->count != 0, options->kind == WINDOW_COUNT, error, size);
	if (ret == 0 && options->every != 0)
		ret = check_use(options, "every", true, options->kind == WINDOW_COUNT, error, size);
	if (ret == 0 && options->kind == WINDOW_SLIDING)
		ret = check_multiple("slide", options->size_ns, options->slide_ns, error, size);
	if (ret == 0 && options->every != 0)
		ret = check_multiple("every", options->count, options->every, error, size);
	return ret;
}

static struct window_shape shape_of(const struct window_options *options) {
	return (struct window_shape){
		.kind = options->kind,
		.size_ns = options->size_ns,
		.slide_ns = options->kind == WINDOW_SLIDING ? options->slide_ns : options->size_ns,
		.gap_ns = options->gap_ns,
		.size = options->count,
		.slide = options->every != 0 ? options->every : options->count,
		.lateness_ns = options->clock == CLOCK_EVENT ? options->lateness_ns : 0,
	};
}

// By count a time is a help, not a need.
static int find_time(struct window_shared *shared, const struct window_options *options, const struct schema *schema,
	char *error, size_t size) {
	bool is_given = options->time != NULL && options->time[0] != '\0';
	shared->clock = options->clock;
	shared->has_time = options->clock == CLOCK_EVENT &&
			   (is_given || schema->body == SCHEMA_PACKET || options->kind != WINDOW_COUNT);
	return shared->has_time ? tuple_time_init(&shared->time, schema, options->time, error, size) : 0;
}

static int window_derive(struct derivation *derivation) {
	static const char *const times[] = {"window_start_ns", "window_end_ns", NULL};
	const struct window_options *options = derivation->options;
	const struct keyed_figures_options figures = {&options->key, &options->compute};
	struct window_shared shared;
	int ret = find_time(&shared, options, derivation->inputs[0], derivation->error, derivation->error_size);
	return ret == 0 ? keyed_figures_derive(derivation, &figures, times) : ret;
}

static void window_close(struct operator *op) {
	struct window_shared *shared = op->shared;
	if (shared == NULL)
		return;
	window_panes_fini(&shared->panes);
	free(shared);
	op->shared = NULL;
}

static int make_panes(struct operator *op, struct window_shared *shared) {
	const struct window_options *options = op->options;
	struct keyed_table_shape table = {
		.capacity = options->max_keys,
		.key_size = shared->figures.input.words.length * (uint32_t)sizeof(uint64_t),
		.parts = op->instance_count,
	};
	shared->panes.shape = shape_of(options);
	shared->panes.aggregates = &shared->figures.aggregates;
	uint64_t per_window = shared->panes.shape.slide_ns != 0 ? options->size_ns / shared->panes.shape.slide_ns : 1;
	uint64_t older = options->max_panes;
	if (older == 0)
		older = RTE_MIN(
			options->max_keys * RTE_MIN(RTE_MAX(per_window, 1u), 64u), KEYED_TABLE_CAPACITY_MAX + 0u);
	int ret = window_panes_init(&shared->panes, &table, older);
	if (ret != 0)
		operator_error(op, "no memory for max_keys: %llu, max_panes: %llu, of %u bytes each",
			(unsigned long long)options->max_keys, (unsigned long long)older, shared->panes.pane_size);
	return ret;
}

static int window_open(struct operator *op) {
	const struct window_options *options = op->options;
	const struct keyed_figures_options figures = {&options->key, &options->compute};
	struct window_shared *shared = aligned_alloc(64, (sizeof(*shared) + 63) / 64 * 64);
	char error[400];
	if (shared == NULL) {
		operator_error(op, "out of memory");
		return -ENOMEM;
	}
	op->shared = memset(shared, 0, sizeof(*shared));
	int ret = keyed_figures_init(&shared->figures, op, &figures);
	if (ret != 0)
		return ret;
	ret = find_time(shared, options, op->inputs[0], error, sizeof(error));
	if (ret != 0) {
		operator_error(op, "%s", error);
		return ret;
	}
	shared->start = *schema_field(shared->figures.schema, "window_start_ns");
	shared->end = *schema_field(shared->figures.schema, "window_end_ns");
	return make_panes(op, shared);
}

static int window_init(struct instance *self) {
	struct window *window = self->state;
	window->shared = self->op->shared;
	window->state = calloc(1, window->shared->figures.aggregates.size + 8);
	if (window->state == NULL) {
		operator_error(self->op, "out of memory");
		return -ENOMEM;
	}
	keyed_table_init_wheel(window->shared->panes.table, &window->wheel);
	self->gauges[GAUGE_CAPACITY] = window->shared->panes.table->capacity;
	return 0;
}

static void window_fini(struct instance *self) {
	struct window *window = self->state;
	free(window->state);
	window->state = NULL;
}

static const char *const clock_names[] = {[CLOCK_EVENT] = "event", [CLOCK_PROCESSING] = "processing", NULL};

#define AT(member) offsetof(struct window_options, member)
#define MS UINT64_C(1000000)
#define DAY (86400 * 1000 * MS)
static const struct option window_option_table[] = {
	{"key", OPTION_LIST, AT(key), "", 0, GROUPING_KEY_MAX,
		.help = "fields by which tuples are told apart, up to 8; without any, all have the same key"},
	{"compute", OPTION_LIST, AT(compute), .required = true, .min = 1, .max = AGGREGATES_MAX,
		.help = "figures, such as [packets = count(), bytes = sum(bytes), p99(rtt_ns), distinct(dst_ip)]"},
	{"kind", OPTION_ENUM, AT(kind), "tumbling", .choices = kind_names,
		.help = "one after the other, overlapping, parted by silence, or of so many tuples"},
	{"size", OPTION_DURATION, AT(size_ns), .min = 0, .max = 7 * DAY,
		.help = "tumbling, sliding: length of a window; windows begin at its multiples since the epoch"},
	{"slide", OPTION_DURATION, AT(slide_ns), .min = 0, .max = 7 * DAY,
		.help = "sliding: from one window's beginning to the next's; divides size"},
	{"gap", OPTION_DURATION, AT(gap_ns), .min = 0, .max = 7 * DAY,
		.help = "session: a key that has no tuple for so long begins another window"},
	{"count", OPTION_UINT, AT(count), .min = 0, .max = UINT32_MAX, .help = "count: tuples of a window"},
	{"every", OPTION_UINT, AT(every), .min = 0, .max = UINT32_MAX,
		.help = "count: tuples from one window to the next, where they overlap; divides count"},
	{"time", OPTION_STRING, AT(time), .min = 0, .max = SCHEMA_NAME_MAX,
		.help = "field with a tuple's time in ns since the epoch; packets: timestamp_ns"},
	{"clock", OPTION_ENUM, AT(clock), "event", .choices = clock_names,
		.help = "go by the tuples' time, or by when they are processed"},
	{"lateness", OPTION_DURATION, AT(lateness_ns), "0s", 0, DAY,
		.help = "windows stay open for so long after their end, for tuples out of order"},
	{"max_keys", OPTION_UINT, AT(max_keys), "1048576", 1, KEYED_TABLE_CAPACITY_MAX,
		.help = "keys with open windows, of all instances together; memory is taken when used"},
	{"max_panes", OPTION_UINT, AT(max_panes), "0", 0, KEYED_TABLE_CAPACITY_MAX,
		.help = "parts of open windows beside each key's newest; 0: max_keys, times size / slide up to 64"},
	{0},
};
#undef AT

static const char window_manual[] =
	"Adds up the tuples of each key, by windows, and emits one record per key and window that has any: the fields "
	"of "
	"the key, window_start_ns, window_end_ns (which is not part of the window; by count, the time of the last "
	"tuple) and what compute says:\n\n"
	"  count() count(F)           tuples; those to which field F applies\n"
	"  sum(F) min(F) max(F)       of numbers\n"
	"  mean(F) variance(F) stddev(F)\n"
	"  p50(F) p99.9(F)            any percentile, within 3.1 %; 2.9 KB a pane\n"
	"  distinct(F)                different values, standard error 6.5 %; 256 bytes a pane\n"
	"  first(F) last(F)           by time\n\n"
	"Each can be given a name: [bytes = sum(bytes)]; without it, sum(bytes) is sum_bytes. On a stream that is "
	"keyed "
	"symmetrically both directions of a flow are one key, written with the lesser address first.\n\n"
	"By event time a tuple counts for the windows that its time lies in. A window is emitted when the watermark "
	"passes its end and lateness. A tuple that comes after that (with sliding windows, after the first of its "
	"windows; a session's tuple, when a session of it alone would be over) goes to the output late, or is dropped "
	"as late where no stream leaves by it. The records are the same under every plan. With clock: processing they "
	"depend on when tuples come, and none is late.\n\n"
	"When the input ends, the windows that are open are emitted as they are. Keys beyond max_keys, and panes "
	"beyond "
	"max_panes, are refused: their tuples are dropped as table_full.\n\n"
	"A second window over the records, of the same size or a multiple, takes window_start_ns as its time: windows "
	"hold "
	"back the watermark that they tell until their records are out, so that none is late there.";

static const struct operator_output outputs[] = {
	[OUTPUT_WINDOWS] = {.name = "windows"}, [OUTPUT_LATE] = {.name = "late"}, {0}};
static const char *const drops[] = {
	[DROP_LATE] = "late", [DROP_TABLE_FULL] = "table_full", [DROP_NO_TIME] = "no_time", NULL};
static const char *const gauges[] = {
	[GAUGE_KEYS] = "keys", [GAUGE_WINDOWS] = "windows", [GAUGE_CAPACITY] = "capacity", NULL};

static struct operator_type window_type = {
	.name = "window",
	.summary = "compute figures of each key over windows",
	.manual = window_manual,
	.options = window_option_table,
	.options_size = sizeof(struct window_options),
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key_option = "key",
	.borrows = true,
	.tells_watermark = true,
	.state_size = sizeof(struct window),
	.check = window_check,
	.derive = window_derive,
	.open = window_open,
	.close = window_close,
	.init = window_init,
	.fini = window_fini,
	.process = window_process,
	.tick = window_tick,
	.flush = window_flush,
};
OPERATOR_REGISTER(window_type);
