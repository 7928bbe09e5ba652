// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Names of applications and of their categories under small numbers, so that packets and flows can carry them. An
// operator that finds out what a flow is gives a pair of names its number, whoever writes a record reads it back;
// neither knows the other. Numbers are those of the process, in the order in which pairs appeared.
#pragma once

#include <stdint.h>

#include "api/flow_record.h"

enum {
	APPLICATION_NAMES_MAX = 4095,
};

// The number of a pair of names, a new one if it has none yet. Names longer than their fields are cut.
//   return  1..APPLICATION_NAMES_MAX; 0: there are no numbers left
//   thread  any; takes a lock, so remember the number
uint16_t application_number(const char *name, const char *category);

// Write the names of a number that application_number gave on a record.
//   thread    any that got the number from the thread to which it was given, or from one that did
void application_names(uint16_t number, struct flow_record *record);

//   return  the first of them, [FLOW_APPLICATION_SIZE], padded with zeros
const char *application_name(uint16_t number);
