// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// logic: alert rules, held against the windows once per interval (logic.c), and what alerts cause: lines of the log and
// webhooks (webhook.c). What stores alerts is the stage `store`.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/act.h"
#include "ctrlplane/log.h"
#include "ctrlplane/logic.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/webhook.h"

struct logic_stage {
	struct logic logic;
	struct webhooks *webhooks;
	struct alert_rules *fresh; // prepared by a reload
};

static const struct stage_option logic_options[] = {
	{.name = "alerts",
		.type = CONF_PATH,
		.offset = offsetof(struct config, alerts),
		.size = CONFIG_TEXT_SIZE,
		.help = "file of alert rules and actions, from where the configuration is; none: there are no rules"},
	{0},
};

static void log_event(const struct alert_event *event) {
	const struct alert *alert = &event->alert;
	if (!event->is_end)
		log_line("alert %s started: %s (%s): %s: %s: %.6g, threshold %.6g", alert->id, alert->rule,
			alert->severity, alert->subject, alert->measure, alert->value, alert->threshold);
	else
		log_line("alert %s ended: %s: %s: after %.1f s, peak %.6g%s%s", alert->id, alert->rule, alert->subject,
			(double)(alert->end_ns - alert->start_ns) / 1e9, alert->peak,
			alert->reason[0] != '\0' ? ": " : "", alert->reason);
}

static void send_command(const struct stage *stage, const struct action *action, const struct alert *alert) {
	char id[ACT_ID_SIZE], error[ACT_ERROR_SIZE] = "", reason[ALERT_NAME_SIZE + ALERT_SUBJECT_SIZE + 8];
	snprintf(reason, sizeof(reason), "alert %s: %s", alert->rule, alert->subject);
	const struct act_request request = {
		.node = strcmp(action->node, "subject") == 0 ? alert->subject : action->node,
		.verb = action_verbs[action->verb],
		.target = action->target[0] != '\0' ? action->target : NULL,
		.value = action->value,
		.kind = "alert",
		.cause = alert->id,
		.reason = reason};
	if (act_request(stage->shared, &request, id, error) != 0)
		log_line("action %s: %s", action->name, error);
}

static void post_event(const struct stage *stage, const char *name, const struct alert_event *event) {
	struct logic_stage *self = stage->state;
	const struct alert_rules *rules = &stage->shared->rules;
	for (size_t i = 0; i < rules->actions_length; i++) {
		const struct action *action = &rules->actions[i];
		bool is_wanted = action->on == ACTION_ON_BOTH || (action->on == ACTION_ON_END) == event->is_end;
		if (strcmp(action->name, name) != 0 || !is_wanted)
			continue;
		if (action->type == ACTION_COMMAND) {
			send_command(stage, action, &event->alert);
			continue;
		}
		json_t *body = json_pack("{si ss s{sI ss} so}", "version", 1, "event", event->is_end ? "end" : "start",
			"controller", "epoch", (json_int_t)stage->shared->epoch, "version", WEIR_VERSION, "alert",
			alert_to_json(&event->alert));
		webhooks_post(self->webhooks, name, body);
		json_decref(body);
	}
}

static void on_event(void *context, const struct alert_event *event) {
	char names[ALERT_ACTIONS_SIZE], *rest = names;
	memcpy(names, event->alert.actions, sizeof(names));
	for (char *name; (name = strsep(&rest, ",")) != NULL;) {
		if (strcmp(name, "log") == 0)
			log_event(event);
		else
			post_event(context, name, event);
	}
}

static int load_rules(const char *path, const struct views *views, struct alert_rules *out, char *error) {
	*out = (struct alert_rules){0};
	return path[0] != '\0' ? alert_rules_load(out, views, path, error) : 0;
}

static int logic_init(struct stage *stage, char *error) {
	struct logic_stage *self = stage->state;
	struct state *state = stage->shared;
	state->logic = &self->logic;
	state->alerts.on_event = on_event;
	state->alerts.context = stage;
	self->logic.interval_ns = state->config.interval_ns;
	int err = webhooks_new(&self->webhooks);
	if (err == 0)
		err = load_rules(state->config.alerts, &state->views, &state->rules, error);
	for (size_t i = 0; err == 0 && i < state->rules.length; i++)
		state_need_window(state, state->rules.list[i].window_s);
	if (err == 0)
		err = webhooks_prepare(self->webhooks, state->rules.actions, state->rules.actions_length);
	if (err == 0)
		webhooks_commit(self->webhooks);
	return err;
}

static void logic_stage_fini(struct stage *stage) {
	struct logic_stage *self = stage->state;
	stage->shared->alerts.on_event = NULL;
	stage->shared->logic = NULL;
	webhooks_free(self->webhooks);
	logic_fini(&self->logic);
	free(self->fresh);
}

static void logic_interval(struct stage *stage) {
	struct logic_stage *self = stage->state;
	logic_evaluate(&self->logic, stage->shared);
}

static int logic_descriptor(const struct stage *stage, short *events) {
	const struct logic_stage *self = stage->state;
	*events = POLLIN;
	return webhooks_descriptor(self->webhooks);
}

static void logic_work(struct stage *stage) {
	struct logic_stage *self = stage->state;
	webhooks_work(self->webhooks);
}

static int logic_prepare(struct stage *stage, const void *options, char *error) {
	struct logic_stage *self = stage->state;
	const struct config *config = options;
	if (self->fresh == NULL && (self->fresh = malloc(sizeof(*self->fresh))) == NULL)
		return -ENOMEM;
	int err = load_rules(config->alerts, &stage->shared->fresh_views, self->fresh, error);
	for (size_t i = 0; err == 0 && i < self->fresh->length; i++) {
		const struct alert_rule *rule = &self->fresh->list[i];
		if (state_has_window(stage->shared, rule->window_s))
			continue;
		snprintf(error, CONF_ERROR_SIZE,
			"%s: rule %s: window: %u s: longer than all before: that needs a restart", config->alerts,
			rule->name, rule->window_s);
		err = -EINVAL;
	}
	return err == 0 ? webhooks_prepare(self->webhooks, self->fresh->actions, self->fresh->actions_length) : err;
}

static void logic_abandon(struct stage *stage) {
	struct logic_stage *self = stage->state;
	webhooks_abandon(self->webhooks);
	free(self->fresh);
	self->fresh = NULL;
}

static void logic_commit(struct stage *stage) {
	struct logic_stage *self = stage->state;
	struct state *state = stage->shared;
	// Alerts that end with their rules are still told to the webhooks that those had.
	logic_replace_rules(&self->logic, state, self->fresh);
	webhooks_commit(self->webhooks);
	logic_abandon(stage);
}

static json_t *logic_status(const struct stage *stage) {
	const struct logic_stage *self = stage->state;
	return json_pack("{sI sI sI so}", "rules", (json_int_t)stage->shared->rules.length, "baselines",
		(json_int_t)self->logic.length, "baselines_forgotten", (json_int_t)self->logic.forgotten, "webhooks",
		webhooks_status(self->webhooks));
}

static const struct stage_type logic_type = {
	.name = "logic",
	.title = "holds alert rules against the windows: alerts start, end and cause actions",
	.manual = "conf/alerts.yaml describes rules and actions.",
	.options = logic_options,
	.state_size = sizeof(struct logic_stage),
	.init = logic_init,
	.fini = logic_stage_fini,
	.interval = logic_interval,
	.descriptor = logic_descriptor,
	.work = logic_work,
	.prepare = logic_prepare,
	.commit = logic_commit,
	.abandon = logic_abandon,
	.status = logic_status,
};
STAGE_REGISTER(logic_type);
