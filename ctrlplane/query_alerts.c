// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `alerts`: what is active and, if asked for, what started and ended lately, newest first.
#include "ctrlplane/logic.h"
#include "ctrlplane/query.h"

// Rules that had more subjects than they may have alerts.
static json_t *query_suppressed(const struct state *state) {
	json_t *list = json_array();
	for (size_t i = 0; state->logic != NULL && i < state->rules.length; i++)
		if (state->logic->suppressed[i] > 0)
			json_array_append_new(list, json_pack("{ss sI sI sI}", "rule", state->rules.list[i].name,
							    "at_most", (json_int_t)state->rules.list[i].at_most, "now",
							    (json_int_t)state->logic->no_room[i], "ever",
							    (json_int_t)state->logic->suppressed[i]));
	return list;
}

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
	json_t *answer = json_pack("{so so}", "active", active, "suppressed", query_suppressed(state));
	if (all)
		json_object_set(answer, "history", history);
	json_decref(history);
	return answer;
}
