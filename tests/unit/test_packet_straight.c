// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The straight path takes what it is for, and says what the general parser says. (The fuzz target asks the same.)
#include "tests/unit/packet_frame.h"

#include "dataplane/packet_straight.h"

static const char *const templates[] = {
	ETHERNET_V4 IPV4_TCP TCP_24,
	ETHERNET_V4 "45000034 00014000 40060000 " ADDRESSES_V4 "3039 0050 00000001 00000000 8010 ffff 00000000 "
		    "0101080a0000000100000002",
	ETHERNET_V4 IPV4_UDP UDP_5 "00000000000000000000",
	ETHERNET_V6 IPV6_UDP UDP_5,
	MACS "8100 0005 0800" IPV4_TCP TCP_24,
};

static uint64_t random_state = 88172645463325252;

static uint32_t random_below(uint32_t bound) {
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % bound;
}

// Whether the general parser's answer is one that the straight path is there for.
static bool is_common(const struct frame *frame, size_t size, const struct parsed *parsed) {
	uint8_t protocol = parsed->meta.key.protocol;
	return size >= STRAIGHT_SIZE_MIN && parsed->verdict == PACKET_OK && parsed->meta.bits == 0 &&
	       load_be16(frame->data + 12) == ETHERTYPE_IPV4 && frame->data[14] == 0x45 &&
	       (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP);
}

static bool check(const struct frame *frame, size_t size) {
	struct parsed parsed = parse(frame, size);
	struct packet_meta meta, untouched;
	memset(&meta, 0xa5, sizeof(meta));
	untouched = meta;
	uint8_t *exact = malloc(size ? size : 1);
	memcpy(exact, frame->data, size);
	bool taken = packet_parse_straight(size ? exact : exact + 1, size, &meta);
	free(exact);
	if (taken != is_common(frame, size, &parsed))
		fail_msg("%s, protocol %u, %zu bytes, taken %d", packet_verdict_names[parsed.verdict],
			parsed.meta.key.protocol, size, taken);
	assert_memory_equal(&meta, taken ? &parsed.meta : &untouched, sizeof(meta));
	return taken;
}

static void test_templates(void **state) {
	static const bool taken[] = {true, true, true, false, false};
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
		struct frame frame = {.link = PACKET_LINK_ETHERNET};
		add(&frame, templates[i]);
		assert_int_equal(check(&frame, frame.size), taken[i]);
		for (size_t size = 0; size < frame.size; size++)
			check(&frame, size);
	}
}

// Frames with a few octets changed, mostly in the headers' first words, where the decisions are made.
static void test_damaged(void **state) {
	unsigned taken = 0, rounds = 200000;
	for (unsigned round = 0; round < rounds; round++) {
		struct frame frame = {.link = PACKET_LINK_ETHERNET};
		add(&frame, templates[random_below(3)]);
		for (uint32_t changes = random_below(4); changes > 0; changes--) {
			size_t at = 12 + random_below((uint32_t)frame.size - 12);
			frame.data[at] = random_below(2) ? (uint8_t)random_below(256)
							 : frame.data[at] ^ (uint8_t)(1 << random_below(8));
		}
		taken += check(&frame, frame.size - (random_below(8) ? 0 : random_below(12)));
	}
	assert_in_range(taken, rounds / 4, rounds - rounds / 20);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
