// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// threshold: tell when a figure crosses a bound, and when it is back.
//
//   in       any schema with the key's fields
//   out      the tuple at which a key's figure crossed, as a record with what it had, and threshold.state (start or
//            end) and threshold.value
//            dead: what was dropped, with the reason (dataplane/dead_letter.h)
//   drops    no_value: the figure of the tuple is absent
//   options  value, above, below, clear, key, max_keys
//   state    a keyed_table shared by the instances, of the keys that are beyond the bound
//
// Between start and end lies `clear`: a figure that swings around the bound does not start anew each time. All other
// tuples are absorbed. When the table is full, the key that was used least recently of eight is taken for ended.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/schema_build.h"
#include "dataplane/dead_letter.h"
#include "dataplane/expression.h"
#include "dataplane/key_words.h"
#include "dataplane/keyed_state.h"

_Static_assert((int)EXPRESSION_BATCH == (int)BATCH_MAX, "a batch is run at once");

enum { DROP_NO_VALUE };
enum { OUTPUT_CROSSINGS, OUTPUT_DEAD };
enum { GAUGE_BEYOND, GAUGE_EVICTED, GAUGE_CAPACITY };
enum { STATE_LENGTH = sizeof("start") - 1 };

struct threshold_options {
	char *value, *above, *below, *clear;
	struct option_list key;
	uint64_t max_keys;
};

struct threshold_shared {
	struct keyed_input input;
	struct keyed_table *table;
	const struct schema *schema; // of the records
	const struct field *state, *value;
	unsigned copied; // fields of the input, which are the first ones of the records
	bool is_below;
	double bound, clear;
};

struct beyond {
	uint64_t used; // in tuples of the instance: what eviction goes by
};

// A tuple's.
struct figure {
	double value;
	uint64_t hash;
	const uint64_t *key;
};

struct threshold {
	struct threshold_shared *shared;
	struct expression *value;
	uint64_t arrivals;
	struct dead_letters dead;
};

static void write_text(const struct threshold_shared *shared, const char *text, uint8_t *record) {
	char state[STATE_LENGTH] = {0};
	memcpy(state, text, strlen(text));
	record_set(shared->schema, shared->state, record, state);
}

static void tell(struct instance *self, const struct batch *batch, unsigned i, const char *state, double value) {
	const struct threshold_shared *shared = ((struct threshold *)self->state)->shared;
	const struct schema *input = self->op->input;
	const uint8_t *body = batch_body(batch, i, input);
	struct rte_mbuf *made = instance_new_record(self, shared->schema);
	if (made == NULL)
		return;
	uint8_t *record = tuple_record(made);
	for (unsigned f = 0; f < shared->copied; f++) {
		const struct field *from = &input->fields[f], *to = &shared->schema->fields[f];
		if (!schema_is_present(input, from, body))
			continue;
		record_set(shared->schema, to, record, body + from->offset);
		if (from->type == FIELD_U16_LIST || from->type == FIELD_U32_LIST)
			record[to->count_offset] = body[from->count_offset];
	}
	struct packet_meta *clock = tuple_stored_packet(made);
	clock->timestamp_ns = batch->packets[i]->timestamp_ns;
	clock->late_ms = batch->packets[i]->late_ms;
	write_text(shared, state, record);
	record_set(shared->schema, shared->value, record, &value);
	instance_emit(self, 0, made);
}

//   return  0: all places are with keys of other instances
static uint32_t add_key(struct instance *self, uint64_t hash, const uint64_t *key) {
	struct keyed_table *table = ((struct threshold *)self->state)->shared->table;
	uint32_t record = keyed_table_insert(table, self->index, hash, key);
	uint32_t victim = record == 0 ? keyed_table_oldest(table, self->index, hash) : 0;
	if (record == 0)
		self->gauges[GAUGE_EVICTED]++;
	if (victim != 0) {
		keyed_table_remove(table, self->index, victim);
		self->gauges[GAUGE_BEYOND]--;
		record = keyed_table_insert(table, self->index, hash, key);
	}
	self->gauges[GAUGE_BEYOND] += record != 0;
	return record;
}

