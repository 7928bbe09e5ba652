// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The command line of weir-dataplane:
//   weir-dataplane [EAL options --] [--config FILE]... [--node NAME]
//                  [--controller ENDPOINT [--key FILE --controller-key FILE]]
//                  [--plugin FILE]... [--set operator.option=value]... [--interface IF]
//                  [--restore DIR] [--check] [CAPTURE]
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum {
	ARGUMENTS_FILES_MAX = 16,
	ARGUMENTS_SETTINGS_MAX = 128,
	ARGUMENTS_OWNED_MAX = 7,
	ARGUMENTS_PLUGINS_MAX = 16,
	ARGUMENTS_ERROR_SIZE = 512,
};

enum arguments_action {
	ARGUMENTS_RUN,
	ARGUMENTS_CHECK, // print the plan, start nothing
	ARGUMENTS_HELP,
	ARGUMENTS_MANUAL, // print a manual page as roff
	ARGUMENTS_VERSION,
};

struct arguments {
	enum arguments_action action;
	const char *topic; // operator that help or the manual is asked for, or NULL
	int eal_count;     // -1: there was no `--`
	char **eal;        // into argv
	unsigned file_count, plugin_count, setting_count;
	const char *files[ARGUMENTS_FILES_MAX];
	const char *plugins[ARGUMENTS_PLUGINS_MAX];
	const char *settings[ARGUMENTS_SETTINGS_MAX];
	char *owned[ARGUMENTS_OWNED_MAX]; // settings made from other options and CAPTURE
	unsigned owned_count;
	bool capture, interface; // the built-in pipeline for a file, or for an interface
};

//   error   [ARGUMENTS_ERROR_SIZE], filled on -EINVAL
//   return  0, -EINVAL, -ENOMEM
int arguments_parse(struct arguments *arguments, int argc, char **argv, char *error);
void arguments_free(struct arguments *arguments);

// Print the options of the command line and what they do.
void arguments_print_usage(FILE *out);
