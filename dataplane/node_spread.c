// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_spread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/node_move.h"
#include "dataplane/text.h"

enum {
	GROUPS_AT_ONCE = 32,
	LOOKS = 5000, // at a move whose tuples wait for room, before the next one
};

//   return  NULL: it has no such operator
static const struct plan_operator *find_planned(const struct plan *plan, const struct plan *in, unsigned op) {
	const struct plan_operator *wanted = &in->operators[op];
	const char *pipeline = in->config->pipelines[wanted->pipeline].name;
	for (unsigned i = 0; i < plan->operator_count; i++)
		if (strcmp(plan->config->pipelines[plan->operators[i].pipeline].name, pipeline) == 0 &&
			strcmp(plan_operator_config(plan, &plan->operators[i])->name,
				plan_operator_config(in, wanted)->name) == 0)
			return &plan->operators[i];
	return NULL;
}

void node_spread_keep_owners(const struct plan *plan, const struct node *node) {
	const struct plan *before = node->plan;
	for (unsigned i = 0; i < plan->operator_count; i++) {
		const struct plan_operator *last = find_planned(before, plan, i);
		// Several that no key led to own nothing, whatever the table says.
		if (last != NULL && last->instance_count > 1 &&
			!node_move_is_keyed(node, (unsigned)(last - before->operators)))
			continue;
		uint16_t *owners = plan->operators[i].owners;
		for (unsigned group = 0; last != NULL && group < KEY_GROUPS; group++)
			if (last->owners[group] < plan->operators[i].instance_count)
				owners[group] = last->owners[group];
	}
}

static void count_groups(const uint16_t *owners, unsigned count, unsigned *groups) {
	memset(groups, 0, count * sizeof(*groups));
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		if (owners[group] < count)
			groups[owners[group]]++;
}

static unsigned find_least(const unsigned *groups, unsigned count) {
	unsigned least = 0;
	for (unsigned i = 1; i < count; i++)
		if (groups[i] < groups[least])
			least = i;
	return least;
}

// Give what nobody has who stays to those that have least.
static void take_from_leaving(uint16_t *owners, unsigned count, unsigned *groups) {
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		if (owners[group] >= count) {
			unsigned least = find_least(groups, count);
			owners[group] = (uint16_t)least;
			groups[least]++;
		}
}

// Give those that are new as much as each would have.
//   old  instances that there were
static void give_to_new(uint16_t *owners, unsigned old, unsigned count, unsigned *groups) {
	const unsigned share = KEY_GROUPS / count;
	for (unsigned group = 0; group < KEY_GROUPS; group++) {
		unsigned least = old + find_least(groups + old, count - old);
		if (groups[least] >= share)
			return;
		if (groups[owners[group]] <= share || owners[group] >= old)
			continue;
		groups[owners[group]]--;
		owners[group] = (uint16_t)least;
		groups[least]++;
	}
}

bool node_spread_settle(struct node *node) {
	const struct timespec pause = {.tv_nsec = 1000 * 1000};
	for (unsigned i = 0; i < LOOKS && !node_move_settle(node); i++)
		nanosleep(&pause, NULL);
	return node->move == NULL;
}

//   op      index into the node's plan
//   owners  [KEY_GROUPS] wanted
static int move_to(
	struct node_spread *spread, struct node *node, unsigned op, const uint16_t *owners, char *text, size_t size) {
	uint16_t step[KEY_GROUPS];
	for (unsigned group = 0, moved;;) {
		if (!node_spread_settle(node)) {
			snprintf(text, size, "%s: a move waits for room downstream", node->operators[op]->name);
			return -EBUSY;
		}
		memcpy(step, node->plan->operators[op].owners, sizeof(step));
		for (moved = 0; group < KEY_GROUPS && moved < GROUPS_AT_ONCE; group++) {
			moved += step[group] != owners[group];
			step[group] = owners[group];
		}
		int rc = moved > 0 ? node_move_to(node, op, step, text, size) : 0;
		if (rc < 0 || moved == 0)
			return rc;
		spread->moved += moved;
	}
}

static int gather(
	struct node_spread *spread, struct node *node, const struct plan *plan, unsigned op, char *text, size_t size) {
	const struct plan_operator *planned = &node->plan->operators[op], *next = find_planned(plan, node->plan, op);
	uint16_t owners[KEY_GROUPS];
	if (next == NULL || next->instance_count >= planned->instance_count || !node_move_is_keyed(node, op))
		return 0;
	unsigned *groups = calloc(next->instance_count, sizeof(*groups));
	if (groups == NULL) {
		snprintf(text, size, "out of memory");
		return -ENOMEM;
	}
	memcpy(owners, planned->owners, sizeof(owners));
	count_groups(owners, next->instance_count, groups);
	take_from_leaving(owners, next->instance_count, groups);
	free(groups);
	return move_to(spread, node, op, owners, text, size);
}

int node_spread_gather(
	struct node_spread *spread, struct node *node, const struct plan *plan, char *text, size_t size) {
	unsigned count = node->plan->operator_count;
	*spread = (struct node_spread){.owners = calloc(count + 1, KEY_GROUPS * sizeof(uint16_t))};
	int rc = spread->owners != NULL ? 0 : -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < count; i++)
		memcpy(&spread->owners[i * KEY_GROUPS], node->plan->operators[i].owners, KEY_GROUPS * sizeof(uint16_t));
	for (unsigned i = 0; rc == 0 && i < count; i++)
		rc = gather(spread, node, plan, i, text, size);
	if (rc < 0)
		node_spread_undo(spread, node, text, size);
	return rc;
}

void node_spread_undo(struct node_spread *spread, struct node *node, char *text, size_t size) {
	char why[256] = "";
	if (spread->moved == 0)
		return;
	for (unsigned i = 0; i < node->plan->operator_count; i++)
		if (move_to(spread, node, i, &spread->owners[i * KEY_GROUPS], why, sizeof(why)) < 0)
			text_append(text, size, "; key groups that were moved away before stay there: %s", why);
}

int node_spread_out(struct node_spread *spread, struct node *node, const struct plan *before, char *text, size_t size) {
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < node->plan->operator_count; i++) {
		const struct plan_operator *planned = &node->plan->operators[i];
		const struct plan_operator *last = find_planned(before, node->plan, i);
		uint16_t owners[KEY_GROUPS];
		if (last == NULL || last->instance_count >= planned->instance_count || !node_move_is_keyed(node, i))
			continue;
		unsigned *groups = calloc(planned->instance_count, sizeof(*groups));
		if (groups == NULL)
			return -ENOMEM;
		memcpy(owners, planned->owners, sizeof(owners));
		count_groups(owners, planned->instance_count, groups);
		give_to_new(owners, last->instance_count, planned->instance_count, groups);
		free(groups);
		rc = move_to(spread, node, i, owners, text, size);
	}
	return rc;
}

void node_spread_fini(struct node_spread *spread) {
	free(spread->owners);
	spread->owners = NULL;
}
