// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Act, the last stage: commands to nodes. Each is a decision with an id, a reason and an end: done, refused by the
// node, or timed out. It is sent again until the node answers, ends or time is up; the node carries out each id once,
// and one that was started anew meanwhile does not get it. Every command has the controller's epoch with it, and a node
// that has seen a greater one refuses it (fencing). The last decisions are kept here, all of them in Redis
// (weir:1:decisions); `weirctl explain` shows them. One thread.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/commands.h"
#include "api/weir.pb-c.h"
#include "ctrlplane/identity.h"
#include "ctrlplane/nodes.h"

struct state;

enum {
	ACT_DECISIONS_MAX = COMMANDS_UNDER_WAY_MAX, // kept, and so under way at a time
	ACT_EVENTS_MAX = 512,                       // that wait for Redis; older ones are lost to it
	ACT_TIMEOUT_MS = 5000,                      // of a request that does not say
	ACT_TIMEOUT_MS_MAX = 600000,
	ACT_RESEND_MS = 1000,
	ACT_GOODBYE_MS = 1000, // after its goodbye nobody waits longer for a node's answer,
	ACT_RESTART_MS = 3000, // or for its next start
	ACT_ID_SIZE = 48,
	ACT_WORD_SIZE = 24,
	ACT_TEXT_SIZE = 256,
	ACT_ANSWER_SIZE = 1024,
	ACT_ERROR_SIZE = 512,
	ACT_DOCUMENT_MAX = 256 << 10, // bytes
};

enum act_status {
	ACT_WAITING, // for the node to be connected
	ACT_SENT,
	ACT_DONE,
	ACT_REFUSED,   // by the node; `answer` says why
	ACT_TIMED_OUT, // whether it was carried out is not known, unless an answer still comes
};
extern const char *const act_status_names[];

// What is wanted. All texts are copied.
struct act_request {
	const char *node;
	const char *verb;             // of the table in act.c; api/weir.proto says what target and value are
	const char *target, *value;   // or NULL
	const char *document;         // apply: the file; else NULL
	const char *kind;             // who decided: "user", "alert"
	const char *cause;            // the user's name, the alert's id
	const char *reason;           // one line, for people
	uint32_t timeout_ms;          // 0: ACT_TIMEOUT_MS
	const struct identity *asker; // gets the decision as a Reply when it has ended; NULL: nobody
};

struct act_decision {
	uint64_t epoch, number; // together the id
	char node[NODE_NAME_SIZE], verb[ACT_WORD_SIZE], kind[ACT_WORD_SIZE];
	char target[ACT_TEXT_SIZE], value[ACT_TEXT_SIZE], cause[ACT_TEXT_SIZE], reason[ACT_TEXT_SIZE];
	char answer[ACT_ANSWER_SIZE]; // of the node
	enum act_status status;
	uint64_t decided_ns, sent_ns, ended_ns; // wall clock; 0: not yet
	uint32_t tries;
	uint64_t deadline_mono_ns, resend_mono_ns, node_ended_mono_ns; // the last 0: it has not
	uint64_t incarnation;  // of the node that it was sent to; another one does not get it
	char *document;        // of the command, until it has ended; NULL: none
	struct identity asker; // size 0: nobody, or it has its answer
};

struct act_event {
	uint64_t id_ms, id_n; // of the entry in Redis
	json_t *decision;     // as it was then
};

struct act {
	struct act_decision decisions[ACT_DECISIONS_MAX]; // ring, newest at (count - 1) % ACT_DECISIONS_MAX
	uint64_t count, under_way;
	struct act_event events[ACT_EVENTS_MAX]; // ring
	uint64_t events_count, stored;           // ever; known to be in Redis
	uint64_t unexpected;                     // answers to no command
};

void act_fini(struct act *act);

bool act_is_verb(const char *text);

// Decide on a command. It is sent by act_work.
//   id      [ACT_ID_SIZE], filled
//   error   [ACT_ERROR_SIZE], one line where the result is not 0
//   return  0; -ENOENT: no such node; -EINVAL: no such command; -EBUSY: too many are under way
int act_request(struct state *state, const struct act_request *request, char *id, char *error);

// Send what is due, end what is late, answer who asked. After what nodes have answered was taken: a stall of the loop
// makes no command late.
//   commands  the ROUTER that commands go out by
void act_work(struct state *state, void *commands);

// Take a node's answer.
void act_take_result(struct state *state, const struct node *node, const Weir__CommandResult *result);

// Take back an entry of an earlier controller's decisions, older ones first; act_restored after the last.
//   field   reads a field of it by name; "" where there is none
struct act_source {
	const char *(*field)(const void *context, const char *name);
	const void *context;
};
void act_restore(struct act *act, const char *entry_id, const struct act_source *source);
// What was under way then has timed out.
void act_restored(struct act *act);

//   return  a new object
json_t *act_to_json(const struct act_decision *decision);
// Newest first.
//   id      this decision, or those of this alert or user; "": all
//   return  {"decisions": [...]}; NULL: there is none of that id
json_t *act_explain(const struct act *act, const char *id, uint32_t limit);
