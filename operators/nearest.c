// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// nearest: a join of each tuple with the one of another stream that lies nearest to it.
//
//   in       points: any schema with the numeric `fields`; centers: the same fields, to every instance (grouping all)
//   out      joined: the point's fields and those of its nearest center, as right_NAME where the point has that name
//            dead: points and centers that were dropped, with the reason (dataplane/dead_letter.h)
//   drops    no_value: a field is absent, or not finite; table_full: more than max_points or max_centers
//   options  fields, max_points, max_centers
//   state    copies of all points and centers; the same centers in each instance
//
// All centers must be known before the first answer, so it comes when both inputs have ended: a step of an iteration
// over a bounded stream. Of several centers at one distance the first counts in the order of their coordinates, so that
// the answer is the same under every plan.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dead_letter.h"
#include "dataplane/huge_memory.h"
#include "dataplane/joined_record.h"
#include "dataplane/state_file.h"

enum { DIMENSIONS_MAX = 16 };
enum { POINTS, CENTERS, SIDES };
enum { OUTPUT_JOINED, OUTPUT_DEAD };
enum { DROP_NO_VALUE, DROP_TABLE_FULL };
enum { GAUGE_POINTS, GAUGE_CENTERS };

struct nearest_options {
	struct option_list fields;
	uint64_t maxima[SIDES];
};

struct nearest_shared {
	struct joined_record joined;
	unsigned dimensions;
	const struct field *fields[SIDES][DIMENSIONS_MAX];
};

// What came by one input.
struct side {
	uint8_t *bodies; // [maximum] of the schema's size
	double *places;  // [maximum][dimensions]
	size_t bytes[2]; // of the two
	uint64_t count, maximum;
};

struct nearest {
	const struct nearest_shared *shared;
	struct side sides[SIDES];
	uint64_t answered; // points
	struct dead_letters dead;
};

static double load_number(const struct field *field, const uint8_t *body) {
	const void *at = body + field->offset;
	switch (field->type) {
	case FIELD_U8:
		return *(const uint8_t *)at;
	case FIELD_U16:
		return *(const uint16_t *)at;
	case FIELD_U32:
		return *(const uint32_t *)at;
	case FIELD_U64:
		return (double)*(const uint64_t *)at;
	case FIELD_I64:
		return (double)*(const int64_t *)at;
	default:
		return *(const double *)at;
	}
}

//   place   [dimensions] filled
//   return  false: one of its numbers is missing
static bool load_place(const struct nearest_shared *shared, unsigned side, const struct schema *schema,
	const void *body, double *place) {
	for (unsigned d = 0; d < shared->dimensions; d++) {
		const struct field *field = shared->fields[side][d];
		if (!schema_is_present(schema, field, body))
			return false;
		place[d] = load_number(field, body);
		if (!isfinite(place[d]))
			return false;
	}
	return true;
}

//   return  -1: it is kept; else the reason why not
static int keep(struct nearest *state, unsigned input, const struct schema *schema, const void *body) {
	struct side *side = &state->sides[input];
	if (side->count == side->maximum)
		return DROP_TABLE_FULL;
	double *place = side->places + side->count * state->shared->dimensions;
	if (!load_place(state->shared, input, schema, body, place))
		return DROP_NO_VALUE;
	memcpy(side->bodies + side->count++ * schema->size, body, schema->size);
	return -1;
}

static void show_counts(struct instance *self) {
	const struct nearest *state = self->state;
	self->gauges[GAUGE_POINTS] = state->sides[POINTS].count;
	self->gauges[GAUGE_CENTERS] = state->sides[CENTERS].count;
}

static void nearest_process(struct instance *self, struct batch *batch) {
	struct nearest *state = self->state;
	const struct schema *schema = self->op->inputs[batch->input];
	unsigned kept = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		int reason = keep(state, batch->input, schema, batch_body(batch, i, schema));
		if (reason < 0)
			batch_move(batch, kept++, i);
		else
			dead_letters_drop(&state->dead, self, (unsigned)reason, batch, i);
	}
	batch->count = kept;
	instance_absorb(self, batch);
	show_counts(self);
}

// Whether a place comes before another in the order of their coordinates.
static bool is_before(const double *a, const double *b, unsigned dimensions) {
	for (unsigned d = 0; d < dimensions; d++)
		if (a[d] != b[d])
			return a[d] < b[d];
	return false;
}

