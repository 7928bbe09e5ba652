// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/redis_link.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/redis_sentinel.h"
#include "api/clock.h"

#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (2 * NS_PER_S)
#define ANSWER_NS (5 * NS_PER_S) // then a connection is given up

enum { REDIS_VERSION = 1 }; // of api/redis.md

struct redis_link {
	const struct redis_endpoint *endpoint;
	struct redis_sentinels *sentinels; // NULL: none are asked
	struct redis_address primary;      // that the connection leads to
	const char *name, *password;
	redisContext *redis; // NULL: away
	bool is_ready;
	bool is_said;                        // that it is away
	struct redis_request *first, **last; // that wait for replies, in order
	struct redis_request greeting;
	size_t appended; // commands since the last submission
	uint64_t progress_mono_ns;
	uint64_t retry_mono_ns, backoff_ns;
	uint64_t since_ns;
	char error[LINK_ERROR_SIZE];
};

static void greeting_take(struct redis_request *request, redisReply *reply);

int redis_link_new(
	struct redis_link **out, const struct redis_endpoint *endpoint, const char *name, const char *password) {
	struct redis_link *link = calloc(1, sizeof(*link));
	if (link == NULL)
		return -ENOMEM;
	if (endpoint->kind == REDIS_SENTINEL && redis_sentinels_new(&link->sentinels, endpoint) != 0) {
		free(link);
		return -ENOMEM;
	}
	link->endpoint = endpoint;
	link->name = name;
	link->password = password;
	link->last = &link->first;
	link->backoff_ns = BACKOFF_MIN_NS;
	link->since_ns = clock_wall_ns();
	link->greeting.take = greeting_take;
	snprintf(link->error, sizeof(link->error), "not connected yet");
	*out = link;
	return 0;
}

// Everything that waits for a reply learns that none will come. They may not ask anew meanwhile: it is not ready.
static void link_drop_requests(struct redis_link *link) {
	struct redis_request *request = link->first;
	link->first = NULL;
	link->last = &link->first;
	while (request != NULL) {
		struct redis_request *next = request->next;
		request->take(request, NULL);
		request = next;
	}
}

void redis_link_close(struct redis_link *link) {
	if (link == NULL)
		return;
	link->is_ready = false;
	link_drop_requests(link);
	if (link->redis != NULL)
		redisFree(link->redis);
	link->redis = NULL;
}

void redis_link_free(struct redis_link *link) {
	if (link == NULL)
		return;
	redis_link_close(link);
	redis_sentinels_free(link->sentinels);
	free(link);
}

void redis_link_give_up(struct redis_link *link, const char *why) {
	snprintf(link->error, sizeof(link->error), "%s", why);
	if (link->is_ready)
		link->since_ns = clock_wall_ns();
	if (!link->is_said)
		fprintf(stderr, "weir-dashboard: redis %s: %s; trying again\n", link->name, link->error);
	link->is_said = true;
	link->is_ready = false;
	if (link->redis != NULL)
		redisFree(link->redis);
	link->redis = NULL;
	link->appended = 0;
	link->retry_mono_ns = clock_mono_ns() + link->backoff_ns;
	link->backoff_ns = 2 * link->backoff_ns < BACKOFF_MAX_NS ? 2 * link->backoff_ns : BACKOFF_MAX_NS;
	link_drop_requests(link);
}

void redis_link_confirm(struct redis_link *link) {
	if (link->error[0] == '\0')
		return;
	link->error[0] = '\0';
	link->is_said = false;
	link->backoff_ns = BACKOFF_MIN_NS;
	fprintf(stderr, "weir-dashboard: redis %s: connected\n", link->name);
}

// The last reply tells that what is needed may be read, and which version it is.
static void greeting_take(struct redis_request *request, redisReply *reply) {
	struct redis_link *link = (struct redis_link *)((char *)request - offsetof(struct redis_link, greeting));
	char why[LINK_ERROR_SIZE] = "";
	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR)
		snprintf(why, sizeof(why), "%s", reply->str);
	else if (request->expected == 0 && reply->type == REDIS_REPLY_STRING && atoi(reply->str) != REDIS_VERSION)
		snprintf(why, sizeof(why), "holds version %.20s of what weir stores: expected %d", reply->str,
			REDIS_VERSION);
	freeReplyObject(reply);
	if (why[0] != '\0')
		redis_link_give_up(link, why);
	if (why[0] != '\0' || request->expected > 0)
		return;
	link->is_ready = true;
	link->since_ns = clock_wall_ns();
}

