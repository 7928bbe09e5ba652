// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The operator flow_stats alone: the engine is played by a few functions here, which hand it batches and time in
// different portions and collect what it emits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/flow_record.h"
#include "dataplane/operator.h"
#include "dataplane/state_file.h"

enum {
	PACKETS = 6000,
	ENDPOINTS = 12,
	INSTANCES_MAX = 3,
	EMITTED_MAX = 20000,
};
#define MS UINT64_C(1000000)
#define T0 (UINT64_C(1700000000000) * MS)

struct fake_mbuf {
	struct rte_mbuf mbuf;
	struct packet_meta meta;
	uint8_t data[sizeof(struct flow_record)];
};

// What came out of all instances of one run.
struct emitted {
	unsigned record_count, update_count;
	struct flow_record records[EMITTED_MAX];
	struct flow_update updates[EMITTED_MAX];
	unsigned dropped, absorbed;
};
static struct emitted first, second;
static struct emitted *emitted;
static unsigned emitted_in_call[2];
static bool listens[2];

static struct rte_mbuf *fake_new(void) {
	struct fake_mbuf *fake = aligned_alloc(64, (sizeof(*fake) + 63) / 64 * 64);
	memset(fake, 0, sizeof(*fake));
	fake->mbuf.buf_addr = fake->data;
	return &fake->mbuf;
}

struct rte_mbuf *instance_new_record(struct instance *self, const struct schema *schema) {
	return fake_new();
}

void instance_emit(struct instance *self, unsigned output, struct rte_mbuf *tuple) {
	emitted_in_call[output]++;
	if (output == 0)
		emitted->records[emitted->record_count++] = *(struct flow_record *)tuple_record(tuple);
	else
		emitted->updates[emitted->update_count++] = *(struct flow_update *)tuple_record(tuple);
	assert_true(emitted->record_count < EMITTED_MAX && emitted->update_count < EMITTED_MAX);
	free(tuple);
}

void instance_absorb(struct instance *self, struct batch *batch) {
	emitted->absorbed += batch->count;
	for (unsigned i = 0; i < batch->count; i++)
		free(batch->tuples[i]);
	batch->count = 0;
}

void instance_drop(struct instance *self, unsigned reason, struct rte_mbuf *tuple) {
	assert_string_equal(self->type->drops[reason], "table_full");
	emitted->dropped++;
	free(tuple);
}

bool instance_has_listener(const struct instance *self, unsigned output) {
	return listens[output];
}

uint64_t key_hash(const struct node *node, const void *key, size_t size) {
	return ((const uint8_t *)key)[0] % 3;
}

void operator_error(const struct operator *op, const char *format, ...) {
	fail_msg("%s", format);
}

struct run {
	unsigned instance_count, batch_max;
	unsigned tick_every; // one tick in so many batches
	enum end_of_stream why;
	const char *const *settings; // name, value, …, NULL
	unsigned move_every;         // one move of key groups in so many batches; 0: none
	unsigned save_every;         // so many batches from one snapshot that is gone on from to the next; 0: none
};

static struct packet_meta packets[PACKETS];

// A hash that leaves several flows in each bucket, and all instances with some.
static uint64_t hash_of(const struct flow_key *canonical) {
	unsigned group = (canonical->src_ip[15] * 7u + canonical->dst_ip[15] * 3u + canonical->src_port) % 48;
	return (uint64_t)group << 54 | canonical->dst_port % 3;
}

