// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Connections that were not let in, by reason: counted all, and said as far as the log is worth it.
#pragma once

#include <stdint.h>

struct link_switch;

enum link_refusal {
	LINK_REFUSED_UNKNOWN, // no node that connects here, or none whose key is known
	LINK_REFUSED_KEY,     // a known name with another key
	LINK_REFUSED_NAME,    // a known key that speaks for another name
	LINK_REFUSED_PLAIN,   // not encrypted, where keys are
	LINK_REFUSED_VERSION,
	LINK_REFUSED_PLAN,    // nodes or pipelines differ
	LINK_REFUSED_GARBAGE, // no frame, or one that does not fit
	LINK_REFUSED_SILENT,  // did not say who it is in time
	LINK_REFUSED_CROWD,   // had to make room for others who have yet to say who they are
	LINK_REFUSALS,
};
extern const char *const link_refusal_names[LINK_REFUSALS];

struct link_refusals {
	_Atomic uint64_t counts[LINK_REFUSALS];
	uint64_t window_ns; // when the log's present window began
	unsigned said, unsaid;
};

// Count one, and say it.
//   format  who, and what was expected
//   thread  the switch
void link_refuse(struct link_switch *links, enum link_refusal why, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
