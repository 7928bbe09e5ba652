// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Which IPFIX information element carries which field of a flow record (RFC 7011, 7012). Collectors rely on it: an
// element's number is never given to another field. docs/ipfix.md is the same table for people.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	IPFIX_REVERSE_PEN = 29305,   // enterprise of the reverse ones of IANA's elements (RFC 5103, 6.1)
	IPFIX_EXAMPLE_PEN = 32473,   // for documentation (RFC 5612): where no number of one's own is configured
	IPFIX_REVERSE_BIT = 1 << 14, // set in the numbers of reverse elements of an enterprise
	IPFIX_NAME_MAX = 48,         // bytes of an element's name, with "reverse" in front and its end
};

// How a value stands in a data record.
enum ipfix_form {
	IPFIX_NUMBER,     // unsigned integer of the field's own size
	IPFIX_FLOAT64,    //
	IPFIX_OCTETS,     // as it is: MAC addresses
	IPFIX_BOOLEAN,    // 1 true, 2 false (RFC 7011, 6.1.5)
	IPFIX_IPV4,       // only where the address is IPv4
	IPFIX_IPV6,       // only where it is not
	IPFIX_TIME_NS,    // dateTimeNanoseconds: NTP's format (RFC 7011, 6.1.10)
	IPFIX_TIME_MS,    // dateTimeMilliseconds
	IPFIX_END_REASON, // flowEndReason's codes (RFC 5102, 5.11.3)
	IPFIX_LABEL,      // item of a list of MPLS labels: a label stack entry without its TTL
	IPFIX_STRING,     // of variable length
};

struct ipfix_element {
	const char *field; // of the flow schema; of a pair (fwd., rev.) the forward one. NULL ends the table
	const char *name;  // IANA's, or our own
	uint16_t id;       // of the forward element
	bool own;          // of the configured enterprise, else of IANA
	uint8_t item;      // of a list: which one
	enum ipfix_form form;
};
extern const struct ipfix_element ipfix_elements[];

// Fields that are not exported, and why; ends where the field is NULL.
struct ipfix_left_out {
	const char *field, *why;
};
extern const struct ipfix_left_out ipfix_left_out[];
