// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/balance.h"

#include <string.h>

struct loads {
	double of[BALANCE_INSTANCES_MAX];
	unsigned instances, largest, smallest;
	double mean;
};

static void find_ends(struct loads *loads) {
	loads->largest = loads->smallest = 0;
	for (unsigned i = 1; i < loads->instances; i++) {
		if (loads->of[i] > loads->of[loads->largest])
			loads->largest = i;
		if (loads->of[i] < loads->of[loads->smallest])
			loads->smallest = i;
	}
}

// The group of the largest instance that leaves the larger of the two ends least.
//   return  BALANCE_GROUPS: none makes it less
static unsigned best_group(const struct loads *loads, const double *rates, const uint16_t *owners) {
	unsigned best = BALANCE_GROUPS;
	double from = loads->of[loads->largest], to = loads->of[loads->smallest], least = from;
	for (unsigned group = 0; group < BALANCE_GROUPS; group++) {
		if (owners[group] != loads->largest || rates[group] <= 0)
			continue;
		double left = from - rates[group], there = to + rates[group];
		double larger = left > there ? left : there;
		if (larger < least) {
			least = larger;
			best = group;
		}
	}
	return best;
}

void balance_find(
	struct balance *out, const double *rates, const uint16_t *owners, unsigned instances, double tolerance) {
	struct loads loads = {.instances = instances};
	double greatest = 0;
	*out = (struct balance){0};
	memcpy(out->owners, owners, sizeof(out->owners));
	for (unsigned group = 0; group < BALANCE_GROUPS; group++) {
		loads.of[owners[group]] += rates[group];
		loads.mean += rates[group] / instances;
		greatest = rates[group] > greatest ? rates[group] : greatest;
	}
	if (loads.mean <= 0)
		return;
	find_ends(&loads);
	out->before = loads.of[loads.largest] / loads.mean;
	out->bound = greatest > loads.mean ? greatest / loads.mean : 1;
	while (loads.of[loads.largest] > loads.mean * (1 + tolerance)) {
		unsigned group = best_group(&loads, rates, out->owners);
		if (group == BALANCE_GROUPS)
			break;
		loads.of[loads.largest] -= rates[group];
		loads.of[loads.smallest] += rates[group];
		out->owners[group] = (uint16_t)loads.smallest;
		find_ends(&loads);
	}
	out->after = loads.of[loads.largest] / loads.mean;
	for (unsigned group = 0; group < BALANCE_GROUPS; group++)
		out->moves += out->owners[group] != owners[group];
}
