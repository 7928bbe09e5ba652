// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The live view on the terminal, by ncurses. Colours are those of the terminal on its own background, so that they can
// be read on light and dark; with NO_COLOR there are none.
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/live.h"
#include "ctrlplane/units.h"
#include "ctrlplane/weirctl_show.h"

enum {
	HEAD_LINES = 5, // above the head of the list
	WIDTH_MIN = 40,
	HEIGHT_MIN = 10,
	SPARK_WIDTH_MAX = LIVE_SAMPLES,
	LINE_SIZE = 1024,
};

enum { COLOUR_GOOD = 1, COLOUR_BAD, COLOUR_BARS };

void live_screen_open(void) {
	const char *no_colour = getenv("NO_COLOR");
	setlocale(LC_ALL, "");
	initscr();
	cbreak();
	noecho();
	keypad(stdscr, true);
	curs_set(0);
	set_escdelay(25);
	if ((no_colour == NULL || *no_colour == '\0') && has_colors() && start_color() == OK &&
		use_default_colors() == OK) {
		init_pair(COLOUR_GOOD, COLOR_GREEN, -1);
		init_pair(COLOUR_BAD, COLOR_RED, -1);
		init_pair(COLOUR_BARS, COLOR_CYAN, -1);
	}
}

void live_screen_close(void) {
	endwin();
}

unsigned live_screen_room(void) {
	int room = LINES - HEAD_LINES - 2;
	return room > 0 ? (unsigned)room : 0;
}

static bool is_utf8(void) {
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void put(int line, int column, attr_t attributes, const char *text) {
	if (line < 0 || line >= LINES || column >= COLS)
		return;
	attron(attributes);
	mvaddnstr(line, column, text, COLS - column);
	attroff(attributes);
}

static void put_right(int line, attr_t attributes, const char *text) {
	put(line, COLS - (int)strlen(text), attributes, text);
}

static void draw_head(const struct live *live) {
	char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE], d[UNITS_SIZE], line[LINE_SIZE];
	const json_t *controller = json_object_get(live->status, "controller"), *rates;
	uint64_t now_ns = show_number(controller, "now_ns"), alerts = show_number(live->status, "alerts_active");
	rates = json_object_get(live->status, "rates");
	snprintf(line, sizeof(line), "weir  %s  up %s  epoch %" PRIu64 "  redis %s", live->weirctl->target.endpoint,
		units_duration(now_ns - show_number(controller, "started_ns"), a), show_number(controller, "epoch"),
		show_text(json_object_get(live->status, "redis"), "state"));
	put(0, 0, A_BOLD, line);
	snprintf(line, sizeof(line), "%s  %s  %s  %s flows live",
		units_rate(show_real(rates, "packets_per_s"), "pps", a),
		units_rate(show_real(rates, "bits_per_s"), "bit/s", b),
		units_rate(show_real(rates, "flows_per_s"), "flows/s", c),
		units_count(show_number(live->status, "flows_live"), d));
	put(1, 0, A_NORMAL, line);
	snprintf(line, sizeof(line), "%" PRIu64 " alert%s", alerts, alerts == 1 ? "" : "s");
	put_right(1, alerts > 0 ? COLOR_PAIR(COLOUR_BAD) | A_BOLD : A_DIM, line);
	if (live->is_paused)
		put_right(0, A_REVERSE, " PAUSED ");
	else if (now_ns > 0)
		put_right(0, A_NORMAL, units_time(now_ns, a));
}

static void draw_history(const struct live *live) {
	char bars[4 * SPARK_WIDTH_MAX + 1];
	int width = COLS - 9 < SPARK_WIDTH_MAX ? COLS - 9 : SPARK_WIDTH_MAX;
	put(2, 0, A_DIM, "packets");
	if (width <= 0)
		return;
	live_sparkline(&live->total, (unsigned)width, is_utf8(), bars);
	put(2, 9, COLOR_PAIR(COLOUR_BARS), bars);
}

static void draw_tabs(const struct live *live) {
	char text[80];
	int column = 0;
	for (unsigned i = 0; i < live_lists_length + (live->aggregate.name != NULL); i++) {
		const struct live_list *list = i < live_lists_length ? &live_lists[i] : &live->aggregate;
		snprintf(text, sizeof(text), "%u %s", i + 1, list->name);
		put(3, column, list == live->list ? A_REVERSE | A_BOLD : A_NORMAL, text);
		column += (int)strlen(text) + 2;
	}
}

static void draw_about(const struct live *live) {
	char line[LINE_SIZE];
	if (live->error[0] != '\0') {
		put(4, 0, COLOR_PAIR(COLOUR_BAD) | A_BOLD, live->error);
		return;
	}
	snprintf(line, sizeof(line), "%u rows by %s%s", live->rows_length, live->list->columns[live->sort].head,
		live->is_reversed ? ", least first" : "");
	put(4, 0, A_DIM, line);
	if (strcmp(live->list->command, "top") == 0) {
		snprintf(line, sizeof(line), "of the last %" PRIu64 " s", show_number(live->answer, "window_s"));
		put_right(4, A_DIM, line);
	}
}

