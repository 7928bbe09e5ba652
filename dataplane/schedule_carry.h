// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a new schedule takes over from the one before: how far time has come, what is left to do, and figures.
//
//   thread  a control thread, while no worker follows either
#pragma once

#include "dataplane/schedule.h"

// For all instances and rings that both have.
//   to, from  [worker_count]
void schedule_carry(struct schedule *to, struct schedule *from, unsigned worker_count);

// Have instances refer to these schedules again, after others were built and given up.
void schedule_restore(struct schedule *schedules, unsigned worker_count);
