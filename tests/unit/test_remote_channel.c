// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A remote channel without a network: the test carries the frames from the sender's queue to the receiver's, loses
// them, brings them twice, and lets either end die. Whatever it does, each record is passed on at most once, and
// exactly once where both ends live.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/operator.h"
#include "dataplane/switch/link_switch.h"
#include "dataplane/switch/remote_receiver.h"
#include "dataplane/switch/remote_sender.h"

static const struct field fields[] = {
	{.name = "number", .type = FIELD_U64}, {.name = "text", .type = FIELD_STRING, .offset = 8, .length = 24}, {0}};
static const struct schema schema = {.name = "numbers", .body = SCHEMA_RECORD, .size = 32, .fields = fields};

// What the switch is to the two ends.
uint64_t clock_monotonic_ns(void) {
	return 1;
}

static unsigned wakes;
void link_switch_wake(struct link_switch *links) {
	wakes++;
}

struct record {
	struct rte_mbuf mbuf;
	struct packet_meta fields;
	uint64_t body[4];
};

struct pair {
	struct remote_sender *sender;
	struct remote_receiver *receiver;
	uint64_t put, got; // records; got in order, each once
	uint64_t incarnation;
};

static struct remote_sender *new_sender_of(size_t queue_size, bool spills) {
	struct remote_sender *sender = aligned_alloc(_Alignof(struct remote_sender), sizeof(*sender));
	memset(sender, 0, sizeof(*sender));
	sender->spills = spills;
	assert_int_equal(remote_sender_init(sender, &schema, queue_size), 0);
	return sender;
}

static struct remote_sender *new_sender(void) {
	return new_sender_of(8192, false);
}

static struct remote_receiver *new_receiver(void) {
	struct remote_receiver *receiver = aligned_alloc(_Alignof(struct remote_receiver), sizeof(*receiver));
	memset(receiver, 0, sizeof(*receiver));
	assert_int_equal(remote_receiver_init(receiver, &schema, 8192), 0);
	return receiver;
}

static void free_sender(struct remote_sender *sender) {
	remote_sender_fini(sender);
	free(sender);
}

static void free_receiver(struct remote_receiver *receiver) {
	remote_receiver_fini(receiver);
	free(receiver);
}

static void put(struct pair *pair, unsigned count) {
	static struct record records[BATCH_MAX];
	struct batch batch;
	batch.count = 0;
	assert_true(remote_sender_room(pair->sender) >= count);
	for (unsigned i = 0; i < count; i++) {
		struct record *record = &records[i];
		memset(record, 0, sizeof(*record));
		record->mbuf.buf_addr = record->body;
		record->mbuf.priv_size = sizeof(record->fields);
		record->body[0] = pair->put++;
		memcpy(&record->body[1], "text", 4);
		batch_add_packet(&batch, &record->mbuf, tuple_stored_packet(&record->mbuf));
		tuple_stored_packet(&record->mbuf)->timestamp_ns = record->body[0] * 10;
	}
	remote_sender_put(pair->sender, &batch, pair->put, pair->put + 5);
}

// A connection begins: what the switches say to each other.
static int open_channel(struct pair *pair) {
	struct link_resume resume = remote_receiver_open(pair->receiver, pair->incarnation, pair->sender->tail);
	return remote_sender_resume(pair->sender, &resume);
}

// One frame at a time from `data` on.
//   return  bytes of the frame
static size_t deliver(struct pair *pair, const uint8_t *data) {
	struct link_header header;
	uint8_t *place;
	assert_int_equal(link_header_parse(data, &header), 0);
	assert_int_equal(remote_receiver_begin(pair->receiver, &header, &place), 0);
	if (place != NULL) {
		memcpy(place, data, LINK_HEADER_SIZE + header.size);
		remote_receiver_publish(pair->receiver, &header);
	}
	return LINK_HEADER_SIZE + header.size;
}

//   return  frames that went over, `most` of them at most; one that is cut off is lost with all after it
static unsigned carry(struct pair *pair, unsigned most) {
	const uint8_t *data;
	uint64_t wait_ns = UINT64_MAX;
	unsigned frames = 0;
	for (size_t size; (size = remote_sender_take(pair->sender, 4096, 0, &data, &wait_ns)) > 0;)
		for (size_t at = 0; at < size && frames < most; frames++)
			at += deliver(pair, data + at);
	return frames;
}

