// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// join: bring the tuples of two streams together by key.
//
//   in       left, right: any schemas; their keys are of the same types
//   out      joined: the fields of both. kind interval: for each left and right tuple of a key whose times are at most
//            `within` apart; kind latest: for each left tuple with the latest right one of its key
//            dead: what was dropped, with the reason (dataplane/dead_letter.h)
//   drops    late: too old for its partners to be there still; overflow: no place left among the tuples of its key (it
//            was joined with those that are there); table_full: no place for another key or tuple; unmatched: kind
//            latest, there is no right tuple yet; no_time: the time does not apply to it
//   options  kind, key, right_key, within, time, right_time, lateness, per_key, unmatched, max_keys, max_tuples
//   state    a keyed_table and a slab of the tuples that wait, shared by the instances; a timer wheel per instance. Key
//            groups can be moved
//
// By interval the records are the same under every plan, as long as nothing overflows: a tuple waits until the
// watermark says that no partner can come. The latest right tuple is that of those which have come.
//
//   source  Kang, Naughton, Viglas 2003, "Evaluating window joins over unbounded streams", for the interval join
#include <errno.h>
#include <stdlib.h>

#include "dataplane/dead_letter.h"
#include "dataplane/joined_record.h"
#include "dataplane/tuple_time.h"
#include "dataplane/waiting_state.h"

enum side { LEFT, RIGHT };
enum drop { DROP_LATE, DROP_OVERFLOW, DROP_TABLE_FULL, DROP_UNMATCHED, DROP_NO_TIME, TAKEN };
enum { OUTPUT_JOINED, OUTPUT_DEAD };
enum { GAUGE_KEYS, GAUGE_TUPLES, GAUGE_JOINED, GAUGE_CAPACITY };
enum join_kind { JOIN_INTERVAL, JOIN_LATEST };
enum { UNMATCHED_DROP, UNMATCHED_PASS };
enum { LOOKS_PER_TICK = 256 };

struct join_options {
	struct option_list key, right_key;
	unsigned kind, unmatched;
	uint64_t within_ns, lateness_ns;
	char *time, *right_time;
	uint64_t per_key, max_keys, max_tuples;
};

struct join_shared {
	struct keyed_input inputs[2];
	struct tuple_time times[2]; // no field: kind latest goes by arrival
	struct joined_record joined;
	struct keyed_table *table;     // of waiting_lists; kind latest: of the right one alone
	struct waiting_tuples waiting; // whom the lists have
};

// A tuple whose partners did not all find room at once.
struct unfinished {
	uint32_t number, next; // of the slab: itself, and the partner to look at next
	enum side side;
	bool is_kept; // it waits for others as well
};

struct join {
	struct join_shared *shared;
	const struct join_options *options;
	unsigned room; // records that may still be emitted in this call
	unsigned unfinished_count;
	struct unfinished unfinished[BATCH_MAX];
	struct timer_wheel wheel;
	struct dead_letters dead;
};

//   bodies  [2] by side; right may be NULL
static void emit(struct instance *self, const void *const *bodies) {
	struct join *join = self->state;
	const struct joined_record *joined = &join->shared->joined;
	struct rte_mbuf *tuple = instance_has_listener(self, 0) ? instance_new_record(self, joined->schema) : NULL;
	self->gauges[GAUGE_JOINED]++;
	if (tuple == NULL)
		return;
	for (unsigned side = LEFT; side <= RIGHT; side++)
		if (bodies[side] != NULL)
			joined_record_fill(joined, side, bodies[side], tuple_record(tuple));
	instance_emit(self, 0, tuple);
}

//   return  its number; 0: no place is left
static uint32_t take_waiting(struct instance *self, const void *body, enum side side, uint64_t time_ns) {
	struct join_shared *shared = ((struct join *)self->state)->shared;
	uint32_t number = waiting_tuples_take(&shared->waiting, self->index, time_ns);
	if (number == 0)
		return 0;
	memcpy(waiting_body(waiting_at(&shared->waiting, number)), body, shared->inputs[side].schema->size);
	self->gauges[GAUGE_TUPLES]++;
	return number;
}

