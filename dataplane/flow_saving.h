// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The flows of flow keepers in snapshots, group after group: each with its key, counters, times, headers and what
// updates have told of it, behind it its TCP analysis. Of time nothing is kept: a flow's deadline follows from it.
// Restored flows are a parcel that all groups left (flow_move.h), and which their owners take up.
#pragma once

#include "dataplane/flow_keeper.h"
#include "dataplane/state_file.h"

extern const struct operator_saving flow_saving;
