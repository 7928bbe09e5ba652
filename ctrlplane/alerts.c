// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/alerts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "api/clock.h"
#include "ctrlplane/text.h"

static struct alert_event *alerts_next_event(struct alerts *alerts) {
	return &alerts->history[alerts->events++ % ALERTS_HISTORY_MAX];
}

// Entry ids ascend even where the clock does not.
static void alerts_record(struct alerts *alerts, const struct alert *alert, bool is_end) {
	uint64_t ms = (is_end ? alert->end_ns : alert->start_ns) / NS_PER_MS, n = 0;
	if (alerts->events > 0) {
		const struct alert_event *last = &alerts->history[(alerts->events - 1) % ALERTS_HISTORY_MAX];
		if (last->id_ms >= ms) {
			ms = last->id_ms;
			n = last->id_n + 1;
		}
	}
	struct alert_event *event = alerts_next_event(alerts);
	*event = (struct alert_event){.is_end = is_end, .id_ms = ms, .id_n = n, .alert = *alert};
	if (alerts->on_event != NULL)
		alerts->on_event(alerts->context, event);
}

static uint64_t alert_hash(const char *rule, const char *subject) {
	return XXH3_64bits_withSeed(subject, strlen(subject), XXH3_64bits(rule, strlen(rule)));
}

struct alert *alerts_find(struct alerts *alerts, const char *rule, const char *subject) {
	uint64_t hash = alert_hash(rule, subject);
	for (size_t i = 0; i < alerts->active_length; i++)
		if (alerts->hashes[i] == hash && strcmp(alerts->active[i].rule, rule) == 0 &&
			strcmp(alerts->active[i].subject, subject) == 0)
			return &alerts->active[i];
	return NULL;
}

size_t alerts_unraised(const struct alerts *alerts, const char *rule, uint64_t mono_ns) {
	size_t length = 0;
	for (size_t i = 0; i < alerts->active_length; i++)
		length += alerts->active[i].last_mono_ns < mono_ns && strcmp(alerts->active[i].rule, rule) == 0;
	return length;
}

static struct alert *alerts_append(struct alerts *alerts, const struct alert *alert) {
	alerts->hashes[alerts->active_length] = alert_hash(alert->rule, alert->subject);
	alerts->active[alerts->active_length] = *alert;
	return &alerts->active[alerts->active_length++];
}

static size_t alerts_of_rule(const struct alerts *alerts, const char *rule) {
	size_t length = 0;
	for (size_t i = 0; i < alerts->active_length; i++)
		length += strcmp(alerts->active[i].rule, rule) == 0;
	return length;
}

//   return  NULL: as many rules as there may be have conditions that wait
static struct alert_waiting *alerts_waiting_of(struct alerts *alerts, const char *rule) {
	struct alert_waiting *free = NULL;
	for (size_t i = 0; i < ALERTS_RULES_MAX; i++) {
		struct alert_waiting *waiting = &alerts->waiting[i];
		if (waiting->length > 0 && strcmp(waiting->rule, rule) == 0)
			return waiting;
		if (waiting->length == 0 && free == NULL)
			free = waiting;
	}
	if (free != NULL)
		snprintf(free->rule, sizeof(free->rule), "%s", rule);
	return free;
}

// Remember that a condition holds, and since when.
//   return  NULL: no room for it
static struct alert_pending *alerts_wait(struct alerts *alerts, const struct alert *seen, uint64_t mono_ns) {
	struct alert_waiting *waiting = alerts_waiting_of(alerts, seen->rule);
	uint64_t hash = alert_hash(seen->rule, seen->subject);
	size_t i = 0;
	if (waiting == NULL)
		return NULL;
	while (i < waiting->length &&
		(waiting->list[i].hash != hash || strcmp(waiting->list[i].subject, seen->subject) != 0))
		i++;
	if (i == ALERTS_PENDING_MAX)
		return NULL;
	struct alert_pending *pending = &waiting->list[i];
	if (i == waiting->length) {
		*pending = (struct alert_pending){.hash = hash, .since_mono_ns = mono_ns};
		memcpy(pending->subject, seen->subject, sizeof(pending->subject));
		waiting->length++;
	}
	pending->last_mono_ns = mono_ns;
	return pending;
}

static struct alert *alerts_open(struct alerts *alerts, const struct alert *seen, uint64_t epoch) {
	struct alert *alert = alerts_append(alerts, seen);
	alert->start_ns = clock_wall_ns();
	alert->end_ns = 0;
	alert->peak = seen->value;
	alert->reason[0] = '\0';
	snprintf(alert->id, sizeof(alert->id), "%" PRIu64 "-%" PRIu64, epoch, ++alerts->ids);
	return alert;
}

