// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// map: make a record of other fields out of each tuple.
//
//   in       any schema
//   out      a record per tuple, with the fields that `fields` lists: as they are, renamed, or computed
//   drops    none
//   options  fields, remove
//   state    the compiled expressions
//
// A column at a time: first every expression runs over the batch, then each field is written to all new records.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_build.h"
#include "dataplane/expression.h"
#include "dataplane/operator.h"
#include "dataplane/text.h"

_Static_assert((int)EXPRESSION_BATCH == (int)BATCH_MAX, "a batch is run at once");

struct map_options {
	struct option_list fields, remove;
};

// One field of the result.
struct item {
	char name[SCHEMA_NAME_MAX + 1];
	const struct field *from;      // copied as it is; or
	struct expression *expression; // computed
};

struct items {
	unsigned count;
	struct item items[SCHEMA_FIELDS_MAX];
};

struct map {
	struct items items;
	const struct schema *input, *output;
};

static void items_free(struct items *items) {
	for (unsigned i = 0; i < items->count; i++)
		expression_free(items->items[i].expression);
	items->count = 0;
}

// The place of a name: that of the field which it replaces, or a new one.
//   return  NULL: there are too many
static struct item *item_at(struct items *items, const char *name) {
	unsigned at = 0;
	while (at < items->count && strcmp(items->items[at].name, name) != 0)
		at++;
	if (at == SCHEMA_FIELDS_MAX)
		return NULL;
	struct item *item = &items->items[at];
	if (at == items->count)
		*item = (struct item){.from = NULL};
	items->count += at == items->count;
	expression_free(item->expression);
	*item = (struct item){.from = NULL};
	snprintf(item->name, sizeof(item->name), "%s", name);
	return item;
}

// The length of the name in `name = expression`, or 0; *rest is what stands behind the sign.
static size_t name_length(const char *text, const char **rest) {
	size_t length = 0, after;
	while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == '.')
		length++;
	for (after = length; text[after] == ' '; after++)
		;
	*rest = text + after + 1;
	return text[after] == '=' && text[after + 1] != '=' ? length : 0;
}

static bool is_listed(const struct option_list *list, const char *name) {
	for (unsigned i = 0; i < list->count; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return false;
}

static int fail(char *error, size_t size, const char *option, const char *text, const char *message) {
	error[0] = '\0';
	text_append(error, size, "%s: ", option);
	text_append_quoted(error, size, text);
	text_append(error, size, ": %s", message);
	return -EINVAL;
}

static int add_all(struct items *items, const struct map_options *options, const struct schema *input) {
	for (const struct field *field = input->fields; field->name != NULL; field++) {
		struct item *item = is_listed(&options->remove, field->name) ? NULL : item_at(items, field->name);
		if (item != NULL)
			item->from = field;
	}
	return 0;
}

// One word of the list `fields`.
static int add_item(struct items *items, const struct schema *input, const char *text, char *error, size_t size) {
	char name[SCHEMA_NAME_MAX + 1], message[EXPRESSION_ERROR_MAX];
	const char *formula = text;
	struct expression *expression;
	size_t length = name_length(text, &formula);
	if (length > SCHEMA_NAME_MAX)
		return fail(error, size, "fields", text, "expected a shorter name");
	if (length == 0)
		formula = text;
	int ret = expression_new(&expression, formula, input, message, sizeof(message));
	if (ret != 0)
		return fail(error, size, "fields", text, message);
	const struct field *field = expression_field(expression);
	snprintf(name, sizeof(name), "%.*s", (int)length, text);
	if (length == 0 && field != NULL)
		snprintf(name, sizeof(name), "%s", field->name);
	struct item *item = name[0] != '\0' ? item_at(items, name) : NULL;
	if (item == NULL || field != NULL)
		expression_free(expression);
	if (item == NULL)
		return fail(error, size, "fields", text,
			name[0] == '\0' ? "expected a field, *, or NAME = EXPRESSION" : "expected at most 128 fields");
	item->from = field;
	item->expression = field != NULL ? NULL : expression;
	return 0;
}

// What the options say about tuples of a schema.
//   items   filled also on failure
static int items_read(
	struct items *items, const struct map_options *options, const struct schema *input, char *error, size_t size) {
	int ret = 0;
	items->count = 0;
	for (unsigned i = 0; i < options->remove.count; i++)
		if (schema_field(input, options->remove.items[i]) == NULL)
			return fail(error, size, "remove", options->remove.items[i], "no field of what comes in");
	for (unsigned i = 0; ret == 0 && i < options->fields.count; i++) {
		const char *text = options->fields.items[i];
		ret = strcmp(text, "*") == 0 ? add_all(items, options, input)
					     : add_item(items, input, text, error, size);
	}
	return ret;
}

static int add_field(struct schema *schema, const struct item *item) {
	if (item->from != NULL)
		return schema_add_like(schema, item->name, item->from);
	enum field_type type = expression_type(item->expression);
	unsigned length = expression_length(item->expression);
	return schema_add(schema, item->name, type, type == FIELD_STRING && length == 0 ? 1 : length, NULL);
}

static int map_derive(struct derivation *derivation) {
	struct items items;
	struct schema *schema = NULL;
	int ret = items_read(
		&items, derivation->options, derivation->inputs[0], derivation->error, derivation->error_size);
	if (ret == 0)
		ret = schema_new(&schema, derivation->name);
	derivation->outputs[0] = schema;
	for (unsigned i = 0; ret == 0 && i < items.count; i++) {
		ret = add_field(schema, &items.items[i]);
		if (ret != 0 && ret != -ENOMEM)
			ret = fail(derivation->error, derivation->error_size, "fields", items.items[i].name,
				ret == -ENOSPC ? "expected fewer or shorter fields: a record has at most 32 KiB"
					       : "expected a name of letters, digits, _ and .");
	}
	items_free(&items);
	return ret;
}

static void set_present(const struct map *state, const struct field *field, void *body) {
	if (field->present != FIELD_ALWAYS)
		*(uint64_t *)((uint8_t *)body + state->output->present_offset) |= UINT64_C(1) << field->present;
}

// Copy a field of each tuple to its record.
static void copy_field(const struct map *state, const struct field *from, const struct field *to,
	const void *const *bodies, struct rte_mbuf *const *records, unsigned count) {
	size_t size = field_size(from);
	bool is_list = from->type == FIELD_U16_LIST || from->type == FIELD_U32_LIST;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *body = bodies[i];
		uint8_t *record = tuple_record(records[i]);
		if (!schema_is_present(state->input, from, body))
			continue;
		memcpy(record + to->offset, body + from->offset, size);
		if (is_list)
			record[to->count_offset] = body[from->count_offset];
		set_present(state, to, record);
	}
}

