// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What nodes say to each other on a link: frames, little-endian, each a header of 16 bytes and what it says behind it.
// Pure functions over exact-size buffers: any bytes are safe, and every length is bounded.
//
//   header   size of what follows u32, type u8, flags u8, channel u16, position u64
//   HELLO    both ends, the first frame of a connection: magic u32, version u16, which connection of the link u16, of
//            how many u16, incarnation u64, name of the node
//   OPEN     by who sends on a channel: where it begins is its position; hash of the schema u64, size of the greatest
//            frame u32, index u16, of how many u16, pipeline, stream
//   RESUME   the answer: received u64 (in whole, in order), consumed u64, window u64 (bytes kept for the channel)
//   DATA     watermark u64, since u64 (by the wall clock, when the source took in the oldest; 0: not known), tuples
//            u32, 0 u32, the tuples (tuple_layout.h). A batch; LINK_END: the last of the channel
//   ACK      consumed up to its position. LINK_FINAL: nothing beyond it is, or will be, by this incarnation
//   REFUSE   a text for a person. Of a channel; LINK_ALL_CHANNELS: of the connection, which ends
//
// A position counts the bytes of a channel's frames, headers included, as TCP's sequence numbers do: one number orders
// frames, tells duplicates, acknowledges, and bounds what is on its way (position + size <= consumed + window).
#pragma once

#include <stddef.h>
#include <stdint.h>

enum link_frame_type {
	LINK_HELLO = 1,
	LINK_OPEN,
	LINK_RESUME,
	LINK_DATA,
	LINK_ACK,
	LINK_REFUSE,
};

enum link_frame_flags {
	LINK_END = 1,   // of DATA
	LINK_FINAL = 1, // of ACK
};

enum {
	LINK_VERSION = 2,
	LINK_HEADER_SIZE = 16,
	LINK_DATA_SIZE = 24,        // of DATA before its tuples
	LINK_FRAME_MAX = 4 << 20,   // bytes, header included
	LINK_CONTROL_MAX = 1024,    // of all but DATA, without the header
	LINK_TUPLES_MAX = 64,       // of a frame
	LINK_CONNECTIONS_MAX = 256, // of a link
	LINK_ALL_CHANNELS = 0xffff,
	LINK_TEXT_SIZE = 256, // of each text, the closing zero included
};

struct link_header {
	uint32_t size;
	uint8_t type, flags;
	uint16_t channel;
	uint64_t position;
};

struct link_hello {
	uint16_t version, index, count;
	uint64_t incarnation;
	char node[LINK_TEXT_SIZE];
};

struct link_open {
	uint64_t schema_hash;
	uint32_t frame_max;
	uint16_t index, count;
	char pipeline[LINK_TEXT_SIZE], stream[LINK_TEXT_SIZE];
};

struct link_resume {
	uint64_t received, consumed, window;
};

struct link_data {
	uint64_t watermark_ns;
	uint64_t since_ns;
	uint32_t tuples;
};

//   out  [LINK_HEADER_SIZE]
void link_header_pack(const struct link_header *header, uint8_t *out);
// Whether it is one that this version may get: type, flags and size go together.
//   data    [LINK_HEADER_SIZE]
//   return  0 or -EBADMSG
int link_header_parse(const uint8_t *data, struct link_header *header);

// Whole control frames, header included.
//   out     [LINK_HEADER_SIZE + LINK_CONTROL_MAX]
//   return  bytes written
size_t link_hello_pack(const struct link_hello *hello, uint8_t *out);
size_t link_open_pack(uint16_t channel, uint64_t position, const struct link_open *open, uint8_t *out);
size_t link_resume_pack(uint16_t channel, const struct link_resume *resume, uint8_t *out);
size_t link_ack_pack(uint16_t channel, uint64_t consumed, uint8_t flags, uint8_t *out);
size_t link_refuse_pack(uint16_t channel, const char *text, uint8_t *out);

// What stands behind the header. Texts end with a zero and have only printable characters.
//   return  0, -EBADMSG, or -EPROTONOSUPPORT: a hello of another version, of which nothing but that is filled
int link_hello_parse(const uint8_t *data, size_t size, struct link_hello *hello);
int link_open_parse(const uint8_t *data, size_t size, struct link_open *open);
int link_resume_parse(const uint8_t *data, size_t size, struct link_resume *resume);
int link_refuse_parse(const uint8_t *data, size_t size, char text[LINK_TEXT_SIZE]);
int link_data_parse(const uint8_t *data, size_t size, struct link_data *out);
//   out  [LINK_DATA_SIZE]
void link_data_pack(const struct link_data *data, uint8_t *out);
