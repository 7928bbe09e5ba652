// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the manifest of a snapshot says of operators, and whether a node that is to go on from it has the same ones.
// Operators that keep nothing may have changed.
#pragma once

#include <jansson.h>

#include "dataplane/node_move.h"

// At the moment of the cut.
struct snapshot_times {
	uint64_t watermark_ns, told_ns; // the least of the operator's instances
};

// Whether all of the node's operators can be saved as they are configured.
//   return  0; -ENOTSUP with a line in text
int snapshot_check_operators(const struct node *node, char *text, size_t size);

//   return  NULL: no memory
json_t *snapshot_describe_node(const struct node *node, uint64_t taken_ns);
json_t *snapshot_describe_operator(const struct operator *op, const struct snapshot_times *times);

// [KEY_GROUPS] who owns what an operator keeps, by index of its instance; NULL: the first has all, since no stream is
// steered by key.
static inline const uint16_t *snapshot_owners(const struct node *node, unsigned op) {
	return node_move_is_keyed(node, op) ? node->plan->operators[op].owners : NULL;
}

// The fold that the operator's file begins with.
uint64_t snapshot_layout(const struct operator *op);

// Whether the operators of a node are those of a manifest. Nothing of either is changed.
//   return  0; -EINVAL with a line in text
int snapshot_compare(const json_t *manifest, const struct node *node, char *text, size_t size);
//   return  borrowed; NULL: there is none of that pipeline and name
const json_t *snapshot_find_operator(const json_t *manifest, const struct operator *op);

// The secret of hashes, which keys were told to groups by.
//   return  0; -EINVAL
int snapshot_read_secret(const json_t *manifest, uint8_t secret[KEY_SECRET_SIZE]);