// Conversations with pauses around the time-outs, and all that TCP may do.
static void make_packets(unsigned seed) {
	static const uint8_t flags[] = {0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x10, 0x10};
	uint64_t time_ns = T0, greatest_ns = 0;
	srand(seed);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct packet_meta *meta = &packets[i];
		*meta = (struct packet_meta){.ip_bytes = 40 + (uint32_t)rand() % 1000};
		time_ns += (uint64_t)rand() % 8 * MS + (rand() % 200 == 0 ? (uint64_t)rand() % 3000 * MS : 0);
		meta->timestamp_ns = rand() % 10 ? time_ns : time_ns - (uint64_t)rand() % 50 * MS;
		if (meta->timestamp_ns >= greatest_ns)
			greatest_ns = meta->timestamp_ns;
		else
			meta->late_ms = (uint32_t)((greatest_ns - meta->timestamp_ns) / MS);
		meta->key.src_ip[15] = 1 + rand() % ENDPOINTS;
		meta->key.dst_ip[15] = 1 + rand() % ENDPOINTS;
		meta->key.src_port = meta->key.dst_port = 7;
		meta->key.protocol = rand() % 4 ? 6 : 17;
		meta->key.ip_version = 4;
		meta->key.ttl = 32 + (uint8_t)rand() % 8;
		if (meta->key.protocol == 6)
			meta->tcp_flags = flags[rand() % 8];
		struct flow_key canonical;
		meta->bits = flow_key_canonical(&meta->key, &canonical) ? PACKET_REVERSED : 0;
	}
}

static struct instance instances[INSTANCES_MAX];
static struct instance past; // what the gauges of those counted that are no more
static struct instance *instance_list[INSTANCES_MAX];
static struct operator op;

static void open_instances(const struct run *run) {
	const struct operator_type *type = operator_type_lookup("flow_stats");
	assert_non_null(type);
	void *options = calloc(1, type->options_size);
	char error[256];
	option_set_defaults(type->options, options);
	static const char *const small[] = {"max_flows", "8192", NULL}; // memory is cleared at each start
	const char *const *const settings[] = {small, run->settings};
	for (unsigned i = 0; i < 2; i++)
		for (const char *const *s = settings[i]; *s != NULL; s += 2)
			assert_int_equal(
				option_set(option_lookup(type->options, s[0]), options, s[1], error, sizeof(error)), 0);
	op = (struct operator){.type = type,
		.name = "stats",
		.options = options,
		.instance_count = run->instance_count,
		.instances = instance_list};
	assert_int_equal(type->open(&op), 0);
	for (unsigned i = 0; i < run->instance_count; i++) {
		instances[i] = (struct instance){.type = type, .op = &op, .index = i, .options = options};
		instances[i].state = aligned_alloc(64, (type->state_size + 63) / 64 * 64);
		memset(instances[i].state, 0, type->state_size);
		instance_list[i] = &instances[i];
		assert_int_equal(type->init(&instances[i]), 0);
	}
}

static void close_instances(const struct run *run) {
	for (unsigned i = 0; i < run->instance_count; i++) {
		op.type->fini(&instances[i]);
		free(instances[i].state);
	}
	op.type->close(&op);
	free((void *)op.options);
}

static void hand_over(struct instance *self, struct batch *batch) {
	unsigned received = batch->count;
	emitted_in_call[0] = emitted_in_call[1] = 0;
	if (received > 0)
		self->type->process(self, batch);
	assert_int_equal(batch->count, 0);
	assert_true(emitted_in_call[0] <= received && emitted_in_call[1] <= received);
}

static void pass_time(struct instance *self, uint64_t watermark_ns, enum end_of_stream why, bool flush) {
	bool more = true;
	self->watermark_ns = watermark_ns;
	for (unsigned calls = 0; more; calls++) {
		unsigned room = 1 + (unsigned)rand() % BATCH_MAX;
		emitted_in_call[0] = emitted_in_call[1] = 0;
		more = flush ? self->type->flush(self, why, room) : self->type->tick(self, room);
		assert_true(emitted_in_call[0] <= room && emitted_in_call[1] <= room);
		assert_true(calls < 100000);
	}
}

static uint64_t gauge_of(const struct instance *self, const char *name) {
	for (unsigned i = 0; self->type->gauges[i] != NULL; i++)
		if (strcmp(self->type->gauges[i], name) == 0)
			return self->gauges[i];
	fail_msg("no gauge %s", name);
	return 0;
}

// After the end: each flow that was created has ended once, be it without a record or under another instance.
static void assert_flows_add_up(unsigned instance_count) {
	static const char *const ends[] = {"ended_idle", "ended_tcp_end", "ended_evicted", "ended_end_of_input",
		"ended_shutdown", "ended_silently"};
	uint64_t created = 0, ended = 0;
	for (unsigned n = 0; n <= instance_count; n++) {
		struct instance *self = n < instance_count ? &instances[n] : &past;
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
			ended += gauge_of(self, ends[i]);
		assert_int_equal(gauge_of(self, "flows"), 0);
		created += gauge_of(self, "created");
	}
	assert_int_equal(created, ended);
}

