// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How two nodes meet on a connection: keys, where there are any, then who each is, and whether it is the process of
// before.
#include "dataplane/switch/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "dataplane/operator.h"
#include "dataplane/switch/link_tls.h"

static int refuse(struct connection *connection, enum link_refusal why, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Say why not, as the last word: written as far as the socket takes it.
static int refuse(struct connection *connection, enum link_refusal why, const char *format, ...) {
	char text[LINK_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	link_refuse(connection->owner, why, "%s", text);
	uint8_t out[LINK_HEADER_SIZE + LINK_CONTROL_MAX];
	ssize_t sent = connection_send(connection, out, link_refuse_pack(LINK_ALL_CHANNELS, text, out));
	return sent < 0 ? (int)sent : -ECONNRESET;
}

static void say_hello(struct connection *connection) {
	struct link_hello hello = {
		.version = LINK_VERSION,
		.index = (uint16_t)connection->index,
		.count = (uint16_t)connection->link->slot_count,
		.incarnation = connection->owner->incarnation,
	};
	strcpy(hello.node, connection->owner->node);
	uint8_t *out = connection_reserve(connection); // the first word: there is room
	connection_commit(connection, link_hello_pack(&hello, out));
}

// The other node is another process than before: what it did not say is not known.
static void forget_peer(struct link *link, const struct connection *kept) {
	for (unsigned i = 0; i < link->slot_count; i++)
		if (link->slots[i].connection != NULL && link->slots[i].connection != kept)
			connection_close(link->slots[i].connection);
	for (unsigned i = 0; i < link->sender_count; i++) {
		struct remote_sender *sender = link->senders[i];
		uint64_t lost = remote_sender_forget(sender);
		if (lost > 0)
			fprintf(stderr,
				"weir-dataplane: link to %s: %s/%s[%u]: the node died: acknowledged %" PRIu64
				" <= processed <= sent %" PRIu64 " tuples; %" PRIu64
				" are not sent again (counted as unknown)\n",
				link->node.name, sender->name.pipeline, sender->name.stream, sender->name.index,
				(uint64_t)sender->acknowledged, (uint64_t)sender->sent_tuples, lost);
	}
	for (unsigned i = 0; i < link->receiver_count; i++) {
		const struct remote_receiver *receiver = link->receivers[i];
		if (receiver->incarnation != 0 && !receiver->told_final)
			fprintf(stderr,
				"weir-dataplane: link to %s: %s/%s[%u]: the node died: received %" PRIu64
				" tuples, which count; what it had yet to send is gone\n",
				link->node.name, receiver->name.pipeline, receiver->name.stream, receiver->name.index,
				(uint64_t)receiver->received);
	}
}

static void meet(struct link *link, const struct connection *connection, uint64_t incarnation) {
	if (link->incarnation != 0 && link->incarnation != incarnation)
		forget_peer(link, connection);
	link->incarnation = incarnation;
}

// Join an accepted connection to its link.
static int admit(struct connection *connection, const struct link_hello *hello) {
	struct link_switch *links = connection->owner;
	struct link *link = NULL;
	for (unsigned i = 0; i < links->link_count; i++)
		if (strcmp(links->links[i].node.name, hello->node) == 0)
			link = &links->links[i];
	if (link == NULL)
		return refuse(
			connection, LINK_REFUSED_UNKNOWN, "%s is none of the nodes of %s", hello->node, links->node);
	if (connection->tls != NULL && connection->peer != link)
		return refuse(
			connection, LINK_REFUSED_NAME, "%s calls itself %s", connection->peer->node.name, hello->node);
	if (link->connects)
		return refuse(connection, LINK_REFUSED_PLAN, "%s opens the connections to %s: nodes differ",
			links->node, hello->node);
	if (link->slot_count == 0 || hello->count != link->slot_count)
		return refuse(connection, LINK_REFUSED_PLAN, "%s has %u connections, %s %u: pipelines differ",
			hello->node, hello->count, links->node, link->slot_count);
	struct slot *slot = &link->slots[hello->index];
	if (slot->connection != NULL)
		connection_close(slot->connection); // the other end has given it up
	struct connection **at = &links->accepted;
	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	links->accepted_count--;
	connection->link = link;
	connection->index = hello->index;
	slot->connection = connection;
	say_hello(connection);
	return 0;
}

int link_take_hello(struct connection *connection, const uint8_t *payload) {
	struct link_hello hello;
	int rc = link_hello_parse(payload, connection->header.size, &hello);
	if (rc == -EPROTONOSUPPORT)
		return refuse(connection, LINK_REFUSED_VERSION, "%s speaks version %u, not %u", connection->owner->node,
			(unsigned)LINK_VERSION, hello.version);
	if (rc < 0 || connection->state != CONNECTION_GREETING)
		return -EBADMSG;
	if (connection->link == NULL) {
		rc = admit(connection, &hello);
	} else if (strcmp(hello.node, connection->link->node.name) != 0) {
		link_say(connection->link, "%s: there is another node: %.60s", connection->link->node.address,
			hello.node);
		return -ECONNRESET;
	}
	if (rc < 0)
		return rc;
	meet(connection->link, connection, hello.incarnation);
	connection->state = CONNECTION_UP;
	return 0;
}

// Who opened the connection speaks first.
static void begin_greeting(struct connection *connection) {
	connection->state = CONNECTION_GREETING;
	if (connection->link != NULL)
		say_hello(connection);
}

void link_shake(struct connection *connection) {
	int rc = link_tls_shake(connection);
	if (rc == -EAGAIN)
		return;
	if (rc == 0) {
		begin_greeting(connection);
		connection_read(connection); // what came along is in no socket any more
		return;
	}
	if (connection->link != NULL && rc == -EACCES)
		connection->link->slots[connection->index].next_try_ns = clock_monotonic_ns() + BACKOFF_MAX_NS;
	else if (connection->link == NULL && rc != -EACCES)
		link_refuse(connection->owner, LINK_REFUSED_GARBAGE, "somebody who ended in the handshake");
	connection_close(connection);
}

void link_greet(struct connection *connection) {
	int error = 0;
	socklen_t size = sizeof(error);
	if (connection->link != NULL) {
		getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0)
			link_say(connection->link, "%s: %s", connection->link->node.address, strerror(error));
	}
	if (error == 0 && connection->owner->tls != NULL) {
		error = -link_tls_begin(connection);
		connection->state = CONNECTION_SHAKING;
	}
	if (error != 0)
		connection_close(connection);
	else if (connection->state == CONNECTION_SHAKING)
		link_shake(connection);
	else
		begin_greeting(connection);
}
