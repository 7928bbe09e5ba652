// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl set`, `move`, `apply`, `remove`, `snapshot`, `log` and `stop`: commands to nodes;
// `weirctl explain`: what was decided, why, and how it ended.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/units.h"
#include "ctrlplane/weirctl.h"
#include "ctrlplane/weirctl_show.h"
#include "ctrlplane/weirctl_table.h"

enum {
	ANSWER_MS = 1000, // longer than the node may take, for the controller's own answer
	DOCUMENT_MAX = 256 << 10,
};

static enum table_style status_style(const char *status) {
	if (strcmp(status, "done") == 0)
		return TABLE_GOOD;
	return strcmp(status, "refused") == 0 || strcmp(status, "timed_out") == 0 ? TABLE_BAD : TABLE_PLAIN;
}

static const char *what_of(const json_t *decision, char out[600]) {
	const char *target = show_text(decision, "target");
	snprintf(out, 600, "%s%s%s%s%s", show_text(decision, "command"),
		target[0] != '\0' || show_text(decision, "value")[0] != '\0' ? " " : "", target,
		target[0] == '\0'                                    ? ""
		: strcmp(show_text(decision, "command"), "set") == 0 ? "="
								     : " ",
		show_text(decision, "value"));
	return out;
}

void show_decision(const json_t *decision, FILE *file) {
	char what[600];
	const char *status = show_text(decision, "status");
	fprintf(file, "%s: %s: %s: %s%s%s%s%s\n", show_text(decision, "id"), show_text(decision, "node"),
		what_of(decision, what), table_colour(status_style(status)), status, table_colour(TABLE_PLAIN),
		show_text(decision, "answer")[0] != '\0' ? ": " : "", show_text(decision, "answer"));
}

static void row_decision(struct table *table, const json_t *decision) {
	char text[600];
	uint64_t decided_ns = show_number(decision, "decided_ns"), ended_ns = show_number(decision, "ended_ns");
	const char *status = show_text(decision, "status");
	table_cell(table, TABLE_BOLD, "%s", show_text(decision, "id"));
	table_cell(table, TABLE_PLAIN, "%s", units_time(decided_ns, text));
	table_cell(table, TABLE_PLAIN, "%s", show_text(decision, "node"));
	table_cell(table, TABLE_PLAIN, "%s", what_of(decision, text));
	table_cell(table, status_style(status), "%s", status);
	table_cell(table, TABLE_PLAIN, "%s", ended_ns > decided_ns ? units_duration(ended_ns - decided_ns, text) : "-");
	table_cell(table, TABLE_PLAIN, "%s", show_text(decision, "reason"));
	table_cell(table, TABLE_PLAIN, "%s", show_text(decision, "answer"));
}

void show_decisions(const json_t *answer, FILE *file) {
	static const char *const heads[] = {"ID", "TIME", "NODE", "COMMAND", "STATUS", ">TOOK", "WHY", "ANSWER", NULL};
	const json_t *decisions = json_object_get(answer, "decisions");
	struct table table;
	size_t i;
	json_t *decision;
	if (json_is_object(json_object_get(answer, "channel"))) {
		show_channel(json_object_get(answer, "channel"), file);
		return;
	}
	if (json_array_size(decisions) == 0) {
		fputs("no decisions yet\n", file);
		return;
	}
	table_init(&table, heads);
	json_array_foreach(decisions, i, decision) row_decision(&table, decision);
	table_print(&table, file);
}

// What is in a file, or comes by standard input (-).
//   return  malloc, or NULL after a message
static char *read_document(const char *path) {
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	char *text = calloc(1, DOCUMENT_MAX + 2);
	size_t size = file != NULL && text != NULL ? fread(text, 1, DOCUMENT_MAX + 1, file) : 0;
	const char *wrong = file == NULL || text == NULL || ferror(file) ? strerror(errno)
			    : size > DOCUMENT_MAX                        ? "longer than 256 KiB"
			    : strlen(text) < size                        ? "expected text"
									 : NULL;
	if (file != NULL && file != stdin)
		fclose(file);
	if (wrong == NULL)
		return text;
	fprintf(stderr, "weirctl: %s: %s\n", path, wrong);
	free(text);
	return NULL;
}

static int usage_error(const struct weirctl *weirctl) {
	fprintf(stderr, "weirctl: %s: \"%s\": expected %s\n", weirctl->command->name, weirctl->words[1],
		weirctl->command->words);
	return WEIRCTL_USAGE;
}

// What the words of a command ask for.
//   owned   filled: what is to be freed afterwards
//   return  an exit code
static int take_words(const struct weirctl *weirctl, Weir__Request *request, char **owned) {
	const char *command = weirctl->command->name, *word = weirctl->words_length > 1 ? weirctl->words[1] : "";
	request->command = (char *)command;
	request->node = (char *)weirctl->words[0];
	request->what = strcmp(command, "log") == 0 ? "" : (char *)word;
	if (strcmp(command, "log") == 0) {
		request->value = (char *)word;
	} else if (strcmp(command, "set") == 0) {
		const char *equals = strchr(word, '=');
		if (equals == NULL)
			return usage_error(weirctl);
		request->what = *owned = strndup(word, (size_t)(equals - word));
		request->value = (char *)equals + 1;
	} else if (strcmp(command, "move") == 0) {
		if (asprintf(owned, "%s %s", weirctl->words[2], weirctl->words[3]) < 0)
			*owned = NULL;
		request->value = *owned;
	} else if (strcmp(command, "apply") == 0) {
		request->document = *owned = read_document(word);
		request->value = weirctl->is_dry_run ? "dry-run" : "run";
		return *owned != NULL ? WEIRCTL_OK : WEIRCTL_USAGE;
	}
	return request->what != NULL && request->value != NULL ? WEIRCTL_OK : EXIT_FAILURE;
}

int weirctl_act(const struct weirctl *weirctl) {
	Weir__Request request = WEIR__REQUEST__INIT;
	struct weirctl_target target = weirctl->target;
	char error[WEIRCTL_ERROR_SIZE], *owned = NULL;
	json_t *decision = NULL;
	int result = take_words(weirctl, &request, &owned);
	if (result != WEIRCTL_OK)
		return result;
	if (target.timeout_ms < weirctl->command->patience_ms)
		target.timeout_ms = weirctl->command->patience_ms;
	request.timeout_ms = target.timeout_ms;
	target.timeout_ms += ANSWER_MS;
	result = weirctl_request(&target, &request, &decision, error);
	free(owned);
	if (result != WEIRCTL_OK)
		fprintf(stderr, "weirctl: %s\n", error);
	else if (weirctl->is_json)
		weirctl_print_json(decision);
	else
		show_decision(decision, stdout);
	if (result == WEIRCTL_OK && strcmp(show_text(decision, "status"), "done") != 0)
		result = WEIRCTL_REFUSED;
	json_decref(decision);
	return weirctl_finish_output(result);
}