// Give some groups that one instance owns to others, as the engine does between two batches.
static void move_groups(const struct run *run, uint16_t *owners) {
	unsigned leaving = (unsigned)rand() % run->instance_count, left[KEY_GROUPS], count = 0;
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		if (owners[group] == leaving && rand() % 3 == 0) {
			op.type->group_leave(&instances[leaving], group);
			left[count++] = group;
		}
	for (unsigned i = 0; i < count; i++) {
		owners[left[i]] = (uint16_t)((unsigned)rand() % run->instance_count);
		op.type->group_enter(&instances[owners[left[i]]], left[i]);
	}
}

static void save(const uint16_t *owners, int fd) {
	struct state_writer writer;
	uint64_t checksum;
	assert_int_equal(state_writer_init(&writer), 0);
	writer.owners = owners;
	state_begin(&writer, fd, op.type->saving->layout(&op));
	op.type->saving->save(&op, &writer);
	assert_int_equal(state_end(&writer, &checksum), 0);
	state_writer_fini(&writer);
}

static void restore(const uint16_t *owners, int fd) {
	struct state_reader reader;
	size_t size = (size_t)lseek(fd, 0, SEEK_END);
	void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(data, MAP_FAILED);
	assert_int_equal(state_reader_init(&reader, data, size, op.type->saving->layout(&op), owners), 0);
	assert_int_equal(op.type->saving->restore(&op, &reader), 0);
	munmap(data, size);
}

// End as if killed, and go on with another number of instances.
static void save_and_restore(struct run *run, uint16_t *owners) {
	uint64_t watermark_ns = UINT64_MAX, flows = 0;
	int fd = memfd_create("flows", 0);
	save(owners, fd);
	for (unsigned i = 0; i < run->instance_count; i++) {
		flows += gauge_of(&instances[i], "flows");
		instances[i].gauges[0] = 0; // flows
		for (unsigned g = 0; g < OPERATOR_GAUGES_MAX; g++)
			past.gauges[g] += instances[i].gauges[g];
		watermark_ns = RTE_MIN(watermark_ns, instances[i].watermark_ns);
	}
	close_instances(run);
	run->instance_count = 1 + (unsigned)rand() % INSTANCES_MAX;
	open_instances(run);
	for (unsigned i = 0; i < run->instance_count; i++)
		instances[i].watermark_ns = watermark_ns;
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		owners[group] = (uint16_t)((unsigned)rand() % run->instance_count);
	restore(owners, fd);
	close(fd);
	for (unsigned i = 0; i < run->instance_count; i++)
		flows -= gauge_of(&instances[i], "flows");
	assert_int_equal(flows, 0);
}

static void play(const struct run *given, struct emitted *into) {
	struct run changing = *given, *run = &changing;
	*into = (struct emitted){0};
	emitted = into;
	open_instances(run);
	past = (struct instance){.type = op.type};
	struct batch batches[INSTANCES_MAX] = {0};
	uint16_t owners[KEY_GROUPS];
	uint64_t clock_ns = 0;
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		owners[group] = (uint16_t)(group % run->instance_count);
	for (unsigned i = 0; i < PACKETS;) {
		for (unsigned end = i + 1 + (unsigned)rand() % run->batch_max; i < end && i < PACKETS; i++) {
			struct rte_mbuf *tuple = fake_new();
			struct flow_key canonical;
			flow_key_canonical(&packets[i].key, &canonical);
			uint64_t hash = hash_of(&canonical);
			tuple->data_len = 60;
			((uint8_t *)tuple->buf_addr)[6] = packets[i].key.src_ip[15]; // of the source MAC address
			struct batch *batch = &batches[owners[key_group(hash)]];
			batch_add_packet(batch, tuple, &packets[i]);
			batch->hashes[batch->count - 1] = hash;
			clock_ns = packet_clock_ns(&packets[i]);
		}
		for (unsigned n = 0; n < run->instance_count; n++)
			hand_over(&instances[n], &batches[n]);
		if (run->move_every > 0 && (unsigned)rand() % run->move_every == 0)
			move_groups(run, owners);
		if (run->save_every > 0 && (unsigned)rand() % run->save_every == 0)
			save_and_restore(run, owners);
		if ((unsigned)rand() % run->tick_every == 0)
			pass_time(&instances[(unsigned)rand() % run->instance_count], clock_ns, run->why, false);
	}
	for (unsigned n = 0; n < run->instance_count; n++)
		pass_time(&instances[n], clock_ns, run->why, true);
	assert_flows_add_up(run->instance_count);
	close_instances(run);
}

