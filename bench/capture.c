// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Writes a large capture file for bench/run: TCP conversations of made-up frames of 64, 594 and 1514 bytes, 7 : 4 : 1,
// as the simple IMIX has them (362 bytes on average).
//
//   build/bench/capture FILE MEGABYTES FLOWS
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/synthetic.h"

enum { SIZES = 3, FRAMES_PER_ROUND = 1 << 16, GAP_NS = 500 };

static const struct {
	uint32_t size;
	unsigned share;
} mix[SIZES] = {{64, 7}, {594, 4}, {1514, 1}};

struct part {
	struct synthetic settings;
	uint8_t *frames; // [settings.frames][settings.size]
	uint64_t next;
};

static int part_init(struct part *part, unsigned index, uint64_t flows) {
	part->settings = (struct synthetic){
		.flows = flows * mix[index].share / 12 + 1,
		.frames = (uint64_t)FRAMES_PER_ROUND * mix[index].share,
		.seed = index + 1,
		.size = mix[index].size,
		.protocols = SYNTHETIC_TCP,
	};
	struct synthetic_talk *talks = calloc(part->settings.flows, sizeof(*talks));
	part->frames = malloc(part->settings.frames * part->settings.size);
	if (talks == NULL || part->frames == NULL) {
		free(talks);
		return -ENOMEM;
	}
	int error = synthetic_talk_init(&part->settings, talks);
	for (uint64_t i = 0; error == 0 && i < part->settings.frames; i++) {
		uint8_t *frame = part->frames + i * part->settings.size;
		synthetic_frame(&part->settings, i, frame);
		synthetic_number(&part->settings, i, talks, frame);
	}
	free(talks);
	return error;
}

// The part's next frame; from the second round on, the answer to what it was.
static const uint8_t *next_frame(struct part *part) {
	uint8_t *frame = part->frames + part->next % part->settings.frames * part->settings.size;
	if (part->next++ >= part->settings.frames)
		synthetic_answer(frame);
	return frame;
}

static uint64_t write_frames(pcap_dumper_t *out, struct part parts[SIZES], uint64_t bytes_max) {
	uint64_t bytes = 0, packets = 0;
	while (bytes < bytes_max) {
		for (unsigned i = 0; i < SIZES; i++) {
			for (unsigned n = 0; n < mix[i].share; n++, packets++) {
				uint64_t ns = packets * GAP_NS;
				struct pcap_pkthdr header = {.caplen = mix[i].size, .len = mix[i].size};
				header.ts.tv_sec = 1767225600 + (time_t)(ns / 1000000000);
				header.ts.tv_usec = (suseconds_t)(ns % 1000000000); // nanoseconds, as the file says
				pcap_dump((unsigned char *)out, &header, next_frame(&parts[i]));
				bytes += mix[i].size + 16;
			}
		}
	}
	return packets;
}

int main(int argc, char **argv) {
	struct part parts[SIZES] = {0};
	int error = 0;
	if (argc != 4) {
		fprintf(stderr, "usage: capture FILE MEGABYTES FLOWS\n");
		return 2;
	}
	pcap_t *pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO);
	pcap_dumper_t *out = pcap != NULL ? pcap_dump_open(pcap, argv[1]) : NULL;
	for (unsigned i = 0; i < SIZES && error == 0; i++)
		error = part_init(&parts[i], i, strtoull(argv[3], NULL, 10));
	if (out == NULL || error != 0) {
		fprintf(stderr, "capture: %s: %s\n", argv[1],
			error != 0     ? "no memory"
			: pcap != NULL ? pcap_geterr(pcap)
				       : "no memory");
		return 1;
	}
	uint64_t packets = write_frames(out, parts, strtoull(argv[2], NULL, 10) * 1000000);
	error = pcap_dump_flush(out);
	pcap_dump_close(out);
	pcap_close(pcap);
	for (unsigned i = 0; i < SIZES; i++)
		free(parts[i].frames);
	printf("{\"packets\": %llu}\n", (unsigned long long)packets);
	return error != 0;
}
