// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Connections through snapshots: one that is saved and taken up again, now and then, tells what its twin tells that was
// left alone; and what is damaged is refused or harmless.
#include "tests/unit/tcp_conversation.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/tcp_saving.h"

enum { KIND = 7, POOL = 4000, RUNS = 60, SEGMENTS = 400 };

static struct tcp_flow twin;
static uint32_t seed = 1;

static unsigned draw(unsigned below) {
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

struct saved {
	size_t size;
	uint8_t data[1 << 16] __attribute__((aligned(8)));
};

static void save(const struct tcp_flow *from, const struct tcp_told *told, struct saved *saved) {
	struct state_writer writer;
	uint64_t checksum;
	int fd = memfd_create("connection", 0);
	assert_int_equal(state_writer_init(&writer), 0);
	state_begin(&writer, fd, 0);
	tcp_saving_put(from, told, &lender, &writer, KIND);
	assert_int_equal(state_end(&writer, &checksum), 0);
	saved->size = writer.size;
	assert_true(saved->size <= sizeof(saved->data));
	assert_int_equal(pread(fd, saved->data, saved->size, 0), (ssize_t)saved->size);
	close(fd);
	state_writer_fini(&writer);
}

static struct state_item item_of(const struct saved *saved) {
	struct state_reader reader;
	struct state_item item;
	assert_int_equal(state_reader_init(&reader, saved->data, saved->size, 0, NULL), 0);
	assert_int_equal(state_next(&reader, &item), 1);
	assert_int_equal(item.kind, KIND);
	return item;
}

static void save_twin(void) {
	static struct saved saved;
	save(&twin, NULL, &saved);
	tcp_flow_end(&twin, &lender);
	memset(&twin, 0xee, sizeof(twin));
	struct state_item item = item_of(&saved);
	assert_int_equal(tcp_saving_take(&twin, NULL, &lender, &item), 0);
}

// Segments of any order: in sequence, again, beyond a gap; with ACKs, time stamps and SACK blocks that make sense or
// none.
static struct tcp_segment draw_segment(uint32_t *next, unsigned from) {
	unsigned kind = draw(16), size = draw(4) == 0 ? 0 : 100;
	bool has_stamps = draw(4) > 0;
	uint32_t seq = next[from] + (kind == 1 ? 300 : 0) - (kind == 2 || kind == 3 ? 100 * draw(8) : 0);
	now_ns += draw(3) * MS / 2;
	struct tcp_segment segment = {
		.time_ns = now_ns,
		.seq = seq,
		.ack = next[!from] - (draw(3) == 0 ? 100 * draw(6) : 0),
		.payload_bytes = size,
		.window = kind == 9 ? 0 : 1000,
		.flags = ACK | (draw(200) == 0 ? FIN : 0),
		.options = {.scale = TCP_SCALE_NONE,
			.has_stamps = has_stamps,
			.stamp = (uint32_t)(now_ns / MS),
			.echo = (uint32_t)(now_ns / MS) - draw(5)},
	};
	if (draw(6) == 0) {
		segment.options.sack_count = 1;
		segment.options.sacks[0] = (struct tcp_sack){next[!from] - 100 * draw(4), next[!from]};
	}
	if (tcp_before(next[from], seq + size))
		next[from] = seq + size;
	return segment;
}

static struct flow_record record_of(const struct tcp_flow *of) {
	struct flow_record record = {.fwd.payload_bytes = 1 << 20, .rev = {.packets = 1, .payload_bytes = 1 << 20}};
	tcp_record_fill(of, &lender, A, &record);
	return record;
}

static void count_both(const struct tcp_segment *segment, unsigned from) {
	tcp_flow_count(&flow, &lender, segment, from);
	tcp_flow_count(&twin, &lender, segment, from);
}

static void converse(unsigned segments, unsigned save_every) {
	uint32_t next[2] = {seed, seed * 7};
	for (unsigned i = 0; i < segments; i++) {
		unsigned from = draw(5) == 0; // the one sends more, so that there is something in flight
		struct tcp_segment segment = draw_segment(next, from);
		count_both(&segment, from);
		if (draw(150) == 0) {
			tcp_flow_cut(&flow, &lender);
			tcp_flow_cut(&twin, &lender);
		}
		if (save_every > 0 && draw(save_every) == 0)
			save_twin();
		struct flow_record expected = record_of(&flow), got = record_of(&twin);
		assert_memory_equal(&got, &expected, sizeof(got));
	}
}

static void test_goes_on_as_its_twin(void **state) {
	unsigned lists = 0, recoveries = 0;
	lender = lender_open(POOL);
	for (unsigned run = 0; run < RUNS; run++) {
		start();
		tcp_flow_start(&twin);
		converse(SEGMENTS, 1 + run % 9);
		for (unsigned d = 0; d < 2; d++) {
			const struct tcp_more *more = tcp_flight_has_more(&flow, &lender, d);
			lists += more != NULL && more->first != 0;
			recoveries += more != NULL && more->recovery != 0;
		}
		tcp_flow_end(&flow, &lender);
		tcp_flow_end(&twin, &lender);
	}
	assert_true(lists > RUNS / 4 && recoveries > RUNS / 4);
	assert_int_equal(lender_close(&lender), POOL);
}

static void test_what_was_told_comes_back(void **state) {
	static struct saved saved;
	struct tcp_told told, got;
	lender = lender_open(POOL);
	open();
	memset(&told, 0x5a, sizeof(told));
	save(&flow, &told, &saved);
	struct state_item item = item_of(&saved);
	assert_int_equal(tcp_saving_take(&twin, &got, &lender, &item), 0);
	assert_memory_equal(&got, &told, sizeof(got));
	assert_memory_equal(&twin, &flow, sizeof(twin));
	assert_int_equal(tcp_saving_take(&twin, NULL, &lender, &item), -EINVAL);
	assert_int_equal(lender_close(&lender), POOL);
}

// An item with a bit changed, or of another size: refused, or a connection to go on with, whatever its figures.
static void take_damaged(const struct state_item *item) {
	lender = lender_open(BLOCKS);
	if (tcp_saving_take(&twin, NULL, &lender, item) == 0) {
		uint32_t next[2] = {twin.near[A].next, twin.near[B].next};
		for (unsigned i = 0; i < 20; i++) {
			struct tcp_segment segment = draw_segment(next, i % 2);
			tcp_flow_count(&twin, &lender, &segment, i % 2);
		}
		tcp_flow_cut(&twin, &lender);
		tcp_flow_end(&twin, &lender);
	}
	lender_close(&lender);
}

static void test_damage(void **state) {
	static struct saved saved;
	lender = lender_open(POOL);
	start();
	tcp_flow_start(&twin);
	do
		converse(20, 0);
	while (flow.more == 0 || lender.blocks[flow.more].more.recovery == 0 ||
		lender.blocks[flow.more].more.first == 0);
	save(&flow, NULL, &saved);
	lender_close(&lender);
	struct state_item item = item_of(&saved);
	uint8_t *bytes = malloc(item.size); // so that the sanitizer knows where it ends
	for (unsigned bit = 0; bit < item.size * 8; bit++) {
		memcpy(bytes, item.data, item.size);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		take_damaged(&(struct state_item){KIND, item.size, bytes});
	}
	free(bytes);
	for (uint32_t size = 0; size < item.size; size += 8) {
		bytes = malloc(size + 1);
		memcpy(bytes, item.data, size);
		lender = lender_open(BLOCKS);
		const struct state_item cut = {KIND, size, bytes};
		assert_int_equal(tcp_saving_take(&twin, NULL, &lender, &cut), -EINVAL);
		lender_close(&lender);
		free(bytes);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on_as_its_twin),
		cmocka_unit_test(test_what_was_told_comes_back),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
