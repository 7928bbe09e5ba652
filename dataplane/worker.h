// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Workers: one polling thread per lcore, the main lcore included. A loop polls every source and ring that the plan
// gave it, runs each batch to completion, lets time pass, and passes one quiescent state.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/idle.h"
#include "dataplane/schedule.h"

struct node;
struct move;

struct worker {
	unsigned index, lcore;
	struct node *node;
	const struct plan *plan;   // the one it follows; only between reading it and the quiescent state
	unsigned plan_version;     // 0: none yet
	struct schedule *schedule; // its part
	struct schedule nothing;   // of a plan without instances
	struct move *move;         // key groups that move, until its part in that is done; or NULL
	unsigned move_phase;       // the first that it has not done yet
	bool ended;                // it looks at no plan any more; node->move_lock held
	struct idle idle;
	// manager: asks by adding 1; the worker answers with the same number once its copies are made, with UINT64_MAX
	// when it ends
	_Atomic uint64_t snapshot_asked, snapshot_made;
	_Atomic uint64_t settings_taken; // of node->settings; worker: wo, manager: ro
	pthread_mutex_t figures_lock;    // who touches the copies holds it; the worker only tries, until it ends
};

//   return  0 or a negative errno
int worker_init(struct worker *worker, struct node *node, unsigned index, unsigned lcore);
void worker_fini(struct worker *worker);

// The worker's whole life; returns when every instance on it has finished, or the node stops and it has none.
//   argument  struct worker *
//   return    0
int worker_run(void *argument);

// End its sleep, if it sleeps.
//   thread  any
void worker_wake(struct worker *worker);

// Of worker_run: a round found nothing to do. Pause, or sleep until an input wakes it.
//   thread  that worker
void worker_wait(struct worker *worker);
