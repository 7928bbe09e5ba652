// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// flow_id: find the flow that each packet belongs to.
//
//   in       packets, as any source of packets emits them
//   out      packets: the same, with all fields of schema `packet` filled in; its hash is that of the flow's
//            canonical 5-tuple, the same for both directions
//   drops    arp, not_ip, truncated_link, truncated_ip, truncated_transport, malformed_ip, malformed_transport,
//            too_many_headers, truncated_tunnel, malformed_tunnel, tunnel_fragment: frames that have no flow
//            (docs/conformance.md says which is which)
//   options  tunnels, tunnel_depth, fragments
//   state    the fragment cache, 72 bytes per datagram; it is not moved: what it forgets is 30 s of fragments
//   source   Fais, Giordano, Procissi: Fast and scalable network applications through data stream processing, the
//            operator FLOW ID
//
// Link headers are passed over; IPv4 options and IPv6 extension headers are followed. The later fragments of a datagram
// have the ports of its first one if that was seen before them, else ports 0. All fragments of a datagram must come to
// one instance: the stream to flow_id is `forward`, and where a port has several queues, RSS must steer fragments by
// their addresses alone, as cards do.
//
// With tunnels: inner, the flow is that of the innermost packet, down to tunnel_depth. Where the packet around it comes
// in fragments, the first of them stands for the whole and the others are dropped as tunnel_fragment.
#include <rte_prefetch.h>

#include "dataplane/fragment_cache.h"
#include "dataplane/operator.h"
#include "dataplane/packet_straight.h"

enum tunnels {
	TUNNELS_OUTER,
	TUNNELS_INNER,
};

enum gauge {
	GAUGE_FRAGMENTS_MATCHED,  // later fragments that got their ports
	GAUGE_FRAGMENTS_ORPHANED, // later fragments whose first was not seen
	GAUGE_FRAGMENTS_EVICTED,  // datagrams forgotten before their time
	GAUGE_TUNNELS_OPENED,     // packets taken out of a tunnel; one in several tunnels counts several times
	GAUGE_TUNNELS_CLOSED,     // packets of tunnels that carry no IP, which stay in the tunnel's flow
	GAUGE_TUNNELS_TOO_DEEP,   // packets in more tunnels than are opened, which stay in the flow of the last
};

// Frames on their way from memory while one is parsed; bench/packet_parse.md has the figures.
enum { PREFETCH_AHEAD = 8 };

struct flow_id_options {
	unsigned tunnels;
	uint64_t tunnel_depth;
	uint64_t fragments;
};

struct flow_id {
	unsigned tunnel_depth; // 0: none is opened
	struct fragment_cache fragments;
};

static const char *const tunnels_names[] = {[TUNNELS_OUTER] = "outer", [TUNNELS_INNER] = "inner", NULL};

static const struct option flow_id_options[] = {
	{.name = "tunnels",
		.type = OPTION_ENUM,
		.offset = offsetof(struct flow_id_options, tunnels),
		.default_text = "outer",
		.choices = tunnels_names,
		.help = "the IP header that names the flow: the outermost, or the innermost of IP in IP, GRE, ERSPAN, "
			"VXLAN, GENEVE and GTP-U"},
	{.name = "tunnel_depth",
		.type = OPTION_UINT,
		.offset = offsetof(struct flow_id_options, tunnel_depth),
		.default_text = "4",
		.min = 1,
		.max = PACKET_TUNNELS_MAX,
		.help = "with inner: how many tunnels inside each other are opened at most"},
	{.name = "fragments",
		.type = OPTION_UINT,
		.offset = offsetof(struct flow_id_options, fragments),
		.default_text = "16384",
		.min = 1,
		.max = FRAGMENT_CACHE_CAPACITY_MAX,
		.help = "fragmented datagrams remembered per instance; the oldest gives way"},
	{.name = NULL},
};

static int flow_id_init(struct instance *self) {
	struct flow_id *state = self->state;
	const struct flow_id_options *options = self->options;
	state->tunnel_depth = options->tunnels == TUNNELS_INNER ? (unsigned)options->tunnel_depth : 0;
	int error = fragment_cache_init(&state->fragments, options->fragments);
	if (error)
		operator_error(self->op, "no memory for %llu fragments", (unsigned long long)options->fragments);
	return error;
}

static void flow_id_fini(struct instance *self) {
	struct flow_id *state = self->state;
	fragment_cache_fini(&state->fragments);
}

