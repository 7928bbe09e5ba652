// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz the reader of capture files: the input is a file. What capture_next gives must be what libpcap alone gives, up
// to the same end. libpcap reads no compressed files: these are only read to their end.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "dataplane/capture.h"
#include "dataplane/gzip_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds)
		abort();
}

// libpcap extends the 32 bits of seconds with a sign, but only where the file's byte order is the machine's.
static uint64_t timestamp_ns(const struct timeval *time) {
	int64_t seconds = time->tv_sec < 0 && time->tv_sec >= INT32_MIN ? (uint32_t)time->tv_sec : time->tv_sec;
	return seconds < 0 ? 0 : (uint64_t)seconds * 1000000000 + (uint32_t)time->tv_usec;
}

static void compare(struct capture *capture, pcap_t *pcap) {
	char error[CAPTURE_ERROR_MAX];
	for (int ret = 1; ret == 1;) {
		struct capture_frame frame;
		struct pcap_pkthdr *header;
		const u_char *bytes;
		ret = capture_next(capture, &frame, error);
		int expected = pcap_next_ex(pcap, &header, &bytes);
		require(ret == (expected == PCAP_ERROR_BREAK ? 0 : expected == 1 ? 1 : -EIO));
		if (ret != 1)
			break;
		require(frame.size == header->caplen && frame.wire_size == header->len);
		require(memcmp(frame.data, bytes, frame.size) == 0);
		require(header->ts.tv_sec > UINT32_MAX || frame.timestamp_ns == timestamp_ns(&header->ts));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char path[64], error[CAPTURE_ERROR_MAX];
	int fd = memfd_create("capture", MFD_CLOEXEC);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct capture *capture = NULL;
	if (capture_open(&capture, path, error) == 0 && gzip_file_is(fd)) {
		struct capture_frame frame;
		while (capture_next(capture, &frame, error) == 1)
			require(frame.data != NULL || frame.size == 0);
	} else if (capture != NULL) {
		pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
		require(pcap != NULL);
		compare(capture, pcap);
		pcap_close(pcap);
	} else {
		require(strncmp(error, path, strlen(path)) == 0);
	}
	capture_close(capture);
	close(fd);
	return 0;
}
