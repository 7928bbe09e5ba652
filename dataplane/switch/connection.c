// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One TCP connection of a link: bytes to frames and back. What comes for a channel is read straight into its queue
// where it is long, and what goes out is written from the senders' queues.
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dataplane/operator.h"
#include "dataplane/switch/link.h"
#include "dataplane/switch/link_tls.h"

enum {
	READS = 8,       // of one connection before it is another's turn
	WRITES = 8,      // the same
	TLS_WRITES = 16, // the same, of a record of at most 16 KiB each
	GREETING_NS = 1000 * 1000 * 1000,
	UNSENT_BYTES = 512 << 10, // in the kernel: what lies there can't be paced any more
	DEAD_MS = 10000,          // without an acknowledgement of TCP's
};

static void set_options(int fd) {
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_MS},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 3},
		{IPPROTO_TCP, TCP_KEEPINTVL, 1},
		{IPPROTO_TCP, TCP_KEEPCNT, 5},
	};
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int)) != 0)
			return; // a kernel without them serves as well, only less promptly
}

static int watch(const struct connection *connection, int operation, uint32_t events) {
	struct epoll_event event = {.events = events, .data.ptr = (void *)connection};
	return epoll_ctl(connection->owner->epoll_fd, operation, connection->fd, &event);
}

struct connection *connection_new(struct link_switch *owner, int fd, enum connection_state state) {
	struct connection *connection = malloc(sizeof(*connection));
	if (connection == NULL) {
		close(fd);
		return NULL;
	}
	memset(connection, 0, offsetof(struct connection, in));
	connection->chunk_count = connection->turn = 0;
	connection->out_used = 0;
	connection->owner = owner;
	connection->fd = fd;
	connection->state = state;
	connection->deadline_ns = clock_monotonic_ns() + 5 * (uint64_t)GREETING_NS;
	connection->is_full = state == CONNECTION_CONNECTING;
	set_options(fd);
	if (watch(connection, EPOLL_CTL_ADD, state == CONNECTION_CONNECTING ? EPOLLIN | EPOLLOUT : EPOLLIN) == 0)
		return connection;
	close(fd);
	free(connection);
	return NULL;
}

void connection_close(struct connection *connection) {
	if (connection->state == CONNECTION_DEAD)
		return;
	link_lost(connection);
	link_tls_end(connection);
	close(connection->fd);
	connection->fd = -1;
	connection->state = CONNECTION_DEAD;
	connection->next = connection->owner->dead;
	connection->owner->dead = connection;
}

uint8_t *connection_reserve(struct connection *connection) {
	if (connection->chunk_count == 0)
		connection->out_used = 0;
	bool has_room = connection->chunk_count < CONNECTION_CHUNKS &&
			connection->out_used + LINK_HEADER_SIZE + LINK_CONTROL_MAX <= CONNECTION_OUT_SIZE;
	return has_room ? connection->out + connection->out_used : NULL;
}

void connection_append(struct connection *connection, const void *data, size_t size) {
	struct iovec *last = connection->chunk_count > 0 ? &connection->chunks[connection->chunk_count - 1] : NULL;
	if (last != NULL && (const uint8_t *)last->iov_base + last->iov_len == data)
		last->iov_len += size;
	else
		connection->chunks[connection->chunk_count++] = (struct iovec){(void *)data, size};
}

void connection_commit(struct connection *connection, size_t size) {
	connection_append(connection, connection->out + connection->out_used, size);
	connection->out_used += size;
}

static void advance(struct connection *connection, size_t written) {
	unsigned done = 0;
	while (done < connection->chunk_count && written >= connection->chunks[done].iov_len)
		written -= connection->chunks[done++].iov_len;
	connection->chunk_count -= done;
	memmove(connection->chunks, connection->chunks + done, connection->chunk_count * sizeof(struct iovec));
	if (connection->chunk_count == 0)
		return;
	connection->chunks[0].iov_base = (uint8_t *)connection->chunks[0].iov_base + written;
	connection->chunks[0].iov_len -= written;
}

ssize_t connection_send(struct connection *connection, const void *data, size_t size) {
	if (connection->tls != NULL)
		return link_tls_write(connection, data, size);
	ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent < 0 ? -errno : sent;
}

//   return  bytes of the chunks that were written, -EAGAIN or another negative errno
static ssize_t write_chunks(struct connection *connection) {
	if (connection->tls != NULL)
		return link_tls_write(connection, connection->chunks[0].iov_base, connection->chunks[0].iov_len);
	const struct msghdr message = {.msg_iov = connection->chunks, .msg_iovlen = connection->chunk_count};
	ssize_t written = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
	return written < 0 ? -errno : written;
}

