// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// generate: a source that makes records up, for tests and benchmarks.
//
//   in       nothing: `fields` says what each record has, and how its values are spread
//   out      records: `count` of them, as fast as they are taken or at `rate`
//   state    how many records were made, and tables of Zipf distributions, shared
//   source   see dataplane/distribution.h
//
// Instances take turns: each poll takes the next numbers of one sequence, and what a record has is drawn from the seed
// and its number. So the same options give the same records, whichever instance makes them, and however many there are;
// where a rate is given, they begin at another time.
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>

#include "dataplane/made_fields.h"
#include "dataplane/operator.h"
#include "dataplane/pacer.h"
#include "dataplane/random.h"
#include "dataplane/state_file.h"

#define SECOND_NS UINT64_C(1000000000)
#define EPOCH_NS (1767225600 * SECOND_NS) // 2026-01-01: made-up time starts here where nothing says otherwise

enum { INTERVAL_DEFAULT_NS = 1000 };

struct generate_options {
	struct option_list fields;
	uint64_t rate, count, seed, interval_ns, out_of_order_ns;
};

#define AT(member) offsetof(struct generate_options, member)
static const struct option generate_option_table[] = {
	{"fields", OPTION_LIST, AT(fields), .min = 1, .max = SCHEMA_FIELDS_MAX, .required = true,
		.help = "NAME TYPE DISTRIBUTION each, such as [user string 16 zipf 1.2 10000, size u32 uniform 64 "
			"1500]"},
	{"rate", OPTION_RATE, AT(rate), "0", .live = true,
		.help = "records a second, of all instances together; 0: as fast as they are taken"},
	{"count", OPTION_UINT, AT(count), "0", .help = "records, of all instances together; 0: until stopped"},
	{"seed", OPTION_UINT, AT(seed), "1", .help = "of what is random"},
	{"interval", OPTION_DURATION, AT(interval_ns), "0s",
		.help = "event time between records; 0s: by rate, 1us where that is 0"},
	{"out_of_order", OPTION_DURATION, AT(out_of_order_ns), "0s", 0, 3600 * SECOND_NS,
		.help = "how far event times lie back at most, each by a random part of it"},
	{0},
};
#undef AT

struct generate_shared {
	struct made_fields *made;
	uint64_t begin_ns, interval_ns;
	uint64_t present;                  // the presence word
	alignas(64) _Atomic uint64_t next; // number of the first record that nobody has taken; instances: rw
};

struct generate {
	struct pacer pacer;
};

