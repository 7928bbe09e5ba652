// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The operator anonymize alone: which fields it changes, that its table of addresses is never wrong, and that all
// instances agree. The engine is played by the functions here.
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/flow_record.h"
#include "dataplane/crypto_pan.h"
#include "dataplane/operator.h"

static const uint8_t written_key[CRYPTO_PAN_KEY_SIZE] = "sixteen of key, sixteen of pad.";
static char key_path[] = "/tmp/weir-anonymize-XXXXXX";
static char said[512];
static unsigned forwarded;
static uint64_t hash_factor; // 0: all addresses share one place of the table

void instance_forward(struct instance *self, unsigned output, struct batch *batch) {
	forwarded += batch->count;
	batch->count = 0;
}

uint64_t key_hash(const struct node *node, const void *key, size_t size) {
	return ((const uint8_t *)key)[size - 1] * hash_factor;
}

void operator_error(const struct operator *op, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(said, sizeof(said), format, arguments);
	va_end(arguments);
}

// An operator with two instances.
struct fixture {
	struct operator op;
	struct instance instances[2];
};

static int fixture_open(struct fixture *fixture, const struct schema *schema, const char *const *settings) {
	const struct operator_type *type = operator_type_lookup("anonymize");
	void *options = calloc(1, type->options_size);
	char error[400];
	assert_int_equal(option_set_defaults(type->options, options), 0);
	for (; *settings != NULL; settings += 2)
		assert_int_equal(option_set(option_lookup(type->options, settings[0]), options, settings[1], error,
					 sizeof(error)),
			0);
	*fixture = (struct fixture){
		.op = {.type = type, .name = "anonymous", .options = options, .input = schema, .instance_count = 2}};
	int ret = type->open(&fixture->op);
	for (unsigned i = 0; i < 2 && ret == 0; i++) {
		fixture->instances[i] = (struct instance){.type = type, .op = &fixture->op, .options = options};
		fixture->instances[i].state = calloc(1, type->state_size);
		assert_int_equal(type->init(&fixture->instances[i]), 0);
	}
	return ret;
}

static void fixture_close(struct fixture *fixture) {
	const struct operator_type *type = fixture->op.type;
	for (unsigned i = 0; i < 2 && fixture->instances[i].state != NULL; i++) {
		type->fini(&fixture->instances[i]);
		free(fixture->instances[i].state);
	}
	type->close(&fixture->op);
	option_free(type->options, (void *)(uintptr_t)fixture->op.options);
	free((void *)(uintptr_t)fixture->op.options);
}

static void treat(struct instance *self, void *record) {
	struct rte_mbuf tuple = {.buf_addr = record};
	struct batch batch = {.count = 1, .tuples = {&tuple}};
	self->type->process(self, &batch);
}

static struct flow_record a_record(void) {
	struct flow_record record = {
		.present = 1 << FLOW_HAS_PORTS | 1 << FLOW_HAS_MAC | 1 << FLOW_HAS_VLAN | 1 << FLOW_HAS_MPLS,
		.src_port = 1000,
		.dst_port = 53,
		.src_mac = {2, 0, 0, 0, 0, 1},
		.dst_mac = {2, 0, 0, 0, 0, 2},
		.vlan_count = 1,
		.vlan = {7},
		.mpls_count = 1,
		.mpls = {16},
		.fwd = {.packets = 1, .ttl = 61},
	};
	inet_pton(AF_INET6, "::ffff:192.0.2.1", record.src_ip);
	inet_pton(AF_INET6, "2001:db8::1", record.dst_ip);
	return record;
}

static void test_changes_addresses_and_nothing_else(void **state) {
	static const char *const settings[] = {"key", key_path, "mac", "keep", NULL};
	struct fixture fixture;
	struct crypto_pan pan;
	crypto_pan_init(&pan, written_key);
	assert_int_equal(fixture_open(&fixture, &flow_schema, settings), 0);
	struct flow_record record = a_record(), expected = record;
	crypto_pan_address(&pan, record.src_ip, expected.src_ip);
	crypto_pan_address(&pan, record.dst_ip, expected.dst_ip);
	assert_memory_not_equal(expected.src_ip, record.src_ip, 16);
	treat(&fixture.instances[0], &record);
	assert_memory_equal(&record, &expected, sizeof(record));
	fixture_close(&fixture);
}

