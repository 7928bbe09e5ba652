// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/group_loads.h"

#include <stdlib.h>
#include <string.h>

static const double NEWEST_SHARE = 0.4; // of the newest report in the smoothed rate

static struct group_loads *find(struct group_loads *list, const Weir__GroupLoads *report) {
	for (; list != NULL; list = list->next)
		if (strcmp(list->pipeline, report->pipeline) == 0 && strcmp(list->op, report->operator_) == 0)
			return list;
	return NULL;
}

static void free_one(struct group_loads *loads) {
	free(loads->pipeline);
	free(loads->op);
	free(loads);
}

static struct group_loads *add(struct group_loads **list, const Weir__GroupLoads *report) {
	unsigned length = 0;
	for (const struct group_loads *loads = *list; loads != NULL; loads = loads->next)
		length++;
	struct group_loads *loads = length < GROUP_LOADS_MAX ? calloc(1, sizeof(*loads)) : NULL;
	if (loads == NULL)
		return NULL;
	loads->pipeline = strdup(report->pipeline);
	loads->op = strdup(report->operator_);
	if (loads->pipeline == NULL || loads->op == NULL) {
		free_one(loads);
		return NULL;
	}
	loads->next = *list;
	*list = loads;
	return loads;
}

// Whether it is what a node sends.
static bool is_whole(const Weir__GroupLoads *report) {
	bool is_right = report->n_owners == BALANCE_GROUPS && report->n_tuples == BALANCE_GROUPS &&
			report->instances > 0 && report->instances <= BALANCE_INSTANCES_MAX;
	for (size_t i = 0; is_right && i < BALANCE_GROUPS; i++)
		is_right = report->owners[i] < report->instances;
	return is_right;
}

static void take_rates(struct group_loads *loads, const Weir__GroupLoads *report, uint64_t mono_ns) {
	bool is_first = loads->taken_mono_ns == 0 || loads->instances != report->instances;
	double seconds = (double)(mono_ns - loads->taken_mono_ns) / 1e9;
	for (size_t i = 0; !is_first && i < BALANCE_GROUPS; i++) // sums of a pipeline that was started anew
		is_first |= report->tuples[i] < loads->tuples[i];
	if (is_first)
		loads->reports = 0;
	else if (seconds > 0)
		loads->reports++;
	for (size_t i = 0; i < BALANCE_GROUPS; i++) {
		if (is_first) {
			loads->rates[i] = 0;
		} else if (seconds > 0) {
			double rate = (double)(report->tuples[i] - loads->tuples[i]) / seconds;
			double share = loads->reports == 1 ? 1 : NEWEST_SHARE;
			loads->rates[i] += share * (rate - loads->rates[i]);
		}
		loads->owners[i] = (uint16_t)report->owners[i];
		loads->tuples[i] = report->tuples[i];
	}
	loads->instances = report->instances;
	loads->taken_mono_ns = mono_ns;
}

static void forget_untold(struct group_loads **list) {
	while (*list != NULL) {
		struct group_loads *loads = *list;
		if (loads->is_told) {
			list = &loads->next;
			continue;
		}
		*list = loads->next;
		free_one(loads);
	}
}

void group_loads_take(struct group_loads **list, const Weir__Heartbeat *beat, uint64_t mono_ns) {
	for (struct group_loads *loads = *list; loads != NULL; loads = loads->next)
		loads->is_told = false;
	for (size_t i = 0; i < beat->n_groups; i++) {
		const Weir__GroupLoads *report = beat->groups[i];
		struct group_loads *loads = is_whole(report) ? find(*list, report) : NULL;
		if (loads == NULL && is_whole(report))
			loads = add(list, report);
		if (loads == NULL)
			continue;
		take_rates(loads, report, mono_ns);
		loads->is_told = true;
	}
	forget_untold(list);
}

void group_loads_free(struct group_loads *list) {
	while (list != NULL) {
		struct group_loads *next = list->next;
		free_one(list);
		list = next;
	}
}