static void read_all(struct pair *pair) {
	while (remote_receiver_next(pair->receiver))
		while (pair->receiver->tuples_left > 0) {
			uint64_t body[4] = {0};
			struct tuple_time time;
			uint32_t dropped;
			assert_true(remote_receiver_unpack(pair->receiver, body, &time, &dropped));
			assert_int_equal(body[0], pair->got);
			assert_int_equal(time.timestamp_ns, pair->got * 10);
			assert_string_equal((const char *)&body[1], "text");
			pair->got++;
		}
	remote_receiver_release(pair->receiver);
}

static int acknowledge(struct pair *pair) {
	bool is_final;
	if (!remote_receiver_is_ack_due(pair->receiver))
		return 0;
	uint64_t consumed = remote_receiver_tell(pair->receiver, &is_final);
	return remote_sender_acknowledge(pair->sender, consumed, is_final);
}

static void begin(struct pair *pair) {
	*pair = (struct pair){.sender = new_sender(), .receiver = new_receiver(), .incarnation = 1};
	assert_int_equal(open_channel(pair), 0);
}

static void end(struct pair *pair) {
	free_sender(pair->sender);
	free_receiver(pair->receiver);
}

static void records_pass_in_order(void **state) {
	struct pair pair;
	begin(&pair);
	for (unsigned i = 0; i < 1000; i++) { // many times around both queues
		put(&pair, 1 + i % 20);
		carry(&pair, UINT32_MAX);
		read_all(&pair);
		assert_int_equal(acknowledge(&pair), 0);
	}
	assert_int_equal(pair.got, pair.put);
	assert_int_equal(pair.sender->acknowledged, pair.put);
	assert_true(remote_sender_is_empty(pair.sender));
	assert_true(wakes > 0);
	end(&pair);
}

static void a_receiver_that_does_not_read_stops_its_sender(void **state) {
	struct pair pair;
	begin(&pair);
	while (remote_sender_room(pair.sender) >= 20) {
		put(&pair, 20);
		carry(&pair, UINT32_MAX);
	}
	assert_true(pair.sender->waits);
	assert_true(pair.receiver->head <= pair.receiver->ring.size);
	assert_int_equal(carry(&pair, UINT32_MAX), 0); // no credit
	for (unsigned i = 0; i < 10; i++) {
		read_all(&pair);
		assert_int_equal(acknowledge(&pair), 0);
		carry(&pair, UINT32_MAX);
	}
	assert_int_equal(pair.got, pair.put);
	assert_int_equal(remote_sender_room(pair.sender), BATCH_MAX);
	end(&pair);
}

static void what_a_connection_lost_is_sent_again(void **state) {
	struct pair pair;
	begin(&pair);
	for (unsigned i = 0; i < 300; i++) {
		put(&pair, 5);
		put(&pair, 5);
		put(&pair, 5);
		carry(&pair, i % 4); // the rest was on its way
		if (i % 2 == 0)
			read_all(&pair);
		remote_sender_close(pair.sender);
		assert_int_equal(open_channel(&pair), 0);
		carry(&pair, UINT32_MAX);
		read_all(&pair);
		assert_int_equal(acknowledge(&pair), 0);
	}
	assert_int_equal(pair.got, pair.put);
	assert_int_equal(pair.sender->acknowledged, pair.put);
	assert_int_equal(pair.sender->sent_tuples, pair.put);
	assert_true(pair.sender->resent_bytes > 0);
	assert_int_equal(pair.sender->reopened, 300);
	assert_int_equal(pair.receiver->duplicates, 0);
	end(&pair);
}

static void what_comes_twice_is_dropped(void **state) {
	struct pair pair;
	const uint8_t *data;
	uint64_t wait_ns = UINT64_MAX;
	begin(&pair);
	put(&pair, 5);
	assert_true(remote_sender_take(pair.sender, 4096, 0, &data, &wait_ns) > 0);
	for (unsigned i = 0; i < 3; i++)
		deliver(&pair, data);
	read_all(&pair);
	deliver(&pair, data);
	read_all(&pair);
	assert_int_equal(pair.got, 5);
	assert_int_equal(pair.receiver->duplicates, 3);
	end(&pair);
}

