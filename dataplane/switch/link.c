// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A link: the conversation with one other node, by as many connections as were asked for.
#include "dataplane/switch/link.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dataplane/operator.h"

static const uint64_t BACKOFF_MIN_NS = 50 * 1000 * 1000, BACKOFF_MAX_NS = 2000 * UINT64_C(1000000);

void link_say(struct link *link, const char *format, ...) {
	char text[LINK_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (strcmp(text, link->said) == 0)
		return;
	strcpy(link->said, text);
	fprintf(stderr, "weir-dataplane: link to %s: %s\n", link->node.name, text);
}

bool link_is_done(const struct link *link) {
	bool is_done = true;
	for (unsigned i = 0; i < link->sender_count; i++)
		is_done &= link->senders[i]->is_final && remote_sender_is_empty(link->senders[i]);
	for (unsigned i = 0; i < link->receiver_count; i++)
		is_done &= link->receivers[i]->told_final;
	return is_done;
}

// Both ends come to the same: first what the opening end sends, then what the other one does.
unsigned link_slot_of(const struct link *link, unsigned sender) {
	return (sender + (link->connects ? 0 : link->receiver_count)) % link->slot_count;
}

static void open_connection(struct link *link, unsigned index, uint64_t now_ns) {
	struct slot *slot = &link->slots[index];
	slot->next_try_ns = now_ns + slot->backoff_ns;
	slot->backoff_ns = slot->backoff_ns * 2 < BACKOFF_MAX_NS ? slot->backoff_ns * 2 : BACKOFF_MAX_NS;
	int fd = socket(link->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		link_say(link, "no socket: %s", strerror(errno));
		return;
	}
	if (connect(fd, (const struct sockaddr *)&link->address, link->address_size) != 0 && errno != EINPROGRESS) {
		link_say(link, "%s: %s", link->node.address, strerror(errno));
		close(fd);
		return;
	}
	slot->connection = connection_new(link->owner, fd, CONNECTION_CONNECTING);
	if (slot->connection == NULL)
		return;
	slot->connection->link = link;
	slot->connection->index = index;
}

void link_tend(struct link *link, uint64_t now_ns) {
	for (unsigned i = 0; i < link->receiver_count; i++)
		remote_receiver_tend(link->receivers[i]);
	for (unsigned i = 0; i < link->slot_count; i++) {
		struct slot *slot = &link->slots[i];
		struct connection *connection = slot->connection;
		if (connection != NULL && connection->state != CONNECTION_UP && now_ns >= connection->deadline_ns) {
			link_say(link, "%s: no answer", link->node.address);
			connection_close(connection);
		}
		if (slot->connection != NULL || !link->connects || link_is_done(link))
			continue;
		if (now_ns >= slot->next_try_ns)
			open_connection(link, i, now_ns);
		else if (slot->next_try_ns - now_ns < link->owner->wait_ns)
			link->owner->wait_ns = slot->next_try_ns - now_ns;
	}
}

static int refuse(struct connection *connection, uint16_t channel, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Say why not. Of a whole connection it is the last word: written as far as the socket takes it.
static int refuse(struct connection *connection, uint16_t channel, const char *format, ...) {
	char text[LINK_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (connection->link != NULL)
		link_say(connection->link, "refused: %s", text);
	else
		fprintf(stderr, "weir-dataplane: links: refused: %s\n", text);
	uint8_t *out = connection_reserve(connection);
	if (out == NULL)
		return -ENOBUFS;
	size_t size = link_refuse_pack(channel, text, out);
	if (channel != LINK_ALL_CHANNELS) {
		connection_commit(connection, size);
		return 0;
	}
	return send(connection->fd, out, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : -ECONNRESET;
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
	link->slots[connection->index].backoff_ns = BACKOFF_MIN_NS;
	link->said[0] = '\0';
}

// Join an accepted connection to its link.
static int admit(struct connection *connection, const struct link_hello *hello) {
	struct link_switch *links = connection->owner;
	struct link *link = NULL;
	for (unsigned i = 0; i < links->link_count; i++)
		if (strcmp(links->links[i].node.name, hello->node) == 0)
			link = &links->links[i];
	if (link == NULL)
		return refuse(connection, LINK_ALL_CHANNELS, "%s is none of the nodes of %s", hello->node, links->node);
	if (link->connects)
		return refuse(connection, LINK_ALL_CHANNELS, "%s opens the connections to %s: nodes differ",
			links->node, hello->node);
	if (link->slot_count == 0 || hello->count != link->slot_count)
		return refuse(connection, LINK_ALL_CHANNELS, "%s has %u connections, %s %u: pipelines differ",
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

static int take_hello(struct connection *connection, const uint8_t *payload) {
	struct link_hello hello;
	int rc = link_hello_parse(payload, connection->header.size, &hello);
	if (rc == -EPROTONOSUPPORT)
		return refuse(connection, LINK_ALL_CHANNELS, "%s speaks version %u, not %u", connection->owner->node,
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

static struct remote_receiver *find_receiver(const struct link *link, const struct link_open *open) {
	for (unsigned i = 0; i < link->receiver_count; i++) {
		struct remote_receiver *receiver = link->receivers[i];
		if (strcmp(receiver->name.pipeline, open->pipeline) == 0 &&
			strcmp(receiver->name.stream, open->stream) == 0 && receiver->name.index == open->index)
			return receiver;
	}
	return NULL;
}

static int bind_receiver(struct connection *connection, struct remote_receiver *receiver, uint16_t channel) {
	if (channel >= connection->receiver_limit) {
		unsigned limit = channel + 1U;
		struct remote_receiver **grown =
			reallocarray(connection->receivers, limit, sizeof(struct remote_receiver *));
		if (grown == NULL)
			return -ENOMEM;
		memset(grown + connection->receiver_limit, 0,
			(limit - connection->receiver_limit) * sizeof(struct remote_receiver *));
		connection->receivers = grown;
		connection->receiver_limit = limit;
	}
	// It may have come by another connection, or under another number.
	struct connection *before = receiver->connection;
	if (before != NULL && receiver->wire_id < before->receiver_limit)
		before->receivers[receiver->wire_id] = NULL;
	if (before != NULL && before->receiver == receiver) {
		before->receiver = NULL; // what is left of a frame that it is in the middle of goes nowhere
		before->place = NULL;
	}
	connection->receivers[channel] = receiver;
	receiver->connection = connection;
	receiver->wire_id = channel;
	return 0;
}

static int take_open(struct connection *connection, const uint8_t *payload) {
	const struct link *link = connection->link;
	const struct link_header *header = &connection->header;
	struct link_open open;
	if (link_open_parse(payload, header->size, &open) < 0 || header->channel == LINK_ALL_CHANNELS)
		return -EBADMSG;
	struct remote_receiver *receiver = find_receiver(link, &open);
	const char *node = connection->owner->node;
	if (receiver == NULL)
		return refuse(connection, header->channel, "%s takes no stream %.100s of a pipeline %.60s", node,
			open.stream, open.pipeline);
	if (receiver->name.count != open.count)
		return refuse(connection, header->channel, "%.100s: %s expects %u channels, not %u", open.stream, node,
			receiver->name.count, open.count);
	if (receiver->layout.hash != open.schema_hash)
		return refuse(connection, header->channel, "%.100s: %s has another schema for it", open.stream, node);
	if (open.frame_max > receiver->ring.size)
		return refuse(connection, header->channel, "%.100s: frames of %u bytes are more than %s keeps",
			open.stream, open.frame_max, node);
	if (atomic_load(&receiver->is_closed) && receiver->incarnation != link->incarnation)
		return refuse(connection, header->channel, "%.100s: %s takes no more", open.stream, node);
	uint8_t *out = connection_reserve(connection);
	int rc = out == NULL ? -ENOBUFS : bind_receiver(connection, receiver, header->channel);
	if (rc < 0)
		return rc;
	struct link_resume resume = remote_receiver_open(receiver, link->incarnation, header->position);
	connection_commit(connection, link_resume_pack(header->channel, &resume, out));
	return 0;
}

// A sender of this connection, by the number that this node gave it.
static struct remote_sender *find_sender(const struct connection *connection, uint16_t channel) {
	const struct link *link = connection->link;
	for (unsigned i = 0; i < link->sender_count; i++)
		if (link->senders[i]->id == channel && link_slot_of(link, i) == connection->index)
			return link->senders[i];
	return NULL;
}

static int take_resume(struct connection *connection, const uint8_t *payload) {
	struct link_resume resume;
	struct remote_sender *sender = find_sender(connection, connection->header.channel);
	if (link_resume_parse(payload, connection->header.size, &resume) < 0)
		return -EBADMSG;
	return sender == NULL || !sender->is_opening ? -EPROTO : remote_sender_resume(sender, &resume);
}

static int take_ack(const struct connection *connection) {
	const struct link_header *header = &connection->header;
	struct remote_sender *sender = find_sender(connection, header->channel);
	if (sender == NULL || !sender->is_open)
		return -EPROTO;
	return remote_sender_acknowledge(sender, header->position, (header->flags & LINK_FINAL) != 0);
}

static int take_refusal(struct connection *connection, const uint8_t *payload) {
	char text[LINK_TEXT_SIZE];
	if (connection->link == NULL || link_refuse_parse(payload, connection->header.size, text) < 0)
		return -EBADMSG;
	link_say(connection->link, "it refuses: %.200s", text);
	if (connection->header.channel == LINK_ALL_CHANNELS)
		connection->link->slots[connection->index].next_try_ns = clock_monotonic_ns() + BACKOFF_MAX_NS;
	return connection->header.channel == LINK_ALL_CHANNELS ? -ECONNRESET : 0;
}

int link_take_frame(struct connection *connection, const uint8_t *payload) {
	const enum link_frame_type type = connection->header.type;
	if (type == LINK_HELLO)
		return take_hello(connection, payload);
	if (type == LINK_REFUSE)
		return take_refusal(connection, payload);
	if (connection->state != CONNECTION_UP)
		return -EBADMSG;
	if (type == LINK_OPEN)
		return take_open(connection, payload);
	return type == LINK_RESUME ? take_resume(connection, payload) : take_ack(connection);
}

int link_begin_data(struct connection *connection, uint8_t **place) {
	uint16_t channel = connection->header.channel;
	bool is_known = channel < connection->receiver_limit && connection->receivers[channel] != NULL;
	if (connection->state != CONNECTION_UP || !is_known)
		return -EPROTO;
	struct remote_receiver *receiver = connection->receivers[channel];
	int rc = remote_receiver_begin(receiver, &connection->header, place);
	connection->receiver = *place != NULL ? receiver : NULL;
	return rc;
}

static void fill_opens(struct connection *connection) {
	const struct link *link = connection->link;
	for (unsigned i = 0; i < link->sender_count; i++) {
		struct remote_sender *sender = link->senders[i];
		uint8_t *out;
		if (link_slot_of(link, i) != connection->index || sender->is_open || sender->is_opening ||
			(out = connection_reserve(connection)) == NULL)
			continue;
		struct link_open open = {
			.schema_hash = sender->layout.hash,
			.frame_max = remote_sender_frame_max(sender),
			.index = sender->name.index,
			.count = sender->name.count,
		};
		strcpy(open.pipeline, sender->name.pipeline);
		strcpy(open.stream, sender->name.stream);
		connection_commit(connection, link_open_pack(sender->id, sender->tail, &open, out));
		sender->is_opening = true;
	}
}

static void fill_acks(struct connection *connection) {
	const struct link *link = connection->link;
	for (unsigned i = 0; i < link->receiver_count; i++) {
		struct remote_receiver *receiver = link->receivers[i];
		uint8_t *out;
		if (receiver->connection != connection || !remote_receiver_is_ack_due(receiver) ||
			(out = connection_reserve(connection)) == NULL)
			continue;
		bool is_final;
		uint64_t consumed = remote_receiver_tell(receiver, &is_final);
		connection_commit(
			connection, link_ack_pack(receiver->wire_id, consumed, is_final ? LINK_FINAL : 0, out));
	}
}

void link_fill(struct connection *connection, uint64_t now_ns) {
	const struct link *link = connection->link;
	if (connection->state == CONNECTION_UP) {
		fill_acks(connection);
		fill_opens(connection);
	}
	for (unsigned i = 0; connection->state == CONNECTION_UP && i < link->sender_count; i++) {
		unsigned at = connection->turn++ % link->sender_count;
		struct remote_sender *sender = link->senders[at];
		const uint8_t *data;
		if (connection->chunk_count == CONNECTION_CHUNKS)
			break;
		if (!sender->is_open || link_slot_of(link, at) != connection->index)
			continue;
		size_t size =
			remote_sender_take(sender, CONNECTION_QUANTUM, now_ns, &data, &connection->owner->wait_ns);
		if (size > 0)
			connection_append(connection, data, size);
	}
}

// Whether all that was to be written got there.
static bool is_all_there(const struct connection *connection) {
	int unread = 0;
	return connection->chunk_count == 0 && ioctl(connection->fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

void link_lost(struct connection *connection) {
	struct link *link = connection->link;
	struct connection **at = &connection->owner->accepted;
	if (link == NULL) {
		while (*at != connection)
			at = &(*at)->next;
		*at = connection->next;
		connection->owner->accepted_count--;
		return;
	}
	link->slots[connection->index].connection = NULL;
	for (unsigned i = 0; i < link->sender_count; i++)
		if (link_slot_of(link, i) == connection->index)
			remote_sender_close(link->senders[i]);
	bool is_read = is_all_there(connection);
	for (unsigned i = 0; i < link->receiver_count; i++) {
		struct remote_receiver *receiver = link->receivers[i];
		if (receiver->connection != connection)
			continue;
		receiver->connection = NULL;
		// Who sends waits for the last word, and this end may be the one that connects to say it again.
		receiver->told_final &= is_read;
	}
}

void link_greet(struct connection *connection) {
	int error = 0;
	socklen_t size = sizeof(error);
	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		link_say(connection->link, "%s: %s", connection->link->node.address, strerror(error));
		connection_close(connection);
		return;
	}
	connection->state = CONNECTION_GREETING;
	say_hello(connection);
}
