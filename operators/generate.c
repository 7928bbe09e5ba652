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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/distribution.h"
#include "dataplane/field_text.h"
#include "dataplane/operator.h"
#include "dataplane/pacer.h"
#include "dataplane/random.h"
#include "dataplane/value_text.h"

#define SECOND_NS UINT64_C(1000000000)
#define EPOCH_NS (1767225600 * SECOND_NS) // 2026-01-01: made-up time starts here where nothing says otherwise

enum {
	INTERVAL_DEFAULT_NS = 1000,
	TIMES_MAX = 1024,
	IP_FIRST = 10 << 24, // 10.0.0.0: what numbers are added to
};

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

enum source { SOURCE_TIME, SOURCE_DISTRIBUTION, SOURCE_CHOICE };

// How one field's values are made.
struct generated {
	struct column column;
	enum source source;
	struct distribution distribution;
	unsigned choice_count;
	struct choice {
		const char *text;
		size_t size;
		uint8_t *value; // [field_size], not of strings
	} * choices;
	unsigned times; // strings: so many values with spaces between
};

// What the instances share; constant once they run.
struct plan_of_records {
	unsigned field_count;
	struct generated *fields;
	struct field_text *texts; // [field_count] what the choices are borrowed from
};

struct generate {
	struct pacer pacer;
	uint64_t random;
	uint64_t next, end; // indices of records; end 0: none
	uint64_t begin_ns, interval_ns;
	uint64_t present; // the presence word
};

static bool is_integer(enum field_type type) {
	return type <= FIELD_I64 && type != FIELD_BOOL;
}

static uint64_t integer_max(enum field_type type) {
	switch (type) {
	case FIELD_U8:
		return UINT8_MAX;
	case FIELD_U16:
		return UINT16_MAX;
	case FIELD_U32:
	case FIELD_IP:
		return UINT32_MAX;
	default:
		return UINT64_MAX;
	}
}

// Whether the distribution's numbers fit into the field.
static const char *misfit(const struct generated *generated) {
	const struct distribution *distribution = &generated->distribution;
	const struct field *field = generated->column.field;
	if (!is_integer(field->type) && field->type != FIELD_F64 && field->type != FIELD_STRING &&
		field->type != FIELD_IP)
		return "numbers don't make values of this type; expected choice or constant";
	if (distribution->is_real || distribution->kind == DISTRIBUTION_SEQUENCE)
		return NULL;
	bool is_signed = field->type == FIELD_I64 || field->type == FIELD_F64;
	if ((distribution->low > INT64_MAX && !is_signed && distribution->low > distribution->high) ||
		distribution->high > integer_max(field->type))
		return "its numbers don't fit into this type";
	return NULL;
}

static int add_choices(struct generated *generated, const struct field_text *text, const struct schema *schema,
	const char *item, char *error, size_t size) {
	const struct field *field = generated->column.field;
	unsigned first = text->next + 1;
	bool is_constant = strcmp(text->word[text->next], "constant") == 0;
	generated->source = SOURCE_CHOICE;
	if (first == text->count || (is_constant && first + 1 != text->count))
		return field_text_fail(item, error, size, "%s: expected %s", text->word[text->next],
			is_constant ? "constant VALUE" : "choice VALUE VALUE ...");
	generated->choices = calloc(text->count - first, sizeof(*generated->choices));
	uint8_t *body = calloc(1, schema->size);
	int ret = generated->choices == NULL || body == NULL ? -ENOMEM : 0;
	for (unsigned i = first; ret == 0 && i < text->count; i++) {
		struct choice *choice = &generated->choices[generated->choice_count++];
		*choice = (struct choice){.text = text->word[i], .size = strlen(text->word[i])};
		if (value_parse(schema, &generated->column, choice->text, choice->size, body) != VALUE_OK) {
			ret = field_text_fail(item, error, size, "%s: expected a value of the field", choice->text);
			break;
		}
		choice->value = malloc(field_size(field));
		if (choice->value == NULL)
			ret = -ENOMEM;
		else
			memcpy(choice->value, body + field->offset, field_size(field));
		memset(body, 0, schema->size);
	}
	free(body);
	return ret;
}

