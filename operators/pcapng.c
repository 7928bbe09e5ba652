// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// pcapng: a sink that writes packets to a capture file, with times in nanoseconds.
//
//   in       packets
//   out      a pcapng file: one section, an interface for each link type, enhanced packet blocks
//   drops    queue_full: no place in the queue; write_error: the file could not be written; unsent: still queued when
//            the node had to end
//   options  path, snap_length, rotate_size, rotate_interval and those of the queue
//   state    a queue of frames and the open file (line_sink.h); one instance
//   source   draft-ietf-opsawg-pcapng (section 4: blocks; 3.5: options), the registry of link types at tcpdump.org
//
// rte_pcapng writes Ethernet ports alone. The file begins with all interfaces that packets may have: it is complete at
// each packet, whatever comes later.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/line_sink.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	END_OF_OPTIONS = 0,
	INTERFACE_NAME = 2,
	USER_APPLICATION = 4,
	TIME_RESOLUTION = 9,
	NANOSECONDS = 9, // 10 to the power of -9
	HEADER_MAX = 1024,
	PACKET_BLOCK_AROUND = 32, // bytes of a packet's block besides the frame
};

struct pcapng_options {
	struct line_sink_options lines;
	uint64_t snap_length;
};

// A frame in the queue.
struct queued_frame {
	uint64_t timestamp_ns;
	uint32_t captured, length, link;
	uint8_t bytes[];
};

struct pcapng_format {
	uint32_t snap_length;
	size_t header_size;
	char header[HEADER_MAX];
};

static const struct link {
	uint16_t type;
	const char *name;
} links[PACKET_LINKS] = {
	[PACKET_LINK_ETHERNET] = {1, "ethernet"},
	[PACKET_LINK_RAW] = {101, "raw"},
	[PACKET_LINK_NULL] = {0, "null"},
	[PACKET_LINK_SLL] = {113, "sll"},
	[PACKET_LINK_SLL2] = {276, "sll2"},
	[PACKET_LINK_PPP] = {9, "ppp"},
	[PACKET_LINK_PPPOE] = {51, "pppoe"},
	[PACKET_LINK_HDLC] = {104, "hdlc"},
};

static char *put_u16(char *out, uint16_t value) {
	return mempcpy(out, &value, sizeof(value));
}

static char *put_u32(char *out, uint32_t value) {
	return mempcpy(out, &value, sizeof(value));
}

// Bytes, filled up with zeros to a multiple of 4.
static char *put_padded(char *out, const void *bytes, size_t size) {
	out = mempcpy(out, bytes, size);
	while (size++ % 4 != 0)
		*out++ = 0;
	return out;
}

static char *put_option(char *out, uint16_t code, const void *value, uint16_t size) {
	out = put_u16(put_u16(out, code), size);
	return size > 0 ? put_padded(out, value, size) : out;
}

// Close a block that begins at `start`: its size stands before and behind its body.
static char *end_block(char *start, char *out) {
	uint32_t size = (uint32_t)(out - start) + sizeof(size);
	memcpy(start + 4, &size, sizeof(size));
	return put_u32(out, size);
}

static char *put_section(char *start) {
	static const char application[] = "weir " WEIR_VERSION;
	char *out = put_u32(put_u32(put_u32(start, BLOCK_SECTION), 0), BYTE_ORDER_MAGIC);
	out = put_u16(put_u16(out, 1), 0);                   // version 1.0
	out = put_u32(put_u32(out, UINT32_MAX), UINT32_MAX); // the section's length is not known
	out = put_option(out, USER_APPLICATION, application, sizeof(application) - 1);
	return end_block(start, put_option(out, END_OF_OPTIONS, NULL, 0));
}

static char *put_interface(char *start, const struct link *link, uint32_t snap_length) {
	static const uint8_t resolution = NANOSECONDS;
	char *out = put_u32(put_u32(start, BLOCK_INTERFACE), 0);
	out = put_u32(put_u16(put_u16(out, link->type), 0), snap_length);
	out = put_option(out, INTERFACE_NAME, link->name, (uint16_t)strlen(link->name));
	out = put_option(out, TIME_RESOLUTION, &resolution, sizeof(resolution));
	return end_block(start, put_option(out, END_OF_OPTIONS, NULL, 0));
}

