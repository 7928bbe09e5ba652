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

#include <rte_errno.h>
#include <rte_lcore.h>

#include "dataplane/move.h"
#include "dataplane/node_move.h"
#include "dataplane/rcu.h"

enum {
	PACKETS_MIN = 1023,        // smallest pool of packets worth starting with
	PACKETS_PER_SOURCE = 2048, // receive descriptors and frames of many segments
	POOL_CACHE = 128,
	SNAPSHOT_LIMIT_NS = 200 * 1000 * 1000,
};
_Static_assert(RTE_MAX_LCORE <= PLAN_WORKERS_MAX, "every lcore can be a worker");

static void *aligned_zeros(size_t size) {
	size = RTE_ALIGN_CEIL(size > 0 ? size : 1, RTE_CACHE_LINE_SIZE);
	void *memory = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (memory != NULL)
		memset(memory, 0, size);
	return memory;
}

static unsigned count_holds(const struct instance *instance, enum schema_body body) {
	const struct schedule_entry *entry = instance->schedule;
	unsigned holds = 0;
	for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++)
		for (unsigned r = 0; r < entry->route_counts[o]; r++)
			holds += entry->routes[o][r].hold.tuples != NULL && entry->routes[o][r].schema->body == body;
	return holds;
}

// Elements that can be on their way at once: in rings and holds, in each worker's hands, in the pools' caches.
static unsigned pool_size(const struct node *node, const struct plan *plan, enum schema_body body, unsigned extra) {
	uint64_t rings = 0;
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct pipeline_stream *stream = plan_channel_stream(plan, &plan->channels[i]);
		rings += plan->channels[i].ring && stream->schema->body == body;
	}
	uint64_t holds = 0;
	for (unsigned i = 0; i < plan->instance_count; i++)
		holds += count_holds(&node->instances[i], body);
	uint64_t hands = (uint64_t)plan->instance_count * (OPERATOR_OUTPUTS_MAX + 2) * BATCH_MAX;
	uint64_t caches = (uint64_t)plan->worker_count * POOL_CACHE * 2;
	uint64_t waiting = rings * plan->ring_size + holds * HOLD_SIZE;
	uint64_t size = rte_align64pow2(waiting + hands + caches + extra + 1) - 1;
	return (unsigned)RTE_MIN(size, (uint64_t)INT32_MAX);
}

static struct rte_mempool *make_pool(const struct node *node, const char *name, unsigned count, unsigned room) {
	// A cache keeps up to one and a half times its size. What those of idle workers keep, the others lack: at most
	// half of the pool.
	unsigned cache = RTE_MIN((unsigned)POOL_CACHE, count / (3 * node->worker_count));
	// Workers may share a CPU: relaxed tail sync keeps one that lost it from stalling the others.
	return rte_pktmbuf_pool_create_by_ops(
		name, count, cache, TUPLE_PRIVATE_SIZE, (uint16_t)room, (int)rte_socket_id(), "ring_mt_rts");
}

static unsigned record_size_max(const struct plan *plan) {
	unsigned size = 0;
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct schema *schema = plan_channel_stream(plan, &plan->channels[i])->schema;
		if (schema->body == SCHEMA_RECORD && schema->size > size)
			size = schema->size;
	}
	return size;
}

static int make_pools(struct node *node, const struct plan *plan) {
	unsigned sources = 0;
	for (unsigned i = 0; i < plan->instance_count; i++)
		sources += node->instances[i].type->poll != NULL;
	if (plan->instance_count == 0)
		return 0;
	unsigned record_size = record_size_max(plan);
	if (record_size > 0) {
		unsigned count = pool_size(node, plan, SCHEMA_RECORD, 0);
		node->records = make_pool(node, "weir_records", count, RTE_PKTMBUF_HEADROOM + record_size);
		if (node->records == NULL) {
			fprintf(stderr,
				"weir-dataplane: no memory for %u records of %u bytes: %s; use a smaller ring_size or "
				"parallelism, or give the EAL more (-m MEGABYTES)\n",
				count, record_size, rte_strerror(rte_errno));
			return -ENOMEM;
		}
	}
	// A source waits where packets run short, so a smaller pool is slower, not wrong.
	unsigned wanted = pool_size(node, plan, SCHEMA_PACKET, sources * PACKETS_PER_SOURCE);
	for (unsigned count = wanted; count >= PACKETS_MIN && node->packets == NULL; count /= 2)
		node->packets = make_pool(node, "weir_packets", count, RTE_MBUF_DEFAULT_BUF_SIZE);
	if (node->packets == NULL) {
		fprintf(stderr, "weir-dataplane: no memory for %u packets: %s; give the EAL more (-m MEGABYTES)\n",
			PACKETS_MIN, rte_strerror(rte_errno));
		return -ENOMEM;
	}
	return 0;
}

