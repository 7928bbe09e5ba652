// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// generate: a source that makes records up, for tests and benchmarks.
//
//   in       nothing: `fields` says what each record has, and how its values are spread
//   out      records: `count` of them, as fast as they are taken or at `rate`
//   state    a random generator per instance; tables of Zipf distributions, shared
//   source   see dataplane/distribution.h
//
// Of n instances the i-th makes the records i, i + n, …: together they count through a sequence once. The same options
// give the same records; where a rate is given, they begin at another time.
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

struct generate {
	struct pacer pacer;
	uint64_t random;
	uint64_t next, end; // indices of records; end 0: none
	uint64_t begin_ns, interval_ns;
	uint64_t present; // the presence word
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

static int generate_open(struct operator *op) {
	const struct generate_options *options = op->options;
	struct made_fields *made = NULL;
	struct schema *scratch;
	char error[256] = "out of memory";
	int ret = schema_new(&scratch, op->name);
	if (ret == 0) {
		ret = made_fields_new(
			&made, options->fields.items, options->fields.count, scratch, error, sizeof(error));
		for (unsigned i = 0; ret == 0 && i < made->count; i++)
			made->fields[i].column.field = &op->outputs[0]->fields[i];
		schema_free(scratch);
	}
	op->shared = made;
	if (ret != 0)
		operator_error(op, "%s", error);
	return ret;
}

static void generate_close(struct operator *op) {
	made_fields_free(op->shared);
	op->shared = NULL;
}

static void generate_take_options(struct instance *self) {
	const struct generate_options *options = self->options;
	struct generate *state = self->state;
	pacer_init(&state->pacer, options->rate, self);
}

static int generate_init(struct instance *self) {
	const struct generate_options *options = self->options;
	struct generate *state = self->state;
	bool is_fast = options->rate == 0 || options->rate > SECOND_NS;
	*state = (struct generate){
		.random = options->seed + self->index * RANDOM_STREAM,
		.next = self->index,
		.end = options->count,
		.begin_ns = options->rate > 0 ? clock_now_ns() : EPOCH_NS,
		.interval_ns = options->interval_ns > 0 ? options->interval_ns
			       : is_fast                ? INTERVAL_DEFAULT_NS
							: SECOND_NS / options->rate,
		.present = schema_all_present(self->op->outputs[0]),
	};
	generate_take_options(self);
	return 0;
}

static void write_record(struct instance *self, uint64_t index, struct rte_mbuf *tuple) {
	uint8_t *body = tuple_record(tuple);
	const struct generate_options *options = self->options;
	const struct made_fields *made = self->op->shared;
	struct generate *state = self->state;
	uint64_t time_ns = state->begin_ns + index * state->interval_ns;
	if (options->out_of_order_ns > 0)
		time_ns -= random_below(&state->random, options->out_of_order_ns + 1);
	tuple_stored_packet(tuple)->timestamp_ns = time_ns;
	*(uint64_t *)(body + self->op->outputs[0]->present_offset) = state->present;
	for (unsigned i = 0; i < made->count; i++)
		made_field_write(
			&made->fields[i], &state->random, index, time_ns, body + made->fields[i].column.field->offset);
}

static unsigned generate_poll(struct instance *self, unsigned room) {
	const struct generate_options *options = self->options;
	const struct schema *schema = self->op->outputs[0];
	struct generate *state = self->state;
	struct batch batch = {.count = 0};
	room = pacer_allow(&state->pacer, self, room);
	while (!self->stopping && batch.count < room && (state->end == 0 || state->next < state->end)) {
		struct rte_mbuf *tuple = instance_new_record(self, schema);
		if (tuple == NULL)
			break;
		write_record(self, state->next, tuple);
		batch_add_packet(&batch, tuple, tuple_stored_packet(tuple));
		state->next += self->op->instance_count;
	}
	self->finished = self->stopping || (state->end > 0 && state->next >= state->end);
	// The next record's time, less what it may lie back.
	self->watermark_ns = state->begin_ns + state->next * state->interval_ns - options->out_of_order_ns;
	state->pacer.sent += batch.count;
	unsigned count = batch.count;
	instance_take_in(self, 0, &batch, 0);
	return count;
}

// Of an instance; in their order.
struct generate_position {
	uint64_t random, next, begin_ns;
};
enum { STATE_POSITION = 1 };

static void generate_save(const struct operator *op, struct state_writer *writer) {
	for (unsigned i = 0; i < op->instance_count; i++) {
		const struct generate *state = op->instances[i]->state;
		const struct generate_position position = {state->random, state->next, state->begin_ns};
		state_put(writer, STATE_POSITION, &position, sizeof(position));
	}
}

static int generate_restore(struct operator *op, struct state_reader *reader) {
	for (unsigned i = 0; i < op->instance_count; i++) {
		struct generate *state = op->instances[i]->state;
		struct generate_position position;
		if (state_take(reader, STATE_POSITION, &position, sizeof(position)) < 0) {
			operator_error(op, "the snapshot has no position of it");
			return -EINVAL;
		}
		state->random = position.random;
		state->next = position.next;
		state->begin_ns = position.begin_ns;
	}
	return 0;
}

static const struct operator_saving generate_saving = {.save = generate_save, .restore = generate_restore};

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
	"Made-up time starts in 2026, or now where a rate is given. Several instances share count, rate and sequences.";

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
	.restored = "It goes on with the record after the last one before the snapshot.",
	.derive = generate_derive,
	.open = generate_open,
	.close = generate_close,
	.init = generate_init,
	.take_options = generate_take_options,
	.poll = generate_poll,
};
OPERATOR_REGISTER(generate_type);
