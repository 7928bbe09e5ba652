// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/lists.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/text.h"

const char *list_protocol_name(uint8_t protocol, char out[8]) {
	switch (protocol) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 47:
		return "gre";
	case 58:
		return "icmpv6";
	case 132:
		return "sctp";
	default:
		snprintf(out, 8, "ip-%u", protocol);
		return out;
	}
}

static const char *key_address(const uint8_t *key, size_t at, char out[INET6_ADDRSTRLEN]) {
	return inet_ntop(key[0] == 4 ? AF_INET : AF_INET6, key + at, out, INET6_ADDRSTRLEN);
}

static unsigned key_port(const uint8_t *at) {
	return (unsigned)at[0] << 8 | at[1];
}

static void describe_flow(const uint8_t *key, json_t *object) {
	char text[INET6_ADDRSTRLEN], protocol[8];
	json_object_set_new(object, "src_ip", json_string(key_address(key, KEY_ADDRESS, text)));
	json_object_set_new(object, "dst_ip", json_string(key_address(key, KEY_SECOND, text)));
	json_object_set_new(object, "src_port", json_integer(key_port(key + KEY_PORTS)));
	json_object_set_new(object, "dst_port", json_integer(key_port(key + KEY_PORTS + 2)));
	json_object_set_new(object, "protocol", json_string(list_protocol_name(key[KEY_PROTOCOL], protocol)));
}

static void subject_flow(const uint8_t *key, char *out) {
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], protocol[8];
	const char *format = key[0] == 4 ? "%s %s:%u > %s:%u" : "%s [%s]:%u > [%s]:%u";
	snprintf(out, LIST_SUBJECT_SIZE, format, list_protocol_name(key[KEY_PROTOCOL], protocol),
		key_address(key, KEY_ADDRESS, src), key_port(key + KEY_PORTS), key_address(key, KEY_SECOND, dst),
		key_port(key + KEY_PORTS + 2));
}

static void describe_host(const uint8_t *key, json_t *object) {
	char text[INET6_ADDRSTRLEN];
	json_object_set_new(object, "ip", json_string(key_address(key, KEY_ADDRESS, text)));
}

static void subject_host(const uint8_t *key, char *out) {
	key_address(key, KEY_ADDRESS, out);
}

static void describe_port(const uint8_t *key, json_t *object) {
	char protocol[8];
	json_object_set_new(object, "protocol", json_string(list_protocol_name(key[0], protocol)));
	json_object_set_new(object, "port", json_integer(key_port(key + 1)));
}

static void subject_port(const uint8_t *key, char *out) {
	char protocol[8];
	snprintf(out, LIST_SUBJECT_SIZE, "%s/%u", list_protocol_name(key[0], protocol), key_port(key + 1));
}

static void subject_prefix(const uint8_t *key, char *out) {
	char text[INET6_ADDRSTRLEN];
	snprintf(out, LIST_SUBJECT_SIZE, "%s/%u", key_address(key, KEY_ADDRESS, text), key[KEY_SECOND]);
}

static void describe_application(const uint8_t *key, json_t *object) {
	json_object_set_new(object, "application", json_string((const char *)key));
}

static void subject_application(const uint8_t *key, char *out) {
	snprintf(out, LIST_SUBJECT_SIZE, "%s", (const char *)key);
}

static void describe_prefix(const uint8_t *key, json_t *object) {
	char text[LIST_SUBJECT_SIZE];
	subject_prefix(key, text);
	json_object_set_new(object, "prefix", json_string(text));
}

const struct list_type list_types[LISTS] = {
	[LIST_FLOWS] = {"flows",
		{"packets", "bytes", "fwd_packets", "fwd_bytes", "rev_packets", "rev_bytes", "total_bytes", "start_ns",
			"ended"},
		TOPN_BYTES, 1 << FLOW_TOTAL_BYTES | 1 << FLOW_START_NS | 1 << FLOW_ENDED, 1, describe_flow,
		subject_flow},
	[LIST_HOSTS] = {"hosts",
		{"packets", "bytes", "sent_packets", "sent_bytes", "received_packets", "received_bytes", "flows_out",
			"flows_in", "syn_out", "syn_in"},
		TOPN_BYTES, 0, 1, describe_host, subject_host},
	[LIST_PORTS] = {"ports", {"packets", "bytes", "flows"}, TOPN_BYTES, 0, 1, describe_port, subject_port},
	[LIST_PREFIXES] = {"prefixes",
		{"packets", "bytes", "sent_packets", "sent_bytes", "received_packets", "received_bytes"}, TOPN_BYTES, 0,
		1, describe_prefix, subject_prefix},
	[LIST_APPLICATIONS] = {"applications", {"packets", "bytes", "flows"}, TOPN_BYTES, 0, 1, describe_application,
		subject_application},
	[LIST_SOURCES] = {"sources",
		{"packets", "bytes", "sent_packets", "sent_bytes", "received_packets", "received_bytes", "flows_out",
			"flows_in", "syn_out", "syn_in"},
		HOST_FLOWS_OUT, 0, 1, describe_host, subject_host},
	[LIST_TARGETS] = {"targets",
		{"packets", "bytes", "sent_packets", "sent_bytes", "received_packets", "received_bytes", "flows_out",
			"flows_in", "syn_out", "syn_in"},
		HOST_SYN_IN, 0, 1, describe_host, subject_host},
	// A histogram is more than ten times as large as an entry.
	[LIST_TCP_PREFIXES] = {"tcp_prefixes",
		{"packets", "bytes", "retransmitted_packets", "out_of_order_packets", "zero_windows", "rank"},
		TCP_PREFIX_RANK, 0, 8, describe_prefix, subject_prefix},
};

