// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the person wants of weirctl: the command and its words, and the options. weirctl.c fills it from the command
// line, the functions below carry a command out.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctrlplane/weirctl_request.h"

enum { WEIRCTL_WORDS_MAX = 4 };

struct weirctl;

struct weirctl_command {
	const char *name;
	// Carry it out.
	//   return  an exit code
	int (*run)(const struct weirctl *weirctl);
	void (*show)(const json_t *answer, FILE *file); // of those that ask once: the answer for people
	const char *question;                           // that is asked for it; NULL: its name
	uint32_t patience_ms;                           // of those that take their time: the least time-out
	const char *words; // its words, for messages: "[ID]", "NODE TEXT"; NULL: it takes none
	unsigned words_min, words_max;
	bool has_node; // takes --node
};

struct weirctl {
	const struct weirctl_command *command;
	struct weirctl_target target;
	const char *words[WEIRCTL_WORDS_MAX]; // [words_length]
	unsigned words_length;
	uint32_t given; // 1 << n: option n of weirctl.c was
	const char *node, *output;
	uint32_t window_s, limit, watch_ms; // 0: not given
	bool is_json, is_all, is_once, is_dry_run;
};

// Ask the controller, once or again and again, and show what it says.
int weirctl_ask(const struct weirctl *weirctl);
// Show the greatest: live on a terminal, else as weirctl_ask does.
int weirctl_top(const struct weirctl *weirctl);
// Have the controller command a node, and wait for what becomes of it.
int weirctl_act(const struct weirctl *weirctl);
// Make a pair of keys: NAME.public and NAME.secret.
int weirctl_keygen(const struct weirctl *weirctl);

//   return  result, or EXIT_FAILURE where what was printed did not get out
int weirctl_finish_output(int result);
void weirctl_print_json(const json_t *answer);
