// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/store.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/store_parts.h"
#include "ctrlplane/text.h"

#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS NS_PER_S

int store_new(struct store **out, struct state *state, const char *endpoint) {
	char password[REDIS_PASSWORD_SIZE], error[REDIS_ERROR_SIZE];
	struct store *store = calloc(1, sizeof(*store));
	if (store == NULL)
		return -ENOMEM;
	store->state = state;
	store->text = endpoint;
	store->backoff_ns = BACKOFF_MIN_NS;
	int err = redis_endpoint_parse(endpoint, &store->endpoint, error);
	if (err != 0) {
		log_line("redis: %s", error);
		goto err;
	}
	store->is_loaded = store->endpoint.kind == REDIS_NONE;
	const char *path = state->config.redis_password_file;
	err = path[0] != '\0' ? redis_password_read(path, password, error) : 0;
	explicit_bzero(password, sizeof(password));
	if (err != 0) {
		log_line("redis_password_file: %s: %s", path, error);
		goto err;
	}
	err = history_new(&store->history);
	if (err == 0 && store->endpoint.kind == REDIS_SENTINEL)
		err = redis_sentinels_new(&store->sentinels, &store->endpoint);
	if (err != 0)
		goto err;
	*out = store;
	return 0;
err:
	store_free(store);
	return err;
}

void store_forget_replies(struct store *store) {
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
	redis_sentinels_free(store->sentinels);
	history_free(store->history);
	free(store->names);
	free(store);
}

void store_fail(struct store *store, const char *why, const char *consequence) {
	store->errors++;
	if (store->failing_ns == 0)
		store->failing_ns = clock_wall_ns();
	char reason[STORE_REASON_SIZE];
	text_copy(reason, sizeof(reason), why);
	if (strcmp(store->reason, reason) == 0)
		return;
	strcpy(store->reason, reason);
	log_line("redis %s: %s; %s", store->text, reason, consequence);
}

void store_recover(struct store *store) {
	if (store->reason[0] != '\0')
		log_line("redis %s: stored again after %.1f s", store->text,
			((double)clock_wall_ns() - (double)store->failing_ns) / 1e9);
	else if (store->stored_ns == 0)
		log_line("redis %s: connected", store->text);
	store->reason[0] = '\0';
	store->failing_ns = 0;
	store->backoff_ns = BACKOFF_MIN_NS;
}

void store_go_away(struct store *store, const char *why) {
	store_fail(store, why, "going on without, nothing is acknowledged until it is back");
	if (store->redis != NULL)
		redisFree(store->redis);
	store->redis = NULL;
	store_forget_replies(store);
	store->phase = STORE_AWAY;
	store->retry_mono_ns = clock_mono_ns() + store->backoff_ns;
	store->backoff_ns = 2 * store->backoff_ns < BACKOFF_MAX_NS ? 2 * store->backoff_ns : BACKOFF_MAX_NS;
}

static void store_renew_deadline(struct store *store) {
	store->deadline_mono_ns = clock_mono_ns() + store->state->config.redis_timeout_ns;
}

static void store_enter(struct store *store, enum store_phase phase, uint64_t expected) {
	store->phase = phase;
	store->expected = expected;
	store->received = 0;
	store_renew_deadline(store);
}

void store_enter_reading(struct store *store, enum store_phase phase, uint64_t expected) {
	redisReply **grown = realloc(store->kept, (store->kept_length + expected) * sizeof(*grown));
	if (grown == NULL) {
		store_go_away(store, "out of memory");
		return;
	}
	store->kept = grown;
	store_enter(store, phase, expected);
}

// Read anew for each connection, so that it can be changed while the controller runs.
static void store_greet(struct store *store) {
	char password[REDIS_PASSWORD_SIZE], error[REDIS_ERROR_SIZE], why[REDIS_ERROR_SIZE + 32];
	const char *path = store->state->config.redis_password_file;
	if (path[0] != '\0' && redis_password_read(path, password, error) != 0) {
		snprintf(why, sizeof(why), "redis_password_file: %s", error);
		store_go_away(store, why);
		return;
	}
	store_enter_reading(store, STORE_GREETING, store_send_greeting(store, path[0] != '\0' ? password : NULL));
	explicit_bzero(password, sizeof(password));
}