static void give_waiting(struct instance *self, uint32_t number) {
	struct join_shared *shared = ((struct join *)self->state)->shared;
	waiting_tuples_give(&shared->waiting, self->index, number);
	self->gauges[GAUGE_TUPLES]--;
}

static bool are_near(const struct join *join, uint64_t a_ns, uint64_t b_ns) {
	return (a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns) <= join->options->within_ns;
}

// Join a tuple with those of the other side, as far as there is room.
//   return  true: with all of them
static bool join_on(struct instance *self, struct unfinished *unfinished) {
	struct join *join = self->state;
	const struct waiting_tuples *waiting = &join->shared->waiting;
	struct waiting *own = waiting_at(waiting, unfinished->number);
	while (unfinished->next != 0) {
		struct waiting *other = waiting_at(waiting, unfinished->next);
		if (are_near(join, own->time_ns, other->time_ns)) {
			const void *bodies[2];
			if (join->room == 0)
				return false;
			join->room--;
			bodies[unfinished->side] = waiting_body(own);
			bodies[!unfinished->side] = waiting_body(other);
			emit(self, bodies);
		}
		unfinished->next = other->next;
	}
	if (!unfinished->is_kept)
		give_waiting(self, unfinished->number);
	return true;
}

// How long after its own time a tuple may have to wait for partners.
static uint64_t span_ns(const struct join *join) {
	return join->options->within_ns + join->options->lateness_ns;
}

static void watch(struct instance *self, uint32_t record, uint64_t time_ns) {
	struct join *join = self->state;
	timer_wheel_skip_to(&join->wheel, self->watermark_ns);
	keyed_table_set_timer(join->shared->table, &join->wheel, record, time_ns + span_ns(join) + 1);
}

//   return  0: the table is full
static uint32_t find_key(struct instance *self, const uint64_t *key, uint64_t hash) {
	struct join *join = self->state;
	struct keyed_table *table = join->shared->table;
	uint32_t record = keyed_table_lookup(table, hash, key);
	if (record != 0)
		return record;
	record = keyed_table_insert(table, self->index, hash, key);
	self->gauges[GAUGE_KEYS] += record != 0;
	return record;
}

// Kind interval.
static enum drop join_by_time(
	struct instance *self, const void *body, enum side side, uint32_t record, uint64_t time_ns) {
	struct join *join = self->state;
	struct waiting_lists *lists = keyed_table_value(join->shared->table, record);
	struct unfinished unfinished = {
		.number = take_waiting(self, body, side, time_ns),
		.next = lists->heads[!side],
		.side = side,
		.is_kept = lists->counts[side] < join->options->per_key,
	};
	watch(self, record, time_ns);
	if (unfinished.number == 0)
		return DROP_TABLE_FULL;
	bool is_kept = unfinished.is_kept;
	if (is_kept)
		waiting_lists_add(&join->shared->waiting, lists, side, unfinished.number);
	if (!join_on(self, &unfinished)) {
		join->unfinished[join->unfinished_count++] = unfinished;
		self->backlog = true;
	}
	return is_kept ? TAKEN : DROP_OVERFLOW;
}

// Kind latest.
static enum drop join_latest(
	struct instance *self, const void *body, enum side side, uint32_t record, uint64_t time_ns) {
	struct join *join = self->state;
	struct join_shared *shared = join->shared;
	struct waiting_lists *lists = keyed_table_value(shared->table, record);
	uint32_t number = record != 0 ? lists->heads[RIGHT] : 0;
	struct waiting *latest = waiting_at(&shared->waiting, number);
	if (side == LEFT) {
		if (number == 0 && join->options->unmatched == UNMATCHED_DROP)
			return DROP_UNMATCHED;
		emit(self, (const void *[2]){body, number != 0 ? waiting_body(latest) : NULL});
		return TAKEN;
	}
	if (number == 0) {
		number = take_waiting(self, body, side, time_ns);
		if (number == 0)
			return DROP_TABLE_FULL;
		waiting_lists_add(&shared->waiting, lists, RIGHT, number);
		return TAKEN;
	}
	if (time_ns < latest->time_ns)
		return DROP_LATE;
	latest->time_ns = time_ns;
	memcpy(waiting_body(latest), body, shared->inputs[RIGHT].schema->size);
	return TAKEN;
}

