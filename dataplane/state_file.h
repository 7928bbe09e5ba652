// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What an operator keeps, as a file of a snapshot: a header, then items, each a kind, a size and so many bytes, aligned
// to 8. What the kinds are is between an operator's save and its restore (operator_type.h). The file's size and
// checksum are in the snapshot's manifest (snapshot_manifest.h) and are looked at before any item is.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STATE_BUFFER_SIZE = 1 << 20,
	STATE_ITEM_MAX = 64 << 20, // bytes
};

// The beginning of a file. Numbers are in the machine's order: what is saved is structs as they lie in memory, and a
// machine of the other order finds another magic.
struct state_header {
	uint64_t magic, layout;
};

struct state_item_header {
	uint32_t kind, size;
};

struct state_part {
	const void *data;
	size_t size;
};

struct state_hash; // of the bytes so far

struct state_writer {
	int fd;
	int error;              // the first negative errno; what is put after it is left out
	const uint16_t *owners; // of the operator that is saved, as state_reader has them
	uint64_t size, items;
	struct state_hash *hash;
	size_t used;
	uint8_t *buffer; // [STATE_BUFFER_SIZE]
};

// Take the memory of a writer, which serves for one file after the other.
//   return  0 or -ENOMEM; state_writer_fini is due in any case
int state_writer_init(struct state_writer *writer);
void state_writer_fini(struct state_writer *writer);

// Begin a file. Takes no memory.
//   fd  empty, open for writing
void state_begin(struct state_writer *writer, int fd, uint64_t layout);
// Add an item, its bytes in one part or in several.
void state_put(struct state_writer *writer, uint32_t kind, const void *data, size_t size);
void state_put_parts(struct state_writer *writer, uint32_t kind, const struct state_part *parts, unsigned count);
// Write what is left, and have the disk take it.
//   checksum  filled, of the whole file
//   return    0 or the first negative errno
int state_end(struct state_writer *writer, uint64_t *checksum);

struct state_item {
	uint32_t kind, size;
	const void *data; // [size], aligned to 8, there as long as the reader is
};

struct state_reader {
	const uint8_t *data;
	size_t size, at;
	const uint16_t *owners; // [KEY_GROUPS] index of the instance that owns a key group
};

// Look at a file in memory.
//   data    [size] aligned to 8; outlives the reader
//   owners  as above; NULL: instance 0 owns all
//   return  0; -EINVAL: it does not begin as a file of this layout does
int state_reader_init(
	struct state_reader *reader, const void *data, size_t size, uint64_t layout, const uint16_t *owners);
uint64_t state_checksum(const void *data, size_t size);

//   return  1: an item; 0: the end; -EINVAL: the file is damaged here
int state_next(struct state_reader *reader, struct state_item *item);
// The next item, which is to be of this kind and size.
//   data    [size] filled
//   return  0; -EINVAL: it is another one, or there is none
int state_take(struct state_reader *reader, uint32_t kind, void *data, size_t size);
static inline bool state_is_at_end(const struct state_reader *reader) {
	return reader->at == reader->size;
}

//   group   0..KEY_GROUPS-1
//   return  index of the instance that owns it
static inline unsigned state_owner(const struct state_reader *reader, unsigned group) {
	return reader->owners != NULL ? reader->owners[group] : 0;
}

// The same for save.
static inline unsigned state_saved_owner(const struct state_writer *writer, unsigned group) {
	return writer->owners != NULL ? writer->owners[group] : 0;
}

// For restore: have each instance take up the key groups that it owns, by the type's group_enter.
struct operator;
void state_enter_groups(struct operator *op, const struct state_reader *reader);

// A fold of numbers, for layouts.
static inline uint64_t state_fold(uint64_t fold, uint64_t number) {
	fold = (fold ^ number) * UINT64_C(0x9e3779b97f4a7c15);
	return fold ^ fold >> 29;
}