static void what_does_not_fit_is_refused(void **state) {
	struct pair pair;
	uint8_t *place;
	begin(&pair);
	struct link_header header = {.type = LINK_DATA, .size = LINK_DATA_SIZE, .position = 32};
	assert_int_equal(remote_receiver_begin(pair.receiver, &header, &place), -EPROTO); // a gap
	header = (struct link_header){.type = LINK_DATA, .size = (uint32_t)pair.receiver->ring.size};
	assert_int_equal(remote_receiver_begin(pair.receiver, &header, &place), -EPROTO); // beyond the window
	put(&pair, 5);
	carry(&pair, UINT32_MAX);
	assert_int_equal(remote_sender_acknowledge(pair.sender, 1, false), -EPROTO); // inside a frame
	assert_int_equal(remote_sender_acknowledge(pair.sender, 1000000, false), -EPROTO);
	const struct link_resume ahead = {.received = 1000000, .consumed = 1000000, .window = 8192};
	assert_int_equal(remote_sender_resume(pair.sender, &ahead), -EPROTO);
	const struct link_resume narrow = {.window = 100};
	assert_int_equal(remote_sender_resume(pair.sender, &narrow), -EPROTO);
	end(&pair);
}

static void malformed_tuples_are_counted(void **state) {
	struct pair pair;
	uint8_t frame[LINK_HEADER_SIZE + LINK_DATA_SIZE + 40] = {0};
	begin(&pair);
	const struct link_header header = {.type = LINK_DATA, .size = sizeof(frame) - LINK_HEADER_SIZE};
	const struct link_data said = {.tuples = 3};
	link_header_pack(&header, frame);
	link_data_pack(&said, frame + LINK_HEADER_SIZE);
	memset(frame + LINK_HEADER_SIZE + LINK_DATA_SIZE, 0xff, 40);
	deliver(&pair, frame);
	uint64_t body[4] = {0};
	struct tuple_time time;
	uint32_t dropped = 0;
	assert_true(remote_receiver_next(pair.receiver));
	assert_false(remote_receiver_unpack(pair.receiver, body, &time, &dropped));
	assert_int_equal(dropped, 3);
	assert_false(remote_receiver_next(pair.receiver));
	remote_receiver_release(pair.receiver);
	assert_int_equal(pair.receiver->tail, sizeof(frame));
	end(&pair);
}

static void count_wake(void *context) {
	++*(unsigned *)context;
}

// What is given up makes room as well: whoever waits for it is told.
static void room_that_a_death_makes_wakes_the_worker(void **state) {
	struct pair pair;
	unsigned count = 0;
	begin(&pair);
	pair.sender->wake = count_wake;
	pair.sender->context = &count;
	while (remote_sender_room(pair.sender) > 0) {
		put(&pair, 1);
		carry(&pair, UINT32_MAX);
	}
	assert_true(pair.sender->waits);
	assert_true(remote_sender_forget(pair.sender) > 0);
	assert_int_equal(count, 1);
	assert_false(pair.sender->waits);
	end(&pair);
}

static void a_receiver_that_died_leaves_bounds(void **state) {
	struct pair pair;
	begin(&pair);
	put(&pair, 10);
	carry(&pair, UINT32_MAX);
	read_all(&pair);
	assert_int_equal(acknowledge(&pair), 0);
	put(&pair, 7); // gets there, and is never acknowledged
	carry(&pair, UINT32_MAX);
	put(&pair, 4); // not sent
	free_receiver(pair.receiver);
	pair.receiver = new_receiver();
	assert_int_equal(remote_sender_forget(pair.sender), 7);
	assert_int_equal(pair.sender->acknowledged, 10);
	assert_int_equal(pair.sender->sent_tuples, 17);
	assert_int_equal(pair.sender->lost, 7);
	pair.got += 7; // those are not sent again
	assert_int_equal(open_channel(&pair), 0);
	carry(&pair, UINT32_MAX);
	read_all(&pair);
	assert_int_equal(acknowledge(&pair), 0);
	assert_int_equal(pair.got, 21);
	assert_int_equal(pair.sender->acknowledged, 14);
	end(&pair);
}

