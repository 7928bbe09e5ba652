// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/alerts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/clock.h"
#include "ctrlplane/log.h"
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
	*alerts_next_event(alerts) = (struct alert_event){.is_end = is_end, .id_ms = ms, .id_n = n, .alert = *alert};
}

static struct alert *alerts_find(struct alerts *alerts, const char *rule, const char *subject) {
	for (size_t i = 0; i < alerts->active_length; i++)
		if (strcmp(alerts->active[i].rule, rule) == 0 && strcmp(alerts->active[i].subject, subject) == 0)
			return &alerts->active[i];
	return NULL;
}

void alerts_raise(struct alerts *alerts, const struct alert *seen, uint64_t epoch) {
	uint64_t wall_ns = clock_wall_ns();
	struct alert *alert = alerts_find(alerts, seen->rule, seen->subject);
	bool is_new = alert == NULL;
	if (is_new && alerts->active_length == ALERTS_ACTIVE_MAX) {
		alerts->overflow++;
		return;
	}
	if (is_new) {
		alert = &alerts->active[alerts->active_length++];
		*alert = *seen;
		alert->start_ns = wall_ns;
		alert->end_ns = 0;
		alert->peak = seen->value;
		snprintf(alert->id, sizeof(alert->id), "%" PRIu64 "-%" PRIu64, epoch, ++alerts->ids);
	}
	alert->value = seen->value;
	alert->threshold = seen->threshold;
	alert->hold_down_ns = seen->hold_down_ns;
	if (seen->value > alert->peak)
		alert->peak = seen->value;
	alert->last_ns = wall_ns;
	alert->last_mono_ns = clock_mono_ns();
	if (!is_new)
		return;
	alerts_record(alerts, alert, false);
	log_line("alert %s started: %s (%s): %s: %s: %.6g, threshold %.6g", alert->id, alert->rule, alert->severity,
		alert->subject, alert->measure, alert->value, alert->threshold);
}

void alerts_expire(struct alerts *alerts, uint64_t wall_ns, uint64_t mono_ns) {
	size_t kept = 0;
	for (size_t i = 0; i < alerts->active_length; i++) {
		struct alert *alert = &alerts->active[i];
		if (alert->last_mono_ns >= mono_ns || mono_ns < alert->last_mono_ns + alert->hold_down_ns) {
			if (kept != i)
				alerts->active[kept] = *alert;
			kept++;
			continue;
		}
		alert->end_ns = wall_ns > alert->start_ns ? wall_ns : alert->start_ns; // clocks may step
		alerts_record(alerts, alert, true);
		log_line("alert %s ended: %s: %s: after %.1f s, peak %.6g", alert->id, alert->rule, alert->subject,
			(double)(alert->end_ns - alert->start_ns) / 1e9, alert->peak);
	}
	alerts->active_length = kept;
}

json_t *alert_to_json(const struct alert *alert) {
	return json_pack("{ss ss ss ss ss ss sI sI so sf sf sf sI}", "id", alert->id, "rule", alert->rule, "subject",
		alert->subject, "severity", alert->severity, "description", alert->description, "measure",
		alert->measure, "start_ns", (json_int_t)alert->start_ns, "last_ns", (json_int_t)alert->last_ns,
		"end_ns", alert->end_ns != 0 ? json_integer((json_int_t)alert->end_ns) : json_null(), "value",
		alert->value, "peak", alert->peak, "threshold", alert->threshold, "hold_down_ns",
		(json_int_t)alert->hold_down_ns);
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
