// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who may register under a name, and what the controller learns from it.
#pragma once

#include "ctrlplane/state.h"

enum {
	REGISTRATION_REASON_SIZE = 256,
	REGISTRATION_EPOCHS_AHEAD_MAX = 1 << 20, // more than a node can remember
};

// Decide on a Register and, where it is accepted, take the node in. A name in use is free for
//   the same incarnation on a new connection,
//   anybody on the same connection,
//   anybody once the old connection closed, the old node said goodbye or missed its beats, but for a process that was
//   replaced before: its counters are in the books already. Nobody registers whose books are kept no more.
//   commands  the ROUTER that answers commands
//   reason    [REGISTRATION_REASON_SIZE], why not; empty where accepted
//   return    accepted
bool registration_accept(
	struct state *state, void *commands, const Weir__Register *message, const struct identity *peer, char *reason);
