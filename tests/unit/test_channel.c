// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Which instance a tuple goes to where there is a choice: two choices by key, and shuffling by weights.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/channel.h"
#include "dataplane/random.h"

enum { TARGETS_MAX = 8, KEYS = 1000 };

static struct {
	unsigned tuples[TARGETS_MAX];
	uint8_t seen[KEYS][TARGETS_MAX];
	uint64_t hashes[KEYS];
	unsigned input;
} received;

static unsigned key_of(uint64_t hash) {
	unsigned key = 0;
	while (received.hashes[key] != hash)
		key++;
	return key;
}

static void receive(struct instance *self, struct batch *batch) {
	received.tuples[self->index] += batch->count;
	received.input = batch->input;
	for (unsigned i = 0; i < batch->count; i++)
		received.seen[key_of(batch->hashes[i])][self->index] = 1;
}

static const struct operator_type receiver = {.name = "receiver", .process = receive};

struct fan {
	struct instance from, to[TARGETS_MAX];
	struct target targets[TARGETS_MAX];
	struct route route;
	struct output output;
};

static void fan_init(struct fan *fan, enum grouping grouping, unsigned count, const unsigned *weights) {
	memset(&received, 0, sizeof(received));
	memset(fan, 0, sizeof(*fan));
	for (unsigned i = 0; i < count; i++) {
		fan->to[i] = (struct instance){.type = &receiver, .index = i};
		fan->targets[i].callee = &fan->to[i];
	}
	fan->route = (struct route){.grouping = grouping,
		.target_count = count,
		.targets = fan->targets,
		.weights = weights,
		.input = 3,
		.schema = &packet_schema};
	fan->output = (struct output){.route_count = 1, .routes = &fan->route};
	uint64_t random = 5;
	for (unsigned i = 0; i < KEYS; i++)
		received.hashes[i] = random_next(&random);
}

// One key is half of the tuples, the rest is spread.
static void send_skewed(struct fan *fan, unsigned batches) {
	uint64_t random = 9;
	for (unsigned i = 0; i < batches; i++) {
		struct batch batch = {.count = BATCH_MAX};
		for (unsigned j = 0; j < BATCH_MAX; j++) {
			uint64_t draw = random_next(&random);
			batch.hashes[j] = received.hashes[draw & 1 ? 0 : (draw >> 1) % KEYS];
		}
		channel_deliver(&fan->from, &fan->output, &batch);
		assert_int_equal(batch.count, 0);
	}
}

static void test_two_choices(void **state) {
	static struct fan fan;
	fan_init(&fan, GROUPING_PARTIAL_KEY, 4, NULL);
	send_skewed(&fan, 1000);
	// Half of the tuples have one key, and two instances share them, with a sixth of the others, which have no
	// other choice: 29 % each. By key alone one instance would get 62 %.
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(received.tuples[i], BATCH_MAX * 1000 / 5, BATCH_MAX * 1000 * 3 / 10);
	for (unsigned key = 0; key < KEYS; key++) {
		unsigned places = 0;
		for (unsigned i = 0; i < TARGETS_MAX; i++)
			places += received.seen[key][i];
		assert_in_range(places, 1, 2);
	}
	assert_int_equal(received.input, 3);
}

static void test_two_choices_of_two(void **state) {
	static struct fan fan;
	fan_init(&fan, GROUPING_PARTIAL_KEY, 2, NULL);
	send_skewed(&fan, 100);
	assert_int_equal(received.tuples[0], 3200);
	assert_int_equal(received.tuples[1], 3200);
}

static void test_shuffle_by_weight(void **state) {
	static struct fan fan;
	static const unsigned weights[] = {70, 0, 30};
	fan_init(&fan, GROUPING_SHUFFLE, 3, weights);
	send_skewed(&fan, 1000);
	assert_int_equal(received.tuples[0], 44800);
	assert_int_equal(received.tuples[1], 0);
	assert_int_equal(received.tuples[2], 19200);
}

// It is tuples that are weighed, not batches.
static void test_shuffle_by_weight_of_small_batches(void **state) {
	static struct fan fan;
	static const unsigned weights[] = {1, 1};
	fan_init(&fan, GROUPING_SHUFFLE, 2, weights);
	for (unsigned i = 0; i < 1000; i++) {
		struct batch batch = {.count = i % 2 ? 1 : BATCH_MAX};
		for (unsigned j = 0; j < batch.count; j++)
			batch.hashes[j] = received.hashes[0];
		channel_deliver(&fan.from, &fan.output, &batch);
	}
	assert_in_range(received.tuples[0], 16250 - BATCH_MAX, 16250 + BATCH_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_choices),
		cmocka_unit_test(test_two_choices_of_two),
		cmocka_unit_test(test_shuffle_by_weight),
		cmocka_unit_test(test_shuffle_by_weight_of_small_batches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
