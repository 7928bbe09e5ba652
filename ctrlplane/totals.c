// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/totals.h"

#include <string.h>

const char *const totals_names[TOTALS_FIELDS] = {
	[TOTALS_PACKETS] = "packets",
	[TOTALS_BYTES] = "bytes",
	[TOTALS_FLOWS_STARTED] = "flows_started",
	[TOTALS_FLOWS_ENDED] = "flows_ended",
	[TOTALS_TCP_PACKETS] = "tcp_packets",
	[TOTALS_TCP_BYTES] = "tcp_bytes",
	[TOTALS_UDP_PACKETS] = "udp_packets",
	[TOTALS_UDP_BYTES] = "udp_bytes",
	[TOTALS_ICMP_PACKETS] = "icmp_packets",
	[TOTALS_ICMP_BYTES] = "icmp_bytes",
	[TOTALS_TCP_RETRANSMITTED_PACKETS] = "tcp_retransmitted_packets",
	[TOTALS_TCP_OUT_OF_ORDER_PACKETS] = "tcp_out_of_order_packets",
	[TOTALS_TCP_ZERO_WINDOWS] = "tcp_zero_windows",
};

void totals_add(struct totals *into, const struct totals *from) {
	for (int i = 0; i < TOTALS_FIELDS; i++)
		into->v[i] += from->v[i];
}

void totals_subtract(struct totals *from, const struct totals *part) {
	for (int i = 0; i < TOTALS_FIELDS; i++)
		from->v[i] -= part->v[i];
}

void totals_add_growth(struct totals *into, const struct totals *now, const struct totals *before) {
	for (int i = 0; i < TOTALS_FIELDS; i++)
		into->v[i] += now->v[i] > before->v[i] ? now->v[i] - before->v[i] : 0;
}

void totals_from_message(const Weir__Totals *message, struct totals *out) {
	memset(out, 0, sizeof(*out));
	if (message == NULL)
		return;
	*out = (struct totals){{
		[TOTALS_PACKETS] = message->packets,
		[TOTALS_BYTES] = message->bytes,
		[TOTALS_FLOWS_STARTED] = message->flows_started,
		[TOTALS_FLOWS_ENDED] = message->flows_ended,
		[TOTALS_TCP_PACKETS] = message->tcp_packets,
		[TOTALS_TCP_BYTES] = message->tcp_bytes,
		[TOTALS_UDP_PACKETS] = message->udp_packets,
		[TOTALS_UDP_BYTES] = message->udp_bytes,
		[TOTALS_ICMP_PACKETS] = message->icmp_packets,
		[TOTALS_ICMP_BYTES] = message->icmp_bytes,
		[TOTALS_TCP_RETRANSMITTED_PACKETS] = message->tcp_retransmitted_packets,
		[TOTALS_TCP_OUT_OF_ORDER_PACKETS] = message->tcp_out_of_order_packets,
		[TOTALS_TCP_ZERO_WINDOWS] = message->tcp_zero_windows,
	}};
}

json_t *totals_to_json(const struct totals *totals) {
	json_t *object = json_object();
	for (int i = 0; i < TOTALS_FIELDS; i++)
		json_object_set_new(object, totals_names[i], json_integer((json_int_t)totals->v[i]));
	return object;
}

void totals_from_json(const json_t *object, struct totals *out) {
	for (int i = 0; i < TOTALS_FIELDS; i++)
		out->v[i] = (uint64_t)json_integer_value(json_object_get(object, totals_names[i]));
}
