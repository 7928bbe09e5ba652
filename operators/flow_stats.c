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
#include <netinet/in.h>
#include <stdlib.h>

#include "dataplane/flow_move.h"
#include "dataplane/flow_record_fill.h"
#include "dataplane/tcp_record.h"
#include "dataplane/tcp_table.h"

enum { OUTPUT_FLOWS, OUTPUT_UPDATES };
enum { DROP_TABLE_FULL };
enum { EVICT_NEAREST_EXPIRY, EVICT_NONE };

enum {
	LOOKS_PER_TICK = 256, // flows that came up on the wheel: a tick is bounded whatever has come up
	LOOKS_AT_ONCE = 16,   // memory is fetched for so many together
};

// What a packet will touch is fetched while others before it in the batch are counted: so many before it. The processor
// has some twenty lines on their way at once; more than that are waited for, or not fetched.
enum {
	STEPS_ALONE = 20, // its flow, where that is all
	STEPS_TCP = 12,   // its flow and the TCP part
	STEP_BLOCKS = 2,  // what the TCP part borrowed
	STEP_SPANS = 1,   // and what that leads to
	STEPS_MAX = STEPS_ALONE,
};

enum gauge {
	GAUGE_FLOWS,
	GAUGE_CREATED,
	GAUGE_ENDED, // first of the end reasons
	GAUGE_ENDED_SILENTLY = GAUGE_ENDED + FLOW_END_REASONS,
	GAUGE_CHANGED,
	GAUGE_CAPACITY,
	GAUGE_LATE, // first of the figures of lateness
};
_Static_assert(GAUGE_LATE + FLOW_LATE_FIGURES <= OPERATOR_GAUGES_MAX, "all have their place");

struct flow_stats_options {
	uint64_t max_flows, update_interval_ns;
	struct flow_timeouts timeouts;
	unsigned evict;
	bool tcp;
};

// What the instances share.
struct flow_stats_shared {
	struct flow_table *table;
	struct tcp_table *tcp; // NULL: no TCP analysis
	struct flow_mover *left_by[KEY_GROUPS];
};

struct flow_stats {
	struct flow_table *table;
	struct tcp_flow *tcp_flows; // parallel to table->flows; NULL: no TCP analysis
	struct tcp_lender tcp_lender;
	struct flow_changes changes;
	uint64_t update_interval_ns;
	uint64_t updated_ns; // the interval that began then is being counted
	unsigned evict;
	bool tells_flows, tells_updates;
	struct flow_expiry expiry;
	struct link_set links;
	struct flow_mover mover;
};

// Records that nobody hears are not made. A new plan may change who listens.
static void note_listeners(struct instance *self) {
	struct flow_stats *stats = self->state;
	stats->tells_flows = instance_has_listener(self, OUTPUT_FLOWS);
	stats->tells_updates = instance_has_listener(self, OUTPUT_UPDATES);
}

// The TCP part of a flow.
//   return  NULL: it has none
static struct tcp_flow *tcp_part(const struct flow_stats *stats, uint32_t record) {
	bool is_tcp = stats->tcp_flows != NULL && stats->table->flows[record].protocol == IPPROTO_TCP;
	return is_tcp ? &stats->tcp_flows[record] : NULL;
}

static void start_tcp(struct flow_stats *stats, uint32_t record) {
	struct tcp_flow *tcp = tcp_part(stats, record);
	if (tcp != NULL)
		tcp_flow_start(tcp);
}

static void count_tcp(
	struct flow_stats *stats, uint32_t record, struct rte_mbuf *tuple, const struct packet_meta *meta) {
	struct tcp_flow *tcp = tcp_part(stats, record);
	if (tcp != NULL)
		tcp_table_count(tcp, &stats->tcp_lender, meta, rte_pktmbuf_mtod(tuple, const uint8_t *),
			rte_pktmbuf_data_len(tuple));
}

static void export_record(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	self->gauges[GAUGE_ENDED + reason]++;
	struct rte_mbuf *tuple = stats->tells_flows ? instance_new_record(self, &flow_schema) : NULL;
	if (tuple == NULL)
		return;
	struct flow_record *out = tuple_record(tuple);
	const struct flow *flow = &stats->table->flows[record];
	const struct flow_cold *cold = &stats->table->colds[record];
	struct flow_key key;
	flow_table_key(stats->table, record, &key);
	flow_record_fill(out, &key, flow, cold, link_set_at(&stats->links, cold->headers));
	out->end_reason = (uint8_t)reason;
	const struct tcp_flow *tcp = tcp_part(stats, record);
	if (tcp != NULL)
		tcp_record_fill(tcp, &stats->tcp_lender, (flow->bits & FLOW_FORWARD_IS_REVERSED) != 0, out);
	instance_emit(self, OUTPUT_FLOWS, tuple);
}

