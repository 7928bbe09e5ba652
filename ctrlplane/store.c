// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/store_command.h"
#include "ctrlplane/store_parts.h"

#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS NS_PER_S
#define ANSWER_NS (2 * NS_PER_S) // then a connection is given up

// A name would have to be looked up, and looking up waits.
static bool host_is_numeric(const char *host) {
	uint8_t address[16];
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static int parse_tcp(const char *endpoint, char host[CONFIG_TEXT_SIZE], int *port) {
	const char *colon = strrchr(endpoint, ':');
	if (strncmp(endpoint, "tcp://", 6) != 0 || colon < endpoint + 6 || strlen(endpoint) >= CONFIG_TEXT_SIZE)
		return -EINVAL;
	char *end;
	long number = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || number < 1 || number > 65535)
		return -EINVAL;
	snprintf(host, CONFIG_TEXT_SIZE, "%.*s", (int)(colon - endpoint - 6), endpoint + 6);
	*port = (int)number;
	return host_is_numeric(host) ? 0 : -EINVAL;
}

int store_new(struct store **out, struct state *state, const char *endpoint) {
	char host[CONFIG_TEXT_SIZE];
	int port;
	bool is_none = strcmp(endpoint, "none") == 0;
	bool is_unix = strncmp(endpoint, "unix:///", 8) == 0;
	if (!is_none && !is_unix && parse_tcp(endpoint, host, &port) != 0) {
		log_line("redis: \"%s\": expected unix:///PATH, tcp://ADDRESS:PORT or none", endpoint);
		return -EINVAL;
	}
	struct store *store = calloc(1, sizeof(*store));
	if (store == NULL)
		return -ENOMEM;
	store->state = state;
	store->endpoint = endpoint;
	store->is_none = is_none;
	store->is_loaded = is_none;
	store->backoff_ns = BACKOFF_MIN_NS;
	*out = store;
	return 0;
}

static void store_forget_replies(struct store *store) {
	for (size_t i = 0; i < store->kept_length; i++)
		freeReplyObject(store->kept[i]);
	free(store->kept);
	store->kept = NULL;
	store->kept_length = 0;
}

void store_free(struct store *store) {
	if (store == NULL)
		return;
	store_forget_replies(store);
	if (store->redis != NULL)
		redisFree(store->redis);
	free(store->names);
	free(store);
}

static void store_go_away(struct store *store, const char *why) {
	if (!store->is_failing)
		log_line("redis %s: %s; going on without, nothing is acknowledged until it is back", store->endpoint,
			why);
	store->is_failing = true;
	store->errors++;
	if (store->redis != NULL)
		redisFree(store->redis);
	store->redis = NULL;
	store_forget_replies(store);
	store->phase = STORE_AWAY;
	store->retry_mono_ns = clock_mono_ns() + store->backoff_ns;
	store->backoff_ns = 2 * store->backoff_ns < BACKOFF_MAX_NS ? 2 * store->backoff_ns : BACKOFF_MAX_NS;
}

static void store_enter(struct store *store, enum store_phase phase, uint64_t expected) {
	store->phase = phase;
	store->expected = expected;
	store->received = 0;
	store->deadline_mono_ns = clock_mono_ns() + ANSWER_NS;
}

// Enter a phase whose replies are kept.
static void store_enter_reading(struct store *store, enum store_phase phase, uint64_t expected) {
	redisReply **grown = realloc(store->kept, (store->kept_length + expected) * sizeof(*grown));
	if (grown == NULL) {
		store_go_away(store, "out of memory");
		return;
	}
	store->kept = grown;
	store_enter(store, phase, expected);
}

static void store_connect(struct store *store) {
	char host[CONFIG_TEXT_SIZE];
	int port = 0;
	store->attempts++;
	store->refusal[0] = '\0';
	if (parse_tcp(store->endpoint, host, &port) == 0)
		store->redis = redisConnectNonBlock(host, port);
	else
		store->redis = redisConnectUnixNonBlock(store->endpoint + strlen("unix://"));
	if (store->redis == NULL || store->redis->err != 0) {
		store_go_away(store, store->redis != NULL ? store->redis->errstr : "out of memory");
		return;
	}
	store_enter_reading(store, STORE_GREETING, store_send_greeting(store));
}

static void store_become_ready(struct store *store) {
	store_take_over(store);
	store_forget_replies(store);
	store->is_loaded = true;
	store->backoff_ns = BACKOFF_MIN_NS;
	store->phase = STORE_READY;
	log_line("redis %s: connected", store->endpoint);
	store->is_failing = false;
}

// Entries of streams that are there already are refused by their id: a repeat, and harmless.
static bool is_harmless(const redisReply *reply) {
	return reply->type != REDIS_REPLY_ERROR || strstr(reply->str, "equal or smaller") != NULL;
}

static const char *transaction_error(const redisReply *reply) {
	if (reply->type == REDIS_REPLY_ERROR)
		return reply->str;
	if (reply->type != REDIS_REPLY_ARRAY)
		return "no result of the transaction";
	for (size_t i = 0; i < reply->elements; i++)
		if (!is_harmless(reply->element[i]))
			return reply->element[i]->str;
	return NULL;
}

