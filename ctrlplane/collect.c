// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/collect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/logic.h"
#include "ctrlplane/message.h"
#include "ctrlplane/query.h"
#include "ctrlplane/registration.h"
#include "ctrlplane/report.h"
#include "ctrlplane/stages.h"
#include "ctrlplane/store.h"
#include "ctrlplane/text.h"

enum { COLLECT_BURST = 256 }; // messages of one socket before the other is looked at

struct delivery {
	void *socket;
	struct identity from;
	const Weir__Message *message;
	const struct access_peer *peer; // whose key the connection has; NULL: nobody's
	bool is_shed;                   // a summary without its lists
};

static void collect_send(struct collect *collect, const struct delivery *delivery, const Weir__Message *message) {
	if (message_send(delivery->socket, &delivery->from, message) != 0)
		collect->state->counters.undeliverable++;
}

static void collect_refuse(
	struct collect *collect, const struct delivery *delivery, Weir__ErrorCode code, const char *text) {
	struct state_counters *counters = &collect->state->counters;
	if (code == WEIR__ERROR_CODE__ERROR_UNREGISTERED)
		counters->unregistered++;
	else
		counters->malformed++;
	if (message_send_error(delivery->socket, &delivery->from, code, text) != 0)
		counters->undeliverable++;
}

static void collect_forbid(struct collect *collect, const struct delivery *delivery) {
	char text[160];
	if (delivery->peer == NULL)
		snprintf(text, sizeof(text), "this key is not allowed any more");
	else if (delivery->message->body_case == WEIR__MESSAGE__BODY_REQUEST)
		snprintf(text, sizeof(text), "the key of %s is not among the allowed users'", delivery->peer->name);
	else
		snprintf(
			text, sizeof(text), "the key of %s speaks for a node of that name alone", delivery->peer->name);
	collect->state->counters.refused++;
	if (message_send_error(delivery->socket, &delivery->from, WEIR__ERROR_CODE__ERROR_FORBIDDEN, text) != 0)
		collect->state->counters.undeliverable++;
}

static void collect_register(struct collect *collect, const struct delivery *delivery) {
	Weir__Registered reply = WEIR__REGISTERED__INIT;
	char reason[REGISTRATION_REASON_SIZE] = "";
	reply.accepted = registration_accept(
		collect->state, collect->commands, delivery->message->register_, &delivery->from, reason);
	reply.reason = reason;
	reply.epoch = collect->state->epoch;
	reply.heartbeat_ms = NODE_BEAT_MS;
	if (reply.accepted)
		collect->state->counters.taken++;
	else
		collect->state->counters.refused++;
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_REGISTERED;
	message.registered = &reply;
	collect_send(collect, delivery, &message);
}

static void collect_heartbeat(struct collect *collect, const struct delivery *delivery) {
	const Weir__Heartbeat *beat = delivery->message->heartbeat;
	struct node *node = nodes_find_peer(&collect->state->nodes, &delivery->from);
	if (node == NULL || node->incarnation != beat->incarnation || strcmp(node->name, beat->node) != 0) {
		collect_refuse(collect, delivery, WEIR__ERROR_CODE__ERROR_UNREGISTERED, "register first");
		return;
	}
	collect->state->counters.taken++;
	if (node_beat(node, clock_wall_ns(), clock_mono_ns()))
		log_line("node %s is up again", node->name);
	report_keep(node, beat);
	Weir__HeartbeatReply reply = WEIR__HEARTBEAT_REPLY__INIT;
	reply.sequence = beat->sequence;
	reply.epoch = collect->state->epoch;
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_HEARTBEAT_REPLY;
	message.heartbeat_reply = &reply;
	collect_send(collect, delivery, &message);
}

