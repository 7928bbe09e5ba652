// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// flow_stats: per-flow statistics, and records of the flows that end.
//
//   in       packet, steered by the 5-tuple, both directions alike
//   out      flows: one record per ended flow, or part of a flow (schema flow)
//            updates: what changed in each flow, once per update_interval (schema flow_update)
//   drops    table_full: no place for a new flow, and none that could be evicted
//   state    a flow_table shared by the instances; per instance a timer wheel and a list of changed flows
//
// When a record ends is decided by flow_state.h from packets and event time alone: the records are the same whatever
// the batches, the number of workers and the moment at which a timer happens to fire. Only eviction depends on them.
#include "dataplane/flow_expiry.h"
#include "dataplane/flow_part.h"
#include "dataplane/flow_record_fill.h"

enum { OUTPUT_FLOWS, OUTPUT_UPDATES };
enum { DROP_TABLE_FULL };
enum { EVICT_NEAREST_EXPIRY, EVICT_NONE };

enum {
	LOOKS_PER_TICK = 256, // flows that came up on the wheel: a tick is bounded whatever has come up
	LOOKS_AT_ONCE = 16,   // memory is fetched for so many together
};

enum gauge {
	GAUGE_FLOWS,
	GAUGE_CREATED,
	GAUGE_ENDED, // first of the end reasons
	GAUGE_ENDED_SILENTLY = GAUGE_ENDED + FLOW_END_REASONS,
	GAUGE_CHANGED,
	GAUGE_CAPACITY,
};

struct flow_stats_options {
	uint64_t max_flows, idle_timeout_ns, active_timeout_ns, tcp_linger_ns, update_interval_ns;
	unsigned evict;
	bool tcp;
};

struct flow_stats {
	struct flow_part part;
	uint64_t update_interval_ns;
	uint64_t updated_ns; // the interval that began then is being counted
	unsigned evict;
	bool tells_flows, tells_updates;
	struct flow_expiry expiry;
};

// Records that nobody hears are not made. A new plan may change who listens.
static void note_listeners(struct instance *self) {
	struct flow_stats *stats = self->state;
	stats->tells_flows = instance_has_listener(self, OUTPUT_FLOWS);
	stats->tells_updates = instance_has_listener(self, OUTPUT_UPDATES);
}

static void export_record(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	self->gauges[GAUGE_ENDED + reason]++;
	struct rte_mbuf *tuple = stats->tells_flows ? instance_new_record(self, &flow_schema) : NULL;
	if (tuple == NULL)
		return;
	struct flow_record *out = tuple_record(tuple);
	flow_part_fill_record(&stats->part, record, out);
	out->end_reason = (uint8_t)reason;
	instance_emit(self, OUTPUT_FLOWS, tuple);
}

//   reason  FLOW_END_REASONS: the flow goes on
static void tell_update(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	struct rte_mbuf *tuple = instance_new_record(self, &flow_update_schema);
	if (tuple == NULL)
		return;
	struct flow_update *update = tuple_record(tuple);
	flow_part_fill_update(&stats->part, record, update);
	if (reason != FLOW_END_REASONS)
		flow_update_end(update, reason);
	instance_emit(self, OUTPUT_UPDATES, tuple);
}

// What is left to do for a flow whose last record is out: its last update.
static void conclude_flow(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	flow_changes_remove(&stats->part.changes, record);
	if (stats->tells_updates)
		tell_update(self, record, reason);
	flow_part_end_tcp(&stats->part, record);
}

// End a flow that is not on the wheel.
static void end_flow(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	if (stats->part.table->flows[record].bits & FLOW_EMPTY)
		self->gauges[GAUGE_ENDED_SILENTLY]++;
	else
		export_record(self, record, reason);
	conclude_flow(self, record, reason);
	flow_part_give_links(&stats->part, record);
	flow_table_remove(stats->part.table, self->index, record);
	self->gauges[GAUGE_FLOWS]--;
}

static void cut_flow(struct instance *self, uint32_t record) {
	struct flow_stats *stats = self->state;
	export_record(self, record, FLOW_END_ACTIVE);
	flow_part_cut(&stats->part, record);
}

// Do what is due at the watermark for a flow that is not on the wheel: at most one record and one update.
//   return  true if the flow ended
static bool settle_flow(struct instance *self, uint32_t record) {
	struct flow_stats *stats = self->state;
	enum flow_due due = flow_expiry_due(&stats->expiry, record, self->watermark_ns);
	if (due == FLOW_DUE_ACTIVE) {
		cut_flow(self, record);
		due = flow_expiry_due(&stats->expiry, record, self->watermark_ns);
	}
	if (due != FLOW_DUE_END)
		return false;
	end_flow(self, record, flow_idle_reason(&stats->part.table->flows[record]));
	return true;
}

