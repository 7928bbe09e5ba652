// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/ipfix_layout.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/flow_record.h"

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
static const char forward[] = "fwd.", reverse[] = "rev.";

void ipfix_shaper_init(struct ipfix_shaper *shaper, const struct schema *schema) {
	*shaper = (struct ipfix_shaper){
		.schema = schema,
		.address = schema_field(schema, "src_ip"),
		.rev_packets = schema_field(schema, "rev.packets"),
	};
	for (const struct field *field = schema->fields; field->name != NULL; field++)
		if ((field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST) &&
			shaper->list_count < IPFIX_LISTS_MAX)
			shaper->lists[shaper->list_count++] = field;
}

void ipfix_shape_of(const struct ipfix_shaper *shaper, const void *body, enum ipfix_direction direction,
	struct ipfix_shape *shape) {
	const uint8_t *bytes = body;
	memset(shape, 0, sizeof(*shape));
	memcpy(&shape->present, bytes + shaper->schema->present_offset, sizeof(shape->present));
	for (unsigned i = 0; i < shaper->list_count && i < IPFIX_LISTS_MAX; i++)
		if (schema_is_present(shaper->schema, shaper->lists[i], body))
			shape->counts[i] = bytes[shaper->lists[i]->count_offset];
	shape->is_ipv6 = memcmp(bytes + shaper->address->offset, v4_mapped, sizeof(v4_mapped)) != 0;
	shape->direction = (uint8_t)direction;
}

bool ipfix_has_reverse(const struct ipfix_shaper *shaper, const void *body) {
	return schema_is_present(shaper->schema, shaper->rev_packets, body);
}

void ipfix_reverse_name(const char *name, char *out) {
	snprintf(out, IPFIX_NAME_MAX, "reverse%s", name);
	out[sizeof("reverse") - 1] = (char)toupper((unsigned char)name[0]);
}

// The same figure seen from the other end: rev.packets for fwd.packets, dst_ip for src_ip; else the name itself.
static const char *turn_name(const char *name, char *out, size_t size) {
	static const char *const pairs[][2] = {{"fwd.", "rev."}, {"src_", "dst_"}};
	snprintf(out, size, "%s", name);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned side = 0; side < 2; side++) {
			char *at = strstr(out, pairs[i][side]);
			if (at == NULL)
				continue;
			memcpy(at, pairs[i][!side], 4);
			return out;
		}
	return out;
}

uint16_t ipfix_element_length(const struct ipfix_element *element, const struct field *field) {
	switch (element->form) {
	case IPFIX_IPV4:
		return 4;
	case IPFIX_TIME_NS:
	case IPFIX_TIME_MS:
	case IPFIX_FLOAT64:
		return 8;
	case IPFIX_LABEL:
		return 3;
	case IPFIX_STRING:
		return IPFIX_VARIABLE;
	default:
		return field->type == FIELD_U16_LIST   ? 2
		       : field->type == FIELD_U32_LIST ? 4
						       : (uint16_t)field_size(field);
	}
}

static unsigned list_count(
	const struct ipfix_shaper *shaper, const struct ipfix_shape *shape, const struct field *field) {
	for (unsigned i = 0; i < shaper->list_count; i++)
		if (shaper->lists[i] == field)
			return shape->counts[i];
	return 1;
}

// Whether records of this shape have the value.
static bool has_value(const struct ipfix_shaper *shaper, const struct ipfix_shape *shape,
	const struct ipfix_element *element, const struct field *field) {
	if (field->present != FIELD_ALWAYS && !(shape->present >> field->present & 1))
		return false;
	if (element->form == IPFIX_IPV4 || element->form == IPFIX_IPV6)
		return shape->is_ipv6 == (element->form == IPFIX_IPV6);
	return element->item < list_count(shaper, shape, field);
}

static int add_field(struct ipfix_layout *layout, const struct ipfix_shaper *shaper,
	const struct ipfix_element *element, const char *name, bool is_reverse) {
	const struct field *field = schema_field(shaper->schema, name);
	if (field == NULL || !has_value(shaper, &layout->shape, element, field))
		return 0;
	if (layout->field_count == IPFIX_LAYOUT_FIELDS_MAX)
		return -E2BIG;
	struct ipfix_field *added = &layout->fields[layout->field_count++];
	*added = (struct ipfix_field){
		.length = ipfix_element_length(element, field),
		.form = element->form,
		.item = element->item,
		.source = field,
	};
	if (is_reverse)
		ipfix_reverse_name(element->name, added->name);
	else
		snprintf(added->name, sizeof(added->name), "%s", element->name);
	layout->string_count += added->form == IPFIX_STRING;
	layout->size += added->form == IPFIX_STRING ? (uint16_t)sizeof(struct ipfix_string) : added->length;
	return 0;
}

