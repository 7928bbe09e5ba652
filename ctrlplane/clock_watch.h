// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Notices that the wall clock was set: it went by another time than the monotonic one since it was last looked at.
#pragma once

#include <stdint.h>

struct clock_watch {
	uint64_t wall_ns, mono_ns; // as last looked at; 0: not yet
	uint64_t steps;            // times it was set
};

//   limit_ns  what is no step: time servers slew clocks by less
//   return    by how much it was set, forward or back; 0: it was not
int64_t clock_watch_step(struct clock_watch *watch, uint64_t wall_ns, uint64_t mono_ns, uint64_t limit_ns);
