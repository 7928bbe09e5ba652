// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/packet_filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bpf.h>
#include <rte_errno.h>

enum { SNAPLEN = 262144 };

// One compiled program.
struct program {
	struct bpf_program classic;         // a pcap expression; without instructions nothing matches
	struct rte_bpf *bpf;                // an object
	uint64_t (*function)(void *packet); // its machine code; NULL: interpreted
};

struct packet_filter {
	struct program programs[PACKET_LINKS]; // by link type; an object's is the first
	unsigned frame_bytes;                  // of an object: what it may read; 0: a pcap expression
	uint8_t frame[PACKET_FILTER_BYTES_MAX];
};

static const int link_types[PACKET_LINKS] = {
	[PACKET_LINK_ETHERNET] = DLT_EN10MB,
	[PACKET_LINK_RAW] = DLT_RAW,
	[PACKET_LINK_NULL] = DLT_NULL,
	[PACKET_LINK_SLL] = DLT_LINUX_SLL,
	[PACKET_LINK_SLL2] = DLT_LINUX_SLL2,
	[PACKET_LINK_PPP] = DLT_PPP,
	[PACKET_LINK_PPPOE] = DLT_PPP_ETHER,
	[PACKET_LINK_HDLC] = DLT_C_HDLC,
};

// Compile for one link type.
//   return  0 or -EINVAL with the error filled
static int compile(const char *expression, unsigned link, struct bpf_program *classic, char *error) {
	pcap_t *pcap = pcap_open_dead(link_types[link], SNAPLEN);
	int ret = pcap != NULL ? 0 : -ENOMEM;
	if (ret == 0 && pcap_compile(pcap, classic, expression, 1, PCAP_NETMASK_UNKNOWN) != 0)
		ret = -EINVAL;
	if (ret != 0)
		snprintf(error, PACKET_FILTER_ERROR_MAX, "%s; expected an expression such as tcp port 80",
			pcap != NULL ? pcap_geterr(pcap) : "out of memory");
	if (pcap != NULL)
		pcap_close(pcap);
	return ret;
}

// Of a text that is an expression for any link type: the error of the first.
int packet_filter_check(const char *expression, char *error) {
	char other[PACKET_FILTER_ERROR_MAX];
	struct bpf_program classic;
	int ret = -EINVAL;
	for (unsigned link = 0; ret != 0 && link < PACKET_LINKS; link++) {
		ret = compile(expression, link, &classic, link == 0 ? error : other);
		if (ret == 0)
			pcap_freecode(&classic);
	}
	return ret;
}

static void find_machine_code(struct program *program) {
	struct rte_bpf_jit jit = {.func = NULL};
	if (rte_bpf_get_jit(program->bpf, &jit) == 0)
		program->function = jit.func;
}

static int make(struct packet_filter **out, char *error) {
	*out = calloc(1, sizeof(**out));
	if (*out != NULL)
		return 0;
	snprintf(error, PACKET_FILTER_ERROR_MAX, "out of memory");
	return -ENOMEM;
}

int packet_filter_pcap(struct packet_filter **out, const char *expression, char *error) {
	struct packet_filter *filter;
	char unfit[PACKET_FILTER_ERROR_MAX];
	int ret = packet_filter_check(expression, error);
	if (ret == 0)
		ret = make(&filter, error);
	if (ret != 0)
		return ret;
	for (unsigned link = 0; link < PACKET_LINKS; link++)
		if (compile(expression, link, &filter->programs[link].classic, unfit) != 0)
			filter->programs[link].classic = (struct bpf_program){0};
	*out = filter;
	return 0;
}

int packet_filter_object(
	struct packet_filter **out, const char *path, const char *section, unsigned bytes, char *error) {
	const struct rte_bpf_prm parameters = {.prog_arg = {.type = RTE_BPF_ARG_PTR, .size = bytes}};
	struct packet_filter *filter;
	int ret = make(&filter, error);
	if (ret != 0)
		return ret;
	filter->frame_bytes = bytes;
	filter->programs[0].bpf = rte_bpf_elf_load(&parameters, path, section);
	if (filter->programs[0].bpf == NULL) {
		snprintf(error, PACKET_FILTER_ERROR_MAX,
			"%s: section %s: %s; expected eBPF without maps, loops and calls, that reads %u bytes at most",
			path, section, strerror(rte_errno), bytes);
		packet_filter_free(filter);
		return -EINVAL;
	}
	find_machine_code(&filter->programs[0]);
	*out = filter;
	return 0;
}

void packet_filter_free(struct packet_filter *filter) {
	for (unsigned link = 0; filter != NULL && link < PACKET_LINKS; link++) {
		rte_bpf_destroy(filter->programs[link].bpf);
		pcap_freecode(&filter->programs[link].classic);
	}
	free(filter);
}

// libpcap's own machine: what rte_bpf_convert of DPDK 22.11 makes of `tcp[tcpflags] & tcp-syn != 0` does not match, and
// its machine code crashes.
static inline bool is_match(const struct program *program, struct rte_mbuf *tuple) {
	return program->classic.bf_insns != NULL &&
	       bpf_filter(program->classic.bf_insns, rte_pktmbuf_mtod(tuple, const u_char *),
		       rte_pktmbuf_pkt_len(tuple), rte_pktmbuf_data_len(tuple)) != 0;
}

static inline bool is_object_match(const struct program *program, void *frame) {
	return program->function != NULL ? program->function(frame) != 0 : rte_bpf_exec(program->bpf, frame) != 0;
}

// What an object is given: the frame where it lies, or a copy with zeros behind it.
static void *readable_frame(struct packet_filter *filter, struct rte_mbuf *tuple) {
	if (rte_pktmbuf_data_len(tuple) >= filter->frame_bytes)
		return rte_pktmbuf_mtod(tuple, void *);
	uint32_t size = RTE_MIN(rte_pktmbuf_pkt_len(tuple), filter->frame_bytes);
	const void *frame = rte_pktmbuf_read(tuple, 0, size, filter->frame);
	if (frame != filter->frame)
		memcpy(filter->frame, frame, size);
	memset(filter->frame + size, 0, filter->frame_bytes - size);
	return filter->frame;
}

uint64_t packet_filter_select(struct packet_filter *filter, const struct batch *batch) {
	uint64_t chosen = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		struct rte_mbuf *tuple = batch->tuples[i];
		bool matches = filter->frame_bytes > 0
				       ? is_object_match(&filter->programs[0], readable_frame(filter, tuple))
				       : is_match(&filter->programs[tuple_link(tuple)], tuple);
		chosen |= (uint64_t)matches << i;
	}
	return chosen;
}
