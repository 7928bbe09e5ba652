// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz expressions: up to the first zero byte the text, then bytes that tuples are made of. What compiles must run over
// any tuple, and give the same one by one as in a batch; what is refused must be said in one line with its column.
#include <stdlib.h>
#include <string.h>

#include "api/flow_record.h"
#include "dataplane/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TUPLES = 5 };

static void require(bool holds) {
	if (!holds)
		abort();
}

static bool is_same(const struct column *column, unsigned at, const struct value *value) {
	if ((column->present >> at & 1) != value->present || !value->present)
		return (column->present >> at & 1) == value->present;
	if (value->type == FIELD_BOOL)
		return (column->truth >> at & 1) == value->truth;
	if (value->type != FIELD_IP && value->type != FIELD_MAC && value->type != FIELD_STRING)
		return column->u64[at] == value->u64;
	const struct bytes *bytes = &column->bytes[at];
	return bytes->size == value->bytes.size && memcmp(bytes->data, value->bytes.data, bytes->size) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct flow_record records[TUPLES];
	const void *bodies[TUPLES];
	size_t length = strnlen((const char *)data, size);
	char error[EXPRESSION_ERROR_MAX], *text = strndup((const char *)data, length);
	struct expression *expression, *single;
	for (unsigned i = 0; i < TUPLES; i++) {
		uint8_t *record = (uint8_t *)&records[i];
		bodies[i] = record;
		for (size_t at = 0; at < sizeof(records[i]); at++)
			record[at] = length < size ? data[length + (at + i * 41) % (size - length)] : 0;
	}
	int ret = expression_new(&expression, text, &flow_schema, error, sizeof(error));
	if (ret != 0) {
		require(ret == -22 && strncmp(error, "column ", 7) == 0 && strchr(error, '\n') == NULL);
		free(text);
		return 0;
	}
	require(expression_new(&single, text, &flow_schema, error, sizeof(error)) == 0);
	const struct column *column = expression_run(expression, bodies, TUPLES);
	for (unsigned i = 0; column != NULL && i < TUPLES; i++) {
		struct value value;
		expression_eval(single, bodies[i], &value);
		require(is_same(column, i, &value));
	}
	expression_free(expression);
	expression_free(single);
	free(text);
	return 0;
}
