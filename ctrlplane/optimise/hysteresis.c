// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/hysteresis.h"

#include <math.h>

double hysteresis_demand(double before_bps, double offered_bps, double fall) {
	return offered_bps >= before_bps ? offered_bps : before_bps + fall * (offered_bps - before_bps);
}

int hysteresis_gives_way(const struct network *network, const double *before, const double *after, double tolerance) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		if (isinf(before[i]) || isinf(after[i])) {
			if (before[i] != after[i])
				return 1;
			continue;
		}
		if (fabs(after[i] - before[i]) > tolerance * fmax(after[i], before[i]))
			return 1;
	}
	return !network_fits(network, before);
}
