// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Pipelines that are applied, changed and removed while tuples flow: what stays keeps its state, what goes gives back
// what it holds, and each tuple arrives once, in order. And what is refused, with the node as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/control_thread.h"
#include "dataplane/node_pools.h"
#include "dataplane/text.h"
#include "tests/unit/numbered_flow.h"

enum { CHANGES = 1000, CHANGES_MIN = 12, DELAYED = 24 };

// The tuples have their own memory here.
int node_pools_fit(struct node *node, const struct plan *plan) {
	return 0;
}

void node_pools_free(struct node *node) {
}

// There is no EAL that would know of CPUs.
int control_thread_new(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
	return -pthread_create(thread, NULL, run, argument);
}

static void hand_on(struct instance *self, struct batch *batch) {
	instance_forward(self, 0, batch);
}

// Always has the last DELAYED tuples, and tells no time that they are behind.
struct delay {
	struct rte_mbuf *tuples[DELAYED];
	uint64_t put, taken;
};

static void take_oldest(struct delay *delay, struct batch *out) {
	struct rte_mbuf *tuple = delay->tuples[delay->taken++ % DELAYED];
	batch_add_packet(out, tuple, tuple_stored_packet(tuple));
	out->hashes[out->count - 1] = hash_of(tuple_stored_packet(tuple)->key.src_port);
}

static void tell_oldest(struct instance *self) {
	struct delay *delay = self->state;
	self->counters.held = delay->put - delay->taken;
	if (delay->put > delay->taken)
		self->told_ns = tuple_stored_packet(delay->tuples[delay->taken % DELAYED])->timestamp_ns - 1;
}

static void delay_tuples(struct instance *self, struct batch *batch) {
	struct delay *delay = self->state;
	struct batch out = {.count = 0};
	batch_store(batch, &packet_schema);
	for (unsigned i = 0; i < batch->count; i++) {
		if (delay->put - delay->taken == DELAYED)
			take_oldest(delay, &out);
		delay->tuples[delay->put++ % DELAYED] = batch->tuples[i];
	}
	batch->count = 0;
	tell_oldest(self);
	instance_forward(self, 0, &out);
}

static bool give_all(struct instance *self, enum end_of_stream why, unsigned room) {
	struct delay *delay = self->state;
	struct batch out = {.count = 0};
	for (; room > 0 && delay->put > delay->taken; room--)
		take_oldest(delay, &out);
	tell_oldest(self);
	instance_forward(self, 0, &out);
	return delay->put > delay->taken;
}

static int fail_to_open(struct operator *op) {
	operator_error(op, "nobody is at home");
	return -ENOENT;
}

static uint64_t limits[5];
static void take_limit(struct instance *self) {
	limits[self->index] = *(const uint64_t *)self->options;
}

static const struct option pass_options[] = {
	{"limit", OPTION_UINT, 0, "7", 1, 1000, .live = true},
	{"fixed", OPTION_UINT, 8, "7", 1, 1000},
	{0},
};
static struct operator_type pass = {.name = "pass",
	.accepts = packets,
	.outputs = packet_output,
	.options = pass_options,
	.options_size = 16,
	.take_options = take_limit,
	.process = hand_on};
static struct operator_type delay_type = {.name = "delay",
	.accepts = packets,
	.outputs = packet_output,
	.process = delay_tuples,
	.flush = give_all,
	.tells_watermark = true,
	.state_size = sizeof(struct delay)};
static struct operator_type closed = {
	.name = "closed", .accepts = packets, .outputs = packet_output, .process = hand_on, .open = fail_to_open};
OPERATOR_REGISTER(pass);
OPERATOR_REGISTER(delay_type);
OPERATOR_REGISTER(closed);

#define BEFORE "ring_size: 64\nplacement: chained\npipeline: p\noperators: [{name: source, type: feed}, "
#define FED(count)                                                                                                     \
	"ring_size: 64\nplacement: chained\npipeline: p\noperators: [{name: source, type: feed, parallelism: " count   \
	"}, "
