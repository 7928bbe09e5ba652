// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Any bytes as a message to the controller: decoded, held against the books of a registered node, and asked about.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/act.h"
#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/logic.h"
#include "ctrlplane/message.h"
#include "ctrlplane/query.h"
#include "ctrlplane/report.h"
#include "ctrlplane/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void state_open(struct state *state) {
	config_init(&state->config);
	state->epoch = 1;
	state->nodes = (struct nodes){
		.max = 2, .window_entries = 16, .interval_ns = state->config.interval_ns, .window_slots = 62};
	if (store_new(&state->store, state, "none") != 0)
		abort();
}

// What a person asks of a node: at most a decision that is under way.
static void command(struct state *state, const Weir__Request *request) {
	char id[ACT_ID_SIZE], error[ACT_ERROR_SIZE];
	const struct act_request wanted = {.node = request->node,
		.verb = request->command,
		.target = request->what,
		.value = request->value,
		.kind = "user",
		.cause = "",
		.reason = "",
		.timeout_ms = request->timeout_ms};
	if (act_request(state, &wanted, id, error) != 0)
		return;
	json_t *decisions = act_explain(&state->act, id, 1);
	if (decisions == NULL)
		abort();
	json_decref(decisions);
}

static void take(struct state *state, struct node *node, const Weir__Message *message) {
	char error[QUERY_ERROR_SIZE];
	struct series *series;
	struct identity peer = {.size = 1};

	switch (message->body_case) {
	case WEIR__MESSAGE__BODY_REGISTER:
		node_register(node, message->register_, &peer, clock_wall_ns());
		break;
	case WEIR__MESSAGE__BODY_HEARTBEAT:
		report_keep(node, message->heartbeat);
		break;
	case WEIR__MESSAGE__BODY_SUMMARY:
		aggregate_summary(&state->nodes, node, message->summary, clock_mono_ns(), &series);
		break;
	case WEIR__MESSAGE__BODY_COMMAND_RESULT:
		act_take_result(state, node, message->command_result);
		break;
	case WEIR__MESSAGE__BODY_REQUEST:
		if (act_is_verb(message->request->command)) {
			command(state, message->request);
			break;
		}
		free(query_answer(state, message->request, error));
		break;
	default:
		break;
	}
}

// Whatever a node says, every question has an answer afterwards.
static void ask_everything(struct state *state) {
	static const struct {
		char *command, *what;
	} questions[] = {{"status", ""}, {"operators", ""}, {"top", "flows"}, {"top", "hosts"}, {"top", "ports"},
		{"top", "prefixes"}, {"top", "applications"}, {"tcp", ""}, {"alerts", "all"}, {"explain", ""}};
	char error[QUERY_ERROR_SIZE];

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		Weir__Request request = WEIR__REQUEST__INIT;
		request.command = questions[i].command;
		request.what = questions[i].what;
		char *answer = query_answer(state, &request, error);
		if (answer == NULL)
			abort();
		free(answer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct state state;
	struct node *node;
	message_unpack_bare(data, size);
	Weir__Message *message = message_unpack(data, size);

	if (message == NULL)
		return 0;
	memset(&state, 0, sizeof(state));
	state_open(&state);
	if (nodes_obtain(&state.nodes, "a", &node) != 0)
		abort();
	take(&state, node, message);
	ask_everything(&state);
	act_fini(&state.act);
	nodes_fini(&state.nodes);
	store_free(state.store);
	return 0;
}