static void hand_over_one(uint64_t at_ns, uint8_t tcp_flags) {
	struct rte_mbuf *tuple = fake_new();
	struct packet_meta meta = {.timestamp_ns = T0 + at_ns, .tcp_flags = tcp_flags};
	meta.key.ip_version = 4;
	meta.key.protocol = 6;
	tuple->data_len = 60;
	struct batch batch = {.count = 1, .tuples = {tuple}, .packets = {&meta}};
	hand_over(&instances[0], &batch);
}

// Deadlines that move to an earlier time, the end of a TCP connection and the active timeout after a cut, are met by
// the timer alone within a slot of the wheel.
static void deadlines_that_move_earlier_are_met_in_time(void **state) {
	static const char *const settings[] = {"idle_timeout", "60s", "active_timeout", "10s", NULL};
	const struct run run = {1, 1, 1, END_OF_INPUT, settings};
	first = (struct emitted){0};
	emitted = &first;
	open_instances(&run);
	hand_over_one(0, 0);
	pass_time(&instances[0], T0 + 10020 * MS, run.why, false);
	assert_int_equal(first.record_count, 1);
	assert_int_equal(first.records[0].end_reason, FLOW_END_ACTIVE);
	hand_over_one(11000 * MS, 0); // idle would end it at 71 s
	pass_time(&instances[0], T0 + 21020 * MS, run.why, false);
	assert_int_equal(first.record_count, 2);
	hand_over_one(22000 * MS, 0x04);
	pass_time(&instances[0], T0 + 26980 * MS, run.why, false);
	assert_int_equal(first.record_count, 2);
	pass_time(&instances[0], T0 + 27020 * MS, run.why, false);
	assert_int_equal(first.record_count, 3);
	assert_int_equal(first.records[2].end_reason, FLOW_END_TCP);
	assert_int_equal(instances[0].gauges[0], 0);
	close_instances(&run);
}

// How late a flow ended is counted in event time: from its deadline to the time at which the timer was looked at.
static void lateness_is_counted(void **state) {
	static const char *const settings[] = {"idle_timeout", "1s", NULL};
	static const uint64_t looks_ms[] = {1050, 1900, 3500}; // after packets at 0, 5,000 and 10,000 ms
	const struct run run = {1, 1, 1, END_OF_INPUT, settings};
	first = (struct emitted){0};
	emitted = &first;
	open_instances(&run);
	for (unsigned i = 0; i < 3; i++) {
		hand_over_one(5000 * i * MS, 0);
		pass_time(&instances[0], T0 + (5000 * i + 990) * MS, run.why, false);
		assert_int_equal(first.record_count, i);
		pass_time(&instances[0], T0 + (5000 * i + looks_ms[i]) * MS, run.why, false);
		assert_int_equal(first.record_count, i + 1);
	}
	assert_int_equal(gauge_of(&instances[0], "late_100ms"), 1);
	assert_int_equal(gauge_of(&instances[0], "late_1s"), 1);
	assert_int_equal(gauge_of(&instances[0], "late_more"), 1);
	assert_int_equal(gauge_of(&instances[0], "late_max_ms"), 2500);
	close_instances(&run);
}

static void change_option(const char *name, const char *value) {
	char error[256];
	assert_int_equal(
		option_set(option_lookup(op.type->options, name), (void *)op.options, value, error, sizeof(error)), 0);
	op.type->take_options(&instances[0]);
}

