// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// From the tables of one interval to one packed Summary (api/weir.proto) within a budget of bytes. Totals are always in
// it; lists shrink until it fits, the most important entries first:
//   1. urgent, alerts depend on them: hosts that started many flows, with their sketches, by flows started
//   2. urgent as well: targets of many unanswered SYNs
//   3. one by one in turn: hosts, flows, services, prefixes by bytes, and the targets of fewer unanswered SYNs
// The remainders say what the lists leave out, so that each list adds up to the interval's totals.
//
// Choosing costs a look at every entry. It goes in slices, so that a worker can go on with its packets in between.
#pragma once

#include "dataplane/summary_tables.h"

enum {
	SUMMARY_LENGTH_MAX = 256,                 // of each list
	SUMMARY_TARGET_MIN = SUMMARY_FAN_OUT_MIN, // unanswered SYNs that make a target important
};

// Entries of each list at most. Hosts by flows started, and targets, are half as many as hosts by bytes, at least one.
struct summary_lengths {
	uint64_t flows, hosts, services, prefixes; // 0..SUMMARY_LENGTH_MAX
};

// What the message says of itself.
struct summary_head {
	const char *node, *pipeline, *operator;
	uint64_t incarnation, sequence, start_ns, end_ns;
	uint32_t instance;
	const Weir__Totals *cumulative;
};

// Bytes that a message may have; exceeded only where totals and remainders alone are more.
struct summary_allowance {
	uint64_t bytes;
	uint64_t urgent_bytes; // with urgent entries alone
};

struct summary_message;

//   return  0 or -ENOMEM
int summary_message_new(struct summary_message **out, const struct summary_lengths *lengths);
void summary_message_free(struct summary_message *message); // NULL is fine

// Choose what goes into the lists: look at up to `entries` more entries of the tables, which must not change meanwhile.
//   return  true if all have been looked at
bool summary_message_choose(struct summary_message *message, const struct summary_tables *tables, uint32_t entries);

// Pack what was chosen, and be ready to choose anew.
//   packed  malloc, a whole Message; NULL on failure
//   return  its size, 0: no memory
size_t summary_message_pack(struct summary_message *message, const struct summary_tables *tables,
	const struct summary_head *head, const struct summary_allowance *allowance, uint8_t **packed);
