// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The units of numeric options, shared by option.c (text to value) and option_format.c (value to text).
#pragma once

#include <stdint.h>

#include "dataplane/option.h"

struct option_unit {
	const char *suffix; // ends the list where NULL
	uint64_t factor;
	bool written; // values are formatted with it
};

// By type, greatest first. NULL where the type is not a number.
extern const struct option_unit *const option_units[OPTION_LIST + 1];
