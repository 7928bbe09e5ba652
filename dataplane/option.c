// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Options: text to value. What a value looks like as text is in option_format.c.
#include "dataplane/option.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/option_unit.h"
#include "dataplane/text.h"

static void *option_value(const struct option *option, void *options) {
	return (char *)options + option->offset;
}

static int fail(const struct option *option, const char *text, int code, char *error, size_t size) {
	char expected[400];
	option_format_expected(option, expected, sizeof(expected));
	error[0] = '\0';
	text_append_quoted(error, size, text);
	text_append(error, size, ": expected %s", expected);
	return code;
}

static const struct option_unit *unit_lookup(enum option_type type, const char *suffix) {
	for (const struct option_unit *unit = option_units[type]; unit->suffix != NULL; unit++)
		if (strcmp(unit->suffix, suffix) == 0)
			return unit;
	return NULL;
}

// Decimal digits with at most one point, then a unit. The product must be a whole number: 1.5k is, 1.5 is not.
//   return  0, -EINVAL, or -ERANGE: does not fit into 64 bits
static int parse_number(enum option_type type, const char *text, uint64_t *out) {
	const char *c = text;
	unsigned __int128 digits = 0;
	uint64_t divisor = 1;
	if (!isdigit((unsigned char)*c))
		return -EINVAL;
	bool point = false;
	for (; isdigit((unsigned char)*c) || (*c == '.' && !point); c++) {
		if (*c == '.') {
			point = true;
			if (!isdigit((unsigned char)c[1]))
				return -EINVAL;
			continue;
		}
		digits = digits * 10 + (unsigned)(*c - '0');
		if (point)
			divisor *= 10;
		if (digits > UINT64_MAX || divisor > UINT64_C(1000000000000000))
			return -ERANGE;
	}
	const struct option_unit *unit = unit_lookup(type, c);
	if (unit == NULL && digits == 0 && *c == '\0')
		unit = option_units[type]; // zero needs no unit
	if (unit == NULL)
		return -EINVAL;
	unsigned __int128 product = digits * unit->factor; // < 2^64 * 2^50
	if (product % divisor != 0)
		return -EINVAL;
	product /= divisor;
	if (product > UINT64_MAX)
		return -ERANGE;
	*out = (uint64_t)product;
	return 0;
}

static bool is_out_of_bounds(const struct option *option, uint64_t value) {
	return value < option->min || (option->max != 0 && value > option->max);
}

static int parse_bool(const char *text, bool *out) {
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*out = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_enum(const struct option *option, const char *text, unsigned *out) {
	for (unsigned i = 0; option->choices[i] != NULL; i++) {
		if (strcmp(text, option->choices[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_string(const struct option *option, char **value, const char *text) {
	if (is_out_of_bounds(option, strlen(text)))
		return -ERANGE;
	char *copy = strdup(text);
	if (copy == NULL)
		return -ENOMEM;
	free(*value);
	*value = copy;
	return 0;
}

static void list_free(struct option_list *list) {
	for (unsigned i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct option_list){0};
}

static int list_add(struct option_list *list, const char *item, size_t length) {
	char **items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	items[list->count] = strndup(item, length);
	if (items[list->count] == NULL)
		return -ENOMEM;
	list->count++;
	return 0;
}

// Split at commas; "\," is a comma inside an item. Empty text is an empty list, spaces around items are not kept, nor
// are the brackets of YAML's "[a, b]".
static int list_split(struct option_list *list, const char *text) {
	const char *end = text + strlen(text);
	char *item = malloc(strlen(text) + 1);
	if (item == NULL)
		return -ENOMEM;
	if (*text == '[' && end[-1] == ']') {
		text++;
		end--;
	}
	int ret = 0;
	while (ret == 0 && text < end) {
		size_t length = 0;
		while (*text == ' ')
			text++;
		for (; text < end && *text != ','; text++) {
			if (*text == '\\' && (text[1] == ',' || text[1] == '\\'))
				text++;
			item[length++] = *text;
		}
		while (length > 0 && item[length - 1] == ' ')
			length--;
		ret = list_add(list, item, length);
		if (*text == ',')
			text++;
	}
	free(item);
	return ret;
}

static int set_list(const struct option *option, struct option_list *value, struct option_list *list) {
	if (is_out_of_bounds(option, list->count)) {
		list_free(list);
		return -ERANGE;
	}
	list_free(value);
	*value = *list;
	return 0;
}

int option_set(const struct option *option, void *options, const char *text, char *error, size_t size) {
	void *value = option_value(option, options);
	struct option_list list = {0};
	uint64_t number = 0;
	int ret = 0;
	switch (option->type) {
	case OPTION_BOOL:
		ret = parse_bool(text, value);
		break;
	case OPTION_UINT:
	case OPTION_DURATION:
	case OPTION_SIZE:
	case OPTION_RATE:
		ret = parse_number(option->type, text, &number);
		if (ret == 0 && is_out_of_bounds(option, number))
			ret = -ERANGE;
		if (ret == 0)
			*(uint64_t *)value = number;
		break;
	case OPTION_ENUM:
		ret = parse_enum(option, text, value);
		break;
	case OPTION_STRING:
		ret = set_string(option, value, text);
		break;
	case OPTION_LIST:
		ret = list_split(&list, text);
		if (ret == 0)
			ret = set_list(option, value, &list);
		else
			list_free(&list);
		break;
	}
	return ret == 0 ? 0 : fail(option, text, ret, error, size);
}

int option_set_list(
	const struct option *option, void *options, const struct option_list *items, char *error, size_t size) {
	if (option->type != OPTION_LIST)
		return fail(option, "[...]", -EINVAL, error, size);
	struct option_list list = {0};
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < items->count; i++)
		ret = list_add(&list, items->items[i], strlen(items->items[i]));
	if (ret == 0)
		ret = set_list(option, option_value(option, options), &list);
	else
		list_free(&list);
	return ret == 0 ? 0 : fail(option, "[...]", ret, error, size);
}

int option_set_defaults(const struct option *table, void *options) {
	for (const struct option *option = table; option != NULL && option->name != NULL; option++) {
		if (option->default_text == NULL)
			continue;
		char error[256];
		int ret = option_set(option, options, option->default_text, error, sizeof(error));
		if (ret == -ENOMEM)
			return ret;
		if (ret != 0) {
			fprintf(stderr, "default of option %s: %s\n", option->name, error);
			abort();
		}
	}
	return 0;
}

void option_free(const struct option *table, void *options) {
	for (const struct option *option = table; option != NULL && option->name != NULL; option++) {
		void *value = option_value(option, options);
		if (option->type == OPTION_LIST) {
			list_free(value);
		} else if (option->type == OPTION_STRING) {
			free(*(char **)value);
			*(char **)value = NULL;
		}
	}
}

const struct option *option_lookup(const struct option *table, const char *name) {
	for (const struct option *option = table; option != NULL && option->name != NULL; option++)
		if (strcmp(option->name, name) == 0)
			return option;
	return NULL;
}
