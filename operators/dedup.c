// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// dedup: of tuples with one key, let the first of a time pass.
//
//   in       any schema with the key's fields and, for within, a time
//   out      passed: the first of its key; repeated: those that repeat it. Both unchanged
//            dead: what was dropped for another reason than repeated, with the reason (dataplane/dead_letter.h)
//   drops    repeated: those, where no stream leaves by that output; late: one before it may have been forgotten;
//            no_time: the time does not apply to it
//   options  key, within, renew, time, lateness, max_keys
//   state    a keyed_table shared by the instances: the keys that passed, each until its time is over; a timer wheel
//            per instance
//
// How far tuples are apart goes by event time, and whether one is late by the clock that it came with, so a file gives
// the same under every plan, as long as the tuples of a key come in one order. When the table is full, the key that was
// used least recently of eight goes: it may pass once more.
#include <errno.h>
#include <stdlib.h>

#include "dataplane/dead_letter.h"
#include "dataplane/keyed_state.h"
#include "dataplane/tuple_time.h"

enum { OUTPUT_PASSED, OUTPUT_REPEATED, OUTPUT_DEAD };
enum verdict { DROP_REPEATED, DROP_LATE, DROP_NO_TIME, PASSED };
enum { GAUGE_KEYS, GAUGE_EVICTED, GAUGE_CAPACITY };
enum { LOOKS_PER_TICK = 256 };

struct dedup_options {
	struct option_list key;
	uint64_t within_ns, lateness_ns, max_keys;
	bool renew;
	char *time;
};

struct dedup_shared {
	struct keyed_input input;
	struct tuple_time time;
	struct keyed_table *table;
	uint64_t within_ns; // 0: for good, and no time is looked at
	uint64_t lateness_ns;
	bool renews;
};

struct passed_key {
	uint64_t used; // in tuples of the instance: what eviction goes by
	uint64_t since_ns;
};

struct dedup {
	struct dedup_shared *shared;
	uint64_t arrivals;
	struct timer_wheel wheel;
	struct dead_letters dead;
};

static void remove_key(struct instance *self, uint32_t record) {
	struct dedup *dedup = self->state;
	if (dedup->shared->table->links[record].timer.slot != 0)
		timer_wheel_remove(&dedup->wheel, record);
	keyed_table_remove(dedup->shared->table, self->index, record);
	self->gauges[GAUGE_KEYS]--;
}

//   return  0: all places are with keys of other instances
static uint32_t add_key(struct instance *self, uint64_t hash, const uint64_t *key) {
	struct keyed_table *table = ((struct dedup *)self->state)->shared->table;
	uint32_t record = keyed_table_insert(table, self->index, hash, key);
	uint32_t victim = record == 0 ? keyed_table_oldest(table, self->index, hash) : 0;
	if (record == 0)
		self->gauges[GAUGE_EVICTED]++;
	if (victim != 0) {
		remove_key(self, victim);
		record = keyed_table_insert(table, self->index, hash, key);
	}
	self->gauges[GAUGE_KEYS] += record != 0;
	return record;
}

// When the table may forget a key: no tuple that is not late repeats it any more.
static uint64_t end_ns(const struct dedup_shared *shared, uint32_t record) {
	const struct passed_key *passed = keyed_table_value(shared->table, record);
	return passed->since_ns + shared->within_ns + shared->lateness_ns;
}

// Begin the time of a key.
static void begin(struct instance *self, uint32_t record, uint64_t time_ns) {
	struct dedup *dedup = self->state;
	const struct dedup_shared *shared = dedup->shared;
	struct passed_key *passed = keyed_table_value(shared->table, record);
	passed->since_ns = time_ns;
	if (shared->within_ns == 0)
		return;
	timer_wheel_skip_to(&dedup->wheel, self->watermark_ns);
	keyed_table_set_timer(shared->table, &dedup->wheel, record, end_ns(shared, record));
}

static bool is_repeated(const struct dedup_shared *shared, const struct passed_key *passed, uint64_t time_ns) {
	uint64_t apart_ns = time_ns > passed->since_ns ? time_ns - passed->since_ns : passed->since_ns - time_ns;
	return shared->within_ns == 0 || apart_ns < shared->within_ns;
}

static enum verdict judge_key(struct instance *self, uint64_t hash, const uint64_t *key, uint64_t time_ns) {
	struct dedup *dedup = self->state;
	const struct dedup_shared *shared = dedup->shared;
	uint32_t record = keyed_table_lookup(shared->table, hash, key);
	bool is_known = record != 0;
	if (!is_known)
		record = add_key(self, hash, key);
	if (record == 0)
		return PASSED;
	struct passed_key *passed = keyed_table_value(shared->table, record);
	passed->used = ++dedup->arrivals;
	if (!is_known || !is_repeated(shared, passed, time_ns)) {
		begin(self, record, time_ns);
		return PASSED;
	}
	if (shared->renews && time_ns > passed->since_ns)
		passed->since_ns = time_ns; // its timer is set again when it comes up
	return DROP_REPEATED;
}

