// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/registration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "api/clock.h"
#include "ctrlplane/departed.h"
#include "ctrlplane/log.h"
#include "ctrlplane/message.h"
#include "ctrlplane/text.h"

// A closed connection of a node that crashed is known only by trying: the mandatory ROUTER refuses to send.
static bool peer_is_connected(const struct state *state, void *commands, const struct identity *peer) {
	if (peer->size == 0)
		return false;
	Weir__HeartbeatReply probe = WEIR__HEARTBEAT_REPLY__INIT;
	probe.epoch = state->epoch;
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_HEARTBEAT_REPLY;
	message.heartbeat_reply = &probe;
	return message_send(commands, peer, &message) != -EHOSTUNREACH;
}

static bool name_is_in_use(
	const struct state *state, void *commands, const struct node *node, const struct identity *peer) {
	return node->state == NODE_UP && !identity_equal(&node->commands, peer) &&
	       peer_is_connected(state, commands, &node->commands);
}

// A node that remembers an epoch this controller did not give it has had another controller since.
static void registration_raise_epoch(struct state *state, const struct node *known, const Weir__Register *message) {
	bool is_told = known != NULL && known->incarnation == message->incarnation && known->commands.size > 0;
	if (message->epoch < state->epoch || (is_told && message->epoch == state->epoch))
		return;
	// Each start of a controller is one: a number far ahead is made up, and would fence every later controller off.
	if (message->epoch - state->epoch > REGISTRATION_EPOCHS_AHEAD_MAX) {
		state->counters.forged_epochs++;
		log_line_limited(
			"node %s claims to remember epoch %" PRIu64 ": not believed", message->node, message->epoch);
		return;
	}
	state->epoch = message->epoch + 1;
	log_line_limited(
		"epoch is now %" PRIu64 ": node %s remembers %" PRIu64, state->epoch, message->node, message->epoch);
}

bool registration_accept(
	struct state *state, void *commands, const Weir__Register *message, const struct identity *peer, char *reason) {
	if (!node_name_is_valid(message->node)) {
		char name[NODE_TEXT_SIZE];
		text_copy(name, sizeof(name), message->node);
		snprintf(reason, REGISTRATION_REASON_SIZE, "node name \"%s\": expected 1..63 of A-Z a-z 0-9 . _ -",
			name);
		return false;
	}
	if (message->incarnation == 0) {
		snprintf(reason, REGISTRATION_REASON_SIZE, "incarnation 0: expected the start of the process in ns");
		return false;
	}
	struct node *node = nodes_find(&state->nodes, message->node);
	if (node != NULL && node->incarnation != message->incarnation && name_is_in_use(state, commands, node, peer)) {
		snprintf(reason, REGISTRATION_REASON_SIZE,
			"node name \"%s\" is in use by process %u on %s; choose another", node->name, node->pid,
			node->host);
		return false;
	}
	if (node != NULL && node->incarnation != message->incarnation && node_is_past(node, message->incarnation)) {
		snprintf(reason, REGISTRATION_REASON_SIZE,
			"node name \"%s\" was taken over by another process since; restart this one", node->name);
		return false;
	}
	if (departed_is_forgotten(&state->nodes, message)) {
		snprintf(reason, REGISTRATION_REASON_SIZE,
			"node \"%s\" was away while others took its place, and what it reported can't be told from "
			"what "
			"is counted already; restart it",
			message->node);
		return false;
	}
	int err = nodes_obtain(&state->nodes, message->node, &node);
	if (err != 0) {
		snprintf(reason, REGISTRATION_REASON_SIZE, "no room for node \"%s\": nodes_max is %zu", message->node,
			state->nodes.max);
		return false;
	}
	departed_give_back(&state->nodes, node, message->incarnation);
	registration_raise_epoch(state, node, message);
	bool is_new = node->incarnation != message->incarnation;
	if (is_new && node->incarnation != 0 && node->past_length >= NODE_INTERVALS_MAX)
		departed_forget(&state->nodes, node->past[node->past_length % NODE_INTERVALS_MAX]);
	node_register(node, message, peer, clock_wall_ns());
	log_line_limited("node %s %s: process %u on %s, %u workers", node->name,
		is_new ? "registered" : "registered again", node->pid, node->host, node->workers);
	return true;
}
