// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Made-up frames: the parser takes every one, and finds exactly the flows that were asked for.
#include <errno.h>
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
	const struct synthetic settings = {.flows = FLOWS, .frames = FRAMES, .seed = 7, .size = 64};
	struct flow_key *keys = calloc(FRAMES, sizeof(*keys));
	unsigned reversed = 0, tcp = 0, distinct = 1;
	for (unsigned i = 0; i < FRAMES; i++) {
		struct packet_meta meta;
		assert_int_equal(make(&settings, i, &meta, &keys[i]), PACKET_OK);
		assert_int_equal(meta.ip_bytes, 50);
		reversed += meta.key.src_ip[12] != 10;
		tcp += meta.key.protocol == 6;
	}
	qsort(keys, FRAMES, sizeof(*keys), compare_keys);
	for (unsigned i = 1; i < FRAMES; i++)
		distinct += compare_keys(&keys[i - 1], &keys[i]) != 0;
	free(keys);
	assert_int_equal(distinct, FLOWS);
	assert_in_range(reversed, 9500, 10500);
	assert_in_range(tcp, 9500, 10500);
}

static void test_sizes_and_seeds(void **state) {
	uint8_t a[SYNTHETIC_SIZE_MAX], b[SYNTHETIC_SIZE_MAX];
	static const uint32_t sizes[] = {SYNTHETIC_SIZE_MIN, 65, 1514, SYNTHETIC_SIZE_MAX};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct synthetic settings = {
			.flows = SYNTHETIC_FLOWS_MAX, .frames = SYNTHETIC_FRAMES_MAX, .seed = 1, .size = sizes[i]};
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

struct side {
	uint32_t sent; // the sequence number that comes next
	bool has_sent;
};

// Follow each connection over some rounds: every segment continues what its side has sent, and acknowledges all that
// the other side has.
static void test_conversation(void **state) {
	enum { FLOWS = 50, FRAMES = 400, ROUNDS = 5, SIZE = 64, PAYLOAD = SIZE - 54 };
	static uint8_t frames[FRAMES][SIZE];
	struct synthetic_talk talks[FLOWS];
	struct side sides[FLOWS][2] = {0};
	unsigned turned = 0;
	const struct synthetic settings = {
		.flows = FLOWS, .frames = FRAMES, .seed = 3, .size = SIZE, .protocols = SYNTHETIC_TCP};
	assert_int_equal(synthetic_talk_init(&settings, talks), 0);
	for (unsigned i = 0; i < FRAMES; i++) {
		synthetic_frame(&settings, i, frames[i]);
		synthetic_number(&settings, i, talks, frames[i]);
	}
	for (unsigned n = 0; n < ROUNDS * FRAMES; n++) {
		uint8_t *frame = frames[n % FRAMES];
		struct packet_meta meta = {0};
		struct packet_fragment fragment;
		uint32_t numbers[2];
		if (n >= FRAMES)
			synthetic_answer(frame);
		assert_int_equal(packet_parse(frame, SIZE, PACKET_LINK_ETHERNET, &meta, &fragment), PACKET_OK);
		assert_int_equal(meta.payload_bytes, PAYLOAD);
		bool from_server = meta.key.src_ip[12] != 10;
		const uint8_t *client = from_server ? meta.key.dst_ip : meta.key.src_ip;
		struct side *own = &sides[client[15]][from_server], *other = &sides[client[15]][!from_server];
		memcpy(numbers, frame + SYNTHETIC_AT_SEQUENCE, sizeof(numbers));
		if (own->has_sent)
			assert_int_equal(__builtin_bswap32(numbers[0]), own->sent);
		if (other->has_sent)
			assert_int_equal(__builtin_bswap32(numbers[1]), other->sent);
		*own = (struct side){__builtin_bswap32(numbers[0]) + PAYLOAD, true};
		turned += from_server;
	}
	assert_in_range(turned, ROUNDS * FRAMES * 2 / 5, ROUNDS * FRAMES * 3 / 5);
	const struct synthetic too_small = {.flows = 1, .frames = 1, .size = SYNTHETIC_SIZE_MIN};
	assert_int_equal(synthetic_talk_init(&too_small, talks), -EINVAL);
}

// Each round has flows of its own.
static void test_renewal(void **state) {
	enum { FLOWS = 100, FRAMES = 300, ROUNDS = 4 };
	const struct synthetic settings = {.flows = FLOWS, .frames = FRAMES, .seed = 5, .size = 60};
	static struct flow_key keys[ROUNDS * FRAMES];
	unsigned distinct = 1;
	for (unsigned i = 0; i < FRAMES; i++) {
		uint8_t frame[60];
		synthetic_frame(&settings, i, frame);
		for (unsigned round = 0; round < ROUNDS; round++) {
			struct packet_meta meta = {0};
			struct packet_fragment fragment;
			assert_int_equal(
				packet_parse(frame, sizeof(frame), PACKET_LINK_ETHERNET, &meta, &fragment), PACKET_OK);
			flow_key_canonical(&meta.key, &keys[round * FRAMES + i]);
			synthetic_renew(frame);
		}
	}
	qsort(keys, ROUNDS * FRAMES, sizeof(*keys), compare_keys);
	for (unsigned i = 1; i < ROUNDS * FRAMES; i++)
		distinct += compare_keys(&keys[i - 1], &keys[i]) != 0;
	assert_int_equal(distinct, ROUNDS * FLOWS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_sizes_and_seeds),
		cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_renewal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
