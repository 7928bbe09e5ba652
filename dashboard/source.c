// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/source.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/clock.h"
#include "dashboard/fields.h"

#define READ_PHASE_NS (80 * NS_PER_MS) // after a write
#define STALE_INTERVALS 3              // without a write

const char *const source_state_names[] = {"empty", "live", "stale"};

// The source that a request is a member of.
#define source_of(request, member) ((struct source *)((char *)(request)-offsetof(struct source, member)))

static void reading_take(struct redis_request *request, redisReply *reply);
static void alerts_take(struct redis_request *request, redisReply *reply);

void source_init(struct source *source, struct redis_link *link) {
	*source = (struct source){.link = link, .since_ns = clock_wall_ns(), .reason = "nothing was read yet"};
	source->reading.take = reading_take;
	source->alerts_reading.take = alerts_take;
}

void source_fini(struct source *source) {
	for (size_t i = 0; i < SOURCE_KEPT; i++)
		snapshot_free(source->kept[i]);
	freeReplyObject(source->alerts_history);
}

const struct snapshot *source_now(const struct source *source) {
	return source->kept[0];
}

static void source_enter(struct source *source, enum source_state state, const char *reason, uint64_t since_ns) {
	snprintf(source->reason, sizeof(source->reason), "%s", reason);
	if (source->state != state)
		source->since_ns = since_ns;
	source->state = state;
}

static void source_judge(struct source *source) {
	const struct snapshot *now = source->kept[0];
	uint64_t away_ns;
	char reason[sizeof(source->reason)];
	const char *error = redis_link_error(source->link, &away_ns);
	if (!redis_link_is_ready(source->link)) {
		snprintf(reason, sizeof(reason), "redis is away: %s", error);
		source_enter(source, now != NULL ? SOURCE_STALE : SOURCE_EMPTY, reason,
			now != NULL ? source->changed_ns : away_ns);
		return;
	}
	if (now == NULL || now->stored_ns == 0) {
		source_enter(source, SOURCE_EMPTY, "no controller has stored anything here", clock_wall_ns());
		return;
	}
	uint64_t interval_ns = now->interval_ns > 0 ? now->interval_ns : NS_PER_S;
	if (clock_mono_ns() - source->changed_mono_ns <= STALE_INTERVALS * interval_ns)
		source_enter(source, SOURCE_LIVE, "", clock_wall_ns());
	else
		source_enter(source, SOURCE_STALE, "the controller does not store", source->changed_ns);
}

static void source_turn(struct source *source) {
	source->turn++;
	source_judge(source);
}

// Whether the controller wrote since the last reading. The first reading may be of one that is long gone.
static void source_note_change(struct source *source, const struct snapshot *now) {
	const struct snapshot *last = source->kept[0];
	uint64_t wall_ns = clock_wall_ns();
	if (last != NULL && last->stored_ns == now->stored_ns)
		return;
	bool is_old = last == NULL && now->stored_ns + 10 * NS_PER_S < wall_ns;
	source->changed_ns = is_old ? now->stored_ns : wall_ns;
	source->changed_mono_ns = is_old ? 0 : clock_mono_ns();
}

// One place for each state of the controller: a repeated reading takes the place of the one before.
static void source_keep(struct source *source, struct snapshot *now) {
	struct snapshot *last = source->kept[0];
	source_note_change(source, now);
	if (last != NULL && last->stored_ns == now->stored_ns) {
		snapshot_free(last);
	} else {
		snapshot_free(source->kept[SOURCE_KEPT - 1]);
		memmove(source->kept + 1, source->kept, (SOURCE_KEPT - 1) * sizeof(source->kept[0]));
	}
	source->kept[0] = now;
}

static void source_read(struct source *source) {
	source->refusal[0] = '\0';
	snapshot_ask(&source->scope, source->link);
	redis_link_submit(source->link, &source->reading);
	source->is_reading = true;
}

static void source_read_alerts(struct source *source) {
	if (source->is_reading_alerts)
		return;
	redis_link_append(source->link, "XREVRANGE weir:1:alerts:history + - COUNT 1000");
	redis_link_submit(source->link, &source->alerts_reading);
	source->is_reading_alerts = true;
}

static const char *first_id(const redisReply *entries) {
	if (entries == NULL || entries->type != REDIS_REPLY_ARRAY || entries->elements == 0 ||
		entries->element[0]->type != REDIS_REPLY_ARRAY || entries->element[0]->elements != 2)
		return "";
	return entries->element[0]->element[0]->type == REDIS_REPLY_STRING ? entries->element[0]->element[0]->str : "";
}

bool source_alerts_are_current(const struct source *source) {
	return source->alerts_history != NULL && source->kept[0] != NULL &&
	       strcmp(first_id(source->kept[0]->newest_alert), source->alerts_newest) == 0;
}

static void alerts_take(struct redis_request *request, redisReply *reply) {
	struct source *source = source_of(request, alerts_reading);
	source->is_reading_alerts = false;
	if (reply == NULL)
		return;
	freeReplyObject(source->alerts_history);
	source->alerts_history = reply;
	snprintf(source->alerts_newest, sizeof(source->alerts_newest), "%s", first_id(reply));
}

static void reading_take(struct redis_request *request, redisReply *reply) {
	struct source *source = source_of(request, reading);
	char error[LINK_ERROR_SIZE];
	source->is_reading = reply != NULL && request->expected > 0;
	if (reply == NULL || request->expected > 0) {
		// What EXEC says later is only that something was refused.
		if (reply != NULL && reply->type == REDIS_REPLY_ERROR && source->refusal[0] == '\0')
			snprintf(source->refusal, sizeof(source->refusal), "%s", reply->str);
		freeReplyObject(reply);
		return;
	}
	struct snapshot *now = snapshot_new(&source->scope, reply, error);
	if (now == NULL) {
		source->errors++;
		redis_link_give_up(source->link, source->refusal[0] != '\0' ? source->refusal : error);
		return;
	}
	redis_link_confirm(source->link);
	struct snapshot_scope learnt;
	snapshot_learn(now, &learnt);
	bool is_complete = snapshot_scope_equal(&source->scope, &learnt);
	source->scope = learnt;
	source_keep(source, now);
	if (!source_alerts_are_current(source))
		source_read_alerts(source);
	if (is_complete)
		source_turn(source);
	else
		source_read(
			source); // of nodes or windows that were not known: at once, before anybody sees the half of it
}

void source_tick(struct source *source) {
	if (redis_link_is_ready(source->link) && !source->is_reading)
		source_read(source);
	else
		source_turn(source);
}

uint64_t source_next_tick(const struct source *source, uint64_t mono_ns) {
	const struct snapshot *now = source->kept[0];
	uint64_t phase_ns = now != NULL ? (now->stored_ns + READ_PHASE_NS) % NS_PER_S : 0;
	uint64_t into_ns = (clock_wall_ns() + NS_PER_S - phase_ns) % NS_PER_S;
	uint64_t left_ns = NS_PER_S - into_ns;
	// The writes' phase moves a little: that makes no second tick of one.
	return mono_ns + (left_ns < NS_PER_S / 2 ? left_ns + NS_PER_S : left_ns);
}
