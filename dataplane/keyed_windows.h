// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What operators share that keep figures of each key by windows: the figures and their key (keyed_figures.h), the time
// of a tuple, the open windows (window_panes.h), and the records that tell of one: the key's fields, window_start_ns,
// window_end_ns, the figures.
#pragma once

#include "dataplane/keyed_figures.h"
#include "dataplane/tuple_time.h"
#include "dataplane/window_panes.h"

// One for an operator, shared by its instances; constant once they run, but for the panes.
struct keyed_windows {
	struct keyed_figures figures;
	struct tuple_time time; // its field is NULL: tuples have none
	struct window_panes panes;
	struct field start, end; // of the records
};

enum keyed_windows_time {
	KEYED_WINDOWS_NO_TIME,
	KEYED_WINDOWS_TIME_IF_ANY, // packets have one, others where it is named
	KEYED_WINDOWS_TIME_NEEDED,
};

struct keyed_windows_options {
	struct keyed_figures_options figures;
	enum keyed_windows_time has_time;
	const char *time; // name of the field; may be NULL or empty
	struct window_shape shape;
	uint64_t max_keys;
	uint64_t max_panes; // besides each key's newest; 0: as many as the keys may need (window_shape_panes)
};

// For `derive`: the schema of the records, output 0.
//   return  0; -EINVAL with derivation->error filled; -ENOMEM
int keyed_windows_derive(struct derivation *derivation, const struct keyed_windows_options *options);

// For `open`, of an operator whose output 0 has that schema.
//   windows  zeroed, aligned to 64 bytes; released with keyed_windows_fini, also after a failure
//   return   0, or a negative errno after operator_error
int keyed_windows_init(struct keyed_windows *windows, struct operator *op, const struct keyed_windows_options *options);
void keyed_windows_fini(struct keyed_windows *windows);

// The record of what a key had in a window.
//   return  NULL: nobody listens to output 0
struct rte_mbuf *keyed_windows_tell(const struct keyed_windows *windows, struct instance *self, const uint64_t *key,
	const struct window_result *result);