// A shorter time-out acts on a flow that is there when the old one is over: that is as told, not late.
static void changed_timeouts_make_no_flow_late(void **state) {
	static const char *const settings[] = {"idle_timeout", "60s", "active_timeout", "10s", NULL};
	const struct run run = {1, 1, 1, END_OF_INPUT, settings};
	first = (struct emitted){0};
	emitted = &first;
	open_instances(&run);
	change_option("active_timeout", "1h");
	hand_over_one(0, 0);
	pass_time(&instances[0], T0 + 10000 * MS, run.why, false);
	change_option("idle_timeout", "1s");
	pass_time(&instances[0], T0 + 60100 * MS, run.why, false);
	assert_int_equal(first.record_count, 1);
	assert_int_equal(gauge_of(&instances[0], "late_100ms"), 1);
	assert_int_equal(gauge_of(&instances[0], "late_max_ms"), 0);

	hand_over_one(100000 * MS, 0);
	pass_time(&instances[0], T0 + 103500 * MS, run.why, false);
	assert_int_equal(gauge_of(&instances[0], "late_more"), 1);
	assert_int_equal(gauge_of(&instances[0], "late_max_ms"), 2500);
	close_instances(&run);
}

static int compare_records(const void *a, const void *b) {
	return memcmp(a, b, sizeof(struct flow_record));
}

static void assert_same_records(void) {
	qsort(first.records, first.record_count, sizeof(first.records[0]), compare_records);
	qsort(second.records, second.record_count, sizeof(second.records[0]), compare_records);
	assert_int_equal(first.record_count, second.record_count);
	assert_memory_equal(first.records, second.records, first.record_count * sizeof(first.records[0]));
}

static uint64_t packets_recorded(const struct emitted *run) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < run->record_count; i++)
		sum += run->records[i].fwd.packets + run->records[i].rev.packets;
	return sum;
}

static unsigned count_reason(const struct emitted *run, enum flow_end_reason reason) {
	unsigned count = 0;
	for (unsigned i = 0; i < run->record_count; i++)
		count += run->records[i].end_reason == reason;
	return count;
}

static const char *const short_timeouts[] = {
	"idle_timeout", "700ms", "active_timeout", "2s", "tcp_linger", "120ms", "update_interval", "500ms", NULL};

static void records_do_not_depend_on_batches_workers_or_timers(void **state) {
	listens[0] = listens[1] = true;
	for (unsigned seed = 1; seed <= 4; seed++) {
		make_packets(seed);
		const struct run lazy = {1, 1, 1000000, END_OF_INPUT, short_timeouts};
		play(&lazy, &first);
		assert_int_equal(packets_recorded(&first), PACKETS);
		assert_int_equal(first.absorbed, PACKETS);
		for (unsigned reason = 0; reason < FLOW_END_REASONS; reason++)
			assert_int_equal(count_reason(&first, reason) > 0,
				reason != FLOW_END_EVICTED && reason != FLOW_END_SHUTDOWN);
		const struct run others[] = {
			{1, 1, 1, END_OF_INPUT, short_timeouts},
			{1, 64, 1, END_OF_INPUT, short_timeouts},
			{2, 64, 3, END_OF_INPUT, short_timeouts},
			{3, 30, 50, END_OF_INPUT, short_timeouts},
			{2, 64, 3, END_OF_INPUT, short_timeouts, .move_every = 1},
			{3, 8, 2, END_OF_INPUT, short_timeouts, .move_every = 10},
			{3, 30, 50, END_OF_INPUT, short_timeouts, .move_every = 3},
		};
		for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
			play(&others[i], &second);
			assert_same_records();
		}
	}
}

// A snapshot, and another number of instances that go on from it: nothing shows.
static void records_are_those_of_an_undisturbed_run(void **state) {
	listens[0] = listens[1] = true;
	for (unsigned seed = 10; seed <= 12; seed++) {
		make_packets(seed);
		const struct run whole = {2, 64, 2, END_OF_INPUT, short_timeouts};
		play(&whole, &first);
		assert_int_equal(packets_recorded(&first), PACKETS);
		const struct run cut[] = {
			{1, 64, 2, END_OF_INPUT, short_timeouts, .save_every = 10},
			{3, 16, 3, END_OF_INPUT, short_timeouts, .save_every = 60},
			{3, 16, 3, END_OF_INPUT, short_timeouts, .move_every = 5, .save_every = 20},
		};
		for (unsigned i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
			play(&cut[i], &second);
			assert_same_records();
		}
	}
}

