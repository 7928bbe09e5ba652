// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Capture files: pcap and pcapng of every time precision, read frame by frame. libpcap opens them all and reads what
// block_reader.h does not. No EAL: sources put the frames into mbufs themselves.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/packet.h"

struct capture;
struct rte_mbuf_ext_shared_info;

struct capture_frame {
	const uint8_t *data;   // [size], valid until the next call, or until what it was kept for is over
	uint32_t size;         // bytes captured; may be 0
	uint32_t wire_size;    // bytes that the frame had on the wire
	uint64_t timestamp_ns; // since the epoch
	bool can_be_kept;      // where it lies: capture_keep
};

enum { CAPTURE_ERROR_MAX = 640 };

// Open a file, or standard input where path is "-", and read its header. Of a pipe the header is waited for, until
// SIGINT, SIGTERM or SIGHUP is pending.
//   error   [CAPTURE_ERROR_MAX] filled on failure: `x.pcap: No such file or directory`
//   return  0; -EINVAL: not a capture, cut inside its header, or of a link type that weir does not read; another
//           negative errno: it can't be opened, or the wait ended
int capture_open(struct capture **out, const char *path, char *error);
void capture_close(struct capture *capture); // NULL is fine

enum packet_link capture_link(const struct capture *capture);

// Whether there is something to read, or the end: always of a file, of a pipe when its writer has written. A frame that
// the writer has only begun is waited for.
bool capture_is_ready(const struct capture *capture);

// Read the next frame.
//   error   [CAPTURE_ERROR_MAX] filled on failure
//   return  1: a frame; 0: the end; -EAGAIN: not before mbufs are freed (capture_keep); -EIO: the file is cut or
//           damaged here, and nothing after this point can be read
int capture_next(struct capture *capture, struct capture_frame *frame, char *error);

// Keep the memory of the last frame, which can be kept, until one more mbuf is freed: the one that the caller attaches
// to it (frame_attach). All of them are freed before capture_close.
struct rte_mbuf_ext_shared_info *capture_keep(struct capture *capture);

// The parser's link type for a DLT_ of libpcap.
//   return  0, or -EINVAL: not one that weir reads
int capture_link_from_dlt(int dlt, enum packet_link *link);
// The link types that capture_link_from_dlt takes, in words.
#define CAPTURE_LINKS_EXPECTED                                                                                         \
	"EN10MB, RAW, IPV4, IPV6, NULL, LOOP, LINUX_SLL, LINUX_SLL2, PPP, PPP_SERIAL, C_HDLC or PPP_ETHER"
