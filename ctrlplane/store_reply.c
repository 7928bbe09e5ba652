// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What Redis answers: to the greeting (may this controller write here?), to what is read at the start, and to a
// transaction.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/log.h"
#include "ctrlplane/store.h"
#include "ctrlplane/store_parts.h"

static void store_become_ready(struct store *store) {
	store_take_over(store);
	store_forget_replies(store);
	store->is_loaded = true;
	store->phase = STORE_READY;
}

static void store_refuse(struct store *store, const char *why) {
	if (store->refusal[0] == '\0')
		snprintf(store->refusal, sizeof(store->refusal), "%s", why);
}

// AUTH's answer, if there was one, and ROLE's: what is no primary any more is not written to.
static void store_take_role(struct store *store, const redisReply *reply) {
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 || reply->element[0]->str == NULL)
		return;
	if (strcmp(reply->element[0]->str, "master") != 0)
		store_refuse(store, "not a primary but a replica or Sentinel: nothing can be stored there");
}

// What Redis holds of the whole first, then of each node.
static void store_keep_reply(struct store *store, redisReply *reply) {
	if (reply->type == REDIS_REPLY_ERROR)
		store_refuse(store, reply->str);
	if (store->phase == STORE_GREETING && store->received <= store->greeted) {
		store_take_role(store, reply);
		freeReplyObject(reply);
		return;
	}
	store->kept[store->kept_length++] = reply;
	if (store->refusal[0] != '\0' || store->received < store->expected)
		return;
	uint64_t loads = store->phase == STORE_GREETING ? store_send_loads(store) : 0;
	if (loads > 0)
		store_enter_reading(store, STORE_LOADING, loads);
	else
		store_become_ready(store);
}

// Entries of streams that are there already are refused by their id: a repeat, and harmless.
static bool is_harmless(const redisReply *reply) {
	return reply->type != REDIS_REPLY_ERROR || strstr(reply->str, "equal or smaller") != NULL;
}

static const char *transaction_error(const struct store *store, const redisReply *reply) {
	if (store->running.refusal[0] != '\0')
		return store->running.refusal;
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
	store_mark_histories(store);
	store->state->alerts.stored = store->running.events;
	store->state->act.stored = store->running.decisions;
	store->departed_stored = store->running.departed_changes;
	store->lost.events += store->running.lost.events;
	store->lost.decisions += store->running.lost.decisions;
	store->stored_ns = store->running.stored_ns;
}

static void store_take_result(struct store *store, const redisReply *reply) {
	if (reply->type == REDIS_REPLY_NIL) {
		// The greeting finds out whether that was another controller.
		store_refuse(store, "somebody else wrote " STORE_KEY "meta");
		return;
	}
	const char *error = transaction_error(store, reply);
	if (error == NULL) {
		store_mark_stored(store);
		store_recover(store);
	} else if (strncmp(error, "READONLY", strlen("READONLY")) == 0) {
		store_refuse(store, error); // a primary became a replica: connect anew, and ask Sentinels anew
	} else {
		store_fail(store, error, "not stored, nothing is acknowledged; trying again every interval");
	}
}

static void store_take_guard(struct store *store, const redisReply *reply) {
	store->phase = STORE_READY;
	if (reply->type != REDIS_REPLY_STRING || strtoull(reply->str, NULL, 10) <= store->state->epoch)
		return;
	log_line(STORE_FENCED, store->text, store->state->epoch);
	store->is_fenced = true;
}

static void store_take_saved(struct store *store, const redisReply *reply) {
	uint64_t result = store->expected - STORE_GUARD;
	if (store->received < result && reply->type == REDIS_REPLY_ERROR && store->running.refusal[0] == '\0')
		snprintf(store->running.refusal, sizeof(store->running.refusal), "%s", reply->str);
	else if (store->received == result)
		store_take_result(store, reply);
	else if (store->received == store->expected)
		store_take_guard(store, reply);
}

void store_take_reply(struct store *store, redisReply *reply) {
	bool is_expected = ++store->received <= store->expected;
	if (is_expected && (store->phase == STORE_GREETING || store->phase == STORE_LOADING)) {
		store_keep_reply(store, reply);
		return;
	}
	if (is_expected && store->phase == STORE_SAVING)
		store_take_saved(store, reply);
	freeReplyObject(reply);
}
