// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The operator summary alone: the engine and the uplink are played by a few functions here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/flow_record.h"
#include "api/weir.pb-c.h"
#include "dataplane/keepsake.h"
#include "dataplane/operator.h"
#include "dataplane/uplink.h"

enum { SUMMARIES_MAX = 64 };
#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define T0 (UINT64_C(1700000000) * SECOND)

struct node {
	bool has_uplink;
};

static struct told {
	unsigned count;
	Weir__Message *messages[SUMMARIES_MAX];
	size_t sizes[SUMMARIES_MAX];
} told;

struct uplink *node_uplink(const struct node *node) {
	return node->has_uplink ? (struct uplink *)&told : NULL;
}

void uplink_submit(struct uplink *uplink, const struct uplink_summary *summary) {
	assert_ptr_equal(uplink, &told);
	assert_true(told.count < SUMMARIES_MAX);
	Weir__Message *message = weir__message__unpack(NULL, summary->size, summary->packed);
	assert_non_null(message);
	assert_int_equal(summary->sequence, message->summary->sequence);
	assert_string_equal(summary->operator, message->summary->operator_);
	free(summary->packed);
	told.sizes[told.count] = summary->size;
	told.messages[told.count++] = message;
}

const char *node_name(const struct node *node) {
	return "alpha";
}

uint64_t node_incarnation(const struct node *node) {
	return 7;
}

uint64_t key_hash(const struct node *node, const void *key, size_t size) {
	return 1;
}

void instance_absorb(struct instance *self, struct batch *batch) {
	self->counters.absorbed += batch->count;
	for (unsigned i = 0; i < batch->count; i++)
		free(batch->tuples[i]);
	batch->count = 0;
}

void operator_error(const struct operator *op, const char *format, ...) {
	fail_msg("%s", format);
}

void instance_fail(struct instance *self, const char *format, ...) {
	fail_msg("%s", format);
}

struct fixture {
	struct node node;
	struct operator op;
	struct instance instance;
};

static void setup(struct fixture *fixture, const char *const *settings) {
	const struct operator_type *type = operator_type_lookup("summary");
	char error[256];

	*fixture = (struct fixture){.node = {.has_uplink = true}};
	told.count = 0;
	void *options = calloc(1, type->options_size);
	assert_int_equal(option_set_defaults(type->options, options), 0);
	for (; settings != NULL && *settings != NULL; settings += 2)
		assert_int_equal(
			option_set(option_lookup(type->options, settings[0]), options, settings[1], error, 256), 0);
	fixture->op = (struct operator){
		.type = type, .name = "report", .pipeline = "p", .options = options, .node = &fixture->node};
	fixture->instance = (struct instance){
		.type = type, .op = &fixture->op, .options = options, .state = calloc(1, type->state_size)};
	assert_int_equal(type->init(&fixture->instance), 0);
}

static void teardown(struct fixture *fixture) {
	for (unsigned i = 0; i < told.count; i++)
		weir__message__free_unpacked(told.messages[i], NULL);
	fixture->op.type->fini(&fixture->instance);
	keepsake_free_all();
	free(fixture->instance.state);
	free((void *)fixture->op.options);
}

// One update of a flow of its own, which saw `bytes` up to this time.
static void update(struct fixture *fixture, unsigned flow, uint64_t last_ns, uint64_t bytes) {
	struct {
		struct rte_mbuf mbuf;
		struct flow_update update;
	} *tuple = aligned_alloc(64, (sizeof(*tuple) + 63) / 64 * 64);
	struct batch batch = {.count = 1, .tuples = {&tuple->mbuf}};

	memset(tuple, 0, sizeof(*tuple));
	tuple->mbuf.buf_addr = &tuple->update;
	tuple->update = (struct flow_update){
		.src_ip = {0x20, (uint8_t)(flow >> 8), (uint8_t)flow},
		.dst_ip = {0x20, 1},
		.src_port = 1000,
		.dst_port = 443,
		.protocol = 6,
		.ip_version = 6,
		.started = true,
		.fwd_packets = 1,
		.fwd_bytes = bytes,
		.last_ns = last_ns,
	};
	fixture->op.type->process(&fixture->instance, &batch);
	assert_int_equal(batch.count, 0);
}

