// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl top` on a terminal: asks the controller once a second, draws, and takes keys in between. In a pipe, with
// --once, --json or --watch it is a command that asks as the others do.
#include <errno.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/clock.h"
#include "ctrlplane/live.h"
#include "ctrlplane/weirctl_show.h"

enum {
	ASK_MS = 1000,
	LIMIT = 200, // entries asked for
	KEY_ESCAPE = 27,
};

static unsigned lists_length(const struct live *live) {
	return live_lists_length + (live->aggregate.name != NULL);
}

static void choose_list(struct live *live, unsigned number) {
	number %= lists_length(live);
	live->list = number < live_lists_length ? &live_lists[number] : &live->aggregate;
	live->sort = live->list->sort;
	live->is_reversed = false;
	live->first = 0;
	json_decref(live->answer);
	live->answer = NULL;
}

static json_t *ask(struct live *live, const char *command, const char *what) {
	Weir__Request request = WEIR__REQUEST__INIT;
	json_t *answer = NULL;
	request.command = (char *)command;
	request.what = (char *)what;
	request.limit = LIMIT;
	request.window_s = live->list == &live->aggregate ? live->weirctl->window_s : live->window_s;
	request.node = (char *)(live->weirctl->node != NULL && strcmp(command, "top") == 0 ? live->weirctl->node : "");
	if (weirctl_request(&live->weirctl->target, &request, &answer, live->error) == WEIRCTL_OK)
		live->error[0] = '\0';
	return answer;
}

static void refresh_answers(struct live *live) {
	bool is_top = strcmp(live->list->command, "top") == 0;
	json_t *status = ask(live, "status", "");
	if (status != NULL)
		live_take_status(live, status);
	if (status == NULL || strcmp(live->list->command, "status") == 0)
		return;
	json_t *answer = ask(live, live->list->command, is_top ? live->list->name : "");
	if (answer == NULL)
		return;
	json_decref(live->answer);
	live->answer = answer;
}

// The one after that which is shown, of those that the controller keeps its lists for.
static void next_window(struct live *live) {
	const json_t *windows = json_object_get(json_object_get(live->status, "controller"), "windows_s");
	uint64_t shown_s = show_number(live->answer, "window_s");
	size_t at = 0, length = json_array_size(windows);
	while (at < length && (uint64_t)json_integer_value(json_array_get(windows, at)) != shown_s)
		at++;
	if (length > 0)
		live->window_s = (uint32_t)json_integer_value(json_array_get(windows, (at + 1) % length));
}

static void move_rows(struct live *live, int rows) {
	int first = (int)live->first + rows;
	live->first = first < 0 ? 0 : (unsigned)first;
}

static void next_sort(struct live *live) {
	unsigned next = live->sort + 1;
	live->sort = next < LIVE_COLUMNS_MAX && live->list->columns[next].head != NULL ? next : 0;
}

static void filter_key(struct live *live, int key) {
	size_t size = strlen(live->filter);
	if (key == KEY_ESCAPE)
		live->filter[0] = '\0';
	if (key == KEY_ESCAPE || key == '\n' || key == KEY_ENTER)
		live->is_filtering = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && size > 0)
		live->filter[size - 1] = '\0';
	else if (key >= ' ' && key < 127 && size + 1 < sizeof(live->filter))
		snprintf(live->filter + size, sizeof(live->filter) - size, "%c", key);
}

//   return  whether the controller is to be asked at once
static bool list_key(struct live *live, int key) {
	unsigned here = live->list == &live->aggregate ? live_lists_length : (unsigned)(live->list - live_lists);
	if (key >= '1' && key < '1' + (int)lists_length(live))
		choose_list(live, (unsigned)(key - '1'));
	else if (key == '\t' || key == KEY_RIGHT)
		choose_list(live, here + 1);
	else if (key == KEY_LEFT || key == KEY_BTAB)
		choose_list(live, here + lists_length(live) - 1);
	else if (key == 'w')
		next_window(live);
	else
		return false;
	return true;
}

static void other_key(struct live *live, int key) {
	int page = (int)live_screen_room();
	switch (key) {
	case 's':
		next_sort(live);
		break;
	case 'r':
		live->is_reversed = !live->is_reversed;
		break;
	case '/':
		live->is_filtering = true;
		break;
	case KEY_ESCAPE:
		live->filter[0] = '\0';
		live->has_help = false;
		break;
	case 'p':
	case ' ':
		live->is_paused = !live->is_paused;
		break;
	case '?':
	case 'h':
		live->has_help = !live->has_help;
		break;
	case KEY_UP:
	case KEY_DOWN:
		move_rows(live, key == KEY_UP ? -1 : 1);
		break;
	case KEY_PPAGE:
	case KEY_NPAGE:
		move_rows(live, key == KEY_PPAGE ? -page : page);
		break;
	default:
		break;
	}
}

static volatile sig_atomic_t is_ended;

static void on_signal(int number) {
	is_ended = 1;
}

static void run(struct live *live) {
	uint64_t next_ns = 0;
	bool is_due = true;
	while (!is_ended) {
		uint64_t now_ns = clock_mono_ns();
		if (is_due || (!live->is_paused && now_ns >= next_ns)) {
			refresh_answers(live);
			next_ns = clock_mono_ns() + ASK_MS * NS_PER_MS;
		}
		live_make_rows(live);
		live_screen_draw(live);
		now_ns = clock_mono_ns();
		timeout(live->is_paused || next_ns <= now_ns ? ASK_MS / 4 : (int)((next_ns - now_ns) / NS_PER_MS) + 1);
		int key = getch();
		is_due = false;
		if (key == ERR || key == KEY_RESIZE)
			continue;
		if (live->is_filtering)
			filter_key(live, key);
		else if (key == 'q')
			return;
		else
			is_due = list_key(live, key);
		if (!live->is_filtering && !is_due)
			other_key(live, key);
	}
}

// Begin with the list that was asked for: a tab, or an aggregate, which the controller knows.
//   return  whether there is one
static bool begin_with(struct live *live, const char *name) {
	if (live_list_lookup(name) != NULL) {
		choose_list(live, (unsigned)(live_list_lookup(name) - live_lists));
		return true;
	}
	json_t *answer = ask(live, "top", name);
	const struct live_list *over = answer != NULL ? live_list_lookup(show_text(answer, "over")) : NULL;
	json_decref(answer);
	if (over == NULL)
		return false;
	live->aggregate = *over;
	live->aggregate.name = name;
	choose_list(live, live_lists_length);
	return true;
}

int weirctl_top(const struct weirctl *weirctl) {
	const char *terminal = getenv("TERM");
	bool is_live = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && terminal != NULL && *terminal != '\0' &&
		       !weirctl->is_once && !weirctl->is_json && weirctl->watch_ms == 0;
	if (!is_live)
		return weirctl_ask(weirctl);
	struct live *live = calloc(1, sizeof(*live));
	if (live == NULL)
		return EXIT_FAILURE;
	live->weirctl = weirctl;
	live->window_s = weirctl->window_s;
	choose_list(live, 0);
	if (weirctl->words_length > 0 && !begin_with(live, weirctl->words[0])) {
		free(live);
		return weirctl_ask(weirctl); // which says why
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	live_screen_open();
	run(live);
	live_screen_close();
	json_decref(live->status);
	json_decref(live->answer);
	free(live);
	return WEIRCTL_OK;
}
