// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Inside the store: the connection (store.c), what Redis answers (store_reply.c), what is written (store_save.c,
// store_history.c, store_departed.c, store_series.c) and what is read back (store_load.c and these).
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "ctrlplane/history.h"
#include "ctrlplane/state.h"
#include "ctrlplane/store_command.h"
#include "api/redis_endpoint.h"
#include "api/redis_sentinel.h"

enum {
	STORE_NODE_KEEP_S = 7 * 86400, // keys of a node that the controller no longer knows
	STORE_TOP_KEEP_S = 60,         // lists of windows
	STORE_ALERTS_HISTORY = 1000,   // entries
	STORE_DECISIONS = 1000,
	STORE_RATES = 200,
	STORE_ENTRIES_MAX = 2000, // of histories at one resolution in a transaction, shared between those of all nodes
	STORE_ENTRIES_MIN = 4,    // of each history: more than are added meanwhile
	STORE_GUARD = 2,          // commands that guard the next transaction: WATCH, HGET epoch
	STORE_REASON_SIZE = 160,
	STORE_NAMES_MAX = 1024,                      // nodes that are read back: the greatest nodes_max
	STORE_SERIES_PATH = 2 * NODE_NAME_SIZE + 16, // bytes of PIPELINE/OPERATOR/INSTANCE
};

enum store_phase {
	STORE_AWAY,     // not connected; tries again at retry_mono_ns
	STORE_GREETING, // reading what Redis holds of the whole
	STORE_LOADING,  // reading what it holds of each node
	STORE_READY,
	STORE_SAVING, // a transaction is on its way
};

// Entries that were given up while Redis was away for too long: of alerts that started or ended, and of decisions.
struct store_lost {
	uint64_t events, decisions;
};

// What a running transaction will have stored, but for series and histories.
struct store_running {
	uint64_t events, decisions, departed_changes, stored_ns;
	struct store_lost lost;          // and said to be
	char refusal[STORE_REASON_SIZE]; // the first command that Redis refused to queue; empty: none
};

// What a controller says that finds a greater epoch than its own in Redis.
#define STORE_FENCED "redis %s: a controller with a greater epoch than %" PRIu64 " writes here; this one ends"

#define STORE_NONE UINT64_MAX

struct store {
	struct state *state;
	const char *text; // the endpoint as configured
	struct redis_endpoint endpoint;
	struct redis_sentinels *sentinels; // NULL: none are asked
	struct redis_address primary;      // TCP: where the connection leads
	redisContext *redis;
	enum store_phase phase;
	uint64_t retry_mono_ns, backoff_ns;
	uint64_t deadline_mono_ns; // of the phase
	uint64_t attempts;
	uint64_t expected, received; // replies in this phase
	uint64_t greeted;            // of which the first, of AUTH and ROLE, are not kept
	redisReply **kept;           // [kept_length], what was read so far: taken over when all of it is there
	size_t kept_length;
	bool is_loaded; // what Redis held was taken over, once
	bool is_fenced;
	char reason[STORE_REASON_SIZE];  // why nothing is stored, as said in the log; empty: it is
	char refusal[STORE_REASON_SIZE]; // what Redis answered instead of going on; empty: nothing
	uint64_t failing_ns;             // wall clock since when; 0: it is not
	struct store_running running;
	uint64_t stored_ns;       // wall clock of the last transaction; 0: none
	uint64_t departed_stored; // nodes->departed_changes that Redis has; STORE_NONE: it may have none of them
	uint64_t errors;          // connections lost and transactions failed
	struct store_lost lost;   // ever, and Redis knows
	struct history *history;
	char (*names)[NODE_NAME_SIZE]; // [names_length], nodes to load
	size_t names_length;
};

// Count a failure, and say it where it isn't what was said last.
void store_fail(struct store *store, const char *why, const char *consequence);
// What could not be stored is.
void store_recover(struct store *store);
// Close the connection and try again later.
void store_go_away(struct store *store, const char *why);
void store_forget_replies(struct store *store);
// Enter a phase in which so many replies are expected, to be kept.
void store_enter_reading(struct store *store, enum store_phase phase, uint64_t expected);
// Handle a reply; takes ownership.
void store_take_reply(struct store *store, redisReply *reply);

//   password  NULL: none
//   return    commands sent, the first store->greeted of them AUTH and ROLE
uint64_t store_send_greeting(struct store *store, const char *password);
// Ask for each node that the replies to the greeting name.
//   return  commands sent; 0: there is none
uint64_t store_send_loads(struct store *store);
// Take over what was read, all at once: a connection that breaks half-way has changed nothing.
void store_take_over(struct store *store);
//   is_whole  with lists
//   return    commands sent, the last STORE_GUARD of them after EXEC; 0: no memory
uint64_t store_send_save(struct store *store, bool is_whole);
//   return  what is lost that Redis does not know of yet
struct store_lost store_lost(const struct store *store);

// Parts of the transaction: the histories, of all nodes and of each; what a stream entry begins with.
void store_save_histories(struct store_command *command, struct store *store);
void store_start_entry(struct store_command *command, const char *key, uint32_t length, uint64_t id_ms, uint64_t id_n);
void store_save_expiry(struct store_command *command, const char *key, unsigned keep_s);
// What is on its way in a history is stored.
void store_mark_histories(struct store *store);
// Go on from the open intervals of an earlier controller.
//   reply  of HGETALL
void store_take_open(struct history *history, const redisReply *reply);

// A series as it is stored, and back.
//   path  [STORE_SERIES_PATH]
void store_series_path(const struct series *series, char *path);
//   sequence  up to which all were taken or given up
json_t *store_series_to_json(const struct series *series, uint64_t incarnation, uint64_t sequence);
//   out     zero before
//   return  false: path is not one
bool store_series_from_json(const char *path, const json_t *value, struct series *out);
// Join what is stored of a series to what the node has.
void store_take_series(struct node *node, const char *path, const json_t *value);

// Books of nodes that had to make room: as part of the transaction, and back.
//   reply  of HVALS
void store_save_departed(struct store_command *command, struct store *store);
void store_take_departed(struct nodes *nodes, const redisReply *reply);
