// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/redis_sentinel.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000ULL
#define ASK_NS (1000 * NS_PER_MS)    // between questions
#define WORK_NS (20 * NS_PER_MS)     // between looks at the answers
#define ANSWER_NS (1000 * NS_PER_MS) // then a connection is given up
#define KNOWN_NS (5000 * NS_PER_MS)  // how long an answer counts

enum { ASKED = 2 }; // commands of a question

struct sentinel {
	redisContext *redis;
	uint64_t next_ns, deadline_ns; // of the next question; of the answer to the last, 0: none is awaited
	int received;
	bool is_asked; // answered once, or gave no answer in time
	bool is_known, says_known;
	struct redis_address primary, says; // as last answered; of the answer that is coming in
	uint64_t config_epoch, answered_ns;
};

struct redis_sentinels {
	const struct redis_endpoint *endpoint;
	uint64_t worked_ns;
	struct sentinel list[REDIS_SENTINELS_MAX]; // [endpoint->length]
};

int redis_sentinels_new(struct redis_sentinels **out, const struct redis_endpoint *endpoint) {
	struct redis_sentinels *sentinels = calloc(1, sizeof(*sentinels));
	if (sentinels == NULL)
		return -ENOMEM;
	sentinels->endpoint = endpoint;
	*out = sentinels;
	return 0;
}

static void sentinel_hang_up(struct sentinel *sentinel, uint64_t mono_ns) {
	if (sentinel->redis != NULL)
		redisFree(sentinel->redis);
	sentinel->redis = NULL;
	sentinel->deadline_ns = 0;
	sentinel->next_ns = mono_ns + ASK_NS;
	sentinel->is_asked = true;
}

void redis_sentinels_free(struct redis_sentinels *sentinels) {
	if (sentinels == NULL)
		return;
	for (size_t i = 0; i < REDIS_SENTINELS_MAX; i++)
		sentinel_hang_up(&sentinels->list[i], 0);
	free(sentinels);
}

static void sentinel_ask(
	struct sentinel *sentinel, const struct redis_address *at, const char *name, uint64_t mono_ns) {
	if (sentinel->redis == NULL)
		sentinel->redis = redisConnectNonBlock(at->host, at->port);
	if (sentinel->redis == NULL || sentinel->redis->err != 0 ||
		redisAppendCommand(sentinel->redis, "SENTINEL get-master-addr-by-name %s", name) != REDIS_OK ||
		redisAppendCommand(sentinel->redis, "SENTINEL MASTER %s", name) != REDIS_OK) {
		sentinel_hang_up(sentinel, mono_ns);
		return;
	}
	sentinel->received = 0;
	sentinel->says_known = false;
	sentinel->next_ns = mono_ns + ASK_NS;
	sentinel->deadline_ns = mono_ns + ANSWER_NS;
}

static void take_address(struct sentinel *sentinel, const redisReply *reply) {
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->str == NULL ||
		reply->element[1]->str == NULL)
		return;
	snprintf(sentinel->says.host, sizeof(sentinel->says.host), "%s", reply->element[0]->str);
	sentinel->says.port = (int)strtol(reply->element[1]->str, NULL, 10);
	sentinel->says_known =
		sentinel->says.port > 0 && sentinel->says.port < 65536 && redis_host_is_numeric(sentinel->says.host);
}

static uint64_t config_epoch(const redisReply *reply) {
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
		if (reply->element[i]->str != NULL && reply->element[i + 1]->str != NULL &&
			strcmp(reply->element[i]->str, "config-epoch") == 0)
			return strtoull(reply->element[i + 1]->str, NULL, 10);
	return 0;
}

static void sentinel_take(struct sentinel *sentinel, const redisReply *reply, uint64_t mono_ns) {
	if (++sentinel->received < ASKED) {
		take_address(sentinel, reply);
		return;
	}
	sentinel->deadline_ns = 0;
	sentinel->is_asked = true;
	sentinel->is_known = sentinel->says_known;
	sentinel->primary = sentinel->says;
	sentinel->config_epoch = config_epoch(reply);
	sentinel->answered_ns = mono_ns;
}

static void sentinel_transfer(struct sentinel *sentinel, uint64_t mono_ns) {
	redisContext *redis = sentinel->redis;
	struct pollfd item = {.fd = redis->fd, .events = sdslen(redis->obuf) > 0 ? POLLIN | POLLOUT : POLLIN};
	int done = 0;
	if (poll(&item, 1, 0) > 0 &&
		(redisBufferWrite(redis, &done) != REDIS_OK || redisBufferRead(redis) != REDIS_OK)) {
		sentinel_hang_up(sentinel, mono_ns);
		return;
	}
	void *reply = NULL;
	while (redisGetReplyFromReader(redis, &reply) == REDIS_OK && reply != NULL) {
		sentinel_take(sentinel, reply, mono_ns);
		freeReplyObject(reply);
		reply = NULL;
	}
	if (redis->err != 0 || (sentinel->deadline_ns != 0 && mono_ns > sentinel->deadline_ns))
		sentinel_hang_up(sentinel, mono_ns);
}

void redis_sentinels_work(struct redis_sentinels *sentinels, uint64_t mono_ns) {
	if (mono_ns - sentinels->worked_ns < WORK_NS)
		return;
	sentinels->worked_ns = mono_ns;
	for (size_t i = 0; i < sentinels->endpoint->length; i++) {
		struct sentinel *sentinel = &sentinels->list[i];
		if (mono_ns >= sentinel->next_ns && sentinel->deadline_ns == 0)
			sentinel_ask(sentinel, &sentinels->endpoint->addresses[i], sentinels->endpoint->path, mono_ns);
		if (sentinel->redis != NULL)
			sentinel_transfer(sentinel, mono_ns);
	}
}

bool redis_sentinels_are_asked(const struct redis_sentinels *sentinels) {
	for (size_t i = 0; i < sentinels->endpoint->length; i++)
		if (!sentinels->list[i].is_asked)
			return false;
	return true;
}

static bool sentinel_is_present(const struct sentinel *sentinel, uint64_t mono_ns) {
	return sentinel->answered_ns != 0 && mono_ns - sentinel->answered_ns < KNOWN_NS;
}

const struct redis_address *redis_sentinels_primary(const struct redis_sentinels *sentinels, uint64_t mono_ns) {
	const struct sentinel *best = NULL;
	for (size_t i = 0; i < sentinels->endpoint->length; i++) {
		const struct sentinel *sentinel = &sentinels->list[i];
		if (sentinel_is_present(sentinel, mono_ns) && sentinel->is_known &&
			(best == NULL || sentinel->config_epoch > best->config_epoch))
			best = sentinel;
	}
	return best != NULL ? &best->primary : NULL;
}

uint32_t redis_sentinels_present(const struct redis_sentinels *sentinels, uint64_t mono_ns) {
	uint32_t present = 0;
	for (size_t i = 0; i < sentinels->endpoint->length; i++)
		present += sentinel_is_present(&sentinels->list[i], mono_ns);
	return present;
}