void list_init(struct topn *list, enum list_kind kind, size_t entries) {
	const struct list_type *type = &list_types[kind];
	topn_init(list, entries / type->share > 0 ? entries / type->share : 1, type->score, type->max_mask);
}

static bool key_set_address(struct topn_entry *entry, size_t at, const ProtobufCBinaryData *address) {
	if (address->len != 4 && address->len != 16)
		return false;
	if (at != KEY_ADDRESS && entry->key[0] != address->len)
		return false;
	entry->key[0] = (uint8_t)address->len;
	memcpy(entry->key + at, address->data, address->len);
	return true;
}

static void key_set_port(uint8_t *at, uint32_t port) {
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
}

// What no entry that the summary leaves out has more of.
static uint64_t list_missed(const Weir__Remainder *rest) {
	if (rest == NULL)
		return 0;
	if (rest->greatest_bytes > 0)
		return rest->greatest_bytes < rest->bytes ? rest->greatest_bytes : rest->bytes;
	// None was left out, or the node does not tell.
	return rest->count > 0 ? rest->bytes : 0;
}

static void list_add(struct topn *list, const struct topn_entry *entry, bool is_valid, const Weir__Remainder *rest) {
	if (is_valid)
		topn_add_listed(list, entry, list_missed(rest));
	else
		topn_add_rest(list, &(struct topn_rest){1, entry->values[TOPN_PACKETS], entry->values[TOPN_BYTES]});
}

bool list_flow_key(const Weir__FlowDelta *flow, uint8_t key[TOPN_KEY_SIZE]) {
	struct topn_entry entry = {.values = {0}};
	bool is_valid = key_set_address(&entry, KEY_ADDRESS, &flow->src_ip) &&
			key_set_address(&entry, KEY_SECOND, &flow->dst_ip);
	key_set_port(entry.key + KEY_PORTS, flow->src_port);
	key_set_port(entry.key + KEY_PORTS + 2, flow->dst_port);
	entry.key[KEY_PROTOCOL] = (uint8_t)flow->protocol;
	memcpy(key, entry.key, TOPN_KEY_SIZE);
	return is_valid;
}

void list_flow_key_exchange(uint8_t key[TOPN_KEY_SIZE]) {
	uint8_t ends[TOPN_KEY_SIZE];
	memcpy(ends, key, sizeof(ends));
	memcpy(key + KEY_ADDRESS, ends + KEY_SECOND, 16);
	memcpy(key + KEY_SECOND, ends + KEY_ADDRESS, 16);
	memcpy(key + KEY_PORTS, ends + KEY_PORTS + 2, 2);
	memcpy(key + KEY_PORTS + 2, ends + KEY_PORTS, 2);
}

bool list_flow_key_turn(uint8_t key[TOPN_KEY_SIZE]) {
	int order = memcmp(key + KEY_ADDRESS, key + KEY_SECOND, 16);
	if (order == 0)
		order = memcmp(key + KEY_PORTS, key + KEY_PORTS + 2, 2);
	if (order > 0)
		list_flow_key_exchange(key);
	return order > 0;
}

static void lists_add_flow(struct topn *list, const Weir__FlowDelta *flow, const Weir__Remainder *rest) {
	struct topn_entry entry = {.values = {flow->fwd_packets + flow->rev_packets, flow->fwd_bytes + flow->rev_bytes,
					   flow->fwd_packets, flow->fwd_bytes, flow->rev_packets, flow->rev_bytes,
					   flow->total_bytes, flow->start_ns, flow->ended}};
	bool is_valid = list_flow_key(flow, entry.key);
	list_add(list, &entry, is_valid, rest);
}

static bool host_entry(const Weir__HostDelta *host, struct topn_entry *out) {
	*out = (struct topn_entry){
		.values = {host->sent_packets + host->received_packets, host->sent_bytes + host->received_bytes,
			host->sent_packets, host->sent_bytes, host->received_packets, host->received_bytes,
			host->flows_out, host->flows_in, host->syn_out, host->syn_in}};
	return key_set_address(out, KEY_ADDRESS, &host->ip);
}

static void lists_add_host(struct topn *lists, const Weir__HostDelta *host, const Weir__Remainder *rest) {
	struct topn_entry entry;
	bool is_valid = host_entry(host, &entry);
	list_add(&lists[LIST_HOSTS], &entry, is_valid, rest);
	if (!is_valid || host->flows_out == 0)
		return;
	struct hll sketch;
	if (host->endpoints_out.len > 0 && hll_unpack(host->endpoints_out.data, host->endpoints_out.len, &sketch) == 0)
		entry.sketch = &sketch;
	topn_add(&lists[LIST_SOURCES], &entry);
}