static void shutdown_is_named(void **state) {
	make_packets(5);
	const struct run run = {1, 64, 1, END_OF_SHUTDOWN, short_timeouts};
	play(&run, &first);
	assert_true(count_reason(&first, FLOW_END_SHUTDOWN) > 0);
	assert_int_equal(count_reason(&first, FLOW_END_OF_INPUT), 0);
}

static void check_updates(const struct run *run) {
	listens[0] = listens[1] = true;
	play(run, &first);
	uint64_t packet_sum = 0, byte_sum = 0, record_bytes = 0;
	unsigned started = 0, ended = 0;
	for (unsigned i = 0; i < first.update_count; i++) {
		const struct flow_update *update = &first.updates[i];
		packet_sum += update->fwd_packets + update->rev_packets;
		byte_sum += update->fwd_bytes + update->rev_bytes;
		started += update->started;
		ended += update->present >> FLOW_HAS_END & 1;
	}
	for (unsigned i = 0; i < first.record_count; i++)
		record_bytes += first.records[i].fwd.bytes + first.records[i].rev.bytes;
	assert_int_equal(packet_sum, PACKETS);
	assert_int_equal(byte_sum, record_bytes);
	assert_true(started > 0 && first.update_count > started);
	assert_int_equal(started, ended);
	// Records are the same whether or not anybody listens to updates, and the other way round.
	listens[1] = false;
	play(run, &second);
	assert_int_equal(second.update_count, 0);
	assert_same_records();
	listens[1] = true;
	listens[0] = false;
	play(run, &second);
	assert_int_equal(second.record_count, 0);
	assert_int_equal(second.update_count > 0, true);
	listens[0] = true;
}

static void updates_add_up_to_what_was_recorded(void **state) {
	const struct run still = {2, 64, 1, END_OF_INPUT, short_timeouts};
	const struct run moving = {3, 16, 2, END_OF_INPUT, short_timeouts, .move_every = 4};
	const struct run saved = {3, 16, 2, END_OF_INPUT, short_timeouts, .move_every = 9, .save_every = 30};
	make_packets(6);
	check_updates(&still);
	check_updates(&moving);
	check_updates(&saved);
}

static void a_full_table_evicts_and_loses_no_packet(void **state) {
	static const char *const settings[] = {"max_flows", "20", NULL};
	make_packets(7);
	const struct run run = {1, 64, 1, END_OF_INPUT, settings};
	play(&run, &first);
	assert_int_equal(first.dropped, 0);
	assert_int_equal(packets_recorded(&first), PACKETS);
	assert_true(count_reason(&first, FLOW_END_EVICTED) > 0);
	assert_int_equal(count_reason(&first, FLOW_END_OF_INPUT), 20);
}

static void a_full_table_without_eviction_drops_by_name(void **state) {
	static const char *const settings[] = {"max_flows", "20", "evict", "none", NULL};
	make_packets(8);
	const struct run run = {2, 64, 1, END_OF_INPUT, settings};
	play(&run, &first);
	assert_true(first.dropped > 0);
	assert_int_equal(packets_recorded(&first) + first.dropped, PACKETS);
	assert_int_equal(first.absorbed + first.dropped, PACKETS);
	assert_int_equal(count_reason(&first, FLOW_END_EVICTED), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_do_not_depend_on_batches_workers_or_timers),
		cmocka_unit_test(records_are_those_of_an_undisturbed_run),
		cmocka_unit_test(deadlines_that_move_earlier_are_met_in_time),
		cmocka_unit_test(lateness_is_counted),
		cmocka_unit_test(changed_timeouts_make_no_flow_late),
		cmocka_unit_test(shutdown_is_named),
		cmocka_unit_test(updates_add_up_to_what_was_recorded),
		cmocka_unit_test(a_full_table_evicts_and_loses_no_packet),
		cmocka_unit_test(a_full_table_without_eviction_drops_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
