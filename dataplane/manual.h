// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Manual pages from the tables that the program itself runs on, so that they can't drift.
#pragma once

#include <stdio.h>

// Write the page of an operator type, weir-TYPE(7), as roff.
//   return  0, or -EINVAL: there is no such type
int manual_print_operator(FILE *out, const char *type_name);

// Write the page of the program, weir-dataplane(8), as roff.
//   usage  the options of the command line as --help shows them
void manual_print_program(FILE *out, const char *usage);