// Of which inputs the hashes are those of the operator's key (schedule.c).
static void describe_keys(
	struct operator *op, const struct pipeline *pipeline, const struct pipeline_operator *config) {
	const char *names[GROUPING_KEY_MAX];
	for (unsigned i = 0; i < operator_type_input_count(config->type); i++)
		op->keyed_inputs |= (uint32_t)(pipeline_operator_key(config, i, names) > 0) << i;
	for (unsigned i = 0; i < pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &pipeline->streams[i];
		if (&pipeline->operators[stream->to] == config && stream->symmetric)
			op->symmetric_inputs |= UINT32_C(1) << stream->input;
	}
}

static int describe_operators(struct node *node, const struct plan *plan) {
	for (unsigned i = 0; i < plan->operator_count; i++) {
		const struct plan_operator *planned = &plan->operators[i];
		const struct pipeline_operator *config = plan_operator_config(plan, planned);
		struct operator *op = &node->operators[i];
		*op = (struct operator){
			.type = config->type,
			.name = config->name,
			.pipeline = plan->config->pipelines[planned->pipeline].name,
			.options = config->options,
			.input = config->inputs[0],
			.inputs = config->inputs,
			.outputs = config->outputs,
			.instance_count = planned->instance_count,
			.node = node,
		};
		describe_keys(op, &plan->config->pipelines[planned->pipeline], config);
		op->instances = calloc(planned->instance_count, sizeof(struct instance *));
		if (op->instances == NULL)
			return -ENOMEM;
		for (unsigned j = 0; j < planned->instance_count; j++) {
			struct instance *instance = &node->instances[planned->first_instance + j];
			*instance = (struct instance){
				.type = op->type,
				.op = op,
				.index = j,
				.worker = plan->instances[planned->first_instance + j].worker,
				.options = op->options,
			};
			op->instances[j] = instance;
		}
	}
	return 0;
}

static int make_rings(struct node *node, const struct plan *plan) {
	for (unsigned i = 0; i < plan->channel_count; i++) {
		node->channels[i].channel = &plan->channels[i];
		int rc = plan->channels[i].ring ? ring_new(&node->channels[i].ring, plan->ring_size) : 0;
		if (rc < 0) {
			fprintf(stderr, "weir-dataplane: no memory for %u rings of %u entries\n", plan->channel_count,
				plan->ring_size);
			return rc;
		}
	}
	return 0;
}

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

