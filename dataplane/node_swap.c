// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_swap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/node_abandon.h"
#include "dataplane/node_drain.h"
#include "dataplane/node_sources.h"
#include "dataplane/plan_compare.h"
#include "dataplane/schedule_carry.h"
#include "dataplane/text.h"

struct swap {
	struct node *node;
	struct plan *plan;
	struct node_parts before, after;
	bool *is_changed; // [before.plan->config->pipeline_count] paused; its instances or streams are others
	struct node_swap_report *report;
};

static const struct pipeline *find_pipeline(const struct plan *plan, const char *name) {
	for (unsigned i = 0; i < plan->config->pipeline_count; i++)
		if (strcmp(plan->config->pipelines[i].name, name) == 0)
			return &plan->config->pipelines[i];
	return NULL;
}

static void set_pace(struct instance *instance, enum instance_pace pace) {
	atomic_store_explicit(&instance->pace, pace, memory_order_release);
}

static void set_all(const struct operator *op, enum instance_pace pace) {
	for (unsigned i = 0; i < op->instance_count; i++)
		set_pace(op->instances[i], pace);
}

static bool has_pace(const struct instance *instance, enum instance_pace pace) {
	return atomic_load_explicit(&instance->pace, memory_order_relaxed) == pace;
}

static void wake_all(struct node *node) {
	for (unsigned i = 0; i < node->worker_count; i++)
		worker_wake(&node->workers[i]);
}

static void run_all(struct swap *swap) {
	for (unsigned i = 0; i < swap->before.plan->operator_count; i++)
		set_all(swap->before.operators[i], INSTANCE_RUNS);
	wake_all(swap->node);
}

// Whether some of an operator's instances do, or all.
static bool has_leaving(const struct swap *swap, const struct operator *op) {
	for (unsigned i = 0; i < op->instance_count; i++)
		if (!node_parts_have_instance(&swap->after, op->instances[i]))
			return true;
	return false;
}

static bool have_leaving(const struct swap *swap) {
	bool have = false;
	for (unsigned i = 0; i < swap->before.plan->operator_count; i++)
		have |= has_leaving(swap, swap->before.operators[i]);
	return have;
}

// Who comes before one that leaves must not give it anything any more, not even what becomes due by the clock, or at
// the end of its own input.
static void pause_before_leaving(struct swap *swap, unsigned pipeline) {
	const struct plan *plan = swap->before.plan;
	const struct pipeline *config = &plan->config->pipelines[pipeline];
	for (bool is_new = true; is_new;) {
		is_new = false;
		for (unsigned i = 0; i < config->stream_count; i++) {
			struct operator *from = node_parts_find(
				&swap->before, config->name, config->operators[config->streams[i].from].name);
			const struct operator *to = node_parts_find(
				&swap->before, config->name, config->operators[config->streams[i].to].name);
			bool is_before = has_pace(to->instances[0], INSTANCE_PAUSES) || has_leaving(swap, to);
			if (!is_before || has_pace(from->instances[0], INSTANCE_PAUSES))
				continue;
			set_all(from, INSTANCE_PAUSES);
			is_new = true;
		}
	}
}

static void pause_changed(struct swap *swap) {
	const struct plan *plan = swap->before.plan;
	for (unsigned i = 0; i < plan->operator_count; i++) {
		struct operator *op = swap->before.operators[i];
		if (swap->is_changed[plan->operators[i].pipeline] && op->type->poll != NULL)
			node_sources_pause(op, &swap->after);
	}
	for (unsigned i = 0; i < plan->config->pipeline_count; i++)
		if (swap->is_changed[i])
			pause_before_leaving(swap, i);
}

static void have_leave(struct swap *swap, const struct operator *op) {
	for (unsigned i = 0; i < op->instance_count; i++)
		if (!node_parts_have_instance(&swap->after, op->instances[i]))
			set_pace(op->instances[i], INSTANCE_LEAVES);
	wake_all(swap->node);
}

static struct node_drain drain_of(const struct swap *swap) {
	return (struct node_drain){.node = swap->node, .pipelines = swap->is_changed};
}

static int wait_until_drained(const struct swap *swap, uint64_t limit_ns) {
	const struct node_drain drain = drain_of(swap);
	return node_drain_wait(&drain, limit_ns);
}

static void join_as_before(struct swap *swap) {
	struct node *node = swap->node;
	for (unsigned i = 0; i < node->worker_count; i++)
		schedule_free(&swap->after.schedules[i]);
	node_parts_put(node, &swap->before);
	schedule_restore(node->schedules, node->worker_count);
}