#define AFTER "{name: stats, type: keyed}, {name: sink, type: drain}]\n"
#define KEYED(count) "{name: stats, type: keyed, parallelism: " count "}, {name: sink, type: drain}]\n"
static const char plain[] = BEFORE AFTER, passed[] = BEFORE "{name: pass, type: pass}, " AFTER,
		  delayed[] = BEFORE "{name: delay, type: delay}, " AFTER,
		  both[] = BEFORE "{name: delay, type: delay}, {name: pass, type: pass, limit: 9}, " AFTER;

static void change(struct running *running, const char *verb, const char *value, const char *document, char *text) {
	Weir__Command command = WEIR__COMMAND__INIT;
	command.id = (char *)"id";
	command.verb = (char *)verb;
	command.target = (char *)(document[0] != '\0' ? "new.yaml" : value);
	command.value = (char *)(document[0] != '\0' ? value : "");
	command.document = (char *)document;
	text[0] = '\0';
	Weir__CommandStatus status;
	do
		status = node_change(&running->node, &command, text, UPLINK_COMMAND_TEXT_SIZE);
	while (status == WEIR__COMMAND_STATUS__COMMAND_UNSPECIFIED);
	running->is_done = status == WEIR__COMMAND_STATUS__COMMAND_DONE;
}

//   expected  without how long it took
static void assert_done(
	struct running *running, const char *verb, const char *value, const char *document, const char *expected) {
	char text[UPLINK_COMMAND_TEXT_SIZE];
	change(running, verb, value, document, text);
	char *times = strstr(text, "; sources held still for ");
	if (times == NULL)
		times = strstr(text, "; workers for "); // neither instances nor streams are others
	if (times != NULL)
		*times = '\0';
	if (!running->is_done || (expected != NULL && strcmp(text, expected) != 0))
		fail_msg("%s", text);
}

static void assert_refused(struct running *running, const char *document, const char *expected) {
	char text[UPLINK_COMMAND_TEXT_SIZE];
	unsigned version = running->node.plan->version;
	for (unsigned i = 0; i < 2; i++) {
		change(running, "apply", i == 0 ? "dry-run" : "run", document, text);
		assert_false(running->is_done);
		assert_string_equal(text, expected);
	}
	assert_int_equal(running->node.plan->version, version);
}

static void change_again_and_again(unsigned workers) {
	static const char *const documents[] = {plain, passed, delayed, both};
	struct running *running = small_zeros(1, sizeof(*running));
	char text[256];
	start(running, plain, workers);
	unsigned instances = running->node.plan->operators[1].instance_count;
	srand(workers);
	wait_for_tuples(1000);
	time_t limit = time(NULL) + 4; // where others want the CPUs
	for (unsigned i = 0; i < CHANGES && (i < CHANGES_MIN || time(NULL) < limit); i++) {
		assert_done(running, "apply", "run", documents[rand() % 4], NULL);
		if (i % 4 == 0) {
			char value[32];
			snprintf(value, sizeof(value), "%u-%u %u", rand() % 500u, 500 + rand() % 500u,
				rand() % instances);
			node_move(&running->node, "stats", value, text, sizeof(text));
			while (!node_move_settle(&running->node))
				sched_yield();
		}
		if (i % 8 == 0)
			wait_for_tuples(100);
	}
	// The last one, and those with which the other operators came.
	assert_in_range(node_count_applied(&running->node), 1, 3);
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&received), sent);
	free(running);
}

static void test_two_workers(void **state) {
	change_again_and_again(2);
}

static void test_three_workers(void **state) {
	change_again_and_again(3);
}

