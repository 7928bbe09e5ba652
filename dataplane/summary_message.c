// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The lists are filled one entry at a time while their packed size still fits. The remainders are counted with the
// greatest values they can have, so the message is never above its allowance when they get their real ones.
#include "dataplane/summary_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/summary_fill.h"

enum list {
	LIST_FANS, // hosts by flows started
	LIST_TARGETS,
	LIST_HOSTS,
	LIST_FLOWS,
	LIST_SERVICES,
	LIST_PREFIXES,
	LISTS,
};

enum {
	LENGTH_MAX = SUMMARY_LENGTH_MAX,
	HALF_MAX = SUMMARY_LENGTH_MAX / 2 + 1, // of fans and targets
};

struct summary_message {
	struct tally_top tops[LISTS]; // what was chosen, best first once sorted
	struct tally_rank ranks[LISTS][LENGTH_MAX];
	unsigned table; // choosing: which table comes next, and at which entry
	uint32_t entry;
	bool is_chosen;

	unsigned lengths[LISTS]; // entries taken into the message
	uint64_t left;           // bytes of the allowance
	struct summary_host_delta fans[HALF_MAX], targets[HALF_MAX], hosts[LENGTH_MAX];
	Weir__FlowDelta flows[LENGTH_MAX];
	Weir__ServiceDelta services[LENGTH_MAX];
	Weir__PrefixDelta prefixes[LENGTH_MAX];
	// Pointers to the entries taken, as protobuf-c wants them. Hosts by bytes and fans share a list.
	Weir__HostDelta *host_list[LENGTH_MAX + HALF_MAX], *target_list[HALF_MAX];
	Weir__FlowDelta *flow_list[LENGTH_MAX];
	Weir__ServiceDelta *service_list[LENGTH_MAX];
	Weir__PrefixDelta *prefix_list[LENGTH_MAX];
};

int summary_message_new(struct summary_message **out, const struct summary_lengths *lengths) {
	struct summary_message *message = calloc(1, sizeof(*message));
	const uint64_t capacities[LISTS] = {
		[LIST_FANS] = lengths->hosts / 2 + 1,
		[LIST_TARGETS] = lengths->hosts / 2 + 1,
		[LIST_HOSTS] = lengths->hosts,
		[LIST_FLOWS] = lengths->flows,
		[LIST_SERVICES] = lengths->services,
		[LIST_PREFIXES] = lengths->prefixes,
	};

	if (message == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < LISTS; i++)
		message->tops[i] = (struct tally_top){message->ranks[i], (unsigned)capacities[i], 0};
	*out = message;
	return 0;
}

void summary_message_free(struct summary_message *message) {
	free(message);
}

static uint64_t traffic_bytes(const struct summary_traffic *traffic) {
	return traffic->sent_bytes + traffic->received_bytes;
}

static void offer(struct summary_message *message, const struct tally *table, enum list list, uint32_t entry) {
	const void *value = tally_value(table, entry);
	const struct summary_host *host = value;
	const struct summary_flow *flow = value;
	const struct summary_service *service = value;
	struct tally_top *tops = message->tops;

	switch (list) {
	case LIST_FLOWS:
		tally_top_offer(&tops[LIST_FLOWS], entry, flow->fwd_bytes + flow->rev_bytes);
		break;
	case LIST_SERVICES:
		tally_top_offer(&tops[LIST_SERVICES], entry, service->bytes);
		break;
	case LIST_PREFIXES:
		tally_top_offer(&tops[LIST_PREFIXES], entry, traffic_bytes(value));
		break;
	default:
		tally_top_offer(&tops[LIST_HOSTS], entry, traffic_bytes(&host->traffic));
		tally_top_offer(&tops[LIST_FANS], entry, host->flows_out >= SUMMARY_FAN_OUT_MIN ? host->flows_out : 0);
		tally_top_offer(&tops[LIST_TARGETS], entry, host->syn_in);
	}
}

bool summary_message_choose(struct summary_message *message, const struct summary_tables *tables, uint32_t entries) {
	const struct {
		const struct tally *table;
		enum list list;
	} steps[] = {
		{&tables->hosts, LIST_HOSTS},
		{&tables->flows, LIST_FLOWS},
		{&tables->services, LIST_SERVICES},
		{&tables->prefixes, LIST_PREFIXES},
	};

	for (; message->table < sizeof(steps) / sizeof(steps[0]); message->table++, message->entry = 0) {
		const struct tally *table = steps[message->table].table;
		for (; message->entry < table->count; message->entry++, entries--) {
			if (entries == 0)
				return false;
			offer(message, table, steps[message->table].list, message->entry);
		}
	}
	for (unsigned i = 0; i < LISTS && !message->is_chosen; i++)
		tally_top_sort(&message->tops[i]);
	message->is_chosen = true;
	return true;
}