static bool is_beyond(const struct threshold_shared *shared, double value) {
	return shared->is_below ? value < shared->bound : value > shared->bound;
}

static bool is_clear(const struct threshold_shared *shared, double value) {
	return shared->is_below ? value >= shared->clear : value <= shared->clear;
}

static void look(struct instance *self, const struct batch *batch, unsigned i, const struct figure *figure) {
	struct threshold *state = self->state;
	struct keyed_table *table = state->shared->table;
	uint32_t record = keyed_table_lookup(table, figure->hash, figure->key);
	state->arrivals++;
	if (record == 0 && is_beyond(state->shared, figure->value)) {
		record = add_key(self, figure->hash, figure->key);
		tell(self, batch, i, "start", figure->value);
	} else if (record != 0 && is_clear(state->shared, figure->value)) {
		keyed_table_remove(table, self->index, record);
		self->gauges[GAUGE_BEYOND]--;
		tell(self, batch, i, "end", figure->value);
		return;
	}
	if (record != 0)
		((struct beyond *)keyed_table_value(table, record))->used = state->arrivals;
}

static void threshold_process(struct instance *self, struct batch *batch) {
	struct threshold *state = self->state;
	const struct threshold_shared *shared = state->shared;
	struct keyed_batch keyed;
	const void *bodies[BATCH_MAX];
	unsigned kept = 0;
	batch_bodies(batch, self->op->input, bodies);
	keyed_input_load(&shared->input, batch, &keyed);
	const struct column *values = expression_run(state->value, bodies, batch->count);
	for (unsigned i = 0; i < batch->count; i++) {
		if (!(values->present >> i & 1)) {
			dead_letters_drop(&state->dead, self, DROP_NO_VALUE, batch, i);
			continue;
		}
		const uint64_t *key = &keyed.keys[i * shared->input.words.length];
		look(self, batch, i, &(struct figure){values->f64[i], keyed.hashes[i], key});
		batch_move(batch, kept++, i);
	}
	batch->count = kept;
	instance_absorb(self, batch);
}

static void threshold_group_leave(struct instance *self, unsigned group) {
	struct keyed_table *table = ((struct threshold *)self->state)->shared->table;
	self->gauges[GAUGE_BEYOND] -= keyed_table_leave(table, NULL, group);
}

static void threshold_group_enter(struct instance *self, unsigned group) {
	struct keyed_table *table = ((struct threshold *)self->state)->shared->table;
	self->gauges[GAUGE_BEYOND] += keyed_table_enter(table, self->index, group, NULL);
}

// A bound, as a constant expression: 40, 10M, -2.5.
static int read_bound(const char *option, const char *text, double *out, char *error, size_t size) {
	static const struct field no_fields[] = {{.name = NULL}};
	static const struct schema no_schema = {.name = "a bound", .body = SCHEMA_RECORD, .fields = no_fields};
	char message[EXPRESSION_ERROR_MAX];
	struct expression *expression;
	struct value value;
	if (expression_new_number(&expression, text, &no_schema, message, sizeof(message)) != 0) {
		snprintf(error, size, "%s: %s", option, message);
		return -EINVAL;
	}
	expression_eval(expression, NULL, &value);
	expression_free(expression);
	*out = value.present ? value.f64 : 0;
	if (value.present)
		return 0;
	snprintf(error, size, "%s: \"%s\": expected a number such as 40, 10M or -2.5", option, text);
	return -EINVAL;
}

