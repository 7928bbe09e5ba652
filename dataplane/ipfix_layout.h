// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// From a flow record to the values of an IPFIX data record. Records have no way to leave a value out, templates have:
// each combination of fields that apply (a shape) has a layout of its own, made when it is first seen.
#pragma once

#include <stddef.h>

#include "api/ipfix_elements.h"
#include "api/schema.h"

enum {
	IPFIX_LAYOUT_FIELDS_MAX = 128,
	IPFIX_LISTS_MAX = 4,
	IPFIX_VARIABLE = UINT16_MAX, // length of a string
};

enum ipfix_direction {
	IPFIX_BIFLOW,  // both, the reverse one in reverse elements
	IPFIX_FORWARD, // forward alone
	IPFIX_REVERSE, // reverse alone, as a flow in its own right: both ends have changed places
};

struct ipfix_shape {
	uint64_t present;
	uint8_t counts[IPFIX_LISTS_MAX];
	uint8_t is_ipv6;
	uint8_t direction; // enum ipfix_direction
	uint8_t zero[2];   // shapes are compared as bytes
};

// What shapes are taken by.
struct ipfix_shaper {
	const struct schema *schema;
	const struct field *address, *rev_packets; // address decides the version
	unsigned list_count;
	const struct field *lists[IPFIX_LISTS_MAX];
};

struct ipfix_field {
	char name[IPFIX_NAME_MAX]; // of the element, reverse ones with "reverse"
	uint16_t length;           // octets, or IPFIX_VARIABLE
	enum ipfix_form form;
	uint8_t item;
	const struct field *source;
};

struct ipfix_layout {
	struct ipfix_shape shape;
	uint16_t size; // of a packed record
	unsigned field_count, string_count;
	struct ipfix_field fields[IPFIX_LAYOUT_FIELDS_MAX];
};

// How a string stands in a packed record: not copied.
struct ipfix_string {
	size_t size;
	const uint8_t *bytes;
};

//   schema  with at least src_ip and rev.packets
void ipfix_shaper_init(struct ipfix_shaper *shaper, const struct schema *schema);
void ipfix_shape_of(
	const struct ipfix_shaper *shaper, const void *body, enum ipfix_direction direction, struct ipfix_shape *shape);
// Whether the record has a reverse direction.
bool ipfix_has_reverse(const struct ipfix_shaper *shaper, const void *body);

// "octetDeltaCount" to "reverseOctetDeltaCount".
//   out  [IPFIX_NAME_MAX]
void ipfix_reverse_name(const char *name, char *out);

//   return  octets of an element's value in a record, or IPFIX_VARIABLE
uint16_t ipfix_element_length(const struct ipfix_element *element, const struct field *field);

//   return  0, or -E2BIG: more than IPFIX_LAYOUT_FIELDS_MAX
int ipfix_layout_init(struct ipfix_layout *layout, const struct ipfix_shaper *shaper, const struct ipfix_shape *shape);

// Pack the values of a record of the layout's shape, one after the other without gaps, in the machine's byte order.
//   packed  [layout->size]
void ipfix_layout_pack(const struct ipfix_layout *layout, const void *body, uint8_t *packed);

// Octets that the same record takes in a message.
size_t ipfix_layout_encoded_size(const struct ipfix_layout *layout, const void *body);