// No worker does anything: join the parts anew.
static int join(struct swap *swap) {
	for (unsigned i = 0; i < swap->plan->instance_count; i++)
		swap->after.instances[i]->schedule = NULL;
	node_parts_put(swap->node, &swap->after);
	int rc = schedule_build(swap->node, swap->plan);
	if (rc < 0)
		join_as_before(swap);
	return rc;
}

// The parts are joined: go on from where they were.
static void take_over(struct swap *swap) {
	struct node *node = swap->node;
	node_sources_share(node, &swap->before, &swap->after);
	schedule_carry(swap->after.schedules, swap->before.schedules, node->worker_count);
	node_parts_take_figures(&swap->after, node, &swap->before);
	node_count_unfinished(node);
	for (unsigned i = 0; i < swap->plan->operator_count; i++)
		set_all(swap->after.operators[i], INSTANCE_RUNS);
	node->plan = swap->plan;
	atomic_fetch_add(&node->plan_changes, 1);
}

//   for_good  false: only see whether it can be
//   by_force  lose what is on its way to what is joined otherwise
//   return    0; -EAGAIN: something was on its way again; or why it can't be
static int put_in_place(struct swap *swap, bool for_good, bool by_force) {
	struct node *node = swap->node;
	pthread_mutex_lock(&node->plan_lock);
	unsigned version = node->plan->version;
	uint64_t begun_ns = clock_monotonic_ns(), sent;
	const struct node_drain drain = drain_of(swap);
	node->nothing->version = version + 1;
	node_publish_plan(node, node->nothing);
	int rc = by_force || node_drain_count_sent(&drain, &sent) ? join(swap) : -EAGAIN;
	if (rc == 0 && by_force)
		swap->report->lost += node_abandon_rings(&swap->before, &swap->after);
	if (rc == 0 && for_good) {
		take_over(swap);
	} else if (rc == 0) {
		join_as_before(swap);
		node_sources_end(node, &swap->before, &swap->after);
	}
	node->plan->version = version + 2;
	node_publish_plan(node, node->plan);
	swap->report->still_ns += clock_monotonic_ns() - begun_ns;
	pthread_mutex_unlock(&node->plan_lock);
	return rc;
}

//   return  as of wait_until_drained and put_in_place, without -EAGAIN
static int put_once_drained(struct swap *swap, uint64_t limit_ns, bool for_good) {
	int rc;
	do {
		rc = wait_until_drained(swap, limit_ns);
		if (rc == 0)
			rc = put_in_place(swap, for_good, false);
	} while (rc == -EAGAIN);
	return rc;
}

// Of those that were told to leave, give up who has not ended.
static void give_up(struct swap *swap) {
	struct node *node = swap->node;
	struct node_swap_report *report = swap->report;
	const struct operator *named = NULL;
	pthread_mutex_lock(&node->plan_lock);
	unsigned version = node->plan->version;
	node->nothing->version = version + 1;
	node_publish_plan(node, node->nothing);
	for (unsigned i = 0; i < swap->before.plan->instance_count; i++) {
		struct instance *instance = swap->before.instances[i];
		if (!has_pace(instance, INSTANCE_LEAVES) || instance->finished || node_is_abandoned(instance))
			continue;
		// Without the memory it is tried again after the next limit.
		if (node_abandon(instance) == 0 && instance->op != named) {
			named = instance->op;
			text_append(report->given_up, sizeof(report->given_up), " %s", named->name);
		}
	}
	node->plan->version = version + 2;
	node_publish_plan(node, node->plan);
	pthread_mutex_unlock(&node->plan_lock);
}

// Upstream before downstream, one operator after the other: what one emits may reach the next by way of one that stays.
// A pipeline that goes as a whole has none of those. Who takes nothing of what comes before it may do so once it has to
// leave itself, so that all are told before any is given up.
static int take_leave(struct swap *swap, uint64_t limit_ns) {
	const struct plan *plan = swap->before.plan;
	int rc = 0;
	for (unsigned i = 0; i < plan->operator_count; i++) {
		if (!has_leaving(swap, swap->before.operators[i]))
			continue;
		have_leave(swap, swap->before.operators[i]);
		if (rc == 0 && swap->is_changed[plan->operators[i].pipeline])
			rc = wait_until_drained(swap, limit_ns);
	}
	rc = wait_until_drained(swap, limit_ns);
	if (rc != -ETIMEDOUT)
		return rc;
	give_up(swap);
	return wait_until_drained(swap, limit_ns);
}