// Make room by ending the flow of this instance that would end soonest.
//   return  false: it has none
static bool evict_flow(struct instance *self) {
	struct flow_stats *stats = self->state;
	uint32_t victim = flow_expiry_take_soonest(&stats->expiry);
	if (victim == 0)
		return false;
	if (!settle_flow(self, victim))
		end_flow(self, victim, FLOW_END_EVICTED);
	return true;
}

// Make a flow of a packet that has none.
//   return  its record, or 0: there is no place
static uint32_t add_flow(struct instance *self, struct rte_mbuf *tuple, const struct flow_words *words) {
	struct flow_stats *stats = self->state;
	struct flow_table *table = stats->part.table;
	uint64_t hash = tuple_hash(tuple);
	uint32_t record = flow_table_insert(table, self->index, hash, words);
	if (record == 0 && stats->evict == EVICT_NEAREST_EXPIRY && evict_flow(self))
		record = flow_table_insert(table, self->index, hash, words);
	if (record == 0)
		return 0;
	flow_part_take_links(&stats->part, record, self->op->node, tuple);
	flow_part_start(&stats->part, record, tuple);
	self->gauges[GAUGE_CREATED]++;
	self->gauges[GAUGE_FLOWS]++;
	return record;
}

// Bring an existing flow to the state in which the packet can be counted.
//   return  true if the packet begins a record
static bool advance_flow(struct instance *self, uint32_t record, struct rte_mbuf *tuple) {
	struct flow_stats *stats = self->state;
	const struct packet_meta *meta = tuple_packet(tuple);
	struct flow *flow = &stats->part.table->flows[record];
	struct flow_cold *cold = &stats->part.table->colds[record];
	bool is_repeat = (meta->tcp_flags & FLOW_TCP_SYN) && flow_part_has_syn(&stats->part, record, tuple);
	struct flow_decision decision = flow_decide(flow, cold, &stats->expiry.timeouts, meta, is_repeat);
	if (decision.exports && decision.record_reason == FLOW_END_ACTIVE)
		cut_flow(self, record);
	else if (decision.exports)
		export_record(self, record, decision.record_reason);
	// Its last record, if it had one left, was cut: the flow itself ends without.
	if (decision.step == FLOW_STEP_RESTART && (!decision.exports || decision.record_reason == FLOW_END_ACTIVE))
		self->gauges[GAUGE_ENDED_SILENTLY]++;
	if (decision.step == FLOW_STEP_COUNT)
		return false;

	flow_part_give_links(&stats->part, record);
	flow_part_take_links(&stats->part, record, self->op->node, tuple);
	if (decision.step == FLOW_STEP_CONTINUE) {
		flow_continue(flow, cold, meta);
	} else {
		conclude_flow(self, record, decision.end_reason);
		flow_part_start(&stats->part, record, tuple);
		self->gauges[GAUGE_CREATED]++;
	}
	return true;
}

// A packet that is not just counted: its flow is new, or changes state, or was not found at once.
//   record  its flow, or 0: to be looked for
//   return  false: there is no place for its flow
static bool __attribute__((noinline))
take_packet(struct instance *self, struct rte_mbuf *tuple, uint32_t record, const struct flow_words *words) {
	struct flow_stats *stats = self->state;
	if (record == 0)
		record = flow_table_lookup(stats->part.table, tuple_hash(tuple), words);
	bool is_new = record == 0, begins = false;
	if (is_new)
		record = add_flow(self, tuple, words);
	else
		begins = advance_flow(self, record, tuple);
	if (record == 0)
		return false;
	struct flow *flow = &stats->part.table->flows[record];
	uint8_t bits = flow->bits;
	flow_part_count(&stats->part, record, tuple);
	if (stats->tells_updates)
		flow_changes_add(&stats->part.changes, record);
	if (is_new)
		flow_expiry_watch(&stats->expiry, record);
	else if (begins || ((bits ^ flow->bits) & FLOW_ENDED))
		flow_expiry_hasten(&stats->expiry, record);
	return true;
}