// In one to five instances, and sources in one to four, on one to three workers; groups are where they were where it
// fails.
static void spread_again_and_again(unsigned workers) {
	static const char *const documents[] = {BEFORE KEYED("1"), BEFORE KEYED("2"), BEFORE KEYED("4"),
		BEFORE "{name: pass, type: pass}, " KEYED("5"), BEFORE "{name: delay, type: delay}, " KEYED("3"),
		FED("1") KEYED("2"), FED("3") KEYED("3"), FED("4") "{name: delay, type: delay}, " KEYED("2"),
		FED("1") "{name: delay, type: delay}, " KEYED("4")};
	struct running *running = small_zeros(1, sizeof(*running));
	start(running, documents[0], workers);
	srand(workers);
	wait_for_tuples(1000);
	time_t limit = time(NULL) + 1;
	for (unsigned i = 0; i < CHANGES && (i < CHANGES_MIN || time(NULL) < limit); i++) {
		char text[UPLINK_COMMAND_TEXT_SIZE];
		change(running, "apply", "run", documents[rand() % RTE_DIM(documents)], text);
		// Where others want the CPUs, what was held may take its time.
		if (!running->is_done && strstr(text, "waits for room downstream") == NULL)
			fail_msg("%s", text);
		if (i % 8 == 0)
			wait_for_tuples(100);
	}
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&received), sent);
	free(running);
}

static void test_more_and_fewer_instances(void **state) {
	for (unsigned workers = 1; workers <= 3; workers++)
		spread_again_and_again(workers);
}

static void test_groups_are_shared_out(void **state) {
	static const struct {
		const char *document, *said;
		unsigned count;
	} steps[] = {
		{BEFORE KEYED("4"), "runs p: sets stats.parallelism 4 (was 2)", 4},
		{BEFORE KEYED("3"), "runs p: sets stats.parallelism 3 (was 4)", 3},
		{BEFORE KEYED("1"), "runs p: sets stats.parallelism 1 (was 3)", 1},
		{BEFORE KEYED("2"), "runs p: sets stats.parallelism 2 (was 1)", 2},
	};
	struct running *running = small_zeros(1, sizeof(*running));
	start(running, plain, 2);
	for (unsigned i = 0; i < RTE_DIM(steps); i++) {
		unsigned groups[4] = {0};
		assert_done(running, "apply", "run", steps[i].document, steps[i].said);
		const struct plan_operator *stats = &running->node.plan->operators[1];
		assert_int_equal(stats->instance_count, steps[i].count);
		assert_int_equal(running->node.operators[1]->instance_count, steps[i].count);
		for (unsigned group = 0; group < KEY_GROUPS; group++)
			groups[stats->owners[group]]++;
		for (unsigned j = 0; j < steps[i].count; j++)
			assert_in_range(groups[j], KEY_GROUPS / steps[i].count, KEY_GROUPS / steps[i].count + 1);
		wait_for_tuples(1000);
	}
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&received), sent);
	free(running);
}

static void *stop_soon(void *node) {
	wait_for_tuples(50);
	node_stop(node);
	return NULL;
}

// Changes go on while the input ends: what is removed is not given anything after it has ended.
static void test_the_end_during_changes(void **state) {
	static const char *const documents[] = {both, delayed, plain, passed};
	char text[UPLINK_COMMAND_TEXT_SIZE];
	for (unsigned round = 0; round < 20; round++) {
		struct running *running = small_zeros(1, sizeof(*running));
		pthread_t stopper;
		start(running, both, 2);
		assert_int_equal(pthread_create(&stopper, NULL, stop_soon, &running->node), 0);
		for (unsigned i = 0; i < 8; i++)
			change(running, "apply", "run", documents[(i + 1) % 4], text);
		pthread_join(stopper, NULL);
		uint64_t sent = stop(running);
		assert_int_equal(atomic_load(&wrong), 0);
		assert_int_equal(atomic_load(&received), sent);
		free(running);
	}
}

// More ways to one ring than it has entries.
static void write_wide(char *document, size_t size) {
	enum { WAYS = 65 };
	snprintf(document, size, "%s", BEFORE);
	for (unsigned i = 0; i < WAYS; i++)
		text_append(document, size, "{name: w%u, type: pass}, ", i);
	text_append(document, size, "{name: last, type: pass}, %s", AFTER "streams: [");
	for (unsigned i = 0; i < WAYS; i++)
		text_append(document, size, "{from: source, to: w%u}, {from: w%u, to: last}, ", i, i);
	text_append(document, size, "{from: last, to: stats}, {from: stats, to: sink}]\n");
}

