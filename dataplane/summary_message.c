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
	LIST_TCP, // prefixes by TCP packets, the retransmitted ones above all
	LIST_APPLICATIONS,
	LIST_ENDED, // flows that ended, by all their bytes
	LISTS,
};

enum {
	LENGTH_MAX = SUMMARY_LENGTH_MAX,
	HALF_MAX = SUMMARY_LENGTH_MAX / 2 + 1, // of fans and targets
	HISTOGRAM_SIZE_MAX = 512,              // of the interval's, packed; coarser where that is too short
	TAG_AND_LENGTH = 2 + 2,                // bytes in front of an entry at most: field 16 and up, up to 16,383
};

// What the lists leave out, in the order of struct remainders.
static const struct {
	enum list list;
	unsigned ends; // of a packet that are counted
} rests[] = {{LIST_FLOWS, 1}, {LIST_HOSTS, 2}, {LIST_SERVICES, 1}, {LIST_PREFIXES, 2}, {LIST_APPLICATIONS, 1}};
enum { RESTS = sizeof(rests) / sizeof(rests[0]) };

struct summary_message {
	struct tally_top tops[LISTS]; // what was chosen, best first once sorted
	struct tally_rank ranks[LISTS][LENGTH_MAX];
	unsigned table; // choosing: which table comes next, and at which entry
	uint32_t entry;
	bool is_chosen;

	unsigned lengths[LISTS]; // entries taken into the message
	uint64_t left;           // bytes of the allowance
	struct summary_host_delta fans[HALF_MAX], targets[HALF_MAX], hosts[LENGTH_MAX];
	Weir__FlowDelta flows[LENGTH_MAX], ended[LENGTH_MAX];
	Weir__ServiceDelta services[LENGTH_MAX];
	Weir__PrefixDelta prefixes[LENGTH_MAX];
	struct summary_tcp_delta tcp[LENGTH_MAX];
	struct summary_application_delta applications[LENGTH_MAX];
	uint8_t rtt[HISTOGRAM_SIZE_MAX], handshake[HISTOGRAM_SIZE_MAX];
	// Pointers to the entries taken, as protobuf-c wants them. Hosts by bytes and fans share a list.
	Weir__HostDelta *host_list[LENGTH_MAX + HALF_MAX], *target_list[HALF_MAX];
	Weir__FlowDelta *flow_list[LENGTH_MAX], *ended_list[LENGTH_MAX];
	Weir__ServiceDelta *service_list[LENGTH_MAX];
	Weir__PrefixDelta *prefix_list[LENGTH_MAX];
	Weir__TcpPrefixDelta *tcp_list[LENGTH_MAX];
	Weir__ApplicationDelta *application_list[LENGTH_MAX];
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
		[LIST_TCP] = lengths->prefixes,
		[LIST_APPLICATIONS] = lengths->services,
		[LIST_ENDED] = lengths->flows,
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
	const struct summary_prefix *prefix = value;
	const struct summary_application *application = value;
	struct tally_top *tops = message->tops;

	switch (list) {
	case LIST_FLOWS:
		tally_top_offer(&tops[LIST_FLOWS], entry, flow->fwd_bytes + flow->rev_bytes);
		tally_top_offer(&tops[LIST_ENDED], entry, flow->ended ? flow->total_bytes : 0);
		break;
	case LIST_SERVICES:
		tally_top_offer(&tops[LIST_SERVICES], entry, service->bytes);
		break;
	case LIST_PREFIXES:
		tally_top_offer(&tops[LIST_PREFIXES], entry, traffic_bytes(&prefix->traffic));
		tally_top_offer(&tops[LIST_TCP], entry,
			prefix->tcp.packets + SUMMARY_RETRANSMITTED_WEIGHT * prefix->tcp.retransmitted_packets);
		break;
	case LIST_APPLICATIONS:
		tally_top_offer(&tops[LIST_APPLICATIONS], entry, application->bytes);
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
		{&tables->applications, LIST_APPLICATIONS},
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
	case LIST_TCP:
		summary_fill_tcp(&message->tcp[next], tables, entry);
		return &message->tcp[next].message.base;
	case LIST_APPLICATIONS:
		summary_fill_application(&message->applications[next], tables, entry);
		return &message->applications[next].message.base;
	case LIST_ENDED:
		summary_fill_flow(&message->ended[next], tables, entry);
		return &message->ended[next].base;
	default:
		summary_fill_host(&hosts[list][next], tables, entry);
		if (list == LIST_TARGETS) // the sketch says nothing about what came in
			hosts[list][next].message.endpoints_out.len = 0;
		return &hosts[list][next].message.base;
	}
}

