// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/hold.h"

#include <errno.h>
#include <stdlib.h>

int hold_init(struct hold *hold) {
	*hold = (struct hold){.tuples = calloc(HOLD_SIZE, sizeof(struct rte_mbuf *))};
	return hold->tuples != NULL ? 0 : -ENOMEM;
}

void hold_fini(struct hold *hold) {
	free(hold->tuples);
	hold->tuples = NULL;
}

void hold_put(struct hold *hold, struct batch *batch, const struct schema *schema) {
	if (batch->count > HOLD_SIZE - hold_count(hold))
		abort(); // the room was reserved: only a broken invariant of the engine gets here
	batch_store(batch, schema);
	for (unsigned i = 0; i < batch->count; i++)
		hold->tuples[hold->put++ % HOLD_SIZE] = batch->tuples[i];
	batch->count = 0;
}

void hold_take(struct hold *hold, struct batch *batch, unsigned max) {
	unsigned count = RTE_MIN(max, hold_count(hold));
	for (unsigned i = 0; i < count; i++)
		batch->tuples[i] = hold->tuples[hold->taken++ % HOLD_SIZE];
	batch->count = count;
	batch_load(batch);
}