static size_t packet_block(const void *format, const void *record, char *start) {
	const struct queued_frame *frame = record;
	char *out = put_u32(put_u32(put_u32(start, BLOCK_PACKET), 0), frame->link);
	out = put_u32(put_u32(out, (uint32_t)(frame->timestamp_ns >> 32)), (uint32_t)frame->timestamp_ns);
	out = put_u32(put_u32(out, frame->captured), frame->length);
	return (size_t)(end_block(start, put_padded(out, frame->bytes, frame->captured)) - start);
}

static void pack_frame(const void *context, const struct batch *batch, unsigned i, void *record) {
	const struct pcapng_format *format = context;
	struct rte_mbuf *tuple = batch->tuples[i];
	struct queued_frame *queued = record;
	queued->timestamp_ns = batch->packets[i]->timestamp_ns;
	queued->length = rte_pktmbuf_pkt_len(tuple);
	queued->captured = RTE_MIN(queued->length, format->snap_length);
	queued->link = tuple_link(tuple);
	const void *frame = rte_pktmbuf_read(tuple, 0, queued->captured, queued->bytes);
	if (frame != queued->bytes)
		memcpy(queued->bytes, frame, queued->captured);
}

static int pcapng_init(struct instance *self) {
	const struct pcapng_options *options = self->options;
	struct pcapng_format *format = calloc(1, sizeof(*format));
	if (format == NULL) {
		operator_error(self->op, "out of memory");
		return -ENOMEM;
	}
	format->snap_length = (uint32_t)options->snap_length;
	char *out = put_section(format->header);
	for (unsigned i = 0; i < PACKET_LINKS; i++)
		out = put_interface(out, &links[i], format->snap_length);
	format->header_size = (size_t)(out - format->header);
	const struct line_form form = {
		.format = format,
		.free = free,
		.line = packet_block,
		.line_max = options->snap_length + PACKET_BLOCK_AROUND + 4,
		.header = format->header,
		.header_size = format->header_size,
		.is_binary = true,
		.pack = pack_frame,
		.record_size = sizeof(struct queued_frame) + options->snap_length,
	};
	return line_sink_init(self, &form);
}

#define AT(member) offsetof(struct pcapng_options, member)
static const struct option pcapng_option_table[] = {
	{"path", OPTION_STRING, AT(lines.path), .min = 1, .max = PATH_MAX - 1, .required = true,
		.help = "file to write, anew; - is standard output"},
	{"snap_length", OPTION_SIZE, AT(snap_length), "2048", 64, 65535,
		.help = "bytes of a frame that are kept; each place in the queue takes as many"},
	{"rotate_size", OPTION_SIZE, AT(lines.rotate_size), "0",
		.help = "start a new file before this one grows beyond; 0: never"},
	{"rotate_interval", OPTION_DURATION, AT(lines.rotate_interval_ns), "0s",
		.help = "start a new file when this one is so old; 0s: never"},
	EXPORT_OPTIONS(AT(lines.export)),
	{0},
};
#undef AT

static const char pcapng_manual[] =
	"Writes the packets that come to a capture file in the format pcapng, which Wireshark and tcpdump read: each "
	"frame "
	"as it was captured, up to snap_length bytes, with its time in nanoseconds. The file has an interface for each "
	"link "
	"type that weir reads, named so, and packets refer to that of theirs. Put a filter before it to choose.\n\n"
	"A frame's length is that which the source gave: what a capture file had cut off before is not known here.\n\n"
	"The file is made anew. With rotate_size or rotate_interval the full file is renamed to PATH.YYYYMMDDThhmmssZ "
	"(UTC), "
	"and PATH is always the current one, complete by itself. Frames wait in a bounded queue for a thread that "
	"writes "
	"them; capture files wait when it is full, live sources go on and what finds no place is dropped as "
	"queue_full, "
	"unless when_full says otherwise. Where writing fails, the file is cut back to its last whole packet, what did "
	"not "
	"get in is counted as write_error, and writing is tried again each second.";

static const struct schema *const accepts[] = {&packet_schema, NULL};

static struct operator_type pcapng_type = {
	.name = "pcapng",
	.summary = "write packets to a capture file",
	.manual = pcapng_manual,
	.options = pcapng_option_table,
	.options_size = sizeof(struct pcapng_options),
	.accepts = accepts,
	.init = pcapng_init,
	LINE_SINK,
};
OPERATOR_REGISTER(pcapng_type);