//   reason  FLOW_END_REASONS: the flow goes on
static void tell_update(
	struct instance *self, uint32_t record, struct flow_report *report, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	struct rte_mbuf *tuple = instance_new_record(self, &flow_update_schema);
	if (tuple == NULL)
		return;
	struct flow_update *update = tuple_record(tuple);
	struct flow *flow = &stats->table->flows[record];
	struct flow_key key;
	flow_table_key(stats->table, record, &key);
	flow_update_fill(update, &key, flow, report, &stats->table->colds[record]);
	const struct tcp_flow *tcp = tcp_part(stats, record);
	if (tcp != NULL)
		tcp_update_fill(tcp, &stats->tcp_lender, (flow->bits & FLOW_FORWARD_IS_REVERSED) != 0,
			&stats->changes.told[record], update);
	if (reason != FLOW_END_REASONS)
		flow_update_end(update, reason);
	instance_emit(self, OUTPUT_UPDATES, tuple);
}

// What is left to do for a flow whose last record is out: its last update.
static void conclude_flow(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	struct flow_report *report = stats->tells_updates ? flow_changes_report(&stats->changes, record) : NULL;
	flow_changes_remove(&stats->changes, record);
	if (report != NULL)
		tell_update(self, record, report, reason);
	struct tcp_flow *tcp = tcp_part(stats, record);
	if (tcp != NULL)
		tcp_flow_end(tcp, &stats->tcp_lender);
}

// End a flow that is not on the wheel.
static void end_flow(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_stats *stats = self->state;
	if (stats->table->flows[record].bits & FLOW_EMPTY)
		self->gauges[GAUGE_ENDED_SILENTLY]++;
	else
		export_record(self, record, reason);
	conclude_flow(self, record, reason);
	link_set_give(&stats->links, stats->table->colds[record].headers);
	flow_table_remove(stats->table, self->index, record);
	self->gauges[GAUGE_FLOWS]--;
}