//   return  0..lengths[list]: which of those taken into a list it is; the length where none is
static unsigned place_of(const struct summary_message *message, enum list list, uint32_t entry) {
	unsigned i = 0;

	while (i < message->lengths[list] && message->tops[list].ranks[i].entry != entry)
		i++;
	return i;
}

// Two lists tell of the same hosts, two of the same flows, and each is told once.
//   return  whether the other list has taken this entry
static bool is_told_elsewhere(const struct summary_message *message, enum list list, uint32_t entry) {
	static const enum list others[LISTS] = {
		[LIST_HOSTS] = LIST_FANS, [LIST_FLOWS] = LIST_ENDED, [LIST_ENDED] = LIST_FLOWS};
	enum list other = others[list];

	if (list != LIST_HOSTS && list != LIST_FLOWS && list != LIST_ENDED)
		return false;
	return place_of(message, other, entry) < message->lengths[other];
}

// Take the next entry of a list into the message if it fits.
//   return  false: there is none, or it does not fit
static bool take_next(struct summary_message *message, const struct summary_tables *tables, enum list list) {
	unsigned next = message->lengths[list];

	if (next == message->tops[list].count)
		return false;
	const ProtobufCMessage *entry = fill_next(message, tables, list);
	size_t size = protobuf_c_message_get_packed_size(entry) + TAG_AND_LENGTH;
	// In the message already: only its place in the list comes from here.
	if (is_told_elsewhere(message, list, message->tops[list].ranks[next].entry))
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
	static const enum list turns[] = {LIST_HOSTS, LIST_FLOWS, LIST_SERVICES, LIST_PREFIXES, LIST_TCP,
		LIST_APPLICATIONS, LIST_ENDED, LIST_TARGETS};
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

// Pack a histogram into so many bytes, tag and length included.
static ProtobufCBinaryData take_histogram(
	struct summary_message *message, const struct histogram *histogram, uint8_t *out, uint64_t share) {
	size_t size_max = share > HISTOGRAM_SIZE_MAX ? HISTOGRAM_SIZE_MAX : share;
	size_t size = size_max > TAG_AND_LENGTH
			      ? histogram_pack(histogram, HISTOGRAM_RESOLUTION_MAX, out, size_max - TAG_AND_LENGTH)
			      : 0;
	if (size > 0)
		message->left -= size + TAG_AND_LENGTH;
	return (ProtobufCBinaryData){size, out};
}

// Fill the lists.
//   bare  bytes of the message without them
static void take_all(struct summary_message *message, const struct summary_tables *tables, Weir__Summary *summary,
	uint64_t bare, const struct summary_allowance *allowance) {
	memset(message->lengths, 0, sizeof(message->lengths));
	message->left = allowance->urgent_bytes > bare ? allowance->urgent_bytes - bare : 0;
	uint64_t before = message->left;
	take_urgent(message, tables);
	bare += before - message->left;
	message->left = allowance->bytes > bare ? allowance->bytes - bare : 0;
	uint64_t share = message->left / 4;
	summary->rtt = take_histogram(message, &tables->rtt, message->rtt, 2 * share);
	summary->handshake = take_histogram(message, &tables->handshake, message->handshake, share);
	take_in_turn(message, tables);
}

// The fields of a remainder before anything is listed.
static void rest_init(Weir__Remainder *rest, const Weir__Totals *totals, const struct tally *table, unsigned ends) {
	weir__remainder__init(rest);
	rest->count = table->count;
	rest->packets = totals->packets * ends;
	rest->bytes = totals->bytes * ends;
	rest->greatest_bytes = rest->bytes;
}

// What no entry that was left out has more of.
static void rest_bound(Weir__Remainder *rest, const struct summary_message *message, enum list list, bool is_whole) {
	const struct tally_top *top = &message->tops[list];
	unsigned taken = message->lengths[list];

	rest->greatest_bytes = rest->bytes;
	uint64_t next = UINT64_MAX;
	if (is_whole && taken < top->count)
		next = top->ranks[taken].weight;
	else if (is_whole && taken < top->capacity)
		next = 0; // there was no other
	else if (is_whole && taken > 0)
		next = top->ranks[taken - 1].weight;
	if (next < rest->greatest_bytes)
		rest->greatest_bytes = next;
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
		unsigned fan = place_of(message, LIST_FANS, message->tops[LIST_HOSTS].ranks[i].entry);
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
	summary->ended_flows = message->ended_list;
	for (unsigned i = 0; i < message->lengths[LIST_ENDED]; i++)
		// What is among the greatest of the interval too is told there.
		if (!is_told_elsewhere(message, LIST_ENDED, message->tops[LIST_ENDED].ranks[i].entry))
			message->ended_list[summary->n_ended_flows++] = &message->ended[i];
	summary->prefixes = message->prefix_list;
	for (unsigned i = 0; i < message->lengths[LIST_PREFIXES]; i++) {
		Weir__PrefixDelta *prefix = message->prefix_list[summary->n_prefixes++] = &message->prefixes[i];
		rest_subtract(summary->prefixes_rest, prefix->sent_packets + prefix->received_packets,
			prefix->sent_bytes + prefix->received_bytes);
	}
}

static void list_applications_and_tcp(Weir__Summary *summary, struct summary_message *message) {
	summary->applications = message->application_list;
	for (unsigned i = 0; i < message->lengths[LIST_APPLICATIONS]; i++) {
		Weir__ApplicationDelta *application = &message->applications[i].message;
		message->application_list[summary->n_applications++] = application;
		rest_subtract(summary->applications_rest, application->packets, application->bytes);
	}
	summary->tcp_prefixes = message->tcp_list;
	for (unsigned i = 0; i < message->lengths[LIST_TCP]; i++)
		message->tcp_list[summary->n_tcp_prefixes++] = &message->tcp[i].message;
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
	Weir__Remainder left_out[RESTS];
	const struct tally *listed[RESTS] = {
		&tables->flows, &tables->hosts, &tables->services, &tables->prefixes, &tables->applications};

	fill_head(&summary, head);
	summary.interval = (Weir__Totals *)&tables->totals;
	for (unsigned i = 0; i < RESTS; i++)
		rest_init(&left_out[i], &tables->totals, listed[i], rests[i].ends);
	summary.flows_rest = &left_out[0];
	summary.hosts_rest = &left_out[1];
	summary.services_rest = &left_out[2];
	summary.prefixes_rest = &left_out[3];
	summary.applications_rest = tables->has_applications ? &left_out[4] : NULL;
	whole.version = 1;
	whole.body_case = WEIR__MESSAGE__BODY_SUMMARY;
	whole.summary = &summary;

	// A longer body takes up to 2 bytes more for its length.
	take_all(message, tables, &summary, weir__message__get_packed_size(&whole) + 2, allowance);
	list_hosts(&summary, message);
	list_others(&summary, message);
	list_applications_and_tcp(&summary, message);
	for (unsigned i = 0; i < RESTS; i++)
		rest_bound(&left_out[i], message, rests[i].list, listed[i]->count < listed[i]->capacity);

	size_t size = weir__message__get_packed_size(&whole);
	*packed = malloc(size);
	if (*packed == NULL)
		size = 0;
	else
		weir__message__pack(&whole, *packed);
	choose_anew(message);
	return size;
}
