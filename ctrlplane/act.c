// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/act.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/message.h"
#include "ctrlplane/state.h"
#include "ctrlplane/text.h"

const char *const act_status_names[] = {[ACT_WAITING] = "waiting",
	[ACT_SENT] = "sent",
	[ACT_DONE] = "done",
	[ACT_REFUSED] = "refused",
	[ACT_TIMED_OUT] = "timed_out",
	NULL};

static const struct act_verb {
	const char *name;
	bool has_target, has_value;
	const char *expected;
} verbs[] = {
	{"set", true, true, "[PIPELINE/]OPERATOR.OPTION=VALUE"},
	{"move", true, true, "[PIPELINE/]OPERATOR GROUP[-GROUP][,...] INSTANCE"},
	{"apply", true, true, "a file that is not empty"},
	{"rates", false, false, "lines of a channel and its rate in bit/s"},
	{"remove", true, false, "a pipeline"},
	{"snapshot", true, false, "a directory to be made"},
	{"log", false, true, "a text"},
	{"stop", false, false, "the node alone"},
};

void act_fini(struct act *act) {
	for (size_t i = 0; i < ACT_EVENTS_MAX; i++)
		json_decref(act->events[i].decision);
	for (size_t i = 0; i < ACT_DECISIONS_MAX; i++)
		free(act->decisions[i].document);
}

static bool is_under_way(const struct act_decision *decision) {
	return decision->status == ACT_WAITING || decision->status == ACT_SENT;
}

static void format_id(const struct act_decision *decision, char id[ACT_ID_SIZE]) {
	snprintf(id, ACT_ID_SIZE, "c%" PRIu64 "-%" PRIu64, decision->epoch, decision->number);
}

static json_t *time_or_null(uint64_t ns) {
	return ns != 0 ? json_integer((json_int_t)ns) : json_null();
}

json_t *act_to_json(const struct act_decision *decision) {
	char id[ACT_ID_SIZE];
	format_id(decision, id);
	return json_pack("{ss ss ss ss ss ss ss ss ss ss sI so so so sI}", "id", id, "kind", decision->kind, "command",
		decision->verb, "node", decision->node, "target", decision->target, "value", decision->value, "cause",
		decision->cause, "reason", decision->reason, "status", act_status_names[decision->status], "answer",
		decision->answer, "epoch", (json_int_t)decision->epoch, "decided_ns",
		time_or_null(decision->decided_ns), "sent_ns", time_or_null(decision->sent_ns), "ended_ns",
		time_or_null(decision->ended_ns), "tries", (json_int_t)decision->tries);
}

// Remember for Redis what a decision is like now. Entry ids ascend even where the clock does not.
static void record(struct act *act, const struct act_decision *decision) {
	struct act_event *event = &act->events[act->events_count % ACT_EVENTS_MAX];
	uint64_t ms = clock_wall_ns() / NS_PER_MS, n = 0;
	if (act->events_count > 0) {
		const struct act_event *last = &act->events[(act->events_count - 1) % ACT_EVENTS_MAX];
		if (last->id_ms >= ms) {
			ms = last->id_ms;
			n = last->id_n + 1;
		}
	}
	json_decref(event->decision);
	*event = (struct act_event){.id_ms = ms, .id_n = n, .decision = act_to_json(decision)};
	act->events_count++;
}

