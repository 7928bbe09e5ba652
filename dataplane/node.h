// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A node: one process's pipelines at run time. It owns what a plan refers to (operators, instances, rings, pools,
// workers) and publishes the plan to the workers. Built and taken down by the manager's thread.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include <rte_mempool.h>

#include "api/histogram.h"
#include "dataplane/channel.h"
#include "dataplane/key.h"
#include "dataplane/plan.h"
#include "dataplane/uplink.h"
#include "dataplane/worker.h"

// An instance's figures as its worker last copied them. worker: wo when asked, manager: ro
struct snapshot {
	struct counters counters;
	uint64_t gauges[OPERATOR_GAUGES_MAX];
	uint64_t watermark_ns;
	bool finished;
	bool has_more;           // has some left to emit
	struct counters earlier; // of one of its number that went (node_gone.h); manager: rw
};

// What is told: all that instances of this number have counted.
static inline struct counters snapshot_counters(const struct snapshot *snapshot) {
	struct counters sum = snapshot->counters;
	counters_add(&sum, &snapshot->earlier);
	return sum;
}

struct channel_ring {
	const struct plan_channel *channel;
	struct ring *ring;     // NULL: a call
	struct target *target; // on the sender's side
};

// What moves of key groups came to.
struct move_figures {
	uint64_t moves, groups, called_off;
	uint64_t held;           // tuples that had to wait
	uint64_t pause_max_ns;   // from the first tuple that may have been held to the last one sent on
	struct histogram pauses; // of moves
};

enum { NODE_POOLS_RETIRED_MAX = 16 };

struct node_change;
struct applied;
struct gone;
struct node_restore;
struct link_switch;

struct node {
	const struct node_config *config;
	const char *name;
	uint64_t incarnation; // start of the process in ns since the epoch
	uint64_t started_ns;  // the same by the monotonic clock
	uint8_t hash_secret[KEY_SECRET_SIZE];

	struct plan *published;      // RCU (QSBR): workers read it. Who replaces it: node_publish_plan, or a move
	struct plan *plan;           // the same for control threads, which hold plan_lock; the older one during a move
	struct plan *nothing;        // followed while parts are joined anew
	struct operator **operators; // [plan->operator_count]; who replaces them holds move_lock too
	struct instance **instances; // [plan->instance_count], each cache-line aligned
	struct snapshot *snapshots;  // [plan->instance_count]
	struct channel_ring *channels; // [plan->channel_count]
	struct schedule *schedules;    // [plan->worker_count]
	struct worker *workers;        // [plan->worker_count]
	unsigned worker_count;
	unsigned operator_count, instance_count; // of the plan
	_Atomic unsigned unfinished;             // instances; workers: rw
	bool is_resident;                        // started without pipelines: it ends when told to, whatever it ran
	bool takes_changes; // has a controller: its workers end together, since one without work may be given some
	bool is_restored;   // it is being made from a snapshot
	bool is_changing;   // its plan: no worker ends; move_lock held

	struct rte_mempool *packets, *records;               // records: atomic
	struct rte_mempool *retired[NODE_POOLS_RETIRED_MAX]; // pools of records that were too small, until all are back
	unsigned retired_count, pools_made;
	struct uplink *uplink;     // or NULL
	struct link_switch *links; // or NULL: no pipeline of it runs on several nodes

	_Atomic bool stopping;         // manager: wo, workers: ro
	_Atomic unsigned workers_done; // workers: rw
	int done_fd;                   // eventfd, readable once all workers are done
	_Atomic bool failed;           // something a person must know of went wrong: exit 1
	_Atomic uint64_t copies_failed, records_failed;
	_Atomic uint64_t settings;     // how often options changed while running; settings_lock held: w, workers: r
	pthread_mutex_t settings_lock; // who changes live options, or takes them over, holds it
	pthread_mutex_t plan_lock;     // control threads hold it while they look at the plan, and to free one
	struct move_figures moves;     // plan_lock held
	pthread_mutex_t change_lock;   // who changes the plan holds it all the while
	struct node_change *change;    // being made (node_apply.h); uplink's thread
	struct node_config *merged;    // of the plan, once something was applied or removed; change_lock held
	struct gone *gone;             // plan_lock held
	_Atomic uint64_t plan_changes; // how often other operators or streams came; change_lock held: w
	struct applied *applied;       // what was applied, the last first; change_lock held
	struct move *move;             // move_lock held
	pthread_mutex_t move_lock;     // never for long: workers take it as they end
	pthread_mutex_t snapshot_lock; // control threads take turns at asking workers for figures
};

// Set up everything the plan needs. The EAL runs already.
//   return  0 or a negative errno, after a message on standard error
int node_init(struct node *node, const struct node_config *config, struct plan *plan);
// Undo; also after a failed node_init. The workers have ended.
void node_fini(struct node *node);

// Make workers follow `plan`, wait until none reads the old one, and return that.
//   thread  a control thread, with change_lock held
struct plan *node_publish_plan(struct node *node, struct plan *plan);

// Ask the sources to end; the workers drain and return.
void node_stop(struct node *node);
bool node_is_done(const struct node *node);
// Whether a worker that has nothing left to do may end: not while key groups move. If so, no move begins any more.
//   thread  that worker
bool node_worker_may_end(struct node *node, struct worker *worker);
// A worker ends.
//   thread  that worker, as its last act on the node
void node_worker_done(struct node *node);

// Have every worker copy its figures (in one of its loops, so that they are consistent) into instance snapshots.
// Waits 200 ms at most; a worker that did not answer keeps its last copy, whole, until node_snapshot_end.
//   return  with snapshot_lock and the workers' figures_lock held; node_snapshot_end releases them
void node_snapshot_begin(struct node *node);
void node_snapshot_end(struct node *node);

// From here on no worker ends, so that all come to follow another plan.
//   return  false: one has ended, the node is ending
bool node_begin_change(struct node *node);
void node_end_change(struct node *node);
// How many instances have yet to finish. No worker follows a plan with instances.
void node_count_unfinished(struct node *node);
// An instance has finished.
//   thread  its worker
void node_note_finished(struct node *node);

void node_count_copy_failed(struct node *node);
struct link_switch *node_links(const struct node *node);
void node_set_uplink(struct node *node, struct uplink *uplink);
