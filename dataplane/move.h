// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Moving key groups between the instances of one operator while tuples flow. Nothing is lost, doubled or overtaken, and
// an instance's state has one user at any time:
//
//   mark     Plan A is out: the groups that move are nobody's. Each worker that follows it holds their tuples from then
//            on, and puts a marker into every ring by which they came to their owner.
//   drain    The old owners handle what came before the markers.
//   leave    Nobody will touch the groups: each old owner lets go of what it keeps of them (type->group_leave).
//   enter    Each new owner takes it up (type->group_enter). The last one publishes plan B, which names them.
//   release  Each worker sends what it held to the new owners, then follows plan B.
//
// Each phase ends when all workers that have a part in it have done it; the last one begins the next, so that no worker
// waits for the manager. Before `leave` the move can still be called off: then `release` goes to the old owners. What
// is held is bounded (hold.h): past that the sources wait. A worker that holds tells no later watermark than it had, so
// that time never overtakes what is held.
//
// The manager's half, which begins a move and frees what is left of it, is in node_move.c. tests/model/move.pml is this
// protocol for spin.
#pragma once

#include <stdatomic.h>

#include "dataplane/plan.h"

struct node;
struct worker;
struct schedule_entry;

enum move_phase {
	MOVE_MARK,
	MOVE_DRAIN,
	MOVE_LEAVE,
	MOVE_ENTER,
	MOVE_RELEASE,
	MOVE_PHASES, // over
};

// Constant while workers see it, but for what is atomic.
struct move {
	struct node *node;
	unsigned op; // index into the plans' operators
	// The plans before, between and after; `back` has the owners of `before`, for a move that is called off.
	struct plan *before, *between, *after, *back;
	bool leaves[PLAN_WORKERS_MAX], enters[PLAN_WORKERS_MAX]; // which workers have a part in it
	_Atomic unsigned phase;                                  // enum move_phase
	_Atomic unsigned left[MOVE_PHASES];                      // workers that have yet to do their part
	_Atomic bool is_unwanted;                                // it is called off where there is still time
	_Atomic uint64_t held;                                   // tuples that had to wait
	uint64_t begun_ns, ended_ns; // monotonic: plan A came out; all of plan B is followed
};

// Do what there is to do for the move in this loop, after the worker's inputs were polled. worker->move becomes NULL
// with the worker's last part.
//   thread  the worker
void move_step(struct worker *worker);

// Whether an instance must not finish yet although its input has ended: it may still be handed a group, or has tuples
// that are held.
bool move_keeps(const struct move *move, const struct schedule_entry *entry);

static inline bool move_is_over(const struct move *move) {
	return atomic_load_explicit(&move->phase, memory_order_acquire) == MOVE_PHASES;
}

// Call off a move, if no state has been handed over yet.
//   thread  the manager
void move_call_off(struct move *move);
