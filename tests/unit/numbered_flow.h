// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tuples that flow while a node's plan changes: numbered per source and key, counted in plain memory per key, so that
// ThreadSanitizer sees every two users of it. `wrong` counts what must not be: a tuple that is lost, doubled or
// overtaken, one at an instance that does not own its group, time that overtakes a tuple.
#pragma once

#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/node_apply.h"
#include "dataplane/node_gone.h"
#include "dataplane/node_move.h"
#include "dataplane/sharing.h"
#include "tests/unit/small_node.h"

enum {
	SOURCES = 2, // instances that begin
	PARTS = 4,   // sequences that they share out among themselves
	KEYS = 256,
	TUPLES_EACH = 512, // mbufs of a part
	LEAD_MAX = 5000,   // of a part's clock
	NOBODY = 99,
};

// What flies: an mbuf, and behind it, where the engine looks for them, its fields. Free ones come back by a flag.
struct fake_mbuf {
	struct rte_mbuf mbuf;
	struct packet_meta fields;
	_Atomic bool is_used;
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct fake_mbuf, fields) == sizeof(struct rte_mbuf), "the private area");

static struct fake_mbuf mbufs[PARTS][TUPLES_EACH];

// One sequence: of one instance at a time, without any lock. Their times stay near each other.
static struct part {
	uint64_t sent, sequence[KEYS];
	unsigned next, owner;
	_Atomic uint64_t clock;
} parts[PARTS];

static bool is_ahead(const struct part *part) {
	uint64_t clock = atomic_load(&part->clock);
	for (unsigned i = 0; i < PARTS; i++)
		if (clock > atomic_load(&parts[i].clock) + LEAD_MAX)
			return true;
	return false;
}

static uint64_t hash_of(unsigned key) {
	return (uint64_t)(key * 4 + key / 64) << 54;
}

//   return  NULL: it has none
static struct part *find_least(const struct instance *self) {
	struct part *least = NULL;
	for (unsigned i = 0; i < PARTS; i++)
		if (parts[i].owner == self->index && (least == NULL || parts[i].clock < least->clock))
			least = &parts[i];
	return least;
}

//   return  false: none has come back
static bool send_next(struct part *part, struct batch *batch) {
	unsigned number = (unsigned)(part - parts), key = (unsigned)(part->sent * 7 % KEYS);
	struct fake_mbuf *fake = &mbufs[number][part->next];
	if (atomic_load_explicit(&fake->is_used, memory_order_acquire) || is_ahead(part))
		return false;
	atomic_store_explicit(&fake->is_used, true, memory_order_relaxed);
	fake->mbuf.priv_size = sizeof(fake->fields);
	fake->fields = (struct packet_meta){.timestamp_ns = ++part->clock};
	fake->fields.key.src_port = (uint16_t)key;
	fake->fields.ip_bytes = (uint32_t)++part->sequence[key];
	fake->fields.key.dst_port = (uint16_t)number;
	batch_add_packet(batch, &fake->mbuf, &fake->fields);
	batch->hashes[batch->count - 1] = hash_of(key);
	part->next = (part->next + 1) % TUPLES_EACH;
	part->sent++;
	return true;
}

static unsigned poll_source(struct instance *self, unsigned room) {
	struct batch batch = {.count = 0};
	struct part *part = find_least(self);
	while (part != NULL && batch.count < room && !self->stopping && send_next(part, &batch))
		part = find_least(self);
	unsigned count = batch.count;
	if (count > 0)
		instance_take_in(self, 0, &batch, 0);
	if (part != NULL)
		self->watermark_ns = part->clock;
	self->finished = self->stopping || part == NULL;
	return count;
}

static unsigned count_parts(const struct instance *self) {
	unsigned count = 0;
	for (unsigned i = 0; i < PARTS; i++)
		count += parts[i].owner == self->index;
	return count;
}

static void give_part(struct instance *to, struct instance *from) {
	unsigned part = 0;
	while (parts[part].owner != from->index)
		part++;
	parts[part].owner = to->index;
	to->finished = false;
}

static void share_parts(struct operator *op, struct instance *const *before, unsigned count) {
	static const struct sharing sharing = {count_parts, give_part};
	sharing_deal(&sharing, op, before, count);
}

static unsigned most_parts(const struct operator *op) {
	return PARTS;
}

// State per key, without any lock. `wrong` counts what must not be.
static struct key_state {
	unsigned owner;
	uint64_t seen[PARTS];
} keys[KEYS];
static _Atomic uint64_t received, wrong;

static void take_tuples(struct instance *self, struct batch *batch) {
	for (unsigned i = 0; i < batch->count; i++) {
		const struct packet_meta *fields = batch->packets[i];
		struct key_state *key = &keys[fields->key.src_port];
		unsigned part = fields->key.dst_port;
		bool is_right = key->owner == self->index && fields->ip_bytes == key->seen[part] + 1 &&
				fields->timestamp_ns > self->watermark_ns &&
				batch->hashes[i] == hash_of(fields->key.src_port);
		atomic_fetch_add_explicit(&wrong, !is_right, memory_order_relaxed);
		key->seen[part]++;
	}
	atomic_fetch_add_explicit(&received, batch->count, memory_order_relaxed);
	instance_forward(self, 0, batch);
}

