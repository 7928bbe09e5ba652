// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Hand-made frames for tests of the packet parser. Each lies in a heap block of exactly its size when it is parsed, so
// that a sanitizer sees any read past its end.
#pragma once

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/packet.h"

enum { FRAME_MAX = 512 };

struct frame {
	enum packet_link link;
	unsigned tunnels; // opened at most
	size_t size;
	uint8_t data[FRAME_MAX];
};

struct parsed {
	enum packet_verdict verdict;
	struct packet_meta meta;
	struct packet_fragment fragment;
	struct packet_link_headers link;
};

// Append bytes written in hexadecimal; blanks are for the reader.
static inline void add(struct frame *frame, const char *hex) {
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		char pair[3] = {hex[0], hex[1], 0};
		frame->data[frame->size++] = (uint8_t)strtoul(pair, NULL, 16);
		hex++;
	}
}

static inline struct parsed parse(const struct frame *frame, size_t size) {
	struct parsed parsed;
	memset(&parsed, 0xa5, sizeof(parsed));
	uint8_t *exact = malloc(size ? size : 1);
	memcpy(exact, frame->data, size);
	uint8_t *data = size ? exact : exact + 1;
	parsed.verdict = packet_parse(data, size, frame->link, &parsed.meta, &parsed.fragment);
	if (parsed.verdict == PACKET_OK)
		packet_parse_link(data, size, frame->link, &parsed.link);
	for (unsigned i = 0; i < frame->tunnels && parsed.verdict == PACKET_OK && packet_may_be_tunnel(&parsed.meta);
		i++)
		parsed.verdict = packet_open(data, size, &parsed.meta, &parsed.fragment);
	if (parsed.verdict == PACKET_OK)
		packet_parse_tunnels(data, size, frame->link, packet_tunnels_opened(parsed.meta.bits), &parsed.link);
	free(exact);
	return parsed;
}

static inline struct parsed parse_hex(enum packet_link link, const char *hex) {
	struct frame frame = {.link = link};
	add(&frame, hex);
	return parse(&frame, frame.size);
}

static inline void assert_address(const uint8_t ip[16], const char *expected) {
	uint8_t address[16];
	assert_int_equal(inet_pton(AF_INET6, expected, address), 1);
	assert_memory_equal(ip, address, 16);
}
#define MACS "020000000002 020000000001 "
#define ETHERNET_V4 MACS "0800 "
#define ETHERNET_V6 MACS "86dd "
#define ADDRESSES_V4 "0a000001 0a000002 "
#define ADDRESSES_V6 "20010db8000000000000000000000001 20010db8000000000000000000000002 "
// Total length 44: 20 + 24 (TCP with 4 bytes of options), no payload; TTL 64, TOS 0x10.
#define IPV4_TCP "4510002c 00014000 40060000 " ADDRESSES_V4
#define TCP_24 "3039 0050 00000001 00000000 6012 ffff 00000000 020405b4 "
// Total length 33: 20 + 8 + 5 bytes of payload.
#define IPV4_UDP "45000021 00014000 40110000 " ADDRESSES_V4
#define UDP_5 "0035 3039 000d 0000 0102030405 "
#define IPV6_UDP "6ab00000 000d 11 07 " ADDRESSES_V6