static enum verdict judge(
	struct instance *self, const struct batch *batch, unsigned i, uint64_t hash, const uint64_t *key) {
	const struct dedup_shared *shared = ((struct dedup *)self->state)->shared;
	if (shared->within_ns == 0)
		return judge_key(self, hash, key, 0);
	if (!tuple_time_is_present(&shared->time, batch, i))
		return DROP_NO_TIME;
	uint64_t time_ns = tuple_time_ns(&shared->time, batch, i);
	if (time_ns + shared->lateness_ns < tuple_clock_ns(batch, i, self->watermark_ns))
		return DROP_LATE;
	return judge_key(self, hash, key, time_ns);
}

static void dedup_process(struct instance *self, struct batch *batch) {
	struct dedup *dedup = self->state;
	const struct dedup_shared *shared = dedup->shared;
	const unsigned length = shared->input.words.length;
	struct keyed_batch keyed;
	bool wants_repeated = instance_has_listener(self, OUTPUT_REPEATED);
	struct batch repeated;
	unsigned kept = 0;
	repeated.count = 0;
	keyed_input_load(&shared->input, batch, &keyed);
	for (unsigned i = 0; i < batch->count; i++) {
		enum verdict verdict = judge(self, batch, i, keyed.hashes[i], &keyed.keys[i * length]);
		if (verdict == PASSED)
			batch_move(batch, kept++, i);
		else if (verdict == DROP_REPEATED && wants_repeated)
			batch_add_from(&repeated, batch, i);
		else if (verdict == DROP_REPEATED)
			instance_drop(self, verdict, batch->tuples[i]);
		else
			dead_letters_drop(&dedup->dead, self, verdict, batch, i);
	}
	batch->count = kept;
	instance_forward(self, OUTPUT_PASSED, batch);
	instance_forward(self, OUTPUT_REPEATED, &repeated);
}

static uint64_t deadline_ns(const void *owner, uint32_t record) {
	const struct dedup_shared *shared = owner;
	return shared->within_ns != 0 ? end_ns(shared, record) : UINT64_MAX;
}

static void dedup_group_leave(struct instance *self, unsigned group) {
	struct dedup *dedup = self->state;
	self->gauges[GAUGE_KEYS] -= keyed_table_leave(dedup->shared->table, &dedup->wheel, group);
}

static void dedup_group_enter(struct instance *self, unsigned group) {
	struct dedup *dedup = self->state;
	const struct keyed_timers timers = {&dedup->wheel, deadline_ns, dedup->shared};
	timer_wheel_skip_to(&dedup->wheel, self->watermark_ns);
	self->gauges[GAUGE_KEYS] += keyed_table_enter(dedup->shared->table, self->index, group, &timers);
}

// Forget keys whose time is over.
static bool dedup_tick(struct instance *self, unsigned room) {
	struct dedup *dedup = self->state;
	const struct dedup_shared *shared = dedup->shared;
	for (unsigned looks = 0; looks < LOOKS_PER_TICK; looks++) {
		uint32_t record = timer_wheel_pop(&dedup->wheel, self->watermark_ns);
		if (record == 0)
			return false;
		uint64_t due_ns = end_ns(shared, record);
		if (due_ns > self->watermark_ns)
			keyed_table_set_timer(shared->table, &dedup->wheel, record, due_ns);
		else
			remove_key(self, record);
	}
	return true;
}

static int find_time(struct tuple_time *time, const struct dedup_options *options, const struct schema *schema,
	char *error, size_t size) {
	return options->within_ns == 0 ? 0 : tuple_time_init(time, schema, options->time, error, size);
}

static int dedup_derive(struct derivation *derivation) {
	struct tuple_time time;
	return find_time(&time, derivation->options, derivation->inputs[0], derivation->error, derivation->error_size);
}

static struct keyed_state saved_state(const struct operator *op) {
	const struct dedup_shared *shared = op->shared;
	return (struct keyed_state){shared->table, offsetof(struct dedup, arrivals)};
}

static const struct keyed_state_saving dedup_saving = {KEYED_STATE_SAVING, saved_state};

static void dedup_close(struct operator *op) {
	struct dedup_shared *shared = op->shared;
	if (shared != NULL)
		keyed_table_free(shared->table);
	free(shared);
	op->shared = NULL;
}

