// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What rules may look at: the fields of each list, of nodes and of the total, by name.
#pragma once

#include "ctrlplane/alert_rules.h"

// Find a rule's field by name; over hosts and prefixes this also chooses the list in which those subjects are the
// greatest that the field is about.
//   rule  over and view.kind are set
int rule_field_place(
	struct conf *conf, const yaml_node_t *node, struct alert_rule *rule, const char *name, struct rule_field *out);