static void store_mark_stored(struct store *store) {
	struct nodes *nodes = &store->state->nodes;
	for (size_t i = 0; i < nodes->length; i++)
		for (size_t s = 0; s < nodes->list[i]->series_length; s++)
			nodes->list[i]->series[s].stored = nodes->list[i]->series[s].storing;
	history_mark_stored(&store->history, store->running.history_added, store->running.history_gaps);
	store->state->alerts.stored = store->running.events;
	store->stored_ns = store->running.stored_ns;
}

static void store_take_result(struct store *store, const redisReply *reply) {
	if (reply->type == REDIS_REPLY_NIL) {
		// The greeting finds out whether that was another controller.
		snprintf(store->refusal, sizeof(store->refusal), "%s", "somebody else wrote " STORE_KEY "meta");
		return;
	}
	const char *error = transaction_error(reply);
	if (error == NULL) {
		store_mark_stored(store);
		store->is_failing = false;
		return;
	}
	store->errors++;
	if (!store->is_failing)
		log_line("redis %s: not stored: %s; trying again every interval", store->endpoint, error);
	store->is_failing = true;
}

// Replies that are no errors, of what Redis holds: the whole first, then each node.
static void store_keep_reply(struct store *store, redisReply *reply) {
	store->kept[store->kept_length++] = reply;
	if (reply->type == REDIS_REPLY_ERROR)
		snprintf(store->refusal, sizeof(store->refusal), "%s", reply->str);
	if (store->refusal[0] != '\0' || store->received < store->expected)
		return;
	uint64_t loads = store->phase == STORE_GREETING ? store_send_loads(store) : 0;
	if (loads > 0)
		store_enter_reading(store, STORE_LOADING, loads);
	else
		store_become_ready(store);
}

static void store_take_guard(struct store *store, const redisReply *reply) {
	store->phase = STORE_READY;
	if (reply->type != REDIS_REPLY_STRING || strtoull(reply->str, NULL, 10) <= store->state->epoch)
		return;
	log_line(STORE_FENCED, store->endpoint, store->state->epoch);
	store->is_fenced = true;
}

static void store_take_reply(struct store *store, redisReply *reply) {
	bool is_expected = ++store->received <= store->expected;
	if (is_expected && (store->phase == STORE_GREETING || store->phase == STORE_LOADING)) {
		store_keep_reply(store, reply);
		return;
	}
	if (store->phase == STORE_SAVING && store->received == store->expected - STORE_GUARD)
		store_take_result(store, reply);
	if (store->phase == STORE_SAVING && store->received == store->expected)
		store_take_guard(store, reply);
	freeReplyObject(reply);
}

static void store_transfer(struct store *store) {
	int done = 0;
	if (redisBufferWrite(store->redis, &done) != REDIS_OK || redisBufferRead(store->redis) != REDIS_OK) {
		store_go_away(store, store->redis->errstr);
		return;
	}
	void *reply = NULL;
	while (store->redis != NULL && redisGetReplyFromReader(store->redis, &reply) == REDIS_OK && reply != NULL) {
		store_take_reply(store, reply);
		reply = NULL;
	}
	if (store->redis == NULL)
		return;
	if (store->redis->err != 0)
		store_go_away(store, store->redis->errstr);
	else if (store->refusal[0] != '\0')
		store_go_away(store, store->refusal);
}

void store_work(struct store *store) {
	uint64_t now_ns = clock_mono_ns();
	if (store->is_none)
		return;
	if (store->phase == STORE_AWAY && now_ns >= store->retry_mono_ns)
		store_connect(store);
	if (store->redis == NULL)
		return;
	struct pollfd item = {.fd = store->redis->fd};
	store_descriptor(store, &item.events);
	if (poll(&item, 1, 0) > 0)
		store_transfer(store);
	if (store->redis != NULL && store->phase != STORE_READY && clock_mono_ns() > store->deadline_mono_ns)
		store_go_away(store, "no answer within 2 s");
}

int store_descriptor(const struct store *store, short *events) {
	*events = 0;
	if (store->redis == NULL)
		return -1;
	*events = sdslen(store->redis->obuf) > 0 ? POLLIN | POLLOUT : POLLIN;
	return store->redis->fd;
}

bool store_is_idle(const struct store *store) {
	return store->is_none || store->phase == STORE_READY || (store->phase == STORE_AWAY && store->attempts > 0);
}

bool store_is_loaded(const struct store *store) {
	return store->is_loaded;
}

bool store_is_fenced(const struct store *store) {
	return store->is_fenced;
}

static void store_save_parts(struct store *store, bool is_whole) {
	if (store->phase != STORE_READY)
		return;
	uint64_t commands = store_send_save(store, is_whole);
	if (commands == 0)
		store_go_away(store, "out of memory");
	else
		store_enter(store, STORE_SAVING, commands);
}

void store_save(struct store *store) {
	store_save_parts(store, true);
}

void store_save_early(struct store *store) {
	store_save_parts(store, false);
}

uint64_t store_safe_sequence(const struct store *store, const struct series *series) {
	return store->is_none ? series->sequence.contiguous : series->stored;
}

json_t *store_status(const struct store *store) {
	bool is_connected = store->phase == STORE_READY || store->phase == STORE_SAVING;
	const char *state = store->is_none ? "none" : is_connected ? "connected" : "away";
	return json_pack("{ss ss so sI sI}", "state", state, "endpoint", store->endpoint, "stored_ns",
		store->stored_ns != 0 ? json_integer((json_int_t)store->stored_ns) : json_null(), "errors",
		(json_int_t)store->errors, "history_pending",
		(json_int_t)(store->history.added - store->history.stored));
}