// What a rule says may have changed since the alert started.
static void alert_go_on(struct alert *alert, const struct alert *seen, uint64_t mono_ns) {
	alert->value = seen->value;
	alert->threshold = seen->threshold;
	alert->hold_down_ns = seen->hold_down_ns;
	memcpy(alert->severity, seen->severity, sizeof(alert->severity));
	memcpy(alert->actions, seen->actions, sizeof(alert->actions));
	bool is_below = seen->value < seen->threshold;
	if (is_below ? seen->value < alert->peak : seen->value > alert->peak)
		alert->peak = seen->value;
	alert->last_ns = clock_wall_ns();
	alert->last_mono_ns = mono_ns;
	alert->is_restored = false;
}

enum alerts_raised alerts_raise(struct alerts *alerts, const struct alert *seen, uint64_t epoch) {
	uint64_t mono_ns = clock_mono_ns();
	struct alert *alert = alerts_find(alerts, seen->rule, seen->subject);
	if (alert != NULL) {
		alert_go_on(alert, seen, mono_ns);
		return ALERTS_GOES_ON;
	}
	struct alert_pending *pending = NULL;
	if (seen->for_ns > 0 && (pending = alerts_wait(alerts, seen, mono_ns)) == NULL)
		return ALERTS_NO_ROOM;
	if (pending != NULL && mono_ns - pending->since_mono_ns < seen->for_ns)
		return ALERTS_PENDING;
	if (alerts->active_length == ALERTS_ACTIVE_MAX ||
		(seen->at_most > 0 && alerts_of_rule(alerts, seen->rule) >= seen->at_most))
		return ALERTS_NO_ROOM;
	alert = alerts_open(alerts, seen, epoch);
	alert_go_on(alert, seen, mono_ns);
	alerts_record(alerts, alert, false);
	return ALERTS_STARTED;
}

static void alerts_end(struct alerts *alerts, struct alert *alert, uint64_t wall_ns, const char *reason) {
	alert->end_ns = wall_ns > alert->start_ns ? wall_ns : alert->start_ns; // clocks may step
	snprintf(alert->reason, sizeof(alert->reason), "%s", reason);
	alerts_record(alerts, alert, true);
}

static void alerts_expire_waiting(struct alert_waiting *waiting, uint64_t mono_ns) {
	size_t kept = 0;
	for (size_t i = 0; i < waiting->length; i++)
		if (waiting->list[i].last_mono_ns >= mono_ns)
			waiting->list[kept++] = waiting->list[i];
	waiting->length = kept;
}

static void alerts_keep(struct alerts *alerts, size_t from, size_t to) {
	if (from == to)
		return;
	alerts->active[to] = alerts->active[from];
	alerts->hashes[to] = alerts->hashes[from];
}

void alerts_expire(struct alerts *alerts, uint64_t wall_ns, uint64_t mono_ns) {
	size_t kept = 0;
	for (size_t i = 0; i < ALERTS_RULES_MAX; i++)
		alerts_expire_waiting(&alerts->waiting[i], mono_ns);
	for (size_t i = 0; i < alerts->active_length; i++) {
		struct alert *alert = &alerts->active[i];
		if (alert->last_mono_ns < mono_ns && mono_ns >= alert->last_mono_ns + alert->hold_down_ns)
			alerts_end(alerts, alert, wall_ns, "");
		else
			alerts_keep(alerts, i, kept++);
	}
	alerts->active_length = kept;
}

void alerts_end_rule(struct alerts *alerts, const char *rule, uint64_t wall_ns, const char *reason) {
	size_t kept = 0;
	for (size_t i = 0; i < ALERTS_RULES_MAX; i++)
		if (strcmp(alerts->waiting[i].rule, rule) == 0)
			alerts->waiting[i].length = 0;
	for (size_t i = 0; i < alerts->active_length; i++) {
		struct alert *alert = &alerts->active[i];
		if (strcmp(alert->rule, rule) == 0)
			alerts_end(alerts, alert, wall_ns, reason);
		else
			alerts_keep(alerts, i, kept++);
	}
	alerts->active_length = kept;
}