static void remember_first(struct instance *self, const struct packet_fragment *fragment,
	const struct packet_meta *meta, bool is_tunnelled) {
	struct flow_id *state = self->state;
	struct fragment_key key;
	fragment_key_set(&key, meta, fragment);
	fragment_cache_remember(&state->fragments, &key, key_hash(self->op->node, &key, sizeof(key)),
		is_tunnelled ? NULL : &meta->key, packet_clock_ns(meta));
	self->gauges[GAUGE_FRAGMENTS_EVICTED] = state->fragments.evicted;
}

static enum packet_verdict join_later(
	struct instance *self, const struct packet_fragment *fragment, struct packet_meta *meta) {
	struct flow_id *state = self->state;
	struct fragment_key key;
	fragment_key_set(&key, meta, fragment);
	enum fragment_recall recall = fragment_cache_recall(&state->fragments, &key,
		key_hash(self->op->node, &key, sizeof(key)), &meta->key, packet_clock_ns(meta));
	self->gauges[recall == FRAGMENT_UNKNOWN ? GAUGE_FRAGMENTS_ORPHANED : GAUGE_FRAGMENTS_MATCHED]++;
	return recall == FRAGMENT_TUNNELLED ? PACKET_TUNNEL_FRAGMENT : PACKET_OK;
}

// Open the tunnel around a packet, if there is one.
//   return  PACKET_OK: opened; PACKET_NOT_IP: the packet is of the tunnel's flow; else why it has none
static enum packet_verdict open_tunnel(struct instance *self, const struct rte_mbuf *packet, struct packet_meta *meta,
	unsigned depth, struct packet_fragment *fragment) {
	struct flow_id *state = self->state;
	if (state->tunnel_depth == 0 || !packet_may_be_tunnel(meta))
		return PACKET_NOT_IP;
	if (depth == state->tunnel_depth) {
		self->gauges[GAUGE_TUNNELS_TOO_DEEP]++;
		return PACKET_NOT_IP;
	}
	enum packet_verdict verdict =
		packet_open(rte_pktmbuf_mtod(packet, const uint8_t *), rte_pktmbuf_data_len(packet), meta, fragment);
	self->gauges[GAUGE_TUNNELS_OPENED] += verdict == PACKET_OK;
	self->gauges[GAUGE_TUNNELS_CLOSED] += verdict == PACKET_NOT_IP || verdict == PACKET_ARP;
	return verdict == PACKET_ARP ? PACKET_NOT_IP : verdict;
}

// Fragments and tunnels, from the outermost packet inwards.
static __attribute__((noinline)) enum packet_verdict look_closer(struct instance *self, const struct rte_mbuf *packet,
	struct packet_meta *meta, struct packet_fragment *fragment) {
	for (unsigned depth = 0;; depth++) {
		if (meta->bits & PACKET_LENGTH_CAPTURED) { // the parser saw the first segment alone
			uint32_t rest = rte_pktmbuf_pkt_len(packet) - rte_pktmbuf_data_len(packet);
			meta->ip_bytes += rest;
			meta->payload_bytes += rest;
		}
		if (meta->bits & PACKET_LATER_FRAGMENT)
			return join_later(self, fragment, meta);
		struct packet_meta around = *meta;
		struct packet_fragment first = *fragment;
		enum packet_verdict verdict = open_tunnel(self, packet, meta, depth, fragment);
		if (around.bits & PACKET_FIRST_FRAGMENT)
			remember_first(self, &first, &around, verdict != PACKET_NOT_IP);
		if (verdict != PACKET_OK)
			return verdict == PACKET_NOT_IP ? PACKET_OK : verdict;
	}
}

static __attribute__((noinline)) enum packet_verdict identify(
	struct instance *self, const struct rte_mbuf *packet, struct packet_meta *meta) {
	struct packet_fragment fragment;
	enum packet_verdict verdict = packet_parse(rte_pktmbuf_mtod(packet, const uint8_t *),
		rte_pktmbuf_data_len(packet), tuple_link(packet), meta, &fragment);
	return verdict == PACKET_OK ? look_closer(self, packet, meta, &fragment) : verdict;
}

static inline bool identify_straight(
	const struct flow_id *state, const struct rte_mbuf *packet, struct packet_meta *meta) {
	return tuple_link(packet) == PACKET_LINK_ETHERNET &&
	       packet_parse_straight(rte_pktmbuf_mtod(packet, const uint8_t *), rte_pktmbuf_data_len(packet), meta) &&
	       !(state->tunnel_depth && packet_may_be_tunnel(meta));
}

