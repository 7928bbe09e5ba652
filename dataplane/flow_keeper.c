// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The flows of an instance (see flow_keeper.h). When a record ends is decided by flow_state.h from packets and event
// time alone: the records are the same whatever the batches, the number of workers and the moment at which a timer
// happens to fire. Only eviction depends on them.
#include "dataplane/flow_keeper.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/flow_record_fill.h"
#include "dataplane/tcp_record.h"

enum {
	LOOKS_PER_TICK = 256, // flows that came up on the wheel: a tick is bounded whatever has come up
	LOOKS_AT_ONCE = 16,   // memory is fetched for so many together
};

static void start_tcp(struct flow_keeper *keeper, uint32_t record) {
	struct tcp_flow *tcp = flow_keeper_tcp(keeper, record);
	if (tcp != NULL)
		tcp_flow_start(tcp);
}

static void export_record(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_keeper *keeper = self->state;
	self->gauges[FLOW_GAUGE_ENDED + reason]++;
	struct rte_mbuf *tuple = keeper->tells_flows ? instance_new_record(self, &flow_schema) : NULL;
	if (tuple == NULL)
		return;
	struct flow_record *out = tuple_record(tuple);
	const struct flow *flow = &keeper->table->flows[record];
	const struct flow_cold *cold = &keeper->table->colds[record];
	struct flow_key key;
	flow_table_key(keeper->table, record, &key);
	flow_record_fill(out, &key, flow, cold, link_set_at(&keeper->links, cold->headers));
	out->end_reason = (uint8_t)reason;
	const struct tcp_flow *tcp = flow_keeper_tcp(keeper, record);
	if (tcp != NULL)
		tcp_record_fill(tcp, &keeper->tcp_lender, (flow->bits & FLOW_FORWARD_IS_REVERSED) != 0, out);
	instance_emit(self, FLOW_OUTPUT_FLOWS, tuple);
}

//   reason  FLOW_END_REASONS: the flow goes on
static void tell_update(
	struct instance *self, uint32_t record, struct flow_report *report, enum flow_end_reason reason) {
	struct flow_keeper *keeper = self->state;
	struct rte_mbuf *tuple = instance_new_record(self, &flow_update_schema);
	if (tuple == NULL)
		return;
	struct flow_update *update = tuple_record(tuple);
	struct flow *flow = &keeper->table->flows[record];
	struct flow_key key;
	flow_table_key(keeper->table, record, &key);
	flow_update_fill(update, &key, flow, report, &keeper->table->colds[record]);
	const struct tcp_flow *tcp = flow_keeper_tcp(keeper, record);
	if (tcp != NULL)
		tcp_update_fill(tcp, &keeper->tcp_lender, (flow->bits & FLOW_FORWARD_IS_REVERSED) != 0,
			&keeper->changes.told[record], update);
	if (reason != FLOW_END_REASONS)
		flow_update_end(update, reason);
	instance_emit(self, FLOW_OUTPUT_UPDATES, tuple);
}

// What is left to do for a flow whose last record is out: its last update.
static void conclude_flow(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_keeper *keeper = self->state;
	struct flow_report *report = keeper->tells_updates ? flow_changes_report(&keeper->changes, record) : NULL;
	flow_changes_remove(&keeper->changes, record);
	if (report != NULL)
		tell_update(self, record, report, reason);
	struct tcp_flow *tcp = flow_keeper_tcp(keeper, record);
	if (tcp != NULL)
		tcp_flow_end(tcp, &keeper->tcp_lender);
}

// End a flow that is not on the wheel.
static void end_flow(struct instance *self, uint32_t record, enum flow_end_reason reason) {
	struct flow_keeper *keeper = self->state;
	if (keeper->table->flows[record].bits & FLOW_EMPTY)
		self->gauges[FLOW_GAUGE_ENDED_SILENTLY]++;
	else
		export_record(self, record, reason);
	conclude_flow(self, record, reason);
	link_set_give(&keeper->links, keeper->table->colds[record].headers);
	flow_table_remove(keeper->table, self->index, record);
	self->gauges[FLOW_GAUGE_FLOWS]--;
}

static void cut_flow(struct instance *self, uint32_t record) {
	struct flow_keeper *keeper = self->state;
	export_record(self, record, FLOW_END_ACTIVE);
	flow_cut(&keeper->table->flows[record], &keeper->table->reports[record]);
	struct tcp_flow *tcp = flow_keeper_tcp(keeper, record);
	if (tcp == NULL)
		return;
	if (keeper->tells_updates)
		tcp_update_cut(tcp, &keeper->tcp_lender, &keeper->changes.told[record]);
	tcp_flow_cut(tcp, &keeper->tcp_lender);
}