static const struct act_verb *verb_find(const char *name) {
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

bool act_is_verb(const char *text) {
	return verb_find(text) != NULL;
}

static bool fits(const char *text) {
	return text == NULL || strlen(text) < ACT_TEXT_SIZE;
}

//   return  0 or a negative errno, with a line in error
static int check(const struct state *state, const struct act_request *request, char *error) {
	const struct act_verb *verb = verb_find(request->verb);
	const struct node *node = nodes_find(&state->nodes, request->node);
	if (verb == NULL) {
		snprintf(error, ACT_ERROR_SIZE,
			"command \"%.40s\": expected set, move, apply, rates, remove, snapshot, log or stop",
			request->verb);
		return -EINVAL;
	}
	if (node == NULL) {
		snprintf(error, ACT_ERROR_SIZE, "node \"%.64s\": not known", request->node);
		return -ENOENT;
	}
	bool has_target = request->target != NULL && (strcmp(verb->name, "set") != 0 || strchr(request->target, '.'));
	bool has_value = request->value != NULL && (verb->has_target || request->value[0] != '\0');
	bool has_document = request->document != NULL && request->document[0] != '\0';
	bool wants_document = strcmp(verb->name, "apply") == 0 || strcmp(verb->name, "rates") == 0;
	if (has_target != verb->has_target || has_value != verb->has_value || has_document != wants_document) {
		snprintf(error, ACT_ERROR_SIZE, "%s: expected %s", verb->name, verb->expected);
		return -EINVAL;
	}
	if (!text_is_clean(request->target) || !text_is_clean(request->value)) {
		snprintf(error, ACT_ERROR_SIZE, "%s: expected printable ASCII", verb->name);
		return -EINVAL;
	}
	if (!fits(request->target) || !fits(request->value)) {
		snprintf(error, ACT_ERROR_SIZE, "%s: longer than %d bytes", verb->name, ACT_TEXT_SIZE - 1);
		return -EINVAL;
	}
	if (has_document && strlen(request->document) > ACT_DOCUMENT_MAX) {
		snprintf(error, ACT_ERROR_SIZE, "%.200s: longer than %d KiB",
			request->target != NULL ? request->target : verb->name, ACT_DOCUMENT_MAX >> 10);
		return -EINVAL;
	}
	return 0;
}

static void copy(char *out, size_t size, const char *text) {
	text_copy(out, size, text != NULL ? text : "");
}

// Has the oldest decision make room that is over and told; older ones move up, so that the ring stays in order.
//   return  NULL: all are under way
static struct act_decision *make_room(struct act *act) {
	size_t ended = 0;
	while (act->count >= ACT_DECISIONS_MAX && ended < ACT_DECISIONS_MAX) {
		const struct act_decision *decision = &act->decisions[(act->count + ended) % ACT_DECISIONS_MAX];
		if (!is_under_way(decision) && decision->asker.size == 0)
			break;
		ended++;
	}
	if (ended == ACT_DECISIONS_MAX)
		return NULL;
	for (; ended > 0; ended--)
		act->decisions[(act->count + ended) % ACT_DECISIONS_MAX] =
			act->decisions[(act->count + ended - 1) % ACT_DECISIONS_MAX];
	return &act->decisions[act->count++ % ACT_DECISIONS_MAX];
}

int act_request(struct state *state, const struct act_request *request, char *id, char *error) {
	struct act *act = &state->act;
	int err = check(state, request, error);
	if (err != 0)
		return err;
	uint32_t timeout_ms = request->timeout_ms != 0 ? request->timeout_ms : ACT_TIMEOUT_MS;
	if (timeout_ms > ACT_TIMEOUT_MS_MAX)
		timeout_ms = ACT_TIMEOUT_MS_MAX;
	struct act_decision *decision = make_room(act);
	if (decision == NULL) {
		snprintf(error, ACT_ERROR_SIZE, "%d commands are under way already", ACT_DECISIONS_MAX);
		return -EBUSY;
	}
	*decision = (struct act_decision){.epoch = state->epoch,
		.number = act->count,
		.decided_ns = clock_wall_ns(),
		.deadline_mono_ns = clock_mono_ns() + timeout_ms * NS_PER_MS};
	copy(decision->node, sizeof(decision->node), request->node);
	copy(decision->verb, sizeof(decision->verb), request->verb);
	copy(decision->kind, sizeof(decision->kind), request->kind);
	copy(decision->target, sizeof(decision->target), request->target);
	copy(decision->value, sizeof(decision->value), request->value);
	copy(decision->cause, sizeof(decision->cause), request->cause);
	copy(decision->reason, sizeof(decision->reason), request->reason);
	if (request->document != NULL)
		decision->document = strdup(request->document);
	if (request->asker != NULL)
		decision->asker = *request->asker;
	act->under_way++;
	format_id(decision, id);
	log_line("command %s: %s %s%s%s to node %s: %s", id, decision->verb, decision->target,
		decision->target[0] != '\0' ? "=" : "", decision->value, decision->node, decision->reason);
	record(act, decision);
	return 0;
}

// Tell who asked how it ended.
static void answer_asker(struct state *state, void *commands, struct act_decision *decision) {
	Weir__Reply reply = WEIR__REPLY__INIT;
	Weir__Message message = WEIR__MESSAGE__INIT;
	json_t *object = act_to_json(decision);
	if (decision->asker.size == 0)
		goto out;
	reply.json = json_dumps(object, JSON_COMPACT);
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_REPLY;
	message.reply = &reply;
	if (reply.json == NULL || message_send(commands, &decision->asker, &message) != 0)
		state->counters.undeliverable++;
	free(reply.json);
	decision->asker.size = 0;
out:
	json_decref(object);
}

static void end(struct state *state, struct act_decision *decision, enum act_status status) {
	char id[ACT_ID_SIZE];
	format_id(decision, id);
	state->act.under_way -= is_under_way(decision);
	decision->status = status;
	decision->ended_ns = clock_wall_ns();
	free(decision->document);
	decision->document = NULL;
	record(&state->act, decision);
	log_line("command %s: %s%s%s", id, act_status_names[status], decision->answer[0] != '\0' ? ": " : "",
		decision->answer);
}

static void send_command(struct state *state, void *commands, struct act_decision *decision) {
	const struct node *node = nodes_find(&state->nodes, decision->node);
	char id[ACT_ID_SIZE];
	Weir__Command command = WEIR__COMMAND__INIT;
	Weir__Message message = WEIR__MESSAGE__INIT;
	if (node == NULL || node->state != NODE_UP || node->commands.size == 0)
		return;
	format_id(decision, id);
	command.epoch = state->epoch;
	command.id = id;
	command.verb = decision->verb;
	command.target = decision->target;
	command.value = decision->value;
	if (decision->document != NULL)
		command.document = decision->document;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_COMMAND;
	message.command = &command;
	if (message_send(commands, &node->commands, &message) != 0)
		return;
	decision->resend_mono_ns = clock_mono_ns() + ACT_RESEND_MS * NS_PER_MS;
	decision->tries++;
	if (decision->status == ACT_SENT)
		return;
	decision->status = ACT_SENT;
	decision->incarnation = node->incarnation;
	decision->sent_ns = clock_wall_ns();
	record(&state->act, decision);
}

// Whether the process is gone that the command was sent to: its successor is not to be stopped in its place.
static bool was_started_anew(const struct state *state, const struct act_decision *decision) {
	const struct node *node = nodes_find(&state->nodes, decision->node);
	return decision->status == ACT_SENT && node != NULL && node->incarnation != decision->incarnation;
}

// Whether the node said goodbye so long ago that what it answered before has come, and nobody has started it again.
static bool is_abandoned(const struct state *state, struct act_decision *decision, uint64_t mono_ns) {
	const struct node *node = nodes_find(&state->nodes, decision->node);
	uint64_t patience_ms = decision->status == ACT_SENT ? ACT_GOODBYE_MS : ACT_RESTART_MS;
	if (node == NULL || node->state != NODE_ENDED)
		decision->node_ended_mono_ns = 0;
	else if (decision->node_ended_mono_ns == 0)
		decision->node_ended_mono_ns = mono_ns;
	return decision->node_ended_mono_ns != 0 && mono_ns - decision->node_ended_mono_ns >= patience_ms * NS_PER_MS;
}

static void work_on(struct state *state, void *commands, struct act_decision *decision, uint64_t mono_ns) {
	if (is_under_way(decision) && mono_ns >= decision->deadline_mono_ns) {
		copy(decision->answer, sizeof(decision->answer),
			decision->status == ACT_SENT ? "the node did not answer" : "the node was not connected");
		end(state, decision, ACT_TIMED_OUT);
	} else if (is_under_way(decision) && is_abandoned(state, decision, mono_ns)) {
		copy(decision->answer, sizeof(decision->answer),
			decision->status == ACT_SENT ? "the node ended before it answered" : "the node has ended");
		end(state, decision, ACT_TIMED_OUT);
	}
	if (was_started_anew(state, decision)) {
		copy(decision->answer, sizeof(decision->answer), "the node was started anew before it answered");
		end(state, decision, ACT_TIMED_OUT);
	}
	if (is_under_way(decision) && mono_ns >= decision->resend_mono_ns)
		send_command(state, commands, decision);
	if (!is_under_way(decision))
		answer_asker(state, commands, decision);
}

void act_work(struct state *state, void *commands) {
	struct act *act = &state->act;
	uint64_t mono_ns = clock_mono_ns();
	uint64_t oldest = act->count > ACT_DECISIONS_MAX ? act->count - ACT_DECISIONS_MAX : 0;
	for (uint64_t i = oldest; i < act->count; i++) {
		struct act_decision *decision = &act->decisions[i % ACT_DECISIONS_MAX];
		if (is_under_way(decision) || decision->asker.size > 0)
			work_on(state, commands, decision, mono_ns);
	}
}

static struct act_decision *decision_find(struct act *act, const char *id) {
	char own[ACT_ID_SIZE];
	for (size_t i = 0; i < ACT_DECISIONS_MAX && i < act->count; i++) {
		format_id(&act->decisions[i], own);
		if (strcmp(own, id) == 0)
			return &act->decisions[i];
	}
	return NULL;
}

void act_take_result(struct state *state, const struct node *node, const Weir__CommandResult *result) {
	struct act_decision *decision = decision_find(&state->act, result->id);
	// A repeat of an answer says nothing new; one that comes after the time-out does.
	bool is_open = decision != NULL && (is_under_way(decision) || decision->status == ACT_TIMED_OUT);
	if (decision == NULL || strcmp(decision->node, node->name) != 0) {
		state->act.unexpected++;
		return;
	}
	if (!is_open)
		return;
	copy(decision->answer, sizeof(decision->answer), result->text);
	end(state, decision, result->status == WEIR__COMMAND_STATUS__COMMAND_DONE ? ACT_DONE : ACT_REFUSED);
}

static void restore_texts(struct act_decision *decision, const struct act_source *source) {
	const struct {
		const char *name;
		char *out;
		size_t size;
	} texts[] = {
		{"node", decision->node, sizeof(decision->node)},
		{"command", decision->verb, sizeof(decision->verb)},
		{"kind", decision->kind, sizeof(decision->kind)},
		{"target", decision->target, sizeof(decision->target)},
		{"value", decision->value, sizeof(decision->value)},
		{"cause", decision->cause, sizeof(decision->cause)},
		{"reason", decision->reason, sizeof(decision->reason)},
		{"answer", decision->answer, sizeof(decision->answer)},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		copy(texts[i].out, texts[i].size, source->field(source->context, texts[i].name));
}

static uint64_t restore_number(const struct act_source *source, const char *name) {
	return strtoull(source->field(source->context, name), NULL, 10);
}

void act_restore(struct act *act, const char *entry_id, const struct act_source *source) {
	const char *id = source->field(source->context, "id"), *status = source->field(source->context, "status");
	struct act_event *event = &act->events[act->events_count % ACT_EVENTS_MAX];
	uint64_t epoch, number, id_ms, id_n;
	if (sscanf(id, "c%" SCNu64 "-%" SCNu64, &epoch, &number) != 2 ||
		sscanf(entry_id, "%" SCNu64 "-%" SCNu64, &id_ms, &id_n) != 2)
		return;
	struct act_decision *decision = decision_find(act, id);
	if (decision == NULL)
		decision = make_room(act);
	if (decision == NULL)
		return;
	*decision = (struct act_decision){.epoch = epoch, .number = number, .status = ACT_TIMED_OUT};
	for (int i = ACT_DONE; act_status_names[i] != NULL; i++)
		if (strcmp(status, act_status_names[i]) == 0)
			decision->status = (enum act_status)i;
	restore_texts(decision, source);
	decision->decided_ns = restore_number(source, "decided_ns");
	decision->sent_ns = restore_number(source, "sent_ns");
	decision->ended_ns = restore_number(source, "ended_ns");
	decision->tries = (uint32_t)restore_number(source, "tries");
	json_decref(event->decision);
	*event = (struct act_event){.id_ms = id_ms, .id_n = id_n, .decision = act_to_json(decision)};
	act->stored = ++act->events_count;
}

void act_restored(struct act *act) {
	uint64_t oldest = act->count > ACT_DECISIONS_MAX ? act->count - ACT_DECISIONS_MAX : 0;
	for (uint64_t i = oldest; i < act->count; i++) {
		struct act_decision *decision = &act->decisions[i % ACT_DECISIONS_MAX];
		if (decision->status != ACT_TIMED_OUT || decision->ended_ns != 0)
			continue;
		copy(decision->answer, sizeof(decision->answer), "the controller was restarted");
		decision->ended_ns = clock_wall_ns();
		record(act, decision);
	}
}

json_t *act_explain(const struct act *act, const char *id, uint32_t limit) {
	json_t *list = json_array();
	for (uint64_t i = 0; i < act->count && i < ACT_DECISIONS_MAX && json_array_size(list) < limit; i++) {
		const struct act_decision *decision = &act->decisions[(act->count - 1 - i) % ACT_DECISIONS_MAX];
		char own[ACT_ID_SIZE];
		format_id(decision, own);
		if (id[0] == '\0' || strcmp(id, own) == 0 || strcmp(id, decision->cause) == 0)
			json_array_append_new(list, act_to_json(decision));
	}
	if (id[0] != '\0' && json_array_size(list) == 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{so}", "decisions", list);
}
