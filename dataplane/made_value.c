// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Values of made-up fields (made_fields.h).
#include <string.h>

#include "dataplane/made_fields.h"
#include "dataplane/random.h"
#include "dataplane/value_text.h"

enum { IP_FIRST = 10 << 24 }; // 10.0.0.0: what numbers are added to

static void write_integer(enum field_type type, uint64_t value, uint8_t *out) {
	switch (type) {
	case FIELD_U8:
		*out = (uint8_t)value;
		break;
	case FIELD_U16:
		*(uint16_t *)out = (uint16_t)value;
		break;
	case FIELD_U32:
		*(uint32_t *)out = (uint32_t)value;
		break;
	default:
		*(uint64_t *)out = value;
		break;
	}
}

static void write_ip(uint64_t value, uint8_t *out) {
	uint32_t address = (uint32_t)(IP_FIRST + value);
	out[10] = out[11] = 0xff;
	for (unsigned i = 0; i < 4; i++)
		out[12 + i] = (uint8_t)(address >> (24 - 8 * i));
}

// One value as text, without its end.
//   text  [24] for numbers
static struct made_choice make_text(const struct made_field *made, uint64_t *random, uint64_t index, char text[24]) {
	if (made->source == MADE_CHOICE)
		return made->choices[random_below(random, made->choice_count)];
	uint64_t number = distribution_next(&made->distribution, random, index);
	bool is_signed = (int64_t)made->distribution.low < 0;
	char *end = is_signed ? value_write_i64(text, (int64_t)number) : value_write_u64(text, number);
	return (struct made_choice){.text = text, .size = (size_t)(end - text)};
}

static void write_string(const struct made_field *made, uint64_t *random, uint64_t index, uint8_t *out) {
	size_t room = made->column.field->length;
	for (unsigned i = 0; i < made->times; i++) {
		char text[24];
		struct made_choice value = make_text(made, random, index * made->times + i, text);
		if (i > 0 && room > 0) {
			*out++ = ' ';
			room--;
		}
		size_t size = value.size < room ? value.size : room;
		out = mempcpy(out, value.text, size);
		room -= size;
	}
}

void made_field_write(const struct made_field *made, uint64_t *random, uint64_t index, uint64_t time_ns, uint8_t *out) {
	const struct field *field = made->column.field;
	if (made->source == MADE_TIME) {
		*(uint64_t *)out = time_ns;
	} else if (field->type == FIELD_STRING) {
		write_string(made, random, index, out);
	} else if (made->source == MADE_CHOICE) {
		uint64_t choice = random_below(random, made->choice_count);
		memcpy(out, made->choices[choice].value, field_size(field));
	} else if (field->type == FIELD_F64) {
		*(double *)out = distribution_next_real(&made->distribution, random, index);
	} else {
		uint64_t number = distribution_next(&made->distribution, random, index);
		if (field->type == FIELD_IP)
			write_ip(number, out);
		else
			write_integer(field->type, number, out);
	}
}
