// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Two connections of a link in one process: what a peer that does not keep to the rules says on them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/switch/link.h"

enum { CONNECTIONS = 2 };

static const struct field fields[] = {{.name = "number", .type = FIELD_U64}, {0}};
static const struct schema schema = {.name = "numbers", .body = SCHEMA_RECORD, .size = 8, .fields = fields};

// Node b, to which a sends by one channel.
struct world {
	struct link_switch *links;
	struct remote_receiver *receiver;
	struct connection *connections[CONNECTIONS];
	int ends[CONNECTIONS]; // a's
};

static void say(const struct world *world, unsigned index, const uint8_t *data, size_t size) {
	assert_int_equal(send(world->ends[index], data, size, MSG_NOSIGNAL), size);
	connection_read(world->connections[index]);
}

static void greet(const struct world *world, unsigned index, uint64_t incarnation) {
	uint8_t out[LINK_HEADER_SIZE + LINK_CONTROL_MAX];
	const struct link_hello hello = {.version = LINK_VERSION,
		.index = (uint16_t)index,
		.count = CONNECTIONS,
		.incarnation = incarnation,
		.node = "a"};
	say(world, index, out, link_hello_pack(&hello, out));
}

static void open_channel(const struct world *world, unsigned index) {
	uint8_t out[LINK_HEADER_SIZE + LINK_CONTROL_MAX];
	const struct link_open open = {.schema_hash = tuple_schema_hash(&schema),
		.frame_max = 1000,
		.count = 1,
		.pipeline = "p",
		.stream = "x>y"};
	say(world, index, out, link_open_pack(0, 0, &open, out));
}

static void connect_to(struct world *world, unsigned index) {
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	struct connection *connection = connection_new(world->links, ends[0], CONNECTION_GREETING);
	assert_non_null(connection);
	connection->next = world->links->accepted;
	world->links->accepted = connection;
	world->links->accepted_count++;
	world->connections[index] = connection;
	world->ends[index] = ends[1];
}

static int begin(void **state) {
	static struct world world;
	char *nodes[] = {"a = tcp://127.0.0.1:1", "b = tcp://127.0.0.1:2"};
	const struct option_list list = {.count = 2, .items = nodes};
	const struct link_switch_options options = {
		.node = "b", .incarnation = 3, .nodes = &list, .connections = CONNECTIONS};
	struct remote_receiver *receiver = aligned_alloc(_Alignof(struct remote_receiver), sizeof(*receiver));
	memset(receiver, 0, sizeof(*receiver));
	receiver->name = (struct remote_name){.node = "a", .pipeline = "p", .stream = "x>y", .count = 1};
	world = (struct world){.receiver = receiver};
	assert_int_equal(remote_receiver_init(receiver, &schema, 8192), 0);
	assert_int_equal(link_switch_new(&world.links, &options), 0);
	assert_int_equal(link_switch_add_receiver(world.links, receiver), 0);
	world.links->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	world.links->links[0].slots = calloc(CONNECTIONS, sizeof(struct slot));
	world.links->links[0].slot_count = CONNECTIONS;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		connect_to(&world, i);
	*state = &world;
	return 0;
}

static int end(void **state) {
	const struct world *world = *state;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		connection_close(world->connections[i]);
		free(world->connections[i]->receivers);
		free(world->connections[i]);
		close(world->ends[i]);
	}
	link_switch_free(world->links);
	remote_receiver_fini(world->receiver);
	free(world->receiver);
	return 0;
}

static void a_channel_that_moves_leaves_its_frame_behind(void **state) {
	const struct world *world = *state;
	uint8_t frame[LINK_HEADER_SIZE + LINK_DATA_SIZE + 40];
	const struct link_data none = {.tuples = 0};
	memset(frame, 0xff, sizeof(frame));
	link_data_pack(&none, frame + LINK_HEADER_SIZE);
	struct link_header header = {.type = LINK_DATA, .size = sizeof(frame) - LINK_HEADER_SIZE};
	link_header_pack(&header, frame);
	greet(world, 0, 7);
	greet(world, 1, 7);
	open_channel(world, 0);
	say(world, 0, frame, sizeof(frame) - 10); // the rest comes later
	open_channel(world, 1);
	header.size = LINK_DATA_SIZE;
	uint8_t other[LINK_HEADER_SIZE + LINK_DATA_SIZE];
	link_header_pack(&header, other);
	link_data_pack(&none, other + LINK_HEADER_SIZE);
	say(world, 1, other, sizeof(other));
	say(world, 0, frame + sizeof(frame) - 10, 10);
	assert_int_equal(world->receiver->head, sizeof(other));
	assert_true(remote_receiver_next(world->receiver));
	assert_false(remote_receiver_next(world->receiver));
	for (unsigned i = 0; i < CONNECTIONS; i++)
		assert_int_equal(world->connections[i]->state, CONNECTION_UP);
}

static void another_process_takes_the_place_of_the_first(void **state) {
	const struct world *world = *state;
	greet(world, 0, 7);
	assert_int_equal(world->connections[0]->state, CONNECTION_UP);
	greet(world, 1, 8);
	assert_int_equal(world->connections[0]->state, CONNECTION_DEAD);
	assert_int_equal(world->connections[1]->state, CONNECTION_UP);
}

static void a_process_without_an_incarnation_is_none(void **state) {
	const struct world *world = *state;
	greet(world, 0, 0);
	assert_int_equal(world->connections[0]->state, CONNECTION_DEAD);
	assert_null(world->links->links[0].slots[0].connection);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_channel_that_moves_leaves_its_frame_behind, begin, end),
		cmocka_unit_test_setup_teardown(another_process_takes_the_place_of_the_first, begin, end),
		cmocka_unit_test_setup_teardown(a_process_without_an_incarnation_is_none, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
