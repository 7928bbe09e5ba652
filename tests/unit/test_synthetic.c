// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Made-up frames: the parser takes every one, and finds exactly the flows that were asked for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/packet.h"
#include "dataplane/synthetic.h"

// A block of exactly the frame's size: a sanitizer sees what goes beyond.
static enum packet_verdict make(
	const struct synthetic *settings, uint64_t index, struct packet_meta *meta, struct flow_key *key) {
	uint8_t *frame = malloc(settings->size);
	struct packet_fragment fragment;
	assert_non_null(frame);
	synthetic_frame(settings, index, frame);
	memset(meta, 0, sizeof(*meta));
	enum packet_verdict verdict = packet_parse(frame, settings->size, PACKET_LINK_ETHERNET, meta, &fragment);
	flow_key_canonical(&meta->key, key);
	free(frame);
	return verdict;
}

static int compare_keys(const void *a, const void *b) {
	return memcmp(a, b, sizeof(struct flow_key));
}

static void test_flows(void **state) {
	enum { FLOWS = 1000, FRAMES = 20000 };
	const struct synthetic settings = {.flows = FLOWS, .seed = 7, .size = 64};
	struct flow_key *keys = calloc(FRAMES, sizeof(*keys));
	unsigned reversed = 0, tcp = 0, distinct = 1;
	for (unsigned i = 0; i < FRAMES; i++) {
		struct packet_meta meta;
		assert_int_equal(make(&settings, i, &meta, &keys[i]), PACKET_OK);
		assert_int_equal(meta.ip_bytes, 50);
		reversed += meta.key.src_ip[12] != 10;
		tcp += meta.key.protocol == 6;
		assert_false(i < FLOWS && meta.key.src_ip[12] != 10); // the client opens
	}
	qsort(keys, FRAMES, sizeof(*keys), compare_keys);
	for (unsigned i = 1; i < FRAMES; i++)
		distinct += compare_keys(&keys[i - 1], &keys[i]) != 0;
	free(keys);
	assert_int_equal(distinct, FLOWS);
	assert_in_range(reversed, 9000, 10000);
	assert_in_range(tcp, 9500, 10500);
}

static void test_sizes_and_seeds(void **state) {
	uint8_t a[SYNTHETIC_SIZE_MAX], b[SYNTHETIC_SIZE_MAX];
	static const uint32_t sizes[] = {SYNTHETIC_SIZE_MIN, 65, 1514, SYNTHETIC_SIZE_MAX};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct synthetic settings = {.flows = SYNTHETIC_FLOWS_MAX, .seed = 1, .size = sizes[i]};
		struct packet_meta meta;
		struct flow_key key;
		assert_int_equal(make(&settings, SYNTHETIC_FLOWS_MAX - 1 + i, &meta, &key), PACKET_OK);
		assert_int_equal(meta.ip_bytes, sizes[i] - 14);
		synthetic_frame(&settings, 5, a);
		synthetic_frame(&settings, 5, b);
		assert_memory_equal(a, b, sizes[i]);
		settings.seed = 2;
		synthetic_frame(&settings, 5, b);
		assert_memory_not_equal(a, b, sizes[i]);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_sizes_and_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
