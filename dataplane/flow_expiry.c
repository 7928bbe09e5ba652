// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Flows on the wheel (see flow_expiry.h).
#include "dataplane/flow_expiry.h"

enum { CANDIDATES = 16 }; // flows looked at for one that is not stale

void flow_expiry_init(struct flow_expiry *expiry, struct flow_table *table, const struct flow_timeouts *timeouts) {
	expiry->table = table;
	expiry->timeouts = *timeouts;
	timer_wheel_init(&expiry->wheel, &table->colds->link, sizeof(*table->colds));
}

static uint64_t longest_ns(const struct flow_timeouts *timeouts) {
	uint64_t longest = timeouts->idle_ns > timeouts->active_ns ? timeouts->idle_ns : timeouts->active_ns;
	return longest > timeouts->linger_ns ? longest : timeouts->linger_ns;
}

void flow_expiry_change(struct flow_expiry *expiry, const struct flow_timeouts *timeouts, uint64_t clock_ns) {
	const uint64_t span_ns = (uint64_t)TIMER_WHEEL_SLOTS << TIMER_WHEEL_SHIFT;
	const struct flow_timeouts *old = &expiry->timeouts;
	uint64_t wait_ns = longest_ns(old) < span_ns ? longest_ns(old) : span_ns;
	bool is_shorter = timeouts->idle_ns < old->idle_ns || timeouts->active_ns < old->active_ns ||
			  timeouts->linger_ns < old->linger_ns;
	if (is_shorter && clock_ns + wait_ns > expiry->settled_ns)
		expiry->settled_ns = clock_ns + wait_ns;
	expiry->timeouts = *timeouts;
}

static uint64_t deadline_ns_of(const struct flow_expiry *expiry, uint32_t record) {
	return flow_deadline_ns(&expiry->table->flows[record], &expiry->table->colds[record], &expiry->timeouts);
}

void flow_expiry_watch(struct flow_expiry *expiry, uint32_t record) {
	// The first flow says what time it is, so that deadlines spread over the wheel before the first tick.
	timer_wheel_skip_to(&expiry->wheel, expiry->table->flows[record].last_clock_ns);
	timer_wheel_insert(&expiry->wheel, record, deadline_ns_of(expiry, record));
}

void flow_expiry_hasten(struct flow_expiry *expiry, uint32_t record) {
	timer_wheel_hasten(&expiry->wheel, record, deadline_ns_of(expiry, record));
}

unsigned flow_expiry_pop(struct flow_expiry *expiry, uint64_t clock_ns, uint32_t *records, unsigned max) {
	const struct flow_table *table = expiry->table;
	unsigned n = 0;
	for (; n < max && (records[n] = timer_wheel_pop(&expiry->wheel, clock_ns)) != 0; n++) {
		__builtin_prefetch(&table->flows[records[n]], 1);
		flow_table_prefetch(table, (uint64_t)table->colds[records[n]].hash_high << 32);
	}
	return n;
}

enum flow_due flow_expiry_due(const struct flow_expiry *expiry, uint32_t record, uint64_t clock_ns) {
	return flow_due_at(&expiry->table->flows[record], &expiry->table->colds[record], &expiry->timeouts, clock_ns);
}

void flow_expiry_note_late(const struct flow_expiry *expiry, uint32_t record, uint64_t clock_ns, uint64_t *figures) {
	uint64_t deadline_ns = deadline_ns_of(expiry, record);
	if (deadline_ns < expiry->settled_ns)
		deadline_ns = expiry->settled_ns;
	uint64_t late_ms = clock_ns > deadline_ns ? (clock_ns - deadline_ns) / 1000000 : 0;
	figures[late_ms <= 100 ? FLOW_LATE_100MS : late_ms <= 1000 ? FLOW_LATE_1S : FLOW_LATE_MORE]++;
	if (late_ms > figures[FLOW_LATE_MAX_MS])
		figures[FLOW_LATE_MAX_MS] = late_ms;
}

uint32_t flow_expiry_take_soonest(struct flow_expiry *expiry) {
	uint32_t soonest = 0;
	uint64_t soonest_ns = UINT64_MAX;
	for (unsigned i = 0; i < CANDIDATES; i++) {
		uint64_t up_ns;
		uint32_t record = timer_wheel_pop_any(&expiry->wheel, &up_ns);
		if (record == 0)
			break;
		uint64_t deadline_ns = deadline_ns_of(expiry, record);
		bool sooner = soonest == 0 || deadline_ns < soonest_ns;
		if (soonest != 0)
			flow_expiry_watch(expiry, sooner ? soonest : record);
		if (sooner) {
			soonest = record;
			soonest_ns = deadline_ns;
		}
		if (soonest_ns < up_ns)
			break;
	}
	return soonest;
}
