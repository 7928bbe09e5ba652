// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// window: figures of each key over windows of time, or of so many tuples.
//
//   in       any schema
//   out      windows: one record per key and window that has any tuples: the key's fields, window_start_ns,
//            window_end_ns and the figures of `compute`
//            late: the tuples that came too late, unchanged, where a stream leaves by it
//            dead: what was dropped, with the reason (dataplane/dead_letter.h)
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

#include "dataplane/dead_letter.h"
#include "dataplane/keyed_windows.h"

enum { OUTPUT_WINDOWS, OUTPUT_LATE, OUTPUT_DEAD };
enum drop { DROP_LATE, DROP_TABLE_FULL, DROP_NO_TIME, TAKEN };
enum { GAUGE_KEYS, GAUGE_WINDOWS, GAUGE_CAPACITY };
enum window_clock { CLOCK_EVENT, CLOCK_PROCESSING };

enum {
	LOOKS_PER_TICK = 256, // keys that came up on the wheel: a tick is bounded whatever has come up
	LOOKS_AT_ONCE = 16,   // memory is fetched for so many together
};

struct window_options {
	struct option_list key, compute;
	struct window_shape_options shape;
	unsigned clock;
	char *time;
	uint64_t max_keys, max_panes;
};

struct window {
	struct keyed_windows *shared;
	enum window_clock clock;
	uint64_t pane_start_ns; // of the last tuple
	uint64_t now_ns;        // what windows are closed by
	void *state;            // scratch for results
	struct keyed_cursor flushed;
	unsigned due_count;
	uint32_t due[LOOKS_AT_ONCE]; // off the wheel, with windows that may have ended and are not out
	struct timer_wheel wheel;
	struct dead_letters dead;
};

