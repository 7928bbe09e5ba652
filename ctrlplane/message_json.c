// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/message_json.h"

#include <arpa/inet.h>
#include <string.h>

#include "api/histogram.h"
#include "api/hll.h"
#include "ctrlplane/text.h"

static json_t *address_to_json(const ProtobufCBinaryData *bytes) {
	char text[INET6_ADDRSTRLEN];
	return json_string(inet_ntop(bytes->len == 4 ? AF_INET : AF_INET6, bytes->data, text, sizeof(text)));
}

static json_t *times_to_json(const ProtobufCBinaryData *bytes) {
	struct histogram times = {0};
	if (histogram_merge_packed(&times, bytes->data, bytes->len) != 0)
		return NULL;
	return json_pack("{sI sI sI sI}", "count", (json_int_t)histogram_count(&times), "p50_ns",
		(json_int_t)histogram_quantile(&times, 0.5), "p95_ns", (json_int_t)histogram_quantile(&times, 0.95),
		"p99_ns", (json_int_t)histogram_quantile(&times, 0.99));
}

// What bytes mean is told by the field's name.
//   return  NULL: nothing, or nothing that makes sense
static json_t *bytes_to_json(const char *name, const ProtobufCBinaryData *bytes) {
	struct hll sketch;
	if (bytes->len == 0)
		return NULL;
	if (strcmp(name, "endpoints_out") == 0)
		return hll_unpack(bytes->data, bytes->len, &sketch) == 0
			       ? json_integer((json_int_t)hll_estimate(&sketch))
			       : NULL;
	if (strstr(name, "rtt") != NULL || strstr(name, "handshake") != NULL)
		return times_to_json(bytes);
	return bytes->len == 4 || bytes->len == 16 ? address_to_json(bytes) : NULL;
}

static size_t size_of(ProtobufCType type) {
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

//   at  the member of the message's struct
static json_t *value_to_json(const ProtobufCFieldDescriptor *field, const void *at) {
	const ProtobufCMessage *message;
	const char *text;
	switch (field->type) {
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return json_integer(*(const json_int_t *)at);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)at);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(*(const double *)at);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_real((double)*(const float *)at);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_STRING:
		text = *(char *const *)at;
		return text != NULL ? text_json(text) : NULL;
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_to_json(field->name, at);
	case PROTOBUF_C_TYPE_MESSAGE:
		message = *(ProtobufCMessage *const *)at;
		return message != NULL ? message_to_json(message) : NULL;
	default: // enumerations and the rest are 32 bits
		return json_integer(*(const int32_t *)at);
	}
}

static json_t *field_to_json(const ProtobufCFieldDescriptor *field, const uint8_t *message) {
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return value_to_json(field, message + field->offset);
	size_t length = *(const size_t *)(message + field->quantifier_offset);
	const uint8_t *items = *(uint8_t *const *)(message + field->offset);
	json_t *list = json_array();
	for (size_t i = 0; i < length; i++)
		json_array_append_new(list, value_to_json(field, items + i * size_of(field->type)));
	return list;
}

json_t *message_to_json(const ProtobufCMessage *message) {
	json_t *object = json_object();
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		json_t *value = field_to_json(field, (const uint8_t *)message);
		if (value != NULL)
			json_object_set_new(object, field->name, value);
	}
	return object;
}