static bool is_same(const struct redis_address *a, const struct redis_address *b) {
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static void link_connect(struct redis_link *link) {
	const struct redis_endpoint *endpoint = link->endpoint;
	const struct redis_address *at = &endpoint->addresses[0];
	if (link->sentinels != NULL)
		at = redis_sentinels_primary(link->sentinels, clock_mono_ns());
	if (at == NULL) {
		if (redis_sentinels_are_asked(link->sentinels))
			redis_link_give_up(link, "no Sentinel knows the primary");
		return;
	}
	link->primary = *at;
	link->redis = endpoint->kind == REDIS_UNIX ? redisConnectUnixNonBlock(endpoint->path)
						   : redisConnectNonBlock(at->host, at->port);
	if (link->redis == NULL || link->redis->err != 0) {
		redis_link_give_up(link, link->redis != NULL ? link->redis->errstr : "out of memory");
		return;
	}
	if (link->password[0] != '\0' && endpoint->user[0] != '\0')
		redis_link_append(link, "AUTH %s %s", endpoint->user, link->password);
	else if (link->password[0] != '\0')
		redis_link_append(link, "AUTH %s", link->password);
	redis_link_append(link, "HGET weir:1:meta version");
	redis_link_submit(link, &link->greeting);
}

// Follow the primary: the old one may still answer, with what is no longer written.
static void link_follow(struct redis_link *link) {
	redis_sentinels_work(link->sentinels, clock_mono_ns());
	const struct redis_address *at = redis_sentinels_primary(link->sentinels, clock_mono_ns());
	if (link->redis != NULL && at != NULL && !is_same(at, &link->primary))
		redis_link_give_up(link, "the Sentinels name another primary");
}

void redis_link_append(struct redis_link *link, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	// Out of memory leaves its mark in the context, and the next transfer gives up.
	if (redisvAppendCommand(link->redis, format, arguments) == REDIS_OK)
		link->appended++;
	va_end(arguments);
}

void redis_link_submit(struct redis_link *link, struct redis_request *request) {
	if (link->first == NULL)
		link->progress_mono_ns = clock_mono_ns();
	request->expected = link->appended;
	request->next = NULL;
	link->appended = 0;
	*link->last = request;
	link->last = &request->next;
}

static void link_take(struct redis_link *link, redisReply *reply) {
	struct redis_request *request = link->first;
	link->progress_mono_ns = clock_mono_ns();
	if (request == NULL) {
		freeReplyObject(reply);
		redis_link_give_up(link, "an answer that nothing asked for");
		return;
	}
	if (--request->expected == 0) {
		link->first = request->next;
		if (link->first == NULL)
			link->last = &link->first;
	}
	request->take(request, reply);
}

static void link_transfer(struct redis_link *link) {
	int done = 0;
	if (redisBufferWrite(link->redis, &done) != REDIS_OK || redisBufferRead(link->redis) != REDIS_OK) {
		redis_link_give_up(link, link->redis->errstr);
		return;
	}
	void *reply = NULL;
	while (link->redis != NULL && redisGetReplyFromReader(link->redis, &reply) == REDIS_OK && reply != NULL) {
		link_take(link, reply);
		reply = NULL;
	}
	if (link->redis != NULL && link->redis->err != 0)
		redis_link_give_up(link, link->redis->errstr);
}

void redis_link_work(struct redis_link *link) {
	if (link->sentinels != NULL)
		link_follow(link);
	if (link->redis == NULL && clock_mono_ns() >= link->retry_mono_ns)
		link_connect(link);
	if (link->redis == NULL)
		return;
	struct pollfd item = {0};
	item.fd = redis_link_descriptor(link, &item.events);
	if (poll(&item, 1, 0) > 0)
		link_transfer(link);
	if (link->redis != NULL && link->first != NULL && clock_mono_ns() - link->progress_mono_ns > ANSWER_NS)
		redis_link_give_up(link, "no answer within 5 s");
}

int redis_link_descriptor(const struct redis_link *link, short *events) {
	*events = 0;
	if (link->redis == NULL)
		return -1;
	*events = sdslen(link->redis->obuf) > 0 ? POLLIN | POLLOUT : POLLIN;
	return link->redis->fd;
}

bool redis_link_is_ready(const struct redis_link *link) {
	return link->is_ready;
}

const char *redis_link_error(const struct redis_link *link, uint64_t *since_ns) {
	*since_ns = link->since_ns;
	return link->error;
}
