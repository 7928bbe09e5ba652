// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What an operator's author includes: instances, and what an instance does with tuples. The code of an
// operator is the same whether its neighbours are called directly or sit behind rings on other workers.
//
// Accounting, per instance: in = forwarded + absorbed + drops + held, and out = forwarded + created. The functions
// below keep these counters; an operator never touches them.
#pragma once

#include <stdarg.h>
#include <stdatomic.h>

#include "dataplane/operator_type.h"
#include "dataplane/tuple.h"

struct latency;
struct node;
struct route;

struct counters {
	uint64_t in, forwarded, absorbed, created, out;
	uint64_t in_bytes;     // sources of packets only: bytes on the wire as captured
	uint64_t blocked;      // polls put off because the room downstream was used up
	uint64_t held;         // a level, not a sum
	uint64_t lost_outside; // sources: lost before they could be taken in (imissed, kernel drops)
	uint64_t drops[OPERATOR_DROPS_MAX];
};

// Sum what was counted; the level is left out.
static inline void counters_add(struct counters *sum, const struct counters *counters) {
	sum->in += counters->in;
	sum->forwarded += counters->forwarded;
	sum->absorbed += counters->absorbed;
	sum->created += counters->created;
	sum->out += counters->out;
	sum->in_bytes += counters->in_bytes;
	sum->blocked += counters->blocked;
	sum->lost_outside += counters->lost_outside;
	for (unsigned i = 0; i < OPERATOR_DROPS_MAX; i++)
		sum->drops[i] += counters->drops[i];
}

// What an instance of a plan that is being changed does: see node_swap.h.
enum instance_pace {
	INSTANCE_RUNS,
	INSTANCE_PAUSES, // begins nothing by itself: no polls, no new time, no end; not even where the node stops
	INSTANCE_LEAVES, // ends, with those before it that leave as well
};

// So many instances can share what an operator keeps per key, or as many as it began with: their number may change
// while it runs.
enum { OPERATOR_PARTS = 32 };

// One operator of a running pipeline, shared by its instances.
struct operator {
	const struct operator_type *type;
	const char *name;     // as configured
	const char *pipeline; // name
	const void *options;
	const struct schema *input;          // of the tuples that come in, by the first input; NULL: a source
	const struct schema *const *inputs;  // [inputs of the type] NULL: an optional one without a stream
	const struct schema *const *outputs; // [outputs of the type] none NULL
	// Bit i: tuples by input i have in batch.hashes the hash of the key by which the operator keeps its state; it
	// is the same for both directions of a flow.
	uint32_t keyed_inputs, symmetric_inputs;
	unsigned instance_count;     // may change while no instance runs
	unsigned began_with;         // instances
	struct instance **instances; // [instance_count]
	void *shared;                // from type->open
	bool has_live_source;        // its pipeline has one
	bool is_restored;            // from a snapshot: files go on where they were (type->saving)
	struct node *node;
};

// Where the batches of one output go. Written by the worker when it adopts a plan.
struct output {
	unsigned route_count;
	struct route *routes;
	struct batch pending; // emitted one by one, not yet delivered
};

// One replica. Every field is written by the worker that runs it (or by the manager before that worker starts), and
// read by it alone; the manager reads copies that the worker publishes.
struct instance {
	const struct operator_type *type;
	struct operator *op;
	unsigned index; // 0..op->instance_count-1
	unsigned worker;
	const void *options; // op->options
	void *state;         // type->state_size
	// Every tuple that comes from now on has a clock at or above this. Sources set it; the engine sets the others'
	// to the least of their inputs'. Live: the wall clock minus a slack.
	uint64_t watermark_ns;
	// What it promises to those that it feeds: its watermark, unless its type tells them less (tells_watermark).
	uint64_t told_ns;
	int input_fd;  // sources: readable when there is something to poll; 0: there is no such descriptor
	bool stopping; // sources: emit what has been taken from outside, then set finished
	bool finished; // no tuple will leave it again
	// Of an operator that may emit more than it got, set by `process`: what is left comes by `tick`, called each
	// round until it says that there is no more. Time does not pass the instance meanwhile.
	bool backlog;
	bool on_loan; // the tuples of the batch in hand are somebody else's (type->borrows)
	uint64_t due; // of what waits to be emitted: since when it is on its way (latency.h); the engine's own
	struct latency *latency; // of the tuples that ended here; NULL: a source
	struct counters counters;
	uint64_t gauges[OPERATOR_GAUGES_MAX]; // named by type->gauges
	struct output outputs[OPERATOR_OUTPUTS_MAX];
	uint64_t failed_ns;              // when instance_fail last spoke
	struct schedule_entry *schedule; // the engine's own
	_Atomic unsigned pace;           // enum instance_pace; manager: wo, worker: ro
};

// Pass a whole batch on by an output; counts its tuples as forwarded. The batch is empty afterwards.
void instance_forward(struct instance *self, unsigned output, struct batch *batch);

// Create: send a tuple that did not come in. Delivered when the call into the operator ends, or at BATCH_MAX.
void instance_emit(struct instance *self, unsigned output, struct rte_mbuf *tuple);

// A source's tuples: counts them as in and forwarded.
void instance_take_in(struct instance *self, unsigned output, struct batch *batch, uint64_t bytes);

// Sources with a rate: what is taken in by this poll has been due for so long, and its latency counts from then.
void instance_was_due(struct instance *self, uint64_t ago_ns);

