// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Programs that choose packets by their bytes: pcap expressions (pcap-filter(7)) and eBPF objects of the user. The
// latter run as machine code where DPDK has a compiler for the processor.
//
// A pcap expression is compiled for each link type, since offsets differ. Where an expression makes no sense for one
// (`ether host` without Ethernet), packets of that type never match.
#pragma once

#include "dataplane/tuple.h"

struct packet_filter;

enum { PACKET_FILTER_ERROR_MAX = 400 };

// Whether a text is a pcap expression, without making a program of it. Needs no EAL.
//   error   [PACKET_FILTER_ERROR_MAX] filled on failure
//   return  0 or -EINVAL
int packet_filter_check(const char *expression, char *error);

// Make a program; after the EAL's start.
//   return  0, -EINVAL or -ENOMEM with the error filled
int packet_filter_pcap(struct packet_filter **out, const char *expression, char *error);

// Load a section of an eBPF object: a function of one pointer to the first `bytes` bytes of a frame, all that it may
// read; those that a shorter frame has not are zero. It matches where the function does not return 0.
//   bytes   1..PACKET_FILTER_BYTES_MAX
enum { PACKET_FILTER_BYTES_MAX = 2048 };
int packet_filter_object(
	struct packet_filter **out, const char *path, const char *section, unsigned bytes, char *error);

void packet_filter_free(struct packet_filter *filter); // NULL is fine

//   return  bit i is set where tuple i of the batch, packets all, matches
//   thread  one at a time
uint64_t packet_filter_select(struct packet_filter *filter, const struct batch *batch);