// Handle tuple `i` of a batch.
//   record  of its key, or 0
static enum drop take_tuple(
	struct instance *self, const struct batch *batch, unsigned i, const uint64_t *key, uint32_t record) {
	struct join *join = self->state;
	const struct join_shared *shared = join->shared;
	enum side side = batch->input == RIGHT ? RIGHT : LEFT;
	const void *body = batch_body(batch, i, shared->inputs[side].schema);
	uint64_t time_ns = 0;
	if (shared->times[side].field != NULL) {
		if (!tuple_time_is_present(&shared->times[side], batch, i))
			return DROP_NO_TIME;
		time_ns = tuple_time_ns(&shared->times[side], batch, i);
	}
	bool by_time = join->options->kind == JOIN_INTERVAL;
	if (by_time && time_ns + join->options->lateness_ns < tuple_clock_ns(batch, i, self->watermark_ns))
		return DROP_LATE;
	uint64_t hash = shared->inputs[side].words.part_count > 0 ? batch->hashes[i] : 0;
	if (record == 0 && (by_time || side == RIGHT)) {
		record = find_key(self, key, hash);
		if (record == 0)
			return DROP_TABLE_FULL;
	}
	return by_time ? join_by_time(self, body, side, record, time_ns)
		       : join_latest(self, body, side, record, time_ns);
}

static void join_process(struct instance *self, struct batch *batch) {
	struct join *join = self->state;
	const struct keyed_input *input = &join->shared->inputs[batch->input];
	struct keyed_batch keyed;
	uint32_t records[BATCH_MAX];
	unsigned kept = 0;
	join->room = join->unfinished_count > 0 ? 0 : batch->count;
	keyed_input_load(input, batch, &keyed);
	keyed_table_lookup_batch(join->shared->table, keyed.hashes, keyed.keys, batch->count, records);
	for (unsigned i = 0; i < batch->count; i++) {
		enum drop drop = take_tuple(self, batch, i, &keyed.keys[i * input->words.length], records[i]);
		if (drop == TAKEN)
			batch_move(batch, kept++, i);
		else
			dead_letters_drop(&join->dead, self, drop, batch, i);
	}
	batch->count = kept;
	instance_absorb(self, batch);
}

// While tuples wait for room, no others are taken in.
static unsigned join_room(struct instance *self) {
	const struct join *join = self->state;
	return join->unfinished_count > 0 ? 0 : BATCH_MAX;
}

//   return  true: none is unfinished any more
static bool finish_tuples(struct instance *self, unsigned room) {
	struct join *join = self->state;
	join->room = room;
	while (join->unfinished_count > 0 && join_on(self, &join->unfinished[join->unfinished_count - 1]))
		join->unfinished_count--;
	self->backlog = join->unfinished_count > 0;
	return !self->backlog;
}

// Let go of the tuples of a key that no partner can come for.
static void expire(struct instance *self, uint32_t record) {
	struct join *join = self->state;
	struct join_shared *shared = join->shared;
	struct waiting_lists *lists = keyed_table_value(shared->table, record);
	const uint64_t wait_ns = span_ns(join), now_ns = self->watermark_ns;
	self->gauges[GAUGE_TUPLES] -=
		waiting_lists_forget(&shared->waiting, self->index, lists, now_ns > wait_ns ? now_ns - wait_ns : 0);
	uint64_t earliest_ns = waiting_lists_earliest_ns(&shared->waiting, lists);
	if (earliest_ns != UINT64_MAX) {
		keyed_table_set_timer(shared->table, &join->wheel, record, earliest_ns + wait_ns + 1);
		return;
	}
	keyed_table_remove(shared->table, self->index, record);
	self->gauges[GAUGE_KEYS]--;
}

static bool join_tick(struct instance *self, unsigned room) {
	struct join *join = self->state;
	if (!finish_tuples(self, room))
		return true;
	for (unsigned looks = 0; looks < LOOKS_PER_TICK; looks++) {
		uint32_t record = timer_wheel_pop(&join->wheel, self->watermark_ns);
		if (record == 0)
			return false;
		expire(self, record);
	}
	return true;
}

