// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Any bytes on a connection of a link, read as the switch reads them, in pieces whose lengths the input says: the first
// byte tells whether a good hello and the opening of a channel come first, then two bytes of length before each piece.
// Whatever comes, queues stay within their bounds, and what was never sent is not acknowledged.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dataplane/switch/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_replayed(void);

enum { SAYS_HELLO = 1, OPENS = 2 };

static const struct field fields[] = {
	{.name = "number", .type = FIELD_U64},
	{.name = "text", .type = FIELD_STRING, .offset = 8, .length = 16},
	{.name = "is_new", .type = FIELD_BOOL, .offset = 24},
	{0},
};
static const struct schema schema = {.name = "numbers", .body = SCHEMA_RECORD, .size = 32, .fields = fields};

static void require(bool holds) {
	if (!holds)
		abort();
}

static void name(struct remote_name *name) {
	strcpy(name->node, "a");
	strcpy(name->pipeline, "p");
	strcpy(name->stream, "x>y");
	name->count = 1;
}

static struct link_switch *new_switch(struct remote_sender *sender, struct remote_receiver *receiver) {
	char *nodes[] = {"a = tcp://127.0.0.1:1", "b = tcp://127.0.0.1:2"};
	const struct option_list list = {.count = 2, .items = nodes};
	const struct link_switch_options options = {.node = "b", .incarnation = 5, .nodes = &list, .connections = 1};
	struct link_switch *links;
	require(link_switch_new(&links, &options) == 0);
	name(&sender->name);
	name(&receiver->name);
	require(remote_sender_init(sender, &schema, 8192) == 0 && remote_receiver_init(receiver, &schema, 8192) == 0);
	require(link_switch_add_sender(links, sender) == 0 && link_switch_add_receiver(links, receiver) == 0);
	links->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	links->links[0].slots = calloc(1, sizeof(struct slot));
	links->links[0].slot_count = 1;
	return links;
}

static size_t begin(unsigned what, uint8_t *out) {
	struct link_hello hello = {.version = LINK_VERSION, .count = 1, .incarnation = 3};
	struct link_open open = {.schema_hash = tuple_schema_hash(&schema), .frame_max = 1000, .count = 1};
	size_t size = 0;
	strcpy(hello.node, "a");
	strcpy(open.pipeline, "p");
	strcpy(open.stream, "x>y");
	if ((what & SAYS_HELLO) != 0)
		size += link_hello_pack(&hello, out);
	if ((what & OPENS) != 0)
		size += link_open_pack(0, 0, &open, out + size);
	return size;
}

static unsigned whole, malformed; // frames of tuples

void fuzz_replayed(void) {
	require(whole > 0 && malformed > 0);
}

static void work(struct remote_sender *sender, struct remote_receiver *receiver) {
	uint64_t body[4];
	struct tuple_time time;
	uint32_t dropped;
	while (remote_receiver_next(receiver))
		while (receiver->tuples_left > 0) {
			memset(body, 0, sizeof(body));
			bool is_whole = remote_receiver_unpack(receiver, body, &time, &dropped);
			whole += is_whole && receiver->tuples_left == 0 && receiver->read == receiver->frame_end;
			malformed += !is_whole;
			require(!is_whole || ((const uint8_t *)body)[24] <= 1);
		}
	require(receiver->head - receiver->tail <= receiver->ring.size);
	remote_receiver_release(receiver);
	remote_sender_tell(sender, sender->watermark_ns + 1000000000);
	require(sender->tail <= sender->sent && sender->sent <= sender->head);
}

// Bytes come, and are read.
static void bring(struct connection *connection, int fd, const uint8_t *data, size_t size) {
	while (size > 0 && connection->state != CONNECTION_DEAD) {
		ssize_t written = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		require(written > 0);
		data += written;
		size -= (size_t)written;
		connection_read(connection);
	}
	if (connection->state == CONNECTION_UP)
		connection_write(connection, 1);
	uint8_t ignored[4096];
	while (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct remote_sender sender;
	static struct remote_receiver receiver;
	uint8_t greeting[4 * LINK_TEXT_SIZE];
	int ends[2];
	if (size == 0)
		return 0;
	memset(&sender, 0, sizeof(sender));
	memset(&receiver, 0, sizeof(receiver));
	struct link_switch *links = new_switch(&sender, &receiver);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	struct connection *connection = connection_new(links, ends[0], CONNECTION_GREETING);
	require(connection != NULL);
	links->accepted = connection;
	links->accepted_count = 1;
	bring(connection, ends[1], greeting, begin(data[0], greeting));
	data++;
	size--;
	while (size >= 2) {
		size_t piece = data[0] | (size_t)data[1] << 8;
		data += 2;
		size -= 2;
		piece = piece < size ? piece : size;
		bring(connection, ends[1], data, piece);
		work(&sender, &receiver);
		data += piece;
		size -= piece;
	}
	connection_close(connection);
	free(connection->receivers);
	free(connection);
	links->dead = NULL;
	close(ends[1]);
	link_switch_free(links);
	remote_sender_fini(&sender);
	remote_receiver_fini(&receiver);
	return 0;
}
