// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Commands of weirctl that are one question and its answer, once or, with --watch, again and again.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/clock.h"
#include "ctrlplane/weirctl.h"

void weirctl_print_json(const json_t *answer) {
	json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fputc('\n', stdout);
}

int weirctl_finish_output(int result) {
	if (fflush(stdout) == 0 && !ferror(stdout))
		return result;
	fprintf(stderr, "weirctl: standard output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

static void print_answer(const struct weirctl *weirctl, const json_t *answer) {
	if (weirctl->is_json)
		weirctl_print_json(answer);
	else
		weirctl->command->show(answer, stdout);
}

static int ask_once(const struct weirctl *weirctl) {
	Weir__Request request = WEIR__REQUEST__INIT;
	const struct weirctl_command *command = weirctl->command;
	request.command = (char *)(command->question != NULL ? command->question : command->name);
	request.what = (char *)(weirctl->words_length > 0 ? weirctl->words[0] : weirctl->is_all ? "all" : "");
	request.limit = weirctl->limit;
	request.window_s = weirctl->window_s;
	request.node = (char *)(weirctl->node != NULL ? weirctl->node : "");
	json_t *answer;
	char error[WEIRCTL_ERROR_SIZE];
	int result = weirctl_request(&weirctl->target, &request, &answer, error);
	if (weirctl->watch_ms != 0 && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	if (result == WEIRCTL_OK)
		print_answer(weirctl, answer);
	else
		fprintf(stderr, "weirctl: %s\n", error);
	json_decref(answer);
	return weirctl_finish_output(result);
}

int weirctl_ask(const struct weirctl *weirctl) {
	int result = ask_once(weirctl);
	// A watch goes on while the controller is away, but not with a question that it refuses.
	while (weirctl->watch_ms != 0 && (result == WEIRCTL_OK || result == WEIRCTL_NO_CONTROLLER)) {
		struct timespec pause = {weirctl->watch_ms / 1000, (long)(weirctl->watch_ms % 1000) * (long)NS_PER_MS};
		nanosleep(&pause, NULL);
		result = ask_once(weirctl);
	}
	return result;
}