//   return  its number; the count of centers: there is none
static uint64_t find_center(const struct nearest *state, const double *place) {
	const struct side *centers = &state->sides[CENTERS];
	const unsigned dimensions = state->shared->dimensions;
	uint64_t best = centers->count;
	double least = INFINITY;
	for (uint64_t c = 0; c < centers->count; c++) {
		const double *center = centers->places + c * dimensions;
		double square = 0;
		for (unsigned d = 0; d < dimensions; d++)
			square += (place[d] - center[d]) * (place[d] - center[d]);
		if (square < least || best == centers->count ||
			(square == least && is_before(center, centers->places + best * dimensions, dimensions))) {
			least = square;
			best = c;
		}
	}
	return best;
}

static bool nearest_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	struct nearest *state = self->state;
	const struct side *points = &state->sides[POINTS], *centers = &state->sides[CENTERS];
	for (; room > 0 && state->answered < points->count; room--, state->answered++) {
		uint64_t center = find_center(state, points->places + state->answered * state->shared->dimensions);
		struct rte_mbuf *tuple = instance_new_record(self, self->op->outputs[OUTPUT_JOINED]);
		if (tuple == NULL)
			continue;
		joined_record_fill(&state->shared->joined, POINTS,
			points->bodies + state->answered * self->op->inputs[POINTS]->size, tuple_record(tuple));
		if (center < centers->count)
			joined_record_fill(&state->shared->joined, CENTERS,
				centers->bodies + center * self->op->inputs[CENTERS]->size, tuple_record(tuple));
		instance_emit(self, OUTPUT_JOINED, tuple);
	}
	return state->answered < points->count;
}

enum { STATE_POINT = 1, STATE_CENTER = STATE_POINT + CENTERS }; // a tuple's body

static void save_side(const struct operator *op, unsigned instance, unsigned input, struct state_writer *writer) {
	const struct nearest *state = op->instances[instance]->state;
	const struct side *side = &state->sides[input];
	const size_t size = op->inputs[input]->size;
	for (uint64_t i = input == POINTS ? state->answered : 0; i < side->count; i++)
		state_put(writer, STATE_POINT + input, side->bodies + i * size, size);
}

static void nearest_save(const struct operator *op, struct state_writer *writer) {
	for (unsigned i = 0; i < op->instance_count; i++)
		save_side(op, i, POINTS, writer);
	save_side(op, 0, CENTERS, writer);
}

// Points are spread over the instances, and each has all centers.
static int restore_tuple(struct operator *op, const struct state_item *item, uint64_t number) {
	const unsigned input = item->kind - STATE_POINT;
	if (item->kind < STATE_POINT || item->kind > STATE_CENTER || item->size != op->inputs[input]->size ||
		!schema_is_sound(op->inputs[input], item->data))
		return -EINVAL;
	bool is_kept = true;
	for (unsigned i = 0; i < op->instance_count; i++)
		if (input == CENTERS || i == number % op->instance_count)
			is_kept &= keep(op->instances[i]->state, input, op->inputs[input], item->data) < 0;
	return is_kept ? 0 : -EINVAL;
}

static int nearest_restore(struct operator *op, struct state_reader *reader) {
	struct state_item item;
	int ret;
	for (uint64_t number = 0; (ret = state_next(reader, &item)) == 1; number++)
		if ((ret = restore_tuple(op, &item, number)) < 0)
			break;
	for (unsigned i = 0; i < op->instance_count; i++)
		show_counts(op->instances[i]);
	if (ret < 0)
		operator_error(op, "the snapshot has more points or centers than it has room for, or is damaged");
	return ret;
}

static const struct operator_saving nearest_saving = {.save = nearest_save, .restore = nearest_restore};

static bool is_number(const struct field *field) {
	return field->type >= FIELD_U8 && field->type <= FIELD_F64;
}

//   fields  [dimensions] set, or NULL
static int find_fields(const struct option_list *names, const struct schema *schema, const char *side,
	const struct field **fields, char *error, size_t size) {
	for (unsigned d = 0; d < names->count; d++) {
		const struct field *field = schema_field(schema, names->items[d]);
		if (field == NULL || !is_number(field)) {
			snprintf(error, size, "fields: \"%s\": %s of the %s (schema %s); expected a number",
				names->items[d], field == NULL ? "no field" : "no number", side, schema->name);
			return -EINVAL;
		}
		if (fields != NULL)
			fields[d] = field;
	}
	return 0;
}

static const struct key_words no_key;

