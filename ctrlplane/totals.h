// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Traffic sums, the controller's form of the message Totals: an array with names, so that adding, storing and showing
// are each one loop.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "api/weir.pb-c.h"

enum totals_field {
	TOTALS_PACKETS,
	TOTALS_BYTES,
	TOTALS_FLOWS_STARTED,
	TOTALS_FLOWS_ENDED,
	TOTALS_TCP_PACKETS,
	TOTALS_TCP_BYTES,
	TOTALS_UDP_PACKETS,
	TOTALS_UDP_BYTES,
	TOTALS_ICMP_PACKETS,
	TOTALS_ICMP_BYTES,
	TOTALS_TCP_RETRANSMITTED_PACKETS,
	TOTALS_TCP_OUT_OF_ORDER_PACKETS,
	TOTALS_TCP_ZERO_WINDOWS,
	TOTALS_FIELDS,
};
extern const char *const totals_names[TOTALS_FIELDS];

struct totals {
	uint64_t v[TOTALS_FIELDS]; // enum totals_field
};

void totals_add(struct totals *into, const struct totals *from);
void totals_subtract(struct totals *from, const struct totals *part);
// Add what a sum grew by; one that shrank adds nothing.
void totals_add_growth(struct totals *into, const struct totals *now, const struct totals *before);
//   message  NULL: all zero
void totals_from_message(const Weir__Totals *message, struct totals *out);
//   return  a new object, one member per field
json_t *totals_to_json(const struct totals *totals);
// Members that are missing or no integers become 0.
void totals_from_json(const json_t *object, struct totals *out);