static void flow_stats_process(struct instance *self, struct batch *batch) {
	struct flow_stats *stats = self->state;
	uint64_t hashes[BATCH_MAX];
	uint32_t candidates[BATCH_MAX];
	flow_part_lookup_batch(&stats->part, batch, hashes, candidates);
	note_listeners(self);
	const struct flow_timeouts timeouts = stats->expiry.timeouts;
	uint8_t plain_bits = stats->tells_updates ? FLOW_DIRTY : 0;
	unsigned kept = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		struct rte_mbuf *tuple = batch->tuples[i];
		const struct packet_meta *meta = tuple_packet(tuple);
		struct flow *flow = &stats->part.table->flows[candidates[i]];
		struct flow_words words;
		unsigned direction = meta->bits & PACKET_REVERSED;
		flow_words_set(&words, meta, direction, hashes[i]);
		bool found = flow_table_has_key(stats->part.table, candidates[i], &words);
		if (__builtin_expect(found & flow_is_plain(flow, meta, direction, &timeouts, plain_bits), 1)) {
			flow_count(flow, meta, direction);
			flow_part_count_tcp(&stats->part, candidates[i], tuple);
		} else if (!take_packet(self, tuple, found ? candidates[i] : 0, &words)) {
			instance_drop(self, DROP_TABLE_FULL, tuple);
			continue;
		}
		batch->tuples[kept++] = tuple;
	}
	batch->count = kept;
	instance_absorb(self, batch);
}

// Look at what came up on the wheel.
//   room    flows that may end or be cut; less by those that did, on return
//   return  true if all that came up was looked at
static bool expire_flows(struct instance *self, unsigned *room) {
	struct flow_stats *stats = self->state;
	for (unsigned looks = 0; *room > 0 && looks < LOOKS_PER_TICK; looks += LOOKS_AT_ONCE) {
		uint32_t records[LOOKS_AT_ONCE];
		unsigned wanted = *room < LOOKS_AT_ONCE ? *room : LOOKS_AT_ONCE;
		unsigned n = flow_expiry_pop(&stats->expiry, self->watermark_ns, records, wanted);
		for (unsigned i = 0; i < n; i++) {
			if (flow_expiry_due(&stats->expiry, records[i], self->watermark_ns) != FLOW_NOT_DUE)
				--*room;
			if (!settle_flow(self, records[i]))
				flow_expiry_watch(&stats->expiry, records[i]);
		}
		if (n < wanted)
			return true;
	}
	return false;
}

// Tell what changed in the interval that is over.
//   return  true if all of it was told
static bool tell_updates(struct instance *self, unsigned room) {
	struct flow_stats *stats = self->state;
	struct flow_changes *changes = &stats->part.changes;
	if (!flow_changes_are_due(changes) && self->watermark_ns >= stats->updated_ns + stats->update_interval_ns) {
		stats->updated_ns = self->watermark_ns - self->watermark_ns % stats->update_interval_ns;
		flow_changes_make_due(changes);
	}
	for (; room > 0 && flow_changes_are_due(changes); room--)
		tell_update(self, flow_changes_take(changes), FLOW_END_REASONS);
	return !flow_changes_are_due(changes);
}

static bool flow_stats_tick(struct instance *self, unsigned room) {
	struct flow_stats *stats = self->state;
	note_listeners(self);
	bool is_done = expire_flows(self, &room);
	if (stats->tells_updates)
		is_done &= tell_updates(self, room);
	self->gauges[GAUGE_CHANGED] = stats->part.changes.tail - stats->part.changes.head;
	return !is_done;
}

static bool flow_stats_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	struct flow_stats *stats = self->state;
	note_listeners(self);
	uint64_t up_ns;
	for (uint32_t record; room > 0 && (record = timer_wheel_pop_any(&stats->expiry.wheel, &up_ns)) != 0; room--)
		if (!settle_flow(self, record))
			end_flow(self, record, why == END_OF_INPUT ? FLOW_END_OF_INPUT : FLOW_END_SHUTDOWN);
	return stats->expiry.wheel.count > 0;
}

static void flow_stats_close(struct operator *op) {
	flow_shared_free(op->shared);
	op->shared = NULL;
}

static int flow_stats_open(struct operator *op) {
	const struct flow_stats_options *options = op->options;
	struct flow_shared *shared = NULL;
	int error = flow_shared_new(&shared, options->max_flows, op->instance_count, options->tcp);
	op->shared = shared;
	if (error != 0)
		operator_error(op, "no memory for max_flows: %llu", (unsigned long long)options->max_flows);
	return error;
}

static int flow_stats_init(struct instance *self) {
	const struct flow_stats_options *options = self->options;
	struct flow_stats *stats = self->state;
	const struct flow_timeouts timeouts = {
		.idle_ns = options->idle_timeout_ns,
		.active_ns = options->active_timeout_ns,
		.linger_ns = options->tcp_linger_ns,
	};
	stats->update_interval_ns = options->update_interval_ns;
	stats->evict = options->evict;
	int error = flow_part_init(&stats->part, self->op->shared, self->index);
	flow_expiry_init(&stats->expiry, stats->part.table, &timeouts);
	self->gauges[GAUGE_CAPACITY] = stats->part.table->capacity;
	if (error != 0)
		operator_error(self->op, "no memory for max_flows: %llu", (unsigned long long)options->max_flows);
	return error;
}

