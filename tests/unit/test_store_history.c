// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the histories note: rates times time is what the sums grew by, whenever summaries come and however long their
// intervals are.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/aggregate.h"
#include "ctrlplane/store.h"
#include "ctrlplane/store_parts.h"

#define T0_S UINT64_C(1700000000)

enum { NOTED_AT_MS = 450 }; // after the end of an interval

static struct state shared;
static struct store store;
static uint64_t told_packets[2], told[2]; // by the nodes: cumulative; summaries

static struct node *node_of(unsigned n) {
	return nodes_find(&shared.nodes, n == 0 ? "a" : "b");
}

static void enrol(const char *name, uint64_t incarnation, uint64_t epoch) {
	Weir__Register message = WEIR__REGISTER__INIT;
	struct identity peer = {.size = 1};
	struct node *node = NULL;
	message.node = (char *)name;
	message.incarnation = incarnation;
	message.epoch = epoch;
	assert_int_equal(nodes_obtain(&shared.nodes, name, &node), 0);
	node_register(node, &message, &peer, T0_S * NS_PER_S);
}

static int setup(void **state) {
	memset(&shared, 0, sizeof(shared));
	memset(&store, 0, sizeof(store));
	memset(told, 0, sizeof(told));
	memset(told_packets, 0, sizeof(told_packets));
	shared.config.interval_ns = NS_PER_S;
	shared.nodes = (struct nodes){.max = 4, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 12};
	store.state = &shared;
	store.endpoint.kind = REDIS_UNIX;
	enrol("a", 1, 0);
	enrol("b", 1, 0);
	return history_new(&store.history);
}

static int teardown(void **state) {
	history_free(store.history);
	nodes_fini(&shared.nodes);
	return 0;
}

// Node n tells of packets of the interval before end_ms (since T0); each is a TCP one with a round-trip time.
static void tell(unsigned n, uint64_t packets, uint64_t end_ms, uint64_t length_ms) {
	Weir__Summary summary = WEIR__SUMMARY__INIT;
	Weir__Totals interval = WEIR__TOTALS__INIT, cumulative = WEIR__TOTALS__INIT;
	uint8_t packed[HISTOGRAM_PACKED_MAX];
	struct histogram rtt = {.lost_bits = 0};
	struct series *series;

	histogram_add(&rtt, NS_PER_MS, packets);
	told_packets[n] += packets;
	interval.packets = interval.tcp_packets = packets;
	cumulative.packets = cumulative.tcp_packets = told_packets[n];
	summary.pipeline = "p";
	summary.operator_ = "report";
	summary.incarnation = node_of(n)->incarnation;
	summary.sequence = ++told[n];
	summary.end_ns = T0_S * NS_PER_S + end_ms * NS_PER_MS;
	summary.start_ns = summary.end_ns - length_ms * NS_PER_MS;
	summary.interval = &interval;
	summary.cumulative = &cumulative;
	summary.rtt =
		(ProtobufCBinaryData){histogram_pack(&rtt, HISTOGRAM_RESOLUTION_MAX, packed, sizeof(packed)), packed};
	assert_int_equal(
		aggregate_summary(&shared.nodes, node_of(n), &summary, clock_mono_ns(), &series), AGGREGATE_TAKEN);
}

static void note(uint64_t second) {
	uint64_t at_ns = second * NS_PER_S + NOTED_AT_MS * NS_PER_MS;
	store_note_interval(&store, T0_S * NS_PER_S + at_ns, NS_PER_S + at_ns);
}

static uint64_t entries(const struct history *history) {
	const struct history_level *level = &history->levels[HISTORY_INTERVAL];
	return level->added - level->stored;
}

static const struct history_entry *entry(const struct history *history, uint64_t i) {
	const struct history_level *level = &history->levels[HISTORY_INTERVAL];
	assert_true(i < entries(history));
	return &level->entries[(level->stored + i) % level->max];
}

// Rates times the time since the entry before.
static double noted(const struct history *history, double first_s) {
	double sum = 0;
	for (uint64_t i = 0; i < entries(history); i++) {
		double elapsed_s = i > 0 ? (double)(entry(history, i)->ms - entry(history, i - 1)->ms) / 1e3 : first_s;
		sum += elapsed_s * entry(history, i)->rates[HISTORY_PACKETS_PER_S];
	}
	return sum;
}

