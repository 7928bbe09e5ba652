// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/redis_link.h"

#include <hiredis/sds.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_NS = 500000000 };

int redis_link_init(struct redis_link *link, const struct redis_endpoint *endpoint, const char *password) {
	*link = (struct redis_link){.endpoint = endpoint, .password = password};
	return endpoint->kind == REDIS_SENTINEL ? redis_sentinels_new(&link->sentinels, endpoint) : 0;
}

void redis_link_fini(struct redis_link *link) {
	if (link->connection != NULL)
		redisFree(link->connection);
	redis_sentinels_free(link->sentinels);
	*link = (struct redis_link){.connection = NULL};
}

void redis_link_lose(struct redis_link *link, const char *reason, uint64_t mono_ns) {
	snprintf(link->reason, sizeof(link->reason), "%s", reason); // may lie in the connection
	if (link->connection != NULL)
		redisFree(link->connection);
	link->connection = NULL;
	link->losses++;
	link->retry_ns = mono_ns + RETRY_NS;
}

static void greet(struct redis_link *link) {
	link->is_greeted = link->password[0] == '\0';
	if (link->is_greeted)
		return;
	if (link->endpoint->user[0] != '\0')
		redisAppendCommand(link->connection, "AUTH %s %s", link->endpoint->user, link->password);
	else
		redisAppendCommand(link->connection, "AUTH %s", link->password);
}

static void open_connection(struct redis_link *link, uint64_t mono_ns) {
	const struct redis_address *at = link->endpoint->addresses;
	if (link->sentinels != NULL) {
		at = redis_sentinels_primary(link->sentinels, mono_ns);
		if (at == NULL && !redis_sentinels_are_asked(link->sentinels))
			return; // yet
		if (at == NULL) {
			redis_link_lose(link, "no Sentinel tells where the primary is", mono_ns);
			return;
		}
		link->primary = *at;
	}
	link->connection = link->endpoint->kind == REDIS_UNIX ? redisConnectUnixNonBlock(link->endpoint->path)
							      : redisConnectNonBlock(at->host, at->port);
	if (link->connection == NULL || link->connection->err != 0)
		redis_link_lose(link, link->connection != NULL ? link->connection->errstr : "out of memory", mono_ns);
	else
		greet(link);
}

// The connection may lead to what has been the primary.
static void follow(struct redis_link *link, uint64_t mono_ns) {
	redis_sentinels_work(link->sentinels, mono_ns);
	const struct redis_address *at = redis_sentinels_primary(link->sentinels, mono_ns);
	if (link->connection == NULL || at == NULL ||
		(at->port == link->primary.port && strcmp(at->host, link->primary.host) == 0))
		return;
	char reason[sizeof(link->reason)];
	snprintf(reason, sizeof(reason), "the primary is %s:%d now", at->host, at->port);
	redis_link_lose(link, reason, mono_ns);
	link->retry_ns = mono_ns;
}

bool redis_link_work(struct redis_link *link, uint64_t mono_ns) {
	if (link->sentinels != NULL)
		follow(link, mono_ns);
	if (link->connection == NULL && mono_ns >= link->retry_ns)
		open_connection(link, mono_ns);
	return link->connection != NULL;
}

bool redis_link_exchange(struct redis_link *link, int wait_ms, uint64_t mono_ns) {
	redisContext *connection = link->connection;
	struct pollfd event = {.fd = connection->fd, .events = POLLIN};
	int written = 0;
	if (sdslen(connection->obuf) > 0)
		event.events |= POLLOUT;
	if (poll(&event, 1, wait_ms) <= 0)
		return true;
	bool failed = (event.revents & POLLOUT) != 0 && redisBufferWrite(connection, &written) != REDIS_OK;
	if (!failed && (event.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		failed = redisBufferRead(connection) != REDIS_OK;
	if (failed)
		redis_link_lose(link, connection->errstr, mono_ns);
	return !failed;
}

int redis_link_reply(struct redis_link *link, redisReply **reply, uint64_t mono_ns) {
	while (link->connection != NULL) {
		void *got = NULL;
		if (redisGetReplyFromReader(link->connection, &got) != REDIS_OK) {
			redis_link_lose(link, link->connection->errstr, mono_ns);
			return 0;
		}
		*reply = got;
		if (got == NULL || link->is_greeted)
			return got != NULL;
		link->is_greeted = (*reply)->type != REDIS_REPLY_ERROR;
		if (!link->is_greeted)
			redis_link_lose(link, (*reply)->str, mono_ns);
		freeReplyObject(got);
	}
	return 0;
}
