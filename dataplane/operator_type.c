// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The registry of operator types, kept in order of name. Filled by constructors before main, and by plug-ins.
#include "dataplane/operator_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES_MAX = 1024 }; // more than all plug-ins may have

static struct operator_type *types[TYPES_MAX];
static unsigned type_count;
static struct operator_type_list *diverted;
static const struct operator_missing *missing_types;

const char *const grouping_names[GROUPINGS + 1] = {
	[GROUPING_FORWARD] = "forward",
	[GROUPING_SHUFFLE] = "shuffle",
	[GROUPING_KEY] = "key",
	[GROUPING_PARTIAL_KEY] = "partial_key",
	[GROUPING_GLOBAL] = "global",
	[GROUPING_ALL] = "all",
	NULL,
};

static void collect(struct operator_type_list *list, struct operator_type *type) {
	if (list->count < OPERATOR_TYPES_PER_PLUGIN)
		list->types[list->count] = type;
	list->count++;
}

void operator_type_divert(struct operator_type_list *list) {
	diverted = list;
}

void operator_type_register(struct operator_type *type) {
	if (diverted != NULL) {
		collect(diverted, type);
		return;
	}
	if (type_count == TYPES_MAX || operator_type_lookup(type->name) != NULL) {
		fprintf(stderr, "operator type %s: %s\n", type->name,
			type_count == TYPES_MAX ? "too many types" : "registered twice");
		abort();
	}
	unsigned at = type_count++;
	for (; at > 0 && strcmp(types[at - 1]->name, type->name) > 0; at--)
		types[at] = types[at - 1];
	types[at] = type;
}

const struct operator_type *operator_type_lookup(const char *name) {
	for (unsigned i = 0; i < type_count; i++)
		if (strcmp(types[i]->name, name) == 0)
			return types[i];
	return NULL;
}

const struct operator_type *operator_type_next(const struct operator_type *type) {
	unsigned next = 0;
	if (type != NULL)
		while (next < type_count && types[next++] != type)
			;
	return next < type_count ? types[next] : NULL;
}

void operator_type_register_missing(const struct operator_missing *missing) {
	missing_types = missing;
}

const char *operator_type_missing_library(const char *name) {
	for (const struct operator_missing *missing = missing_types; missing != NULL && missing->name != NULL;
		missing++)
		if (strcmp(missing->name, name) == 0)
			return missing->library;
	return NULL;
}

unsigned operator_type_input_count(const struct operator_type *type) {
	unsigned count = 0;
	if (type->inputs == NULL)
		return type->poll == NULL;
	while (type->inputs[count].name != NULL)
		count++;
	return count;
}

struct operator_input operator_type_input(const struct operator_type *type, unsigned input) {
	if (type->inputs != NULL)
		return type->inputs[input];
	return (struct operator_input){.accepts = type->accepts, .grouping = type->grouping};
}
