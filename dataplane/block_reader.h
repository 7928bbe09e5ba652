// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Reads a classic pcap file (either byte order, micro- or nanoseconds) block by block, and hands out its frames where
// they lie: mbufs are attached to them instead of frames being copied into mbufs. A block is filled anew once the last
// of its mbufs was freed, by whichever worker. capture.c uses it for files, and libpcap for everything else.
//
// Read, not mapped: of a file that is cut short while it is read, a mapping would end the process.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rte_mbuf.h>

enum {
	BLOCK_READER_FRAME_MAX = 262144, // bytes: libpcap takes no larger ones either
	BLOCK_READER_REASON_MAX = 128,
};

struct block_reader;

struct block_reader_frame {
	const uint8_t *data; // [size], in the current block
	uint32_t size, wire_size;
	int64_t seconds; // the file's 32 bits, with a sign
	int64_t fraction_ns;
};

// Whether a file begins with a header that block_reader_next goes on from.
//   header  [BLOCK_READER_HEADER_SIZE]
enum { BLOCK_READER_HEADER_SIZE = 24 };
bool block_reader_knows(const uint8_t *header);

//   fd        stays the caller's
//   header    [BLOCK_READER_HEADER_SIZE] of the file, which block_reader_knows
//   offset    of the first record
//   snapshot  bytes of a frame that are used; more in a record are passed over
//   return    0 or -ENOMEM
int block_reader_new(struct block_reader **out, int fd, const uint8_t *header, off_t offset, uint32_t snapshot);
// The mbufs attached to its frames are freed. NULL is fine.
void block_reader_free(struct block_reader *reader);

// The next frame; its bytes are there until the next call, or until the last mbuf attached to its block is freed.
//   reason  [BLOCK_READER_REASON_MAX] filled on failure
//   return  1: a frame; 0: the end; -EAGAIN: all blocks are in use; -EIO: the file is cut or damaged here
int block_reader_next(struct block_reader *reader, struct block_reader_frame *frame, char *reason);

// Keep the memory of the last frame for one more mbuf: what rte_pktmbuf_attach_extbuf wants to know.
struct rte_mbuf_ext_shared_info *block_reader_keep(struct block_reader *reader);
