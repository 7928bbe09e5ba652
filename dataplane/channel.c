// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/channel.h"

#include "dataplane/key.h"
#include "dataplane/key_words.h"
#include "dataplane/latency.h"
#include "dataplane/node.h"

void channel_call(struct instance *to, struct batch *batch) {
	const unsigned count = batch->count;
	const uint64_t absorbed = to->counters.absorbed;
	to->counters.in += count;
	to->type->process(to, batch);
	const uint64_t ended = to->type->outputs == NULL ? count : to->counters.absorbed - absorbed;
	if (ended > 0 && latency_since != 0 && to->latency != NULL)
		latency_end(to->latency, ended);
	if (to->backlog)
		to->due = latency_since;
	channel_flush(to);
}

void channel_flush(struct instance *from) {
	for (unsigned i = 0; i < OPERATOR_OUTPUTS_MAX; i++)
		if (from->outputs[i].pending.count > 0)
			channel_deliver(from, &from->outputs[i], &from->outputs[i].pending);
}

static void send_to(const struct route *route, struct target *target, struct batch *batch) {
	if (target->ring != NULL) {
		batch_store(batch, route->schema);
		ring_enqueue(target->ring, batch->tuples, batch->count, latency_since);
	} else {
		target->called += batch->count;
		batch->input = route->input;
		channel_call(target->callee, batch);
	}
	batch->count = 0;
}

static void send_gathered(struct route *route) {
	for (unsigned i = 0; i < route->target_count; i++)
		if (route->targets[i].gathered.count > 0)
			send_to(route, &route->targets[i], &route->targets[i].gathered);
}

enum { LOADS_SAMPLE = 16 }; // one batch in so many tells how much each group has

static void __attribute__((noinline)) count_loads(struct route *route, const struct batch *batch) {
	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t *load = &route->loads[key_group(batch->hashes[i])];
		__atomic_store_n(load, *load + LOADS_SAMPLE, __ATOMIC_RELAXED);
	}
}

static void send_by_group(struct route *route, struct batch *batch) {
	if (++route->batches % LOADS_SAMPLE == 0)
		count_loads(route, batch);
	for (unsigned i = 0; i < batch->count; i++) {
		struct target *target = &route->targets[route->owners[key_group(batch->hashes[i])]];
		batch_add_from(&target->gathered, batch, i);
	}
	batch->count = 0;
	send_gathered(route);
	struct batch *held = &route->targets[route->target_count].gathered;
	if (held->count > 0) {
		if (hold_count(&route->hold) == 0)
			route->hold.since = latency_since;
		hold_put(&route->hold, held, route->schema);
	}
}

void channel_send_held(struct route *route, struct batch *batch) {
	latency_since = route->hold.since;
	send_by_group(route, batch);
}

// Of the two instances that a key has, the one that this sender gave less so far: a key's tuples are split over two
// instances at most, and the loads stay close whatever the keys (Nasir et al.: The power of both choices, 2015).
static void send_by_choice(struct route *route, struct batch *batch) {
	const uint64_t n = route->target_count;
	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t hash = batch->hashes[i], other = hash * UINT64_C(0x9e3779b97f4a7c15);
		uint64_t first = (hash >> 32) * n >> 32, second = (other >> 32) * (n - 1) >> 32;
		second += second >= first; // another one than the first
		struct target *a = &route->targets[first], *b = &route->targets[second];
		struct target *target = b->sent < a->sent ? b : a;
		target->sent++;
		batch_add_from(&target->gathered, batch, i);
	}
	batch->count = 0;
	send_gathered(route);
}

// Each target earns its weight's share of every tuple, and the one that is owed most gets the batch and pays for it.
static struct target *choose_by_weight(struct route *route, unsigned count) {
	struct target *chosen = &route->targets[0];
	int64_t total = 0;
	for (unsigned i = 0; i < route->target_count; i++) {
		struct target *target = &route->targets[i];
		target->credit += (int64_t)route->weights[i] * count;
		total += route->weights[i];
		if (target->credit > chosen->credit)
			chosen = target;
	}
	chosen->credit -= total * count;
	return chosen;
}

static void send_by_turns(struct route *route, struct batch *batch) {
	if (route->weights != NULL) {
		send_to(route, choose_by_weight(route, batch->count), batch);
		return;
	}
	route->next = route->next + 1 < route->target_count ? route->next + 1 : 0;
	send_to(route, &route->targets[route->next], batch);
}

static struct rte_mbuf *copy_tuple(const struct node *node, struct rte_mbuf *tuple, enum schema_body body) {
	// Not all sources' packets come from a pool that has more of them.
	struct rte_mempool *pool =
		body == SCHEMA_RECORD ? __atomic_load_n(&node->records, __ATOMIC_ACQUIRE) : node->packets;
	struct rte_mbuf *copy = rte_pktmbuf_copy(tuple, pool, 0, UINT32_MAX);
	if (copy == NULL)
		return NULL;
	copy->packet_type = tuple->packet_type;
	return copy;
}