static bool join_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	return !finish_tuples(self, room);
}

static uint64_t deadline_ns(const void *owner, uint32_t record) {
	const struct join *join = owner;
	const struct waiting_lists *lists = keyed_table_value(join->shared->table, record);
	uint64_t earliest_ns = waiting_lists_earliest_ns(&join->shared->waiting, lists);
	bool waits = join->options->kind == JOIN_INTERVAL && earliest_ns != UINT64_MAX;
	return waits ? earliest_ns + span_ns(join) + 1 : UINT64_MAX;
}

//   return  tuples of the group's keys
static uint64_t count_waiting(const struct join_shared *shared, unsigned group) {
	struct keyed_cursor cursor = {.group = group};
	uint64_t count = 0;
	for (uint32_t record; (record = keyed_table_next_of_group(shared->table, &cursor)) != 0;) {
		const struct waiting_lists *lists = keyed_table_value(shared->table, record);
		count += lists->counts[LEFT] + lists->counts[RIGHT];
	}
	return count;
}

static void join_group_leave(struct instance *self, unsigned group) {
	struct join *join = self->state;
	self->gauges[GAUGE_TUPLES] -= count_waiting(join->shared, group);
	self->gauges[GAUGE_KEYS] -= keyed_table_leave(join->shared->table, &join->wheel, group);
}

static void join_group_enter(struct instance *self, unsigned group) {
	struct join *join = self->state;
	const struct keyed_timers timers = {&join->wheel, deadline_ns, join};
	timer_wheel_skip_to(&join->wheel, self->watermark_ns);
	self->gauges[GAUGE_TUPLES] += count_waiting(join->shared, group);
	self->gauges[GAUGE_KEYS] += keyed_table_enter(join->shared->table, self->index, group, &timers);
}

static struct waiting_state saved_state(const struct operator *op) {
	struct join_shared *shared = op->shared;
	return (struct waiting_state){shared->table, &shared->waiting, {op->inputs[LEFT], op->inputs[RIGHT]}};
}

static uint64_t join_layout(const struct operator *op) {
	return keyed_state_layout(saved_state(op).table);
}

static void join_save(const struct operator *op, struct state_writer *writer) {
	const struct waiting_state state = saved_state(op);
	waiting_state_save(&state, writer);
}

static int join_restore(struct operator *op, struct state_reader *reader) {
	const struct waiting_state state = saved_state(op);
	return waiting_state_restore(&state, op, reader);
}

static const struct operator_saving join_saving = {.layout = join_layout, .save = join_save, .restore = join_restore};

static const char *time_name(const struct join_options *options, unsigned side) {
	bool is_own = side == RIGHT && options->right_time != NULL && options->right_time[0] != '\0';
	return is_own ? options->right_time : options->time;
}

static const struct option_list *key_names(const struct join_options *options, unsigned side) {
	return side == RIGHT && options->right_key.count > 0 ? &options->right_key : &options->key;
}

// By interval each side needs a time; for the latest, one serves where both have it.
//   times  [2] filled
static int find_times(struct tuple_time *times, const struct join_options *options, const struct schema *const *inputs,
	char *error, size_t size) {
	bool by_time = options->kind == JOIN_INTERVAL;
	int ret = 0;
	for (unsigned side = LEFT; side <= RIGHT && ret == 0; side++)
		ret = (by_time ? tuple_time_init : tuple_time_init_if_any)(
			&times[side], inputs[side], time_name(options, side), error, size);
	if (ret == 0 && (times[LEFT].field == NULL || times[RIGHT].field == NULL))
		times[LEFT].field = times[RIGHT].field = NULL;
	return ret;
}

