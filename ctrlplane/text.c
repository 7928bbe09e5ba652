// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/text.h"

#include <stdio.h>

void text_clean(char *text) {
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

bool text_is_clean(const char *text) {
	for (; text != NULL && *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

void text_copy(char *out, size_t size, const char *text) {
	snprintf(out, size, "%s", text);
	text_clean(out);
}

json_t *text_json(const char *text) {
	char clean[256];
	text_copy(clean, sizeof(clean), text);
	return json_string(clean);
}
