// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "dataplane/latency.h"
#include "dataplane/move.h"
#include "dataplane/node_move.h"
#include "dataplane/node_parts.h"
#include "dataplane/node_pools.h"
#include "dataplane/node_snapshot.h"
#include "dataplane/rcu.h"
#include "dataplane/switch/link_switch.h"

enum { SNAPSHOT_LIMIT_NS = 200 * 1000 * 1000 };
_Static_assert(RTE_MAX_LCORE <= PLAN_WORKERS_MAX, "every lcore can be a worker");

static int make_workers(struct node *node) {
	unsigned index = 0, lcore;
	RTE_LCORE_FOREACH(lcore) {
		if (index == node->worker_count)
			break;
		int rc = worker_init(&node->workers[index], node, index, lcore);
		if (rc < 0) {
			fprintf(stderr, "weir-dataplane: worker %u: %s\n", index, strerror(-rc));
			return rc;
		}
		index++;
	}
	if (index == node->worker_count)
		return 0;
	fprintf(stderr, "weir-dataplane: %u workers planned for %u lcores: expected no service cores (-s, -S)\n",
		node->worker_count, index);
	return -EINVAL;
}

static void init_locks(struct node *node) {
	pthread_mutex_t *const locks[] = {
		&node->snapshot_lock, &node->settings_lock, &node->plan_lock, &node->change_lock, &node->move_lock};
	for (unsigned i = 0; i < RTE_DIM(locks); i++)
		pthread_mutex_init(locks[i], NULL);
}

// The switch carries what pipelines over several nodes send each other.
static int make_links(struct node *node, const struct node_config *config) {
	bool is_spread = false;
	for (unsigned i = 0; i < config->pipeline_count; i++)
		is_spread |= config->pipelines[i].is_spread;
	if (!is_spread)
		return 0;
	const struct link_switch_options options = {
		.node = node->name,
		.incarnation = node->incarnation,
		.nodes = &config->nodes,
		.connections = (unsigned)strtoul(config->connections, NULL, 10),
		.key = config->key,
		.allowed_nodes = config->allowed_nodes,
	};
	return link_switch_new(&node->links, &options);
}

static int load(struct node *node, const struct plan *plan) {
	const struct node_parts none = {.plan = node->nothing};
	struct node_parts parts;
	int rc = node_parts_make(&parts, node, plan, &none);
	if (rc < 0)
		return rc;
	node_parts_put(node, &parts);
	rc = schedule_build(node, plan);
	node_count_unfinished(node);
	return rc;
}

