// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Options: values as text, and in words what an option takes.
#include <inttypes.h>
#include <string.h>

#include "dataplane/option.h"
#include "dataplane/option_unit.h"
#include "dataplane/text.h"

#define SECOND UINT64_C(1000000000)
static const struct option_unit duration_units[] = {
	{"d", 86400 * SECOND, true},
	{"h", 3600 * SECOND, true},
	{"m", 60 * SECOND, true},
	{"min", 60 * SECOND, false},
	{"s", SECOND, true},
	{"ms", 1000000, true},
	{"us", 1000, true},
	{"ns", 1, true},
	{0},
};
static const struct option_unit size_units[] = {
	{"TiB", UINT64_C(1) << 40, true},
	{"TB", UINT64_C(1000000000000), false},
	{"GiB", UINT64_C(1) << 30, true},
	{"GB", 1000000000, false},
	{"MiB", 1 << 20, true},
	{"MB", 1000000, false},
	{"KiB", 1 << 10, true},
	{"kB", 1000, false},
	{"B", 1, false},
	{"", 1, true},
	{0},
};
static const struct option_unit count_units[] = {
	{"T", UINT64_C(1000000000000), true},
	{"G", 1000000000, true},
	{"M", 1000000, true},
	{"k", 1000, true},
	{"", 1, true},
	{0},
};

const struct option_unit *const option_units[OPTION_LIST + 1] = {
	[OPTION_UINT] = count_units,
	[OPTION_DURATION] = duration_units,
	[OPTION_SIZE] = size_units,
	[OPTION_RATE] = count_units,
};

// A number in the greatest unit that needs no fraction. Counts below a million stay as they are: 65536, 10000.
static void append_number(char *text, size_t size, enum option_type type, uint64_t value) {
	const struct option_unit *unit = option_units[type];
	bool is_plain = value == 0 || (unit == count_units && value < 1000000);
	for (; unit[1].suffix != NULL; unit++)
		if (!is_plain && unit->written && value % unit->factor == 0)
			break;
	text_append(text, size, "%" PRIu64 "%s", value / unit->factor, value == 0 ? "" : unit->suffix);
}

static void append_bounds(char *text, size_t size, const struct option *option) {
	if (option->min == 0 && option->max == 0)
		return;
	if (option->max == 0) {
		text_append(text, size, " (at least ");
		append_number(text, size, option->type, option->min);
	} else {
		text_append(text, size, " (");
		append_number(text, size, option->type, option->min);
		text_append(text, size, "..");
		append_number(text, size, option->type, option->max);
	}
	text_append(text, size, ")");
}

static void append_choices(char *text, size_t size, const struct option *option) {
	struct text_names names = {0};
	for (unsigned i = 0; option->choices[i] != NULL; i++)
		text_names_add(&names, option->choices[i]);
	text_append_names(text, size, &names);
}

static void append_length(char *text, size_t size, const struct option *option, const char *items) {
	if (option->min != 0 && option->max != 0)
		text_append(text, size, " of %" PRIu64 "..%" PRIu64 " %s", option->min, option->max, items);
	else if (option->min != 0)
		text_append(text, size, " of at least %" PRIu64 " %s", option->min, items);
	else if (option->max != 0)
		text_append(text, size, " of at most %" PRIu64 " %s", option->max, items);
}

void option_format_expected(const struct option *option, char *text, size_t size) {
	static const char *const kinds[OPTION_LIST + 1] = {
		[OPTION_BOOL] = "true or false",
		[OPTION_UINT] = "a whole number such as 64, 10k, 1M",
		[OPTION_DURATION] = "a duration such as 30s, 500ms",
		[OPTION_SIZE] = "a size such as 1500, 64KiB, 10MB",
		[OPTION_RATE] = "a rate per second such as 1000, 10k, 1.5M",
		[OPTION_ENUM] = "",
		[OPTION_STRING] = "text",
		[OPTION_LIST] = "a list such as [a, b]",
	};
	text[0] = '\0';
	text_append(text, size, "%s", kinds[option->type]);
	if (option_units[option->type] != NULL)
		append_bounds(text, size, option);
	else if (option->type == OPTION_ENUM)
		append_choices(text, size, option);
	else if (option->type == OPTION_STRING)
		append_length(text, size, option, "characters");
	else if (option->type == OPTION_LIST)
		append_length(text, size, option, "items");
}

static void append_list(char *text, size_t size, const struct option_list *list) {
	for (unsigned i = 0; i < list->count; i++) {
		if (i > 0)
			text_append(text, size, ",");
		for (const char *c = list->items[i]; *c != '\0'; c++)
			text_append(text, size, "%s%c", *c == ',' || *c == '\\' ? "\\" : "", *c);
	}
}

void option_format_value(const struct option *option, const void *options, char *text, size_t size) {
	const void *value = (const char *)options + option->offset;
	text[0] = '\0';
	switch (option->type) {
	case OPTION_BOOL:
		text_append(text, size, "%s", *(const bool *)value ? "true" : "false");
		break;
	case OPTION_UINT:
	case OPTION_DURATION:
	case OPTION_SIZE:
	case OPTION_RATE:
		append_number(text, size, option->type, *(const uint64_t *)value);
		break;
	case OPTION_ENUM:
		text_append(text, size, "%s", option->choices[*(const unsigned *)value]);
		break;
	case OPTION_STRING:
		text_append(text, size, "%s", *(char *const *)value == NULL ? "" : *(char *const *)value);
		break;
	case OPTION_LIST:
		append_list(text, size, value);
		break;
	}
}

void option_print_help(const struct option *table, FILE *out) {
	for (const struct option *option = table; option != NULL && option->name != NULL; option++) {
		char expected[512];
		option_format_expected(option, expected, sizeof(expected));
		fprintf(out, "  %-20s %s\n", option->name, option->help == NULL ? "" : option->help);
		fprintf(out, "  %-20s   takes %s", "", expected);
		if (option->default_text != NULL && option->default_text[0] != '\0')
			fprintf(out, "; default %s", option->default_text);
		fprintf(out, "%s%s\n", option->required ? "; required" : "",
			option->live ? "; may change while running" : "");
	}
}
