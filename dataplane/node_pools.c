// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_pools.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_lcore.h>

#include "dataplane/node.h"
#include "dataplane/rcu.h"

enum {
	PACKETS_MIN = 1023,        // smallest pool of packets worth starting with
	PACKETS_PER_SOURCE = 2048, // receive descriptors and frames of many segments
	POOL_CACHE = 128,
	SPARE = 2, // a node that may be given more to do takes so many times what it needs, where there is the memory
};

// Routes that steer by key among several instances: each may hold tuples.
static unsigned count_holds(const struct plan *plan, enum schema_body body) {
	unsigned holds = 0;
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct plan_channel *channel = &plan->channels[i];
		const struct pipeline_stream *stream = plan_channel_stream(plan, channel);
		const struct plan_instance *to = &plan->instances[channel->to];
		holds += stream->grouping == GROUPING_KEY && stream->schema->body == body && to->index == 0 &&
			 plan->operators[to->op].instance_count > 1;
	}
	return holds;
}

// Elements that can be on their way at once: in rings and holds, in each worker's hands, in the pools' caches.
static unsigned pool_size(const struct plan *plan, enum schema_body body, unsigned extra) {
	uint64_t waiting = (uint64_t)count_holds(plan, body) * HOLD_SIZE;
	for (unsigned i = 0; i < plan->channel_count; i++)
		if (plan->channels[i].ring && plan_channel_stream(plan, &plan->channels[i])->schema->body == body)
			waiting += plan_ring_size(plan, &plan->channels[i]);
	uint64_t hands = (uint64_t)plan->instance_count * (OPERATOR_OUTPUTS_MAX + 2) * BATCH_MAX;
	uint64_t caches = (uint64_t)plan->worker_count * POOL_CACHE * 2;
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

// A worker may be about to leave the pool that it brought the last record back to.
static void free_retired(struct node *node) {
	for (unsigned i = node->retired_count; i-- > 0;) {
		if (!rte_mempool_full(node->retired[i]))
			continue;
		rcu_wait_for_readers(&node->published);
		rte_mempool_free(node->retired[i]);
		node->retired[i] = node->retired[--node->retired_count];
	}
}

static int fit_records(struct node *node, const struct plan *plan) {
	unsigned size = record_size_max(plan), count = pool_size(plan, SCHEMA_RECORD, 0);
	struct rte_mempool *pool = node->records;
	free_retired(node);
	if (size == 0)
		return 0;
	bool is_enough =
		pool != NULL && pool->size >= count && rte_pktmbuf_data_room_size(pool) >= size + RTE_PKTMBUF_HEADROOM;
	if (is_enough)
		return 0;
	if (node->retired_count == NODE_POOLS_RETIRED_MAX) {
		fprintf(stderr, "weir-dataplane: %u pools of records are in use still\n", node->retired_count);
		return -ENOMEM;
	}
	char name[32];
	snprintf(name, sizeof(name), "weir_records_%u", node->pools_made++);
	struct rte_mempool *made = NULL;
	for (unsigned times = node->takes_changes ? SPARE : 1; times > 0 && made == NULL; times--)
		made = make_pool(node, name, (count + 1) * times - 1, RTE_PKTMBUF_HEADROOM + size);
	if (made == NULL) {
		fprintf(stderr,
			"weir-dataplane: no memory for %u records of %u bytes: %s; use a smaller ring_size or "
			"parallelism, or give the EAL more (-m MEGABYTES)\n",
			count, size, rte_strerror(rte_errno));
		return -ENOMEM;
	}
	__atomic_store_n(&node->records, made, __ATOMIC_RELEASE);
	if (pool != NULL)
		node->retired[node->retired_count++] = pool;
	return 0;
}

// A source waits where packets run short, so a smaller pool is slower, not wrong.
static int fit_packets(struct node *node, const struct plan *plan) {
	unsigned sources = 0;
	for (unsigned i = 0; i < plan->instance_count; i++)
		sources += plan_operator_config(plan, &plan->operators[plan->instances[i].op])->type->poll != NULL;
	unsigned wanted = pool_size(plan, SCHEMA_PACKET, sources * PACKETS_PER_SOURCE);
	if (node->packets != NULL && (node->instance_count > 0 || node->packets->size >= wanted))
		return 0;
	rte_mempool_free(node->packets);
	node->packets = NULL;
	if (node->takes_changes)
		wanted = wanted * SPARE + 1;
	for (unsigned count = wanted; count >= PACKETS_MIN && node->packets == NULL; count /= 2)
		node->packets = make_pool(node, "weir_packets", count, RTE_MBUF_DEFAULT_BUF_SIZE);
	if (node->packets != NULL)
		return 0;
	fprintf(stderr, "weir-dataplane: no memory for %u packets: %s; give the EAL more (-m MEGABYTES)\n", PACKETS_MIN,
		rte_strerror(rte_errno));
	return -ENOMEM;
}

int node_pools_fit(struct node *node, const struct plan *plan) {
	if (plan->instance_count == 0)
		return 0;
	int rc = fit_records(node, plan);
	return rc == 0 ? fit_packets(node, plan) : rc;
}

void node_pools_free(struct node *node) {
	while (node->retired_count > 0)
		rte_mempool_free(node->retired[--node->retired_count]);
	rte_mempool_free(node->records);
	rte_mempool_free(node->packets);
	node->records = node->packets = NULL;
}
