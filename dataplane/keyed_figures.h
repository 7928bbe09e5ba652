// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What operators that compute figures by key share: the key of their input (key_words.h), the figures (aggregate.h),
// and the records that carry both, the key's fields first.
#pragma once

#include "dataplane/aggregate.h"

struct keyed_figures {
	struct keyed_input input;
	struct aggregates aggregates;
	const struct schema *schema; // of the records
	struct key_fields key_out;
};

// As configured; borrowed.
struct keyed_figures_options {
	const struct option_list *key, *compute;
};

// For `derive`: make the schema of the records, output 0.
//   times   names of fields of type u64, in ns, between the key and the figures; ended by NULL
//   return  0; -EINVAL with derivation->error filled; -ENOMEM
int keyed_figures_derive(
	struct derivation *derivation, const struct keyed_figures_options *options, const char *const *times);

// For `open`, of an operator whose output 0 has that schema.
//   return  0, or -EINVAL after operator_error
int keyed_figures_init(struct keyed_figures *figures, struct operator *op, const struct keyed_figures_options *options);

// Fill a record.
static inline void keyed_figures_store(
	const struct keyed_figures *figures, const uint64_t *key, const void *state, void *body) {
	key_fields_store(&figures->key_out, &figures->input.words, key, body);
	aggregates_store(&figures->aggregates, state, figures->schema, body);
}