static void test_updates_as_well(void **state) {
	static const char *const settings[] = {"key", key_path, NULL};
	struct fixture fixture;
	struct crypto_pan pan;
	crypto_pan_init(&pan, written_key);
	assert_int_equal(fixture_open(&fixture, &flow_update_schema, settings), 0);
	struct flow_update update = {.src_ip = {1}, .dst_ip = {2}, .total_packets = 3}, expected = update;
	crypto_pan_address(&pan, update.src_ip, expected.src_ip);
	crypto_pan_address(&pan, update.dst_ip, expected.dst_ip);
	treat(&fixture.instances[0], &update);
	assert_memory_equal(&update, &expected, sizeof(update));
	fixture_close(&fixture);
}

static void test_removes_what_it_is_told(void **state) {
	static const char *const settings[] = {"key", key_path, "remove", "vlan,fwd.ttl,src_port", NULL};
	struct fixture fixture;
	assert_int_equal(fixture_open(&fixture, &flow_schema, settings), 0);
	struct flow_record record = a_record();
	treat(&fixture.instances[0], &record);
	// MAC addresses by default; ports stay present, for dst_port is asked for still.
	assert_int_equal(record.present, 1 << FLOW_HAS_PORTS | 1 << FLOW_HAS_MPLS);
	static const uint8_t no_mac[6];
	assert_memory_equal(record.src_mac, no_mac, 6);
	assert_memory_equal(record.dst_mac, no_mac, 6);
	assert_int_equal(record.vlan_count, 0);
	assert_int_equal(record.vlan[0], 0);
	assert_int_equal(record.fwd.ttl, 0);
	assert_int_equal(record.src_port, 0);
	assert_int_equal(record.dst_port, 53);
	assert_int_equal(record.mpls[0], 16);
	fixture_close(&fixture);
}

static void test_hashes_mac_addresses(void **state) {
	static const char *const settings[] = {"key", key_path, "mac", "hash", NULL};
	struct fixture fixture;
	struct crypto_pan pan;
	crypto_pan_init(&pan, written_key);
	assert_int_equal(fixture_open(&fixture, &flow_schema, settings), 0);
	struct flow_record record = a_record(), before = record;
	treat(&fixture.instances[0], &record);
	uint8_t expected[6];
	crypto_pan_mac(&pan, before.src_mac, expected);
	assert_memory_equal(record.src_mac, expected, 6);
	assert_int_equal(record.present, before.present);
	fixture_close(&fixture);
}

// A table of one place, of a few, and of many: the addresses are the same, on each instance and at each turn.
static void test_its_table_is_never_wrong(void **state) {
	static const char *const sizes[] = {"1", "5", "65536"};
	struct crypto_pan pan;
	crypto_pan_init(&pan, written_key);
	for (unsigned size = 0; size < 3; size++) {
		const char *const settings[] = {"key", key_path, "cache", sizes[size], NULL};
		struct fixture fixture;
		assert_int_equal(fixture_open(&fixture, &flow_schema, settings), 0);
		hash_factor = size == 1 ? 0 : 1;
		for (unsigned i = 0; i < 600; i++) {
			struct flow_record record = {.src_ip = {[15] = (uint8_t)(i % 7)}, .dst_ip = {[0] = (uint8_t)i}};
			uint8_t expected[2][16];
			crypto_pan_address(&pan, record.src_ip, expected[0]); // :: is among them
			crypto_pan_address(&pan, record.dst_ip, expected[1]);
			treat(&fixture.instances[i / 3 % 2], &record);
			assert_memory_equal(record.src_ip, expected[0], 16);
			assert_memory_equal(record.dst_ip, expected[1], 16);
		}
		fixture_close(&fixture);
	}
}

static void test_refuses_fields_that_are_not_there(void **state) {
	static const char *const settings[] = {"key", key_path, "remove", "vlan,colour", NULL};
	struct fixture fixture;
	assert_int_not_equal(fixture_open(&fixture, &flow_schema, settings), 0);
	assert_non_null(strstr(said, "remove: \"colour\": no field of schema flow"));
	fixture_close(&fixture);
}

static int write_key(void **state) {
	int file = mkstemp(key_path);
	bool written = file >= 0 && write(file, written_key, sizeof(written_key)) == sizeof(written_key);
	close(file);
	return written ? 0 : -1;
}

static int remove_key(void **state) {
	return unlink(key_path);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_addresses_and_nothing_else),
		cmocka_unit_test(test_updates_as_well),
		cmocka_unit_test(test_removes_what_it_is_told),
		cmocka_unit_test(test_hashes_mac_addresses),
		cmocka_unit_test(test_its_table_is_never_wrong),
		cmocka_unit_test(test_refuses_fields_that_are_not_there),
	};
	return cmocka_run_group_tests(tests, write_key, remove_key);
}
