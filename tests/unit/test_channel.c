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

// One that borrows keeps the even tuples, and passes them on to another that borrows; the last route has them all.
static void receive_even(struct instance *self, struct batch *batch) {
	uint64_t even = 0;
	assert_true(self->on_loan);
	for (unsigned i = 0; i < batch->count; i++)
		even |= (uint64_t)(batch->hashes[i] % 2 == 0) << i;
	instance_keep(self, 0, batch, even);
	instance_forward(self, 0, batch);
}

static void receive_loan(struct instance *self, struct batch *batch) {
	assert_true(self->on_loan);
	for (unsigned i = 0; i < batch->count; i++) {
		assert_int_equal(batch->hashes[i] % 2, 0);
		assert_ptr_equal(batch->tuples[i], (struct rte_mbuf *)(batch->hashes[i] * 64));
	}
	instance_absorb(self, batch);
	assert_int_equal(batch->count, 0);
}

static void receive_own(struct instance *self, struct batch *batch) {
	assert_false(self->on_loan);
	for (unsigned i = 0; i < batch->count; i++) {
		assert_int_equal(batch->hashes[i], i + 1);
		assert_ptr_equal(batch->tuples[i], (struct rte_mbuf *)((i + UINT64_C(1)) * 64));
	}
	self->counters.absorbed += batch->count;
}

// None of the tuples is an mbuf: nobody may count references to them, copy or free them.
static void test_loan(void **state) {
	static const struct operator_type even = {.name = "even", .process = receive_even, .borrows = true};
	static const struct operator_type last = {.name = "last", .process = receive_loan, .borrows = true};
	static const struct operator_type own = {.name = "own", .process = receive_own};
	struct instance to[] = {{.type = &even}, {.type = &last}, {.type = &own}};
	struct target targets[] = {{.callee = &to[0]}, {.callee = &to[2]}, {.callee = &to[1]}};
	struct route routes[] = {
		{.target_count = 1, .targets = &targets[0], .schema = &packet_schema, .borrowed = true, .lends = true},
		{.target_count = 1, .targets = &targets[1], .schema = &packet_schema},
		{.target_count = 1, .targets = &targets[2], .schema = &packet_schema, .borrowed = true},
	};
	struct instance from = {.outputs[0] = {.route_count = 2, .routes = routes}};
	to[0].outputs[0] = (struct output){.route_count = 1, .routes = &routes[2]};
	struct batch batch = {.count = BATCH_MAX - 1};
	for (unsigned i = 0; i < batch.count; i++) {
		batch.hashes[i] = i + 1;
		batch.tuples[i] = (struct rte_mbuf *)((i + UINT64_C(1)) * 64);
	}
	instance_forward(&from, 0, &batch);
	assert_int_equal(from.counters.out, 63);
	assert_int_equal(to[0].counters.in, 63);
	assert_int_equal(to[0].counters.drops[0], 32);
	assert_int_equal(to[0].counters.forwarded, 31);
	assert_int_equal(to[1].counters.absorbed, 31);
	assert_int_equal(to[2].counters.absorbed, 63);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_choices),
		cmocka_unit_test(test_two_choices_of_two),
		cmocka_unit_test(test_shuffle_by_weight),
		cmocka_unit_test(test_shuffle_by_weight_of_small_batches),
		cmocka_unit_test(test_loan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
