// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What operators call: passing tuples on, and keeping the account of every one of them.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dataplane/channel.h"
#include "dataplane/latency.h"
#include "dataplane/node.h"

void instance_forward(struct instance *self, unsigned output, struct batch *batch) {
	if (batch->count == 0)
		return;
	self->counters.forwarded += batch->count;
	if (self->on_loan)
		channel_lend(self, &self->outputs[output], batch);
	else
		channel_deliver(self, &self->outputs[output], batch);
}

void instance_take_in(struct instance *self, unsigned output, struct batch *batch, uint64_t bytes) {
	self->counters.in += batch->count;
	self->counters.in_bytes += bytes;
	instance_forward(self, output, batch);
}

void instance_emit(struct instance *self, unsigned output, struct rte_mbuf *tuple) {
	struct batch *pending = &self->outputs[output].pending;
	self->counters.created++;
	batch_add_packet(pending, tuple, tuple_stored_packet(tuple));
	if (pending->count == BATCH_MAX)
		channel_deliver(self, &self->outputs[output], pending);
}

void instance_was_due(struct instance *self, uint64_t ago_ns) {
	latency_move_back(ago_ns);
}

static void let_go(const struct instance *self, struct batch *batch) {
	if (self->on_loan)
		batch->count = 0;
	else
		batch_free(batch);
}

void instance_absorb(struct instance *self, struct batch *batch) {
	self->counters.absorbed += batch->count;
	let_go(self, batch);
}

void instance_drop(struct instance *self, unsigned reason, struct rte_mbuf *tuple) {
	self->counters.drops[reason]++;
	if (!self->on_loan)
		rte_pktmbuf_free(tuple);
}

// All at once: their mbufs go back to their pool together.
static void drop_others(struct instance *self, const struct batch *batch, uint64_t others) {
	struct batch dropped;
	dropped.count = 0;
	for (; others != 0; others &= others - 1)
		dropped.tuples[dropped.count++] = batch->tuples[__builtin_ctzll(others)];
	let_go(self, &dropped);
}

void instance_keep(struct instance *self, unsigned reason, struct batch *batch, uint64_t chosen) {
	const uint64_t all = batch->count < BATCH_MAX ? (UINT64_C(1) << batch->count) - 1 : UINT64_MAX;
	const uint64_t others = all & ~chosen;
	unsigned kept = 0;
	self->counters.drops[reason] += (unsigned)__builtin_popcountll(others);
	if (others == 0)
		return;
	if (!self->on_loan)
		drop_others(self, batch, others);
	for (uint64_t left = all & chosen; left != 0; left &= left - 1)
		batch_move(batch, kept++, (unsigned)__builtin_ctzll(left));
	batch->count = kept;
}

void instance_drop_unborn(struct instance *self, unsigned reason, unsigned n) {
	self->counters.in += n;
	self->counters.drops[reason] += n;
}

static void begin_record(struct rte_mbuf *record, const struct schema *schema) {
	record->data_len = schema->size;
	record->pkt_len = schema->size;
	memset(tuple_record(record), 0, schema->size);
	tuple_stored_packet(record)->timestamp_ns = 0;
	tuple_stored_packet(record)->late_ms = 0;
}

struct rte_mbuf *instance_new_record(struct instance *self, const struct schema *schema) {
	struct node *node = self->op->node;
	struct rte_mbuf *record = rte_pktmbuf_alloc(__atomic_load_n(&node->records, __ATOMIC_ACQUIRE));
	if (record == NULL) {
		atomic_fetch_add_explicit(&node->records_failed, 1, memory_order_relaxed);
		instance_fail(self, "the pool of records is empty: a record is lost (counted as records_failed)");
		return NULL;
	}
	begin_record(record, schema);
	return record;
}

