// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// null: a sink that counts what comes, and keeps nothing.
//
//   in      any schema
//   out     none
//   drops   none: every tuple is absorbed
//   state   none
#include "dataplane/operator.h"

enum { GAUGE_BYTES };

static void null_process(struct instance *self, struct batch *batch) {
	uint64_t bytes = 0;
	for (unsigned i = 0; i < batch->count; i++)
		bytes += batch->tuples[i]->pkt_len;
	self->gauges[GAUGE_BYTES] += bytes;
	instance_absorb(self, batch);
}

static const char *const gauges[] = {[GAUGE_BYTES] = "bytes", NULL};

static struct operator_type null_type = {
	.name = "null",
	.summary = "count what comes, and keep nothing",
	.manual =
		"Takes tuples of any schema and frees them. What came is seen in the counters of its instances, and as "
		"the gauge bytes: of frames as captured, of records as they lie in memory. It is the end of a pipeline "
		"whose speed is measured, or of one whose result is its counters.",
	.gauges = gauges,
	.grouping = GROUPING_FORWARD,
	.borrows = true,
	.process = null_process,
};
OPERATOR_REGISTER(null_type);
