// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Classic pcap files in blocks (block_reader.h).
//
//   block   | rest of a record begun in the block before | records … | first part of a record |
//
// While a block is the current one, its reference count is so high that no mbuf's end can be the last. Its frames are
// counted here, without atomics; what remains of the count is taken off once, when the block is done with.
#include "dataplane/block_reader.h"

#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_byteorder.h>

#include "dataplane/huge_memory.h"

enum {
	RECORD_HEADER_SIZE = 16,
	BLOCK_SIZE = 320 << 10, // a record of the greatest size fits
	READ_SIZE = 64 << 10,   // at once: what is parsed next lies in the cache
	BLOCKS = 48,
	REFERENCES = INT16_MAX, // of the current block
	MAGIC_US = 0xa1b2c3d4,
	MAGIC_NS = 0xa1b23c4d,
};
_Static_assert(BLOCK_SIZE >= RECORD_HEADER_SIZE + BLOCK_READER_FRAME_MAX, "a block holds any record");
_Static_assert(BLOCK_SIZE / (RECORD_HEADER_SIZE + 1) < REFERENCES, "a block has fewer frames than references");

struct block {
	struct rte_mbuf_ext_shared_info shared; // counts the mbufs attached to it
	bool is_free;
} __rte_cache_aligned;

struct block_reader {
	int fd;
	off_t offset; // in the file, of what is read next
	bool is_swapped, is_ns, is_at_end;
	uint32_t snapshot;
	unsigned current; // index of the block in hand
	uint16_t kept;    // mbufs attached to it so far
	uint8_t *data;    // of the block in hand
	size_t at, size;  // in it: the next record, the end of what was read
	uint8_t *memory;  // [BLOCKS][BLOCK_SIZE]
	struct block blocks[BLOCKS];
};

static uint32_t read_u32(const uint8_t *at, bool is_swapped) {
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return is_swapped ? rte_bswap32(value) : value;
}

static bool is_magic(uint32_t value) {
	return value == MAGIC_US || value == MAGIC_NS;
}

// Version 2.4 alone: the fields of older records stand in other orders.
bool block_reader_knows(const uint8_t *header) {
	uint32_t version = read_u32(header + 4, false);
	if (is_magic(read_u32(header, false)))
		return version == (RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? 0x00040002 : 0x00020004);
	return is_magic(read_u32(header, true)) &&
	       version == (RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? 0x04000200 : 0x02000400);
}

// The last mbuf of a block was freed.
//   thread  any
static void leave_block(void *data, void *opaque) {
	struct block *block = opaque;
	__atomic_store_n(&block->is_free, true, __ATOMIC_RELEASE);
}

static void take_block(struct block_reader *reader, unsigned index) {
	struct block *block = &reader->blocks[index];
	block->is_free = false;
	rte_mbuf_ext_refcnt_set(&block->shared, REFERENCES);
	reader->current = index;
	reader->kept = 0;
	reader->data = reader->memory + (size_t)index * BLOCK_SIZE;
}