// `times N` at the end.
static int take_times(
	struct generated *generated, struct field_text *text, const char *item, char *error, size_t size) {
	uint64_t times = 1;
	generated->times = 1;
	if (text->count < text->next + 2 || strcmp(text->word[text->count - 2], "times") != 0)
		return 0;
	const char *word = text->word[text->count - 1];
	if (generated->column.field->type != FIELD_STRING || !value_parse_u64(word, strlen(word), &times) ||
		times == 0 || times > TIMES_MAX)
		return field_text_fail(
			item, error, size, "times %s: expected 1..%u, of a string", word, (unsigned)TIMES_MAX);
	generated->times = (unsigned)times;
	text->count -= 2;
	return 0;
}

static int add_distribution(
	struct generated *generated, const struct field_text *text, const char *item, char *error, size_t size) {
	char message[160];
	unsigned taken = 0;
	generated->source = SOURCE_DISTRIBUTION;
	int ret = distribution_parse(&generated->distribution, text->word + text->next, text->count - text->next,
		generated->column.field->type == FIELD_F64, &taken, message, sizeof(message));
	if (ret == -ENOENT)
		return field_text_fail(item, error, size,
			"expected sequence, uniform, zipf, normal, constant or choice%s%s behind the type",
			text->next < text->count ? ", not " : "",
			text->next < text->count ? text->word[text->next] : "");
	if (ret == -EINVAL)
		return field_text_fail(item, error, size, "%s", message);
	if (ret == 0 && text->next + taken < text->count)
		return field_text_fail(item, error, size, "%s: expected no more words", text->word[text->next + taken]);
	const char *what = ret == 0 ? misfit(generated) : NULL;
	return what != NULL ? field_text_fail(item, error, size, "%s", what) : ret;
}

static int add_field(struct generated *generated, struct field_text *text, const char *item, struct schema *schema,
	char *error, size_t size) {
	int ret = field_text_add(text, item, schema, &generated->column, error, size);
	if (ret != 0)
		return ret;
	ret = take_times(generated, text, item, error, size);
	if (ret != 0)
		return ret;
	if (text->next == text->count && generated->column.time_unit_ns > 0) {
		generated->source = SOURCE_TIME;
		return 0;
	}
	const char *word = text->next < text->count ? text->word[text->next] : "";
	if (strcmp(word, "choice") == 0 || strcmp(word, "constant") == 0)
		return add_choices(generated, text, schema, item, error, size);
	return add_distribution(generated, text, item, error, size);
}

static void free_plan(struct plan_of_records *plan) {
	if (plan == NULL)
		return;
	for (unsigned i = 0; plan->fields != NULL && i < plan->field_count; i++) {
		struct generated *generated = &plan->fields[i];
		for (unsigned j = 0; j < generated->choice_count; j++)
			free(generated->choices[j].value);
		free(generated->choices);
		distribution_fini(&generated->distribution);
	}
	for (unsigned i = 0; plan->texts != NULL && i < plan->field_count; i++)
		field_text_fini(&plan->texts[i]);
	free(plan->fields);
	free(plan->texts);
	free(plan);
}

// Take the fields apart, and add them to a schema.
static int make_plan(struct plan_of_records **out, const struct generate_options *options, struct schema *schema,
	char *error, size_t size) {
	struct plan_of_records *plan = calloc(1, sizeof(*plan));
	if (plan == NULL)
		return -ENOMEM;
	plan->field_count = options->fields.count;
	plan->fields = calloc(plan->field_count, sizeof(*plan->fields));
	plan->texts = calloc(plan->field_count, sizeof(*plan->texts));
	int ret = plan->fields == NULL || plan->texts == NULL ? -ENOMEM : 0;
	for (unsigned i = 0; ret == 0 && i < plan->field_count; i++)
		ret = add_field(&plan->fields[i], &plan->texts[i], options->fields.items[i], schema, error, size);
	if (ret != 0)
		free_plan(plan);
	else
		*out = plan;
	return ret;
}

