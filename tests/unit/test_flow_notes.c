// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The bounded memory of flows: what it keeps, what it forgets first, and when a flow is another one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/flow_notes.h"

#define SECOND_NS UINT64_C(1000000000)

static struct flow_note *keep(struct flow_notes *notes, uint64_t hash, uint32_t now, uint32_t word) {
	struct flow_note *note = flow_notes_place(notes, hash, now);
	*note = (struct flow_note){.hash = hash, .used = now, .word = word};
	return note;
}

static void test_keeps_what_it_was_given(void **state) {
	struct flow_notes notes;
	assert_int_equal(flow_notes_init(&notes, 4096, 60 * SECOND_NS), 0);
	for (uint64_t i = 0; i < 4096; i++) { // evenly: each line is filled and none is full before
		assert_null(flow_notes_lookup(&notes, i | i << 40));
		assert_int_equal(flow_notes_place(&notes, i | i << 40, 1)->word, 0);
		keep(&notes, i | i << 40, 1, (uint32_t)i + 1);
	}
	for (uint64_t i = 0; i < 4096; i++) {
		assert_int_equal(flow_notes_lookup(&notes, i | i << 40)->word, i + 1);
		assert_null(flow_notes_lookup(&notes, i | i << 40 | UINT64_C(1) << 63)); // all 64 bits count
	}
	flow_notes_fini(&notes);
}

static void test_forgets_the_one_that_was_idle_longest(void **state) {
	struct flow_notes notes;
	assert_int_equal(flow_notes_init(&notes, 1, 60 * SECOND_NS), 0);
	uint32_t wrapping = UINT32_MAX - 2;
	keep(&notes, 1, wrapping + 1, 11);
	keep(&notes, 2, wrapping, 12);
	keep(&notes, 3, wrapping + 4, 13); // after the wrap
	keep(&notes, 4, wrapping + 5, 14);
	assert_int_equal(flow_notes_place(&notes, 5, wrapping + 6)->word, 12);
	flow_notes_lookup(&notes, 2)->used = wrapping + 6;
	assert_int_equal(flow_notes_place(&notes, 5, wrapping + 6)->word, 11);
	keep(&notes, 5, wrapping + 6, 15);
	assert_null(flow_notes_lookup(&notes, 1));
	assert_int_equal(flow_notes_lookup(&notes, 2)->word, 12);
	flow_notes_fini(&notes);
}

static void test_knows_when_a_flow_is_another_one(void **state) {
	struct flow_notes notes;
	assert_int_equal(flow_notes_init(&notes, 64, 60 * SECOND_NS), 0);
	uint64_t start_ns = 1700000000 * SECOND_NS;
	struct flow_note *note = keep(&notes, 7, flow_notes_ticks(start_ns), 1);
	assert_false(flow_note_is_idle(&notes, note, flow_notes_ticks(start_ns)));
	assert_false(flow_note_is_idle(&notes, note, flow_notes_ticks(start_ns + 60 * SECOND_NS - 2000000)));
	assert_true(flow_note_is_idle(&notes, note, flow_notes_ticks(start_ns + 60 * SECOND_NS + 2000000)));
	assert_false(flow_note_is_idle(&notes, note, flow_notes_ticks(start_ns - 3600 * SECOND_NS)));
	flow_notes_fini(&notes);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_what_it_was_given),
		cmocka_unit_test(test_forgets_the_one_that_was_idle_longest),
		cmocka_unit_test(test_knows_when_a_flow_is_another_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
