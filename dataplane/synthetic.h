// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Made-up traffic for benchmarks: Ethernet frames of TCP and UDP over IPv4, spread over a number of flows, in both
// directions. The same settings always give the same frames. No EAL.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	SYNTHETIC_SIZE_MIN = 60, // an Ethernet frame without its checksum
	SYNTHETIC_SIZE_MAX = 9018,
	SYNTHETIC_FLOWS_MAX = 1 << 24,
};

struct synthetic {
	uint64_t flows; // 1..SYNTHETIC_FLOWS_MAX
	uint64_t seed;
	uint32_t size; // bytes of each frame
};

// Write frame number `index`. The first `flows` frames open one flow each, the client speaking; every later one belongs
// to a flow and a direction drawn at random. Even flows are TCP (ACK), odd ones UDP. Checksums of IPv4 are right, those
// of TCP and UDP left 0.
//   frame  [size]
void synthetic_frame(const struct synthetic *settings, uint64_t index, uint8_t *frame);
