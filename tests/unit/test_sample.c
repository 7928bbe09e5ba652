// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The operator sample alone: shares, whole flows, and the account. All secrets are fixed, so each run has the same
// figures; the bounds are six standard deviations.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/flow_record.h"
#include "dataplane/operator.h"

enum { FLOWS = 50000 };

struct fake_packet {
	struct rte_mbuf mbuf;
	struct packet_meta meta;
};

static char said[512];
static struct rte_mbuf *kept[BATCH_MAX];
static unsigned kept_count, dropped;

void instance_forward(struct instance *self, unsigned output, struct batch *batch) {
	memcpy(kept, batch->tuples, batch->count * sizeof(kept[0]));
	kept_count = batch->count;
	batch->count = 0;
}

void instance_drop(struct instance *self, unsigned reason, struct rte_mbuf *tuple) {
	assert_string_equal(self->type->drops[reason], "not_sampled");
	dropped++;
}

void operator_error(const struct operator *op, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(said, sizeof(said), format, arguments);
	va_end(arguments);
}

// An operator with one of its instances.
struct sampler {
	struct operator op;
	struct instance instance;
};

static int sampler_open(
	struct sampler *sampler, const struct schema *schema, unsigned index, const char *const *settings) {
	const struct operator_type *type = operator_type_lookup("sample");
	void *options = calloc(1, type->options_size);
	char error[400];
	assert_int_equal(option_set_defaults(type->options, options), 0);
	for (; *settings != NULL; settings += 2)
		assert_int_equal(option_set(option_lookup(type->options, settings[0]), options, settings[1], error,
					 sizeof(error)),
			0);
	sampler->op = (struct operator){.type = type, .name = "sampled", .options = options, .input = schema};
	sampler->instance = (struct instance){.type = type, .op = &sampler->op, .index = index, .options = options};
	sampler->instance.state = calloc(1, type->state_size);
	int ret = type->open(&sampler->op);
	return ret == 0 ? type->init(&sampler->instance) : ret;
}

static void sampler_close(struct sampler *sampler) {
	const struct operator_type *type = sampler->op.type;
	free(sampler->instance.state);
	type->close(&sampler->op);
	option_free(type->options, (void *)(uintptr_t)sampler->op.options);
	free((void *)(uintptr_t)sampler->op.options);
}

static bool keeps(struct sampler *sampler, struct rte_mbuf *tuple) {
	struct batch batch = {.count = 1, .tuples = {tuple}, .packets = {tuple_stored_packet(tuple)}};
	unsigned dropped_before = dropped;
	sampler->op.type->process(&sampler->instance, &batch);
	assert_int_equal(kept_count + dropped - dropped_before, 1);
	return kept_count == 1;
}