static void change_owner(unsigned group, unsigned from, unsigned to) {
	for (unsigned i = 0; i < KEYS; i++) {
		if (key_group(hash_of(i)) != group)
			continue;
		atomic_fetch_add_explicit(&wrong, keys[i].owner != from, memory_order_relaxed);
		keys[i].owner = to;
	}
}

static void leave(struct instance *self, unsigned group) {
	change_owner(group, self->index, NOBODY);
}

static void enter(struct instance *self, unsigned group) {
	change_owner(group, NOBODY, self->index);
}

// Gives the mbufs back; takes a few at a time, and now and then none.
static uint32_t rooms;
static unsigned little_room(struct instance *self) {
	rooms = rooms * 1664525 + 1013904223;
	return rooms >> 29 == 0 ? 0 : 8 + (rooms >> 16) % 48;
}

static void give_back(struct instance *self, struct batch *batch) {
	self->counters.absorbed += batch->count;
	for (unsigned i = 0; i < batch->count; i++)
		atomic_store_explicit(&((struct fake_mbuf *)batch->tuples[i])->is_used, false, memory_order_release);
	batch->count = 0;
}

static const struct schema *const packets[] = {&packet_schema, NULL};
static const char *const by[] = {"src_port", NULL};
static const struct operator_output packet_output[] = {
	{.name = "out", .schema = &packet_schema, .hashed_by = by, .hashed_symmetric = false}, {0}};
static const struct operator_sharing shared = {
	.parts = "parts", .most = most_parts, .is_timed = true, .share = share_parts};
static struct operator_type feed = {
	.name = "feed", .outputs = packet_output, .poll = poll_source, .sharing = &shared, .parallelism = SOURCES};
static struct operator_type solid = {
	.name = "solid", .outputs = packet_output, .poll = poll_source, .parallelism = SOURCES};
static struct operator_type keyed = {.name = "keyed",
	.accepts = packets,
	.outputs = packet_output,
	.process = take_tuples,
	.grouping = GROUPING_KEY,
	.key = by,
	.group_leave = leave,
	.group_enter = enter};
static struct operator_type fixed = {.name = "fixed",
	.accepts = packets,
	.outputs = packet_output,
	.process = take_tuples,
	.grouping = GROUPING_KEY,
	.key = by};
static struct operator_type drain = {.name = "drain",
	.accepts = packets,
	.process = give_back,
	.room = little_room,
	.grouping = GROUPING_GLOBAL,
	.parallelism = 1};
OPERATOR_REGISTER(feed);
OPERATOR_REGISTER(solid);
OPERATOR_REGISTER(keyed);
OPERATOR_REGISTER(fixed);
OPERATOR_REGISTER(drain);

#define PIPELINE(type)                                                                                                 \
	"ring_size: 64\n"                                                                                              \
	"placement: chained\n"                                                                                         \
	"pipeline: p\n"                                                                                                \
	"operators: [{name: source, type: feed}, {name: stats, type: " type "}, {name: sink, type: drain}]\n"

struct running {
	struct node node;
	struct node_config config;
	pthread_t threads[4];
	bool is_done; // the last change
};

static void *run_worker(void *worker) {
	worker_run(worker);
	return NULL;
}

static void start(struct running *running, const char *text, unsigned workers) {
	struct node *node = &running->node;
	small_node_init(node, &running->config, text, workers);
	assert_int_equal(schedule_build(node, node->plan), 0);
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		node->instances[i]->state = small_zeros(1, node->instances[i]->type->state_size);
	const struct plan_operator *stats = &node->plan->operators[1];
	for (unsigned i = 0; i < KEYS; i++)
		keys[i] = (struct key_state){.owner = stats->owners[key_group(hash_of(i))]};
	for (unsigned i = 0; i < PARTS; i++)
		parts[i] = (struct part){.owner = i % SOURCES};
	atomic_store(&received, 0);
	atomic_store(&wrong, 0);
	node->done_fd = eventfd(0, EFD_CLOEXEC);
	node->takes_changes = true; // as one with a controller: workers may come to have nothing to do
	node_count_unfinished(node);
	for (unsigned i = 0; i < workers; i++)
		assert_int_equal(pthread_create(&running->threads[i], NULL, run_worker, &node->workers[i]), 0);
}

//   return  tuples sent
static uint64_t stop(struct running *running) {
	struct node *node = &running->node;
	uint64_t sent = 0;
	node_stop(node);
	for (unsigned i = 0; i < node->worker_count; i++)
		pthread_join(running->threads[i], NULL);
	node_change_end(node);
	assert_true(node_move_settle(node));
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		free(node->instances[i]->state);
	for (unsigned i = 0; i < PARTS; i++)
		sent += parts[i].sent;
	close(node->done_fd);
	small_node_fini(node, &running->config);
	node_free_applied(node);
	node_gone_free(node);
	return sent;
}

static void wait_for_tuples(uint64_t more) {
	uint64_t until = atomic_load(&received) + more;
	while (atomic_load(&received) < until)
		sched_yield();
}