static void collect_summary(struct collect *collect, const struct delivery *delivery) {
	const Weir__Summary *summary = delivery->message->summary;
	struct node *node = nodes_find(&collect->state->nodes, summary->node);
	if (node == NULL || node->commands.size == 0 || node->incarnation != summary->incarnation) {
		collect_refuse(collect, delivery, WEIR__ERROR_CODE__ERROR_UNREGISTERED, "register first");
		return;
	}
	struct series *series;
	enum aggregate_result result =
		aggregate_summary(&collect->state->nodes, node, summary, clock_mono_ns(), &series);
	if (result == AGGREGATE_REFUSED) {
		collect_refuse(collect, delivery, WEIR__ERROR_CODE__ERROR_MALFORMED,
			"summary: expected names of A-Z a-z 0-9 . _ -, a sequence from 1, end_ns >= start_ns");
		return;
	}
	collect->state->counters.taken++;
	node->summaries = delivery->from;
	collect->is_due = collect->is_due || logic_is_ahead(node);
	node->shed += result == AGGREGATE_TAKEN && delivery->is_shed;
	if (result == AGGREGATE_DUPLICATE)
		series->acknowledged = 0; // the node has not heard of the acknowledgement: say it again
	else if (collect->state->unstored++ == 0)
		collect->state->unstored_mono_ns = clock_mono_ns();
	if (result == AGGREGATE_TAKEN)
		stages_summary(collect->state->stages, node, summary);
}

static void collect_goodbye(struct collect *collect, const struct delivery *delivery) {
	struct node *node = nodes_find_peer(&collect->state->nodes, &delivery->from);
	if (node == NULL || node->incarnation != delivery->message->goodbye->incarnation) {
		collect->state->counters.unregistered++; // nobody waits for an answer to it
		return;
	}
	collect->state->counters.taken++;
	if (node->state == NODE_ENDED)
		return;
	node_end(node);
	log_line_limited("node %s ended", node->name);
}

// A command for a node is answered once it has ended, or at once where it can't begin.
static void collect_command(struct collect *collect, const struct delivery *delivery) {
	const Weir__Request *request = delivery->message->request;
	char id[ACT_ID_SIZE], error[ACT_ERROR_SIZE], reason[160];
	const char *user = delivery->peer != NULL ? delivery->peer->name : "weirctl";
	snprintf(reason, sizeof(reason), "asked for by %s", user);
	const struct act_request wanted = {.node = request->node,
		.verb = request->command,
		.target = request->what[0] != '\0' ? request->what : NULL,
		.value = request->value[0] != '\0' || strcmp(request->command, "set") == 0 ? request->value : NULL,
		.document = request->document[0] != '\0' ? request->document : NULL,
		.kind = "user",
		.cause = user,
		.reason = reason,
		.timeout_ms = request->timeout_ms,
		.asker = &delivery->from};
	if (act_request(collect->state, &wanted, id, error) == 0) {
		collect->state->counters.taken++;
		return;
	}
	collect->state->counters.refused++;
	text_clean(error);
	if (message_send_error(delivery->socket, &delivery->from, WEIR__ERROR_CODE__ERROR_UNKNOWN_COMMAND, error) != 0)
		collect->state->counters.undeliverable++;
}

static void collect_result(struct collect *collect, const struct delivery *delivery) {
	const struct node *node = nodes_find_peer(&collect->state->nodes, &delivery->from);
	if (node == NULL || !access_allows_node(&collect->state->access, delivery->peer, node->name)) {
		collect_refuse(collect, delivery, WEIR__ERROR_CODE__ERROR_UNREGISTERED, "register first");
		return;
	}
	collect->state->counters.taken++;
	act_take_result(collect->state, node, delivery->message->command_result);
}

static void collect_request(struct collect *collect, const struct delivery *delivery) {
	char error[QUERY_ERROR_SIZE];
	if (act_is_verb(delivery->message->request->command))
		return collect_command(collect, delivery);
	collect->state->counters.taken++; // before the answer, which may tell of it
	char *json = query_answer(collect->state, delivery->message->request, error);
	if (json == NULL) {
		collect->state->counters.taken--;
		collect->state->counters.refused++;
		message_send_error(delivery->socket, &delivery->from, WEIR__ERROR_CODE__ERROR_UNKNOWN_COMMAND, error);
		return;
	}
	Weir__Reply reply = WEIR__REPLY__INIT;
	reply.json = json;
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_REPLY;
	message.reply = &reply;
	collect_send(collect, delivery, &message);
	free(json);
}