static void assert_all_noted(void) {
	uint64_t samples = 0, all = told_packets[0] + told_packets[1];
	for (uint64_t i = 0; i < entries(store.history); i++)
		samples += entry(store.history, i)->tcp_packets;
	assert_float_equal(noted(store.history, 1), (double)all, 1e-6);
	assert_int_equal(samples, all);
	for (unsigned n = 0; n < 2; n++)
		assert_float_equal(noted(node_of(n)->history, 1), (double)told_packets[n], 1e-6);
}

static void late_summaries_are_noted_later(void **state) {
	for (uint64_t s = 1; s <= 20; s++) {
		tell(0, 100 + s, 1000 * s, 1000);
		note(s);
		tell(1, 10, 1000 * s, 1000); // always after the moment of noting
	}
	note(21);
	assert_all_noted();
	assert_float_equal(entry(store.history, 0)->rates[HISTORY_PACKETS_PER_S], 101, 1e-6);
	assert_float_equal(entry(store.history, 5)->rates[HISTORY_PACKETS_PER_S], 116, 1e-6);
}

static void an_isolated_second_is_noted_once(void **state) {
	tell(0, 50, 1000, 1000);
	for (uint64_t s = 1; s <= 8; s++) {
		if (s == 5)
			tell(0, 70, 5000, 1000);
		note(s);
		note(s); // of the same interval
	}
	assert_int_equal(entries(store.history), 8);
	assert_all_noted();
	assert_float_equal(entry(store.history, 0)->rates[HISTORY_PACKETS_PER_S], 50, 1e-6);
	assert_float_equal(entry(store.history, 1)->rates[HISTORY_PACKETS_PER_S], 0, 1e-6);
	assert_int_equal(entry(store.history, 1)->rtt_ns[0], 0);
	assert_in_range(entry(store.history, 4)->rtt_ns[0], 950000, 1050000);
}

static void intervals_of_any_length_add_up(void **state) {
	for (uint64_t s = 1; s <= 30; s++) {
		for (uint64_t quarter = 1; quarter <= 4; quarter++)
			tell(0, 25, 1000 * (s - 1) + 250 * quarter, 250);
		if (s % 10 == 0)
			tell(1, 1000, 1000 * s, 10000);
		note(s);
	}
	assert_all_noted();
	assert_float_equal(entry(store.history, 14)->rates[HISTORY_PACKETS_PER_S], 100, 1e-6);
	assert_float_equal(entry(node_of(1)->history, 19)->rates[HISTORY_PACKETS_PER_S], 1000, 1e-6);
	assert_float_equal(entry(node_of(1)->history, 20)->rates[HISTORY_PACKETS_PER_S], 0, 1e-6);
}

static void missed_intervals_lower_the_rate(void **state) {
	tell(0, 100, 1000, 1000);
	note(1);
	for (uint64_t s = 2; s <= 5; s++)
		tell(0, 100, 1000 * s, 1000);
	note(5);
	assert_float_equal(entry(store.history, 1)->rates[HISTORY_PACKETS_PER_S], 100, 1e-6);
	assert_float_equal(noted(node_of(0)->history, 1), 500, 1e-6);
}

static void a_clock_that_is_set_changes_no_rate(void **state) {
	static const uint64_t walls_s[] = {1, 2, 3603, 3604, 5, 6};
	for (uint64_t i = 0; i < sizeof(walls_s) / sizeof(*walls_s); i++) {
		tell(0, 100, 1000 * walls_s[i], 1000);
		store_note_interval(&store, (T0_S + walls_s[i]) * NS_PER_S, (i + 1) * NS_PER_S);
		assert_float_equal(entry(store.history, i)->rates[HISTORY_PACKETS_PER_S], 100, 1e-6);
	}
}

static void the_end_of_a_node_is_noted(void **state) {
	tell(0, 100, 1000, 1000);
	note(1);
	tell(0, 30, 1300, 300);
	node_end(node_of(0));
	note(2);
	note(3);
	assert_int_equal(entries(node_of(0)->history), 2);
	assert_all_noted();
}

static void another_incarnation_begins_with_its_own_time(void **state) {
	tell(0, 100, 1000, 1000);
	note(1);
	node_lose(node_of(0));
	for (uint64_t s = 2; s < 60; s++)
		note(s);
	assert_int_equal(entries(node_of(0)->history), 1);
	enrol("a", 2, 0);
	told[0] = told_packets[0] = 0;
	tell(0, 100, 60000, 1000);
	note(60);
	assert_float_equal(entry(node_of(0)->history, 1)->rates[HISTORY_PACKETS_PER_S], 100, 1e-6);
}

