// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames of a link: what another node says of its channels and of ours.
#include "dataplane/switch/link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/operator.h"

static int refuse(struct connection *connection, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Say why the channel is not taken, here and there.
static int refuse(struct connection *connection, const char *format, ...) {
	char text[LINK_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	link_say(connection->link, "refused: %s", text);
	uint8_t *out = connection_reserve(connection);
	if (out == NULL)
		return -ENOBUFS;
	connection_commit(connection, link_refuse_pack(connection->header.channel, text, out));
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

// A channel is open: what goes wrong from now on is new, and tried again soon.
static void note_use(const struct connection *connection) {
	connection->link->slots[connection->index].backoff_ns = BACKOFF_MIN_NS;
	connection->link->said[0] = '\0';
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
		return refuse(
			connection, "%s takes no stream %.100s of a pipeline %.60s", node, open.stream, open.pipeline);
	if (receiver->name.count != open.count)
		return refuse(connection, "%.100s: %s expects %u channels, not %u", open.stream, node,
			receiver->name.count, open.count);
	if (receiver->layout.hash != open.schema_hash)
		return refuse(connection, "%.100s: %s has another schema for it", open.stream, node);
	if (open.frame_max > receiver->ring.size)
		return refuse(connection, "%.100s: frames of %u bytes are more than %s keeps", open.stream,
			open.frame_max, node);
	if (atomic_load(&receiver->is_closed) && receiver->incarnation != link->incarnation)
		return refuse(connection, "%.100s: %s takes no more", open.stream, node);
	uint8_t *out = connection_reserve(connection);
	int rc = out == NULL ? -ENOBUFS : bind_receiver(connection, receiver, header->channel);
	if (rc < 0)
		return rc;
	struct link_resume resume = remote_receiver_open(receiver, link->incarnation, header->position);
	connection_commit(connection, link_resume_pack(header->channel, &resume, out));
	note_use(connection);
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
	int rc = sender == NULL || !sender->is_opening ? -EPROTO : remote_sender_resume(sender, &resume);
	if (rc == 0)
		note_use(connection);
	return rc;
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
		return link_take_hello(connection, payload);
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
