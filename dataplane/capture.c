// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Capture files over libpcap (capture.h): opening with messages that name the file and what is wrong with it.
#include "dataplane/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "dataplane/block_reader.h"
#include "dataplane/gzip_file.h"

struct capture {
	pcap_t *pcap;
	struct block_reader *blocks; // NULL: libpcap reads the frames
	enum packet_link link;
	uint64_t frames; // read so far
	int pipe_fd;     // -1: a file, which is always ready
	char name[256];  // for messages
};

int capture_link_from_dlt(int dlt, enum packet_link *link) {
	static const struct {
		int dlt;
		enum packet_link link;
	} links[] = {
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
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].dlt == dlt) {
			*link = links[i].link;
			return 0;
		}
	}
	return -EINVAL;
}

// libpcap's word for an empty file is "truncated dump file; tried to read 4 file header bytes, only got 0".
static void explain_open_failure(FILE *file, const char *name, const char *reason, char *error) {
	struct stat status;
	if (!fstat(fileno(file), &status) && S_ISREG(status.st_mode) && status.st_size == 0)
		snprintf(error, CAPTURE_ERROR_MAX, "%s: the file is empty: expected a pcap or pcapng capture", name);
	else
		snprintf(error, CAPTURE_ERROR_MAX, "%s: %s: expected a pcap or pcapng capture", name, reason);
}

static int check_link(struct capture *capture, char *error) {
	int dlt = pcap_datalink(capture->pcap);
	if (!capture_link_from_dlt(dlt, &capture->link))
		return 0;
	const char *dlt_name = pcap_datalink_val_to_name(dlt);
	char number[24];
	snprintf(number, sizeof(number), "%d", dlt);
	snprintf(error, CAPTURE_ERROR_MAX, "%s: link type %s: expected " CAPTURE_LINKS_EXPECTED, capture->name,
		dlt_name ? dlt_name : number);
	return -EINVAL;
}

static bool is_readable(int fd, int timeout_ms) {
	struct pollfd event = {.fd = fd, .events = POLLIN};
	return poll(&event, 1, timeout_ms) > 0;
}

// Non-blocking only while opening: a FIFO that nobody writes to yet is waited for where a signal can end it.
static FILE *open_path(const char *path) {
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	bool is_blocking = fcntl(fd, F_SETFL, O_RDONLY) == 0;
	if (is_blocking && gzip_file_is(fd))
		return gzip_file_open(fd);
	FILE *file = is_blocking ? fdopen(fd, "rb") : NULL;
	if (!file)
		close(fd);
	return file;
}

// Wait for a pipe's first bytes. The thread that opens captures has the signals blocked that end the program, and would
// not notice them while it reads.
static int wait_for_pipe(struct capture *capture, FILE *file, char *error) {
	struct stat status;
	sigset_t pending;
	if (fstat(fileno(file), &status) || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
		return 0;
	// What stdio had read ahead, poll would not see.
	if (setvbuf(file, NULL, _IONBF, 0))
		return 0;
	capture->pipe_fd = fileno(file);
	while (!is_readable(capture->pipe_fd, 100)) {
		bool is_told =
			!sigpending(&pending) && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
							 sigismember(&pending, SIGHUP));
		if (is_told) {
			snprintf(error, CAPTURE_ERROR_MAX, "%s: stopped before a capture came", capture->name);
			return -EINTR;
		}
	}
	return 0;
}

// A regular file of the common format is read faster than libpcap does.
static int choose_reader(struct capture *capture) {
	FILE *file = pcap_file(capture->pcap);
	struct stat status;
	uint8_t header[BLOCK_READER_HEADER_SIZE];
	off_t start = ftello(file) - BLOCK_READER_HEADER_SIZE;
	if (fstat(fileno(file), &status) || !S_ISREG(status.st_mode) || start < 0)
		return 0;
	if (pread(fileno(file), header, sizeof(header), start) != sizeof(header) || !block_reader_knows(header))
		return 0;
	return block_reader_new(&capture->blocks, fileno(file), header, start + BLOCK_READER_HEADER_SIZE,
		(uint32_t)pcap_snapshot(capture->pcap));
}