// It is known only once the parts are joined: nothing may have left by then.
static void test_what_cant_be_joined(void **state) {
	struct running *running = small_zeros(1, sizeof(*running));
	char document[16384], text[UPLINK_COMMAND_TEXT_SIZE];
	write_wide(document, sizeof(document));
	start(running, both, 2);
	for (unsigned i = 0; i < 3; i++) {
		wait_for_tuples(100);
		change(running, "apply", "run", document, text);
		assert_false(running->is_done);
		assert_non_null(strstr(text, "ring_size: 64: one tuple becomes up to 65 tuples in a ring"));
	}
	wait_for_tuples(1000);
	assert_done(running, "apply", "run", plain, NULL);
	wait_for_tuples(1000);
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&received), sent);
	free(running);
}

static void test_what_is_said(void **state) {
	struct running *running = small_zeros(1, sizeof(*running));
	start(running, plain, 2);
	assert_done(running, "apply", "dry-run", plain, "it would run p: no difference");
	assert_done(running, "apply", "dry-run", both,
		"it would run p: adds delay, pass; joins source -> delay, delay -> pass, pass -> stats; "
		"parts source -> stats");
	assert_done(running, "apply", "run", both, NULL);
	assert_done(running, "apply", "run",
		BEFORE "{name: delay, type: delay}, {name: pass, type: pass, limit: 11}, " AFTER,
		"runs p: sets pass.limit 11 (was 9)");
	node_snapshot_begin(&running->node);
	node_snapshot_end(&running->node);
	assert_int_equal(limits[0], 11);
	assert_done(running, "apply", "run", passed,
		"runs p: removes delay; joins source -> pass; parts source -> delay, delay -> pass; "
		"sets pass.limit 7 (was 11)");
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&received), sent);
	free(running);
}

static void test_what_is_refused(void **state) {
	struct running *running = small_zeros(1, sizeof(*running));
	char text[UPLINK_COMMAND_TEXT_SIZE];
	start(running, passed, 2);
	assert_refused(running, BEFORE "{name: pass, type: pass, fixed: 9}, " AFTER,
		"p/pass.fixed: \"9\": can't change while it runs; expected 7, or an operator by another name");
	assert_refused(running, BEFORE "{name: pass, type: delay}, " AFTER,
		"p/pass: type pass runs under that name: expected the same type, not delay, or another name");
	assert_refused(running, FED("5") "{name: pass, type: pass}, " AFTER,
		"p/source: parallelism 5: expected 2, or up to 4: it has no more parts");
	assert_refused(running, BEFORE "{name: pass, type: pass}, " KEYED("33"),
		"p/stats: parallelism 33: expected 2, or up to 32: its state per key has no more parts");
	change(running, "apply", "run", BEFORE "{name: pass, type: pass}, {name: closed, type: closed}, " AFTER, text);
	assert_false(running->is_done);
	assert_string_equal(text, "it could not be opened: closed: nobody is at home");
	change(running, "remove", "q", "", text);
	assert_false(running->is_done);
	assert_string_equal(text, "no such pipeline: this node runs p");
	wait_for_tuples(100);
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&received), sent);
	free(running);
}

static void test_sources_that_share_nothing(void **state) {
	static const char solid_one[] = "ring_size: 64\npipeline: p\noperators: [{name: source, type: solid}, " AFTER;
	static const char more[] =
		"ring_size: 64\npipeline: p\noperators: [{name: source, type: solid, parallelism: 3}, " AFTER;
	struct running *running = small_zeros(1, sizeof(*running));
	start(running, solid_one, 2);
	assert_refused(running, more,
		"p/source: parallelism 3: expected 2, as it runs: what the instances of type solid read was shared out "
		"at their start");
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&received), sent);
	free(running);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_three_workers),
		cmocka_unit_test(test_more_and_fewer_instances),
		cmocka_unit_test(test_groups_are_shared_out),
		cmocka_unit_test(test_the_end_during_changes),
		cmocka_unit_test(test_what_cant_be_joined),
		cmocka_unit_test(test_what_is_said),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_sources_that_share_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
