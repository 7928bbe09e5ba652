// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/manual.h"

#include <errno.h>
#include <string.h>

#include "dataplane/pipeline.h"

// Text as roff sets it: no line of it is a request, and a hyphen stays one that can be copied.
static void print_text(FILE *out, const char *text) {
	bool begins_line = true;
	for (; *text != '\0'; text++) {
		if (begins_line && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		begins_line = *text == '\n';
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (begins_line && text[1] == '\n')
			fputs("\n.PP", out);
		else
			fputc(*text, out);
	}
}

static void print_title(FILE *out, const char *name, unsigned section, const char *summary) {
	fputs(".TH ", out);
	for (const char *c = name; *c != '\0'; c++)
		fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
	fprintf(out, " %u \"\" \"weir %s\" \"weir\"\n.SH NAME\n", section, WEIR_VERSION);
	print_text(out, name);
	fputs(" \\- ", out);
	print_text(out, summary);
	fputs("\n", out);
}

static void print_options(FILE *out, const struct option *table) {
	for (const struct option *option = table; option != NULL && option->name != NULL; option++) {
		char expected[512];
		option_format_expected(option, expected, sizeof(expected));
		fprintf(out, ".TP\n.B %s\n", option->name);
		if (option->help != NULL) {
			print_text(out, option->help);
			fputs(".\n", out);
		}
		fputs("Takes ", out);
		print_text(out, expected);
		if (option->required) {
			fputs("; required", out);
		} else if (option->default_text != NULL && option->default_text[0] != '\0') {
			fputs("; default ", out);
			print_text(out, option->default_text);
		}
		fputs(option->live ? "; may change while running (weirctl set).\n" : ".\n", out);
	}
}

static void print_placement(FILE *out, const struct operator_type *type) {
	fputs(".TP\n.B parallelism\nHow many instances run. Takes auto (one for each worker)", out);
	if (type->parallelism_max == 1)
		fputs(" or 1", out);
	else if (type->parallelism_max != 0)
		fprintf(out, " or 1..%u", type->parallelism_max);
	else
		fputs(" or a whole number", out);
	if (type->parallelism != 0)
		fprintf(out, "; default %u.\n", type->parallelism);
	else
		fputs("; default auto.\n", out);
	fputs(".TP\n.B workers\nThe workers that its instances may be placed on. Takes a list of worker indices such "
	      "as "
	      "[0, 2]; default all.\n"
	      ".TP\n.B node\n"
	      "In a pipeline over several nodes, which of them it runs on.\n",
		out);
}

static void print_fields(FILE *out, const struct schema *schema) {
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		fprintf(out, ".TP\n.B %s\n", field->name);
		print_text(out, field->help != NULL ? field->help : "");
		if (field->unit != NULL)
			fprintf(out, " (%s)", field->unit);
		for (unsigned i = 0; field->type == FIELD_ENUM && field->choices[i] != NULL; i++) {
			fputs(i == 0 ? ": " : ", ", out);
			print_text(out, field->choices[i]);
		}
		fputs("\n", out);
	}
}

static void print_input(FILE *out, const struct operator_type *type, unsigned index) {
	const struct operator_input input = operator_type_input(type, index);
	const char *key_option = input.key_option != NULL ? input.key_option : type->key_option;
	if (input.name != NULL)
		fprintf(out, ".TP\n.B %s\n", input.name);
	fputs(input.accepts != NULL ? "Tuples of schema" : "Tuples of any schema", out);
	for (unsigned i = 0; input.accepts != NULL && input.accepts[i] != NULL; i++)
		fprintf(out, "%s %s", i > 0 ? " or" : "", input.accepts[i]->name);
	fprintf(out, ".\nA stream that does not say otherwise has the grouping %s", grouping_names[input.grouping]);
	if (input.grouping == GROUPING_KEY && key_option != NULL)
		fprintf(out, " by the fields of option %s, or global where there are none", key_option);
	for (unsigned i = 0; type->key != NULL && type->key[i] != NULL; i++)
		fprintf(out, "%s%s", i == 0 ? " by " : ", ", type->key[i]);
	fprintf(out, "%s.\n", type->key_symmetric ? ", the same for both directions" : "");
}