// Whether a message is its sender's to send: a node's key speaks for that node alone.
static bool collect_is_allowed(struct collect *collect, const struct delivery *delivery) {
	const Weir__Message *message = delivery->message;
	struct access *access = &collect->state->access;
	switch (message->body_case) {
	case WEIR__MESSAGE__BODY_REGISTER:
		return access_allows_node(access, delivery->peer, message->register_->node);
	case WEIR__MESSAGE__BODY_HEARTBEAT:
		return access_allows_node(access, delivery->peer, message->heartbeat->node);
	case WEIR__MESSAGE__BODY_GOODBYE:
		return access_allows_node(access, delivery->peer, message->goodbye->node);
	case WEIR__MESSAGE__BODY_SUMMARY:
		return access_allows_node(access, delivery->peer, message->summary->node);
	case WEIR__MESSAGE__BODY_REQUEST:
		return access_allows_user(access, delivery->peer);
	default:
		return true; // refused whoever sends it
	}
}

static void collect_dispatch(struct collect *collect, const struct delivery *delivery) {
	bool is_command = delivery->socket == collect->commands;
	switch (delivery->message->body_case) {
	case WEIR__MESSAGE__BODY_REGISTER:
		if (is_command)
			return collect_register(collect, delivery);
		break;
	case WEIR__MESSAGE__BODY_HEARTBEAT:
		if (is_command)
			return collect_heartbeat(collect, delivery);
		break;
	case WEIR__MESSAGE__BODY_GOODBYE:
		if (is_command)
			return collect_goodbye(collect, delivery);
		break;
	case WEIR__MESSAGE__BODY_REQUEST:
		if (is_command)
			return collect_request(collect, delivery);
		break;
	case WEIR__MESSAGE__BODY_COMMAND_RESULT:
		if (is_command)
			return collect_result(collect, delivery);
		break;
	case WEIR__MESSAGE__BODY_SUMMARY:
		if (!is_command)
			return collect_summary(collect, delivery);
		break;
	default:
		break;
	}
	collect_refuse(collect, delivery, WEIR__ERROR_CODE__ERROR_MALFORMED,
		is_command ? "expected register, heartbeat, goodbye, command_result or request" : "expected summary");
}

bool collect_is_overloaded(const struct collect *collect) {
	uint64_t behind_ns = collect->behind_mono_ns;
	return behind_ns != 0 && clock_mono_ns() - behind_ns >= collect->state->config.shed_after_ns;
}

// Read a frame. The lists of a summary are most of the work: they are passed over in want of time, and where the
// summary came before, so that what is sent again by nodes that wait does not make them wait longer.
static Weir__Message *collect_unpack(struct collect *collect, struct delivery *delivery, zmq_msg_t *frame) {
	if (delivery->socket == collect->summaries) {
		Weir__Message *bare = message_unpack_bare(zmq_msg_data(frame), zmq_msg_size(frame));
		const struct node *node = bare != NULL ? nodes_find(&collect->state->nodes, bare->summary->node) : NULL;
		delivery->is_shed = bare != NULL && collect_is_overloaded(collect);
		if (delivery->is_shed || (node != NULL && aggregate_has(node, bare->summary)))
			return bare;
	}
	return message_unpack(zmq_msg_data(frame), zmq_msg_size(frame));
}

static void collect_refuse_oversized(struct collect *collect, const struct delivery *delivery, size_t size) {
	char text[80];
	snprintf(text, sizeof(text), "a message of %zu bytes: expected at most %d", size, MESSAGE_SIZE_MAX);
	collect->state->counters.refused++;
	access_refuse(&collect->state->access, ACCESS_OVERSIZED, delivery->peer != NULL ? delivery->peer->name : text);
	if (message_send_error(delivery->socket, &delivery->from, WEIR__ERROR_CODE__ERROR_MALFORMED, text) != 0)
		collect->state->counters.undeliverable++;
}