static void a_receiver_that_said_goodbye_leaves_nothing_unknown(void **state) {
	struct pair pair;
	begin(&pair);
	put(&pair, 10);
	carry(&pair, UINT32_MAX);
	read_all(&pair);
	assert_false(remote_receiver_stop(pair.receiver));
	remote_receiver_tend(pair.receiver);
	put(&pair, 5);
	carry(&pair, UINT32_MAX); // too late: left out
	read_all(&pair);
	assert_true(remote_receiver_stop(pair.receiver));
	assert_int_equal(pair.got, 10);
	assert_int_equal(acknowledge(&pair), 0);
	assert_true(pair.sender->is_final);
	free_receiver(pair.receiver);
	pair.receiver = new_receiver();
	assert_int_equal(remote_sender_forget(pair.sender), 0);
	assert_int_equal(open_channel(&pair), 0);
	carry(&pair, UINT32_MAX);
	read_all(&pair);
	assert_int_equal(pair.got, 15);
	end(&pair);
}

static void a_frame_that_ends_after_the_goodbye_is_left_out(void **state) {
	struct pair pair;
	struct link_header header;
	const uint8_t *data;
	uint8_t *place;
	uint64_t wait_ns = UINT64_MAX;
	begin(&pair);
	put(&pair, 5);
	const size_t size = remote_sender_take(pair.sender, 4096, 0, &data, &wait_ns);
	assert_int_equal(link_header_parse(data, &header), 0);
	assert_int_equal(remote_receiver_begin(pair.receiver, &header, &place), 0);
	memcpy(place, data, size / 2);
	assert_false(remote_receiver_stop(pair.receiver));
	remote_receiver_tend(pair.receiver);
	assert_int_equal(acknowledge(&pair), 0);
	assert_true(pair.sender->is_final);
	memcpy(place + size / 2, data + size / 2, size - size / 2);
	remote_receiver_publish(pair.receiver, &header);
	read_all(&pair);
	assert_true(remote_receiver_stop(pair.receiver));
	assert_int_equal(pair.got, 0);
	assert_int_equal(remote_sender_forget(pair.sender), 0);
	end(&pair);
}

static void a_sender_that_died_is_followed_by_another(void **state) {
	struct pair pair;
	begin(&pair);
	put(&pair, 10);
	carry(&pair, UINT32_MAX); // in the queue, not read yet
	free_sender(pair.sender);
	pair.sender = new_sender();
	pair.incarnation = 2;
	assert_int_equal(open_channel(&pair), 0);
	put(&pair, 5);
	carry(&pair, UINT32_MAX);
	read_all(&pair); // those of the first one as well
	assert_int_equal(acknowledge(&pair), 0);
	assert_int_equal(pair.got, 15);
	assert_int_equal(pair.sender->acknowledged, 5);
	end(&pair);
}

static void a_sender_that_took_its_receiver_for_dead_goes_on(void **state) {
	struct pair pair;
	const uint8_t *data;
	uint64_t wait_ns = UINT64_MAX;
	begin(&pair);
	put(&pair, 10);
	carry(&pair, UINT32_MAX);
	put(&pair, 7); // never gets there
	assert_true(remote_sender_take(pair.sender, 4096, 0, &data, &wait_ns) > 0);
	assert_int_equal(remote_sender_forget(pair.sender), 17);
	assert_int_equal(open_channel(&pair), 0);
	read_all(&pair);
	assert_int_equal(pair.got, 10);
	pair.got += 7; // counted as lost, and not sent again
	put(&pair, 4);
	carry(&pair, UINT32_MAX);
	read_all(&pair);
	assert_int_equal(acknowledge(&pair), 0);
	assert_int_equal(pair.got, 21);
	assert_int_equal(pair.sender->acknowledged, 4);
	end(&pair);
}

static void the_end_is_told_and_acknowledged(void **state) {
	struct pair pair;
	begin(&pair);
	put(&pair, 3);
	remote_sender_tell(pair.sender, 1000000000);
	remote_sender_tell(pair.sender, 1000000001); // too little time for a frame
	remote_sender_end(pair.sender, 1000000002);
	remote_sender_end(pair.sender, 1000000002);
	remote_sender_tell(pair.sender, UINT64_MAX); // nothing comes behind it
	assert_int_equal(carry(&pair, UINT32_MAX), 3);
	read_all(&pair);
	assert_true(pair.receiver->ended);
	assert_int_equal(pair.receiver->watermark_ns, 1000000002);
	assert_int_equal(acknowledge(&pair), 0);
	assert_true(remote_sender_is_empty(pair.sender));
	end(&pair);
}

