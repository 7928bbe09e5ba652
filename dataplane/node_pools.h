// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The pools that tuples come from: packets and records apart, so that packets can't starve the records that expiry must
// emit. Sized by the plan. Records always suffice: a plan that needs more gets another pool, and the old one goes once
// its last record came back. Sources keep packets of theirs, so that pool stays until the node runs nothing; where it
// is small, sources wait.
#pragma once

struct node;
struct plan;

// See to it that the pools suffice for what is about to run.
//   return  0; -ENOMEM after a message on standard error, and operator_last_error
int node_pools_fit(struct node *node, const struct plan *plan);
// Nothing runs any more.
void node_pools_free(struct node *node);
