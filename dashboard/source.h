// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Where all figures come from: one reading of Redis per second, whatever the number of clients; the last few readings,
// for rates; and how fresh they are.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dashboard/snapshot.h"

enum { SOURCE_KEPT = 6 }; // readings: rates are over five intervals

enum source_state {
	SOURCE_EMPTY, // nothing was read yet
	SOURCE_LIVE,
	SOURCE_STALE, // what is there is old
};
extern const char *const source_state_names[];

struct source {
	struct redis_link *link;
	struct snapshot_scope scope;        // of the next reading
	struct snapshot *kept[SOURCE_KEPT]; // newest first
	redisReply *alerts_history;         // XREVRANGE, newest first; NULL: nothing was read
	char alerts_newest[32];             // id of its first entry
	struct redis_request reading, alerts_reading;
	bool is_reading, is_reading_alerts;
	char refusal[LINK_ERROR_SIZE]; // the first that a command of the reading under way was answered with
	uint64_t turn;                 // grows with every reading, and every second without
	enum source_state state;
	uint64_t since_ns;                    // wall clock: of this state
	char reason[LINK_ERROR_SIZE + 64];    // why it is not live, or empty
	uint64_t changed_mono_ns, changed_ns; // when the controller was last seen to have stored
	uint64_t errors;                      // readings that came to nothing
};

void source_init(struct source *source, struct redis_link *link);
// After the link was closed, or with nothing under way.
void source_fini(struct source *source);
// Once a second: read, and where that can't be, turn all the same.
void source_tick(struct source *source);
//   return  monotonic time of the next tick: soon after the controller's next write
uint64_t source_next_tick(const struct source *source, uint64_t mono_ns);
//   return  the newest reading, NULL: none yet
const struct snapshot *source_now(const struct source *source);
// Whether the alerts' history that was read is that of the newest reading.
bool source_alerts_are_current(const struct source *source);
