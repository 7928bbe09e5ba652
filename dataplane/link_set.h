// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The link headers of many flows, each combination once: flows behind the same router have the same MAC addresses,
// tags and labels, and a number takes less room in each of them than the headers would. Entries are counted, and given
// back with their last flow.
//
//   thread  one
#pragma once

#include "dataplane/tuple.h"

struct link_entry;
struct node;

struct link_set {
	uint32_t capacity, fresh; // entries there may be; those that were used before are 1..fresh
	uint32_t free;            // first entry given back; 0: none
	uint32_t last;            // found the last time: the most likely one
	uint32_t mask;
	uint32_t *heads;            // [mask + 1] first entry of each chain; 0: none
	struct link_entry *entries; // [capacity + 1], taken when used
};

//   capacity  the flows that may refer to it: there is always an entry for another one
//   return    0 or -ENOMEM
int link_set_init(struct link_set *set, uint32_t capacity);
void link_set_fini(struct link_set *set); // a zeroed set is fine

// Refer to headers.
//   hash    of them, by a secret, so that nobody makes long chains; their padding is zero (packet_parse_link)
//   return  their number, 1..capacity, to be given back
uint32_t link_set_take(struct link_set *set, const struct packet_link_headers *headers, uint64_t hash);
// The same, where the hash is yet to be made, and only if it is needed.
uint32_t link_set_take_copy(struct link_set *set, const struct node *node, const struct packet_link_headers *headers);
// The same of the headers below a packet's own.
//   bits  of the packet (enum packet_bits)
uint32_t link_set_take_below(struct link_set *set, const struct node *node, const struct rte_mbuf *tuple, uint8_t bits);
void link_set_give(struct link_set *set, uint32_t number);

const struct packet_link_headers *link_set_at(const struct link_set *set, uint32_t number);
// Whether the headers are those found the last time; there need be no hash then.
bool link_set_is_last(const struct link_set *set, const struct packet_link_headers *headers);