static void count_lost(const struct swap *swap) {
	for (unsigned i = 0; i < swap->before.plan->instance_count; i++)
		swap->report->lost += node_abandon_count(swap->before.instances[i]);
}

// What kept a pipeline from coming to rest: who was sent something, or has some to emit.
static void say_what_waits(const struct swap *swap, char *text, size_t size) {
	const struct plan *plan = swap->before.plan;
	const struct operator *last = NULL;
	snprintf(text, size, "nothing was changed: what was on its way was not handled in %" PRIu64 " ms, by",
		swap->node->config->change_limit_ns / 1000000);
	node_snapshot_begin(swap->node);
	for (unsigned i = 0; i < plan->instance_count; i++) {
		const struct operator *op = swap->before.instances[i]->op;
		bool waits = swap->before.snapshots[i].has_more;
		for (unsigned c = 0; c < plan->channel_count; c++)
			waits |= plan->channels[c].to == i && swap->before.channels[c].ring != NULL &&
				 ring_used(swap->before.channels[c].ring) > 0;
		if (!waits || op == last || !swap->is_changed[plan->operators[plan->instances[i].op].pipeline])
			continue;
		text_append(text, size, "%s %s", last != NULL ? "," : "", op->name);
		last = op;
	}
	node_snapshot_end(swap->node);
	if (last == NULL)
		text_append(text, size, " a worker that did not answer");
}

static int carry_out(struct swap *swap, char *text, size_t size) {
	uint64_t begun_ns = clock_monotonic_ns();
	bool is_leaving = have_leaving(swap);
	pause_changed(swap);
	uint64_t limit_ns = swap->node->config->change_limit_ns;
	int rc = node_sources_come_up(swap->node, &swap->after, limit_ns, text, size);
	if (rc == 0) {
		rc = put_once_drained(swap, limit_ns, !is_leaving);
		if (rc == -ETIMEDOUT)
			say_what_waits(swap, text, size);
	}
	if (rc == 0 && is_leaving) {
		rc = take_leave(swap, limit_ns);
		if (rc == 0)
			rc = put_once_drained(swap, limit_ns, true);
		// What left can't come back, and the memory was there a moment ago.
		for (; rc == -ETIMEDOUT || rc == -ENOMEM; node_drain_look_later())
			rc = put_in_place(swap, true, true);
		count_lost(swap);
	}
	for (unsigned i = 0; i < swap->before.plan->config->pipeline_count; i++)
		if (swap->is_changed[i])
			swap->report->paused_ns = clock_monotonic_ns() - begun_ns;
	if (rc < 0)
		run_all(swap);
	else
		wake_all(swap->node);
	return rc;
}

static void say_why(int rc, char *text, size_t size) {
	if (rc == -ETIMEDOUT)
		return; // who found it did
	else if (rc == -ECANCELED)
		snprintf(text, size, "the node ended meanwhile");
	else
		snprintf(text, size, "it could not be opened: %s",
			operator_last_error()[0] != '\0' ? operator_last_error() : strerror(-rc));
}

int node_swap(struct node *node, struct plan *plan, struct node_swap_report *report, char *text, size_t size) {
	struct swap swap = {.node = node, .plan = plan, .report = report};
	struct plan *before = node->plan;
	const struct node_config *config = before->config;
	*report = (struct node_swap_report){0};
	if (!node_begin_change(node)) {
		snprintf(text, size, "the node is ending");
		return -EBUSY;
	}
	swap.before = node_parts_of(node);
	swap.is_changed = calloc(config->pipeline_count + 1, sizeof(*swap.is_changed));
	int rc = swap.is_changed != NULL ? node_parts_make(&swap.after, node, plan, &swap.before) : -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < config->pipeline_count; i++) {
		const struct pipeline *next = find_pipeline(plan, config->pipelines[i].name);
		swap.is_changed[i] =
			next != NULL && !plan_is_joined_alike(before, i, plan, next - plan->config->pipelines);
	}
	if (rc == 0) {
		rc = carry_out(&swap, text, size);
		report->old = rc == 0 ? before : NULL;
		node_parts_free(rc == 0 ? &swap.before : &swap.after, rc == 0 ? &swap.after : &swap.before);
	}
	free(swap.is_changed);
	node_end_change(node);
	if (rc < 0)
		say_why(rc, text, size);
	return rc;
}
