// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/flow_saving.h"

#include <errno.h>

#include "dataplane/application_names.h"
#include "dataplane/keyed_state.h"
#include "dataplane/tcp_saving.h"

enum { STATE_APPLICATION = 1, STATE_HEADERS, STATE_FLOW, STATE_TCP };
enum { VERSION = 1 }; // raised where a field means something else

// An item STATE_FLOW: this, then the addresses of an IPv6 flow, then what was told of one that updates told of.
struct saved_flow {
	uint64_t hash;
	uint8_t flow[sizeof(struct flow)];
	uint8_t cold[sizeof(struct flow_cold)];
	uint32_t unused;
};

static bool is_told(const struct flow *flow) {
	return flow->bits & (FLOW_DIRTY | FLOW_REPORTED);
}

static uint64_t layout(const struct operator *op) {
	static const size_t sizes[] = {sizeof(struct flow), sizeof(struct flow_cold), sizeof(struct flow_address),
		sizeof(struct flow_report), sizeof(struct packet_link_headers)};
	uint64_t fold = state_fold(VERSION, tcp_saving_layout());
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		fold = state_fold(fold, sizes[i]);
	return fold;
}

// Where a save is.
struct place {
	const struct flow_keeper *keeper;        // who owns the group
	const struct packet_link_headers *below; // the headers that were put last; NULL: none
	struct state_writer *writer;
};

static void save_flow(struct place *at, uint32_t record) {
	const struct flow_table *table = at->keeper->table;
	const struct flow *flow = &table->flows[record];
	const struct flow_cold *cold = &table->colds[record];
	const struct packet_link_headers *below = link_set_at(&at->keeper->links, cold->headers);
	if (at->below == NULL || memcmp(at->below, below, sizeof(*below)) != 0)
		state_put(at->writer, STATE_HEADERS, below, sizeof(*below));
	at->below = below;
	struct saved_flow saved = {.hash = key_index_hash(&table->index, (uint64_t)cold->hash_high << 32, record)};
	memcpy(saved.flow, flow, sizeof(saved.flow));
	memcpy(saved.cold, cold, sizeof(saved.cold));
	const struct state_part parts[] = {
		{&saved, sizeof(saved)},
		{&table->addresses[record], flow->ip_version == 6 ? sizeof(table->addresses[record]) : 0},
		{&table->reports[record], is_told(flow) ? sizeof(table->reports[record]) : 0},
	};
	state_put_parts(at->writer, STATE_FLOW, parts, 3);
	const struct tcp_flow *tcp = flow_keeper_tcp(at->keeper, record);
	if (tcp != NULL)
		tcp_saving_put(tcp, is_told(flow) ? &at->keeper->changes.told[record] : NULL, &at->keeper->tcp_lender,
			at->writer, STATE_TCP);
}

static void save(const struct operator *op, struct state_writer *writer) {
	const struct flow_keepers *keepers = op->shared;
	struct place at = {.writer = writer};
	application_names_save(writer, STATE_APPLICATION);
	for (unsigned group = 0; group < KEY_GROUPS; group++) {
		struct flow_cursor cursor = flow_table_group(keepers->table, group);
		at.keeper = op->instances[state_saved_owner(writer, group)]->state;
		for (uint32_t record; (record = flow_table_next(keepers->table, &cursor)) != 0;)
			save_flow(&at, record);
	}
}

// Where a restore is.
struct restoring {
	struct flow_keeper *keeper; // that of the first instance, who brings all flows
	uint32_t below;             // the number in its parcel of the headers that came last
	bool has_below;
	uint32_t record; // the flow that came last; 0: none
	struct application_numbers applications;
};

static bool restore_headers(struct restoring *at, const struct state_item *item) {
	struct packet_link_headers below;
	if (item->size != sizeof(below))
		return false;
	memcpy(&below, item->data, sizeof(below));
	at->has_below = flow_mover_pack(&at->keeper->mover, &below, &at->below);
	return at->has_below;
}

static bool restore_flow(struct restoring *at, const struct state_item *item) {
	struct flow_table *table = at->keeper->table;
	const struct saved_flow *saved = item->data;
	struct flow flow;
	struct flow_cold cold;
	if (item->size < sizeof(*saved) || !at->has_below)
		return false;
	memcpy(&flow, saved->flow, sizeof(flow));
	memcpy(&cold, saved->cold, sizeof(cold));
	size_t address_size = flow.ip_version == 6 ? sizeof(struct flow_address) : 0;
	size_t report_size = is_told(&flow) ? sizeof(struct flow_report) : 0;
	if ((flow.ip_version != 4 && flow.ip_version != 6) || item->size != sizeof(*saved) + address_size + report_size)
		return false;
	struct flow_words words = {.ends = flow.ends};
	memcpy(&words.rest, &flow.ports, sizeof(words.rest));
	words.rest &= FLOW_KEY_LAST_MASK;
	memcpy(words.address, saved + 1, address_size);
	at->record = flow_table_insert(table, 0, saved->hash, &words);
	if (at->record == 0)
		return false;
	cold.link = (struct timer_link){.spare = application_numbers_now(&at->applications, flow_application(&cold))};
	cold.hash_high = (uint32_t)(saved->hash >> 32);
	cold.headers = at->below;
	table->flows[at->record] = flow;
	table->colds[at->record] = cold;
	memcpy(&table->reports[at->record], (const uint8_t *)(saved + 1) + address_size, report_size);
	struct tcp_flow *tcp = flow_keeper_tcp(at->keeper, at->record);
	if (tcp != NULL)
		tcp_flow_start(tcp);
	return true;
}

static bool restore_tcp(struct restoring *at, const struct state_item *item) {
	struct flow_keeper *keeper = at->keeper;
	uint32_t record = at->record;
	struct tcp_flow *tcp = record != 0 ? flow_keeper_tcp(keeper, record) : NULL;
	at->record = 0;
	if (tcp == NULL)
		return false;
	struct tcp_told *told = is_told(&keeper->table->flows[record]) ? &keeper->changes.told[record] : NULL;
	return tcp_saving_take(tcp, told, &keeper->tcp_lender, item) == 0;
}

static bool restore_item(struct restoring *at, const struct state_item *item) {
	switch (item->kind) {
	case STATE_APPLICATION:
		return application_numbers_take(&at->applications, item);
	case STATE_HEADERS:
		return restore_headers(at, item);
	case STATE_FLOW:
		return restore_flow(at, item);
	case STATE_TCP:
		return restore_tcp(at, item);
	}
	return false;
}

static int restore(struct operator *op, struct state_reader *reader) {
	struct restoring at = {.keeper = op->instances[0]->state};
	struct state_item item;
	int ret;
	while ((ret = state_next(reader, &item)) == 1)
		if (!restore_item(&at, &item))
			return keyed_state_refuse(op);
	if (ret < 0)
		return keyed_state_refuse(op);
	for (unsigned i = 0; i < op->instance_count; i++)
		flow_keeper_resume(op->instances[i]);
	flow_mover_leave_all(&at.keeper->mover);
	state_enter_groups(op, reader);
	return 0;
}

const struct operator_saving flow_saving = {.layout = layout, .save = save, .restore = restore};