void alerts_forgive(struct alerts *alerts, uint64_t duration_ns) {
	for (size_t i = 0; i < alerts->active_length; i++)
		alerts->active[i].last_mono_ns += duration_ns;
	for (size_t r = 0; r < ALERTS_RULES_MAX; r++) {
		struct alert_waiting *waiting = &alerts->waiting[r];
		for (size_t i = 0; i < waiting->length; i++) {
			waiting->list[i].since_mono_ns += duration_ns;
			waiting->list[i].last_mono_ns += duration_ns;
		}
	}
}

// "a,b" as a list.
static json_t *actions_to_json(const char *actions) {
	json_t *list = json_array();
	while (*actions != '\0') {
		size_t size = strcspn(actions, ",");
		json_array_append_new(list, json_stringn(actions, size));
		actions += size + (actions[size] == ',');
	}
	return list;
}

static void actions_from_json(const json_t *list, char out[ALERT_ACTIONS_SIZE]) {
	const json_t *name;
	size_t i, used = 0;
	json_array_foreach(list, i, name) {
		const char *text = json_string_value(name);
		if (text != NULL && used < ALERT_ACTIONS_SIZE)
			used += (size_t)snprintf(
				out + used, ALERT_ACTIONS_SIZE - used, "%s%s", used > 0 ? "," : "", text);
	}
	text_clean(out);
}

json_t *alert_to_json(const struct alert *alert) {
	return json_pack("{ss ss ss ss ss ss sI sI so sf sf sf sI so so}", "id", alert->id, "rule", alert->rule,
		"subject", alert->subject, "severity", alert->severity, "description", alert->description, "measure",
		alert->measure, "start_ns", (json_int_t)alert->start_ns, "last_ns", (json_int_t)alert->last_ns,
		"end_ns", alert->end_ns != 0 ? json_integer((json_int_t)alert->end_ns) : json_null(), "value",
		alert->value, "peak", alert->peak, "threshold", alert->threshold, "hold_down_ns",
		(json_int_t)alert->hold_down_ns, "actions", actions_to_json(alert->actions), "reason",
		alert->reason[0] != '\0' ? json_string(alert->reason) : json_null());
}

static void restore_text(const json_t *object, const char *name, char *out, size_t size) {
	const char *text = json_string_value(json_object_get(object, name));
	text_copy(out, size, text != NULL ? text : "");
}

static void alert_from_json(const json_t *object, struct alert *out) {
	memset(out, 0, sizeof(*out));
	restore_text(object, "id", out->id, sizeof(out->id));
	restore_text(object, "rule", out->rule, sizeof(out->rule));
	restore_text(object, "subject", out->subject, sizeof(out->subject));
	restore_text(object, "severity", out->severity, sizeof(out->severity));
	restore_text(object, "measure", out->measure, sizeof(out->measure));
	restore_text(object, "reason", out->reason, sizeof(out->reason));
	const char *description = json_string_value(json_object_get(object, "description"));
	snprintf(out->description, sizeof(out->description), "%s", description != NULL ? description : "");
	text_clean_utf8(out->description);
	actions_from_json(json_object_get(object, "actions"), out->actions);
	out->start_ns = (uint64_t)json_integer_value(json_object_get(object, "start_ns"));
	out->last_ns = (uint64_t)json_integer_value(json_object_get(object, "last_ns"));
	out->end_ns = (uint64_t)json_integer_value(json_object_get(object, "end_ns"));
	out->hold_down_ns = (uint64_t)json_integer_value(json_object_get(object, "hold_down_ns"));
	out->value = json_number_value(json_object_get(object, "value"));
	out->peak = json_number_value(json_object_get(object, "peak"));
	out->threshold = json_number_value(json_object_get(object, "threshold"));
}

void alerts_restore(struct alerts *alerts, const json_t *object) {
	struct alert alert;
	alert_from_json(object, &alert);
	if (alert.id[0] == '\0' || alerts->active_length == ALERTS_ACTIVE_MAX ||
		alerts_find(alerts, alert.rule, alert.subject) != NULL)
		return;
	// The hold-down starts anew: the nodes need a moment to report again.
	alert.last_mono_ns = clock_mono_ns();
	alert.is_restored = true;
	alerts_append(alerts, &alert);
}

void alerts_restore_event(struct alerts *alerts, const char *entry_id, const json_t *object, bool is_end) {
	struct alert_event event = {.is_end = is_end};
	char *end;
	event.id_ms = strtoull(entry_id, &end, 10);
	event.id_n = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
	alert_from_json(object, &event.alert);
	*alerts_next_event(alerts) = event;
	alerts->stored = alerts->events;
}
