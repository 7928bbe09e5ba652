// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Nodes that had to make room (nodes_max). Their sums stay among those of all nodes. The books of the last of them are
// kept, here and in Redis, so that a process that comes back goes on from its own and counts once. One that comes back
// when its books are gone would count twice: it is refused.
#pragma once

#include "ctrlplane/nodes.h"

// What it reported counts among the departed from now on.
//   node  no longer in nodes->list; it is freed
void departed_take(struct nodes *nodes, struct node *node);
// Before a node registers: if it was just made, a process that had to make room has its books back, and another one of
// that name is the past.
void departed_give_back(struct nodes *nodes, struct node *node, uint64_t incarnation);
// Books that an earlier controller kept; they replace the oldest.
//   departed  taken over: what it owns as well
void departed_restore(struct nodes *nodes, const struct departed *departed);
// They are a node's again: its sums are no longer among those of the departed.
void departed_recall(struct nodes *nodes, const struct departed *departed);
// Books are kept no more.
void departed_forget(struct nodes *nodes, uint64_t incarnation);
// Whether a process that registers may be one of those. One that never had a controller is none.
bool departed_is_forgotten(const struct nodes *nodes, const Weir__Register *message);
// Those of them that registered before Redis told who they are: what they reported since counts no more, and they have
// to register again.
void departed_dismiss(struct nodes *nodes);
void departed_fini(struct nodes *nodes);
