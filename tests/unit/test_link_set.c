// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Shared link headers against a naive model.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/link_set.h"

enum { FLOWS = 200, KINDS = 150 };

static struct packet_link_headers headers_of(unsigned kind) {
	struct packet_link_headers headers = {.has_mac = true, .src_mac = {(uint8_t)kind}, .vlan_count = kind % 3};
	headers.vlan[0] = (uint16_t)(kind / 7);
	return headers;
}

static void agrees_with_a_naive_model(void **state) {
	struct link_set set;
	unsigned kind_of[FLOWS] = {0};
	uint32_t number_of[FLOWS] = {0};
	assert_int_equal(link_set_init(&set, FLOWS), 0);
	srand(5);
	for (unsigned round = 0; round < 50000; round++) {
		unsigned flow = (unsigned)rand() % FLOWS;
		if (number_of[flow] != 0) {
			struct packet_link_headers expected = headers_of(kind_of[flow]);
			assert_memory_equal(link_set_at(&set, number_of[flow]), &expected, sizeof(expected));
			link_set_give(&set, number_of[flow]);
			number_of[flow] = 0;
			continue;
		}
		kind_of[flow] = (unsigned)rand() % (round % 2000 < 1000 ? KINDS : 3);
		struct packet_link_headers headers = headers_of(kind_of[flow]);
		number_of[flow] = link_set_take(&set, &headers, kind_of[flow] % 4); // long chains
		assert_in_range(number_of[flow], 1, FLOWS);
		assert_true(link_set_is_last(&set, &headers));
		for (unsigned other = 0; other < FLOWS; other++)
			if (other != flow && number_of[other] != 0)
				assert_int_equal(number_of[other] == number_of[flow], kind_of[other] == kind_of[flow]);
	}
	link_set_fini(&set);
}

// As many entries as flows are always enough, and those given back are used again.
static void has_an_entry_for_every_flow(void **state) {
	struct link_set set;
	uint32_t numbers[FLOWS];
	assert_int_equal(link_set_init(&set, FLOWS), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < FLOWS; i++) {
			struct packet_link_headers headers = headers_of(i + round);
			numbers[i] = link_set_take(&set, &headers, i);
			assert_in_range(numbers[i], 1, FLOWS);
		}
		for (unsigned i = 0; i < FLOWS; i++)
			link_set_give(&set, numbers[i]);
	}
	struct packet_link_headers gone = headers_of(FLOWS + 1);
	assert_false(link_set_is_last(&set, &gone));
	link_set_fini(&set);
	link_set_fini(&set);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_naive_model),
		cmocka_unit_test(has_an_entry_for_every_flow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
