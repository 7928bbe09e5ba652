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
// Here packets are counted that need no more than that, which are nearly all; what begins and ends flows and tells of
// them is flow_keeper.h.
#include "dataplane/flow_saving.h"

enum { DROP_TABLE_FULL };
enum { EVICT_NEAREST_EXPIRY, EVICT_NONE };

// What a packet will touch is fetched while others before it in the batch are counted: so many before it. The processor
// has some twenty lines on their way at once; more than that are waited for, or not fetched.
enum {
	STEPS_ALONE = 20, // its flow, where that is all
	STEPS_TCP = 12,   // its flow and the TCP part
	STEP_BLOCKS = 2,  // what the TCP part borrowed
	STEP_SPANS = 1,   // and what that leads to
	STEPS_MAX = STEPS_ALONE,
};

struct flow_stats_options {
	uint64_t max_flows, update_interval_ns;
	struct flow_timeouts timeouts;
	unsigned evict;
	bool tcp;
};

// Count one packet of a batch.
//   record  that probably has its key, or 0
//   return  false: there is no place for its flow
static inline __attribute__((always_inline)) bool count_packet(struct instance *self, const struct batch *batch,
	unsigned i, uint32_t record, uint8_t plain_bits, bool has_tcp) {
	struct flow_keeper *keeper = self->state;
	const struct packet_meta *meta = batch->packets[i];
	struct flow *flow = &keeper->table->flows[record];
	unsigned direction = meta->bits & PACKET_REVERSED;
	struct flow_words words;
	flow_words_set(&words, meta, direction, batch->hashes[i]);
	bool found = flow_table_has_key(keeper->table, record, &words);
	bool is_plain = flow_is_plain(flow, meta, direction, &keeper->expiry.timeouts, plain_bits);
	if (__builtin_expect(!(found & is_plain), 0))
		return flow_keeper_take(self, batch, i, found ? record : 0, &words);
	flow_count(flow, meta, direction);
	if (has_tcp)
		flow_keeper_count_tcp(keeper, record, batch->tuples[i], meta);
	return true;
}

// Count the packets of a batch, each some steps after what it will touch began to be fetched. Inline, because each of
// the two forms is faster alone, and because gcc takes a function that does nothing but fetch for one without effect.
//   candidates  [count + STEPS_MAX] the record that probably has the key of each, 0 where there is none; then any
//   tcp         [count + STEPS_MAX] the same of packets of TCP, 0 for others; NULL: TCP is not analysed
static inline __attribute__((always_inline)) void count_batch(
	struct instance *self, struct batch *batch, const uint32_t *candidates, const uint32_t *tcp) {
	struct flow_keeper *keeper = self->state;
	const struct flow *flows = keeper->table->flows;
	const struct tcp_flow *tcp_flows = keeper->tcp_flows;
	uint8_t plain_bits = keeper->tells_updates ? FLOW_DIRTY : 0;
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
			tcp_table_prefetch_blocks(&tcp_flows[tcp[i + STEP_BLOCKS]], &keeper->tcp_lender);
			tcp_table_prefetch_spans(&tcp_flows[tcp[i + STEP_SPANS]], &keeper->tcp_lender);
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
	struct flow_keeper *keeper = self->state;
	uint32_t candidates[BATCH_MAX + STEPS_MAX], tcp[BATCH_MAX + STEPS_MAX];
	for (unsigned i = 0; i < batch->count; i++)
		flow_table_prefetch(keeper->table, batch->hashes[i]);
	flow_table_lookup_batch(keeper->table, batch->hashes, batch->count, candidates);
	pad(candidates, batch->count);
	flow_keeper_note_listeners(self);
	if (keeper->tcp_flows == NULL) {
		count_batch(self, batch, candidates, NULL);
	} else {
		for (unsigned i = 0; i < batch->count; i++)
			tcp[i] = batch->packets[i]->key.protocol == IPPROTO_TCP ? candidates[i] : 0;
		pad(tcp, batch->count);
		count_batch(self, batch, candidates, tcp);
	}
	instance_absorb(self, batch);
}

