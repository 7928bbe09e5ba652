// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz texts with fields in them: up to the first zero byte the text, then bytes that a flow record is made of. What is
// accepted must fit into the room that it asks for; what is refused must be said in one line.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/flow_record.h"
#include "dataplane/field_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct flow_record record;
	struct field_template template;
	char error[200], *text = strndup((const char *)data, size);
	size_t length = strlen(text), behind = length < size ? length + 1 : size;
	for (size_t at = 0; at < sizeof(record); at++)
		((uint8_t *)&record)[at] = behind < size ? data[behind + at % (size - behind)] : 0;
	int ret = field_template_parse(&template, &flow_schema, text, error, sizeof(error));
	if (ret == 0) {
		size_t room = field_template_max(&template);
		char *out = malloc(room + 1);
		require(out != NULL && field_template_format(&template, &record, out) <= room);
		free(out);
	} else {
		require(ret == -EINVAL && error[0] != '\0' && strchr(error, '\n') == NULL);
	}
	free(text);
	return 0;
}
