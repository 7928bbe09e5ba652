// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_sources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "dataplane/node_drain.h"

// Whether it goes while others of its operator, a source, stay.
static bool goes(const struct instance *instance, const struct node_parts *after) {
	return instance->type->poll != NULL && node_parts_have(after, instance->op) &&
	       !node_parts_have_instance(after, instance);
}

static bool has_to_come_up(const struct instance *instance, const struct node_parts *after) {
	const struct operator_sharing *sharing = instance->type->sharing;
	return sharing != NULL && sharing->is_timed && goes(instance, after);
}

static void hold_still(struct instance *instance) {
	atomic_store_explicit(&instance->pace, INSTANCE_PAUSES, memory_order_release);
}

void node_sources_pause(const struct operator *op, const struct node_parts *after) {
	for (unsigned i = 0; i < op->instance_count; i++)
		if (!has_to_come_up(op->instances[i], after))
			hold_still(op->instances[i]);
}

static uint64_t latest_of_staying(const struct node *node, const struct operator *op, const struct node_parts *after) {
	uint64_t latest_ns = 0;
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		if (node->instances[i]->op == op && !goes(node->instances[i], after))
			latest_ns = RTE_MAX(latest_ns, node->snapshots[i].watermark_ns);
	return latest_ns;
}

//   return  one that has not come up, NULL: all have
static const struct instance *find_behind(struct node *node, const struct node_parts *after) {
	const struct instance *behind = NULL;
	node_snapshot_begin(node);
	bool is_known = node_drain_have_all_answered(node);
	for (unsigned i = 0; i < node->plan->instance_count; i++) {
		const struct instance *instance = node->instances[i];
		const struct snapshot *snapshot = &node->snapshots[i];
		if (!has_to_come_up(instance, after))
			continue;
		if (!is_known ||
			(!snapshot->finished && snapshot->watermark_ns < latest_of_staying(node, instance->op, after)))
			behind = instance;
	}
	node_snapshot_end(node);
	return behind;
}

static unsigned count_who_have_to(const struct node *node, const struct node_parts *after) {
	unsigned count = 0;
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		count += has_to_come_up(node->instances[i], after);
	return count;
}

int node_sources_come_up(
	struct node *node, const struct node_parts *after, uint64_t limit_ns, char *text, size_t size) {
	uint64_t end_ns = clock_monotonic_ns() + limit_ns;
	if (count_who_have_to(node, after) == 0)
		return 0;
	for (const struct instance *behind; (behind = find_behind(node, after)) != NULL;) {
		if (node_is_done(node))
			return -ECANCELED;
		if (clock_monotonic_ns() > end_ns) {
			snprintf(text, size,
				"nothing was changed: instance %u of %s, which goes, has not come up to the time of "
				"the "
				"others in %" PRIu64 " ms",
				behind->index, behind->op->name, limit_ns / 1000000);
			return -ETIMEDOUT;
		}
		node_drain_look_later();
	}
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		if (has_to_come_up(node->instances[i], after))
			hold_still(node->instances[i]);
	return 0;
}

void node_sources_end(struct node *node, const struct node_parts *before, const struct node_parts *after) {
	for (unsigned i = 0; i < before->plan->instance_count; i++) {
		struct instance *instance = before->instances[i];
		if (!goes(instance, after) || instance->finished)
			continue;
		// Those that stay are not at their end, even where no other input of theirs is open.
		atomic_store_explicit(&instance->pace, INSTANCE_LEAVES, memory_order_release);
		instance->finished = true;
		before->schedules[instance->worker].unfinished--;
		node_note_finished(node);
	}
}

void node_sources_share(struct node *node, const struct node_parts *before, const struct node_parts *after) {
	for (unsigned i = 0; i < before->plan->operator_count; i++) {
		const struct plan_operator *planned = &before->plan->operators[i];
		struct operator *op = before->operators[i];
		if (op->type->sharing != NULL && node_parts_have(after, op) &&
			op->instance_count != planned->instance_count)
			op->type->sharing->share(
				op, &before->instances[planned->first_instance], planned->instance_count);
	}
	for (unsigned w = 0; w < node->worker_count; w++) {
		struct schedule *schedule = &after->schedules[w];
		schedule->unfinished = 0;
		for (unsigned i = 0; i < schedule->entry_count; i++)
			schedule->unfinished += !schedule->entries[i].instance->finished;
	}
}