// Fill the next entry of a list.
//   return  it, as a message
static const ProtobufCMessage *fill_next(
	struct summary_message *message, const struct summary_tables *tables, enum list list) {
	unsigned next = message->lengths[list];
	uint32_t entry = message->tops[list].ranks[next].entry;
	struct summary_host_delta *const hosts[] = {
		[LIST_FANS] = message->fans, [LIST_TARGETS] = message->targets, [LIST_HOSTS] = message->hosts};

	switch (list) {
	case LIST_FLOWS:
		summary_fill_flow(&message->flows[next], tables, entry);
		return &message->flows[next].base;
	case LIST_SERVICES:
		summary_fill_service(&message->services[next], tables, entry);
		return &message->services[next].base;
	case LIST_PREFIXES:
		summary_fill_prefix(&message->prefixes[next], tables, entry);
		return &message->prefixes[next].base;
	default:
		summary_fill_host(&hosts[list][next], tables, entry);
		if (list == LIST_TARGETS) // the sketch says nothing about what came in
			hosts[list][next].message.endpoints_out.len = 0;
		return &hosts[list][next].message.base;
	}
}

//   return  0..count of the fans taken: which of them is this host; the count where none is
static unsigned fan_of(const struct summary_message *message, uint32_t entry) {
	unsigned i = 0;

	while (i < message->lengths[LIST_FANS] && message->tops[LIST_FANS].ranks[i].entry != entry)
		i++;
	return i;
}

// Take the next entry of a list into the message if it fits.
//   return  false: there is none, or it does not fit
static bool take_next(struct summary_message *message, const struct summary_tables *tables, enum list list) {
	enum { TAG_AND_LENGTH = 2 + 2 }; // bytes in front of an entry at most: field 19 and up to 16,383
	unsigned next = message->lengths[list];

	if (next == message->tops[list].count)
		return false;
	const ProtobufCMessage *entry = fill_next(message, tables, list);
	size_t size = protobuf_c_message_get_packed_size(entry) + TAG_AND_LENGTH;
	// Among the fans already: only its place in the list comes from here.
	if (list == LIST_HOSTS &&
		fan_of(message, message->tops[LIST_HOSTS].ranks[next].entry) < message->lengths[LIST_FANS])
		size = 0;
	if (size > message->left)
		return false;
	message->left -= size;
	message->lengths[list]++;
	return true;
}

static void take_urgent(struct summary_message *message, const struct summary_tables *tables) {
	const struct tally_top *targets = &message->tops[LIST_TARGETS];

	while (take_next(message, tables, LIST_FANS))
		;
	while (message->lengths[LIST_TARGETS] < targets->count &&
		targets->ranks[message->lengths[LIST_TARGETS]].weight >= SUMMARY_TARGET_MIN &&
		take_next(message, tables, LIST_TARGETS))
		;
}

static void take_in_turn(struct summary_message *message, const struct summary_tables *tables) {
	static const enum list turns[] = {LIST_HOSTS, LIST_FLOWS, LIST_SERVICES, LIST_PREFIXES, LIST_TARGETS};
	bool is_open[LISTS];
	bool is_any_open = true;

	memset(is_open, true, sizeof(is_open));
	while (is_any_open) {
		is_any_open = false;
		for (unsigned i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
			enum list list = turns[i];
			is_open[list] = is_open[list] && take_next(message, tables, list);
			is_any_open |= is_open[list];
		}
	}
}

// Fill the lists.
//   bare  bytes of the message without them
static void take_all(struct summary_message *message, const struct summary_tables *tables, uint64_t bare,
	const struct summary_allowance *allowance) {
	memset(message->lengths, 0, sizeof(message->lengths));
	message->left = allowance->urgent_bytes > bare ? allowance->urgent_bytes - bare : 0;
	uint64_t before = message->left;
	take_urgent(message, tables);
	bare += before - message->left;
	message->left = allowance->bytes > bare ? allowance->bytes - bare : 0;
	take_in_turn(message, tables);
}

// The fields of a remainder before anything is listed.
static void rest_init(Weir__Remainder *rest, const Weir__Totals *totals, const struct tally *table, unsigned ends) {
	weir__remainder__init(rest);
	rest->count = table->count;
	rest->packets = totals->packets * ends;
	rest->bytes = totals->bytes * ends;
}

static void rest_subtract(Weir__Remainder *rest, uint64_t packets, uint64_t bytes) {
	rest->count--;
	rest->packets -= packets;
	rest->bytes -= bytes;
}

