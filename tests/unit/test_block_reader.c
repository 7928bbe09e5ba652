// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Classic pcap files in blocks: every byte order and precision gives what libpcap gives, however the frames lie across
// blocks; memory that mbufs refer to is not written to, and is used again once they are gone.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <rte_byteorder.h>

#include "dataplane/block_reader.h"

enum { MAGIC_US = 0xa1b2c3d4, MAGIC_NS = 0xa1b23c4d, SNAPSHOT = 100000 };

static char path[] = "/tmp/weir-blocks-XXXXXX";

static int make_file(void **state) {
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
	return unlink(path);
}

static void put(FILE *file, uint32_t value, bool swapped) {
	value = swapped ? rte_bswap32(value) : value;
	assert_int_equal(fwrite(&value, sizeof(value), 1, file), 1);
}

static void put_header(FILE *file, uint32_t magic, bool swapped) {
	bool is_big = swapped == (RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN);
	put(file, magic, swapped);
	assert_int_equal(fwrite(is_big ? "\0\2\0\4" : "\2\0\4\0", 4, 1, file), 1);
	put(file, 0, swapped);
	put(file, 0, swapped);
	put(file, SNAPSHOT, swapped);
	put(file, DLT_EN10MB, swapped);
}

static void put_frame(FILE *file, uint32_t number, uint32_t size, bool swapped) {
	static uint8_t data[BLOCK_READER_FRAME_MAX];
	for (uint32_t i = 0; i < size; i++)
		data[i] = (uint8_t)(number + i);
	put(file, 1000 + number, swapped);
	put(file, number, swapped);
	put(file, size, swapped);
	put(file, size + number, swapped);
	assert_int_equal(fwrite(data, 1, size, file), size);
}

static uint32_t frame_size(uint32_t number) {
	if (number % 97 == 5)
		return BLOCK_READER_FRAME_MAX - number;
	return number % 13 == 7 ? 0 : number * 7919 % 3000;
}

static struct block_reader *open_reader(FILE *file) {
	uint8_t header[BLOCK_READER_HEADER_SIZE];
	struct block_reader *reader;
	assert_int_equal(pread(fileno(file), header, sizeof(header), 0), sizeof(header));
	assert_true(block_reader_knows(header));
	assert_int_equal(block_reader_new(&reader, fileno(file), header, BLOCK_READER_HEADER_SIZE, SNAPSHOT), 0);
	return reader;
}

static void assert_as_libpcap(uint32_t magic, bool swapped, uint32_t frames) {
	char reason[PCAP_ERRBUF_SIZE];
	FILE *file = fopen(path, "w+b");
	assert_non_null(file);
	put_header(file, magic, swapped);
	for (uint32_t i = 0; i < frames; i++)
		put_frame(file, i, frame_size(i), swapped);
	fflush(file);
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, reason);
	assert_non_null(pcap);
	struct block_reader *reader = open_reader(file);
	for (uint32_t i = 0; i < frames; i++) {
		struct block_reader_frame frame;
		struct pcap_pkthdr *header;
		const u_char *data;
		assert_int_equal(pcap_next_ex(pcap, &header, &data), 1);
		assert_int_equal(block_reader_next(reader, &frame, reason), 1);
		assert_int_equal(frame.size, header->caplen);
		assert_int_equal(frame.wire_size, header->len);
		assert_int_equal(frame.seconds, header->ts.tv_sec);
		assert_int_equal(frame.fraction_ns, header->ts.tv_usec);
		assert_memory_equal(frame.data, data, frame.size);
	}
	struct block_reader_frame frame;
	assert_int_equal(block_reader_next(reader, &frame, reason), 0);
	block_reader_free(reader);
	pcap_close(pcap);
	fclose(file);
}

static void test_formats(void **state) {
	assert_as_libpcap(MAGIC_US, false, 1000);
	assert_as_libpcap(MAGIC_NS, false, 1000);
	assert_as_libpcap(MAGIC_US, true, 200);
	assert_as_libpcap(MAGIC_NS, true, 200);
	assert_as_libpcap(MAGIC_US, false, 0);
}

static void test_unknown(void **state) {
	static const uint8_t headers[][8] = {
		{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 3, 0}, // an older version
		{0xd4, 0xc3, 0xb2, 0xa1, 0, 2, 0, 4}, // of the other byte order
		{0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0}, // longer records
		{0x0a, 0x0d, 0x0d, 0x0a, 2, 0, 4, 0}, // pcapng
	};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_false(block_reader_knows(headers[i]));
}

static void release(struct rte_mbuf_ext_shared_info *shared) {
	if (rte_mbuf_ext_refcnt_update(shared, -1) == 0)
		shared->free_cb(NULL, shared->fcb_opaque);
}

// Keep every frame until the reader has no block left, then let go of the oldest, as a slow receiver would.
static void test_kept(void **state) {
	enum { FRAMES = 20000, SIZE = 1500 };
	static struct kept {
		const uint8_t *data;
		struct rte_mbuf_ext_shared_info *shared;
	} kept[FRAMES];
	FILE *file = fopen(path, "w+b");
	assert_non_null(file);
	put_header(file, MAGIC_US, false);
	for (uint32_t i = 0; i < FRAMES; i++)
		put_frame(file, i, SIZE, false);
	fflush(file);
	struct block_reader *reader = open_reader(file);
	char reason[BLOCK_READER_REASON_MAX];
	struct block_reader_frame frame;
	uint32_t next = 0, waits = 0;
	for (uint32_t oldest = 0; oldest < FRAMES; oldest++) {
		int ret = 1;
		while (next < FRAMES && (ret = block_reader_next(reader, &frame, reason)) == 1)
			kept[next++] = (struct kept){frame.data, block_reader_keep(reader)};
		waits += ret == -EAGAIN;
		assert_true(ret == 1 || ret == -EAGAIN);
		assert_int_equal(kept[oldest].data[0], (uint8_t)oldest);
		assert_int_equal(kept[oldest].data[SIZE - 1], (uint8_t)(oldest + SIZE - 1));
		release(kept[oldest].shared);
	}
	assert_int_equal(next, FRAMES);
	assert_true(waits > 0);
	assert_int_equal(block_reader_next(reader, &frame, reason), 0);
	block_reader_free(reader);
	fclose(file);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_kept),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
