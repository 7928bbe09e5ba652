// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Capture files: good ones of every time precision, and bad ones of every kind, each with a message that says what is
// wrong.
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "dataplane/capture.h"

enum { MAGIC_US = 0xa1b2c3d4, MAGIC_NS = 0xa1b23c4d };

static char path[] = "/tmp/weir-capture-XXXXXX";
static char error[CAPTURE_ERROR_MAX];

static int make_file(void **state) {
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
	return unlink(path);
}

static void write_file(const void *data, size_t size) {
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

// One packet of four bytes at 3.000000007 s (or µs), cut off at `size` bytes.
static void write_capture(uint32_t magic, uint32_t dlt, size_t size) {
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, dlt;
		uint32_t seconds, fraction, captured, wire;
		uint8_t data[4];
	} file = {magic, 2, 4, 0, 0, 65535, dlt, 3, 7, 4, 1500, {1, 2, 3, 4}};
	assert_int_equal(sizeof(file), 44);
	write_file(&file, size);
}

static void assert_read(uint64_t timestamp_ns) {
	struct capture *capture;
	struct capture_frame frame;
	assert_int_equal(capture_open(&capture, path, error), 0);
	assert_int_equal(capture_link(capture), PACKET_LINK_ETHERNET);
	assert_int_equal(capture_next(capture, &frame, error), 1);
	assert_int_equal(frame.timestamp_ns, timestamp_ns);
	assert_int_equal(frame.size, 4);
	assert_int_equal(frame.wire_size, 1500);
	assert_memory_equal(frame.data, "\1\2\3\4", 4);
	assert_int_equal(capture_next(capture, &frame, error), 0);
	capture_close(capture);
}

static void test_good(void **state) {
	write_capture(MAGIC_NS, DLT_EN10MB, 44);
	assert_read(3000000007);
	write_capture(MAGIC_US, DLT_EN10MB, 44);
	assert_read(3000007000);
}

static void assert_refused(int expected, const char *reason) {
	struct capture *capture;
	error[0] = '\0';
	assert_int_equal(capture_open(&capture, path, error), expected);
	assert_ptr_equal(strstr(error, path), error); // begins with the file's name
	if (!strstr(error, reason))
		fail_msg("\"%s\" does not say \"%s\"", error, reason);
}

static void test_bad(void **state) {
	write_file("", 0);
	assert_refused(-EINVAL, "the file is empty");
	write_file("GIF89a, and then some more text", 31);
	assert_refused(-EINVAL, "unknown file format: expected a pcap or pcapng capture");
	write_capture(MAGIC_US, DLT_EN10MB, 20);
	assert_refused(-EINVAL, "truncated");
	write_capture(MAGIC_US, DLT_EN10MB, 3);
	assert_refused(-EINVAL, "truncated");
	write_capture(MAGIC_US, DLT_IEEE802_11, 44);
	assert_refused(-EINVAL, "link type IEEE802_11: expected EN10MB, RAW,");
	write_capture(MAGIC_US, 250, 44);
	assert_refused(-EINVAL, "link type");
}

static void test_missing(void **state) {
	struct capture *capture;
	assert_int_equal(capture_open(&capture, "/nonexistent/x.pcap", error), -ENOENT);
	assert_string_equal(error, "/nonexistent/x.pcap: No such file or directory");
	assert_int_equal(capture_open(&capture, "/tmp", error), -EINVAL);
	assert_non_null(strstr(error, "Is a directory"));
}

static void assert_cut(uint32_t expected_frames) {
	struct capture *capture;
	struct capture_frame frame;
	char expected[32];
	assert_int_equal(capture_open(&capture, path, error), 0);
	for (uint32_t i = 0; i < expected_frames; i++)
		assert_int_equal(capture_next(capture, &frame, error), 1);
	assert_int_equal(capture_next(capture, &frame, error), -EIO);
	assert_ptr_equal(strstr(error, path), error);
	snprintf(expected, sizeof(expected), "after %u whole packets", expected_frames);
	assert_non_null(strstr(error, expected));
	capture_close(capture);
}

static void test_cut(void **state) {
	for (size_t size = 25; size < 44; size++) {
		write_capture(MAGIC_US, DLT_EN10MB, size);
		assert_cut(0);
	}
}

static void test_links(void **state) {
	static const struct {
		int dlt;
		enum packet_link link;
	} known[] = {
		{DLT_EN10MB, PACKET_LINK_ETHERNET},
		{DLT_RAW, PACKET_LINK_RAW},
		{DLT_IPV4, PACKET_LINK_RAW},
		{DLT_IPV6, PACKET_LINK_RAW},
		{DLT_NULL, PACKET_LINK_NULL},
		{DLT_LOOP, PACKET_LINK_NULL},
		{DLT_LINUX_SLL, PACKET_LINK_SLL},
		{DLT_LINUX_SLL2, PACKET_LINK_SLL2},
		{DLT_PPP, PACKET_LINK_PPP},
		{DLT_PPP_SERIAL, PACKET_LINK_HDLC},
		{DLT_C_HDLC, PACKET_LINK_HDLC},
		{DLT_PPP_ETHER, PACKET_LINK_PPPOE},
	};
	unsigned accepted = 0;
	for (int dlt = -1; dlt < 1000; dlt++) {
		enum packet_link link;
		accepted += capture_link_from_dlt(dlt, &link) == 0;
	}
	assert_int_equal(accepted, sizeof(known) / sizeof(known[0]));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		enum packet_link link;
		assert_int_equal(capture_link_from_dlt(known[i].dlt, &link), 0);
		assert_int_equal(link, known[i].link);
	}
}

// With the end of the program asked for, which is held back while captures are opened.
static void test_fifo_without_writer(void **state) {
	struct capture *capture;
	sigset_t term, before;
	int taken;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
	raise(SIGTERM);
	int ret = capture_open(&capture, path, error);
	assert_int_equal(sigwait(&term, &taken), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(ret, -EINTR);
	assert_non_null(strstr(error, "stopped before a capture came"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_fifo_without_writer),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
