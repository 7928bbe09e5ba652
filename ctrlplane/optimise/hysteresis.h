// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Keeps rates from flapping: demands are followed up at once and down slowly, and new rates replace those in force only
// where they differ enough to matter, or where those in force no longer fit.
#pragma once

#include "ctrlplane/optimise/network.h"

// The demand to go by. A source that pauses for an interval keeps most of its rate, one that starts has it at once.
//   before_bps  what this gave last time
//   offered_bps what was offered in the interval since
//   fall        0..1: the part of a fall that is followed; 1: all of it
double hysteresis_demand(double before_bps, double offered_bps, double fall);

// Whether rates in force should give way to new ones.
//   before, after  [channels] bit/s; before: as many, of the same channels
//   tolerance      0.05: a channel's rate has to change by more than 5 % of the larger of the two
int hysteresis_gives_way(const struct network *network, const double *before, const double *after, double tolerance);