bool connection_write(struct connection *connection, uint64_t now_ns) {
	bool progress = false;
	const unsigned most = connection->tls != NULL ? TLS_WRITES : WRITES;
	for (unsigned i = 0; i < most && !connection->is_full && connection->state != CONNECTION_DEAD; i++) {
		link_fill(connection, now_ns);
		if (connection->chunk_count == 0)
			break;
		ssize_t written = write_chunks(connection);
		if (written > 0) {
			advance(connection, (size_t)written);
			progress = true;
		} else if (written == -EAGAIN) {
			connection->is_full = watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT) == 0;
		} else if (written != -EINTR) {
			connection_close(connection);
		}
	}
	return progress;
}

static int finish_frame(struct connection *connection) {
	connection->has_header = false;
	if (connection->header.type != LINK_DATA)
		return link_take_frame(connection, connection->control);
	if (connection->receiver != NULL)
		remote_receiver_publish(connection->receiver, &connection->header);
	return 0;
}

static int begin_frame(struct connection *connection, const uint8_t *data) {
	int rc = link_header_parse(data, &connection->header);
	connection->has_header = true;
	connection->got = 0;
	connection->receiver = NULL;
	connection->place = connection->control;
	if (rc == 0 && connection->header.type == LINK_DATA) {
		rc = link_begin_data(connection, &connection->place);
		if (rc == 0 && connection->place != NULL) {
			memcpy(connection->place, data, LINK_HEADER_SIZE);
			connection->place += LINK_HEADER_SIZE;
		}
	}
	return rc;
}

// Handle what is in the buffer, but for the beginning of a header.
static int parse(struct connection *connection) {
	size_t at = 0;
	int rc = 0;
	while (rc == 0 && connection->state != CONNECTION_DEAD) {
		size_t there = connection->in_used - at;
		if (!connection->has_header) {
			if (there < LINK_HEADER_SIZE)
				break;
			rc = begin_frame(connection, connection->in + at);
			at += LINK_HEADER_SIZE;
		} else {
			size_t wanted = connection->header.size - connection->got;
			size_t size = there < wanted ? there : wanted;
			if (connection->place != NULL)
				memcpy(connection->place + connection->got, connection->in + at, size);
			connection->got += size;
			at += size;
			if (connection->got < connection->header.size)
				break;
			rc = finish_frame(connection);
		}
	}
	memmove(connection->in, connection->in + at, connection->in_used - at);
	connection->in_used -= at;
	return rc;
}

// TLS fills the first part alone: one of its records is little enough.
static ssize_t read_parts(struct connection *connection, const struct iovec *parts, int count) {
	if (connection->tls != NULL)
		return link_tls_read(connection, parts[0].iov_base, parts[0].iov_len);
	ssize_t got = readv(connection->fd, parts, count);
	return got < 0 ? -errno : got;
}

// Read once: the rest of a frame of data to where it goes, what follows into the buffer.
//   return  0, -EAGAIN; else the connection is to be closed
static int read_once(struct connection *connection) {
	struct iovec parts[2] = {{.iov_len = 0}};
	bool is_direct = connection->has_header && connection->receiver != NULL;
	if (is_direct)
		parts[0] =
			(struct iovec){connection->place + connection->got, connection->header.size - connection->got};
	parts[1] = (struct iovec){connection->in + connection->in_used, CONNECTION_IN_SIZE - connection->in_used};
	ssize_t got = read_parts(connection, parts + !is_direct, 1 + is_direct);
	if (got <= 0)
		return got == 0 ? -ECONNRESET : got == -EINTR ? 0 : (int)got;
	size_t direct = (size_t)got < parts[0].iov_len ? (size_t)got : parts[0].iov_len;
	connection->got += is_direct ? direct : 0;
	connection->in_used += (size_t)got - direct;
	if (is_direct && connection->got == connection->header.size) {
		int rc = finish_frame(connection);
		if (rc < 0)
			return rc;
	}
	return parse(connection);
}

static const char *describe(int code) {
	switch (code) {
	case -EBADMSG:
		return "sent what is no frame";
	case -EPROTO:
		return "sent a frame that does not fit what came before";
	default:
		return strerror(-code);
	}
}

void connection_read(struct connection *connection) {
	int rc = 0;
	for (unsigned i = 0; i < READS && rc == 0 && connection->state != CONNECTION_DEAD; i++)
		rc = read_once(connection);
	connection->has_more = rc == 0 && link_tls_has_more(connection);
	if (rc == 0 || rc == -EAGAIN || connection->state == CONNECTION_DEAD)
		return;
	bool is_end = connection->link != NULL && link_is_done(connection->link);
	if (connection->link != NULL && !is_end)
		link_say(connection->link, "%s", describe(rc));
	else if (connection->link == NULL && rc != -ECONNRESET)
		link_refuse(connection->owner, LINK_REFUSED_GARBAGE, "somebody who is no node %s", describe(rc));
	connection_close(connection);
}
