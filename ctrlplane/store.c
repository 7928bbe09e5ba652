// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/store.h"

#include <errno.h>
#include <stdlib.h>

// State is kept in memory alone: there is nothing to wait for.
struct store {
	struct state *state;
};

int store_new(struct store **out, struct state *state, const char *endpoint) {
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	(*out)->state = state;
	return 0;
}

void store_free(struct store *store) {
	free(store);
}

int store_descriptor(const struct store *store, short *events) {
	*events = 0;
	return -1;
}

void store_work(struct store *store) {
}

void store_save(struct store *store) {
}

bool store_is_idle(const struct store *store) {
	return true;
}

bool store_is_fenced(const struct store *store) {
	return false;
}

uint64_t store_safe_sequence(const struct store *store, const struct series *series) {
	return series->sequence.contiguous;
}

json_t *store_status(const struct store *store) {
	return json_pack("{ss}", "state", "none");
}