static int generate_derive(struct derivation *derivation) {
	struct schema *schema;
	const struct generate_options *options = derivation->options;
	struct made_fields *made = NULL;
	int ret = schema_new(&schema, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[0] = schema;
	ret = made_fields_new(
		&made, options->fields.items, options->fields.count, schema, derivation->error, derivation->error_size);
	made_fields_free(made);
	return ret;
}

static int make_fields(struct operator *op, struct generate_shared *shared) {
	const struct generate_options *options = op->options;
	struct schema *scratch;
	char error[256] = "out of memory";
	int ret = schema_new(&scratch, op->name);
	if (ret == 0) {
		ret = made_fields_new(
			&shared->made, options->fields.items, options->fields.count, scratch, error, sizeof(error));
		for (unsigned i = 0; ret == 0 && i < shared->made->count; i++)
			shared->made->fields[i].column.field = &op->outputs[0]->fields[i];
		schema_free(scratch);
	}
	if (ret != 0)
		operator_error(op, "%s", error);
	return ret;
}

static int generate_open(struct operator *op) {
	const struct generate_options *options = op->options;
	struct generate_shared *shared = operator_new_shared(op, sizeof(*shared));
	if (shared == NULL)
		return -ENOMEM;
	bool is_fast = options->rate == 0 || options->rate > SECOND_NS;
	shared->begin_ns = options->rate > 0 ? clock_now_ns() : EPOCH_NS;
	shared->interval_ns = options->interval_ns > 0 ? options->interval_ns
			      : is_fast                ? INTERVAL_DEFAULT_NS
						       : SECOND_NS / options->rate;
	shared->present = schema_all_present(op->outputs[0]);
	return make_fields(op, shared);
}

static void generate_close(struct operator *op) {
	struct generate_shared *shared = op->shared;
	if (shared != NULL)
		made_fields_free(shared->made);
	free(shared);
	op->shared = NULL;
}

static void generate_take_options(struct instance *self) {
	const struct generate_options *options = self->options;
	struct generate *state = self->state;
	pacer_init(&state->pacer, options->rate, self);
}

static int generate_init(struct instance *self) {
	generate_take_options(self);
	return 0;
}

//   return  its event time
static uint64_t write_record(const struct instance *self, uint64_t index, struct rte_mbuf *tuple) {
	uint8_t *body = tuple_record(tuple);
	const struct generate_options *options = self->options;
	const struct generate_shared *shared = self->op->shared;
	const struct made_fields *made = shared->made;
	uint64_t random = options->seed + index * RANDOM_STREAM;
	uint64_t time_ns = shared->begin_ns + index * shared->interval_ns;
	if (options->out_of_order_ns > 0)
		time_ns -= random_below(&random, options->out_of_order_ns + 1);
	*(uint64_t *)(body + self->op->outputs[0]->present_offset) = shared->present;
	for (unsigned i = 0; i < made->count; i++)
		made_field_write(
			&made->fields[i], &random, index, time_ns, body + made->fields[i].column.field->offset);
	return time_ns;
}

// Records that nobody has taken.
static uint64_t count_left(const struct instance *self) {
	const struct generate_options *options = self->options;
	const struct generate_shared *shared = self->op->shared;
	uint64_t next = atomic_load_explicit(&shared->next, memory_order_relaxed);
	if (options->count == 0)
		return UINT64_MAX;
	return options->count > next ? options->count - next : 0;
}

// Take the next numbers, and make their records.
//   room    1..BATCH_MAX
static void make_records(struct instance *self, unsigned room, struct batch *batch) {
	const struct generate_options *options = self->options;
	struct generate_shared *shared = self->op->shared;
	struct rte_mbuf *records[BATCH_MAX];
	unsigned made = instance_new_records(self, self->op->outputs[0], records, room);
	uint64_t first = atomic_fetch_add_explicit(&shared->next, made, memory_order_relaxed);
	for (unsigned i = 0; i < made; i++) {
		// Another instance may have taken the last ones meanwhile.
		if (options->count > 0 && first + i >= options->count) {
			rte_pktmbuf_free_bulk(&records[i], made - i);
			break;
		}
		tuple_stored_packet(records[i])->timestamp_ns = write_record(self, first + i, records[i]);
		batch_add_packet(batch, records[i], tuple_stored_packet(records[i]));
	}
	// What it makes next comes behind these, less what it may lie back.
	self->watermark_ns = shared->begin_ns + (first + made) * shared->interval_ns - options->out_of_order_ns;
}

static unsigned generate_poll(struct instance *self, unsigned room) {
	struct generate *state = self->state;
	struct batch batch = {.count = 0};
	uint64_t left = count_left(self);
	room = (unsigned)RTE_MIN((uint64_t)pacer_allow(&state->pacer, self, room), left);
	if (!self->stopping && room > 0)
		make_records(self, room, &batch);
	self->finished = self->stopping || left <= batch.count;
	state->pacer.sent += batch.count;
	unsigned count = batch.count;
	instance_take_in(self, 0, &batch, 0);
	return count;
}

// Nothing but the rate is dealt out.
static void generate_share(struct operator *op, struct instance *const *before, unsigned count) {
	for (unsigned i = 0; i < op->instance_count; i++)
		generate_take_options(op->instances[i]);
}

static const struct operator_sharing generate_sharing = {.share = generate_share};

struct generate_position {
	uint64_t next, begin_ns;
};
enum { STATE_POSITION = 1 };

static void generate_save(const struct operator *op, struct state_writer *writer) {
	const struct generate_shared *shared = op->shared;
	const struct generate_position position = {atomic_load(&shared->next), shared->begin_ns};
	state_put(writer, STATE_POSITION, &position, sizeof(position));
}

static int generate_restore(struct operator *op, struct state_reader *reader) {
	struct generate_shared *shared = op->shared;
	struct generate_position position;
	if (state_take(reader, STATE_POSITION, &position, sizeof(position)) < 0) {
		operator_error(op, "the snapshot has no position of it");
		return -EINVAL;
	}
	atomic_store(&shared->next, position.next);
	shared->begin_ns = position.begin_ns;
	return 0;
}

static const struct operator_saving generate_saving = {
	.save = generate_save, .restore = generate_restore, .is_for_any_number = true};

static const struct operator_output generate_outputs[] = {{.name = "records"}, {0}};

static const char generate_manual[] =
	"Makes records up. Each field says its type and how its values are spread:\n\n"
	"sequence [START [STEP]]: counted up, from 0 in steps of 1. uniform LOW HIGH: each number from LOW to HIGH "
	"alike. "
	"zipf EXPONENT COUNT: a number k of 1..COUNT, as often as 1 / k^EXPONENT. normal MEAN DEVIATION: for f64 "
	"alone. "
	"constant VALUE. choice VALUE VALUE ...: each value alike.\n\n"
	"A field of type time without any of these has the record's event time. In a string, numbers are written in "
	"decimal, and times N behind it all makes N values with spaces between: text string 80 zipf 1.1 50000 times 8. "
	"In a field of type ip, numbers count from 10.0.0.0.\n\n"
	"Made-up time starts in 2026, or now where a rate is given. Several instances share count, rate and sequences, "
	"and "
	"make the records that one would.";

static struct operator_type generate_type = {
	.name = "generate",
	.summary = "make records up, at a rate and with distributions as wished",
	.manual = generate_manual,
	.options = generate_option_table,
	.options_size = sizeof(struct generate_options),
	.outputs = generate_outputs,
	.parallelism = 1,
	.state_size = sizeof(struct generate),
	.saving = &generate_saving,
	.sharing = &generate_sharing,
	.restored = "It goes on with the record after the last one before the snapshot, in any number of instances.",
	.derive = generate_derive,
	.open = generate_open,
	.close = generate_close,
	.init = generate_init,
	.take_options = generate_take_options,
	.poll = generate_poll,
};
OPERATOR_REGISTER(generate_type);