// A packet of flow `number`, one way or the other.
static struct rte_mbuf *packet_of(unsigned number, bool reversed) {
	static struct fake_packet fake;
	struct flow_key *key = &fake.meta.key;
	uint8_t *client = reversed ? key->dst_ip : key->src_ip, *server = reversed ? key->src_ip : key->dst_ip;
	memset(&fake, 0, sizeof(fake));
	fake.mbuf.priv_size = sizeof(fake.meta);
	memcpy(client, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0", 15);
	memcpy(server, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\1\0", 15);
	client[15] = (uint8_t)number;
	server[15] = (uint8_t)(number >> 8);
	*(reversed ? &key->dst_port : &key->src_port) = (uint16_t)(1024 + (number >> 16));
	*(reversed ? &key->src_port : &key->dst_port) = 443;
	key->protocol = number % 2 ? 6 : 17;
	key->ttl = reversed ? 57 : 64; // not of the key
	return &fake.mbuf;
}

static struct rte_mbuf *record_of(unsigned number) {
	static struct rte_mbuf mbuf;
	static struct flow_record record;
	const struct packet_meta *meta = tuple_stored_packet(packet_of(number, false));
	memcpy(record.src_ip, meta->key.src_ip, 16);
	memcpy(record.dst_ip, meta->key.dst_ip, 16);
	record.src_port = meta->key.src_port;
	record.dst_port = meta->key.dst_port;
	record.protocol = meta->key.protocol;
	mbuf.buf_addr = &record;
	return &mbuf;
}

static void assert_share(unsigned count, unsigned of, double share) {
	double expected = of * share, deviation = sqrt(of * share * (1 - share));
	if (fabs(count - expected) > 6 * deviation)
		fail_msg("%u of %u, expected %.0f +- %.0f", count, of, expected, 6 * deviation);
}

static void test_each_nth_packet(void **state) {
	static const char *const settings[] = {"one_in", "7", NULL};
	struct sampler sampler;
	assert_int_equal(sampler_open(&sampler, &packet_schema, 0, settings), 0);
	unsigned passed = 0;
	dropped = 0;
	for (unsigned i = 1; i <= 10; i++) {
		struct rte_mbuf packets[BATCH_MAX];
		struct batch batch = {.count = i * 6}; // batches and sevens do not meet
		for (unsigned j = 0; j < batch.count; j++)
			batch.tuples[j] = &packets[j];
		unsigned before = (passed + dropped) % 7;
		sampler.op.type->process(&sampler.instance, &batch);
		for (unsigned j = 0; j < kept_count; j++)
			assert_ptr_equal(kept[j], &packets[7 * (j + 1) - before - 1]);
		passed += kept_count;
	}
	assert_int_equal(passed + dropped, 330);
	assert_int_equal(passed, 330 / 7);
	assert_int_equal(sampler.instance.gauges[0], 7);
	assert_string_equal(sampler.op.type->gauges[0], "one_in");
	sampler_close(&sampler);
}

static void test_one_in_one_keeps_all(void **state) {
	static const char *const modes[] = {"packet", "random", "flow"};
	for (unsigned i = 0; i < 3; i++) {
		const char *const settings[] = {"one_in", "1", "mode", modes[i], NULL};
		struct sampler sampler;
		assert_int_equal(sampler_open(&sampler, &packet_schema, 0, settings), 0);
		for (unsigned flow = 0; flow < 1000; flow++)
			assert_true(keeps(&sampler, packet_of(flow, false)));
		sampler_close(&sampler);
	}
}

static void test_random_share(void **state) {
	static const char *const settings[] = {"one_in", "10", "mode", "random", "secret", "of the test", NULL};
	struct sampler sampler, again, other;
	assert_int_equal(sampler_open(&sampler, &packet_schema, 0, settings), 0);
	assert_int_equal(sampler_open(&again, &packet_schema, 0, settings), 0);
	assert_int_equal(sampler_open(&other, &packet_schema, 1, settings), 0);
	unsigned passed = 0, both = 0;
	for (unsigned i = 0; i < FLOWS; i++) {
		bool kept_here = keeps(&sampler, packet_of(0, false));
		assert_int_equal(keeps(&again, packet_of(0, false)), kept_here);
		both += keeps(&other, packet_of(0, false)) && kept_here;
		passed += kept_here;
	}
	assert_share(passed, FLOWS, 0.1);
	assert_share(both, FLOWS, 0.01); // instances choose by themselves
	sampler_close(&sampler);
	sampler_close(&again);
	sampler_close(&other);
}

static void test_flows_are_kept_whole_everywhere(void **state) {
	static const char *const settings[] = {"one_in", "10", "mode", "flow", "secret", "shared", NULL};
	static const char *const fewer[] = {"one_in", "100", "mode", "flow", "secret", "shared", NULL};
	static const char *const others[] = {"one_in", "10", "mode", "flow", "secret", "another", NULL};
	struct sampler sampler, elsewhere, records, rare, another;
	assert_int_equal(sampler_open(&sampler, &packet_schema, 0, settings), 0);
	assert_int_equal(sampler_open(&elsewhere, &packet_schema, 3, settings), 0);
	assert_int_equal(sampler_open(&records, &flow_schema, 0, settings), 0);
	assert_int_equal(sampler_open(&rare, &packet_schema, 0, fewer), 0);
	assert_int_equal(sampler_open(&another, &packet_schema, 0, others), 0);
	unsigned passed = 0, passed_rare = 0, both = 0;
	for (unsigned flow = 0; flow < FLOWS; flow++) {
		bool chosen = keeps(&sampler, packet_of(flow, false));
		assert_int_equal(keeps(&sampler, packet_of(flow, true)), chosen);
		assert_int_equal(keeps(&elsewhere, packet_of(flow, true)), chosen);
		assert_int_equal(keeps(&records, record_of(flow)), chosen);
		bool chosen_rarely = keeps(&rare, packet_of(flow, false));
		assert_true(chosen || !chosen_rarely);
		both += chosen && keeps(&another, packet_of(flow, false));
		passed += chosen;
		passed_rare += chosen_rarely;
	}
	assert_share(passed, FLOWS, 0.1);
	assert_share(passed_rare, FLOWS, 0.01);
	assert_share(both, FLOWS, 0.01);
	sampler_close(&sampler);
	sampler_close(&elsewhere);
	sampler_close(&records);
	sampler_close(&rare);
	sampler_close(&another);
}

static void test_other_keys(void **state) {
	static const char *const by_host[] = {
		"one_in", "4", "mode", "flow", "secret", "s", "key", "src_ip", "symmetric", "no", NULL};
	struct sampler sampler;
	assert_int_equal(sampler_open(&sampler, &packet_schema, 0, by_host), 0);
	unsigned passed = 0;
	for (unsigned host = 0; host < 256; host++) {
		bool chosen = keeps(&sampler, packet_of(host, false));
		for (unsigned other = 1; other < 16; other++)
			assert_int_equal(keeps(&sampler, packet_of(other << 8 | host, false)), chosen);
		passed += chosen;
	}
	assert_share(passed, 256, 0.25);
	sampler_close(&sampler);
}

static void test_refuses_keys_that_are_none(void **state) {
	static const char *const cases[][2] = {
		{"src_ip,colour", "key: \"colour\": no field of schema flow; expected fields with one value"},
		{"vlan", "key: \"vlan\": a list of schema flow"},
		{"src_ip,dst_ip,src_port,dst_port,protocol,start_ns,end_ns,src_mac,dst_mac",
			"key: 9 fields; expected 1..8"},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const settings[] = {"one_in", "4", "mode", "flow", "key", cases[i][0], NULL};
		struct sampler sampler;
		assert_int_not_equal(sampler_open(&sampler, &flow_schema, 0, settings), 0);
		if (strstr(said, cases[i][1]) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", said, cases[i][1]);
		sampler_close(&sampler);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_nth_packet),
		cmocka_unit_test(test_one_in_one_keeps_all),
		cmocka_unit_test(test_random_share),
		cmocka_unit_test(test_flows_are_kept_whole_everywhere),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_refuses_keys_that_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
