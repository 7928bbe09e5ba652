// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Flow records as IPFIX: every field of the schema has an element or is named as left out, no element number is used
// twice, and values stand where the layout says.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/flow_record.h"
#include "dataplane/ipfix_layout.h"

static struct ipfix_shaper shaper;

static bool has_element(const char *name) {
	char forward[64];
	snprintf(forward, sizeof(forward), "%s", name);
	char *at = strstr(forward, "rev.");
	if (at != NULL)
		memcpy(at, "fwd.", 4);
	for (const struct ipfix_element *element = ipfix_elements; element->field != NULL; element++)
		if (strcmp(element->field, forward) == 0)
			return true;
	for (const struct ipfix_left_out *left_out = ipfix_left_out; left_out->field != NULL; left_out++)
		if (strcmp(left_out->field, forward) == 0)
			return true;
	return false;
}

static void test_no_field_is_forgotten(void **state) {
	for (const struct field *field = flow_schema.fields; field->name != NULL; field++)
		if (!has_element(field->name))
			fail_msg("%s: no element in api/ipfix_elements.c, and not left out by name", field->name);
	for (const struct ipfix_left_out *left_out = ipfix_left_out; left_out->field != NULL; left_out++)
		assert_non_null(schema_field(&flow_schema, left_out->field));
}

static void test_numbers_are_used_once(void **state) {
	char reversed[IPFIX_NAME_MAX];
	for (const struct ipfix_element *a = ipfix_elements; a->field != NULL; a++) {
		assert_true(a->id > 0 && a->id < IPFIX_REVERSE_BIT);
		ipfix_reverse_name(a->name, reversed);
		assert_int_equal(strlen(reversed), strlen(a->name) + strlen("reverse"));
		for (const struct ipfix_element *b = a + 1; b->field != NULL; b++)
			if ((a->own == b->own && a->id == b->id) || strcmp(a->name, b->name) == 0)
				fail_msg("%s and %s: the same number or name", a->name, b->name);
	}
}

static const struct ipfix_field *find(const struct ipfix_layout *layout, const char *name, unsigned *at) {
	*at = 0;
	for (unsigned i = 0; i < layout->field_count; i++) {
		if (strcmp(layout->fields[i].name, name) == 0)
			return &layout->fields[i];
		*at += layout->fields[i].length;
	}
	return NULL;
}

static uint64_t value_of(const struct ipfix_layout *layout, const uint8_t *packed, const char *name) {
	unsigned at;
	const struct ipfix_field *field = find(layout, name, &at);
	uint64_t value = 0;
	if (field == NULL)
		fail_msg("%s: not in the layout", name);
	memcpy(&value, packed + at, field->length);
	return value;
}

static bool has(const struct ipfix_layout *layout, const char *name) {
	unsigned at;
	return find(layout, name, &at) != NULL;
}

static struct flow_record sample(void) {
	struct flow_record record = {
		.present = 1 << FLOW_HAS_PORTS | 1 << FLOW_HAS_VLAN | 1 << FLOW_HAS_MPLS | 1 << FLOW_HAS_REV,
		.src_port = 1000,
		.dst_port = 53,
		.protocol = 17,
		.end_reason = FLOW_END_EVICTED,
		.vlan_count = 1,
		.vlan = {77},
		.mpls_count = 2,
		.mpls = {0xfffff, 16},
		.start_ns = UINT64_C(1700000000123456789),
		.end_ns = UINT64_C(1700000001999999999),
		.fwd = {.packets = 3, .bytes = 300},
		.rev = {.packets = 2, .bytes = 900},
	};
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	memcpy(record.src_ip, prefix, sizeof(prefix));
	memcpy(record.dst_ip, prefix, sizeof(prefix));
	memcpy(record.src_ip + 12, (uint8_t[]){10, 0, 0, 1}, 4);
	memcpy(record.dst_ip + 12, (uint8_t[]){10, 0, 0, 2}, 4);
	return record;
}

static void lay_out(struct ipfix_layout *layout, const struct flow_record *record, enum ipfix_direction direction,
	uint8_t *packed) {
	struct ipfix_shape shape;
	ipfix_shape_of(&shaper, record, direction, &shape);
	assert_int_equal(ipfix_layout_init(layout, &shaper, &shape), 0);
	unsigned end;
	find(layout, "none", &end);
	assert_int_equal(layout->size, end);
	ipfix_layout_pack(layout, record, packed);
}

static void test_biflow(void **state) {
	struct ipfix_layout layout;
	struct flow_record record = sample();
	uint8_t packed[1024];
	lay_out(&layout, &record, IPFIX_BIFLOW, packed);
	assert_int_equal(value_of(&layout, packed, "packetDeltaCount"), 3);
	assert_int_equal(value_of(&layout, packed, "reversePacketDeltaCount"), 2);
	assert_int_equal(value_of(&layout, packed, "reverseOctetDeltaCount"), 900);
	assert_int_equal(value_of(&layout, packed, "sourceIPv4Address"), 0x0a000001);
	assert_int_equal(value_of(&layout, packed, "sourceTransportPort"), 1000);
	assert_int_equal(value_of(&layout, packed, "flowEndReason"), 5);
	assert_int_equal(value_of(&layout, packed, "dot1qVlanId"), 77);
	assert_int_equal(value_of(&layout, packed, "flowStartMilliseconds"), UINT64_C(1700000000123));
	assert_int_equal(value_of(&layout, packed, "mplsTopLabelStackSection"), 0xf0ffff); // octets ff ff f0
	assert_int_equal(value_of(&layout, packed, "mplsLabelStackSection2"), 0x010100); // octets 00 01 01: the bottom
	assert_false(has(&layout, "sourceIPv6Address"));
	assert_false(has(&layout, "dot1qCustomerVlanId"));
	assert_false(has(&layout, "mplsLabelStackSection3"));
	assert_false(has(&layout, "sourceMacAddress"));
	assert_false(has(&layout, "tcpControlBits"));
}