// Time passes; the operator is called until it has nothing left to do.
static void advance(struct fixture *fixture, uint64_t watermark_ns) {
	fixture->instance.watermark_ns = watermark_ns;
	for (unsigned i = 0; fixture->op.type->tick(&fixture->instance, 1); i++)
		assert_true(i < 10000);
}

static void flush(struct fixture *fixture) {
	assert_false(fixture->op.type->flush(&fixture->instance, END_OF_INPUT, 1));
}

static void expect(unsigned i, uint64_t start_ns, uint64_t end_ns, uint64_t bytes) {
	assert_true(i < told.count);
	const Weir__Summary *summary = told.messages[i]->summary;
	assert_int_equal(summary->sequence, i + 1);
	assert_int_equal(summary->start_ns, start_ns);
	assert_int_equal(summary->end_ns, end_ns);
	assert_int_equal(summary->interval->bytes, bytes);
}

static void intervals_follow_event_time(void **state) {
	struct fixture fixture;
	setup(&fixture, NULL);
	update(&fixture, 1, T0 + 300 * MS, 100);
	advance(&fixture, T0 + 999 * MS);
	assert_int_equal(told.count, 0);
	// What flow_stats tells of an interval comes just after its end.
	advance(&fixture, T0 + SECOND);
	update(&fixture, 2, T0 + 900 * MS, 10);
	assert_int_equal(told.count, 0);
	advance(&fixture, T0 + 1250 * MS);
	assert_int_equal(told.count, 1);
	expect(0, T0, T0 + SECOND, 110);

	// Nothing changed for ten seconds: nothing is said. What is late belongs to the next interval.
	advance(&fixture, T0 + 11 * SECOND);
	assert_int_equal(told.count, 1);
	update(&fixture, 1, T0 + 500 * MS, 7);
	advance(&fixture, T0 + 12 * SECOND + 250 * MS);
	expect(1, T0 + SECOND, T0 + 2 * SECOND, 7);
	update(&fixture, 1, T0 + 12 * SECOND + 300 * MS, 1);
	flush(&fixture);
	expect(2, T0 + 12 * SECOND, T0 + 12 * SECOND + 300 * MS + 1, 1);
	assert_int_equal(told.messages[2]->summary->cumulative->bytes, 118);
	assert_int_equal(told.messages[2]->summary->cumulative->flows_started, 4);
	assert_int_equal(fixture.instance.counters.absorbed, 4);
	flush(&fixture);
	assert_int_equal(told.count, 3);
	teardown(&fixture);
}

// The controller takes each number of a series once: one that began anew would be taken for a repeat.
static void the_series_goes_on_after_its_operator_went(void **state) {
	struct fixture fixture;
	setup(&fixture, NULL);
	update(&fixture, 1, T0 + 300 * MS, 100);
	flush(&fixture);
	const struct operator_type *type = fixture.op.type;
	type->fini(&fixture.instance);
	memset(fixture.instance.state, 0, type->state_size);
	assert_int_equal(type->init(&fixture.instance), 0);
	update(&fixture, 1, T0 + SECOND + 300 * MS, 20);
	flush(&fixture);
	assert_int_equal(told.count, 2);
	expect(1, T0 + SECOND, T0 + SECOND + 300 * MS + 1, 20);
	assert_int_equal(told.messages[1]->summary->cumulative->bytes, 120);
	teardown(&fixture);
}

