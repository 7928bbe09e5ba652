// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How long packet_parse and flow_key_canonical together take per frame, hot in cache: one JSON object a line, with the
// mean and the best round of 1,024 frames.
//
//   packet_parse [ROUNDS]
//
// Then the same for frames all over 150 MB, by how far ahead they are prefetched: what flow_id's choice rests on.
//
// Each kind is parsed over 64 frames whose addresses and ports differ, so that no direction can be guessed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/packet.h"
#include "dataplane/packet_straight.h"

enum {
	FRAMES = 64,
	FRAME_SIZE = 128,
	BUFFERS = 1 << 16,
	BUFFER_SIZE = 2304,
	PASSES = 16, // a round: short enough to fall between two interruptions
};

struct kind {
	const char *name;
	size_t header_size; // the frame without its transport header
	size_t address_offset, address_size;
	const uint8_t header[64];
};

static const struct kind kinds[] = {
	{"ipv4_udp", 34, 26, 4, {[12] = 8, 0, 0x45, 0, 0, 50, [22] = 64, 17}},
	{"ipv4_tcp", 34, 26, 4, {[12] = 8, 0, 0x45, 0, 0, 50, [22] = 64, 6}},
	{"vlan_ipv4_tcp", 38, 30, 4, {[12] = 0x81, 0, 0, 5, 8, 0, 0x45, 0, 0, 46, [26] = 64, 6}},
	{"ipv6_tcp", 54, 22, 16, {[12] = 0x86, 0xdd, 0x60, [18] = 0, 20, 6, 64}},
};

static uint64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void make_frame(const struct kind *kind, uint8_t *frame) {
	memset(frame, 0, FRAME_SIZE);
	memcpy(frame, kind->header, kind->header_size);
	for (size_t i = 0; i < 2 * kind->address_size; i++)
		frame[kind->address_offset + i] = (uint8_t)rand();
	uint8_t *transport = frame + kind->header_size;
	for (size_t i = 0; i < 4; i++)
		transport[i] = (uint8_t)rand();
	transport[5] = 30;    // UDP: the length
	transport[12] = 0x50; // TCP: the data offset
}

// As flow_id does it.
static inline bool parse(const uint8_t *frame, size_t size, struct packet_meta *meta) {
	struct packet_fragment fragment;
	return packet_parse_straight(frame, size, meta) ||
	       packet_parse(frame, size, PACKET_LINK_ETHERNET, meta, &fragment) == PACKET_OK;
}

// One pass over all frames.
//   return  frames refused
static unsigned pass(uint8_t frames[FRAMES][FRAME_SIZE], size_t size) {
	static struct packet_meta metas[FRAMES];
	unsigned refused = 0;
	for (unsigned i = 0; i < FRAMES; i++) {
		struct flow_key canonical;
		refused += !parse(frames[i], size, &metas[i]);
		flow_key_canonical(&metas[i].key, &canonical);
		__asm__ volatile("" : : "r"(&canonical) : "memory");
	}
	return refused;
}

static int measure(const struct kind *kind, unsigned rounds) {
	static uint8_t frames[FRAMES][FRAME_SIZE];
	for (unsigned i = 0; i < FRAMES; i++)
		make_frame(kind, frames[i]);
	size_t size = kind->header_size + 20 > 64 ? kind->header_size + 20 : 64;
	uint64_t best_ns = UINT64_MAX, start_ns = now_ns();
	unsigned refused = 0;
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t round_ns = now_ns();
		for (unsigned i = 0; i < PASSES; i++)
			refused += pass(frames, size);
		round_ns = now_ns() - round_ns;
		if (round_ns < best_ns)
			best_ns = round_ns;
	}
	double mean_ns = (double)(now_ns() - start_ns) / rounds;
	printf("{\"bench\": \"packet_parse\", \"frame\": \"%s\", \"mean_ns\": %.2f, \"best_ns\": %.2f}\n", kind->name,
		mean_ns / (FRAMES * PASSES), (double)best_ns / (FRAMES * PASSES));
	if (refused)
		fprintf(stderr, "packet_parse: %s: %u frames were refused\n", kind->name, refused);
	return refused != 0;
}

// One pass over frames that lie as in packet buffers, apart and in no order, a batch at a time.
//   ahead   how many frames before its turn each one is prefetched; 0: never
//   return  frames refused
static unsigned pass_apart(uint8_t **buffers, unsigned ahead) {
	unsigned refused = 0;
	for (unsigned first = 0; first < BUFFERS; first += FRAMES) {
		for (unsigned i = 0; i < ahead; i++)
			__builtin_prefetch(buffers[first + i] + sizeof(struct packet_meta));
		for (unsigned i = first; i < first + FRAMES; i++) {
			if (ahead && i + ahead < first + FRAMES)
				__builtin_prefetch(buffers[i + ahead] + sizeof(struct packet_meta));
			struct packet_meta *meta = (struct packet_meta *)buffers[i];
			const uint8_t *frame = buffers[i] + sizeof(*meta);
			struct flow_key canonical;
			refused += !parse(frame, 64, meta);
			flow_key_canonical(&meta->key, &canonical);
			__asm__ volatile("" : : "r"(&canonical) : "memory");
		}
	}
	return refused;
}

static int measure_apart(uint8_t **buffers, unsigned ahead) {
	uint64_t best_ns = UINT64_MAX;
	unsigned refused = 0;
	for (unsigned round = 0; round < 20; round++) {
		uint64_t round_ns = now_ns();
		refused += pass_apart(buffers, ahead);
		round_ns = now_ns() - round_ns;
		if (round_ns < best_ns)
			best_ns = round_ns;
	}
	printf("{\"bench\": \"packet_parse_apart\", \"prefetch_ahead\": %u, \"best_ns\": %.2f}\n", ahead,
		(double)best_ns / BUFFERS);
	return refused != 0;
}

static int measure_distances(void) {
	static uint8_t *buffers[BUFFERS];
	uint8_t *memory = aligned_alloc(64, (size_t)BUFFERS * BUFFER_SIZE);
	if (!memory)
		return 1;
	for (unsigned i = 0; i < BUFFERS; i++) {
		make_frame(&kinds[0], memory + (size_t)i * BUFFER_SIZE + sizeof(struct packet_meta));
		unsigned other = (unsigned)rand() % (i + 1);
		buffers[i] = buffers[other];
		buffers[other] = memory + (size_t)i * BUFFER_SIZE;
	}
	static const unsigned distances[] = {0, 1, 2, 4, 8, 16};
	int failed = 0;
	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++)
		failed |= measure_apart(buffers, distances[i]);
	free(memory);
	return failed;
}

int main(int argc, char **argv) {
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20000;
	int failed = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		failed |= measure(&kinds[i], rounds ? rounds : 1);
	return failed | measure_distances();
}