unsigned instance_new_records(
	struct instance *self, const struct schema *schema, struct rte_mbuf **records, unsigned n) {
	unsigned made = 0;
	if (rte_pktmbuf_alloc_bulk(__atomic_load_n(&self->op->node->records, __ATOMIC_ACQUIRE), records, n) == 0) {
		// They come back from other workers: all on their way at once.
		for (unsigned i = 0; i < n; i++) {
			__builtin_prefetch(tuple_record(records[i]), 1);
			__builtin_prefetch(tuple_stored_packet(records[i]), 1);
		}
		for (; made < n; made++)
			begin_record(records[made], schema);
		return made;
	}
	while (made < n && (records[made] = instance_new_record(self, schema)) != NULL)
		made++;
	return made;
}

bool instance_has_listener(const struct instance *self, unsigned output) {
	return self->outputs[output].route_count > 0;
}

struct rte_mempool *node_packet_pool(const struct node *node) {
	return node->packets;
}

unsigned node_socket_id(const struct node *node) {
	return rte_socket_id();
}

const char *node_name(const struct node *node) {
	return node->name;
}

uint64_t node_incarnation(const struct node *node) {
	return node->incarnation;
}

bool node_is_stopping(const struct node *node) {
	return atomic_load_explicit(&node->stopping, memory_order_relaxed);
}

bool instance_is_stopping(const struct instance *self) {
	return node_is_stopping(self->op->node) ||
	       atomic_load_explicit(&self->pace, memory_order_acquire) == INSTANCE_LEAVES;
}

bool operator_has_live_source(const struct operator *op) {
	return op->has_live_source;
}

// Whether a node has to go on although the sink `ended` has no receiver any more.
static bool is_reason_to_run(const struct operator *op, const struct operator *ended) {
	bool is_sink = op->type->outputs == NULL && op != ended;
	return is_sink && !(op->type->is_for_controller && op->node->uplink == NULL);
}

void operator_end_sink(const struct operator *op) {
	struct node *node = op->node;
	bool is_needed = false;
	pthread_mutex_lock(&node->move_lock);
	for (unsigned i = 0; i < node->operator_count; i++)
		is_needed |= is_reason_to_run(node->operators[i], op);
	pthread_mutex_unlock(&node->move_lock);
	if (!is_needed)
		node_stop(node);
}

void *operator_new_shared(struct operator *op, size_t size) {
	size_t aligned = RTE_ALIGN_CEIL(size, (size_t)RTE_CACHE_LINE_SIZE);
	op->shared = aligned_alloc(RTE_CACHE_LINE_SIZE, aligned);
	if (op->shared == NULL)
		operator_error(op, "out of memory");
	return op->shared != NULL ? memset(op->shared, 0, aligned) : NULL;
}

struct uplink *node_uplink(const struct node *node) {
	return node->uplink;
}

static uint64_t read_clock(clockid_t clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void) {
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_monotonic_ns(void) {
	return read_clock(CLOCK_MONOTONIC);
}

static _Thread_local char last_error[256];

__attribute__((format(printf, 2, 0))) static void print_message(
	const struct operator *op, const char *format, va_list arguments) {
	char text[512];
	vsnprintf(text, sizeof(text), format, arguments);
	fprintf(stderr, "weir-dataplane: %s/%s: %s\n", op->pipeline, op->name, text);
	snprintf(last_error, sizeof(last_error), "%s: %.200s", op->name, text);
}

const char *operator_last_error(void) {
	return last_error;
}

void operator_error(const struct operator *op, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	print_message(op, format, arguments);
	va_end(arguments);
}

void operator_warn(const struct operator *op, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	print_message(op, format, arguments);
	va_end(arguments);
}

void instance_fail(struct instance *self, const char *format, ...) {
	uint64_t now = clock_monotonic_ns();
	atomic_store_explicit(&self->op->node->failed, true, memory_order_relaxed);
	if (self->failed_ns != 0 && now - self->failed_ns < 1000000000)
		return;
	self->failed_ns = now;
	va_list arguments;
	va_start(arguments, format);
	print_message(self->op, format, arguments);
	va_end(arguments);
}