static void print_streams(FILE *out, const struct operator_type *type) {
	fputs(".SH INPUT\n", out);
	if (type->poll != NULL) {
		fputs("None: it is a source.\n", out);
	} else {
		for (unsigned i = 0; i < operator_type_input_count(type); i++)
			print_input(out, type, i);
	}
	fputs(".SH OUTPUT\n", out);
	const struct operator_output *output = type->outputs;
	if (output == NULL || output->name == NULL)
		fputs("None: it is a sink.\n", out);
	for (; output != NULL && output->name != NULL; output++) {
		fprintf(out, ".TP\n.B %s\n", output->name);
		if (output->schema != NULL)
			fprintf(out, "tuples of schema %s\n", output->schema->name);
		else if (type->derive != NULL)
			fputs("tuples of a schema that depends on the options\n", out);
		else
			fputs("tuples of the input's schema\n", out);
	}
	for (output = type->outputs; output != NULL && output->name != NULL; output++)
		if (output->schema != NULL) {
			fprintf(out, ".SS Schema %s\n", output->schema->name);
			print_fields(out, output->schema);
		}
}

static void print_snapshots(FILE *out, const struct operator_type *type) {
	fputs(".SH SNAPSHOTS\n", out);
	if (type->saving == NULL && !type->keeps_nothing && type->state_size > 0)
		fputs("Pipelines with it can\\(aqt be saved (weirctl snapshot).\n", out);
	else if (type->restored != NULL)
		print_text(out, type->restored);
	else if (type->saving != NULL)
		fputs("What it keeps is saved; a node that is started from a snapshot goes on with it, exactly.", out);
	else
		fputs("It keeps nothing between tuples that would have to be saved.", out);
	fputs("\n", out);
}

static void print_names(FILE *out, const char *heading, const char *text, const char *const *names) {
	if (names == NULL || names[0] == NULL)
		return;
	fprintf(out, ".SH %s\n%s\n", heading, text);
	for (unsigned i = 0; names[i] != NULL; i++) {
		fputs(i == 0 ? "" : ",\n", out);
		print_text(out, names[i]);
	}
	fputs(".\n", out);
}

int manual_print_operator(FILE *out, const char *type_name) {
	const struct operator_type *type = operator_type_lookup(type_name);
	if (type == NULL)
		return -EINVAL;
	char name[80];
	snprintf(name, sizeof(name), "weir-%s", type->name);
	print_title(out, name, 7, type->summary);
	fprintf(out, ".SH SYNOPSIS\n.nf\noperators:\n  \\- {name: NAME, type: %s", type->name);
	for (const struct option *option = type->options; option != NULL && option->name != NULL; option++)
		if (option->required)
			fprintf(out, ", %s: ...", option->name);
	fputs(", OPTION: VALUE, ...}\n.fi\n.SH DESCRIPTION\n", out);
	print_text(out, type->manual != NULL ? type->manual : type->summary);
	fputs("\n", out);
	print_streams(out, type);
	fputs(".SH OPTIONS\n", out);
	print_options(out, type->options);
	print_placement(out, type);
	print_names(out, "DROPS", "Tuples that can't go on are dropped and counted by name:", type->drops);
	print_names(out, "GAUGES", "Further figures of each instance:", type->gauges);
	print_snapshots(out, type);
	fputs(".SH SEE ALSO\n.BR weir\\-dataplane (8),\n.BR weir\\-pipeline (5)\n", out);
	return 0;
}

void manual_print_program(FILE *out, const char *usage) {
	print_title(out, "weir-dataplane", 8, "analyse packets on many cores");
	fputs(".SH SYNOPSIS\n.nf\n", out);
	print_text(out, usage);
	fputs("\n.fi\n.SH SETTINGS\nOf the node, with \\-\\-set NAME=VALUE or at the top of a configuration file:\n",
		out);
	print_options(out, node_options);
	fputs(".SH OPERATORS\n", out);
	for (const struct operator_type *type = NULL; (type = operator_type_next(type)) != NULL;) {
		fprintf(out, ".TP\n.BR weir\\-%s (7)\n", type->name);
		print_text(out, type->summary);
		fputs("\n", out);
	}
	fputs(".SH SEE ALSO\n.BR weir\\-pipeline (5)\n", out);
}
