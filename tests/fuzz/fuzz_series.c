// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Any parameters of a time series, one a line: refused with one line, or a grid that is no greater than it may be. The
// same bytes are a Host, a token and a cookie, which never let anybody in.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard/auth.h"
#include "dashboard/series.h"

#define NOW_MS 1700000000000LL

enum { PARAMETERS = 7 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Cut the text into lines; an empty one is a parameter that was not given.
static void split(char *text, const char *lines[PARAMETERS]) {
	for (size_t i = 0; i < PARAMETERS; i++) {
		lines[i] = text != NULL && *text != '\0' && *text != '\n' ? text : NULL;
		text = text != NULL ? strchr(text, '\n') : NULL;
		if (text != NULL)
			*text++ = '\0';
	}
}

static void check_grid(const struct series_query *query, const struct series_reach *reach) {
	if (query->length == 0 || query->length > SERIES_POINTS_MAX || query->step_ms <= 0 ||
		query->fields_length == 0 || query->to_ms - query->from_ms != query->length * query->step_ms)
		abort();
	struct series *series = series_new(query, series_query_spacing_ms(query, reach));
	json_t *answer = series != NULL ? series_to_json(series) : NULL;
	if (answer == NULL || json_array_size(json_object_get(answer, "time_ms")) != query->length)
		abort();
	json_decref(answer);
	series_free(series);
}

static void check_strangers(const char *text) {
	static struct auth auth = {.token = "correct-horse-battery", .is_loopback = true};
	struct auth_request request = {.authorization = text, .cookie = text, .mono_s = NOW_MS / 1000};
	uint64_t session;
	auth.attempts = (struct attempts){.wrong = 1};
	if (strstr(text, auth.token) == NULL && auth_check(&auth, &request, &session) == AUTH_ALLOWED)
		abort();
	if (auth_host_is_right(&auth, text) && strstr(text, "127.") == NULL && strcasestr(text, "localhost") == NULL &&
		text[0] != '[' && strstr(text, "::1") == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const struct series_reach reach = {.first_ms = {NOW_MS - 3600000, NOW_MS - 86400000, NOW_MS - 864000000},
		.interval_ms = 1000,
		.last_ms = NOW_MS};
	const char *lines[PARAMETERS];
	char *text = malloc(size + 1), error[SERIES_ERROR_SIZE] = "";
	struct series_query query;
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	check_strangers(text);
	split(text, lines);
	const struct series_parameters parameters = {
		lines[0], lines[1], lines[2], lines[3], lines[4], lines[5], lines[6]};
	if (series_query_parse(&parameters, &reach, NOW_MS, &query, error) == 0)
		check_grid(&query, &reach);
	else if (error[0] == '\0' || memchr(error, '\0', sizeof(error)) == NULL)
		abort();
	free(text);
	return 0;
}
