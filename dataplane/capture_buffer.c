// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/capture_buffer.h"

#include <stdio.h>

#include <pcap/pcap.h>

static int buffer_bytes = 64 << 20;

void capture_buffer_set(uint64_t size_bytes) {
	buffer_bytes = (int)size_bytes;
}

static int activate(pcap_t *capture, int snapshot_length, int is_promiscuous, int block_ms) {
	int ret = pcap_set_snaplen(capture, snapshot_length);
	if (!ret)
		ret = pcap_set_promisc(capture, is_promiscuous);
	if (!ret)
		ret = pcap_set_timeout(capture, block_ms);
	if (!ret)
		ret = pcap_set_buffer_size(capture, buffer_bytes);
	return ret ? ret : pcap_activate(capture);
}

pcap_t *pcap_open_live(const char *device, int snapshot_length, int is_promiscuous, int timeout_ms, char *error) {
	pcap_t *capture = pcap_create(device, error);
	if (!capture)
		return NULL;
	int ret = activate(capture, snapshot_length, is_promiscuous, timeout_ms > 0 ? timeout_ms : CAPTURE_BLOCK_MS);
	if (ret >= 0) // above 0: a warning
		return capture;
	snprintf(error, PCAP_ERRBUF_SIZE, "%s: %s", device,
		ret == PCAP_ERROR ? pcap_geterr(capture) : pcap_statustostr(ret));
	pcap_close(capture);
	return NULL;
}
