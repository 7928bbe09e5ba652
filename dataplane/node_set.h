// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a controller can have a node do: options that change while it runs, a line in its log, its end.
#pragma once

#include "api/weir.pb-c.h"
#include "dataplane/node.h"

// Change an option that its table marks as live. The workers take it over in one of their next loops; it returns once
// they have, or after 200 ms.
//   target  [PIPELINE/]OPERATOR.OPTION
//   value   as in a configuration
//   text    [size], one line: what was changed, or what is wrong and what is allowed
//   return  0; -EINVAL: nothing was changed; -ENOMEM
//   thread  any control thread; several may be in it
int node_set(struct node *node, const char *target, const char *value, char *text, size_t size);

// The operator of a name, [PIPELINE/]OPERATOR.
//   text    [size] filled where there is none: why, and what there is
//   return  NULL: there is none, or several
struct operator *node_find_operator(struct node *node, const char *name, char *text, size_t size);

// Have this worker's instances take over what was changed since it last looked.
//   thread  that worker
void node_take_settings(struct node *node, struct worker *worker);

// Carry out a command (the callback of an uplink).
//   context  the struct node
Weir__CommandStatus node_execute(void *context, const Weir__Command *command, char *text, size_t size);
