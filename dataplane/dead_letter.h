// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Dead letters: what an operator drops for what it is (malformed, too long, late, without the field that it needs) is
// counted by name and, where a stream leaves by its output `dead`, told: who dropped it, why, and what it was. The form
// is one for all operators, so that one sink takes the dead letters of a whole pipeline.
//
// A dead letter is a record that the operator created; the tuple itself counts as dropped.
#pragma once

#include "dataplane/operator.h"

enum { DEAD_LETTER_TEXT_MAX = 1024 };

struct dead_letter {
	uint64_t present;
	uint64_t position;
	uint32_t partition;
	char operator[32]; // cut
	char reason[24];
	char text[DEAD_LETTER_TEXT_MAX];
};
extern const struct schema dead_letter_schema;

// Row of a type's table of outputs.
#define DEAD_LETTER_OUTPUT                                                                                             \
	{ .name = "dead", .schema = &dead_letter_schema }

// What a source took for a record.
struct dead_text {
	const char *text; // [size]
	size_t size;
	uint64_t position; // number of the line, or offset of the message
	int64_t partition; // -1: there are none
};

// Sources: count what came in and was dropped, and tell it.
//   output  the type's row
//   reason  an index into type->drops
void dead_letter_take_in(struct instance *self, unsigned output, unsigned reason, const struct dead_text *text);

// Operators: of each input, how its tuples are written (as the json sink does).
struct dead_letters {
	unsigned output;
	struct json_format *formats[OPERATOR_INPUTS_MAX];
	char *line; // of the longest
};
//   return  0 or a negative errno, after operator_error; dead_letters_fini is due in any case
int dead_letters_init(struct dead_letters *letters, struct instance *self, unsigned output);
void dead_letters_fini(struct dead_letters *letters);
// Drop tuple `i` of a batch that came in, and tell it. The caller takes the tuple out of the batch.
void dead_letters_drop(
	struct dead_letters *letters, struct instance *self, unsigned reason, const struct batch *batch, unsigned i);
