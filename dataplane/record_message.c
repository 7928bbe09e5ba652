// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/record_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 16, ITEMS_MAX = 32, TEXT_MAX = 256, NO_PARENT = PARTS_MAX };

// One message: the whole, or one in a field of another.
struct part {
	const ProtobufCMessageDescriptor *descriptor;
	ProtobufCMessage *base;
	unsigned parent;      // index of the part that it is a field of
	size_t parent_offset; // of the pointer to it there
};

struct step {
	const struct field *from;
	const ProtobufCFieldDescriptor *to;
	unsigned part;
};

struct record_message {
	const struct schema *schema;
	unsigned part_count, step_count;
	struct part parts[PARTS_MAX];
	struct step steps[SCHEMA_FIELDS_MAX];
	uint32_t items[SCHEMA_FIELDS_MAX][ITEMS_MAX]; // of lists
	char texts[SCHEMA_FIELDS_MAX][TEXT_MAX];      // with their ends
};

static int add_part(struct record_message *message, const ProtobufCMessageDescriptor *descriptor, unsigned parent,
	size_t parent_offset) {
	for (unsigned i = 0; i < message->part_count; i++)
		if (message->parts[i].parent == parent && message->parts[i].parent_offset == parent_offset)
			return (int)i;
	if (message->part_count == PARTS_MAX)
		return -EINVAL;
	struct part *part = &message->parts[message->part_count];
	*part = (struct part){.descriptor = descriptor, .parent = parent, .parent_offset = parent_offset};
	part->base = calloc(1, descriptor->sizeof_message);
	if (part->base == NULL)
		return -ENOMEM;
	protobuf_c_message_init(descriptor, part->base);
	return (int)message->part_count++;
}

static bool fit(const struct field *from, const ProtobufCFieldDescriptor *to) {
	bool is_list = from->type == FIELD_U16_LIST || from->type == FIELD_U32_LIST;
	if (is_list != (to->label == PROTOBUF_C_LABEL_REPEATED) || from->length > (is_list ? ITEMS_MAX : TEXT_MAX - 1))
		return false;
	switch (from->type) {
	case FIELD_BOOL:
		return to->type == PROTOBUF_C_TYPE_BOOL;
	case FIELD_U64:
		return to->type == PROTOBUF_C_TYPE_UINT64;
	case FIELD_I64:
		return to->type == PROTOBUF_C_TYPE_INT64 || to->type == PROTOBUF_C_TYPE_SINT64;
	case FIELD_F64:
		return to->type == PROTOBUF_C_TYPE_DOUBLE;
	case FIELD_IP:
	case FIELD_MAC:
		return to->type == PROTOBUF_C_TYPE_BYTES;
	case FIELD_ENUM:
		return to->type == PROTOBUF_C_TYPE_ENUM;
	case FIELD_STRING:
		return to->type == PROTOBUF_C_TYPE_STRING;
	default:
		return to->type == PROTOBUF_C_TYPE_UINT32;
	}
}

static int join(struct record_message *message, const struct field *from) {
	const char *name = from->name;
	unsigned part = 0;
	char step[64];
	for (const char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1) {
		if ((size_t)(dot - name) >= sizeof(step))
			return -ENOENT;
		*(char *)mempcpy(step, name, (size_t)(dot - name)) = '\0';
		const ProtobufCFieldDescriptor *to =
			protobuf_c_message_descriptor_get_field_by_name(message->parts[part].descriptor, step);
		if (to == NULL || to->type != PROTOBUF_C_TYPE_MESSAGE)
			return -ENOENT;
		int ret = add_part(message, to->descriptor, part, to->offset);
		if (ret < 0)
			return ret;
		part = (unsigned)ret;
	}
	const ProtobufCFieldDescriptor *to =
		protobuf_c_message_descriptor_get_field_by_name(message->parts[part].descriptor, name);
	if (to == NULL)
		return -ENOENT;
	if (!fit(from, to) || message->step_count == SCHEMA_FIELDS_MAX)
		return -EINVAL;
	message->steps[message->step_count++] = (struct step){from, to, part};
	return 0;
}

