// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a batch says of its tuples, on its way through their mbufs, as at a ring.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tuple.h"

enum { N = 5 };

struct carrier {
	struct rte_mbuf mbuf;
	struct packet_meta stored; // the private area
};

static struct carrier carriers[N];
static struct packet_meta fields[N];

static void make_batch(struct batch *batch) {
	batch->count = 0;
	memset(carriers, 0, sizeof(carriers));
	for (unsigned i = 0; i < N; i++) {
		fields[i] = (struct packet_meta){.timestamp_ns = 100 + i, .key.src_port = (uint16_t)(7 * i)};
		batch->hashes[i] = 1; // of an earlier packet
		batch->applications[i] = 2;
		batch_add_packet(batch, &carriers[i].mbuf, &fields[i]);
		assert_int_equal(batch->hashes[i] + batch->applications[i], 0);
		batch->hashes[i] = UINT64_C(0x123456789abcdef0) + i;
		batch->applications[i] = (uint16_t)(65535 - i);
	}
}

static void what_was_stored_is_loaded(void **state) {
	struct batch batch, loaded = {.count = N};
	make_batch(&batch);
	batch_store(&batch, &packet_schema);
	for (unsigned i = 0; i < N; i++)
		loaded.tuples[i] = &carriers[i].mbuf;
	memset(fields, 0xff, sizeof(fields)); // their time is over
	batch_load(&loaded);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(loaded.hashes[i], UINT64_C(0x123456789abcdef0) + i);
		assert_int_equal(loaded.applications[i], 65535 - i);
		assert_ptr_equal(loaded.packets[i], &carriers[i].stored);
		assert_int_equal(loaded.packets[i]->timestamp_ns, 100 + i);
		assert_int_equal(loaded.packets[i]->key.src_port, 7 * i);
		assert_ptr_equal(batch.packets[i], &carriers[i].stored); // both read the same from here on
	}
}

// Others may hold references, and read: what is stored a second time is not written again.
static void what_is_there_is_left_alone(void **state) {
	struct batch batch;
	make_batch(&batch);
	batch_store(&batch, &packet_schema);
	carriers[2].stored.timestamp_ns = 4711;
	batch_store(&batch, &packet_schema);
	assert_int_equal(carriers[2].stored.timestamp_ns, 4711);
}

static void records_have_no_fields(void **state) {
	static const struct schema schema = {.name = "record", .body = SCHEMA_RECORD};
	struct batch batch;
	make_batch(&batch);
	batch_store(&batch, &schema);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(carriers[i].stored.timestamp_ns, 0);
		assert_memory_equal(&carriers[i].mbuf.hash, &batch.hashes[i], sizeof(batch.hashes[i]));
	}
}

static void tuples_move_down_with_all_that_is_theirs(void **state) {
	struct batch batch;
	make_batch(&batch);
	for (unsigned i = 0; i < N; i += 2)
		batch_move(&batch, i / 2, i);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(batch.tuples[i], &carriers[2 * i].mbuf);
		assert_ptr_equal(batch.packets[i], &fields[2 * i]);
		assert_int_equal(batch.hashes[i], UINT64_C(0x123456789abcdef0) + 2 * i);
		assert_int_equal(batch.applications[i], 65535 - 2 * i);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_stored_is_loaded),
		cmocka_unit_test(what_is_there_is_left_alone),
		cmocka_unit_test(records_have_no_fields),
		cmocka_unit_test(tuples_move_down_with_all_that_is_theirs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
