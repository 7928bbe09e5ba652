// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How many records a second the operator anonymize treats on one core, two addresses each: one JSON object a line, the
// best of several rounds.
//
//   anonymize [ROUNDS]
//
// "repeated" has 1,024 addresses, which are found in the table of addresses; "new" has no address twice, and each of
// them is enciphered.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/flow_record.h"
#include "dataplane/operator.h"

enum { BATCHES = 256 };

struct place {
	struct rte_mbuf mbuf;
	struct flow_record record;
};

// The engine, as far as the operator calls it.
void instance_forward(struct instance *self, unsigned output, struct batch *batch) {
}

uint64_t key_hash(const struct node *node, const void *key, size_t size) {
	return XXH3_64bits(key, size);
}

void operator_error(const struct operator *op, const char *format, ...) {
	fprintf(stderr, "anonymize: %s\n", format);
}

static uint64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void make_address(uint8_t address[16], unsigned version, uint32_t number) {
	number *= 2654435761u; // all bits differ
	memset(address, 0, 16);
	memcpy(address, version == 4 ? "\0\0\0\0\0\0\0\0\0\0\xff\xff" : "\x20\x01\x0d\xb8\0\0\0\1\2\3\4\5", 12);
	memcpy(address + 12, &number, sizeof(number));
}

static uint64_t round_ns(struct instance *self, struct place *places, unsigned version, uint32_t distinct) {
	static uint32_t next;
	uint64_t total_ns = 0;
	for (unsigned i = 0; i < BATCHES; i++) {
		struct batch batch = {.count = BATCH_MAX};
		for (unsigned j = 0; j < BATCH_MAX; j++) {
			batch.tuples[j] = &places[j].mbuf;
			make_address(places[j].record.src_ip, version, next++ % distinct);
			make_address(places[j].record.dst_ip, version, next++ % distinct);
		}
		uint64_t start_ns = now_ns();
		self->type->process(self, &batch);
		total_ns += now_ns() - start_ns;
	}
	return total_ns;
}

static void measure(struct instance *self, unsigned version, const char *kind, uint32_t distinct, unsigned rounds) {
	static struct place places[BATCH_MAX];
	uint64_t best_ns = UINT64_MAX;
	for (unsigned i = 0; i < BATCH_MAX; i++)
		places[i].mbuf.buf_addr = &places[i].record;
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t ns = round_ns(self, places, version, distinct);
		best_ns = ns < best_ns ? ns : best_ns;
	}
	double record_ns = (double)best_ns / (BATCHES * BATCH_MAX);
	printf("{\"bench\": \"anonymize\", \"addresses\": \"IPv%u\", \"kind\": \"%s\", \"ns_per_record\": %.1f, "
	       "\"records_per_second\": %.0f}\n",
		version, kind, record_ns, 1e9 / record_ns);
}

int main(int argc, char **argv) {
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50;
	const struct operator_type *type = operator_type_lookup("anonymize");
	char key[] = "/tmp/weir-bench-XXXXXX", error[400];
	int file = mkstemp(key);
	if (file < 0 || write(file, "0123456789abcdef0123456789abcdef", 32) != 32 || close(file) != 0)
		return 1;
	void *options = calloc(1, type->options_size);
	struct operator op = {.type = type, .options = options, .input = &flow_schema};
	struct instance self = {.type = type, .op = &op, .options = options, .state = calloc(1, type->state_size)};
	bool ready = option_set_defaults(type->options, options) == 0 &&
		     option_set(option_lookup(type->options, "key"), options, key, error, sizeof(error)) == 0 &&
		     type->open(&op) == 0 && type->init(&self) == 0;
	unlink(key);
	for (unsigned version = 4; ready && version <= 6; version += 2) {
		measure(&self, version, "repeated", 1024, rounds);
		measure(&self, version, "new", UINT32_MAX, rounds);
	}
	return !ready;
}
