// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A link: the conversation with one other node, by as many connections as were asked for.
#include "dataplane/switch/link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dataplane/operator.h"

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
	if (link->owner->tls != NULL && !link->has_secret) {
		link_say(link, "no key of it; expected %s.public in allowed_nodes", link->node.name);
		return;
	}
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