int ipfix_layout_init(struct ipfix_layout *layout, const struct ipfix_shaper *shaper, const struct ipfix_shape *shape) {
	*layout = (struct ipfix_layout){.shape = *shape};
	for (const struct ipfix_element *element = ipfix_elements; element->field != NULL; element++) {
		char turned[64];
		turn_name(element->field, turned, sizeof(turned));
		bool is_paired = strstr(element->field, forward) != NULL && strstr(turned, reverse) != NULL;
		bool turn = shape->direction == IPFIX_REVERSE;
		int ret = add_field(layout, shaper, element, turn ? turned : element->field, false);
		if (ret == 0 && is_paired && shape->direction == IPFIX_BIFLOW)
			ret = add_field(layout, shaper, element, turned, true);
		if (ret < 0)
			return ret;
	}
	return 0;
}

// NTP counts from 1900; its fraction is rounded so that a reader who rounds down gets the nanosecond back.
static uint64_t ntp_time(uint64_t time_ns) {
	uint64_t seconds = time_ns / 1000000000 + UINT64_C(2208988800);
	uint64_t fraction = ((time_ns % 1000000000 << 32) + 999999999) / 1000000000;
	return seconds << 32 | fraction;
}

static uint8_t end_reason_code(uint8_t reason) {
	static const uint8_t codes[FLOW_END_REASONS] = {
		[FLOW_END_IDLE] = 1,
		[FLOW_END_ACTIVE] = 2,
		[FLOW_END_TCP] = 3,
		[FLOW_END_EVICTED] = 5,
		[FLOW_END_OF_INPUT] = 4,
		[FLOW_END_SHUTDOWN] = 4,
	};
	return reason < FLOW_END_REASONS ? codes[reason] : 4;
}

static uint64_t read_u64(const uint8_t *value) {
	uint64_t number;
	memcpy(&number, value, sizeof(number));
	return number;
}

static uint32_t read_u32(const uint8_t *value) {
	uint32_t number;
	memcpy(&number, value, sizeof(number));
	return number;
}

// A label stack entry: 20 bits of label, 3 of traffic class (not recorded: 0), 1 at the bottom of the stack.
static void pack_label(const struct ipfix_field *field, const uint8_t *body, uint8_t *out) {
	const uint32_t *labels = (const uint32_t *)(body + field->source->offset);
	bool is_last = field->item + 1 == body[field->source->count_offset];
	uint32_t entry = labels[field->item] << 4 | is_last;
	out[0] = (uint8_t)(entry >> 16);
	out[1] = (uint8_t)(entry >> 8);
	out[2] = (uint8_t)entry;
}

static size_t string_size(const struct ipfix_field *field, const uint8_t *body) {
	return strnlen((const char *)body + field->source->offset, field->source->length);
}

static uint8_t *pack_value(const struct ipfix_field *field, const uint8_t *body, uint8_t *out) {
	const uint8_t *value = body + field->source->offset;
	uint64_t number;
	switch (field->form) {
	case IPFIX_IPV4: // a number to libfixbuf
		number = read_u32(value + sizeof(v4_mapped));
		return (uint8_t *)memcpy(out, &(uint32_t){ntohl((uint32_t)number)}, 4) + 4;
	case IPFIX_TIME_NS:
		number = ntp_time(read_u64(value));
		return (uint8_t *)memcpy(out, &number, sizeof(number)) + sizeof(number);
	case IPFIX_TIME_MS:
		number = read_u64(value) / 1000000;
		return (uint8_t *)memcpy(out, &number, sizeof(number)) + sizeof(number);
	case IPFIX_BOOLEAN:
		*out = *value ? 1 : 2;
		return out + 1;
	case IPFIX_END_REASON:
		*out = end_reason_code(*value);
		return out + 1;
	case IPFIX_LABEL:
		pack_label(field, body, out);
		return out + 3;
	case IPFIX_STRING: {
		struct ipfix_string string = {string_size(field, body), value};
		return (uint8_t *)memcpy(out, &string, sizeof(string)) + sizeof(string);
	}
	default:
		value += field->item * field->length;
		break;
	}
	return (uint8_t *)memcpy(out, value, field->length) + field->length;
}

void ipfix_layout_pack(const struct ipfix_layout *layout, const void *body, uint8_t *packed) {
	for (unsigned i = 0; i < layout->field_count; i++)
		packed = pack_value(&layout->fields[i], body, packed);
}

size_t ipfix_layout_encoded_size(const struct ipfix_layout *layout, const void *body) {
	size_t size = layout->size - layout->string_count * sizeof(struct ipfix_string);
	for (unsigned i = 0, left = layout->string_count; left > 0; i++) {
		if (layout->fields[i].form != IPFIX_STRING)
			continue;
		size_t length = string_size(&layout->fields[i], body);
		size += length + (length < UINT8_MAX ? 1 : 3); // RFC 7011, 7
		left--;
	}
	return size;
}