static void flow_stats_fini(struct instance *self) {
	struct flow_stats *stats = self->state;
	flow_part_fini(&stats->part);
}

static const char *const evict_names[] = {[EVICT_NEAREST_EXPIRY] = "nearest_expiry", [EVICT_NONE] = "none", NULL};

#define AT(member) offsetof(struct flow_stats_options, member)
#define MS UINT64_C(1000000)
#define DAY (86400 * 1000 * MS)
static const struct option flow_stats_option_table[] = {
	{"max_flows", OPTION_UINT, AT(max_flows), "1048576", 1, FLOW_TABLE_CAPACITY_MAX,
		.help = "flows kept at once, by all instances together; some 125 bytes each, more with IPv6 and where "
			"updates are heard; taken when used"},
	{"idle_timeout", OPTION_DURATION, AT(idle_timeout_ns), "60s", MS, 7 * DAY,
		.help = "a flow ends when it has had no packet for so long"},
	{"active_timeout", OPTION_DURATION, AT(active_timeout_ns), "300s", MS, 7 * DAY,
		.help = "a flow that goes on gets a record each time it has lasted so long"},
	{"tcp_linger", OPTION_DURATION, AT(tcp_linger_ns), "5s", MS, 7 * DAY,
		.help = "late segments of a closed TCP connection are counted with it for so long"},
	{"update_interval", OPTION_DURATION, AT(update_interval_ns), "1s", MS, DAY,
		.help = "event time between two updates of a flow that changes"},
	{"evict", OPTION_ENUM, AT(evict), "nearest_expiry", .choices = evict_names,
		.help = "which flow makes room for a new one when max_flows is reached"},
	{"tcp", OPTION_BOOL, AT(tcp), "true",
		.help = "analyse TCP: round-trip times, retransmissions, windows; about 130 bytes more for each TCP "
			"flow"},
	{0},
};

static const struct schema *const accepts[] = {&packet_schema, NULL};
static const struct operator_output outputs[] = {
	[OUTPUT_FLOWS] = {.name = "flows", .schema = &flow_schema},
	[OUTPUT_UPDATES] = {.name = "updates", .schema = &flow_update_schema},
	{0},
};
static const char *const drops[] = {[DROP_TABLE_FULL] = "table_full", NULL};
static const char *const gauges[] = {
	[GAUGE_FLOWS] = "flows",
	[GAUGE_CREATED] = "created",
	[GAUGE_ENDED + FLOW_END_IDLE] = "ended_idle",
	[GAUGE_ENDED + FLOW_END_ACTIVE] = "ended_active",
	[GAUGE_ENDED + FLOW_END_TCP] = "ended_tcp_end",
	[GAUGE_ENDED + FLOW_END_EVICTED] = "ended_evicted",
	[GAUGE_ENDED + FLOW_END_OF_INPUT] = "ended_end_of_input",
	[GAUGE_ENDED + FLOW_END_SHUTDOWN] = "ended_shutdown",
	[GAUGE_ENDED_SILENTLY] = "ended_silently",
	[GAUGE_CHANGED] = "changed",
	[GAUGE_CAPACITY] = "capacity",
	NULL,
};
static const char *const key[] = {"src_ip", "dst_ip", "src_port", "dst_port", "protocol", NULL};

static struct operator_type flow_stats_type = {
	.name = "flow_stats",
	.summary = "count packets and bytes per flow, and report flows that end",
	.manual = "A flow is a 5-tuple in both directions; forward is the direction of its first packet, or of its SYN "
		  "where one is seen. A record ends by idle_timeout, by active_timeout (the flow goes on in another "
		  "record), by the end of the TCP connection and tcp_linger after it, by eviction, or with the input.",
	.options = flow_stats_option_table,
	.options_size = sizeof(struct flow_stats_options),
	.accepts = accepts,
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key = key,
	.key_symmetric = true,
	.state_size = sizeof(struct flow_stats),
	.open = flow_stats_open,
	.close = flow_stats_close,
	.init = flow_stats_init,
	.fini = flow_stats_fini,
	.process = flow_stats_process,
	.tick = flow_stats_tick,
	.flush = flow_stats_flush,
};
OPERATOR_REGISTER(flow_stats_type);
