// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The canonical form of a flow's key.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/packet.h"

static struct flow_key key_of(
	const char *src, unsigned src_port, const char *dst, unsigned dst_port, unsigned protocol) {
	struct flow_key key = {.src_port = (uint16_t)src_port,
		.dst_port = (uint16_t)dst_port,
		.protocol = (uint8_t)protocol,
		.ip_version = strncmp(src, "::ffff:", 7) ? 6 : 4,
		.ttl = 64,
		.tos = 1};
	assert_int_equal(inet_pton(AF_INET6, src, key.src_ip), 1);
	assert_int_equal(inet_pton(AF_INET6, dst, key.dst_ip), 1);
	return key;
}

static void assert_one_flow(struct flow_key lower, struct flow_key upper) {
	struct flow_key a, b;
	assert_false(flow_key_canonical(&lower, &a));
	assert_true(flow_key_canonical(&upper, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_equal(a.src_ip, lower.src_ip, 16);
	assert_int_equal(a.src_port, lower.src_port);
	assert_int_equal(a.dst_port, lower.dst_port);
	assert_int_equal(a.protocol, lower.protocol);
	assert_int_equal(a.ip_version, lower.ip_version);
	assert_int_equal(a.ttl, 0);
	assert_int_equal(a.tos, 0);
}

static void test_canonical_key(void **state) {
	const char *low = "::ffff:1.0.0.255", *high = "::ffff:255.0.0.1";
	assert_one_flow(key_of(low, 9, high, 1, 6), key_of(high, 1, low, 9, 6));
	assert_one_flow(key_of("2001:db8::1:0", 5, "2001:db8:0:0:1::", 4, 17),
		key_of("2001:db8:0:0:1::", 4, "2001:db8::1:0", 5, 17));
	assert_one_flow(key_of(low, 80, low, 40000, 6), key_of(low, 40000, low, 80, 6));
	assert_one_flow(key_of(low, 8, high, 0, 1), key_of(high, 0, low, 8, 1));
	assert_one_flow(key_of("fe80::1", 135, "fe80::2", 136, 58), key_of("fe80::2", 136, "fe80::1", 135, 58));

	// What no type answers is a flow of its own in each direction.
	struct flow_key sent = key_of(high, 3, low, 3, 1), canonical;
	assert_false(flow_key_canonical(&sent, &canonical));
	assert_memory_equal(canonical.src_ip, sent.src_ip, 16);
	// An echo in the other direction is another flow as well.
	struct flow_key echo = key_of(low, 8, high, 0, 1), back = key_of(high, 8, low, 0, 1), other;
	flow_key_canonical(&echo, &canonical);
	assert_true(flow_key_canonical(&back, &other));
	assert_memory_not_equal(&canonical, &other, sizeof(other));

	// Both ends the same: nothing to exchange.
	struct flow_key self = key_of(low, 7, low, 7, 17);
	assert_false(flow_key_canonical(&self, &canonical));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
