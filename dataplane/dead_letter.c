// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/dead_letter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/json_format.h"

enum { HAS_POSITION = 1, HAS_PARTITION = 2 }; // bits of the presence word

#define FIELD(member, ...)                                                                                             \
	{ .name = #member, .offset = offsetof(struct dead_letter, member), __VA_ARGS__ }
static const struct field dead_letter_fields[] = {
	FIELD(operator, .type = FIELD_STRING, .length = 32, .help = "name of the operator that dropped it"),
	FIELD(reason, .type = FIELD_STRING, .length = 24, .help = "why, by the name that it is counted under"),
	FIELD(partition, .type = FIELD_U32, .present = HAS_PARTITION, .help = "of a topic"),
	FIELD(position, .type = FIELD_U64, .present = HAS_POSITION,
		.help = "line of a file or connection, from 1; offset of a message"),
	FIELD(text, .type = FIELD_STRING, .length = DEAD_LETTER_TEXT_MAX,
		.help = "the line or message, or the record as JSON; what is longer is cut"),
	{.name = NULL},
};
#undef FIELD
const struct schema dead_letter_schema = {
	.name = "dead_letter",
	.body = SCHEMA_RECORD,
	.size = sizeof(struct dead_letter),
	.present_offset = offsetof(struct dead_letter, present),
	.fields = dead_letter_fields,
};

static void copy_text(char *out, size_t room, const char *text, size_t size) {
	memcpy(out, text, size < room ? size : room);
}

//   return  its body without text, or NULL: it is not to be
static struct rte_mbuf *new_letter(struct instance *self, unsigned reason) {
	struct rte_mbuf *tuple = instance_new_record(self, &dead_letter_schema);
	if (tuple == NULL)
		return NULL;
	struct dead_letter *letter = tuple_record(tuple);
	const char *name = self->op->name, *why = self->type->drops[reason];
	copy_text(letter->operator, sizeof(letter->operator), name, strlen(name));
	copy_text(letter->reason, sizeof(letter->reason), why, strlen(why));
	return tuple;
}

void dead_letter_take_in(struct instance *self, unsigned output, unsigned reason, const struct dead_text *text) {
	instance_drop_unborn(self, reason, 1);
	struct rte_mbuf *tuple = instance_has_listener(self, output) ? new_letter(self, reason) : NULL;
	if (tuple == NULL)
		return;
	struct dead_letter *letter = tuple_record(tuple);
	letter->present = UINT64_C(1) << HAS_POSITION;
	letter->position = text->position;
	if (text->partition >= 0) {
		letter->present |= UINT64_C(1) << HAS_PARTITION;
		letter->partition = (uint32_t)text->partition;
	}
	copy_text(letter->text, sizeof(letter->text), text->text, text->size);
	instance_emit(self, output, tuple);
}

int dead_letters_init(struct dead_letters *letters, struct instance *self, unsigned output) {
	size_t longest = 1; // malloc(0) may be NULL
	int ret = 0;
	*letters = (struct dead_letters){.output = output};
	for (unsigned i = 0; ret == 0 && i < operator_type_input_count(self->type); i++) {
		if (self->op->inputs[i] == NULL)
			continue;
		ret = json_format_new(&letters->formats[i], self->op->inputs[i]);
		if (ret == 0 && json_format_max(letters->formats[i]) > longest)
			longest = json_format_max(letters->formats[i]);
	}
	letters->line = ret == 0 ? malloc(longest) : NULL;
	if (letters->line != NULL)
		return 0;
	operator_error(self->op, "dead letters: %s",
		ret == -EINVAL ? "the input's fields nest deeper than JSON is written" : "out of memory");
	return ret != 0 ? ret : -ENOMEM;
}

void dead_letters_fini(struct dead_letters *letters) {
	for (unsigned i = 0; i < OPERATOR_INPUTS_MAX; i++)
		json_format_free(letters->formats[i]);
	free(letters->line);
	*letters = (struct dead_letters){0};
}

void dead_letters_drop(
	struct dead_letters *letters, struct instance *self, unsigned reason, const struct batch *batch, unsigned i) {
	struct rte_mbuf *tuple = instance_has_listener(self, letters->output) ? new_letter(self, reason) : NULL;
	if (tuple != NULL) {
		struct dead_letter *letter = tuple_record(tuple);
		const void *body = batch_body(batch, i, self->op->inputs[batch->input]);
		size_t size = json_format_line(letters->formats[batch->input], body, letters->line);
		copy_text(letter->text, sizeof(letter->text), letters->line, size - 1); // without the newline
		instance_emit(self, letters->output, tuple);
	}
	instance_drop(self, reason, batch->tuples[i]);
}
