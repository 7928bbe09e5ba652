// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/made_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TIMES_MAX = 1024 };

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
static const char *misfit(const struct made_field *made) {
	const struct distribution *distribution = &made->distribution;
	const struct field *field = made->column.field;
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

static int add_choices(struct made_field *made, const struct field_text *text, const struct schema *schema,
	const char *item, char *error, size_t size) {
	const struct field *field = made->column.field;
	unsigned first = text->next + 1;
	bool is_constant = strcmp(text->word[text->next], "constant") == 0;
	made->source = MADE_CHOICE;
	if (first == text->count || (is_constant && first + 1 != text->count))
		return field_text_fail(item, error, size, "%s: expected %s", text->word[text->next],
			is_constant ? "constant VALUE" : "choice VALUE VALUE ...");
	made->choices = calloc(text->count - first, sizeof(*made->choices));
	uint8_t *body = calloc(1, schema->size);
	int ret = made->choices == NULL || body == NULL ? -ENOMEM : 0;
	for (unsigned i = first; ret == 0 && i < text->count; i++) {
		struct made_choice *choice = &made->choices[made->choice_count++];
		*choice = (struct made_choice){.text = text->word[i], .size = strlen(text->word[i])};
		if (value_parse(schema, &made->column, choice->text, choice->size, body) != VALUE_OK) {
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
static int take_times(struct made_field *made, struct field_text *text, const char *item, char *error, size_t size) {
	uint64_t times = 1;
	made->times = 1;
	if (text->count < text->next + 2 || strcmp(text->word[text->count - 2], "times") != 0)
		return 0;
	const char *word = text->word[text->count - 1];
	if (made->column.field->type != FIELD_STRING || !value_parse_u64(word, strlen(word), &times) || times == 0 ||
		times > TIMES_MAX)
		return field_text_fail(
			item, error, size, "times %s: expected 1..%u, of a string", word, (unsigned)TIMES_MAX);
	made->times = (unsigned)times;
	text->count -= 2;
	return 0;
}

static int add_distribution(
	struct made_field *made, const struct field_text *text, const char *item, char *error, size_t size) {
	char message[160];
	unsigned taken = 0;
	made->source = MADE_DISTRIBUTION;
	int ret = distribution_parse(&made->distribution, text->word + text->next, text->count - text->next,
		made->column.field->type == FIELD_F64, &taken, message, sizeof(message));
	if (ret == -ENOENT)
		return field_text_fail(item, error, size,
			"expected sequence, uniform, zipf, normal, constant or choice%s%s behind the type",
			text->next < text->count ? ", not " : "",
			text->next < text->count ? text->word[text->next] : "");
	if (ret == -EINVAL)
		return field_text_fail(item, error, size, "%s", message);
	if (ret == 0 && text->next + taken < text->count)
		return field_text_fail(item, error, size, "%s: expected no more words", text->word[text->next + taken]);
	const char *what = ret == 0 ? misfit(made) : NULL;
	return what != NULL ? field_text_fail(item, error, size, "%s", what) : ret;
}

static int add_field(struct made_field *made, struct field_text *text, const char *item, struct schema *schema,
	char *error, size_t size) {
	int ret = field_text_add(text, item, schema, &made->column, error, size);
	if (ret != 0)
		return ret;
	ret = take_times(made, text, item, error, size);
	if (ret != 0)
		return ret;
	if (text->next == text->count && made->column.time_unit_ns > 0) {
		made->source = MADE_TIME;
		return 0;
	}
	const char *word = text->next < text->count ? text->word[text->next] : "";
	if (strcmp(word, "choice") == 0 || strcmp(word, "constant") == 0)
		return add_choices(made, text, schema, item, error, size);
	return add_distribution(made, text, item, error, size);
}

void made_fields_free(struct made_fields *made) {
	if (made == NULL)
		return;
	for (unsigned i = 0; made->fields != NULL && i < made->count; i++) {
		struct made_field *field = &made->fields[i];
		for (unsigned j = 0; j < field->choice_count; j++)
			free(field->choices[j].value);
		free(field->choices);
		distribution_fini(&field->distribution);
	}
	for (unsigned i = 0; made->texts != NULL && i < made->count; i++)
		field_text_fini(&made->texts[i]);
	free(made->fields);
	free(made->texts);
	free(made);
}

int made_fields_new(struct made_fields **out, char *const *items, unsigned count, struct schema *schema, char *error,
	size_t error_size) {
	struct made_fields *made = calloc(1, sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	made->count = count;
	made->fields = calloc(count, sizeof(*made->fields));
	made->texts = calloc(count, sizeof(*made->texts));
	int ret = made->fields == NULL || made->texts == NULL ? -ENOMEM : 0;
	for (unsigned i = 0; ret == 0 && i < count; i++)
		ret = add_field(&made->fields[i], &made->texts[i], items[i], schema, error, error_size);
	if (ret != 0)
		made_fields_free(made);
	else
		*out = made;
	return ret;
}
