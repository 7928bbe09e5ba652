// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What an instance does with its flows, but for the packets that are just counted: flows begin, are cut, end, and are
// told of. Made for the operator flow_stats, whose instances' state and outputs these are.
//
//   thread  the worker of the instance
#pragma once

#include <netinet/in.h>

#include "dataplane/flow_move.h"
#include "dataplane/tcp_table.h"

// Places in the type's tables.
enum { FLOW_OUTPUT_FLOWS, FLOW_OUTPUT_UPDATES };
enum flow_gauge {
	FLOW_GAUGE_FLOWS,
	FLOW_GAUGE_CREATED,
	FLOW_GAUGE_ENDED, // first of the end reasons
	FLOW_GAUGE_ENDED_SILENTLY = FLOW_GAUGE_ENDED + FLOW_END_REASONS,
	FLOW_GAUGE_CHANGED,
	FLOW_GAUGE_CAPACITY,
	FLOW_GAUGE_LATE, // first of the figures of lateness
};
_Static_assert(FLOW_GAUGE_LATE + FLOW_LATE_FIGURES <= OPERATOR_GAUGES_MAX, "all have their place");

// What the instances of an operator share: its op->shared.
struct flow_keepers {
	struct flow_table *table;
	struct tcp_table *tcp; // NULL: no TCP analysis
	struct flow_mover *left_by[KEY_GROUPS];
};

// The state of an instance.
struct flow_keeper {
	struct flow_table *table;
	struct tcp_flow *tcp_flows; // parallel to table->flows; NULL: no TCP analysis
	struct tcp_lender tcp_lender;
	struct flow_changes changes;
	uint64_t update_interval_ns;
	uint64_t updated_ns; // the interval that began then is being counted
	bool evicts;         // the flow nearest to its end makes room for a new one
	bool tells_flows, tells_updates;
	struct flow_expiry expiry;
	struct link_set links;
	struct flow_mover mover;
};

//   max_flows  1..FLOW_TABLE_CAPACITY_MAX
//   return     0 or -ENOMEM, after operator_error; flow_keepers_free is due in any case
int flow_keepers_new(struct operator *op, uint64_t max_flows, bool has_tcp);
void flow_keepers_free(struct operator *op);

// Prepare the state of an instance, but for what is an option alone.
//   return  0 or -ENOMEM, after operator_error; flow_keeper_fini is due in any case
int flow_keeper_init(struct instance *self, const struct flow_timeouts *timeouts);
void flow_keeper_fini(struct instance *self);

// Before the instance takes up flows of a snapshot: time goes on from its watermark.
void flow_keeper_resume(struct instance *self);

// Records that nobody hears are not made. A new plan may change who listens.
static inline void flow_keeper_note_listeners(struct instance *self) {
	struct flow_keeper *keeper = self->state;
	keeper->tells_flows = instance_has_listener(self, FLOW_OUTPUT_FLOWS);
	keeper->tells_updates = instance_has_listener(self, FLOW_OUTPUT_UPDATES);
}

// The TCP part of a flow.
//   return  NULL: it has none
static inline struct tcp_flow *flow_keeper_tcp(const struct flow_keeper *keeper, uint32_t record) {
	bool is_tcp = keeper->tcp_flows != NULL && keeper->table->flows[record].protocol == IPPROTO_TCP;
	return is_tcp ? &keeper->tcp_flows[record] : NULL;
}

static inline void flow_keeper_count_tcp(
	struct flow_keeper *keeper, uint32_t record, struct rte_mbuf *tuple, const struct packet_meta *meta) {
	struct tcp_flow *tcp = flow_keeper_tcp(keeper, record);
	if (tcp != NULL)
		tcp_table_count(tcp, &keeper->tcp_lender, meta, rte_pktmbuf_mtod(tuple, const uint8_t *),
			rte_pktmbuf_data_len(tuple));
}

// Count packet `i` of a batch, which is not just counted: its flow is new, or changes state, or was not found at once.
//   record  its flow, or 0: to be looked for
//   return  false: there is no place for its flow
bool flow_keeper_take(
	struct instance *self, const struct batch *batch, unsigned i, uint32_t record, const struct flow_words *words);

// End or cut what came up on the wheel.
//   room    flows that may end or be cut; less by those that did, on return
//   return  true if all that came up was looked at
bool flow_keeper_expire(struct instance *self, unsigned *room);

// Tell what changed in the interval that is over.
//   return  true if all of it was told
bool flow_keeper_tell_updates(struct instance *self, unsigned room);

// End all flows, by their own rules where they are due.
//   room    flows that may end
//   return  true if there are more
bool flow_keeper_flush(struct instance *self, enum flow_end_reason reason, unsigned room);