// Do what is due at the watermark for a flow that is not on the wheel: at most one record and one update.
//   return  true if the flow ended
static bool settle_flow(struct instance *self, uint32_t record) {
	struct flow_keeper *keeper = self->state;
	enum flow_due due = flow_expiry_due(&keeper->expiry, record, self->watermark_ns);
	if (due == FLOW_DUE_ACTIVE) {
		cut_flow(self, record);
		due = flow_expiry_due(&keeper->expiry, record, self->watermark_ns);
	}
	if (due != FLOW_DUE_END)
		return false;
	end_flow(self, record, flow_idle_reason(&keeper->table->flows[record]));
	return true;
}

// Make room by ending the flow of this instance that would end soonest.
//   return  false: it has none
static bool evict_flow(struct instance *self) {
	struct flow_keeper *keeper = self->state;
	uint32_t victim = flow_expiry_take_soonest(&keeper->expiry);
	if (victim == 0)
		return false;
	if (!settle_flow(self, victim))
		end_flow(self, victim, FLOW_END_EVICTED);
	return true;
}

// Make a flow of packet `i` of a batch, which has none.
//   return  its record, or 0: there is no place
static uint32_t add_flow(struct instance *self, const struct batch *batch, unsigned i, const struct flow_words *words) {
	struct flow_keeper *keeper = self->state;
	struct flow_table *table = keeper->table;
	uint64_t hash = batch->hashes[i];
	uint32_t record = flow_table_insert(table, self->index, hash, words);
	if (record == 0 && keeper->evicts && evict_flow(self))
		record = flow_table_insert(table, self->index, hash, words);
	if (record == 0)
		return 0;
	flow_start(&table->flows[record], &table->colds[record], batch->packets[i]);
	table->colds[record].headers =
		link_set_take_below(&keeper->links, self->op->node, batch->tuples[i], batch->packets[i]->bits);
	start_tcp(keeper, record);
	self->gauges[FLOW_GAUGE_CREATED]++;
	self->gauges[FLOW_GAUGE_FLOWS]++;
	return record;
}

// Bring an existing flow to the state in which the packet can be counted.
//   return  true if the packet begins a record
static bool advance_flow(
	struct instance *self, uint32_t record, const struct rte_mbuf *tuple, const struct packet_meta *meta) {
	struct flow_keeper *keeper = self->state;
	struct flow *flow = &keeper->table->flows[record];
	struct flow_cold *cold = &keeper->table->colds[record];
	const struct tcp_flow *tcp = meta->tcp_flags & FLOW_TCP_SYN ? flow_keeper_tcp(keeper, record) : NULL;
	bool is_repeat = tcp != NULL && tcp_table_has_syn(tcp, meta, rte_pktmbuf_mtod(tuple, const uint8_t *),
						rte_pktmbuf_data_len(tuple));
	struct flow_decision decision = flow_decide(flow, cold, &keeper->expiry.timeouts, meta, is_repeat);
	if (decision.exports && decision.record_reason == FLOW_END_ACTIVE)
		cut_flow(self, record);
	else if (decision.exports)
		export_record(self, record, decision.record_reason);
	// Its last record, if it had one left, was cut: the flow itself ends without.
	if (decision.step == FLOW_STEP_RESTART && (!decision.exports || decision.record_reason == FLOW_END_ACTIVE))
		self->gauges[FLOW_GAUGE_ENDED_SILENTLY]++;
	if (decision.step == FLOW_STEP_COUNT)
		return false;

	link_set_give(&keeper->links, cold->headers);
	cold->headers = link_set_take_below(&keeper->links, self->op->node, tuple, meta->bits);
	if (decision.step == FLOW_STEP_CONTINUE) {
		flow_continue(flow, cold, meta);
	} else {
		conclude_flow(self, record, decision.end_reason);
		flow_start(flow, cold, meta);
		start_tcp(keeper, record);
		self->gauges[FLOW_GAUGE_CREATED]++;
	}
	return true;
}

bool flow_keeper_take(
	struct instance *self, const struct batch *batch, unsigned i, uint32_t record, const struct flow_words *words) {
	struct flow_keeper *keeper = self->state;
	struct rte_mbuf *tuple = batch->tuples[i];
	const struct packet_meta *meta = batch->packets[i];
	if (record == 0)
		record = flow_table_lookup(keeper->table, batch->hashes[i], words);
	bool is_new = record == 0, begins = false;
	if (is_new)
		record = add_flow(self, batch, i, words);
	else
		begins = advance_flow(self, record, tuple, meta);
	if (record == 0)
		return false;
	struct flow *flow = &keeper->table->flows[record];
	if (batch->applications[i] != 0)
		flow_set_application(&keeper->table->colds[record], batch->applications[i]);
	uint8_t bits = flow->bits;
	flow_count_any(flow, &keeper->table->colds[record], meta, meta->bits & PACKET_REVERSED);
	flow_keeper_count_tcp(keeper, record, tuple, meta);
	if (keeper->tells_updates)
		flow_changes_add(&keeper->changes, record);
	if (is_new)
		flow_expiry_watch(&keeper->expiry, record);
	else if (begins || ((bits ^ flow->bits) & FLOW_ENDED))
		flow_expiry_hasten(&keeper->expiry, record);
	return true;
}

