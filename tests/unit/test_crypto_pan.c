// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Crypto-PAn against the sample trace that its authors published with their program, with its key, and against what
// the definition promises of any pair of addresses.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/crypto_pan.h"

static const uint8_t sample_key[CRYPTO_PAN_KEY_SIZE] = {21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144,
	125, 16, 216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2};

static struct crypto_pan pan;

struct pair {
	const char *address, *anonymous;
};

static const struct pair sample_trace[] = {
	{"128.11.68.132", "135.242.180.132"},
	{"129.118.74.4", "134.136.186.123"},
	{"130.132.252.244", "133.68.164.234"},
	{"141.223.7.43", "141.167.8.160"},
	{"141.233.145.108", "141.129.237.235"},
	{"152.163.225.39", "151.140.114.167"},
	{"156.29.3.236", "147.225.12.42"},
	{"165.247.96.84", "162.9.99.234"},
	{"166.107.77.190", "160.132.178.185"},
	{"192.102.249.13", "252.138.62.131"},
	{"192.215.32.125", "252.43.47.189"},
	{"192.233.80.103", "252.25.108.8"},
	{"192.41.57.43", "252.222.221.184"},
	{"193.150.244.223", "253.169.52.216"},
	{"195.205.63.100", "255.186.223.5"},
	{"198.200.171.101", "249.199.68.213"},
	{"198.26.132.101", "249.36.123.202"},
	{"198.36.213.5", "249.7.21.132"},
	{"198.51.77.238", "249.18.186.254"},
	{"199.217.79.101", "248.38.184.213"},
	{"202.49.198.20", "245.206.7.234"},
	{"203.12.160.252", "244.248.163.4"},
	{"204.184.162.189", "243.192.77.90"},
	{"204.202.136.230", "243.178.4.198"},
	{"204.29.20.4", "243.33.20.123"},
	{"205.178.38.67", "242.108.198.51"},
	{"205.188.147.153", "242.96.16.101"},
	{"205.188.248.25", "242.96.88.27"},
	{"205.245.121.43", "242.21.121.163"},
	{"207.105.49.5", "241.118.205.138"},
	{"207.135.65.238", "241.202.129.222"},
	{"207.155.9.214", "241.220.250.22"},
	{"207.188.7.45", "241.255.249.220"},
	{"207.25.71.27", "241.33.119.156"},
	{"207.33.151.131", "241.1.233.131"},
	{"208.147.89.59", "227.237.98.191"},
	{"208.234.120.210", "227.154.67.17"},
	{"208.28.185.184", "227.39.94.90"},
	{"208.52.56.122", "227.8.63.165"},
	{"209.12.231.7", "226.243.167.8"},
	{"209.238.72.3", "226.6.119.243"},
	{"209.246.74.109", "226.22.124.76"},
	{"209.68.60.238", "226.184.220.233"},
	{"209.85.249.6", "226.170.70.6"},
	{"212.120.124.31", "228.135.163.231"},
	{"212.146.8.236", "228.19.4.234"},
	{"212.186.227.154", "228.59.98.98"},
	{"212.204.172.118", "228.71.195.169"},
	{"212.206.130.201", "228.69.242.193"},
	{"216.148.237.145", "235.84.194.111"},
	{"216.157.30.252", "235.89.31.26"},
	{"216.184.159.48", "235.96.225.78"},
	{"216.227.10.221", "235.28.253.36"},
	{"216.254.18.172", "235.7.16.162"},
	{"216.32.132.250", "235.192.139.38"},
	{"216.35.217.178", "235.195.157.81"},
	{"24.0.250.221", "100.15.198.226"},
	{"24.13.62.231", "100.2.192.247"},
	{"24.14.213.138", "100.1.42.141"},
	{"24.5.0.80", "100.9.15.210"},
	{"24.7.198.88", "100.10.6.25"},
	{"24.94.26.44", "100.88.228.35"},
	{"38.15.67.68", "64.3.66.187"},
	{"4.3.88.225", "124.60.155.63"},
	{"63.14.55.111", "95.9.215.7"},
	{"63.195.241.44", "95.179.238.44"},
	{"63.97.7.140", "95.97.9.123"},
	{"64.14.118.196", "0.255.183.58"},
	{"64.34.154.117", "0.221.154.117"},
	{"64.39.15.238", "0.219.7.41"},
	{"10.185.25.118", "117.161.29.118"},
};