static void write_value(const struct field *to, const struct column *column, unsigned i, uint8_t *place) {
	switch (to->type) {
	case FIELD_BOOL:
		*(bool *)place = column->truth >> i & 1;
		break;
	case FIELD_IP:
	case FIELD_MAC:
	case FIELD_STRING:
		memcpy(place, column->bytes[i].data, column->bytes[i].size);
		break;
	default:
		memcpy(place, &column->u64[i], sizeof(column->u64[i]));
		break;
	}
}

static void write_column(const struct map *state, const struct field *to, const struct column *column,
	struct rte_mbuf *const *records, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		uint8_t *record = tuple_record(records[i]);
		if (!(column->present >> i & 1))
			continue;
		write_value(to, column, i, record + to->offset);
		set_present(state, to, record);
	}
}

// New records for the tuples of a batch; they keep its clocks.
//   return  how many of them there are: all, unless the pool broke its promise
static unsigned make_records(struct instance *self, const struct batch *batch, struct rte_mbuf **records) {
	const struct map *state = self->state;
	unsigned made = instance_new_records(self, state->output, records, batch->count);
	for (unsigned i = 0; i < made; i++) {
		struct packet_meta *clock = tuple_stored_packet(records[i]);
		clock->timestamp_ns = batch->packets[i]->timestamp_ns;
		clock->late_ms = batch->packets[i]->late_ms;
	}
	return made;
}

static void map_process(struct instance *self, struct batch *batch) {
	struct map *state = self->state;
	const void *bodies[BATCH_MAX];
	struct rte_mbuf *records[BATCH_MAX];
	unsigned count = make_records(self, batch, records);
	batch_bodies(batch, state->input, bodies);
	for (unsigned i = 0; i < state->items.count; i++) {
		const struct item *item = &state->items.items[i];
		const struct field *to = &state->output->fields[i];
		if (item->from != NULL)
			copy_field(state, item->from, to, bodies, records, count);
		else
			write_column(state, to, expression_run(item->expression, bodies, count), records, count);
	}
	for (unsigned i = 0; i < count; i++)
		instance_emit(self, 0, records[i]);
	instance_absorb(self, batch);
}

static int map_init(struct instance *self) {
	struct map *state = self->state;
	char error[400];
	state->input = self->op->input;
	state->output = self->op->outputs[0];
	int ret = items_read(&state->items, self->options, state->input, error, sizeof(error));
	if (ret != 0)
		operator_error(self->op, "%s", error);
	return ret;
}

static void map_fini(struct instance *self) {
	items_free(&((struct map *)self->state)->items);
}

#define AT(member) offsetof(struct map_options, member)
static const struct option map_option_table[] = {
	{"fields", OPTION_LIST, AT(fields), .min = 1, .max = SCHEMA_FIELDS_MAX, .required = true,
		.help = "fields of the result: FIELD as it is, NAME = FIELD renamed, NAME = EXPRESSION computed; * is "
			"every field that comes in"},
	{"remove", OPTION_LIST, AT(remove), .help = "fields that * leaves out"},
	{0},
};
#undef AT

static const char map_manual[] =
	"Makes one record of each tuple, packet or record, with the fields that the list fields names, in its order. "
	"A field alone is taken over with its type and unit; NAME = EXPRESSION computes one, see docs/expressions.md; "
	"* stands for all fields that come in, but for those of remove. A later item of a name replaces an earlier "
	"one in its place, so that [\"*\", \"bytes = fwd.bytes + rev.bytes\"] adds one field, and "
	"[\"*\", \"src_ip = prefix(src_ip, 24)\"] changes one.\n\n"
	"Whole numbers that are computed have 64 bits, texts the length that their longest can have. A value that is "
	"absent (a field that does not apply, a division by zero, a sum that does not fit) is left out of the "
	"record.\n\n"
	"In YAML an item with a colon, a comma or brackets has to be quoted; with --set, commas are written \\,.";

static const struct operator_output outputs[] = {{.name = "records"}, {0}};

static struct operator_type map_type = {
	.name = "map",
	.summary = "choose, rename and compute fields",
	.manual = map_manual,
	.options = map_option_table,
	.options_size = sizeof(struct map_options),
	.outputs = outputs,
	.grouping = GROUPING_FORWARD,
	.borrows = true,
	.state_size = sizeof(struct map),
	.keeps_nothing = true,
	.derive = map_derive,
	.init = map_init,
	.fini = map_fini,
	.process = map_process,
};
OPERATOR_REGISTER(map_type);
