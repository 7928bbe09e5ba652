// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The remote channels of a node, for telemetry.
#pragma once

#include <rte_telemetry.h>

struct link_switch;

//   links   NULL: the node has none
//   return  how many this node is an end of
unsigned link_report_count(struct link_switch *links);
// Whether links are encrypted, and who was refused, by reason.
//   return  0 or -ENOMEM
int link_report(struct link_switch *links, struct rte_tel_data *data);
// One of them: its name, what it carried, and its queue in the last interval.
//   number  0..count-1
void link_report_channel(struct link_switch *links, unsigned number, struct rte_tel_data *data);