// Of the same key; several independent programs agree on them.
static const struct pair ipv6[] = {
	{"::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"},
	{"::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"},
	{"::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"},
	{"2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"},
	{"2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"},
};

static void parse(const char *text, uint8_t address[16]) {
	char mapped[INET6_ADDRSTRLEN];
	snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') == NULL ? "::ffff:" : "", text);
	assert_int_equal(inet_pton(AF_INET6, mapped, address), 1);
}

static void check_pairs(const struct pair *pairs, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		uint8_t address[16], expected[16];
		parse(pairs[i].address, address);
		parse(pairs[i].anonymous, expected);
		crypto_pan_address(&pan, address, address);
		if (memcmp(address, expected, sizeof(address)) != 0)
			fail_msg("%s is not exchanged for %s", pairs[i].address, pairs[i].anonymous);
	}
}

static void test_published_addresses(void **state) {
	check_pairs(sample_trace, sizeof(sample_trace) / sizeof(sample_trace[0]));
}

static void test_ipv6_addresses(void **state) {
	check_pairs(ipv6, sizeof(ipv6) / sizeof(ipv6[0]));
}

static uint64_t random_state = 1;

// xorshift64*, so that a failure comes again.
static uint8_t random_byte(void) {
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint8_t)(random_state * UINT64_C(0x2545f4914f6cdd1d) >> 56);
}

static unsigned common_prefix(const uint8_t a[16], const uint8_t b[16]) {
	unsigned bits = 0;
	while (bits < 128 && ((a[bits / 8] ^ b[bits / 8]) >> (7 - bits % 8) & 1) == 0)
		bits++;
	return bits;
}

// Each length of a common prefix, with what follows it at random, under several keys.
static void test_common_prefixes_are_kept(void **state) {
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	for (unsigned i = 0; i < 6000; i++) {
		uint8_t key[CRYPTO_PAN_KEY_SIZE], a[16], b[16], of_a[16], of_b[16];
		struct crypto_pan random_pan;
		for (unsigned j = 0; j < sizeof(key); j++)
			key[j] = random_byte();
		crypto_pan_init(&random_pan, key);
		for (unsigned j = 0; j < sizeof(a); j++)
			a[j] = b[j] = random_byte();
		unsigned first = i % 2 == 0 ? 0 : 96; // IPv6, IPv4
		if (first != 0) {
			memcpy(a, mapped, sizeof(mapped));
			memcpy(b, mapped, sizeof(mapped));
		}
		unsigned common = first + i / 2 % (129 - first);
		for (unsigned bit = common; bit < 128; bit++)
			if (bit == common || random_byte() & 1)
				b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		crypto_pan_address(&random_pan, a, of_a);
		crypto_pan_address(&random_pan, b, of_b);
		assert_int_equal(common_prefix(a, b), common);
		assert_int_equal(common_prefix(of_a, of_b), common);
		if (first != 0)
			assert_memory_equal(of_a, mapped, sizeof(mapped));
	}
}

static void test_mac_addresses_lose_vendor_and_keep_group(void **state) {
	uint8_t a[6] = {0x00, 0x1b, 0x21, 1, 2, 3}, b[6] = {0x00, 0x1b, 0x21, 1, 2, 4},
		group[6] = {0x01, 0, 0x5e, 0, 0, 1};
	uint8_t of_a[6], again[6], of_b[6], of_group[6];
	crypto_pan_mac(&pan, a, of_a);
	crypto_pan_mac(&pan, a, again);
	crypto_pan_mac(&pan, b, of_b);
	crypto_pan_mac(&pan, group, of_group);
	assert_memory_equal(of_a, again, 6);
	assert_memory_not_equal(of_a, a, 6);
	assert_memory_not_equal(of_a, of_b, 3);
	assert_int_equal(of_a[0] & 3, 2);
	assert_int_equal(of_group[0] & 3, 3);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_addresses),
		cmocka_unit_test(test_ipv6_addresses),
		cmocka_unit_test(test_common_prefixes_are_kept),
		cmocka_unit_test(test_mac_addresses_lose_vendor_and_keep_group),
	};
	crypto_pan_init(&pan, sample_key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