static void store_connect(struct store *store) {
	const struct redis_endpoint *endpoint = &store->endpoint;
	const struct redis_address *at = endpoint->addresses;
	if (endpoint->kind == REDIS_SENTINEL) {
		at = redis_sentinels_primary(store->sentinels, clock_mono_ns());
		if (at == NULL && !redis_sentinels_are_asked(store->sentinels))
			return; // yet
	}
	store->attempts++;
	store->refusal[0] = '\0';
	if (at == NULL) {
		store_go_away(store, "no Sentinel tells where the primary is");
		return;
	}
	store->primary = *at;
	if (endpoint->kind == REDIS_UNIX)
		store->redis = redisConnectUnixNonBlock(endpoint->path);
	else
		store->redis = redisConnectNonBlock(at->host, at->port);
	if (store->redis == NULL || store->redis->err != 0)
		store_go_away(store, store->redis != NULL ? store->redis->errstr : "out of memory");
	else
		store_greet(store);
}

static void store_transfer(struct store *store) {
	int done = 0;
	size_t to_write = sdslen(store->redis->obuf), had_read = store->redis->reader->len;
	if (redisBufferWrite(store->redis, &done) != REDIS_OK || redisBufferRead(store->redis) != REDIS_OK) {
		store_go_away(store, store->redis->errstr);
		return;
	}
	// Much to tell takes long: a Redis that takes or answers anything is there.
	if (sdslen(store->redis->obuf) < to_write || store->redis->reader->len > had_read)
		store_renew_deadline(store);
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

// Follow a failover: the connection may lead to what has been the primary.
static void store_follow(struct store *store) {
	uint64_t now_ns = clock_mono_ns();
	redis_sentinels_work(store->sentinels, now_ns);
	const struct redis_address *at = redis_sentinels_primary(store->sentinels, now_ns);
	if (store->redis == NULL || at == NULL ||
		(at->port == store->primary.port && strcmp(at->host, store->primary.host) == 0))
		return;
	char why[STORE_REASON_SIZE];
	snprintf(why, sizeof(why), "the primary is %s:%d now", at->host, at->port);
	store->backoff_ns = BACKOFF_MIN_NS;
	store_go_away(store, why);
}

void store_work(struct store *store) {
	if (store->endpoint.kind == REDIS_NONE)
		return;
	if (store->sentinels != NULL)
		store_follow(store);
	if (store->phase == STORE_AWAY && clock_mono_ns() >= store->retry_mono_ns)
		store_connect(store);
	if (store->redis == NULL)
		return;
	struct pollfd item = {.fd = store->redis->fd};
	store_descriptor(store, &item.events);
	if (poll(&item, 1, 0) > 0)
		store_transfer(store);
	if (store->redis == NULL || store->phase == STORE_READY || clock_mono_ns() <= store->deadline_mono_ns)
		return;
	char why[STORE_REASON_SIZE];
	snprintf(why, sizeof(why), "no answer within %g s", (double)store->state->config.redis_timeout_ns / 1e9);
	store_go_away(store, why);
}

int store_descriptor(const struct store *store, short *events) {
	*events = 0;
	if (store->redis == NULL)
		return -1;
	*events = sdslen(store->redis->obuf) > 0 ? POLLIN | POLLOUT : POLLIN;
	return store->redis->fd;
}

bool store_is_idle(const struct store *store) {
	return store->endpoint.kind == REDIS_NONE || store->phase == STORE_READY ||
	       (store->phase == STORE_AWAY && store->attempts > 0);
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
	return store->endpoint.kind == REDIS_NONE ? series->sequence.contiguous : series->stored;
}

json_t *store_status(const struct store *store) {
	const struct history_level *level = &store->history->levels[HISTORY_INTERVAL];
	bool is_connected = store->phase == STORE_READY || store->phase == STORE_SAVING;
	const char *state = store->endpoint.kind == REDIS_NONE ? "none" : is_connected ? "connected" : "away";
	struct store_lost lost = store->endpoint.kind == REDIS_NONE ? (struct store_lost){0} : store_lost(store);
	json_t *object = json_pack("{ss ss so sI sI sI sI}", "state", state, "endpoint", store->text, "stored_ns",
		store->stored_ns != 0 ? json_integer((json_int_t)store->stored_ns) : json_null(), "errors",
		(json_int_t)store->errors, "history_pending", (json_int_t)(level->added - level->stored),
		"alert_events_lost", (json_int_t)(store->lost.events + lost.events), "decisions_lost",
		(json_int_t)(store->lost.decisions + lost.decisions));
	if (store->reason[0] != '\0') {
		json_object_set_new(object, "error", text_json(store->reason));
		json_object_set_new(object, "failing_since_ns", json_integer((json_int_t)store->failing_ns));
	}
	if (store->sentinels != NULL) {
		json_object_set_new(object, "primary", json_sprintf("%s:%d", store->primary.host, store->primary.port));
		json_object_set_new(
			object, "sentinels", json_integer(redis_sentinels_present(store->sentinels, clock_mono_ns())));
	}
	return object;
}
