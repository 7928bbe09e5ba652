// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How long a live capture through libpcap lasts while nobody reads it. DPDK's net_pcap opens captures by
// pcap_open_live(), which leaves no choice: 2 MB in 8 blocks, of which the kernel closes one each millisecond on a
// link of 10 Gbit/s, full or not; a worker that waits for its turn on a busy machine for 10 ms has lost packets. So
// this program has a pcap_open_live() of its own, which comes before libpcap's.
#pragma once

#include <stdint.h>

#define CAPTURE_BUFFER_DEFAULT "64MiB" // 1.02 s, where less than 64 MB/s come

enum {
	CAPTURE_BLOCK_MS = 4, // so long a packet waits in a block that is not full: one tick of a kernel of 250 Hz
	CAPTURE_BUFFER_MIN = 1 << 20,
	CAPTURE_BUFFER_MAX = 1 << 30,
};

// Of captures that are opened from now on.
//   thread  the manager
void capture_buffer_set(uint64_t size_bytes);