// Width of a column, 0 of one that has no room on this terminal: the last ones go first.
static void widths_of(const struct live_list *list, int widths[LIVE_COLUMNS_MAX]) {
	enum { FLEXIBLE_MIN = 15 };
	int left = COLS, flexible = 0;
	for (unsigned c = 0; c < LIVE_COLUMNS_MAX; c++) {
		const struct live_column *column = &list->columns[c];
		widths[c] = 0;
		if (column->head == NULL)
			continue;
		int needed = column->width == 0 ? FLEXIBLE_MIN : column->width;
		if (left < needed + 1)
			break;
		widths[c] = needed;
		left -= needed + 1;
		flexible += column->width == 0;
	}
	for (unsigned c = 0; c < LIVE_COLUMNS_MAX; c++)
		if (widths[c] > 0 && list->columns[c].width == 0) {
			int share = left / flexible < LIVE_CELL_SIZE - FLEXIBLE_MIN ? left / flexible
										    : LIVE_CELL_SIZE - FLEXIBLE_MIN;
			widths[c] += share;
		}
}

static attr_t row_attributes(const struct live *live, const struct live_row *row) {
	const char *state = show_text(row->entry, "state"), *severity = show_text(row->entry, "severity");
	if (strcmp(state, "lost") == 0 || strcmp(severity, "critical") == 0)
		return COLOR_PAIR(COLOUR_BAD) | A_BOLD;
	return strcmp(state, "ended") == 0 ? A_DIM : A_NORMAL;
}

static void draw_cells(
	const struct live_list *list, const int *widths, int line, attr_t attributes, const char *const *cells) {
	int at = 0;
	for (unsigned c = 0; c < LIVE_COLUMNS_MAX && widths[c] > 0; c++) {
		char text[LIVE_CELL_SIZE + 64];
		snprintf(text, sizeof(text), list->columns[c].is_figure ? "%*.*s" : "%-*.*s", widths[c], widths[c],
			cells[c]);
		put(line, at, attributes, text);
		at += widths[c] + 1;
	}
}

static void draw_list(const struct live *live) {
	int widths[LIVE_COLUMNS_MAX];
	const char *cells[LIVE_COLUMNS_MAX];
	widths_of(live->list, widths);
	for (unsigned c = 0; c < LIVE_COLUMNS_MAX; c++)
		cells[c] = live->list->columns[c].head;
	attron(A_REVERSE);
	mvhline(HEAD_LINES, 0, ' ', COLS);
	attroff(A_REVERSE);
	draw_cells(live->list, widths, HEAD_LINES, A_REVERSE, cells);
	for (unsigned i = 0; i < live_screen_room() && live->first + i < live->rows_length; i++) {
		const struct live_row *row = &live->rows[live->first + i];
		for (unsigned c = 0; c < LIVE_COLUMNS_MAX; c++)
			cells[c] = row->cells[c];
		draw_cells(live->list, widths, HEAD_LINES + 1 + (int)i, row_attributes(live, row), cells);
	}
	if (live->rows_length == 0)
		put(HEAD_LINES + 1, 0, A_DIM, live->filter[0] != '\0' ? "nothing matches the filter" : "nothing yet");
}

static void draw_help(void) {
	static const char *const lines[] = {
		" 1..7, Tab, left, right   another list   ",
		" up, down, PgUp, PgDn     scroll         ",
		" s                        sort by the next column ",
		" r                        the other way round ",
		" /                        filter; Enter ends, Esc clears ",
		" w                        next window    ",
		" p, space                 pause, go on   ",
		" ?                        this text      ",
		" q                        end            ",
	};
	const int length = sizeof(lines) / sizeof(*lines);
	for (int i = 0; i < length; i++) {
		char text[80];
		snprintf(text, sizeof(text), "%-52s", lines[i]);
		put(HEAD_LINES + 1 + i, COLS > 56 ? (COLS - 52) / 2 : 0, A_REVERSE, text);
	}
}

static void draw_foot(const struct live *live) {
	char line[LINE_SIZE];
	if (live->is_filtering || live->filter[0] != '\0') {
		snprintf(line, sizeof(line), "filter: %s%s", live->filter, live->is_filtering ? "_" : "  (Esc clears)");
		put(LINES - 1, 0, A_BOLD, line);
		return;
	}
	put(LINES - 1, 0, A_DIM, "1-7 list  s sort  / filter  w window  p pause  ? help  q quit");
}

// Nodes have a line of bars each behind their figures, where the terminal is wide enough.
static void draw_node_bars(const struct live *live) {
	enum { BARS = 30, TABLE = 90 };
	char bars[4 * BARS + 1];
	if (strcmp(live->list->command, "status") != 0 || COLS < TABLE + BARS)
		return;
	for (unsigned i = 0; i < live_screen_room() && live->first + i < live->rows_length; i++) {
		const struct live_history *history = live_node_history(live, live->rows[live->first + i].cells[0]);
		if (history == NULL)
			continue;
		live_sparkline(history, BARS, is_utf8(), bars);
		put(HEAD_LINES + 1 + (int)i, COLS - BARS, COLOR_PAIR(COLOUR_BARS), bars);
	}
}

void live_screen_draw(const struct live *live) {
	erase();
	if (COLS < WIDTH_MIN || LINES < HEIGHT_MIN) {
		put(0, 0, A_NORMAL, "weirctl top: 40x10 at least");
		refresh();
		return;
	}
	draw_head(live);
	draw_history(live);
	draw_tabs(live);
	draw_about(live);
	draw_list(live);
	draw_node_bars(live);
	if (live->has_help)
		draw_help();
	draw_foot(live);
	refresh();
}