static int read_bounds(
	const struct threshold_options *options, struct threshold_shared *shared, char *error, size_t size) {
	shared->is_below = options->below != NULL;
	if ((options->above == NULL) == (options->below == NULL)) {
		snprintf(error, size, "expected one of above and below");
		return -EINVAL;
	}
	int ret = read_bound(shared->is_below ? "below" : "above", shared->is_below ? options->below : options->above,
		&shared->bound, error, size);
	shared->clear = shared->bound;
	if (ret == 0 && options->clear != NULL)
		ret = read_bound("clear", options->clear, &shared->clear, error, size);
	if (ret == 0 && (shared->is_below ? shared->clear < shared->bound : shared->clear > shared->bound)) {
		snprintf(error, size, "clear: %s: expected %s the bound", options->clear,
			shared->is_below ? "no less than" : "no more than");
		ret = -EINVAL;
	}
	return ret;
}

static int threshold_check(const void *options, char *error, size_t size) {
	struct threshold_shared shared;
	return read_bounds(options, &shared, error, size);
}

static int add_fields(struct schema *schema, const struct schema *input) {
	int ret = 0;
	for (const struct field *field = input->fields; ret == 0 && field->name != NULL; field++)
		ret = schema_add_like(schema, field->name, field);
	if (ret == 0)
		ret = schema_add(schema, "threshold.state", FIELD_STRING, STATE_LENGTH, NULL);
	return ret == 0 ? schema_add(schema, "threshold.value", FIELD_F64, 0, NULL) : ret;
}

static int threshold_derive(struct derivation *derivation) {
	const struct threshold_options *options = derivation->options;
	char message[EXPRESSION_ERROR_MAX];
	struct expression *value;
	struct schema *schema = NULL;
	int ret = expression_new_number(&value, options->value, derivation->inputs[0], message, sizeof(message));
	if (ret != 0) {
		snprintf(derivation->error, derivation->error_size, "value: %s", message);
		return ret;
	}
	expression_free(value);
	ret = schema_new(&schema, derivation->name);
	derivation->outputs[0] = schema;
	if (ret == 0)
		ret = add_fields(schema, derivation->inputs[0]);
	if (ret != 0 && ret != -ENOMEM)
		snprintf(derivation->error, derivation->error_size,
			"%s has no room for two more fields, threshold.state and threshold.value, or has them already; "
			"expected a map before it",
			derivation->inputs[0]->name);
	return ret == 0 || ret == -ENOMEM ? ret : -EINVAL;
}

static struct keyed_state saved_state(const struct operator *op) {
	const struct threshold_shared *shared = op->shared;
	return (struct keyed_state){shared->table, offsetof(struct threshold, arrivals)};
}

static const struct keyed_state_saving threshold_saving = {KEYED_STATE_SAVING, saved_state};

static void threshold_close(struct operator *op) {
	struct threshold_shared *shared = op->shared;
	if (shared != NULL)
		keyed_table_free(shared->table);
	free(shared);
	op->shared = NULL;
}

static int threshold_open(struct operator *op) {
	const struct threshold_options *options = op->options;
	struct threshold_shared *shared = calloc(1, sizeof(*shared));
	char error[400];
	op->shared = shared;
	if (shared == NULL) {
		operator_error(op, "out of memory");
		return -ENOMEM;
	}
	int ret = keyed_input_init(&shared->input, op, 0, &options->key);
	if (ret == 0 && read_bounds(options, shared, error, sizeof(error)) != 0) {
		operator_error(op, "%s", error);
		ret = -EINVAL;
	}
	if (ret != 0)
		return ret;
	shared->schema = op->outputs[0];
	shared->state = schema_field(shared->schema, "threshold.state");
	shared->value = schema_field(shared->schema, "threshold.value");
	shared->copied = (unsigned)(shared->state - shared->schema->fields);
	const struct keyed_table_shape shape = {
		.capacity = options->max_keys,
		.key_size = shared->input.words.length * (uint32_t)sizeof(uint64_t),
		.value_size = sizeof(struct beyond),
		.parts = operator_part_count(op),
	};
	ret = keyed_table_new(&shared->table, &shape);
	if (ret != 0)
		operator_error(op, "no memory for max_keys: %llu", (unsigned long long)options->max_keys);
	return ret;
}