// Emit the earliest window of a key.
//   return  true: the key is still there
static bool close_window(struct instance *self, uint32_t record) {
	struct window *window = self->state;
	struct window_panes *panes = &window->shared->panes;
	struct window_result result = {.state = window->state};
	bool is_left = window_panes_take(panes, self->index, record, &result);
	struct rte_mbuf *tuple =
		keyed_windows_tell(window->shared, self, keyed_table_key(panes->table, record), &result);
	self->gauges[GAUGE_WINDOWS]++;
	if (tuple != NULL)
		instance_emit(self, OUTPUT_WINDOWS, tuple);
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
	struct keyed_windows *shared = window->shared;
	struct window_panes *panes = &shared->panes;
	const struct window_shape *shape = &panes->shape;
	uint64_t time_ns = window->now_ns, clock_ns = window->now_ns;
	if (shared->time.field != NULL) {
		if (!tuple_time_is_present(&shared->time, batch, i))
			return DROP_NO_TIME;
		time_ns = tuple_time_ns(&shared->time, batch, i);
		clock_ns = tuple_clock_ns(batch, i, self->watermark_ns);
	}
	uint64_t start_ns = pane_start(window, time_ns);
	if (__builtin_expect(window_shape_is_late(shape, start_ns, clock_ns), 0))
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
	const struct keyed_windows *shared = window->shared;
	const unsigned length = shared->figures.input.words.length;
	struct keyed_batch keyed;
	uint32_t records[BATCH_MAX];
	struct batch late;
	bool tells_late = instance_has_listener(self, OUTPUT_LATE);
	unsigned kept = 0;
	late.count = 0;
	window->flushed = (struct keyed_cursor){0}; // it had ended, if nothing led to it for a while
	window->now_ns = window->clock == CLOCK_PROCESSING ? clock_now_ns() : self->watermark_ns;
	keyed_input_load(&shared->figures.input, batch, &keyed);
	keyed_table_lookup_batch(shared->panes.table, keyed.hashes, keyed.keys, batch->count, records);
	for (unsigned i = 0; i < batch->count; i++) {
		enum drop drop = take_tuple(self, batch, i, &keyed.keys[i * length], keyed.hashes[i], records[i]);
		if (__builtin_expect(drop == TAKEN, 1))
			batch_move(batch, kept++, i);
		else if (drop == DROP_LATE && tells_late)
			batch_add_from(&late, batch, i);
		else
			dead_letters_drop(&window->dead, self, drop, batch, i);
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
	if (window->clock == CLOCK_PROCESSING || window->shared->panes.shape.kind == WINDOW_COUNT)
		self->told_ns = self->watermark_ns;
	else if (passed_ns > self->told_ns + behind_ns)
		self->told_ns = passed_ns - behind_ns;
}

static bool window_tick(struct instance *self, unsigned room) {
	struct window *window = self->state;
	window->now_ns = window->clock == CLOCK_PROCESSING ? clock_now_ns() : self->watermark_ns;
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

static void window_group_leave(struct instance *self, unsigned group) {
	struct window *window = self->state;
	struct keyed_table *table = window->shared->panes.table;
	unsigned kept = 0;
	// Whose time has come goes as well: the new owner puts it on its wheel again.
	for (unsigned i = 0; i < window->due_count; i++)
		if (key_group(keyed_table_hash(table, window->due[i])) != group)
			window->due[kept++] = window->due[i];
	window->due_count = kept;
	self->gauges[GAUGE_KEYS] -= keyed_table_leave(table, &window->wheel, group);
}

static void window_group_enter(struct instance *self, unsigned group) {
	struct window *window = self->state;
	struct window_panes *panes = &window->shared->panes;
	const struct keyed_timers timers = {&window->wheel, window_panes_deadline_ns, panes};
	timer_wheel_skip_to(&window->wheel, window->now_ns);
	self->gauges[GAUGE_KEYS] += keyed_table_enter(panes->table, self->index, group, &timers);
}

static uint64_t window_layout(const struct operator *op) {
	const struct keyed_windows *windows = op->shared;
	return keyed_state_layout(windows->panes.table);
}

static void window_save(const struct operator *op, struct state_writer *writer) {
	const struct keyed_windows *windows = op->shared;
	window_panes_save(&windows->panes, writer);
}

static int window_restore(struct operator *op, struct state_reader *reader) {
	struct keyed_windows *windows = op->shared;
	struct window_panes_restoring restoring = {.panes = &windows->panes};
	struct state_item item;
	int ret;
	while ((ret = state_next(reader, &item)) == 1)
		if (window_panes_restore(&restoring, &item) == 0)
			return keyed_state_refuse(op);
	if (ret < 0)
		return keyed_state_refuse(op);
	for (unsigned i = 0; i < op->instance_count; i++) {
		struct instance *instance = op->instances[i];
		struct window *window = instance->state;
		window->now_ns = window->clock == CLOCK_PROCESSING ? clock_now_ns() : instance->watermark_ns;
	}
	state_enter_groups(op, reader);
	return 0;
}

static const struct operator_saving window_saving = {
	.layout = window_layout, .save = window_save, .restore = window_restore};

static int window_check(const void *given, char *error, size_t size) {
	const struct window_options *options = given;
	return window_shape_check(&options->shape, error, size);
}

// By count a time is a help, not a need.
static struct keyed_windows_options windows_of(const struct window_options *options) {
	struct keyed_windows_options windows = {
		.figures = {&options->key, &options->compute},
		.has_time = KEYED_WINDOWS_TIME_NEEDED,
		.time = options->time,
		.shape = window_shape_of(&options->shape),
		.max_keys = options->max_keys,
		.max_panes = options->max_panes,
	};
	if (options->shape.kind == WINDOW_COUNT)
		windows.has_time = KEYED_WINDOWS_TIME_IF_ANY;
	if (options->clock == CLOCK_PROCESSING) {
		windows.has_time = KEYED_WINDOWS_NO_TIME;
		windows.shape.lateness_ns = 0;
	}
	return windows;
}

static int window_derive(struct derivation *derivation) {
	const struct keyed_windows_options options = windows_of(derivation->options);
	return keyed_windows_derive(derivation, &options);
}

static void window_close(struct operator *op) {
	if (op->shared == NULL)
		return;
	keyed_windows_fini(op->shared);
	free(op->shared);
	op->shared = NULL;
}

static int window_open(struct operator *op) {
	const struct keyed_windows_options options = windows_of(op->options);
	struct keyed_windows *windows = operator_new_shared(op, sizeof(*windows));
	return windows != NULL ? keyed_windows_init(windows, op, &options) : -ENOMEM;
}

static int window_init(struct instance *self) {
	struct window *window = self->state;
	window->shared = self->op->shared;
	window->clock = ((const struct window_options *)self->options)->clock;
	window->state = calloc(1, window->shared->figures.aggregates.size + 8);
	if (window->state == NULL) {
		operator_error(self->op, "out of memory");
		return -ENOMEM;
	}
	keyed_table_init_wheel(window->shared->panes.table, &window->wheel);
	self->gauges[GAUGE_CAPACITY] = window->shared->panes.table->capacity;
	return dead_letters_init(&window->dead, self, OUTPUT_DEAD);
}

static void window_fini(struct instance *self) {
	struct window *window = self->state;
	window_panes_leave_part(&window->shared->panes, self->index);
	free(window->state);
	window->state = NULL;
	dead_letters_fini(&window->dead);
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
	{"kind", OPTION_ENUM, AT(shape.kind), "tumbling", .choices = window_kind_names,
		.help = "one after the other, overlapping, parted by silence, or of so many tuples"},
	{"size", OPTION_DURATION, AT(shape.size_ns), .min = 0, .max = 7 * DAY,
		.help = "tumbling, sliding: length of a window; windows begin at its multiples since the epoch"},
	{"slide", OPTION_DURATION, AT(shape.slide_ns), .min = 0, .max = 7 * DAY,
		.help = "sliding: from one window's beginning to the next's; divides size"},
	{"gap", OPTION_DURATION, AT(shape.gap_ns), .min = 0, .max = 7 * DAY,
		.help = "session: a key that has no tuple for so long begins another window"},
	{"count", OPTION_UINT, AT(shape.count), .min = 0, .max = UINT32_MAX, .help = "count: tuples of a window"},
	{"every", OPTION_UINT, AT(shape.every), .min = 0, .max = UINT32_MAX,
		.help = "count: tuples from one window to the next, where they overlap; divides count"},
	{"time", OPTION_STRING, AT(time), .min = 0, .max = SCHEMA_NAME_MAX,
		.help = "field with a tuple's time in ns since the epoch; packets: timestamp_ns"},
	{"clock", OPTION_ENUM, AT(clock), "event", .choices = clock_names,
		.help = "go by the tuples' time, or by when they are processed"},
	{"lateness", OPTION_DURATION, AT(shape.lateness_ns), "0s", 0, DAY,
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

static const struct operator_output outputs[] = {[OUTPUT_WINDOWS] = {.name = "windows"},
	[OUTPUT_LATE] = {.name = "late"},
	[OUTPUT_DEAD] = DEAD_LETTER_OUTPUT,
	{0}};
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
	.saving = &window_saving,
	.check = window_check,
	.derive = window_derive,
	.open = window_open,
	.close = window_close,
	.init = window_init,
	.fini = window_fini,
	.process = window_process,
	.tick = window_tick,
	.flush = window_flush,
	.group_leave = window_group_leave,
	.group_enter = window_group_enter,
};
OPERATOR_REGISTER(window_type);