// Hosts with unanswered SYNs come in `targets`, in `hosts`, or in both: each is taken once.
static void lists_add_targets(struct topn *list, const Weir__Summary *summary) {
	struct topn entries;
	topn_init(&entries, list->max, HOST_SYN_IN, ~0U);
	for (size_t i = 0; i < summary->n_targets + summary->n_hosts; i++) {
		const Weir__HostDelta *host =
			i < summary->n_targets ? summary->targets[i] : summary->hosts[i - summary->n_targets];
		struct topn_entry entry;
		if (host_entry(host, &entry) && host->syn_in > 0)
			topn_add(&entries, &entry);
	}
	topn_merge(list, &entries);
	topn_fini(&entries);
}

static void lists_add_service(struct topn *list, const Weir__ServiceDelta *service, const Weir__Remainder *rest) {
	struct topn_entry entry = {.values = {service->packets, service->bytes, service->flows}};
	entry.key[0] = (uint8_t)service->protocol;
	key_set_port(entry.key + 1, service->port);
	list_add(list, &entry, true, rest);
}

static void lists_add_prefix(struct topn *list, const Weir__PrefixDelta *prefix, const Weir__Remainder *rest) {
	struct topn_entry entry = {
		.values = {prefix->sent_packets + prefix->received_packets, prefix->sent_bytes + prefix->received_bytes,
			prefix->sent_packets, prefix->sent_bytes, prefix->received_packets, prefix->received_bytes}};
	bool is_valid = key_set_address(&entry, KEY_ADDRESS, &prefix->prefix);
	entry.key[KEY_SECOND] = (uint8_t)prefix->length;
	list_add(list, &entry, is_valid && prefix->length <= prefix->prefix.len * 8, rest);
}

static void lists_add_application(
	struct topn *list, const Weir__ApplicationDelta *application, const Weir__Remainder *rest) {
	struct topn_entry entry = {.values = {application->packets, application->bytes, application->flows}};
	text_copy((char *)entry.key, sizeof(entry.key), application->name);
	list_add(list, &entry, entry.key[0] != '\0', rest);
}

static void lists_add_tcp_prefix(struct topn *list, const Weir__TcpPrefixDelta *prefix) {
	struct histogram rtt = {.lost_bits = 0};
	struct topn_entry entry = {
		.values = {prefix->packets, 0, prefix->retransmitted_packets, prefix->out_of_order_packets,
			prefix->zero_windows, prefix->packets + 100 * prefix->retransmitted_packets}};
	bool is_valid = key_set_address(&entry, KEY_ADDRESS, &prefix->prefix);
	entry.key[KEY_SECOND] = (uint8_t)prefix->length;
	if (prefix->rtt.len > 0 && histogram_merge_packed(&rtt, prefix->rtt.data, prefix->rtt.len) == 0)
		entry.rtt = &rtt;
	list_add(list, &entry, is_valid && prefix->length <= prefix->prefix.len * 8, NULL);
}

static void lists_add_remainder(struct topn *list, const Weir__Remainder *rest) {
	if (rest == NULL)
		return;
	topn_add_rest(list, &(struct topn_rest){rest->count, rest->packets, rest->bytes});
	topn_add_missed(list, list_missed(rest));
}

void lists_add_summary(struct topn *lists, const Weir__Summary *summary, const bool *is_repeat) {
	for (size_t i = 0; i < summary->n_flows; i++)
		if (is_repeat == NULL || !is_repeat[i])
			lists_add_flow(&lists[LIST_FLOWS], summary->flows[i], summary->flows_rest);
	for (size_t i = 0; i < summary->n_hosts; i++)
		lists_add_host(lists, summary->hosts[i], summary->hosts_rest);
	for (size_t i = 0; i < summary->n_services; i++)
		lists_add_service(&lists[LIST_PORTS], summary->services[i], summary->services_rest);
	for (size_t i = 0; i < summary->n_prefixes; i++)
		lists_add_prefix(&lists[LIST_PREFIXES], summary->prefixes[i], summary->prefixes_rest);
	for (size_t i = 0; i < summary->n_applications; i++)
		lists_add_application(&lists[LIST_APPLICATIONS], summary->applications[i], summary->applications_rest);
	for (size_t i = 0; i < summary->n_tcp_prefixes; i++)
		lists_add_tcp_prefix(&lists[LIST_TCP_PREFIXES], summary->tcp_prefixes[i]);
	lists_add_targets(&lists[LIST_TARGETS], summary);
	lists_add_remainder(&lists[LIST_FLOWS], summary->flows_rest);
	lists_add_remainder(&lists[LIST_HOSTS], summary->hosts_rest);
	lists_add_remainder(&lists[LIST_PORTS], summary->services_rest);
	lists_add_remainder(&lists[LIST_PREFIXES], summary->prefixes_rest);
	lists_add_remainder(&lists[LIST_APPLICATIONS], summary->applications_rest);
}