static void what_earlier_controllers_were_told_is_the_past(void **state) {
	enrol("a", 7, 3);
	told_packets[0] = 1000000;
	told[0] = 5000;
	tell(0, 100, 1000, 1000);
	note(1);
	tell(0, 120, 2000, 1000);
	note(2);
	assert_float_equal(entry(store.history, 0)->rates[HISTORY_PACKETS_PER_S], 100, 1e-6);
	assert_float_equal(entry(store.history, 1)->rates[HISTORY_PACKETS_PER_S], 120, 1e-6);
}

// One end is the store's connection, the other stands for Redis.
static void connect_store(int ends[2]) {
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	store.redis = redisConnectFd(ends[0]);
	assert_non_null(store.redis);
	store.redis->flags &= ~REDIS_BLOCK;
	store.text = "unix:///test";
	shared.config.redis_timeout_ns = 3600 * NS_PER_S;
}

// Send the transaction's histories and have them stored.
//   return  XADDs
static uint64_t store_some(void) {
	struct store_command command = {.redis = store.redis};
	uint64_t entries = 0;
	store_save_histories(&command, &store);
	assert_int_equal(command.err, 0);
	store_command_fini(&command);
	for (const char *at = store.redis->obuf; (at = strstr(at, "XADD")) != NULL; at++)
		entries++;
	sdsclear(store.redis->obuf);
	store_mark_histories(&store);
	return entries;
}

static void what_waited_long_goes_bit_by_bit(void **state) {
	enum { NODES = 48, ABSENCE_S = 600 };
	int ends[2];
	nodes_fini(&shared.nodes);
	shared.nodes = (struct nodes){.max = NODES, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 2};
	for (unsigned i = 0; i < NODES; i++) {
		char name[NODE_NAME_SIZE];
		snprintf(name, sizeof(name), "node%u", i);
		enrol(name, 1, 0);
	}
	connect_store(ends);
	for (uint64_t s = 1; s <= ABSENCE_S; s++)
		note(s);
	uint64_t stored = 0, transactions = 0, most = 0, now_s = ABSENCE_S;
	const struct node *last = shared.nodes.list[NODES - 1];
	while (entries(store.history) > 0 || entries(last->history) > 0) {
		uint64_t length = store_some();
		stored += length;
		most = length > most ? length : most;
		assert_true(++transactions < ABSENCE_S);
		if (transactions % 2 == 0) // time goes on
			note(++now_s);
	}
	assert_true(most <= 2 * STORE_ENTRIES_MAX);
	assert_int_equal(stored, (NODES + 1) * (now_s + (T0_S % 60 + now_s) / 60));
	assert_int_equal(store.history->gaps_length, 0);
	redisFree(store.redis);
	close(ends[1]);
}

static void who_makes_progress_is_not_given_up(void **state) {
	static const char answer[] = "+QUEUED\r\n";
	int ends[2];
	connect_store(ends);
	store.phase = STORE_SAVING;
	store.expected = 1000;
	store.deadline_mono_ns = 1; // long ago
	assert_int_equal(write(ends[1], answer, sizeof(answer) - 1), sizeof(answer) - 1);
	store_work(&store);
	assert_int_equal(store.phase, STORE_SAVING);
	store.deadline_mono_ns = 1;
	redisAppendCommand(store.redis, "PING");
	store_work(&store);
	assert_int_equal(store.phase, STORE_SAVING);
	store.deadline_mono_ns = 1;
	store_work(&store);
	assert_int_equal(store.phase, STORE_AWAY);
	close(ends[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(late_summaries_are_noted_later),
		TEST(an_isolated_second_is_noted_once),
		TEST(intervals_of_any_length_add_up),
		TEST(missed_intervals_lower_the_rate),
		TEST(a_clock_that_is_set_changes_no_rate),
		TEST(the_end_of_a_node_is_noted),
		TEST(another_incarnation_begins_with_its_own_time),
		TEST(what_earlier_controllers_were_told_is_the_past),
		TEST(what_waited_long_goes_bit_by_bit),
		TEST(who_makes_progress_is_not_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
