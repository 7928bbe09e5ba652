// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// libndpi, as an instance uses it: a detection module of about 7 MB. Its memories across flows (what a peer was seen to
// do before) are emptied after each packet: with them a record would depend on which other flows its worker has.
//
//   thread  one
#pragma once

#define NDPI_LIB_COMPILATION // the memories across flows are members of a struct that is otherwise opaque
#include <ndpi_main.h>

#include "dataplane/operator.h"

// Number of a protocol over another one, by both.
struct application_pair {
	uint64_t protocols; // 0: free
	uint16_t number;
};

enum { APPLICATION_PAIRS = 1024 }; // a power of two, more than libndpi has pairs of protocols that meet

// Zeroed: there is none.
struct application_finder {
	struct ndpi_detection_module_struct *module;
	int64_t heap_bytes; // taken by libndpi for flows, between calls of application_finder_count
	struct application_pair pairs[APPLICATION_PAIRS];
};

//   return  0, or a negative errno after operator_error
int application_finder_init(struct application_finder *finder, const struct operator *op);
void application_finder_fini(struct application_finder *finder);

// From now on what libndpi takes and gives back on this thread is the finder's; NULL: nobody's.
void application_finder_count(struct application_finder *finder);

struct application_finding {
	bool is_known; // something was found
	bool is_final; // and it can't be told more exactly
	uint16_t number;
};

// Show it a packet of a flow.
//   flow  zeroed for the first; ndpi_free_flow_data is due in the end
//   ms    time of the packet
struct application_finding application_finder_inspect(struct application_finder *finder, struct ndpi_flow_struct *flow,
	const uint8_t *packet, uint16_t size, uint64_t ms);
// No more packets come.
//   return  its number; 0: not known
uint16_t application_finder_give_up(struct application_finder *finder, struct ndpi_flow_struct *flow);
