// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schedules: a plan resolved to pointers, one worker's part of it. Besides what to poll it knows, for every instance,
// which rings and waiting sinks its tuples can end up in, so that room is reserved before input is taken: a batch is
// never half emitted.
#pragma once

#include "dataplane/channel.h"
#include "dataplane/plan.h"

struct node;
struct share;

// Where tuples of an instance end up after direct calls: in rings, in sinks that take only so many, and in holds. And
// how many tuples one of its tuples can become there.
struct reach {
	unsigned end_count;
	struct reach_end {
		struct ring *ring;       // or
		const struct hold *hold; // or
		struct instance *sink;   // its type has a `room`
		unsigned multiplicity;
	} * ends;
};

struct ring_input {
	struct ring *ring;
	const struct instance *producer;
	unsigned input; // of the instance's type
	uint64_t watermark_ns;
	bool finished;
};

// What the engine knows of one instance on this worker.
struct schedule_entry {
	struct instance *instance;
	unsigned number; // of the instance in the plan
	struct reach reach;
	struct share *share; // its pipeline's; NULL: the worker has no other
	bool keeps;          // tuples that are lent to it may go on to who does not borrow
	bool writes;         // it, or who gets its input from it, writes to the tuples that it gets
	unsigned ring_input_count;
	struct ring_input *ring_inputs;
	unsigned call_input_count;
	struct instance **call_inputs; // instances on this worker that call it
	unsigned route_counts[OPERATOR_OUTPUTS_MAX];
	struct route *routes[OPERATOR_OUTPUTS_MAX];
	uint64_t ticked_ns; // watermark of the last tick
	bool backlog;       // the last tick had more to do
	bool is_live;       // of a pipeline with a live source, which does not wait
	bool is_behind;     // it, or who gets its input from it by calls, has a backlog
	// What those that it feeds know of its time (instance.told_ns): stays while tuples that it sent are held, so
	// that time never overtakes them.
	uint64_t told_ns;
};

struct ring_output {
	struct ring *ring;
	struct instance *producer;
	struct worker *consumer;
	uint64_t watermark_ns; // last told
	bool closed;
};

struct schedule {
	unsigned entry_count;
	struct schedule_entry *entries; // upstream before downstream
	unsigned ring_output_count;
	struct ring_output *ring_outputs;
	unsigned unfinished; // instances
	bool has_backlog;    // an entry had one in the last round
	unsigned share_count;
	struct share *shares; // [share_count] of the plan's pipelines, where more than one has an instance here
};

// Resolve the plan for all workers of the node: fills node->schedules and the routes of every instance.
//   node    operators, instances, rings and workers exist
//   return  0; -ENOMEM; -EINVAL after a message: a ring too small for what one tuple can become
int schedule_build(struct node *node, const struct plan *plan);
void schedule_free(struct schedule *schedule);

// Whether the tuples of an operator come with hashes of its key already, so that the engine makes none.
//   to  index into the pipeline's operators
bool schedule_takes_hashes(const struct pipeline *pipeline, unsigned to);

static inline unsigned schedule_end_room(const struct reach_end *end) {
	if (end->ring != NULL)
		return ring_room(end->ring);
	return end->hold != NULL ? hold_room(end->hold) : end->sink->type->room(end->sink);
}

// Tuples that may be taken in for this entry without anything overflowing.
//   return  0..BATCH_MAX
static inline unsigned schedule_room(const struct schedule_entry *entry) {
	unsigned room = BATCH_MAX;
	for (unsigned i = 0; i < entry->reach.end_count; i++) {
		const struct reach_end *end = &entry->reach.ends[i];
		unsigned there = schedule_end_room(end);
		if (there / end->multiplicity < room)
			room = there / end->multiplicity;
	}
	return room;
}

// The same for tuples that it emits by itself: one that takes in nothing because it still has some to emit has to be
// let emit them.
static inline unsigned schedule_room_to_emit(const struct schedule_entry *entry) {
	const struct operator_type *type = entry->instance->type;
	unsigned room = BATCH_MAX;
	if (type->room == NULL || type->outputs == NULL)
		return schedule_room(entry);
	for (unsigned i = 0; i < entry->reach.end_count; i++) {
		const struct reach_end *end = &entry->reach.ends[i];
		if (end->sink == entry->instance)
			continue;
		room = RTE_MIN(room, schedule_end_room(end) / end->multiplicity);
	}
	return room;
}

// Whether tuples that it sent are held.
static inline bool schedule_holds(const struct schedule_entry *entry) {
	for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++)
		for (unsigned r = 0; r < entry->route_counts[o]; r++)
			if (hold_count(&entry->routes[o][r].hold) > 0)
				return true;
	return false;
}
