// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sources that come to run in more or fewer instances while a plan is put in place (node_swap.h): what is left to read
// is dealt out anew (type->sharing) in the moment in which no worker does anything. Where what they read has times,
// instances that go read on until they have come up to those that stay, which then get nothing from before their
// watermarks.
#pragma once

#include "dataplane/node_parts.h"

// Have a source hold still: all of its instances, but for those that have to come up.
//   after   what the node will have
//   thread  a control thread, with change_lock held, as for the others here
void node_sources_pause(const struct operator *op, const struct node_parts *after);

// Let those that go come up to the others, and hold still too.
//   text    [size] filled where they do not
//   return  0; -ETIMEDOUT; -ECANCELED: the node ended
int node_sources_come_up(struct node *node, const struct node_parts *after, uint64_t limit_ns, char *text, size_t size);

// No worker does anything, and there is no way back: those that go read nothing more.
void node_sources_end(struct node *node, const struct node_parts *before, const struct node_parts *after);

// No worker does anything, and the parts are joined: deal out what is left to read.
void node_sources_share(struct node *node, const struct node_parts *before, const struct node_parts *after);
