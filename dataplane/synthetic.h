// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Made-up traffic for benchmarks: Ethernet frames of TCP and UDP over IPv4, spread over a number of flows, in both
// directions. The same settings always give the same frames. No EAL.
//
// Frames are made once and sent in rounds. So that a round is not the same again, a frame can be changed in place
// before it is sent again, at the cost of a few instructions on the cache line that its headers lie in:
//
//   converse  it turns round: the other side answers. Source and destination change places, and the numbers of a TCP
//             segment become those that this side, having sent and received all that came between, would send. Each
//             segment carries data not seen before and acknowledges all that the other side has sent
//   renew     it opens a flow of its own: both ports grow by one
//
// A conversation: in a round a flow's frames go either way. Let a and b be their numbers in the two directions, P the
// payload of each, and n and m how many frames of its own and of the other direction stand before a certain frame. In
// the next round it goes the other way and has the sequence number of the other side: its old acknowledgement number
// and (b - m + n) * P; and it acknowledges its old sequence number and (a - n + m) * P. In the round after next a and
// b, n and m have changed places twice: the same two steps lead on for ever. They lie in the frame's payload.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	SYNTHETIC_SIZE_MIN = 60, // an Ethernet frame without its checksum
	SYNTHETIC_SIZE_MAX = 9018,
	SYNTHETIC_FLOWS_MAX = 1 << 26,
	SYNTHETIC_FRAMES_MAX = 1 << 28,
};

enum synthetic_protocols {
	SYNTHETIC_MIXED, // even flows are TCP, odd ones UDP
	SYNTHETIC_TCP,
	SYNTHETIC_UDP,
};

struct synthetic {
	uint64_t flows;  // 1..SYNTHETIC_FLOWS_MAX
	uint64_t frames; // 1..SYNTHETIC_FRAMES_MAX
	uint64_t seed;
	uint32_t size; // bytes of each frame
	enum synthetic_protocols protocols;
};

// Write frame number `index`, 0..frames-1. One frame of each flow, as far as there are frames, stands anywhere among
// the others; all others belong to flows drawn at random, all directions are drawn at random. Checksums of IPv4 are
// right, those of TCP and UDP left 0.
//   frame  [size]
void synthetic_frame(const struct synthetic *settings, uint64_t index, uint8_t *frame);

// What it takes to give the frames of TCP the numbers of conversations: how much of each flow goes either way, and how
// much of that has been sent.
struct synthetic_talk {
	uint32_t segments[2], sent[2]; // by direction: of the client, of the server
};

//   talks   [flows] filled
//   return  -EINVAL: the frames are too small for it, 0 else
int synthetic_talk_init(const struct synthetic *settings, struct synthetic_talk *talks);

// Number a frame that synthetic_frame wrote. Frames of a flow are numbered in the order in which they will be sent. Of
// TCP, who sends is decided here: no more than two segments in a row go the same way, as every second one is
// acknowledged at the latest (RFC 1122, 4.2.3.2); where two rounds meet it can be four.
void synthetic_number(const struct synthetic *settings, uint64_t index, struct synthetic_talk *talks, uint8_t *frame);

// Where things lie in a frame.
enum {
	SYNTHETIC_AT_PROTOCOL = 14 + 9,
	SYNTHETIC_AT_ADDRESSES = 14 + 12,
	SYNTHETIC_AT_PORTS = 14 + 20,
	SYNTHETIC_AT_SEQUENCE = SYNTHETIC_AT_PORTS + 4, // and the acknowledgement number behind it
	SYNTHETIC_AT_STEPS = SYNTHETIC_AT_PORTS + 20,   // of the sequence, then of the acknowledgement number
	SYNTHETIC_TALK_SIZE_MIN = SYNTHETIC_AT_STEPS + 8,
};

static inline void synthetic_exchange_ends(uint8_t *frame) {
	uint64_t addresses;
	uint32_t ports;
	memcpy(&addresses, frame + SYNTHETIC_AT_ADDRESSES, sizeof(addresses));
	memcpy(&ports, frame + SYNTHETIC_AT_PORTS, sizeof(ports));
	addresses = addresses << 32 | addresses >> 32;
	ports = ports << 16 | ports >> 16;
	memcpy(frame + SYNTHETIC_AT_ADDRESSES, &addresses, sizeof(addresses));
	memcpy(frame + SYNTHETIC_AT_PORTS, &ports, sizeof(ports));
}

// Make a numbered frame its answer in the next round.
static inline void synthetic_answer(uint8_t *frame) {
	uint32_t numbers[2], steps[2];
	synthetic_exchange_ends(frame);
	if (frame[SYNTHETIC_AT_PROTOCOL] != 6)
		return;
	memcpy(numbers, frame + SYNTHETIC_AT_SEQUENCE, sizeof(numbers));
	memcpy(steps, frame + SYNTHETIC_AT_STEPS, sizeof(steps));
	uint32_t answer[2] = {
		__builtin_bswap32(__builtin_bswap32(numbers[1]) + steps[0]),
		__builtin_bswap32(__builtin_bswap32(numbers[0]) + steps[1]),
	};
	memcpy(frame + SYNTHETIC_AT_SEQUENCE, answer, sizeof(answer));
}

// Make a frame one of another flow, which no other frame belongs to; after 65,536 rounds it is the first one again.
static inline void synthetic_renew(uint8_t *frame) {
	uint16_t ports[2];
	memcpy(ports, frame + SYNTHETIC_AT_PORTS, sizeof(ports));
	for (unsigned i = 0; i < 2; i++)
		ports[i] = __builtin_bswap16((uint16_t)(__builtin_bswap16(ports[i]) + 1));
	memcpy(frame + SYNTHETIC_AT_PORTS, ports, sizeof(ports));
}