static int dedup_open(struct operator *op) {
	const struct dedup_options *options = op->options;
	struct dedup_shared *shared = calloc(1, sizeof(*shared));
	char error[400];
	op->shared = shared;
	if (shared == NULL) {
		operator_error(op, "out of memory");
		return -ENOMEM;
	}
	shared->within_ns = options->within_ns;
	shared->lateness_ns = options->lateness_ns;
	shared->renews = options->renew;
	int ret = keyed_input_init(&shared->input, op, 0, &options->key);
	if (ret == 0 && find_time(&shared->time, options, op->inputs[0], error, sizeof(error)) != 0) {
		operator_error(op, "%s", error);
		ret = -EINVAL;
	}
	if (ret != 0)
		return ret;
	const struct keyed_table_shape shape = {
		.capacity = options->max_keys,
		.key_size = shared->input.words.length * (uint32_t)sizeof(uint64_t),
		.value_size = sizeof(struct passed_key),
		.parts = operator_part_count(op),
	};
	ret = keyed_table_new(&shared->table, &shape);
	if (ret != 0)
		operator_error(op, "no memory for max_keys: %llu", (unsigned long long)options->max_keys);
	return ret;
}

static int dedup_init(struct instance *self) {
	struct dedup *dedup = self->state;
	dedup->shared = self->op->shared;
	keyed_table_init_wheel(dedup->shared->table, &dedup->wheel);
	self->gauges[GAUGE_CAPACITY] = dedup->shared->table->capacity;
	return dead_letters_init(&dedup->dead, self, OUTPUT_DEAD);
}

static void dedup_fini(struct instance *self) {
	struct dedup *dedup = self->state;
	keyed_table_leave_part(dedup->shared->table, self->index);
	dead_letters_fini(&dedup->dead);
}

#define AT(member) offsetof(struct dedup_options, member)
#define DAYS_7 (UINT64_C(7) * 86400 * 1000000000)
static const struct option dedup_option_table[] = {
	{"key", OPTION_LIST, AT(key), .required = true, .min = 1, .max = GROUPING_KEY_MAX,
		.help = "fields whose values make tuples the same, up to 8"},
	{"within", OPTION_DURATION, AT(within_ns), "0s", 0, DAYS_7,
		.help = "how long after the one that passed others repeat it; 0s: for good"},
	{"renew", OPTION_BOOL, AT(renew), "false",
		.help = "the time begins anew with each that repeats: one passes after a pause of within"},
	{"time", OPTION_STRING, AT(time), .max = SCHEMA_NAME_MAX,
		.help = "field with a tuple's time in ns, which within goes by; packets: timestamp_ns"},
	{"lateness", OPTION_DURATION, AT(lateness_ns), "0s", 0, DAYS_7,
		.help = "how far a tuple's time may be behind its clock; later ones are dropped as late"},
	{"max_keys", OPTION_UINT, AT(max_keys), "1048576", 1, KEYED_TABLE_CAPACITY_MAX,
		.help = "keys remembered, by all instances together; memory is taken when used"},
	{0},
};
#undef AT
#undef DAYS_7

static const char dedup_manual[] =
	"Lets a tuple pass unless another one with the same key passed less than within before it, by event time. The "
	"others leave by the output repeated, if a stream does (from: NAME.repeated); else they are dropped as "
	"repeated. With renew a tuple that repeats also begins the time anew. What passes is the same under every plan "
	"if the tuples of a key come in one order.\n\n"
	"Keys are forgotten when the watermark has passed their time and lateness. A tuple whose time is more than "
	"lateness behind the clock of its source is dropped as late, one without a time as no_time; without within no "
	"time is looked at. When max_keys are remembered, the key that was used least recently of eight is forgotten "
	"for a new one, counted in the gauge evicted: it may pass once more before its time.";

static const struct operator_output outputs[] = {
	{.name = "passed"}, {.name = "repeated"}, [OUTPUT_DEAD] = DEAD_LETTER_OUTPUT, {0}};
static const char *const drops[] = {
	[DROP_REPEATED] = "repeated", [DROP_LATE] = "late", [DROP_NO_TIME] = "no_time", NULL};
static const char *const gauges[] = {
	[GAUGE_KEYS] = "keys", [GAUGE_EVICTED] = "evicted", [GAUGE_CAPACITY] = "capacity", NULL};

static struct operator_type dedup_type = {
	.name = "dedup",
	.summary = "of tuples with one key, let the first of a time pass",
	.manual = dedup_manual,
	.options = dedup_option_table,
	.options_size = sizeof(struct dedup_options),
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key_option = "key",
	.borrows = true,
	.state_size = sizeof(struct dedup),
	.saving = &dedup_saving.saving,
	.derive = dedup_derive,
	.open = dedup_open,
	.close = dedup_close,
	.init = dedup_init,
	.fini = dedup_fini,
	.process = dedup_process,
	.tick = dedup_tick,
	.group_leave = dedup_group_leave,
	.group_enter = dedup_group_enter,
};
OPERATOR_REGISTER(dedup_type);
