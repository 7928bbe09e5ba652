// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Connections of a tcp_table in snapshots: one item each, struct tcp_flow and the blocks that it borrowed, in the order
// in which they lead to each other. A number of a block says no more there than whether it is 0.
#pragma once

#include "dataplane/state_file.h"
#include "dataplane/tcp_update.h"

//   told  NULL: no update has told of it
void tcp_saving_put(const struct tcp_flow *flow, const struct tcp_told *told, const struct tcp_lender *lender,
	struct state_writer *writer, uint32_t kind);

// Take up a connection. It borrows as many blocks as it had.
//   flow, told  filled; told: NULL where it was
//   return      0; -EINVAL: the item is no connection, or there are not so many blocks
int tcp_saving_take(
	struct tcp_flow *flow, struct tcp_told *told, struct tcp_lender *lender, const struct state_item *item);

uint64_t tcp_saving_layout(void);
