// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Messages off the wire: whole, without their lists, malformed, and such as would need much memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/message.h"

enum { FLOWS = 50 };

static size_t pack_summary(uint8_t *out) {
	static Weir__FlowDelta flows[FLOWS], *list[FLOWS];
	uint8_t address[4] = {10, 0, 0, 1};
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Summary summary = WEIR__SUMMARY__INIT;
	Weir__Totals cumulative = WEIR__TOTALS__INIT, interval = WEIR__TOTALS__INIT;
	Weir__Remainder rest = WEIR__REMAINDER__INIT;
	for (unsigned i = 0; i < FLOWS; i++) {
		weir__flow_delta__init(list[i] = &flows[i]);
		flows[i].src_ip = flows[i].dst_ip = (ProtobufCBinaryData){sizeof(address), address};
	}
	cumulative.packets = 1u << 30;
	interval.packets = 70;
	interval.bytes = 7000;
	rest.packets = 5;
	summary.node = "alpha";
	summary.pipeline = "p";
	summary.operator_ = "report";
	summary.instance = 3;
	summary.incarnation = UINT64_MAX;
	summary.sequence = 300;
	summary.start_ns = 1;
	summary.end_ns = UINT64_C(1700000000000000000);
	summary.cumulative = &cumulative;
	summary.interval = &interval;
	summary.flows = list;
	summary.n_flows = FLOWS;
	summary.flows_rest = &rest;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_SUMMARY;
	message.summary = &summary;
	return weir__message__pack(&message, out);
}

static void a_bare_summary_has_all_but_its_lists(void **state) {
	uint8_t packed[4096];
	size_t size = pack_summary(packed);
	Weir__Message *message = message_unpack(packed, size);
	assert_non_null(message);
	assert_int_equal(message->summary->n_flows, FLOWS);
	assert_int_equal(message->summary->flows_rest->packets, 5);
	assert_false(message->summary->shed);

	message = message_unpack_bare(packed, size);
	assert_non_null(message);
	assert_int_equal(message->version, 1);
	assert_int_equal(message->body_case, WEIR__MESSAGE__BODY_SUMMARY);
	const Weir__Summary *bare = message->summary;
	assert_string_equal(bare->node, "alpha");
	assert_string_equal(bare->operator_, "report");
	assert_true(bare->incarnation == UINT64_MAX && bare->sequence == 300 && bare->instance == 3);
	assert_true(bare->end_ns == UINT64_C(1700000000000000000));
	assert_int_equal(bare->cumulative->packets, 1u << 30);
	assert_int_equal(bare->n_flows, 0);
	assert_true(bare->shed);
	// The lists would have added up to this.
	assert_int_equal(bare->flows_rest->packets, 70);
	assert_int_equal(bare->services_rest->greatest_bytes, 7000);
	assert_int_equal(bare->hosts_rest->bytes, 14000);
}

// Each cut and each changed byte: read like the whole form, or refused.
static void what_is_cut_or_changed(void **state) {
	uint8_t packed[4096];
	size_t size = pack_summary(packed);
	unsigned refused = 0;
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *exact = malloc(cut + 1); // no byte behind it
		memcpy(exact, packed, cut);
		exact = realloc(exact, cut > 0 ? cut : 1);
		refused += message_unpack_bare(exact, cut) == NULL;
		free(exact);
	}
	assert_int_equal(refused, size);
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t changed[4096];
		memcpy(changed, packed, size);
		for (unsigned n = 0; n < 3; n++)
			changed[(size_t)rand() % size] = (uint8_t)rand();
		const Weir__Message *bare = message_unpack_bare(changed, size);
		assert_true(bare == NULL || bare->summary != NULL);
	}
}

// The first list ends behind the summary that it is in; what says how long the summary is, is right.
static void what_is_damaged_inside_is_refused(void **state) {
	uint8_t packed[4096];
	size_t size = pack_summary(packed), at = size - 1;
	const uint8_t last_flow[] = {11 << 3 | 2, 12};
	while (memcmp(packed + at, last_flow, sizeof(last_flow)) != 0)
		at--;
	packed[at + 1] = 0x7f;
	assert_null(message_unpack(packed, size));
	assert_null(message_unpack_bare(packed, size));
}

static void other_messages_are_no_summaries(void **state) {
	uint8_t packed[256];
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Goodbye goodbye = WEIR__GOODBYE__INIT;
	goodbye.node = "alpha";
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_GOODBYE;
	message.goodbye = &goodbye;
	size_t size = weir__message__pack(&message, packed);
	assert_null(message_unpack_bare(packed, size));
	assert_non_null(message_unpack(packed, size));
	assert_null(message_unpack_bare(packed, 0));
}

// Two bytes are an empty flow, which takes a hundred times as many in memory.
static void few_bytes_can_not_take_much_memory(void **state) {
	enum { LISTED = 400000, HEAD = 8 };
	uint8_t *packed = calloc(1, HEAD + 2 * LISTED), *at = packed;
	size_t inner = 2 * LISTED;
	*at++ = 1 << 3;
	*at++ = 1;
	*at++ = 6 << 3 | 2;
	for (; inner >= 0x80; inner >>= 7)
		*at++ = (uint8_t)(inner | 0x80);
	*at++ = (uint8_t)inner;
	for (unsigned i = 0; i < LISTED; i++) {
		*at++ = 11 << 3 | 2;
		*at++ = 0;
	}
	size_t size = (size_t)(at - packed);
	assert_null(message_unpack(packed, size));
	assert_non_null(message_unpack_bare(packed, size));
	free(packed);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_summary_has_all_but_its_lists),
		cmocka_unit_test(what_is_cut_or_changed),
		cmocka_unit_test(what_is_damaged_inside_is_refused),
		cmocka_unit_test(other_messages_are_no_summaries),
		cmocka_unit_test(few_bytes_can_not_take_much_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