static bool flow_stats_tick(struct instance *self, unsigned room) {
	struct flow_keeper *keeper = self->state;
	flow_keeper_note_listeners(self);
	bool is_done = flow_keeper_expire(self, &room);
	if (keeper->tells_updates)
		is_done &= flow_keeper_tell_updates(self, room);
	self->gauges[FLOW_GAUGE_CHANGED] = keeper->changes.tail - keeper->changes.head;
	return !is_done;
}

static bool flow_stats_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	flow_keeper_note_listeners(self);
	return flow_keeper_flush(self, why == END_OF_INPUT ? FLOW_END_OF_INPUT : FLOW_END_SHUTDOWN, room);
}

static void flow_stats_group_leave(struct instance *self, unsigned group) {
	self->gauges[FLOW_GAUGE_FLOWS] -= flow_mover_leave(&((struct flow_keeper *)self->state)->mover, group);
}

static void flow_stats_group_enter(struct instance *self, unsigned group) {
	self->gauges[FLOW_GAUGE_FLOWS] += flow_mover_enter(&((struct flow_keeper *)self->state)->mover, group);
}

static int flow_stats_open(struct operator *op) {
	const struct flow_stats_options *options = op->options;
	return flow_keepers_new(op, options->max_flows, options->tcp);
}

static void flow_stats_take_options(struct instance *self) {
	struct flow_keeper *keeper = self->state;
	const struct flow_stats_options *options = self->options;
	flow_expiry_change(&keeper->expiry, &options->timeouts, self->watermark_ns);
}

static int flow_stats_init(struct instance *self) {
	const struct flow_stats_options *options = self->options;
	struct flow_keeper *keeper = self->state;
	keeper->update_interval_ns = options->update_interval_ns;
	keeper->evicts = options->evict == EVICT_NEAREST_EXPIRY;
	return flow_keeper_init(self, &options->timeouts);
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
	[FLOW_OUTPUT_FLOWS] = {.name = "flows", .schema = &flow_schema},
	[FLOW_OUTPUT_UPDATES] = {.name = "updates", .schema = &flow_update_schema},
	{0},
};
static const char *const drops[] = {[DROP_TABLE_FULL] = "table_full", NULL};
static const char *const gauges[] = {
	[FLOW_GAUGE_FLOWS] = "flows",
	[FLOW_GAUGE_CREATED] = "created",
	[FLOW_GAUGE_ENDED + FLOW_END_IDLE] = "ended_idle",
	[FLOW_GAUGE_ENDED + FLOW_END_ACTIVE] = "ended_active",
	[FLOW_GAUGE_ENDED + FLOW_END_TCP] = "ended_tcp_end",
	[FLOW_GAUGE_ENDED + FLOW_END_EVICTED] = "ended_evicted",
	[FLOW_GAUGE_ENDED + FLOW_END_OF_INPUT] = "ended_end_of_input",
	[FLOW_GAUGE_ENDED + FLOW_END_SHUTDOWN] = "ended_shutdown",
	[FLOW_GAUGE_ENDED_SILENTLY] = "ended_silently",
	[FLOW_GAUGE_CHANGED] = "changed",
	[FLOW_GAUGE_CAPACITY] = "capacity",
	[FLOW_GAUGE_LATE + FLOW_LATE_100MS] = "late_100ms",
	[FLOW_GAUGE_LATE + FLOW_LATE_1S] = "late_1s",
	[FLOW_GAUGE_LATE + FLOW_LATE_MORE] = "late_more",
	[FLOW_GAUGE_LATE + FLOW_LATE_MAX_MS] = "late_max_ms",
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
	.state_size = sizeof(struct flow_keeper),
	.saving = &flow_saving,
	.restored =
		"Flows go on as they were, with their TCP analysis and what updates have told of them: the records are "
		"those of a node that nothing happened to, but for those of flows that are evicted. An update tells "
		"what its interval has seen until it is told, and may be cut elsewhere. Packets that a port missed "
		"meanwhile are in no record, and time-outs that passed meanwhile count as late.",
	.open = flow_stats_open,
	.close = flow_keepers_free,
	.init = flow_stats_init,
	.take_options = flow_stats_take_options,
	.fini = flow_keeper_fini,
	.process = flow_stats_process,
	.tick = flow_stats_tick,
	.flush = flow_stats_flush,
	.group_leave = flow_stats_group_leave,
	.group_enter = flow_stats_group_enter,
};
OPERATOR_REGISTER(flow_stats_type);