// Updates that come while the interval before is still being chosen from belong to the next one, and none is lost where
// intervals end faster than that.
static void choosing_and_filling_overlap(void **state) {
	struct fixture fixture;
	uint64_t bytes = 0, told_bytes = 0;
	unsigned flow = 0;
	setup(&fixture, NULL);
	for (unsigned second = 0; second < 8; second++) {
		for (unsigned i = 0; i < 5000; i++, flow++, bytes += flow)
			update(&fixture, flow % 7001, T0 + second * SECOND + i, flow + 1);
		fixture.instance.watermark_ns = T0 + (second + 1) * SECOND + 250 * MS;
		assert_true(fixture.op.type->tick(&fixture.instance, 1));
		update(&fixture, 8000, T0 + (second + 1) * SECOND + 200 * MS, 1);
		bytes++;
	}
	flush(&fixture);
	assert_int_equal(told.count, 9);
	for (unsigned i = 0; i < told.count; i++) {
		expect(i, T0 + i * SECOND, told.messages[i]->summary->end_ns,
			told.messages[i]->summary->interval->bytes);
		told_bytes += told.messages[i]->summary->interval->bytes;
	}
	assert_int_equal(told_bytes, bytes);
	assert_int_equal(told.messages[told.count - 1]->summary->cumulative->bytes, bytes);
	teardown(&fixture);
}

// One second of 200 flows of `bytes` each.
//   return  the size of its summary
static size_t second_of_traffic(struct fixture *fixture, unsigned second, uint64_t bytes) {
	for (unsigned flow = 0; flow < 200; flow++)
		update(fixture, flow, T0 + second * SECOND, bytes);
	advance(fixture, T0 + (second + 1) * SECOND + 250 * MS);
	assert_int_equal(told.count, second + 1);
	return told.sizes[second];
}

static void budget_is_kept(void **state) {
	static const char *const settings[] = {"floor", "0", "budget", "30", NULL};
	struct fixture fixture;
	size_t spent = 0, bare;
	unsigned second = 0;
	setup(&fixture, settings);
	for (; second < 20; second++)
		spent += second_of_traffic(&fixture, second, 1);
	// Next to no traffic: totals alone, once what was given is used up.
	bare = told.sizes[19];
	assert_int_equal(told.messages[19]->summary->n_flows + told.messages[19]->summary->n_hosts, 0);
	assert_true(told.messages[0]->summary->n_flows > 0);
	assert_true(bare < 300 && spent <= 20 * bare + 8192);

	spent = 0;
	for (; second < 40; second++)
		spent += second_of_traffic(&fixture, second, 5000);
	assert_int_equal(told.messages[39]->summary->n_flows, 20);
	assert_true(spent <= UINT64_C(20) * 200 * 5000 * 30 / 10000);
	assert_int_equal(fixture.instance.gauges[2], UINT64_C(20) * 200 * 5001);
	teardown(&fixture);
}

// The default floor: the greatest are named however little there is.
static void floor_names_the_greatest(void **state) {
	struct fixture fixture;
	setup(&fixture, NULL);
	for (unsigned second = 0; second < 40; second++) {
		size_t size = second_of_traffic(&fixture, second, 1);
		assert_true(second < 30 || size <= 320);
		assert_true(told.messages[second]->summary->n_flows > 0);
		assert_true(told.messages[second]->summary->n_hosts > 0);
	}
	teardown(&fixture);
}

static void full_tables_are_counted(void **state) {
	static const char *const settings[] = {"table_size", "16", NULL};
	struct fixture fixture;
	setup(&fixture, settings);
	for (unsigned flow = 0; flow < 100; flow++)
		update(&fixture, flow, T0, 1000);
	advance(&fixture, T0 + 2 * SECOND);
	expect(0, T0, T0 + SECOND, 100000);
	assert_int_equal(fixture.instance.gauges[3], 84); // flows
	assert_int_equal(fixture.instance.gauges[4], 85); // hosts: the target of all is one of 16
	teardown(&fixture);
}

static void no_controller_costs_nothing(void **state) {
	struct fixture fixture;
	setup(&fixture, NULL);
	fixture.node.has_uplink = false;
	update(&fixture, 1, T0, 1000);
	advance(&fixture, T0 + 5 * SECOND);
	flush(&fixture);
	assert_int_equal(told.count, 0);
	assert_int_equal(fixture.instance.counters.absorbed, 1);
	teardown(&fixture);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_follow_event_time),
		cmocka_unit_test(the_series_goes_on_after_its_operator_went),
		cmocka_unit_test(choosing_and_filling_overlap),
		cmocka_unit_test(budget_is_kept),
		cmocka_unit_test(floor_names_the_greatest),
		cmocka_unit_test(full_tables_are_counted),
		cmocka_unit_test(no_controller_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