static size_t resident_bytes(const struct byte_ring *ring) {
	static unsigned char pages[4096];
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t resident = 0;
	assert_true(ring->size / page <= sizeof(pages));
	assert_int_equal(mincore(ring->bytes, ring->size, pages), 0);
	for (size_t i = 0; i < ring->size / page; i++)
		resident += (pages[i] & 1) * page;
	return resident;
}

// Its limit is that of bytes queued, exactly; many times round its memory records come out as they went in.
static void a_queue_that_spills_is_filled_again_and_again(void **state) {
	struct pair pair;
	begin(&pair);
	free_sender(pair.sender);
	pair.sender = new_sender_of(5 << 20, true);
	assert_int_equal(open_channel(&pair), 0);
	for (unsigned round = 0; round < 6; round++) {
		while (remote_sender_room(pair.sender) == BATCH_MAX)
			put(&pair, BATCH_MAX);
		uint64_t queued = pair.sender->head - pair.sender->tail;
		assert_in_range(queued, (5 << 20) - 2 * remote_sender_frame_max(pair.sender), 5 << 20);
		assert_false(pair.sender->waits);
		assert_true(resident_bytes(&pair.sender->ring) >= queued);
		while (!remote_sender_is_empty(pair.sender)) {
			carry(&pair, UINT32_MAX);
			read_all(&pair);
			assert_int_equal(acknowledge(&pair), 0);
		}
		assert_true(resident_bytes(&pair.sender->ring) <= 2 << 20);
	}
	assert_int_equal(pair.got, pair.put);
	end(&pair);
}

static void a_rate_is_kept(void **state) {
	struct pair pair;
	const uint8_t *data;
	uint64_t sent = 0;
	begin(&pair);
	pair.sender->bucket.rate = 100000;
	for (uint64_t now_ns = 1; now_ns < 1000000000; now_ns += 1000000) {
		uint64_t wait_ns = UINT64_MAX;
		if (remote_sender_room(pair.sender) >= 20)
			put(&pair, 20);
		size_t size = remote_sender_take(pair.sender, 4096, now_ns, &data, &wait_ns);
		assert_true(size > 0 || wait_ns < 100000000);
		for (size_t at = 0; at < size;)
			at += deliver(&pair, data + at);
		sent += size;
		read_all(&pair);
		assert_int_equal(acknowledge(&pair), 0);
	}
	// A second's worth; a frame more, or less what no pause saved.
	assert_in_range(sent, 97000, 103000);
	end(&pair);
}

// However often it is asked, and however few bytes a moment is worth.
static void a_rate_is_kept_by_a_busy_thread(void **state) {
	struct token_bucket bucket = {.rate = 125000};
	uint64_t taken = 0, wait_ns = UINT64_MAX;
	for (uint64_t now_ns = 1; now_ns < 1000000000; now_ns += 10000)
		if (token_bucket_may(&bucket, now_ns, &wait_ns)) {
			token_bucket_take(&bucket, 1000);
			taken += 1000;
		}
	assert_in_range(taken, 124000, 126000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_pass_in_order),
		cmocka_unit_test(a_receiver_that_does_not_read_stops_its_sender),
		cmocka_unit_test(what_a_connection_lost_is_sent_again),
		cmocka_unit_test(what_comes_twice_is_dropped),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(malformed_tuples_are_counted),
		cmocka_unit_test(room_that_a_death_makes_wakes_the_worker),
		cmocka_unit_test(a_receiver_that_died_leaves_bounds),
		cmocka_unit_test(a_receiver_that_said_goodbye_leaves_nothing_unknown),
		cmocka_unit_test(a_frame_that_ends_after_the_goodbye_is_left_out),
		cmocka_unit_test(a_sender_that_died_is_followed_by_another),
		cmocka_unit_test(a_sender_that_took_its_receiver_for_dead_goes_on),
		cmocka_unit_test(the_end_is_told_and_acknowledged),
		cmocka_unit_test(a_queue_that_spills_is_filled_again_and_again),
		cmocka_unit_test(a_rate_is_kept),
		cmocka_unit_test(a_rate_is_kept_by_a_busy_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