// Free all tuples of the batch; counts them as absorbed. The batch is empty afterwards.
void instance_absorb(struct instance *self, struct batch *batch);

// Drop one tuple for a named reason: an index into type->drops.
void instance_drop(struct instance *self, unsigned reason, struct rte_mbuf *tuple);

// Keep some tuples of a batch, in their order, and drop the others for one reason.
//   chosen  bit i: tuple i stays
void instance_keep(struct instance *self, unsigned reason, struct batch *batch, uint64_t chosen);

// Sources: count tuples that came in and were dropped before there was an mbuf for them.
void instance_drop_unborn(struct instance *self, unsigned reason, unsigned n);

// A new record of the output's schema, its body and its clock (packet_clock_ns) zeroed. Records have their own pool,
// which is sized so that what the room allows never fails.
//   return  NULL only if that invariant broke; counted by the node
struct rte_mbuf *instance_new_record(struct instance *self, const struct schema *schema);
// The same for many.
//   records  [n], 1 <= n <= BATCH_MAX
//   return   how many were made: n, unless that invariant broke
unsigned instance_new_records(
	struct instance *self, const struct schema *schema, struct rte_mbuf **records, unsigned n);

// Whether a stream leaves by this output (records nobody listens to need not be made).
bool instance_has_listener(const struct instance *self, unsigned output);

// Key group of a hash: its top 10 bits.
enum { KEY_GROUPS = 1024 };
static inline unsigned key_group(uint64_t hash) {
	return (unsigned)(hash >> 54);
}

// Hash `size` bytes with the node's secret (XXH3, which is not linear). For keys of flows use flow_hash_batch.
uint64_t key_hash(const struct node *node, const void *key, size_t size);
// Of packets whose keys are set: find their canonical direction (PACKET_REVERSED), and the hash of the canonical key.
void flow_hash_batch(const struct node *node, struct batch *batch);

// For `open`: zeroed memory of that size, aligned to a cache line, as op->shared; `close` frees it.
//   return  NULL after operator_error
void *operator_new_shared(struct operator *op, size_t size);

// A message for the person who runs the node, on standard error: "weir-dataplane: pipeline/operator: …".
void operator_error(const struct operator *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
void operator_warn(const struct operator *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
// What operator_error or operator_warn said last on this thread; "" where nothing.
const char *operator_last_error(void);
// The same from a worker, at most one message a second per instance; the node goes on, and exits 1 in the end.
void instance_fail(struct instance *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

// What sources need of the node.
struct rte_mempool *node_packet_pool(const struct node *node);
unsigned node_socket_id(const struct node *node);
// Name and incarnation of the node, for records that leave it.
const char *node_name(const struct node *node);
uint64_t node_incarnation(const struct node *node);

// For `open`: parts to make of what instances share, one for each that there may ever be.
static inline unsigned operator_part_count(const struct operator *op) {
	unsigned count = op->began_with > op->instance_count ? op->began_with : op->instance_count;
	return count > OPERATOR_PARTS ? count : OPERATOR_PARTS;
}

// For `init`: whether the operator's other instances run already, and the new one gets its share of what they read or
// keep once no worker runs (type->sharing), nothing now.
static inline bool instance_joins(const struct instance *self) {
	return self->index >= self->op->instance_count;
}

// What sinks need of the node: whether they were told to stop, with the node or alone, and whether any source of their
// pipeline is live (it can't wait for a slow receiver).
bool instance_is_stopping(const struct instance *self);
bool node_is_stopping(const struct node *node);
bool operator_has_live_source(const struct operator *op);
// Nobody reads what this sink writes any more: the node stops, unless it has other sinks that somebody may hear.
//   thread  any
void operator_end_sink(const struct operator *op);

// Wall clock in nanoseconds since the epoch, cheap enough for every poll.
uint64_t clock_now_ns(void);
// Nanoseconds of a clock that nobody sets: for waits and spans.
uint64_t clock_monotonic_ns(void);

// The node's connection to its controller, or NULL (dataplane/uplink.h).
struct uplink;
struct uplink *node_uplink(const struct node *node);

// What a type and the engine must agree on. The version is raised where a function or the meaning of a field changes;
// that a struct has another size shows by itself.
enum { OPERATOR_ABI_VERSION = 2 };
#define OPERATOR_ABI_LAYOUT                                                                                            \
	(sizeof(struct operator_type) + 3 * sizeof(struct operator_output) + 5 * sizeof(struct operator) +             \
		7 * sizeof(struct instance) + 11 * sizeof(struct batch) + 13 * sizeof(struct packet_meta) +            \
		17 * sizeof(struct schema) + 19 * sizeof(struct field) + 23 * sizeof(struct option) +                  \
		29 * sizeof(struct operator_input) + 31 * sizeof(struct derivation) +                                  \
		37 * sizeof(struct operator_saving) + 41 * sizeof(struct operator_sharing))
#define OPERATOR_ABI ((uint32_t)(OPERATOR_ABI_VERSION << 16 | (OPERATOR_ABI_LAYOUT & 0xffff)))

// Make a type known, once, in the file that defines it.
#define OPERATOR_REGISTER(type)                                                                                        \
	__attribute__((constructor)) static void type##_register(void) {                                               \
		(type).abi = OPERATOR_ABI;                                                                             \
		operator_type_register(&(type));                                                                       \
	}                                                                                                              \
	_Static_assert(1, "")