static int generate_derive(struct derivation *derivation) {
	struct schema *schema;
	struct plan_of_records *plan = NULL;
	int ret = schema_new(&schema, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[0] = schema;
	ret = make_plan(&plan, derivation->options, schema, derivation->error, derivation->error_size);
	free_plan(ret == 0 ? plan : NULL);
	return ret;
}

static int generate_open(struct operator *op) {
	struct plan_of_records *plan = NULL;
	struct schema *scratch;
	char error[256] = "out of memory";
	int ret = schema_new(&scratch, op->name);
	if (ret == 0) {
		ret = make_plan(&plan, op->options, scratch, error, sizeof(error));
		for (unsigned i = 0; ret == 0 && i < plan->field_count; i++)
			plan->fields[i].column.field = &op->outputs[0]->fields[i];
		schema_free(scratch);
	}
	op->shared = ret == 0 ? plan : NULL;
	if (ret != 0)
		operator_error(op, "%s", error);
	return ret;
}

static void generate_close(struct operator *op) {
	free_plan(op->shared);
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

static void write_integer(enum field_type type, uint64_t value, uint8_t *out) {
	switch (type) {
	case FIELD_U8:
		*out = (uint8_t)value;
		break;
	case FIELD_U16:
		*(uint16_t *)out = (uint16_t)value;
		break;
	case FIELD_U32:
		*(uint32_t *)out = (uint32_t)value;
		break;
	default:
		*(uint64_t *)out = value;
		break;
	}
}

static void write_ip(uint64_t value, uint8_t *out) {
	uint32_t address = (uint32_t)(IP_FIRST + value);
	out[10] = out[11] = 0xff;
	for (unsigned i = 0; i < 4; i++)
		out[12 + i] = (uint8_t)(address >> (24 - 8 * i));
}

// One value as text, without its end.
//   text  [24] for numbers
static struct choice make_text(const struct generated *generated, uint64_t *random, uint64_t index, char text[24]) {
	if (generated->source == SOURCE_CHOICE)
		return generated->choices[random_below(random, generated->choice_count)];
	uint64_t number = distribution_next(&generated->distribution, random, index);
	bool is_signed = (int64_t)generated->distribution.low < 0;
	char *end = is_signed ? value_write_i64(text, (int64_t)number) : value_write_u64(text, number);
	return (struct choice){.text = text, .size = (size_t)(end - text)};
}

static void write_string(const struct generated *generated, uint64_t *random, uint64_t index, uint8_t *out) {
	size_t room = generated->column.field->length;
	for (unsigned i = 0; i < generated->times; i++) {
		char text[24];
		struct choice value = make_text(generated, random, index * generated->times + i, text);
		if (i > 0 && room > 0) {
			*out++ = ' ';
			room--;
		}
		size_t size = value.size < room ? value.size : room;
		out = mempcpy(out, value.text, size);
		room -= size;
	}
}

static void write_value(
	struct generate *state, const struct generated *generated, uint64_t index, uint64_t time_ns, uint8_t *out) {
	const struct field *field = generated->column.field;
	if (generated->source == SOURCE_TIME) {
		*(uint64_t *)out = time_ns;
	} else if (field->type == FIELD_STRING) {
		write_string(generated, &state->random, index, out);
	} else if (generated->source == SOURCE_CHOICE) {
		uint64_t choice = random_below(&state->random, generated->choice_count);
		memcpy(out, generated->choices[choice].value, field_size(field));
	} else if (field->type == FIELD_F64) {
		*(double *)out = distribution_next_real(&generated->distribution, &state->random, index);
	} else {
		uint64_t number = distribution_next(&generated->distribution, &state->random, index);
		if (field->type == FIELD_IP)
			write_ip(number, out);
		else
			write_integer(field->type, number, out);
	}
}

static void write_record(struct instance *self, uint64_t index, struct rte_mbuf *tuple) {
	uint8_t *body = tuple_record(tuple);
	const struct generate_options *options = self->options;
	const struct plan_of_records *plan = self->op->shared;
	struct generate *state = self->state;
	uint64_t time_ns = state->begin_ns + index * state->interval_ns;
	if (options->out_of_order_ns > 0)
		time_ns -= random_below(&state->random, options->out_of_order_ns + 1);
	tuple_stored_packet(tuple)->timestamp_ns = time_ns;
	*(uint64_t *)(body + self->op->outputs[0]->present_offset) = state->present;
	for (unsigned i = 0; i < plan->field_count; i++)
		write_value(state, &plan->fields[i], index, time_ns, body + plan->fields[i].column.field->offset);
}

static unsigned generate_poll(struct instance *self, unsigned room) {
	const struct generate_options *options = self->options;
	const struct schema *schema = self->op->outputs[0];
	struct generate *state = self->state;
	struct batch batch = {.count = 0};
	room = pacer_allow(&state->pacer, room);
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
	.derive = generate_derive,
	.open = generate_open,
	.close = generate_close,
	.init = generate_init,
	.take_options = generate_take_options,
	.poll = generate_poll,
};
OPERATOR_REGISTER(generate_type);
