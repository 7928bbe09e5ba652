// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What `weirctl top` shows live: lists of rows made of the controller's answers, sorted and filtered, and the recent
// history of rates. live.c knows no terminal; live_screen.c draws it; weirctl_live.c asks, and takes keys.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctrlplane/weirctl.h"

enum {
	LIVE_COLUMNS_MAX = 8,
	LIVE_CELL_SIZE = 64,
	LIVE_ROWS_MAX = 1000,
	LIVE_SAMPLES = 128,  // of a history, one per answer
	LIVE_NODES_MAX = 64, // whose history is kept
	LIVE_FILTER_SIZE = 64,
};

struct live_column {
	const char *head;
	int width;      // columns of the terminal; 0: shares what the others leave
	bool is_figure; // to the right; greatest first
	// The cell's text; the value it is sorted by, where it is a figure.
	double (*format)(const json_t *entry, char cell[LIVE_CELL_SIZE]);
};

struct live_list {
	const char *name;    // on its tab
	const char *command; // what the controller is asked, with `name` as word where that is "top"
	const char *entries; // member of the answer
	unsigned sort;       // column it is sorted by at first
	struct live_column columns[LIVE_COLUMNS_MAX]; // ended by one without a head
};
extern const struct live_list live_lists[];
extern const unsigned live_lists_length;

struct live_row {
	char cells[LIVE_COLUMNS_MAX][LIVE_CELL_SIZE];
	double values[LIVE_COLUMNS_MAX];
	const json_t *entry;
};

struct live_history {
	char name[64];                // of the node; "" in that of all
	double samples[LIVE_SAMPLES]; // ring, newest at (count - 1) % LIVE_SAMPLES; below 0: not known
	uint64_t count;
};

struct live {
	const struct weirctl *weirctl;
	const struct live_list *list;
	struct live_list aggregate; // one of the controller's configuration: what it is over, under its name; or none
	json_t *status, *answer;    // latest; NULL: none yet
	char error[WEIRCTL_ERROR_SIZE]; // why there is no newer one; empty: there is
	unsigned sort;                  // column
	bool is_reversed, is_paused, is_filtering, has_help;
	char filter[LIVE_FILTER_SIZE];
	unsigned first; // row at the top of the list
	uint32_t window_s;
	struct live_history total, nodes[LIVE_NODES_MAX]; // packets/s
	unsigned nodes_length;
	struct live_row rows[LIVE_ROWS_MAX]; // [rows_length], as shown
	unsigned rows_length;
};

//   return  the list of that name, or NULL
const struct live_list *live_list_lookup(const char *name);

// Take an answer to `status` into the histories.
void live_take_status(struct live *live, json_t *status);
// Make the rows of the list from what was answered.
void live_make_rows(struct live *live);
const struct live_history *live_node_history(const struct live *live, const char *name);

// The newest samples as bars of eight heights, oldest first.
//   width    columns
//   is_utf8  block characters; else ASCII
//   out      [4 * width + 1]
void live_sparkline(const struct live_history *history, unsigned width, bool is_utf8, char *out);

void live_screen_open(void);
void live_screen_close(void);
void live_screen_draw(const struct live *live);
// Rows of the list that fit.
unsigned live_screen_room(void);
