// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The event time of tuples, for operators whose state goes by it: a field of the tuple, for packets the capture's
// timestamp unless another is named.
//
// Whether a tuple is late is not decided by the watermark, which depends on how far each worker is, but by the clock
// that it came with, which its source set (packet_clock_ns): so it is the same under every plan.
#pragma once

#include "dataplane/key_words.h"

struct tuple_time {
	const struct schema *schema;
	const struct field *field;
	struct field_word word;
};

// Find the field.
//   name    may be NULL or empty: that of packets
//   return  0, or -EINVAL with error[size] filled
int tuple_time_init(struct tuple_time *time, const struct schema *schema, const char *name, char *error, size_t size);

// The same where a time is a help, not a need: tuples that are no packets have one where it is named.
//   time    its field is NULL where they have none
int tuple_time_init_if_any(
	struct tuple_time *time, const struct schema *schema, const char *name, char *error, size_t size);

// Whether tuple `i` has a time.
static inline bool tuple_time_is_present(const struct tuple_time *time, const struct batch *batch, unsigned i) {
	return time->field->present == FIELD_ALWAYS ||
	       schema_is_present(time->schema, time->field, batch_body(batch, i, time->schema));
}

static inline uint64_t tuple_time_ns(const struct tuple_time *time, const struct batch *batch, unsigned i) {
	return field_word_load(&time->word, batch_body(batch, i, time->schema));
}

// What time it was when the tuple came: no watermark has passed it.
//   watermark_ns  of the instance, for tuples without a clock
static inline uint64_t tuple_clock_ns(const struct batch *batch, unsigned i, uint64_t watermark_ns) {
	uint64_t clock_ns = packet_clock_ns(batch->packets[i]);
	return clock_ns > watermark_ns ? clock_ns : watermark_ns;
}