int block_reader_new(struct block_reader **out, int fd, const uint8_t *header, off_t offset, uint32_t snapshot) {
	struct block_reader *reader = aligned_alloc(alignof(struct block_reader), sizeof(*reader));
	if (reader == NULL)
		return -ENOMEM;
	uint32_t magic = read_u32(header, false);
	*reader = (struct block_reader){
		.fd = fd,
		.offset = offset,
		.is_swapped = !is_magic(magic),
		.snapshot = snapshot,
		.memory = huge_memory_new_unsaved((size_t)BLOCKS * BLOCK_SIZE),
	};
	reader->is_ns = read_u32(header, reader->is_swapped) == MAGIC_NS;
	if (reader->memory == NULL) {
		free(reader);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		reader->blocks[i] = (struct block){
			.shared = {.free_cb = leave_block, .fcb_opaque = &reader->blocks[i]},
			.is_free = true,
		};
	take_block(reader, 0);
	*out = reader;
	return 0;
}

void block_reader_free(struct block_reader *reader) {
	if (reader == NULL)
		return;
	huge_memory_free(reader->memory, (size_t)BLOCKS * BLOCK_SIZE);
	free(reader);
}

struct rte_mbuf_ext_shared_info *block_reader_keep(struct block_reader *reader) {
	reader->kept++;
	return &reader->blocks[reader->current].shared;
}

// Go on in a free block, with the bytes of the record that this one has. The first free one: with little on its way
// the same few blocks are used again, while they are in the cache.
static int change_block(struct block_reader *reader) {
	unsigned next = 0;
	while (next < BLOCKS && !__atomic_load_n(&reader->blocks[next].is_free, __ATOMIC_ACQUIRE))
		next++;
	if (next == BLOCKS)
		return -EAGAIN;
	struct block *block = &reader->blocks[reader->current];
	const uint8_t *rest = reader->data + reader->at;
	int16_t unused = (int16_t)(REFERENCES - reader->kept);
	reader->size -= reader->at;
	reader->at = 0;
	take_block(reader, next);
	memcpy(reader->data, rest, reader->size);
	if (rte_mbuf_ext_refcnt_update(&block->shared, (int16_t)-unused) == 0)
		leave_block(NULL, block);
	return 0;
}

// Have `wanted` bytes from the next record on in the block.
//   return  1; 0: the file ends before; -EAGAIN; -EIO
static int fill(struct block_reader *reader, size_t wanted, char *reason) {
	while (reader->size - reader->at < wanted) {
		if (reader->is_at_end)
			return 0;
		if (reader->at + wanted > BLOCK_SIZE) {
			int ret = change_block(reader);
			if (ret < 0)
				return ret;
			continue;
		}
		size_t room = RTE_MIN(BLOCK_SIZE - reader->size, (size_t)READ_SIZE);
		ssize_t got = pread(reader->fd, reader->data + reader->size, room, reader->offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			snprintf(reason, BLOCK_READER_REASON_MAX, "error reading dump file: %s", strerror(errno));
			return -EIO;
		}
		reader->is_at_end = got == 0;
		reader->size += (size_t)got;
		reader->offset += got;
	}
	return 1;
}

// The same, where it mostly is so already.
static inline int have(struct block_reader *reader, size_t wanted, char *reason) {
	return __builtin_expect(reader->size - reader->at >= wanted, 1) ? 1 : fill(reader, wanted, reason);
}

static int fail_cut(const struct block_reader *reader, size_t wanted, const char *what, char *reason) {
	snprintf(reason, BLOCK_READER_REASON_MAX, "truncated dump file; tried to read %zu %s bytes, only got %zu",
		wanted, what, reader->size - reader->at);
	return -EIO;
}

int block_reader_next(struct block_reader *reader, struct block_reader_frame *frame, char *reason) {
	int ret = have(reader, RECORD_HEADER_SIZE, reason);
	if (ret < 0)
		return ret;
	if (ret == 0)
		return reader->size == reader->at ? 0 : fail_cut(reader, RECORD_HEADER_SIZE, "header", reason);
	uint32_t captured = read_u32(reader->data + reader->at + 8, reader->is_swapped);
	if (captured > BLOCK_READER_FRAME_MAX) {
		snprintf(reason, BLOCK_READER_REASON_MAX, "invalid packet capture length %u, bigger than maximum of %u",
			captured, BLOCK_READER_FRAME_MAX);
		return -EIO;
	}
	ret = have(reader, RECORD_HEADER_SIZE + captured, reason);
	if (ret < 0)
		return ret;
	if (ret == 0) {
		reader->at += RECORD_HEADER_SIZE;
		return fail_cut(reader, captured, "captured", reason);
	}
	const uint8_t *record = reader->data + reader->at;
	reader->at += RECORD_HEADER_SIZE + captured;
	*frame = (struct block_reader_frame){
		.data = record + RECORD_HEADER_SIZE,
		.size = RTE_MIN(captured, reader->snapshot),
		.wire_size = read_u32(record + 12, reader->is_swapped),
		.seconds = (int32_t)read_u32(record, reader->is_swapped),
		.fraction_ns = (int64_t)(int32_t)read_u32(record + 4, reader->is_swapped) * (reader->is_ns ? 1 : 1000),
	};
	return 1;
}
