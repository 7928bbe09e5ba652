// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/stage.h"

#include <stdlib.h>
#include <string.h>

enum { STAGE_TYPES_MAX = 32 };

static const struct stage_type *types[STAGE_TYPES_MAX]; // [types_length], in order of name
static size_t types_length;

void stage_type_register(const struct stage_type *type) {
	if (types_length == STAGE_TYPES_MAX)
		abort();
	size_t place = types_length++;
	for (; place > 0 && strcmp(types[place - 1]->name, type->name) > 0; place--)
		types[place] = types[place - 1];
	types[place] = type;
}

const struct stage_type *stage_type_lookup(const char *name) {
	for (size_t i = 0; i < types_length; i++)
		if (strcmp(types[i]->name, name) == 0)
			return types[i];
	return NULL;
}

const struct stage_type *stage_type_next(const struct stage_type *type) {
	size_t i = 0;
	while (type != NULL && i < types_length && types[i++] != type)
		;
	return i < types_length ? types[i] : NULL;
}

static struct conf_field stage_field(const struct stage_option *option, void *options) {
	return (struct conf_field){.name = option->name,
		.type = option->type,
		.out = options != NULL ? (char *)options + option->offset : NULL,
		.size = option->size,
		.min = option->min,
		.max = option->max,
		.choices = option->choices,
		.required = option->is_required};
}

size_t stage_fields(const struct stage_type *type, void *options, struct conf_field *out) {
	size_t length = 0;
	for (const struct stage_option *option = type->options; option != NULL && option->name != NULL; option++) {
		if (length == CONF_FIELDS_MAX)
			abort();
		out[length++] = stage_field(option, options);
	}
	out[length] = (struct conf_field){0};
	return length;
}

void stage_set_fallbacks(const struct stage_type *type, void *options) {
	struct conf conf = {.path = NULL};
	for (const struct stage_option *option = type->options; option != NULL && option->name != NULL; option++) {
		struct conf_field field = stage_field(option, options);
		if (option->fallback != NULL && option->type != CONF_NODE &&
			conf_text(&conf, NULL, option->name, &field, option->fallback) != 0)
			abort();
	}
}

void stage_print_types(FILE *file) {
	for (const struct stage_type *type = NULL; (type = stage_type_next(type)) != NULL;)
		fprintf(file, "  %-10s %s\n", type->name, type->title);
}

static void option_expected(const struct stage_option *option, char *out, size_t size) {
	struct conf_field field = stage_field(option, NULL);
	out[0] = '\0';
	if (option->type != CONF_NODE)
		conf_describe(&field, out, size);
}

void stage_print_help(const struct stage_type *type, FILE *file) {
	char expected[512];
	fprintf(file, "%s: %s\n", type->name, type->title);
	for (const struct stage_option *option = type->options; option != NULL && option->name != NULL; option++) {
		option_expected(option, expected, sizeof(expected));
		fprintf(file, "  %-16s %s%s%s", option->name, option->help, expected[0] != '\0' ? ": " : "", expected);
		if (option->fallback != NULL)
			fprintf(file, " [%s]", option->fallback);
		fputs(option->is_required ? " (required)\n" : "\n", file);
	}
}

// Text as roff: a line must not begin with a dot, and a hyphen is a minus.
static void print_roff(FILE *file, const char *text) {
	for (bool is_start = true; *text != '\0'; text++) {
		if (is_start && *text == '.')
			fputs("\\&", file);
		if (*text == '-')
			fputs("\\-", file);
		else if (*text == '\\')
			fputs("\\e", file);
		else
			fputc(*text, file);
		is_start = *text == '\n';
	}
	fputc('\n', file);
}

static void print_option_roff(FILE *file, const struct stage_option *option) {
	char expected[512], line[1200];
	option_expected(option, expected, sizeof(expected));
	fprintf(file, ".TP\n.B %s\n", option->name);
	snprintf(line, sizeof(line), "%s%s%s%s%s%s%s", option->help, expected[0] != '\0' ? ": " : "", expected,
		option->fallback != NULL ? " (" : "", option->fallback != NULL ? option->fallback : "",
		option->fallback != NULL ? ")" : "", option->is_required ? "; required" : "");
	print_roff(file, line);
}

void stage_print_manual(FILE *file) {
	fputs(".TH WEIR-STAGES 7 \"\" \"weir\" \"weir\"\n.SH NAME\nweir\\-stages \\- stages of the control plane\n"
	      ".SH DESCRIPTION\nThe file conf/controller.yaml lists them under\n.BR stages .\nSee\n"
	      ".BR weir\\-controller (1).\n",
		file);
	for (const struct stage_type *type = NULL; (type = stage_type_next(type)) != NULL;) {
		fprintf(file, ".SH %s\n", type->name);
		print_roff(file, type->title);
		if (type->manual != NULL) {
			fputs(".PP\n", file);
			print_roff(file, type->manual);
		}
		for (const struct stage_option *option = type->options; option != NULL && option->name != NULL;
			option++)
			print_option_roff(file, option);
	}
}