static void count_lost_copy(struct instance *from) {
	node_count_copy_failed(from->op->node);
	instance_fail(from,
		"the packet pool is empty: a copy for one of its streams is lost (counted as copies_failed); "
		"give the EAL more memory (-m MEGABYTES), or use a smaller ring_size");
}

static void take_copies(
	struct instance *from, const struct route *route, const struct batch *batch, struct batch *out) {
	out->count = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		struct rte_mbuf *copy = copy_tuple(from->op->node, batch->tuples[i], route->schema->body);
		if (copy == NULL) {
			count_lost_copy(from);
			continue;
		}
		batch_add_from(out, batch, i);
		out->tuples[out->count - 1] = copy;
		out->packets[out->count - 1] = tuple_stored_packet(copy);
		*tuple_stored_packet(copy) = *batch->packets[i];
	}
}

static void take_references(const struct route *route, struct batch *batch, struct batch *out) {
	// Once, by whoever still has them all: who gets a reference may read what is in the mbuf at any time.
	batch_store(batch, route->schema);
	out->count = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		rte_pktmbuf_refcnt_update(batch->tuples[i], 1); // of each mbuf of a chain
		batch_add_from(out, batch, i);
		out->packets[i] = tuple_stored_packet(batch->tuples[i]);
	}
}

// What a receiver gets of tuples that go to others as well.
static void share(struct instance *from, const struct route *route, struct batch *batch, bool copy, struct batch *out) {
	if (copy)
		take_copies(from, route, batch, out);
	else
		take_references(route, batch, out);
}

static void send_to_all(struct instance *from, struct route *route, struct batch *batch) {
	for (unsigned t = 0; t + 1 < route->target_count; t++) {
		struct batch shared;
		share(from, route, batch, route->writes, &shared);
		if (shared.count > 0)
			send_to(route, &route->targets[t], &shared);
	}
	send_to(route, &route->targets[route->target_count - 1], batch);
}

static void hash_batch(struct instance *from, const struct route *route, struct batch *batch) {
	const void *bodies[BATCH_MAX];
	batch->keys = NULL;
	if (route->key == NULL)
		return;
	batch_bodies(batch, route->schema, bodies);
	key_words_load_batch(route->key, bodies, batch->count, route->keys);
	key_hash_batch(from->op->node, route->keys, route->key->length, batch->count, batch->hashes);
	if (route->gives_keys)
		batch->keys = route->keys;
}

static void route_send(struct instance *from, struct route *route, struct batch *batch) {
	hash_batch(from, route, batch);
	if (route->target_count == 1) {
		send_to(route, &route->targets[0], batch);
		return;
	}
	switch (route->grouping) {
	case GROUPING_KEY:
		send_by_group(route, batch);
		break;
	case GROUPING_ALL:
		send_to_all(from, route, batch);
		break;
	case GROUPING_PARTIAL_KEY:
		send_by_choice(route, batch);
		break;
	default: // shuffle; forward and global have one target
		send_by_turns(route, batch);
		break;
	}
}

// The receiver gets a view of the batch that it can change, of the tuples that others have as well.
static void lend(struct instance *from, struct route *route, const struct batch *batch) {
	struct target *target = &route->targets[0];
	struct instance *to = target->callee;
	struct batch view;
	batch_view(&view, batch);
	hash_batch(from, route, &view);
	view.input = route->input;
	target->called += view.count;
	to->on_loan = true;
	channel_call(to, &view);
	to->on_loan = false;
}

void channel_deliver(struct instance *from, struct output *output, struct batch *batch) {
	from->counters.out += batch->count;
	if (output->route_count == 0) {
		batch_free(batch);
		return;
	}
	for (unsigned i = 0; i + 1 < output->route_count; i++) {
		struct route *route = &output->routes[i];
		struct batch shared;
		if (route->lends) {
			lend(from, route, batch);
			continue;
		}
		share(from, route, batch, route->copy, &shared);
		if (shared.count > 0)
			route_send(from, route, &shared);
	}
	route_send(from, &output->routes[output->route_count - 1], batch);
	batch->count = 0;
}

void channel_lend(struct instance *from, struct output *output, struct batch *batch) {
	from->counters.out += batch->count;
	for (unsigned i = 0; i < output->route_count; i++) {
		struct route *route = &output->routes[i];
		struct batch own;
		if (route->borrowed) {
			lend(from, route, batch);
			continue;
		}
		take_copies(from, route, batch, &own);
		if (own.count > 0)
			route_send(from, route, &own);
	}
	batch->count = 0;
}

void channel_copy_figures(struct route *route) {
	for (unsigned i = 0; i < route->target_count; i++)
		route->targets[i].called_snapshot = route->targets[i].called;
}
