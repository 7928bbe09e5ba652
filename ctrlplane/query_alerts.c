// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `alerts`: what is active and, if asked for, what started and ended lately, newest first.
#include "ctrlplane/query.h"

json_t *query_alerts(struct state *state, bool all, uint32_t limit) {
	const struct alerts *alerts = &state->alerts;
	json_t *active = json_array(), *history = json_array();
	for (size_t i = 0; i < alerts->active_length; i++)
		json_array_append_new(active, alert_to_json(&alerts->active[i]));
	for (uint64_t i = 0; all && i < alerts->events && i < ALERTS_HISTORY_MAX && i < limit; i++) {
		const struct alert_event *event = &alerts->history[(alerts->events - 1 - i) % ALERTS_HISTORY_MAX];
		json_array_append_new(history, json_pack("{ss so}", "event", event->is_end ? "end" : "start", "alert",
						       alert_to_json(&event->alert)));
	}
	json_t *answer = json_pack("{so sI}", "active", active, "overflow", (json_int_t)alerts->overflow);
	if (all)
		json_object_set(answer, "history", history);
	json_decref(history);
	return answer;
}
