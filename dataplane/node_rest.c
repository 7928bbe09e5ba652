// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_rest.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { LOOK_NS = 20 * 1000 };
static const uint64_t REST_LIMIT_NS = UINT64_C(2000) * 1000 * 1000;

static void look_later(void) {
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	nanosleep(&pause, NULL);
}

// Of sources, which begin nothing then, and of sinks, which are waited for.
static void set_pace_of_ends(struct node *node, enum instance_pace pace) {
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		if (node->instances[i]->type->poll != NULL || node->instances[i]->type->outputs == NULL)
			atomic_store_explicit(&node->instances[i]->pace, pace, memory_order_release);
	for (unsigned i = 0; i < node->worker_count; i++)
		worker_wake(&node->workers[i]);
}

// What was ever sent by rings.
//   return  false: some is on its way
static bool count_sent(const struct node *node, uint64_t *sent) {
	*sent = 0;
	for (unsigned i = 0; i < node->plan->channel_count; i++) {
		const struct ring *ring = node->channels[i].ring;
		if (ring == NULL)
			continue;
		*sent += atomic_load_explicit(&ring->sent, memory_order_acquire);
		if (ring_used(ring) > 0)
			return false;
	}
	return true;
}

// The figures are of now, no instance has some left to emit, and no sink any left to be rid of.
static bool are_idle(struct node *node) {
	bool are = true;
	node_snapshot_begin(node);
	for (unsigned i = 0; i < node->worker_count; i++)
		are &= atomic_load(&node->workers[i].snapshot_made) >= atomic_load(&node->workers[i].snapshot_asked);
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		are &= !node->snapshots[i].has_more && node->snapshots[i].counters.held == 0;
	node_snapshot_end(node);
	return are;
}

// A snapshot is made at the end of a loop: what a worker had in hands before is in a ring then, or handled.
static bool is_drained(struct node *node) {
	uint64_t before, after;
	return count_sent(node, &before) && are_idle(node) && count_sent(node, &after) && before == after;
}

//   return  0, -ETIMEDOUT, -ECANCELED
static int wait_until_drained(struct node *node, uint64_t end_ns) {
	while (!is_drained(node)) {
		if (node_is_done(node))
			return -ECANCELED;
		if (clock_monotonic_ns() > end_ns)
			return -ETIMEDOUT;
		look_later();
	}
	return 0;
}

// Nobody touches an instance: that nothing has become due since the node was found drained can be seen from them.
static bool is_still_drained(const struct node *node) {
	uint64_t sent;
	bool is = count_sent(node, &sent);
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		is &= !node->instances[i]->backlog && !node->instances[i]->schedule->backlog &&
		      node->instances[i]->counters.held == 0;
	return is;
}

//   return  -EAGAIN: something was on its way again; else what act returned
static int act_in_rest(struct node *node, int (*act)(void *context), void *context, struct node_rest_report *report) {
	pthread_mutex_lock(&node->plan_lock);
	unsigned version = node->plan->version;
	uint64_t begun_ns = clock_monotonic_ns();
	node->nothing->version = version + 1;
	node_publish_plan(node, node->nothing);
	int rc = is_still_drained(node) ? act(context) : -EAGAIN;
	node->plan->version = version + 2;
	node_publish_plan(node, node->plan);
	report->still_ns += clock_monotonic_ns() - begun_ns;
	pthread_mutex_unlock(&node->plan_lock);
	return rc;
}

static void say_who_is_not(struct node *node, char *text, size_t size) {
	snprintf(text, size, "what was on its way was not handled in time");
	node_snapshot_begin(node);
	for (unsigned i = 0; i < node->plan->instance_count; i++) {
		const struct instance *instance = node->instances[i];
		if (node->snapshots[i].has_more || node->snapshots[i].counters.held > 0)
			snprintf(text, size, "%s/%s: what it holds was not taken from it in time",
				instance->op->pipeline, instance->op->name);
	}
	node_snapshot_end(node);
}

int node_rest(struct node *node, int (*act)(void *context), void *context, struct node_rest_report *report, char *text,
	size_t size) {
	*report = (struct node_rest_report){0};
	if (!node_begin_change(node)) {
		snprintf(text, size, "the node is ending");
		return -EBUSY;
	}
	uint64_t begun_ns = clock_monotonic_ns(), end_ns = begun_ns + REST_LIMIT_NS;
	int rc;
	set_pace_of_ends(node, INSTANCE_PAUSES);
	do {
		rc = wait_until_drained(node, end_ns);
		if (rc == 0)
			rc = act_in_rest(node, act, context, report);
	} while (rc == -EAGAIN && clock_monotonic_ns() < end_ns);
	if (rc == -EAGAIN)
		rc = -ETIMEDOUT;
	if (rc == -ETIMEDOUT)
		say_who_is_not(node, text, size);
	else if (rc == -ECANCELED)
		snprintf(text, size, "the node ended meanwhile");
	set_pace_of_ends(node, INSTANCE_RUNS);
	report->paused_ns = clock_monotonic_ns() - begun_ns;
	node_end_change(node);
	return rc;
}
