// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/alerts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct alert *alerts_find(struct alerts *alerts, const char *rule, const char *subject) {
	for (size_t i = 0; i < alerts->active_length; i++)
		if (strcmp(alerts->active[i].rule, rule) == 0 && strcmp(alerts->active[i].subject, subject) == 0)
			return &alerts->active[i];
	return NULL;
}

static size_t alerts_of_rule(const struct alerts *alerts, const char *rule) {
	size_t length = 0;
	for (size_t i = 0; i < alerts->active_length; i++)
		length += strcmp(alerts->active[i].rule, rule) == 0;
	return length;
}

// Whether the condition has held for as long as it must; without room to remember it, it has not.
static bool alerts_has_lasted(struct alerts *alerts, const struct alert *seen, uint64_t mono_ns) {
	size_t i = 0;
	if (seen->for_ns == 0)
		return true;
	while (i < alerts->pending_length && (strcmp(alerts->pending[i].rule, seen->rule) != 0 ||
						     strcmp(alerts->pending[i].subject, seen->subject) != 0))
		i++;
	if (i == ALERTS_PENDING_MAX)
		return false;
	struct alert_pending *pending = &alerts->pending[i];
	if (i == alerts->pending_length) {
		*pending = (struct alert_pending){.since_mono_ns = mono_ns};
		memcpy(pending->rule, seen->rule, sizeof(pending->rule));
		memcpy(pending->subject, seen->subject, sizeof(pending->subject));
		alerts->pending_length++;
	}
	pending->last_mono_ns = mono_ns;
	return mono_ns - pending->since_mono_ns >= seen->for_ns;
}

static struct alert *alerts_open(struct alerts *alerts, const struct alert *seen, uint64_t epoch) {
	struct alert *alert = &alerts->active[alerts->active_length++];
	*alert = *seen;
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
	if (!alerts_has_lasted(alerts, seen, mono_ns))
		return ALERTS_PENDING;
	if (alerts->active_length == ALERTS_ACTIVE_MAX ||
		(seen->at_most > 0 && alerts_of_rule(alerts, seen->rule) >= seen->at_most)) {
		alerts->overflow++;
		return ALERTS_NO_ROOM;
	}
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

static void alerts_expire_pending(struct alerts *alerts, uint64_t mono_ns) {
	size_t kept = 0;
	for (size_t i = 0; i < alerts->pending_length; i++)
		if (alerts->pending[i].last_mono_ns >= mono_ns)
			alerts->pending[kept++] = alerts->pending[i];
	alerts->pending_length = kept;
}

void alerts_expire(struct alerts *alerts, uint64_t wall_ns, uint64_t mono_ns) {
	size_t kept = 0;
	alerts_expire_pending(alerts, mono_ns);
	for (size_t i = 0; i < alerts->active_length; i++) {
		struct alert *alert = &alerts->active[i];
		if (alert->last_mono_ns < mono_ns && mono_ns >= alert->last_mono_ns + alert->hold_down_ns)
			alerts_end(alerts, alert, wall_ns, "");
		else if (kept++ != i)
			alerts->active[kept - 1] = *alert;
	}
	alerts->active_length = kept;
}

void alerts_end_rule(struct alerts *alerts, const char *rule, uint64_t wall_ns, const char *reason) {
	size_t kept = 0;
	for (size_t i = 0; i < alerts->active_length; i++) {
		struct alert *alert = &alerts->active[i];
		if (strcmp(alert->rule, rule) == 0)
			alerts_end(alerts, alert, wall_ns, reason);
		else if (kept++ != i)
			alerts->active[kept - 1] = *alert;
	}
	alerts->active_length = kept;
}

void alerts_forgive(struct alerts *alerts, uint64_t duration_ns) {
	for (size_t i = 0; i < alerts->active_length; i++)
		alerts->active[i].last_mono_ns += duration_ns;
	for (size_t i = 0; i < alerts->pending_length; i++)
		alerts->pending[i].last_mono_ns += duration_ns;
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
	restore_text(object, "description", out->description, sizeof(out->description));
	restore_text(object, "reason", out->reason, sizeof(out->reason));
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
	alerts->active[alerts->active_length++] = alert;
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