static void collect_frame(struct collect *collect, struct delivery *delivery, zmq_msg_t *frame) {
	collect->state->counters.messages++;
	Weir__Message *message = NULL;
	if (collect->state->access.is_guarded)
		delivery->peer = access_lookup(&collect->state->access, zmq_msg_gets(frame, "User-Id"));
	if (zmq_msg_size(frame) > MESSAGE_SIZE_MAX) {
		collect_refuse_oversized(collect, delivery, zmq_msg_size(frame));
		return;
	}
	// One frame is one message; what has more parts is none.
	if (!zmq_msg_more(frame))
		message = collect_unpack(collect, delivery, frame);
	delivery->message = message;
	if (message == NULL)
		collect_refuse(collect, delivery, WEIR__ERROR_CODE__ERROR_MALFORMED, "not a message of weir.proto");
	else if (message->version != MESSAGE_VERSION)
		collect_refuse(collect, delivery, WEIR__ERROR_CODE__ERROR_VERSION, "expected version 1 of weir.proto");
	else if (collect_is_allowed(collect, delivery))
		collect_dispatch(collect, delivery);
	else
		collect_forbid(collect, delivery);
}

//   return  false: nothing is waiting
static bool collect_one(struct collect *collect, void *socket) {
	struct delivery delivery = {.socket = socket};
	zmq_msg_t frame;
	zmq_msg_init(&frame);
	if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&frame);
		return false;
	}
	delivery.from.size = (uint8_t)zmq_msg_size(&frame);
	memcpy(delivery.from.bytes, zmq_msg_data(&frame), delivery.from.size);
	bool has_more = zmq_msg_more(&frame);
	for (bool is_first = true; has_more; is_first = false) {
		if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0)
			break;
		has_more = zmq_msg_more(&frame);
		if (is_first)
			collect_frame(collect, &delivery, &frame);
	}
	zmq_msg_close(&frame);
	return true;
}

void collect_receive(struct collect *collect) {
	void *sockets[COLLECT_SOCKETS] = {collect->commands, collect->summaries};
	gate_work(&collect->gate);
	collect->is_due = false;
	bool is_behind = true;
	for (int s = 0; s < COLLECT_SOCKETS; s++) {
		is_behind = true;
		for (int i = 0; i < COLLECT_BURST && !collect->is_due && is_behind; i++)
			is_behind = collect_one(collect, sockets[s]);
	}
	// Of the summaries: commands are few.
	if (!is_behind)
		collect->behind_mono_ns = 0;
	else if (collect->behind_mono_ns == 0)
		collect->behind_mono_ns = clock_mono_ns();
	act_work(collect->state, collect->commands);
}

void collect_check(struct collect *collect) {
	uint64_t mono_ns = clock_mono_ns();
	for (size_t i = 0; i < collect->state->nodes.length; i++)
		if (node_check(collect->state->nodes.list[i], mono_ns))
			log_line("node %s is lost: %d beats missed", collect->state->nodes.list[i]->name,
				NODE_BEATS_MISSED);
}

static void collect_acknowledge_series(struct collect *collect, struct node *node, struct series *series, uint64_t n) {
	Weir__SummaryAck ack = WEIR__SUMMARY_ACK__INIT;
	ack.pipeline = series->pipeline;
	ack.operator_ = series->operator;
	ack.instance = series->instance;
	ack.sequence = n;
	ack.incarnation = node->incarnation;
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_SUMMARY_ACK;
	message.summary_ack = &ack;
	int err = message_send(collect->summaries, &node->summaries, &message);
	if (err == 0)
		series->acknowledged = n;
	else
		collect->state->counters.undeliverable++;
	if (err == -EHOSTUNREACH)
		node->summaries.size = 0; // until it is heard of again
}

void collect_acknowledge(struct collect *collect) {
	for (size_t i = 0; i < collect->state->nodes.length; i++) {
		struct node *node = collect->state->nodes.list[i];
		for (size_t s = 0; node->summaries.size > 0 && s < node->series_length; s++) {
			uint64_t safe = store_safe_sequence(collect->state->store, &node->series[s]);
			if (safe > node->series[s].acknowledged)
				collect_acknowledge_series(collect, node, &node->series[s], safe);
		}
	}
}
