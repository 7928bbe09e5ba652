// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Between the command line and a running node: which configuration it asks for, and what --help shows.
#pragma once

#include "dataplane/arguments.h"
#include "dataplane/pipeline.h"

// Load the plug-ins that the arguments name.
//   return  0, -EINVAL with *error filled, -ENOMEM
int startup_load_plugins(const struct arguments *arguments, struct config_error *error);

// Read the files that the arguments name, or the built-in pipeline where they name none.
//   return  0; -EINVAL with *error filled; -ENOMEM
int startup_read_config(const struct arguments *arguments, struct node_config *config, struct config_error *error);

// Print --help, or the options of one operator.
//   topic   an operator's type, or NULL
//   return  0, or -EINVAL: no such type (a message was printed)
int startup_print_help(const char *topic);

// Print a manual page as roff: the program's, or that of one operator.
//   topic   an operator's type, or NULL
//   return  0; -EINVAL: no such type (a message was printed); -ENOMEM
int startup_print_manual(const char *topic);

// Whatever was printed must have got out.
//   return  0; -EIO: standard output failed (a message was printed)
int startup_finish_output(void);