static int nearest_derive(struct derivation *derivation) {
	const struct nearest_options *options = derivation->options;
	struct schema *schema;
	int ret = find_fields(&options->fields, derivation->inputs[POINTS], "points", NULL, derivation->error,
		derivation->error_size);
	if (ret == 0)
		ret = find_fields(&options->fields, derivation->inputs[CENTERS], "centers", NULL, derivation->error,
			derivation->error_size);
	if (ret == 0)
		ret = schema_new(&schema, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[OUTPUT_JOINED] = schema;
	return joined_record_describe(schema, derivation->inputs, &no_key, derivation->error, derivation->error_size);
}

static int nearest_open(struct operator *op) {
	const struct nearest_options *options = op->options;
	struct nearest_shared *shared = calloc(1, sizeof(*shared));
	char error[300];
	op->shared = shared;
	if (shared == NULL)
		return -ENOMEM;
	shared->dimensions = options->fields.count;
	for (unsigned side = 0; side < SIDES; side++)
		if (find_fields(&options->fields, op->inputs[side], "input", shared->fields[side], error,
			    sizeof(error)) != 0)
			return -EINVAL;
	joined_record_init(&shared->joined, op->outputs[OUTPUT_JOINED], op->inputs, &no_key);
	return 0;
}

static void nearest_close(struct operator *op) {
	free(op->shared);
	op->shared = NULL;
}

static int nearest_init(struct instance *self) {
	const struct nearest_options *options = self->options;
	struct nearest *state = self->state;
	state->shared = self->op->shared;
	for (unsigned i = 0; i < SIDES; i++) {
		struct side *side = &state->sides[i];
		side->maximum = options->maxima[i];
		side->bytes[0] = side->maximum * self->op->inputs[i]->size;
		side->bytes[1] = side->maximum * state->shared->dimensions * sizeof(double);
		side->bodies = huge_memory_new(side->bytes[0]);
		side->places = huge_memory_new(side->bytes[1]);
		if (side->bodies != NULL && side->places != NULL)
			continue;
		operator_error(self->op, "no memory for %s: %llu", i == POINTS ? "max_points" : "max_centers",
			(unsigned long long)side->maximum);
		return -ENOMEM;
	}
	return dead_letters_init(&state->dead, self, OUTPUT_DEAD);
}

static void nearest_fini(struct instance *self) {
	struct nearest *state = self->state;
	for (unsigned i = 0; i < SIDES; i++) {
		huge_memory_free(state->sides[i].bodies, state->sides[i].bytes[0]);
		huge_memory_free(state->sides[i].places, state->sides[i].bytes[1]);
	}
	dead_letters_fini(&state->dead);
}

#define AT(member) offsetof(struct nearest_options, member)
static const struct option nearest_option_table[] = {
	{"fields", OPTION_LIST, AT(fields), .min = 1, .max = DIMENSIONS_MAX, .required = true,
		.help = "the coordinates: numbers that both inputs have"},
	{"max_points", OPTION_UINT, AT(maxima[POINTS]), "1048576", 1, UINT64_C(1) << 32,
		.help = "points kept by an instance; memory is taken when used"},
	{"max_centers", OPTION_UINT, AT(maxima[CENTERS]), "65536", 1, UINT64_C(1) << 24,
		.help = "centers kept by each instance"},
	{0},
};
#undef AT

static const struct operator_input nearest_inputs[] = {
	{.name = "points", .grouping = GROUPING_SHUFFLE}, {.name = "centers", .grouping = GROUPING_ALL}, {0}};
static const struct operator_output nearest_outputs[] = {{.name = "joined"}, DEAD_LETTER_OUTPUT, {0}};
static const char *const nearest_drops[] = {[DROP_NO_VALUE] = "no_value", [DROP_TABLE_FULL] = "table_full", NULL};
static const char *const nearest_gauges[] = {[GAUGE_POINTS] = "points", [GAUGE_CENTERS] = "centers", NULL};

static struct operator_type nearest_type = {
	.name = "nearest",
	.summary = "join each tuple with the nearest one of another stream",
	.manual =
		"Joins each tuple of its input points with that of its input centers whose fields lie nearest, by the "
		"sum of the squares of the differences. The answer has the fields of both; those of the center are "
		"called right_NAME where the point has a field of that name. Without any center, it has the point's "
		"alone.\n\n"
		"It answers when both inputs have ended: it is a step of an iteration over a bounded stream, such as "
		"that of conf/kmeans.yaml, in which the points are spread over the instances and every instance gets "
		"all centers.",
	.options = nearest_option_table,
	.options_size = sizeof(struct nearest_options),
	.inputs = nearest_inputs,
	.outputs = nearest_outputs,
	.drops = nearest_drops,
	.gauges = nearest_gauges,
	.state_size = sizeof(struct nearest),
	.saving = &nearest_saving,
	.is_fixed_because = "each instance answers at the end, by all centers since the beginning",
	.derive = nearest_derive,
	.open = nearest_open,
	.close = nearest_close,
	.init = nearest_init,
	.fini = nearest_fini,
	.process = nearest_process,
	.flush = nearest_flush,
};
OPERATOR_REGISTER(nearest_type);