int capture_open(struct capture **out, const char *path, char *error) {
	bool is_stdin = !strcmp(path, "-");
	char reason[PCAP_ERRBUF_SIZE];
	FILE *file = NULL;
	int ret = -ENOMEM;

	struct capture *capture = calloc(1, sizeof(*capture));
	if (!capture)
		goto err;
	capture->pipe_fd = -1;
	snprintf(capture->name, sizeof(capture->name), "%s", is_stdin ? "standard input" : path);
	file = is_stdin ? stdin : open_path(path);
	if (!file) {
		ret = -errno;
		snprintf(error, CAPTURE_ERROR_MAX, "%s: %s", capture->name, strerror(errno));
		goto err;
	}
	ret = wait_for_pipe(capture, file, error);
	if (ret)
		goto err;
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!capture->pcap) {
		explain_open_failure(file, capture->name, reason, error);
		ret = -EINVAL;
		goto err;
	}
	file = NULL; // pcap_close closes it
	ret = check_link(capture, error);
	if (!ret)
		ret = choose_reader(capture);
	if (ret)
		goto err;
	*out = capture;
	return 0;

err:
	if (ret == -ENOMEM)
		snprintf(error, CAPTURE_ERROR_MAX, "%s: out of memory", path);
	if (file && !is_stdin)
		fclose(file);
	capture_close(capture);
	return ret;
}

void capture_close(struct capture *capture) {
	if (!capture)
		return;
	block_reader_free(capture->blocks);
	if (capture->pcap)
		pcap_close(capture->pcap);
	free(capture);
}

enum packet_link capture_link(const struct capture *capture) {
	return capture->link;
}

bool capture_is_ready(const struct capture *capture) {
	return capture->pipe_fd < 0 || is_readable(capture->pipe_fd, 0);
}

// Seconds may be anything in a damaged file. Classic files have 32 bits of them without a sign, up to the year 2106;
// libpcap gives them one, but not where the file's byte order is the other.
static uint64_t timestamp_ns(int64_t seconds, int64_t fraction_ns) {
	if (seconds < 0 && seconds >= INT32_MIN)
		seconds = (uint32_t)seconds;
	if (seconds < 0)
		return 0;
	if (seconds >= INT64_MAX / 1000000000)
		return INT64_MAX;
	return (uint64_t)seconds * 1000000000 + (uint32_t)fraction_ns;
}

static int fail(const struct capture *capture, const char *reason, char *error) {
	snprintf(error, CAPTURE_ERROR_MAX, "%s: %s after %llu whole packets", capture->name, reason,
		(unsigned long long)capture->frames);
	return -EIO;
}

static int next_of_block(struct capture *capture, struct capture_frame *frame, char *error) {
	struct block_reader_frame read;
	char reason[BLOCK_READER_REASON_MAX];
	int ret = block_reader_next(capture->blocks, &read, reason);
	if (ret == -EIO)
		return fail(capture, reason, error);
	if (ret != 1)
		return ret;
	capture->frames++;
	*frame = (struct capture_frame){
		.data = read.data,
		.size = read.size,
		.wire_size = read.wire_size,
		.timestamp_ns = timestamp_ns(read.seconds, read.fraction_ns),
		.can_be_kept = true,
	};
	return 1;
}

int capture_next(struct capture *capture, struct capture_frame *frame, char *error) {
	if (capture->blocks)
		return next_of_block(capture, frame, error);
	struct pcap_pkthdr *header;
	const u_char *data;
	int ret = pcap_next_ex(capture->pcap, &header, &data);
	if (ret == PCAP_ERROR_BREAK)
		return 0;
	if (ret != 1)
		return fail(capture, pcap_geterr(capture->pcap), error);
	capture->frames++;
	*frame = (struct capture_frame){
		.data = data,
		.size = header->caplen,
		.wire_size = header->len,
		.timestamp_ns = timestamp_ns(header->ts.tv_sec, header->ts.tv_usec),
	};
	return 1;
}

struct rte_mbuf_ext_shared_info *capture_keep(struct capture *capture) {
	return block_reader_keep(capture->blocks);
}
