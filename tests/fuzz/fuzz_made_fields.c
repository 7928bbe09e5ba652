// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz made-up fields: an item a line. What is accepted must make values that stay inside the record; what is refused
// must be said in one line.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_build.h"
#include "dataplane/made_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 16, RECORDS = 3, DIGITS_MAX = 4 };

static void require(bool holds) {
	if (!holds)
		abort();
}

// Tables of Zipf's distribution take as long to make as they are long.
static bool is_quick(const char *text) {
	size_t digits = 0;
	for (const char *at = text; *at != '\0'; at++) {
		digits = *at >= '0' && *at <= '9' ? digits + 1 : 0;
		if (digits > DIGITS_MAX && strstr(text, "zipf") != NULL)
			return false;
	}
	return true;
}

static void write_records(const struct made_fields *made, const struct schema *schema) {
	uint64_t random = 1;
	for (unsigned record = 0; record < RECORDS; record++) {
		uint8_t *body = calloc(1, schema->size);
		require(body != NULL);
		for (unsigned i = 0; i < made->count; i++)
			made_field_write(&made->fields[i], &random, record, 1000 * record,
				body + made->fields[i].column.field->offset);
		free(body);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char error[400] = "", *text = strndup((const char *)data, size), *rest = NULL, *items[ITEMS_MAX];
	struct made_fields *made = NULL;
	struct schema *schema;
	unsigned count = 0;
	bool is_quick_to_make = is_quick(text);
	for (char *item = strtok_r(text, "\n", &rest); item != NULL && count < ITEMS_MAX;
		item = strtok_r(NULL, "\n", &rest))
		items[count++] = item;
	require(schema_new(&schema, "made") == 0);
	if (count > 0 && is_quick_to_make) {
		int ret = made_fields_new(&made, items, count, schema, error, sizeof(error));
		require(ret == 0 || (ret == -EINVAL && error[0] != '\0' && strchr(error, '\n') == NULL));
		if (ret == 0)
			write_records(made, schema);
	}
	made_fields_free(made);
	schema_free(schema);
	free(text);
	return 0;
}
