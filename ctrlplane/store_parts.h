// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Inside the store: the connection (store.c), what is written (store_save.c) and what is read back (store_load.c).
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "ctrlplane/history.h"
#include "ctrlplane/state.h"

enum {
	STORE_NODE_KEEP_S = 7 * 86400, // keys of a node that the controller no longer knows
	STORE_TOP_KEEP_S = 60,         // lists of windows
	STORE_ALERTS_HISTORY = 1000,   // entries
	STORE_GUARD = 2,               // commands that guard the next transaction: WATCH, HGET epoch
};

enum store_phase {
	STORE_AWAY,     // not connected; tries again at retry_mono_ns
	STORE_GREETING, // reading what Redis holds of the whole
	STORE_LOADING,  // reading what it holds of each node
	STORE_READY,
	STORE_SAVING, // a transaction is on its way
};

// What a running transaction will have stored.
struct store_running {
	uint64_t history_added, events, stored_ns;
	size_t history_gaps;
};

// What a controller says that finds a greater epoch than its own in Redis.
#define STORE_FENCED "redis %s: a controller with a greater epoch than %" PRIu64 " writes here; this one ends"

struct store {
	struct state *state;
	const char *endpoint; // as configured
	bool is_none;
	redisContext *redis;
	enum store_phase phase;
	uint64_t retry_mono_ns, backoff_ns;
	uint64_t deadline_mono_ns; // of the phase
	uint64_t attempts;
	uint64_t expected, received; // replies in this phase
	redisReply **kept;           // [kept_length], what was read so far: taken over when all of it is there
	size_t kept_length;
	bool is_loaded; // what Redis held was taken over, once
	bool is_fenced;
	bool is_failing;   // said so already
	char refusal[128]; // what Redis answered to the greeting instead; empty: nothing
	struct store_running running;
	uint64_t stored_ns; // wall clock of the last transaction; 0: none
	uint64_t errors;    // connections lost and transactions failed
	struct history history;
	char (*names)[NODE_NAME_SIZE]; // [names_length], nodes to load
	size_t names_length;
};

//   return  commands sent
uint64_t store_send_greeting(struct store *store);
// Ask for each node that the replies to the greeting name.
//   return  commands sent; 0: there is none
uint64_t store_send_loads(struct store *store);
// Take over what was read, all at once: a connection that breaks half-way has changed nothing.
void store_take_over(struct store *store);
//   is_whole  with lists and histories
//   return    commands sent, the last STORE_GUARD of them after EXEC; 0: no memory
uint64_t store_send_save(struct store *store, bool is_whole);