static int open_operators(struct node *node, const struct plan *plan) {
	for (unsigned i = 0; i < plan->operator_count; i++) {
		struct operator *op = &node->operators[i];
		if (op->type->open == NULL)
			continue;
		int rc = op->type->open(op);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int init_instances(struct node *node, const struct plan *plan) {
	for (unsigned i = 0; i < plan->instance_count; i++) {
		struct instance *instance = &node->instances[i];
		instance->state = aligned_zeros(instance->type->state_size);
		if (instance->state == NULL)
			return -ENOMEM;
		// Outputs are known before init, so that an operator can ask who listens.
		for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++) {
			instance->outputs[o].route_count = instance->schedule->route_counts[o];
			instance->outputs[o].routes = instance->schedule->routes[o];
		}
		int rc = instance->type->init != NULL ? instance->type->init(instance) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int allocate(struct node *node, const struct plan *plan) {
	node->operator_count = plan->operator_count;
	node->instance_count = plan->instance_count;
	node->operators = calloc(plan->operator_count + 1, sizeof(*node->operators));
	node->instances = aligned_zeros((plan->instance_count + 1) * sizeof(*node->instances));
	node->snapshots = calloc(plan->instance_count + 1, sizeof(*node->snapshots));
	node->channels = calloc(plan->channel_count + 1, sizeof(*node->channels));
	node->schedules = calloc(plan->worker_count, sizeof(*node->schedules));
	bool complete = node->operators != NULL && node->instances != NULL && node->snapshots != NULL &&
			node->channels != NULL && node->schedules != NULL;
	return complete ? 0 : -ENOMEM;
}

int node_load(struct node *node, const struct plan *plan) {
	int rc = allocate(node, plan);
	if (rc == 0)
		rc = describe_operators(node, plan);
	if (rc == 0)
		rc = make_rings(node, plan);
	if (rc == 0)
		rc = schedule_build(node, plan);
	if (rc == 0)
		rc = make_pools(node, plan);
	if (rc == 0)
		rc = open_operators(node, plan);
	if (rc == 0)
		rc = init_instances(node, plan);
	if (rc < 0)
		node_unload(node, plan);
	return rc;
}

static void close_operators(struct node *node, const struct plan *plan) {
	for (unsigned i = 0; node->instances != NULL && i < plan->instance_count; i++) {
		struct instance *instance = &node->instances[i];
		if (instance->state != NULL && instance->type->fini != NULL)
			instance->type->fini(instance);
		free(instance->state);
	}
	for (unsigned i = 0; node->operators != NULL && i < plan->operator_count; i++) {
		struct operator *op = &node->operators[i];
		if (op->type != NULL && op->type->close != NULL)
			op->type->close(op);
		free(op->instances);
	}
}

void node_unload(struct node *node, const struct plan *plan) {
	close_operators(node, plan);
	for (unsigned i = 0; node->channels != NULL && i < plan->channel_count; i++)
		ring_free(node->channels[i].ring);
	for (unsigned i = 0; node->schedules != NULL && i < plan->worker_count; i++)
		schedule_free(&node->schedules[i]);
	rte_mempool_free(node->records);
	rte_mempool_free(node->packets);
	free(node->operators);
	free(node->instances);
	free(node->snapshots);
	free(node->channels);
	free(node->schedules);
	node->records = node->packets = NULL;
	node->operators = NULL;
	node->instances = NULL;
	node->snapshots = NULL;
	node->channels = NULL;
	node->schedules = NULL;
	node->operator_count = node->instance_count = 0;
}

static void init_locks(struct node *node) {
	pthread_mutex_t *const locks[] = {
		&node->snapshot_lock, &node->settings_lock, &node->plan_lock, &node->change_lock, &node->move_lock};
	for (unsigned i = 0; i < RTE_DIM(locks); i++)
		pthread_mutex_init(locks[i], NULL);
}

int node_init(struct node *node, const struct node_config *config, struct plan *plan) {
	*node = (struct node){
		.config = config,
		.name = config->node,
		.incarnation = clock_now_ns(),
		.started_ns = clock_monotonic_ns(),
		.published = plan,
		.plan = plan,
		.worker_count = plan->worker_count,
		.is_resident = plan->instance_count == 0,
	};
	init_locks(node);
	node->done_fd = eventfd(0, EFD_CLOEXEC);
	if (node->done_fd < 0) {
		fprintf(stderr, "weir-dataplane: no descriptor for the node: %m\n");
		return -EMFILE;
	}
	int rc = key_secret_init(node->hash_secret, config->hash_secret);
	node->workers = aligned_zeros(plan->worker_count * sizeof(*node->workers));
	if (rc == 0 && node->workers == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = make_workers(node);
	return rc == 0 && plan->instance_count > 0 ? node_load(node, plan) : rc;
}

void node_fini(struct node *node) {
	node_move_settle(node);
	node_unload(node, node->plan);
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

void node_drain(struct node *node, bool drains) {
	atomic_store(&node->draining, drains);
	wake_workers(node);
}

bool node_worker_may_end(struct node *node, struct worker *worker) {
	pthread_mutex_lock(&node->move_lock);
	worker->ended = node->move == NULL || move_is_over(node->move);
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

void node_set_uplink(struct node *node, struct uplink *uplink) {
	node->uplink = uplink;
}
