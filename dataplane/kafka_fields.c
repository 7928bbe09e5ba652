// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/kafka_fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TOPIC, PARTITION, OFFSET, TIME, KEY };
enum { STRING_MAX = 64 };
static const struct {
	const char *name;
	enum field_type type;
	const char *unit;
} kinds[KAFKA_FIELDS] = {
	[TOPIC] = {"kafka.topic", FIELD_STRING, NULL},
	[PARTITION] = {"kafka.partition", FIELD_U32, NULL},
	[OFFSET] = {"kafka.offset", FIELD_U64, NULL},
	[TIME] = {"kafka.time", FIELD_U64, "ns"},
	[KEY] = {"kafka.key", FIELD_STRING, NULL},
};

int kafka_fields_add(struct schema *schema, char *error, size_t size) {
	for (unsigned i = 0; i < KAFKA_FIELDS; i++) {
		unsigned length = kinds[i].type == FIELD_STRING ? STRING_MAX : 0;
		int ret = schema_add(schema, kinds[i].name, kinds[i].type, length, kinds[i].unit);
		if (ret == -EEXIST || ret == -ENOSPC) {
			snprintf(error, size, "metadata: no place for the field %s: %s", kinds[i].name,
				ret == -EEXIST ? "there is one of that name" : "too many fields");
			ret = -EINVAL;
		}
		if (ret != 0)
			return ret;
	}
	return 0;
}

void kafka_fields_init(struct kafka_fields *fields, const struct schema *schema) {
	fields->schema = schema;
	for (unsigned i = 0; i < KAFKA_FIELDS; i++)
		fields->fields[i] = schema_field(schema, kinds[i].name);
}

static void *place(const struct kafka_fields *fields, unsigned which, uint8_t *body) {
	const struct field *field = fields->fields[which];
	if (field->present != FIELD_ALWAYS)
		*(uint64_t *)(body + fields->schema->present_offset) |= UINT64_C(1) << field->present;
	return body + field->offset;
}

static void place_text(
	const struct kafka_fields *fields, unsigned which, uint8_t *body, const void *text, size_t size) {
	memcpy(place(fields, which, body), text, size < STRING_MAX ? size : STRING_MAX);
}

void kafka_fields_fill(const struct kafka_fields *fields, const rd_kafka_message_t *message, uint8_t *body) {
	const char *topic = rd_kafka_topic_name(message->rkt);
	int64_t at_ms = rd_kafka_message_timestamp(message, NULL);
	place_text(fields, TOPIC, body, topic, strlen(topic));
	*(uint32_t *)place(fields, PARTITION, body) = (uint32_t)message->partition;
	*(uint64_t *)place(fields, OFFSET, body) = (uint64_t)message->offset;
	if (at_ms >= 0)
		*(uint64_t *)place(fields, TIME, body) = (uint64_t)at_ms * 1000000;
	if (message->key != NULL)
		place_text(fields, KEY, body, message->key, message->key_len);
}