static int join_derive(struct derivation *derivation) {
	const struct join_options *options = derivation->options;
	struct tuple_time times[2];
	struct key_words keys[2];
	struct schema *out;
	int ret = find_times(times, options, derivation->inputs, derivation->error, derivation->error_size);
	for (unsigned side = LEFT; side <= RIGHT && ret == 0; side++)
		ret = key_words_init(&keys[side], derivation->inputs[side], key_names(options, side), false,
			derivation->error, derivation->error_size);
	if (ret == 0)
		ret = schema_new(&out, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[0] = out;
	return joined_record_describe(out, derivation->inputs, &keys[RIGHT], derivation->error, derivation->error_size);
}

static int join_check(const void *given, char *error, size_t size) {
	const struct join_options *options = given;
	if (options->kind == JOIN_INTERVAL || options->within_ns == 0)
		return 0;
	snprintf(error, size, "within: kind latest has none; expected kind: interval");
	return -EINVAL;
}

static void join_close(struct operator *op) {
	struct join_shared *shared = op->shared;
	if (shared == NULL)
		return;
	keyed_table_free(shared->table);
	waiting_tuples_fini(&shared->waiting);
	free(shared);
	op->shared = NULL;
}

static int take_memory(struct operator *op, struct join_shared *shared) {
	const struct join_options *options = op->options;
	const struct keyed_table_shape shape = {
		.capacity = options->max_keys,
		.key_size = shared->inputs[LEFT].words.length * (uint32_t)sizeof(uint64_t),
		.value_size = sizeof(struct waiting_lists),
		.parts = operator_part_count(op),
	};
	size_t body_size = RTE_MAX(op->inputs[LEFT]->size, op->inputs[RIGHT]->size);
	int ret = keyed_table_new(&shared->table, &shape);
	if (ret == 0)
		ret = waiting_tuples_init(&shared->waiting, options->max_tuples, body_size, operator_part_count(op));
	if (ret != 0)
		operator_error(op, "no memory for max_keys: %llu, max_tuples: %llu",
			(unsigned long long)options->max_keys, (unsigned long long)options->max_tuples);
	return ret;
}

static int join_open(struct operator *op) {
	const struct join_options *options = op->options;
	struct join_shared *shared = operator_new_shared(op, sizeof(*shared));
	char error[400];
	if (shared == NULL)
		return -ENOMEM;
	int ret = find_times(shared->times, options, op->inputs, error, sizeof(error));
	if (ret != 0)
		operator_error(op, "%s", error);
	for (unsigned side = LEFT; side <= RIGHT && ret == 0; side++)
		ret = keyed_input_init(&shared->inputs[side], op, side, key_names(options, side));
	if (ret != 0)
		return ret;
	joined_record_init(&shared->joined, op->outputs[0], op->inputs, &shared->inputs[RIGHT].words);
	return take_memory(op, shared);
}

static int join_init(struct instance *self) {
	struct join *join = self->state;
	join->shared = self->op->shared;
	join->options = self->options;
	keyed_table_init_wheel(join->shared->table, &join->wheel);
	self->gauges[GAUGE_CAPACITY] = join->shared->table->capacity;
	return dead_letters_init(&join->dead, self, OUTPUT_DEAD);
}

static void join_fini(struct instance *self) {
	struct join *join = self->state;
	keyed_table_leave_part(join->shared->table, self->index);
	waiting_tuples_leave_part(&join->shared->waiting, self->index);
	dead_letters_fini(&join->dead);
}

static const char *const kind_names[] = {[JOIN_INTERVAL] = "interval", [JOIN_LATEST] = "latest", NULL};
static const char *const unmatched_names[] = {[UNMATCHED_DROP] = "drop", [UNMATCHED_PASS] = "pass", NULL};

#define AT(member) offsetof(struct join_options, member)
#define MS UINT64_C(1000000)
#define DAY (86400 * 1000 * MS)
static const struct option join_option_table[] = {
	{"kind", OPTION_ENUM, AT(kind), "interval", .choices = kind_names,
		.help = "join tuples whose times are near each other, or left ones with the latest right one"},
	{"key", OPTION_LIST, AT(key), "", 0, GROUPING_KEY_MAX,
		.help = "fields that are equal in tuples that are joined, up to 8; without any, all have the same key"},
	{"right_key", OPTION_LIST, AT(right_key), "", 0, GROUPING_KEY_MAX,
		.help = "the same fields of the right input, where they have other names; as many, of the same types"},
	{"within", OPTION_DURATION, AT(within_ns), "0s", 0, DAY,
		.help = "interval: how far the times of tuples that are joined may be apart; 0s: they are equal"},
	{"time", OPTION_STRING, AT(time), .min = 0, .max = SCHEMA_NAME_MAX,
		.help = "field with a tuple's time in ns since the epoch; packets: timestamp_ns; latest: without it, "
			"the latest is the one that came last"},
	{"right_time", OPTION_STRING, AT(right_time), .min = 0, .max = SCHEMA_NAME_MAX,
		.help = "the same of the right input, where it has another name"},
	{"lateness", OPTION_DURATION, AT(lateness_ns), "0s", 0, DAY,
		.help = "interval: tuples may come so long after their time"},
	{"per_key", OPTION_UINT, AT(per_key), "64", 1, 1 << 20,
		.help = "interval: tuples that wait for partners, of each key and input"},
	{"unmatched", OPTION_ENUM, AT(unmatched), "drop", .choices = unmatched_names,
		.help = "latest: what becomes of a left tuple whose key has no right one yet: it is dropped, or passes "
			"without the right one's fields"},
	{"max_keys", OPTION_UINT, AT(max_keys), "262144", 1, KEYED_TABLE_CAPACITY_MAX,
		.help = "keys kept, by all instances together; memory is taken when used"},
	{"max_tuples", OPTION_UINT, AT(max_tuples), "1048576", 1, KEYED_TABLE_CAPACITY_MAX,
		.help = "tuples kept, by all instances together"},
	{0},
};
#undef AT

static const struct operator_input inputs[] = {
	[LEFT] = {.name = "left", .grouping = GROUPING_KEY},
	[RIGHT] = {.name = "right", .grouping = GROUPING_KEY, .key_option = "right_key"},
	{0},
};
static const struct operator_output outputs[] = {
	[OUTPUT_JOINED] = {.name = "joined"}, [OUTPUT_DEAD] = DEAD_LETTER_OUTPUT, {0}};
static const char *const drops[] = {
	[DROP_LATE] = "late",
	[DROP_OVERFLOW] = "overflow",
	[DROP_TABLE_FULL] = "table_full",
	[DROP_UNMATCHED] = "unmatched",
	[DROP_NO_TIME] = "no_time",
	NULL,
};
static const char *const gauges[] = {[GAUGE_KEYS] = "keys",
	[GAUGE_TUPLES] = "tuples",
	[GAUGE_JOINED] = "joined",
	[GAUGE_CAPACITY] = "capacity",
	NULL};

static struct operator_type join_type = {
	.name = "join",
	.summary = "bring the tuples of two streams together by key",
	.manual =
		"Streams name the input that they lead to: to: NAME.left, to: NAME.right.\n\n"
		"Kind interval joins each left tuple with each right one of the same key whose time is at most "
		"`within` before or after its own, whichever comes first. Tuples wait for partners until the "
		"watermark has passed their time, within and lateness. One that comes later than its time and "
		"lateness is dropped as late; one for which there is no place among the per_key that wait is joined "
		"with those that are there, and dropped as overflow. The records are the same under every plan, as "
		"long as nothing overflows.\n\n"
		"Kind latest keeps the right tuple of each key that is the latest by its time, or that came last, and "
		"joins each left tuple with it. An older right tuple than the one kept is dropped as late.\n\n"
		"A record has all fields of the left tuple and those of the right one but its key; names that both "
		"have get right_ before the right one's.",
	.options = join_option_table,
	.options_size = sizeof(struct join_options),
	.inputs = inputs,
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key_option = "key",
	.borrows = true,
	.state_size = sizeof(struct join),
	.saving = &join_saving,
	.check = join_check,
	.derive = join_derive,
	.open = join_open,
	.close = join_close,
	.init = join_init,
	.fini = join_fini,
	.process = join_process,
	.room = join_room,
	.tick = join_tick,
	.flush = join_flush,
	.group_leave = join_group_leave,
	.group_enter = join_group_enter,
};
OPERATOR_REGISTER(join_type);
