// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Names of applications and of their categories under small numbers, so that packets and flows can carry them. An
// operator that finds out what a flow is gives a pair of names its number, whoever writes a record reads it back;
// neither knows the other. Numbers are those of the process, in the order in which pairs appeared.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/flow_record.h"
#include "dataplane/state_file.h"

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

// Put the names of all numbers that there are into a snapshot.
//   thread  the only one of a copy of the process
void application_names_save(struct state_writer *writer, uint32_t kind);

// The numbers of a snapshot, and what the same names have now. Zeroed: none was read.
struct application_numbers {
	unsigned count;
	uint16_t now[APPLICATION_NAMES_MAX + 1];
};
// Read the next item that application_names_save put.
//   return  false: it is none of those
bool application_numbers_take(struct application_numbers *numbers, const struct state_item *item);
//   return  0: it had no name, or there are no numbers left
static inline uint16_t application_numbers_now(const struct application_numbers *numbers, uint16_t then) {
	return then <= numbers->count ? numbers->now[then] : 0;
}
