// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The sink json alone, on a device that is always full; the engine and the clocks are played by the functions here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/flow_record.h"
#include "dataplane/operator.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t wall_ns = 1700000000 * SECOND_NS, monotonic_ns = 1000 * SECOND_NS;
static unsigned failures, dropped;

uint64_t clock_now_ns(void) {
	return wall_ns;
}

uint64_t clock_monotonic_ns(void) {
	return monotonic_ns;
}

void instance_fail(struct instance *self, const char *format, ...) {
	failures++;
}

void instance_drop(struct instance *self, unsigned reason, struct rte_mbuf *tuple) {
	dropped++;
}

void instance_absorb(struct instance *self, struct batch *batch) {
	assert_int_equal(batch->count, 0);
}

void operator_error(const struct operator *op, const char *format, ...) {
	fail_msg("%s", format);
}

static void hand_over(struct instance *self) {
	static struct flow_record record;
	struct rte_mbuf tuple = {.buf_addr = &record};
	struct batch batch = {.count = 1, .tuples = {&tuple}};
	self->type->process(self, &batch);
}

// After a failure writing is tried again each second, whatever happens to the system's clock meanwhile.
static void test_tries_again_though_the_clock_is_set_back(void **state) {
	const struct operator_type *type = operator_type_lookup("json");
	void *options = calloc(1, type->options_size);
	assert_int_equal(option_set_defaults(type->options, options), 0);
	char error[400];
	assert_int_equal(
		option_set(option_lookup(type->options, "path"), options, "/dev/full", error, sizeof(error)), 0);
	struct operator op = {.type = type, .name = "sink", .options = options, .input = &flow_schema};
	assert_int_equal(type->open(&op), 0);
	struct instance self = {.type = type, .op = &op, .options = options, .state = calloc(1, type->state_size)};
	assert_int_equal(type->init(&self), 0);

	hand_over(&self);
	assert_int_equal(failures, 1);
	hand_over(&self);
	assert_int_equal(failures, 1); // not tried
	wall_ns -= 3600 * SECOND_NS;
	monotonic_ns += SECOND_NS;
	hand_over(&self);
	assert_int_equal(failures, 2);
	assert_int_equal(dropped, 3);

	type->fini(&self);
	type->close(&op);
	free(self.state);
	option_free(type->options, options);
	free(options);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tries_again_though_the_clock_is_set_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