static void flow_id_process(struct instance *self, struct batch *batch) {
	unsigned count = batch->count, kept = 0;
	for (unsigned i = 0; i < count && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(batch->tuples[i], const void *));
	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(batch->tuples[i + PREFETCH_AHEAD], const void *));
		struct rte_mbuf *packet = batch->tuples[i];
		enum packet_verdict verdict = PACKET_OK;
		if (__builtin_expect(!identify_straight(self->state, packet, batch->packets[i]), 0))
			verdict = identify(self, packet, batch->packets[i]);
		if (__builtin_expect(verdict != PACKET_OK, 0)) {
			instance_drop(self, verdict - 1, packet);
			continue;
		}
		batch_move(batch, kept++, i);
	}
	batch->count = kept;
	memset(batch->applications, 0, sizeof(batch->applications));
	flow_hash_batch(self->op->node, batch);
	instance_forward(self, 0, batch);
}

static const struct schema *const flow_id_accepts[] = {&packet_schema, NULL};
static const char *const flow_id_key[] = {"src_ip", "dst_ip", "src_port", "dst_port", "protocol", NULL};
static const struct operator_output flow_id_outputs[] = {
	{.name = "packets", .schema = &packet_schema, .hashed_by = flow_id_key, .hashed_symmetric = true},
	{.name = NULL},
};
static const char *const flow_id_gauges[] = {
	[GAUGE_FRAGMENTS_MATCHED] = "fragments_matched",
	[GAUGE_FRAGMENTS_ORPHANED] = "fragments_orphaned",
	[GAUGE_FRAGMENTS_EVICTED] = "fragments_evicted",
	[GAUGE_TUNNELS_OPENED] = "tunnels_opened",
	[GAUGE_TUNNELS_CLOSED] = "tunnels_closed",
	[GAUGE_TUNNELS_TOO_DEEP] = "tunnels_too_deep",
	NULL,
};
_Static_assert(PACKET_VERDICTS - 1 <= OPERATOR_DROPS_MAX, "every verdict can be counted");

static struct operator_type flow_id = {
	.name = "flow_id",
	.summary = "find the flow that each packet belongs to",
	.manual =
		"Reads Ethernet, 802.1Q and QinQ, MPLS, PPPoE, PPP, Linux cooked, raw IP and BSD loopback frames down "
		"to the transport header and fills in the fields of schema packet. IPv4 options and IPv6 extension "
		"headers are followed. For ICMP, the ports are the type and the type that answers it (or the code, "
		"where none does), so that a request and its reply are one flow. A frame that has no flow is dropped "
		"and counted by name.\n\n"
		"The later fragments of a datagram get the ports of its first fragment if that came before them, at "
		"most 30 s earlier by the packets' time; else their ports are 0, which the gauge fragments_orphaned "
		"counts. All fragments of a datagram must come to the same instance: leave the grouping at "
		"forward.\n\n"
		"With tunnels: inner the flow is that of the packet inside IP in IP (protocols 4 and 41), GRE "
		"(version 0, with IP, Ethernet, MPLS or ERSPAN in it; version 1, PPTP) and what is sent to the UDP "
		"ports 4789 and 8472 (VXLAN), 6081 (GENEVE) and 2152 (GTP-U), one inside the other down to "
		"tunnel_depth: its addresses, its ports and its bytes. A packet in more tunnels stays in the flow of "
		"the last one opened (gauge tunnels_too_deep), one that carries no IP in the flow of its tunnel "
		"(tunnels_closed). The first fragment of a tunnel's packet stands for the whole packet inside it; the "
		"others are dropped as tunnel_fragment.",
	.options = flow_id_options,
	.options_size = sizeof(struct flow_id_options),
	.accepts = flow_id_accepts,
	.outputs = flow_id_outputs,
	.drops = &packet_verdict_names[PACKET_OK + 1],
	.gauges = flow_id_gauges,
	.grouping = GROUPING_FORWARD,
	.modifies_tuples = true,
	.state_size = sizeof(struct flow_id),
	.keeps_nothing = true,
	.restored = "Fragments whose first one came before the snapshot are not told to its ports.",
	.init = flow_id_init,
	.fini = flow_id_fini,
	.process = flow_id_process,
};
OPERATOR_REGISTER(flow_id);
