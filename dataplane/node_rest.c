// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_rest.h"

#include <errno.h>
#include <stdio.h>

#include "dataplane/node_drain.h"

static const uint64_t REST_LIMIT_NS = UINT64_C(2000) * 1000 * 1000;

// Of sources, which begin nothing then, and of sinks, which are waited for.
static void set_pace_of_ends(struct node *node, enum instance_pace pace) {
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		if (node->instances[i]->type->poll != NULL || node->instances[i]->type->outputs == NULL)
			atomic_store_explicit(&node->instances[i]->pace, pace, memory_order_release);
	for (unsigned i = 0; i < node->worker_count; i++)
		worker_wake(&node->workers[i]);
}

// Nobody touches an instance: that nothing has become due since the node was found drained can be seen from them.
static bool is_still_drained(const struct node_drain *drain) {
	const struct node *node = drain->node;
	uint64_t sent;
	bool is = node_drain_count_sent(drain, &sent);
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		is &= !node->instances[i]->backlog && !node->instances[i]->schedule->backlog &&
		      node->instances[i]->counters.held == 0;
	return is;
}

//   return  -EAGAIN: something was on its way again; else what act returned
static int act_in_rest(
	const struct node_drain *drain, int (*act)(void *context), void *context, struct node_rest_report *report) {
	struct node *node = drain->node;
	pthread_mutex_lock(&node->plan_lock);
	unsigned version = node->plan->version;
	uint64_t begun_ns = clock_monotonic_ns();
	node->nothing->version = version + 1;
	node_publish_plan(node, node->nothing);
	int rc = is_still_drained(drain) ? act(context) : -EAGAIN;
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
	const struct node_drain drain = {.node = node, .with_held = true};
	uint64_t begun_ns = clock_monotonic_ns(), now_ns = begun_ns, end_ns = begun_ns + REST_LIMIT_NS;
	int rc;
	set_pace_of_ends(node, INSTANCE_PAUSES);
	do {
		rc = node_drain_wait(&drain, end_ns - now_ns);
		if (rc == 0)
			rc = act_in_rest(&drain, act, context, report);
		now_ns = clock_monotonic_ns();
	} while (rc == -EAGAIN && now_ns < end_ns);
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
