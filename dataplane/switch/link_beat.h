// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the controller hears of channels to other nodes, and the rates that it sets.
#pragma once

#include "api/weir.pb-c.h"

struct link_switch;

// Each end of a channel here, over the interval that ended last.
//   links   NULL: there are no channels
//   return  a list [*length] of malloc, for protobuf_c_message_free_unpacked; NULL: none
Weir__RemoteEnd **link_beat_measure(struct link_switch *links, size_t *length);

// Hold channels that send from here to rates, from now on.
//   rates   lines "PIPELINE/STREAM.INDEX BIT/S", 0: no limit; changed
//   text    [size] what was done, or what is wrong
//   return  0; -EINVAL: a line is none of these, and nothing was changed
int link_beat_set_rates(struct link_switch *links, char *rates, char *text, size_t size);
