// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// balance: moves key groups of an operator between its instances where one has more to do than the others. Nodes report
// the load of each group once a second (group_loads.h); balance.h chooses; the moves are commands like a person's, each
// with its reason (weirctl explain). An operator is left alone for a while after a decision, so that what is decided
// next is decided from loads that were measured after it.
#include <stdio.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/act.h"
#include "ctrlplane/group_loads.h"
#include "ctrlplane/log.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/state.h"

enum {
	REPORTS_IN_A_ROW = 3, // that must show the same before anything is moved
	COMMAND_MS = 3000,
};

struct balance_options {
	double threshold, tolerance, min_rate;
	uint64_t pause_ns;
};

#define AT(member) .offset = offsetof(struct balance_options, member)
static const struct stage_option balance_options[] = {
	{.name = "threshold",
		.type = CONF_NUMBER,
		AT(threshold),
		.min = 0.01,
		.max = 10,
		.fallback = "0.15",
		.help = "how far the largest instance is above the mean before groups are moved; 0.15: 15 %"},
	{.name = "tolerance",
		.type = CONF_NUMBER,
		AT(tolerance),
		.min = 0.001,
		.max = 10,
		.fallback = "0.05",
		.help = "how far it may be above the mean afterwards"},
	{.name = "min_rate",
		.type = CONF_NUMBER,
		AT(min_rate),
		.min = 0,
		.max = 1e12,
		.fallback = "1000",
		.help = "tuples a second into an operator below which it is left alone"},
	{.name = "pause",
		.type = CONF_DURATION,
		AT(pause_ns),
		.min = 1e9,
		.max = 3600e9,
		.fallback = "10s",
		.help = "time between two decisions on the same operator"},
	{0},
};
#undef AT

static double rate_of(const struct group_loads *loads) {
	double sum = 0;
	for (unsigned i = 0; i < BALANCE_GROUPS; i++)
		sum += loads->rates[i];
	return sum;
}

// The groups that go to an instance, from `*group` on, as many as fit: "1,5-9,77 2".
//   return  how many; 0: no more
static unsigned format_groups(const struct group_loads *loads, unsigned to, unsigned *group, char text[ACT_TEXT_SIZE]) {
	enum { RUN_SIZE = 16 }; // "1023-1023," and the instance
	const struct balance *wanted = &loads->last;
	unsigned count = 0;
	size_t used = 0;
	while (*group < BALANCE_GROUPS && used + 2 * RUN_SIZE < ACT_TEXT_SIZE) {
		unsigned first = *group, end = first;
		while (end < BALANCE_GROUPS && wanted->owners[end] == to && loads->owners[end] != to)
			end++;
		*group = end > first ? end : first + 1;
		if (end == first)
			continue;
		used += (size_t)snprintf(text + used, ACT_TEXT_SIZE - used, end == first + 1 ? "%s%u" : "%s%u-%u",
			count > 0 ? "," : "", first, end - 1);
		count += end - first;
	}
	snprintf(text + used, ACT_TEXT_SIZE - used, " %u", to);
	return count;
}

static void command(
	const struct stage *stage, const struct node *node, const struct group_loads *loads, const char *value) {
	const struct balance *found = &loads->last;
	char target[ACT_TEXT_SIZE], reason[ACT_TEXT_SIZE], id[ACT_ID_SIZE], error[ACT_ERROR_SIZE];
	snprintf(target, sizeof(target), "%.120s/%.120s", loads->pipeline, loads->op);
	snprintf(reason, sizeof(reason),
		"the largest instance is %.0f %% above the mean: %.0f %% after %u groups have moved; no less than %.0f "
		"%% is "
		"possible",
		100 * (found->before - 1), 100 * (found->after - 1), found->moves, 100 * (found->bound - 1));
	const struct act_request request = {.node = node->name,
		.verb = "move",
		.target = target,
		.value = value,
		.kind = "load",
		.cause = "balance",
		.reason = reason,
		.timeout_ms = COMMAND_MS};
	if (act_request(stage->shared, &request, id, error) != 0)
		log_line("balance: %s: %s", target, error);
}

static void decide(const struct stage *stage, const struct node *node, struct group_loads *loads) {
	const struct balance_options *options = stage->options;
	char value[ACT_TEXT_SIZE];
	for (unsigned to = 0; to < loads->instances; to++)
		for (unsigned group = 0; format_groups(loads, to, &group, value) > 0;)
			command(stage, node, loads, value);
	loads->decisions++;
	loads->moves += loads->last.moves;
	loads->skewed = 0;
	loads->paused_until_mono_ns = clock_mono_ns() + options->pause_ns;
}

static void look_at(const struct stage *stage, const struct node *node, struct group_loads *loads) {
	const struct balance_options *options = stage->options;
	if (loads->reports == loads->looked_at || loads->reports == 0)
		return;
	loads->looked_at = loads->reports;
	balance_find(&loads->last, loads->rates, loads->owners, loads->instances, options->tolerance);
	bool is_skewed = loads->last.before > 1 + options->threshold && loads->last.moves > 0 &&
			 rate_of(loads) >= options->min_rate;
	loads->skewed = is_skewed ? loads->skewed + 1 : 0;
	if (loads->skewed >= REPORTS_IN_A_ROW && clock_mono_ns() >= loads->paused_until_mono_ns)
		decide(stage, node, loads);
}

static void balance_interval(struct stage *stage) {
	const struct nodes *nodes = &stage->shared->nodes;
	for (size_t i = 0; i < nodes->length; i++)
		if (nodes->list[i]->state == NODE_UP)
			for (struct group_loads *loads = nodes->list[i]->groups; loads != NULL; loads = loads->next)
				look_at(stage, nodes->list[i], loads);
}

static json_t *balance_status(const struct stage *stage) {
	const struct nodes *nodes = &stage->shared->nodes;
	json_t *list = json_array();
	for (size_t i = 0; i < nodes->length; i++)
		for (const struct group_loads *loads = nodes->list[i]->groups; loads != NULL; loads = loads->next)
			json_array_append_new(
				list, json_pack("{ss ss ss si sf sf sf si si}", "node", nodes->list[i]->name,
					      "pipeline", loads->pipeline, "operator", loads->op, "instances",
					      (int)loads->instances, "rate", rate_of(loads), "largest_to_mean",
					      loads->last.before, "bound", loads->last.bound, "decisions",
					      (int)loads->decisions, "groups_moved", (int)loads->moves));
	return json_pack("{so}", "operators", list);
}

// A reload may change the options: what is decided next goes by them.
static void balance_commit(struct stage *stage) {
}

static const struct stage_type balance_type = {
	.name = "balance",
	.title = "moves key groups between the instances of an operator, where one has more to do than the others",
	.manual =
		"Nodes report the load of each of the 1024 key groups once a second. Where the largest instance of an "
		"operator is above the mean by more than `threshold` in three reports in a row, groups are moved until "
		"it "
		"is within `tolerance`, with few moves: each time from the largest instance to the smallest the group "
		"that levels the two best. A group is never split, so that one key alone may be more than the mean: "
		"weirctl status --json tells for each operator how far the largest instance is above the mean "
		"(largest_to_mean) and the least that is possible (bound). Each move is a command with its reason "
		"(weirctl explain balance).",
	.options = balance_options,
	.options_size = sizeof(struct balance_options),
	.interval = balance_interval,
	.commit = balance_commit,
	.status = balance_status,
};
STAGE_REGISTER(balance_type);
