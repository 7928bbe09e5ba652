// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What instances counted that the node has no more. An instance of the same pipeline, operator, type and number goes on
// from there, so that a node's figures never run back, whatever it comes to run.
//
//   thread  a control thread, with plan_lock held, while no worker does anything; node_gone_sum: with plan_lock held
#pragma once

#include "dataplane/node.h"

// An instance goes; its figures are not copies.
//   earlier  what another one of its number had counted before it
void node_gone_leave(struct node *node, const struct instance *instance, const struct counters *earlier);

// An instance comes.
//   earlier  filled with what one of its number counted, or zeros
void node_gone_take(struct node *node, const struct instance *instance, struct counters *earlier);

// Add what was left.
//   op  by which operator; NULL: by any
void node_gone_sum(const struct node *node, const struct operator *op, struct counters *sum);

void node_gone_free(struct node *node);