int node_init(struct node *node, const struct node_config *config, struct plan *plan) {
	static const struct node_config no_pipelines;
	struct config_error error;
	*node = (struct node){
		.config = config,
		.name = config->node,
		.incarnation = clock_now_ns(),
		.started_ns = clock_monotonic_ns(),
		.published = plan,
		.plan = plan,
		.worker_count = plan->worker_count,
		.is_resident = plan->instance_count == 0,
		.takes_changes = config->controller != NULL,
	};
	init_locks(node);
	latency_init();
	node->done_fd = eventfd(0, EFD_CLOEXEC);
	if (node->done_fd < 0) {
		fprintf(stderr, "weir-dataplane: no descriptor for the node: %m\n");
		return -EMFILE;
	}
	struct node_restore *restore = NULL;
	int rc = key_secret_init(node->hash_secret, config->hash_secret);
	if (rc == 0 && config->restore != NULL)
		rc = node_restore_new(&restore, node, config->restore);
	node->is_restored = restore != NULL;
	node->workers = aligned_zeros(plan->worker_count * sizeof(*node->workers));
	if (rc == 0 && node->workers == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = make_workers(node);
	if (rc == 0)
		rc = plan_new(&node->nothing, &no_pipelines, plan->worker_count, &error);
	if (rc == 0)
		rc = make_links(node, config);
	if (rc == 0)
		rc = load(node, plan);
	if (rc == 0 && restore != NULL)
		rc = node_restore_state(restore);
	if (rc == 0 && node->links != NULL)
		rc = link_switch_start(node->links);
	node->is_restored = false;
	node_restore_free(restore);
	return rc;
}

static void unload(struct node *node) {
	const struct node_parts none = {.plan = node->nothing};
	struct node_parts parts = node_parts_of(node);
	node_parts_free(&parts, &none);
	node_pools_free(node);
	plan_free(node->nothing);
}

void node_fini(struct node *node) {
	node_move_settle(node);
	link_switch_stop(node->links);
	if (node->nothing != NULL)
		unload(node);
	link_switch_free(node->links);
	for (unsigned i = 0; node->workers != NULL && i < node->worker_count; i++)
		if (node->workers[i].node != NULL)
			worker_fini(&node->workers[i]);
	free(node->workers);
	if (node->done_fd >= 0)
		close(node->done_fd);
	pthread_mutex_destroy(&node->move_lock);
	pthread_mutex_destroy(&node->change_lock);
	pthread_mutex_destroy(&node->plan_lock);
	pthread_mutex_destroy(&node->settings_lock);
	pthread_mutex_destroy(&node->snapshot_lock);
}

static void wake_workers(struct node *node) {
	for (unsigned i = 0; i < node->worker_count; i++)
		worker_wake(&node->workers[i]);
}

struct plan *node_publish_plan(struct node *node, struct plan *plan) {
	struct plan *old = rcu_publish(&node->published, plan);
	wake_workers(node);
	rcu_wait_for_readers(&node->published);
	return old;
}

void node_stop(struct node *node) {
	atomic_store(&node->stopping, true);
	wake_workers(node);
}

bool node_begin_change(struct node *node) {
	bool is_ending = false;
	pthread_mutex_lock(&node->move_lock);
	for (unsigned i = 0; i < node->worker_count; i++)
		is_ending |= node->workers[i].ended;
	node->is_changing = !is_ending;
	pthread_mutex_unlock(&node->move_lock);
	return !is_ending;
}

void node_end_change(struct node *node) {
	pthread_mutex_lock(&node->move_lock);
	node->is_changing = false;
	pthread_mutex_unlock(&node->move_lock);
	wake_workers(node);
}

void node_count_unfinished(struct node *node) {
	unsigned unfinished = 0;
	for (unsigned i = 0; i < node->instance_count; i++)
		unfinished += !node->instances[i]->finished;
	atomic_store(&node->unfinished, unfinished);
}

void node_note_finished(struct node *node) {
	if (atomic_fetch_sub(&node->unfinished, 1) == 1)
		wake_workers(node);
}

bool node_worker_may_end(struct node *node, struct worker *worker) {
	pthread_mutex_lock(&node->move_lock);
	worker->ended = (node->move == NULL || move_is_over(node->move)) && !node->is_changing;
	pthread_mutex_unlock(&node->move_lock);
	return worker->ended;
}

void node_worker_done(struct node *node) {
	if (atomic_fetch_add(&node->workers_done, 1) + 1 < node->worker_count)
		return;
	uint64_t one = 1;
	if (write(node->done_fd, &one, sizeof(one)) < 0)
		abort(); // an eventfd that nobody else counts up
}

bool node_is_done(const struct node *node) {
	return atomic_load(&node->workers_done) == node->worker_count;
}

void node_snapshot_begin(struct node *node) {
	pthread_mutex_lock(&node->snapshot_lock);
	uint64_t asked[PLAN_WORKERS_MAX];
	for (unsigned i = 0; i < node->worker_count; i++) {
		asked[i] = atomic_fetch_add(&node->workers[i].snapshot_asked, 1) + 1;
		worker_wake(&node->workers[i]);
	}
	uint64_t waited_ns = 0;
	struct timespec pause = {.tv_nsec = 50 * 1000};
	for (unsigned i = 0; i < node->worker_count; i++)
		while (atomic_load_explicit(&node->workers[i].snapshot_made, memory_order_acquire) < asked[i] &&
			waited_ns < SNAPSHOT_LIMIT_NS) {
			nanosleep(&pause, NULL);
			waited_ns += (uint64_t)pause.tv_nsec;
		}
	for (unsigned i = 0; i < node->worker_count; i++)
		pthread_mutex_lock(&node->workers[i].figures_lock);
}

void node_snapshot_end(struct node *node) {
	for (unsigned i = 0; i < node->worker_count; i++)
		pthread_mutex_unlock(&node->workers[i].figures_lock);
	pthread_mutex_unlock(&node->snapshot_lock);
}

void node_count_copy_failed(struct node *node) {
	atomic_fetch_add_explicit(&node->copies_failed, 1, memory_order_relaxed);
}

struct link_switch *node_links(const struct node *node) {
	return node->links;
}

void node_set_uplink(struct node *node, struct uplink *uplink) {
	node->uplink = uplink;
}
