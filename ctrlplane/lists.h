// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The lists a summary carries, as tables: what their keys and values are and how they are written. Flows, hosts, ports,
// prefixes and applications are shown to people; sources and targets are hosts ranked so that a scanner or a victim is
// not crowded out by hosts with more bytes, and serve alert rules; the TCP health of prefixes has a page of its own.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/topn.h"

enum list_kind {
	LIST_FLOWS,
	LIST_HOSTS,
	LIST_PORTS,
	LIST_PREFIXES,
	LIST_APPLICATIONS,
	LIST_SOURCES,      // hosts by flows opened, with the sketch of endpoints
	LIST_TARGETS,      // hosts by unanswered SYNs received
	LIST_TCP_PREFIXES, // prefixes by TCP packets, the retransmitted ones above all, with round-trip times
	LISTS,
	LISTS_SHOWN = LIST_SOURCES,
};

// Values after TOPN_PACKETS and TOPN_BYTES.
enum {
	FLOW_FWD_PACKETS = 2,
	FLOW_FWD_BYTES,
	FLOW_REV_PACKETS,
	FLOW_REV_BYTES,
	FLOW_TOTAL_BYTES, // since its start
	FLOW_START_NS,
	FLOW_ENDED,

	HOST_SENT_PACKETS = 2,
	HOST_SENT_BYTES,
	HOST_RECEIVED_PACKETS,
	HOST_RECEIVED_BYTES,
	HOST_FLOWS_OUT,
	HOST_FLOWS_IN,
	HOST_SYN_OUT,
	HOST_SYN_IN,

	PORT_FLOWS = 2,

	PREFIX_SENT_PACKETS = 2,
	PREFIX_SENT_BYTES,
	PREFIX_RECEIVED_PACKETS,
	PREFIX_RECEIVED_BYTES,

	APPLICATION_FLOWS = 2,

	TCP_PREFIX_RETRANSMITTED = 2, // the bytes of these are 0
	TCP_PREFIX_OUT_OF_ORDER,
	TCP_PREFIX_ZERO_WINDOWS,
	TCP_PREFIX_RANK, // packets, and those retransmitted a hundred times
};

// Keys: addresses are one byte of size (4 or 16) and 16 bytes, padded with zeros; ports two bytes, big-endian.
//   flow    size, source, destination, source port, destination port, protocol
//   host    size, address
//   port    protocol, port
//   prefix  size, address, length
//   application  its name
enum {
	KEY_ADDRESS = 1,
	KEY_SECOND = 17, // second address, or a prefix's length
	KEY_PORTS = 33,
	KEY_PROTOCOL = 37,
};

enum { LIST_SUBJECT_SIZE = 128 };

struct list_type {
	const char *name;
	const char
		*values[TOPN_VALUES + 1]; // names, ended by NULL; start_ns, total_bytes and ended: the greatest counts
	unsigned score;
	uint32_t max_mask;
	unsigned share; // of the entries that other lists may have, this one has one in so many; a power of two
	// Add the members that the key is made of.
	void (*describe)(const uint8_t *key, json_t *object);
	// One word or two for a line of text: "10.0.0.1", "tcp/443".
	void (*subject)(const uint8_t *key, char *out);
};
extern const struct list_type list_types[LISTS];

//   entries  bound of most lists, a power of two
void list_init(struct topn *list, enum list_kind kind, size_t entries);

// The key of a flow.
//   return  false: its addresses are none
bool list_flow_key(const Weir__FlowDelta *flow, uint8_t key[TOPN_KEY_SIZE]);
// Make the source the destination.
void list_flow_key_exchange(uint8_t key[TOPN_KEY_SIZE]);
// Put the lesser end (address, then port) first, so that both directions have one key.
//   return  true: the ends changed places
bool list_flow_key_turn(uint8_t key[TOPN_KEY_SIZE]);

// Put what a summary lists into tables. Entries whose addresses are none are put in the remainder.
//   lists      [LISTS]
//   is_repeat  [n_flows], flows that another node has told of as well, left out of the list; NULL: none
void lists_add_summary(struct topn *lists, const Weir__Summary *summary, const bool *is_repeat);

const char *list_protocol_name(uint8_t protocol, char out[8]);