static int threshold_init(struct instance *self) {
	const struct threshold_options *options = self->options;
	struct threshold *state = self->state;
	char error[EXPRESSION_ERROR_MAX];
	state->shared = self->op->shared;
	self->gauges[GAUGE_CAPACITY] = state->shared->table->capacity;
	int ret = expression_new_number(&state->value, options->value, self->op->input, error, sizeof(error));
	if (ret != 0)
		operator_error(self->op, "value: %s", error);
	return ret == 0 ? dead_letters_init(&state->dead, self, OUTPUT_DEAD) : ret;
}

static void threshold_fini(struct instance *self) {
	struct threshold *state = self->state;
	keyed_table_leave_part(state->shared->table, self->index);
	expression_free(state->value);
	dead_letters_fini(&state->dead);
}

#define AT(member) offsetof(struct threshold_options, member)
static const struct option threshold_option_table[] = {
	{"value", OPTION_STRING, AT(value), .min = 1, .max = 4096, .required = true,
		.help = "the figure: a field or an expression, such as bytes / packets"},
	{"above", OPTION_STRING, AT(above), .min = 1, .max = 64, .help = "starts where the figure is greater"},
	{"below", OPTION_STRING, AT(below), .min = 1, .max = 64, .help = "starts where the figure is less"},
	{"clear", OPTION_STRING, AT(clear), .min = 1, .max = 64,
		.help = "ends where the figure is not beyond this one; none: the bound itself"},
	{"key", OPTION_LIST, AT(key), .max = GROUPING_KEY_MAX,
		.help = "fields that tell figures apart, up to 8; none: all are one"},
	{"max_keys", OPTION_UINT, AT(max_keys), "65536", 1, KEYED_TABLE_CAPACITY_MAX,
		.help = "keys that may be beyond the bound at a time"},
	{0},
};
#undef AT

static const char threshold_manual[] =
	"Watches a figure of each key. The tuple at which it goes above the bound (or below it) leaves as a record "
	"with all "
	"that the tuple had, threshold.state: start and threshold.value, the figure; so does the one at which it is "
	"back at "
	"clear, with threshold.state: end. All other tuples are absorbed. It stands behind window or reduce, whose "
	"figures "
	"come once in a while; to pass every record beyond a bound, use filter.\n\n"
	"Bounds are numbers as expressions write them: 40, 10M, 1.5, 30s. A tuple whose figure is absent is dropped as "
	"no_value, and changes nothing.\n\n"
	"Only keys beyond the bound are remembered, max_keys of them; the gauge beyond counts them. One more takes the "
	"place of "
	"that which came least recently of eight, counted in the gauge evicted: its end is not told, and it may start "
	"again.";

static const struct operator_output outputs[] = {
	[OUTPUT_CROSSINGS] = {.name = "crossings"}, [OUTPUT_DEAD] = DEAD_LETTER_OUTPUT, {0}};
static const char *const drops[] = {[DROP_NO_VALUE] = "no_value", NULL};
static const char *const gauges[] = {
	[GAUGE_BEYOND] = "beyond", [GAUGE_EVICTED] = "evicted", [GAUGE_CAPACITY] = "capacity", NULL};

static struct operator_type threshold_type = {
	.name = "threshold",
	.summary = "tell when a figure crosses a bound, and when it is back",
	.manual = threshold_manual,
	.options = threshold_option_table,
	.options_size = sizeof(struct threshold_options),
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key_option = "key",
	.borrows = true,
	.state_size = sizeof(struct threshold),
	.saving = &threshold_saving.saving,
	.check = threshold_check,
	.derive = threshold_derive,
	.open = threshold_open,
	.close = threshold_close,
	.init = threshold_init,
	.fini = threshold_fini,
	.process = threshold_process,
	.group_leave = threshold_group_leave,
	.group_enter = threshold_group_enter,
};
OPERATOR_REGISTER(threshold_type);