static void list_host(Weir__Summary *summary, struct summary_message *message, Weir__HostDelta *host) {
	message->host_list[summary->n_hosts++] = host;
	rest_subtract(summary->hosts_rest, host->sent_packets + host->received_packets,
		host->sent_bytes + host->received_bytes);
}

static void list_hosts(Weir__Summary *summary, struct summary_message *message) {
	bool is_listed[HALF_MAX + 1] = {false};
	unsigned fans = message->lengths[LIST_FANS];

	summary->hosts = message->host_list;
	for (unsigned i = 0; i < message->lengths[LIST_HOSTS]; i++) {
		unsigned fan = fan_of(message, message->tops[LIST_HOSTS].ranks[i].entry);
		list_host(summary, message, fan < fans ? &message->fans[fan].message : &message->hosts[i].message);
		is_listed[fan] |= fan < fans;
	}
	for (unsigned fan = 0; fan < fans; fan++) {
		if (!is_listed[fan])
			list_host(summary, message, &message->fans[fan].message);
	}
	summary->targets = message->target_list;
	for (unsigned i = 0; i < message->lengths[LIST_TARGETS]; i++)
		message->target_list[summary->n_targets++] = &message->targets[i].message;
}

static void list_others(Weir__Summary *summary, struct summary_message *message) {
	summary->flows = message->flow_list;
	for (unsigned i = 0; i < message->lengths[LIST_FLOWS]; i++) {
		Weir__FlowDelta *flow = message->flow_list[summary->n_flows++] = &message->flows[i];
		rest_subtract(
			summary->flows_rest, flow->fwd_packets + flow->rev_packets, flow->fwd_bytes + flow->rev_bytes);
	}
	summary->services = message->service_list;
	for (unsigned i = 0; i < message->lengths[LIST_SERVICES]; i++) {
		Weir__ServiceDelta *service = message->service_list[summary->n_services++] = &message->services[i];
		rest_subtract(summary->services_rest, service->packets, service->bytes);
	}
	summary->prefixes = message->prefix_list;
	for (unsigned i = 0; i < message->lengths[LIST_PREFIXES]; i++) {
		Weir__PrefixDelta *prefix = message->prefix_list[summary->n_prefixes++] = &message->prefixes[i];
		rest_subtract(summary->prefixes_rest, prefix->sent_packets + prefix->received_packets,
			prefix->sent_bytes + prefix->received_bytes);
	}
}

static void fill_head(Weir__Summary *summary, const struct summary_head *head) {
	weir__summary__init(summary);
	summary->node = (char *)head->node;
	summary->incarnation = head->incarnation;
	summary->pipeline = (char *)head->pipeline;
	summary->operator_ = (char *)head->operator;
	summary->instance = head->instance;
	summary->sequence = head->sequence;
	summary->start_ns = head->start_ns;
	summary->end_ns = head->end_ns;
	summary->cumulative = (Weir__Totals *)head->cumulative;
}

static void choose_anew(struct summary_message *message) {
	for (unsigned i = 0; i < LISTS; i++)
		message->tops[i].count = 0;
	message->table = 0;
	message->entry = 0;
	message->is_chosen = false;
}

size_t summary_message_pack(struct summary_message *message, const struct summary_tables *tables,
	const struct summary_head *head, const struct summary_allowance *allowance, uint8_t **packed) {
	Weir__Message whole = WEIR__MESSAGE__INIT;
	Weir__Summary summary;
	Weir__Remainder rests[4];

	fill_head(&summary, head);
	summary.interval = (Weir__Totals *)&tables->totals;
	rest_init(summary.flows_rest = &rests[0], &tables->totals, &tables->flows, 1);
	rest_init(summary.hosts_rest = &rests[1], &tables->totals, &tables->hosts, 2);
	rest_init(summary.services_rest = &rests[2], &tables->totals, &tables->services, 1);
	rest_init(summary.prefixes_rest = &rests[3], &tables->totals, &tables->prefixes, 2);
	whole.version = 1;
	whole.body_case = WEIR__MESSAGE__BODY_SUMMARY;
	whole.summary = &summary;

	// A longer body takes up to 2 bytes more for its length.
	take_all(message, tables, weir__message__get_packed_size(&whole) + 2, allowance);
	list_hosts(&summary, message);
	list_others(&summary, message);

	size_t size = weir__message__get_packed_size(&whole);
	*packed = malloc(size);
	if (*packed == NULL)
		size = 0;
	else
		weir__message__pack(&whole, *packed);
	choose_anew(message);
	return size;
}
