// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Rankings against sorting everything, in whatever order it is offered.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/random.h"
#include "dataplane/ranking.h"

enum { K = 7, OFFERS = 100, KEY_LENGTH = 2 };

struct offer {
	double number;
	uint64_t key[KEY_LENGTH];
};

static int by_rank(const void *left, const void *right) {
	const struct offer *a = left, *b = right;
	if (a->number != b->number)
		return a->number < b->number ? 1 : -1;
	return memcmp(a->key, b->key, sizeof(a->key));
}

// Few different numbers, so that keys decide as well; each state is made of its key.
static void offer_all(struct ranking *ranking, struct offer *offers, unsigned count, uint64_t seed) {
	for (unsigned i = 0; i < count; i++) {
		offers[i] = (struct offer){(double)(random_next(&seed) % 12), {random_next(&seed) % 3, i}};
		uint64_t inverted = ~offers[i].key[1];
		ranking_offer(ranking, offers[i].key, &inverted, offers[i].number);
	}
}

static void check(const struct ranking *ranking, struct offer *offers, unsigned count) {
	qsort(offers, count, sizeof(*offers), by_rank);
	assert_int_equal(ranking->count, count < K ? count : K);
	for (unsigned rank = 0; rank < ranking->count; rank++) {
		assert_memory_equal(ranking_key(ranking, rank), offers[rank].key, sizeof(offers[rank].key));
		assert_true(*(uint64_t *)ranking_state(ranking, rank) == ~offers[rank].key[1]);
		assert_true(ranking->places[rank].number == offers[rank].number);
	}
}

static void the_greatest_are_ranked(void **state) {
	struct ranking ranking = {0};
	struct offer offers[OFFERS];
	assert_int_equal(ranking_init(&ranking, K, KEY_LENGTH, sizeof(uint64_t)), 0);
	for (unsigned count = 0; count <= OFFERS; count++) {
		ranking_clear(&ranking);
		offer_all(&ranking, offers, count, count + 1);
		check(&ranking, offers, count);
	}
	ranking_fini(&ranking);
}

static void changes_are_of_keys_and_their_order(void **state) {
	struct ranking ranking = {0};
	const uint64_t keys[3][KEY_LENGTH] = {{1, 1}, {2, 2}, {3, 3}}, none = 0;
	assert_int_equal(ranking_init(&ranking, K, KEY_LENGTH, sizeof(uint64_t)), 0);
	assert_false(ranking_is_changed(&ranking));
	ranking_offer(&ranking, keys[0], &none, 5);
	ranking_offer(&ranking, keys[1], &none, 4);
	assert_true(ranking_is_changed(&ranking));
	ranking_note_told(&ranking);
	assert_false(ranking_is_changed(&ranking));
	ranking_clear(&ranking);
	assert_true(ranking_is_changed(&ranking));
	ranking_offer(&ranking, keys[1], &none, 40);
	ranking_offer(&ranking, keys[0], &none, 50);
	assert_false(ranking_is_changed(&ranking)); // other numbers, the same places
	ranking_clear(&ranking);
	ranking_offer(&ranking, keys[1], &none, 60);
	ranking_offer(&ranking, keys[0], &none, 50);
	assert_true(ranking_is_changed(&ranking));
	ranking_note_told(&ranking);
	ranking_offer(&ranking, keys[2], &none, 1);
	assert_true(ranking_is_changed(&ranking));
	ranking_fini(&ranking);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_greatest_are_ranked),
		cmocka_unit_test(changes_are_of_keys_and_their_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
