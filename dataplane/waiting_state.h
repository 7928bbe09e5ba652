// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Keys with lists of waiting tuples in snapshots: behind each key, the tuples of each side, from the latest on.
#pragma once

#include "api/schema.h"
#include "dataplane/keyed_state.h"
#include "dataplane/waiting_tuples.h"

struct operator;

struct waiting_state {
	struct keyed_table *table; // of waiting_lists
	struct waiting_tuples *waiting;
	const struct schema *schemas[WAITING_SIDES];
};

void waiting_state_save(const struct waiting_state *state, struct state_writer *writer);
// The instances take up their groups.
//   return  0 or a negative errno, after operator_error
int waiting_state_restore(const struct waiting_state *state, struct operator *op, struct state_reader *reader);