// NTP's fractions are finer than nanoseconds: each time comes back as it was.
static void test_times_come_back(void **state) {
	struct ipfix_layout layout;
	struct flow_record record = sample();
	uint8_t packed[1024];
	static const uint64_t fractions[] = {0, 1, 2, 3, 499999999, 500000000, 999999998, 999999999};
	for (unsigned i = 0; i < 8; i++) {
		record.end_ns = UINT64_C(1700000001000000000) + fractions[i];
		lay_out(&layout, &record, IPFIX_BIFLOW, packed);
		uint64_t ntp = value_of(&layout, packed, "flowEndNanoseconds");
		assert_int_equal(ntp >> 32, 1700000001 + UINT64_C(2208988800));
		assert_int_equal((ntp & UINT32_MAX) * 1000000000 >> 32, fractions[i]);
	}
}

static void test_uniflows(void **state) {
	struct ipfix_layout layout;
	struct flow_record record = sample();
	uint8_t packed[1024];
	lay_out(&layout, &record, IPFIX_FORWARD, packed);
	assert_int_equal(value_of(&layout, packed, "packetDeltaCount"), 3);
	assert_false(has(&layout, "reversePacketDeltaCount"));
	lay_out(&layout, &record, IPFIX_REVERSE, packed);
	assert_int_equal(value_of(&layout, packed, "packetDeltaCount"), 2);
	assert_int_equal(value_of(&layout, packed, "octetDeltaCount"), 900);
	assert_int_equal(value_of(&layout, packed, "sourceIPv4Address"), 0x0a000002);
	assert_int_equal(value_of(&layout, packed, "destinationTransportPort"), 1000);
	assert_false(has(&layout, "reversePacketDeltaCount"));
}

// Shapes differ where the fields do, and nowhere else.
static void test_shapes(void **state) {
	struct ipfix_shape a, b;
	struct flow_record record = sample();
	ipfix_shape_of(&shaper, &record, IPFIX_BIFLOW, &a);
	record.src_port = 4;
	record.fwd.packets = 99;
	record.vlan[0] = 5;
	ipfix_shape_of(&shaper, &record, IPFIX_BIFLOW, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	record.vlan_count = 2;
	ipfix_shape_of(&shaper, &record, IPFIX_BIFLOW, &b);
	assert_memory_not_equal(&a, &b, sizeof(a));
	record = sample();
	record.src_ip[0] = 0x20;
	ipfix_shape_of(&shaper, &record, IPFIX_BIFLOW, &b);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

// What a record takes in a message has nothing to do with how its strings are handed to libfixbuf.
static void test_encoded_size(void **state) {
	struct ipfix_layout plain, layout;
	struct flow_record record = sample();
	uint8_t packed[1024];
	lay_out(&plain, &record, IPFIX_BIFLOW, packed);
	assert_int_equal(ipfix_layout_encoded_size(&plain, &record), plain.size);
	record.present |= UINT64_C(1) << FLOW_HAS_APPLICATION;
	struct ipfix_shape shape;
	ipfix_shape_of(&shaper, &record, IPFIX_BIFLOW, &shape);
	assert_int_equal(ipfix_layout_init(&layout, &shaper, &shape), 0);
	assert_int_equal(ipfix_layout_encoded_size(&layout, &record), plain.size + 2);
	memset(record.application, 'a', sizeof(record.application));
	strcpy(record.category, "Web");
	assert_int_equal(
		ipfix_layout_encoded_size(&layout, &record), plain.size + 1 + sizeof(record.application) + 1 + 3);
}

// The template for records of any shape has room.
static void test_everything_fits(void **state) {
	struct ipfix_layout layout;
	struct ipfix_shape shape = {.present = UINT64_MAX, .is_ipv6 = 1, .direction = IPFIX_BIFLOW};
	for (unsigned i = 0; i < shaper.list_count; i++)
		shape.counts[i] = (uint8_t)shaper.lists[i]->length;
	assert_int_equal(ipfix_layout_init(&layout, &shaper, &shape), 0);
	assert_true(has(&layout, "reverseTcpControlBits") && has(&layout, "mplsLabelStackSection8"));
	assert_true(layout.size <= 4096);
}

static int prepare(void **state) {
	ipfix_shaper_init(&shaper, &flow_schema);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_field_is_forgotten),
		cmocka_unit_test(test_numbers_are_used_once),
		cmocka_unit_test(test_biflow),
		cmocka_unit_test(test_times_come_back),
		cmocka_unit_test(test_uniflows),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_encoded_size),
		cmocka_unit_test(test_everything_fits),
	};
	return cmocka_run_group_tests(tests, prepare, NULL);
}