static void cut_flow(struct instance *self, uint32_t record) {
	struct flow_stats *stats = self->state;
	export_record(self, record, FLOW_END_ACTIVE);
	flow_cut(&stats->table->flows[record], &stats->table->reports[record]);
	struct tcp_flow *tcp = tcp_part(stats, record);
	if (tcp == NULL)
		return;
	if (stats->tells_updates)
		tcp_update_cut(tcp, &stats->tcp_lender, &stats->changes.told[record]);
	tcp_flow_cut(tcp, &stats->tcp_lender);
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
	end_flow(self, record, flow_idle_reason(&stats->table->flows[record]));
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

// Make a flow of packet `i` of a batch, which has none.
//   return  its record, or 0: there is no place
static uint32_t add_flow(struct instance *self, const struct batch *batch, unsigned i, const struct flow_words *words) {
	struct flow_stats *stats = self->state;
	struct flow_table *table = stats->table;
	uint64_t hash = batch->hashes[i];
	uint32_t record = flow_table_insert(table, self->index, hash, words);
	if (record == 0 && stats->evict == EVICT_NEAREST_EXPIRY && evict_flow(self))
		record = flow_table_insert(table, self->index, hash, words);
	if (record == 0)
		return 0;
	flow_start(&table->flows[record], &table->colds[record], batch->packets[i]);
	table->colds[record].headers =
		link_set_take_below(&stats->links, self->op->node, batch->tuples[i], batch->packets[i]->bits);
	start_tcp(stats, record);
	self->gauges[GAUGE_CREATED]++;
	self->gauges[GAUGE_FLOWS]++;
	return record;
}

// Bring an existing flow to the state in which the packet can be counted.
//   return  true if the packet begins a record
static bool advance_flow(
	struct instance *self, uint32_t record, const struct rte_mbuf *tuple, const struct packet_meta *meta) {
	struct flow_stats *stats = self->state;
	struct flow *flow = &stats->table->flows[record];
	struct flow_cold *cold = &stats->table->colds[record];
	const struct tcp_flow *tcp = meta->tcp_flags & FLOW_TCP_SYN ? tcp_part(stats, record) : NULL;
	bool is_repeat = tcp != NULL && tcp_table_has_syn(tcp, meta, rte_pktmbuf_mtod(tuple, const uint8_t *),
						rte_pktmbuf_data_len(tuple));
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

	link_set_give(&stats->links, cold->headers);
	cold->headers = link_set_take_below(&stats->links, self->op->node, tuple, meta->bits);
	if (decision.step == FLOW_STEP_CONTINUE) {
		flow_continue(flow, cold, meta);
	} else {
		conclude_flow(self, record, decision.end_reason);
		flow_start(flow, cold, meta);
		start_tcp(stats, record);
		self->gauges[GAUGE_CREATED]++;
	}
	return true;
}

// A packet that is not just counted: its flow is new, or changes state, or was not found at once.
//   record  its flow, or 0: to be looked for
//   return  false: there is no place for its flow
static bool __attribute__((noinline)) take_packet(
	struct instance *self, const struct batch *batch, unsigned i, uint32_t record, const struct flow_words *words) {
	struct flow_stats *stats = self->state;
	struct rte_mbuf *tuple = batch->tuples[i];
	const struct packet_meta *meta = batch->packets[i];
	if (record == 0)
		record = flow_table_lookup(stats->table, batch->hashes[i], words);
	bool is_new = record == 0, begins = false;
	if (is_new)
		record = add_flow(self, batch, i, words);
	else
		begins = advance_flow(self, record, tuple, meta);
	if (record == 0)
		return false;
	struct flow *flow = &stats->table->flows[record];
	if (batch->applications[i] != 0)
		flow_set_application(&stats->table->colds[record], batch->applications[i]);
	uint8_t bits = flow->bits;
	flow_count_any(flow, &stats->table->colds[record], meta, meta->bits & PACKET_REVERSED);
	count_tcp(stats, record, tuple, meta);
	if (stats->tells_updates)
		flow_changes_add(&stats->changes, record);
	if (is_new)
		flow_expiry_watch(&stats->expiry, record);
	else if (begins || ((bits ^ flow->bits) & FLOW_ENDED))
		flow_expiry_hasten(&stats->expiry, record);
	return true;
}

// Count one packet of a batch.
//   record  that probably has its key, or 0
//   return  false: there is no place for its flow
static inline __attribute__((always_inline)) bool count_packet(struct instance *self, const struct batch *batch,
	unsigned i, uint32_t record, uint8_t plain_bits, bool has_tcp) {
	struct flow_stats *stats = self->state;
	const struct packet_meta *meta = batch->packets[i];
	struct flow *flow = &stats->table->flows[record];
	unsigned direction = meta->bits & PACKET_REVERSED;
	struct flow_words words;
	flow_words_set(&words, meta, direction, batch->hashes[i]);
	bool found = flow_table_has_key(stats->table, record, &words);
	bool is_plain = flow_is_plain(flow, meta, direction, &stats->expiry.timeouts, plain_bits);
	if (__builtin_expect(!(found & is_plain), 0))
		return take_packet(self, batch, i, found ? record : 0, &words);
	flow_count(flow, meta, direction);
	if (has_tcp)
		count_tcp(stats, record, batch->tuples[i], meta);
	return true;
}

// Count the packets of a batch, each some steps after what it will touch began to be fetched. Inline, because each of
// the two forms is faster alone, and because gcc takes a function that does nothing but fetch for one without effect.
//   candidates  [count + STEPS_MAX] the record that probably has the key of each, 0 where there is none; then any
//   tcp         [count + STEPS_MAX] the same of packets of TCP, 0 for others; NULL: TCP is not analysed
static inline __attribute__((always_inline)) void count_batch(
	struct instance *self, struct batch *batch, const uint32_t *candidates, const uint32_t *tcp) {
	struct flow_stats *stats = self->state;
	const struct flow *flows = stats->table->flows;
	const struct tcp_flow *tcp_flows = stats->tcp_flows;
	uint8_t plain_bits = stats->tells_updates ? FLOW_DIRTY : 0;
	const unsigned steps = tcp != NULL ? STEPS_TCP : STEPS_ALONE;
	unsigned kept = 0;
	for (unsigned i = 0; i < steps; i++) {
		__builtin_prefetch(&flows[candidates[i]], 1);
		if (tcp != NULL)
			tcp_table_prefetch(&tcp_flows[tcp[i]]);
	}
	for (unsigned i = 0; i < batch->count; i++) {
		__builtin_prefetch(&flows[candidates[i + steps]], 1);
		if (tcp != NULL) {
			tcp_table_prefetch(&tcp_flows[tcp[i + steps]]);
			tcp_table_prefetch_blocks(&tcp_flows[tcp[i + STEP_BLOCKS]], &stats->tcp_lender);
			tcp_table_prefetch_spans(&tcp_flows[tcp[i + STEP_SPANS]], &stats->tcp_lender);
		}
		if (count_packet(self, batch, i, candidates[i], plain_bits, tcp != NULL))
			batch->tuples[kept++] = batch->tuples[i];
		else
			instance_drop(self, DROP_TABLE_FULL, batch->tuples[i]);
	}
	batch->count = kept;
}

// Behind the last packet of a batch its own record is fetched: workers would take record 0 from each other.
static void pad(uint32_t *records, unsigned count) {
	uint32_t last = count > 0 ? records[count - 1] : 0;
	for (unsigned i = 0; i < STEPS_MAX; i++)
		records[count + i] = last;
}

static void flow_stats_process(struct instance *self, struct batch *batch) {
	struct flow_stats *stats = self->state;
	uint32_t candidates[BATCH_MAX + STEPS_MAX], tcp[BATCH_MAX + STEPS_MAX];
	for (unsigned i = 0; i < batch->count; i++)
		flow_table_prefetch(stats->table, batch->hashes[i]);
	flow_table_lookup_batch(stats->table, batch->hashes, batch->count, candidates);
	pad(candidates, batch->count);
	note_listeners(self);
	if (stats->tcp_flows == NULL) {
		count_batch(self, batch, candidates, NULL);
	} else {
		for (unsigned i = 0; i < batch->count; i++)
			tcp[i] = batch->packets[i]->key.protocol == IPPROTO_TCP ? candidates[i] : 0;
		pad(tcp, batch->count);
		count_batch(self, batch, candidates, tcp);
	}
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
			if (flow_expiry_due(&stats->expiry, records[i], self->watermark_ns) != FLOW_NOT_DUE) {
				flow_expiry_note_late(
					&stats->expiry, records[i], self->watermark_ns, &self->gauges[GAUGE_LATE]);
				--*room;
			}
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
	struct flow_changes *changes = &stats->changes;
	if (!flow_changes_are_due(changes) && self->watermark_ns >= stats->updated_ns + stats->update_interval_ns) {
		stats->updated_ns = self->watermark_ns - self->watermark_ns % stats->update_interval_ns;
		flow_changes_make_due(changes);
	}
	for (; room > 0 && flow_changes_are_due(changes); room--) {
		uint32_t record = flow_changes_take(changes);
		tell_update(self, record, &stats->table->reports[record], FLOW_END_REASONS);
	}
	return !flow_changes_are_due(changes);
}

static bool flow_stats_tick(struct instance *self, unsigned room) {
	struct flow_stats *stats = self->state;
	note_listeners(self);
	bool is_done = expire_flows(self, &room);
	if (stats->tells_updates)
		is_done &= tell_updates(self, room);
	self->gauges[GAUGE_CHANGED] = stats->changes.tail - stats->changes.head;
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

static void flow_stats_group_leave(struct instance *self, unsigned group) {
	self->gauges[GAUGE_FLOWS] -= flow_mover_leave(&((struct flow_stats *)self->state)->mover, group);
}

static void flow_stats_group_enter(struct instance *self, unsigned group) {
	self->gauges[GAUGE_FLOWS] += flow_mover_enter(&((struct flow_stats *)self->state)->mover, group);
}

static void flow_stats_close(struct operator *op) {
	struct flow_stats_shared *shared = op->shared;
	if (shared == NULL)
		return;
	flow_table_free(shared->table);
	tcp_table_free(shared->tcp);
	free(shared);
	op->shared = NULL;
}

static int flow_stats_open(struct operator *op) {
	const struct flow_stats_options *options = op->options;
	struct flow_stats_shared *shared = calloc(1, sizeof(*shared));
	op->shared = shared;
	int error = shared != NULL ? 0 : -ENOMEM;
	if (error == 0)
		error = flow_table_new(&shared->table, options->max_flows, operator_part_count(op));
	if (error == 0 && options->tcp)
		error = tcp_table_new(&shared->tcp, options->max_flows, operator_part_count(op));
	if (error != 0) {
		operator_error(op, "no memory for max_flows: %llu", (unsigned long long)options->max_flows);
		flow_stats_close(op);
	}
	return error;
}

static void flow_stats_take_options(struct instance *self) {
	struct flow_stats *stats = self->state;
	const struct flow_stats_options *options = self->options;
	flow_expiry_change(&stats->expiry, &options->timeouts, self->watermark_ns);
}

static int flow_stats_init(struct instance *self) {
	const struct flow_stats_options *options = self->options;
	struct flow_stats *stats = self->state;
	struct flow_stats_shared *shared = self->op->shared;
	stats->table = shared->table;
	if (shared->tcp != NULL) {
		stats->tcp_flows = shared->tcp->flows;
		stats->tcp_lender = tcp_table_lender(shared->tcp, self->index);
	}
	stats->update_interval_ns = options->update_interval_ns;
	stats->evict = options->evict;
	flow_expiry_init(&stats->expiry, stats->table, &options->timeouts);
	self->gauges[GAUGE_CAPACITY] = stats->table->capacity;
	int error = flow_changes_init(&stats->changes, stats->table, shared->tcp != NULL ? shared->tcp->told : NULL);
	if (error == 0)
		error = link_set_init(&stats->links, stats->table->capacity);
	stats->mover =
		(struct flow_mover){.expiry = &stats->expiry, .changes = &stats->changes, .links = &stats->links};
	if (error == 0)
		error = flow_mover_init(&stats->mover, self->op->node, shared->left_by);
	if (error != 0)
		operator_error(self->op, "no memory for max_flows: %llu", (unsigned long long)options->max_flows);
	return error;
}

static void flow_stats_fini(struct instance *self) {
	struct flow_stats *stats = self->state;
	flow_table_leave_part(stats->table, self->index);
	tcp_lender_leave(&stats->tcp_lender);
	flow_changes_fini(&stats->changes);
	link_set_fini(&stats->links);
	flow_mover_fini(&stats->mover);
}

static const char *const evict_names[] = {[EVICT_NEAREST_EXPIRY] = "nearest_expiry", [EVICT_NONE] = "none", NULL};

#define AT(member) offsetof(struct flow_stats_options, member)
#define MS UINT64_C(1000000)
#define DAY (86400 * 1000 * MS)
static const struct option flow_stats_option_table[] = {
	{"max_flows", OPTION_UINT, AT(max_flows), "1048576", 1, FLOW_TABLE_CAPACITY_MAX,
		.help = "flows kept at once, by all instances together; some 125 bytes each, more with IPv6 and where "
			"updates are heard; taken when used"},
	{"idle_timeout", OPTION_DURATION, AT(timeouts.idle_ns), "60s", MS, 7 * DAY, .live = true,
		.help = "a flow ends when it has had no packet for so long"},
	{"active_timeout", OPTION_DURATION, AT(timeouts.active_ns), "300s", MS, 7 * DAY, .live = true,
		.help = "a flow that goes on gets a record each time it has lasted so long"},
	{"tcp_linger", OPTION_DURATION, AT(timeouts.linger_ns), "5s", MS, 7 * DAY, .live = true,
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
	[GAUGE_LATE + FLOW_LATE_100MS] = "late_100ms",
	[GAUGE_LATE + FLOW_LATE_1S] = "late_1s",
	[GAUGE_LATE + FLOW_LATE_MORE] = "late_more",
	[GAUGE_LATE + FLOW_LATE_MAX_MS] = "late_max_ms",
	NULL,
};
static const char *const key[] = {"src_ip", "dst_ip", "src_port", "dst_port", "protocol", NULL};

static struct operator_type flow_stats_type = {
	.name = "flow_stats",
	.summary = "count packets and bytes per flow, and report flows that end",
	.manual =
		"A flow is a 5-tuple in both directions; forward is the direction of its first packet, or of its SYN "
		"where one is seen. A record ends by idle_timeout, by active_timeout (the flow goes on in another "
		"record), by the end of the TCP connection and tcp_linger after it, by eviction, or with the input.\n\n"
		"The gauges late_100ms, late_1s and late_more count the flows that time-outs ended, by how long after "
		"their time (up to 100 ms, up to 1 s, more, in event time), and late_max_ms is the longest.\n\n"
		"A time-out that is made shorter while the node runs acts on a flow that is there already with its "
		"next packet, or when the old time-out is over, at most 69 s later. None counts as late meanwhile.",
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
	.take_options = flow_stats_take_options,
	.fini = flow_stats_fini,
	.process = flow_stats_process,
	.tick = flow_stats_tick,
	.flush = flow_stats_flush,
	.group_leave = flow_stats_group_leave,
	.group_enter = flow_stats_group_enter,
};
OPERATOR_REGISTER(flow_stats_type);