int record_message_new(struct record_message **out, const struct schema *schema,
	const ProtobufCMessageDescriptor *descriptor, const char **missing) {
	struct record_message *message = calloc(1, sizeof(*message));
	if (message == NULL)
		return -ENOMEM;
	message->schema = schema;
	int ret = add_part(message, descriptor, NO_PARENT, 0);
	ret = ret < 0 ? ret : 0;
	for (const struct field *field = schema->fields; ret == 0 && field->name != NULL; field++) {
		*missing = field->name;
		ret = join(message, field);
	}
	if (ret < 0)
		record_message_free(message);
	else
		*out = message;
	return ret;
}

void record_message_free(struct record_message *message) {
	for (unsigned i = 0; message != NULL && i < message->part_count; i++)
		free(message->parts[i].base);
	free(message);
}

static ProtobufCBinaryData bytes_of(const struct field *field, const uint8_t *value) {
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool is_v4 = field->type == FIELD_IP && memcmp(value, v4_mapped, sizeof(v4_mapped)) == 0;
	size_t skipped = is_v4 ? sizeof(v4_mapped) : 0;
	return (ProtobufCBinaryData){field_size(field) - skipped, (uint8_t *)value + skipped};
}

static void set_list(struct record_message *message, unsigned index, const uint8_t *body, uint8_t *base) {
	const struct step *step = &message->steps[index];
	const struct field *field = step->from;
	const uint8_t *value = body + field->offset;
	size_t count = body[field->count_offset] < field->length ? body[field->count_offset] : field->length;
	uint32_t *items = message->items[index];
	for (size_t i = 0; i < count; i++)
		items[i] = field->type == FIELD_U16_LIST ? ((const uint16_t *)value)[i] : ((const uint32_t *)value)[i];
	*(uint32_t **)(base + step->to->offset) = items;
	*(size_t *)(base + step->to->quantifier_offset) = count;
}

static void set_value(struct record_message *message, unsigned index, const uint8_t *body) {
	const struct step *step = &message->steps[index];
	const uint8_t *value = body + step->from->offset;
	uint8_t *base = (uint8_t *)message->parts[step->part].base, *to = base + step->to->offset;
	switch (step->from->type) {
	case FIELD_U16_LIST:
	case FIELD_U32_LIST:
		set_list(message, index, body, base);
		return;
	case FIELD_STRING:
		*(char *)mempcpy(message->texts[index], value, strnlen((const char *)value, step->from->length)) = '\0';
		*(char **)to = message->texts[index];
		return;
	case FIELD_IP:
	case FIELD_MAC:
		*(ProtobufCBinaryData *)to = bytes_of(step->from, value);
		break;
	case FIELD_BOOL:
		*(protobuf_c_boolean *)to = *value;
		break;
	case FIELD_U8:
	case FIELD_ENUM: // enums are ints
		*(uint32_t *)to = *value;
		break;
	case FIELD_U16:
		*(uint32_t *)to = *(const uint16_t *)value;
		break;
	default:
		memcpy(to, value, field_size(step->from));
		break;
	}
	*(protobuf_c_boolean *)(base + step->to->quantifier_offset) = true;
}

const ProtobufCMessage *record_message_fill(struct record_message *message, const void *body) {
	for (unsigned i = 0; i < message->part_count; i++)
		protobuf_c_message_init(message->parts[i].descriptor, message->parts[i].base);
	for (unsigned i = 0; i < message->step_count; i++) {
		if (!schema_is_present(message->schema, message->steps[i].from, body))
			continue;
		set_value(message, i, body);
		// What it is in is there now.
		for (unsigned p = message->steps[i].part; message->parts[p].parent != NO_PARENT;
			p = message->parts[p].parent) {
			const struct part *part = &message->parts[p];
			uint8_t *parent = (uint8_t *)message->parts[part->parent].base;
			*(ProtobufCMessage **)(parent + part->parent_offset) = part->base;
		}
	}
	return message->parts[0].base;
}