bool flow_keeper_expire(struct instance *self, unsigned *room) {
	struct flow_keeper *keeper = self->state;
	for (unsigned looks = 0; *room > 0 && looks < LOOKS_PER_TICK; looks += LOOKS_AT_ONCE) {
		uint32_t records[LOOKS_AT_ONCE];
		unsigned wanted = *room < LOOKS_AT_ONCE ? *room : LOOKS_AT_ONCE;
		unsigned n = flow_expiry_pop(&keeper->expiry, self->watermark_ns, records, wanted);
		for (unsigned i = 0; i < n; i++) {
			if (flow_expiry_due(&keeper->expiry, records[i], self->watermark_ns) != FLOW_NOT_DUE) {
				flow_expiry_note_late(&keeper->expiry, records[i], self->watermark_ns,
					&self->gauges[FLOW_GAUGE_LATE]);
				--*room;
			}
			if (!settle_flow(self, records[i]))
				flow_expiry_watch(&keeper->expiry, records[i]);
		}
		if (n < wanted)
			return true;
	}
	return false;
}

bool flow_keeper_tell_updates(struct instance *self, unsigned room) {
	struct flow_keeper *keeper = self->state;
	struct flow_changes *changes = &keeper->changes;
	if (!flow_changes_are_due(changes) && self->watermark_ns >= keeper->updated_ns + keeper->update_interval_ns) {
		keeper->updated_ns = self->watermark_ns - self->watermark_ns % keeper->update_interval_ns;
		flow_changes_make_due(changes);
	}
	for (; room > 0 && flow_changes_are_due(changes); room--) {
		uint32_t record = flow_changes_take(changes);
		tell_update(self, record, &keeper->table->reports[record], FLOW_END_REASONS);
	}
	return !flow_changes_are_due(changes);
}

bool flow_keeper_flush(struct instance *self, enum flow_end_reason reason, unsigned room) {
	struct flow_keeper *keeper = self->state;
	uint64_t up_ns;
	for (uint32_t record; room > 0 && (record = timer_wheel_pop_any(&keeper->expiry.wheel, &up_ns)) != 0; room--)
		if (!settle_flow(self, record))
			end_flow(self, record, reason);
	return keeper->expiry.wheel.count > 0;
}

void flow_keepers_free(struct operator *op) {
	struct flow_keepers *keepers = op->shared;
	if (keepers == NULL)
		return;
	flow_table_free(keepers->table);
	tcp_table_free(keepers->tcp);
	free(keepers);
	op->shared = NULL;
}

static int refuse(const struct operator *op, uint64_t max_flows) {
	operator_error(op, "no memory for max_flows: %llu", (unsigned long long)max_flows);
	return -ENOMEM;
}

int flow_keepers_new(struct operator *op, uint64_t max_flows, bool has_tcp) {
	struct flow_keepers *keepers = calloc(1, sizeof(*keepers));
	op->shared = keepers;
	int error = keepers != NULL ? 0 : -ENOMEM;
	if (error == 0)
		error = flow_table_new(&keepers->table, max_flows, operator_part_count(op));
	if (error == 0 && has_tcp)
		error = tcp_table_new(&keepers->tcp, max_flows, operator_part_count(op));
	return error == 0 ? 0 : refuse(op, max_flows);
}

int flow_keeper_init(struct instance *self, const struct flow_timeouts *timeouts) {
	struct flow_keeper *keeper = self->state;
	struct flow_keepers *shared = self->op->shared;
	keeper->table = shared->table;
	if (shared->tcp != NULL) {
		keeper->tcp_flows = shared->tcp->flows;
		keeper->tcp_lender = tcp_table_lender(shared->tcp, self->index);
	}
	flow_expiry_init(&keeper->expiry, keeper->table, timeouts);
	self->gauges[FLOW_GAUGE_CAPACITY] = keeper->table->capacity;
	int error = flow_changes_init(&keeper->changes, keeper->table, shared->tcp != NULL ? shared->tcp->told : NULL);
	if (error == 0)
		error = link_set_init(&keeper->links, keeper->table->capacity);
	keeper->mover =
		(struct flow_mover){.expiry = &keeper->expiry, .changes = &keeper->changes, .links = &keeper->links};
	if (error == 0)
		error = flow_mover_init(&keeper->mover, self->op->node, shared->left_by);
	return error == 0 ? 0 : refuse(self->op, keeper->table->capacity);
}

void flow_keeper_resume(struct instance *self) {
	struct flow_keeper *keeper = self->state;
	keeper->updated_ns = self->watermark_ns - self->watermark_ns % keeper->update_interval_ns;
	timer_wheel_skip_to(&keeper->expiry.wheel, self->watermark_ns);
}

void flow_keeper_fini(struct instance *self) {
	struct flow_keeper *keeper = self->state;
	flow_table_leave_part(keeper->table, self->index);
	tcp_lender_leave(&keeper->tcp_lender);
	flow_changes_fini(&keeper->changes);
	link_set_fini(&keeper->links);
	flow_mover_fini(&keeper->mover);
}
