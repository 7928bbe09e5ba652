// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/worker.h"

#include <errno.h>

#include <rte_lcore.h>

#include "dataplane/latency.h"
#include "dataplane/move.h"
#include "dataplane/node.h"
#include "dataplane/node_set.h"
#include "dataplane/rcu.h"
#include "dataplane/share.h"

// Event time moves on in steps of at least this much for ticks: expiry and windows are no finer.
enum { TICK_NS = 4000 * 1000 };

int worker_init(struct worker *worker, struct node *node, unsigned index, unsigned lcore) {
	*worker = (struct worker){.index = index, .lcore = lcore, .node = node};
	pthread_mutex_init(&worker->figures_lock, NULL);
	return idle_init(&worker->idle, node->config->idle == IDLE_BUSY);
}

void worker_fini(struct worker *worker) {
	idle_fini(&worker->idle);
	pthread_mutex_destroy(&worker->figures_lock);
}

void worker_wake(struct worker *worker) {
	idle_wake(&worker->idle);
}

// Follow a plan: from now on the instances' outputs lead where its channels do.
static void adopt_plan(struct worker *worker, const struct plan *plan) {
	worker->plan = plan;
	worker->plan_version = plan->version;
	worker->schedule = plan->instance_count > 0 ? &worker->node->schedules[worker->index] : &worker->nothing;
	if (worker->move == NULL) {
		worker->move = plan->move;
		worker->move_phase = MOVE_MARK;
	}
	for (unsigned i = 0; i < worker->schedule->entry_count; i++) {
		struct schedule_entry *entry = &worker->schedule->entries[i];
		for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++) {
			entry->instance->outputs[o].route_count = entry->route_counts[o];
			entry->instance->outputs[o].routes = entry->routes[o];
		}
	}
}

// Whether tuples that the entry's instance sent have yet to reach who they are for.
static bool is_holding(const struct worker *worker, const struct schedule_entry *entry) {
	return worker->move != NULL && schedule_holds(entry);
}

static bool has_pace(const struct instance *instance, enum instance_pace pace) {
	return atomic_load_explicit(&instance->pace, memory_order_acquire) == pace;
}

static unsigned poll_source(struct worker *worker, struct schedule_entry *entry) {
	struct instance *source = entry->instance;
	unsigned room = schedule_room(entry);
	if (room == 0) {
		source->counters.blocked++;
		return 0;
	}
	source->stopping = node_is_stopping(worker->node) || has_pace(source, INSTANCE_LEAVES);
	latency_since = rte_rdtsc();
	unsigned taken = source->type->poll(source, room);
	channel_flush(source);
	if (entry->share != NULL)
		share_take(entry->share, taken, room);
	return taken;
}

static unsigned poll_ring(struct schedule_entry *entry, struct ring_input *input) {
	unsigned room = schedule_room(entry);
	if (room == 0) {
		entry->instance->counters.blocked++;
		return 0;
	}
	struct batch batch;
	struct ring_reading reading = ring_dequeue(input->ring, batch.tuples, room);
	batch.count = reading.count;
	batch.input = input->input;
	batch_load(&batch);
	latency_since = reading.since;
	if (batch.count > 0)
		channel_call(entry->instance, &batch);
	if (reading.drained)
		input->watermark_ns = reading.watermark_ns;
	input->finished = reading.finished;
	if (entry->share != NULL)
		share_take(entry->share, reading.count, room);
	return reading.count;
}

// Whether tuples may come by an input. What stays is not ended by what leaves the plan, and what leaves does not wait
// for what stays, which brings nothing any more.
static bool is_open(const struct instance *producer, bool is_finished, bool leaves) {
	bool is_alike = has_pace(producer, INSTANCE_LEAVES) == leaves;
	return is_alike ? !is_finished : !leaves;
}

// The least watermark among the inputs that may still bring tuples; of the last ones, where none may.
//   return  true if no input is left
static bool advance_watermark(struct schedule_entry *entry) {
	uint64_t least = UINT64_MAX, greatest = 0;
	unsigned open = 0;
	bool leaves = has_pace(entry->instance, INSTANCE_LEAVES);
	for (unsigned i = 0; i < entry->ring_input_count; i++) {
		const struct ring_input *input = &entry->ring_inputs[i];
		greatest = RTE_MAX(greatest, input->watermark_ns);
		if (is_open(input->producer, input->finished, leaves)) {
			open++;
			least = RTE_MIN(least, input->watermark_ns);
		}
	}
	for (unsigned i = 0; i < entry->call_input_count; i++) {
		const struct instance *input = entry->call_inputs[i];
		greatest = RTE_MAX(greatest, input->schedule->told_ns);
		if (is_open(input, input->finished, leaves)) {
			open++;
			least = RTE_MIN(least, input->schedule->told_ns);
		}
	}
	uint64_t watermark = open > 0 ? least : greatest;
	if (watermark > entry->instance->watermark_ns && !entry->instance->backlog)
		entry->instance->watermark_ns = watermark;
	return open == 0;
}

// Event time of files runs as fast as they are read: while something that it made due waits, nothing more is taken in,
// or what is due would come ever later. Live sources go on, lest packets be lost.
static void find_who_is_behind(struct schedule *schedule) {
	for (unsigned i = 0; i < schedule->entry_count; i++)
		schedule->entries[i].is_behind = schedule->entries[i].backlog && !schedule->entries[i].is_live;
	for (unsigned i = schedule->entry_count; i-- > 0;) {
		const struct schedule_entry *entry = &schedule->entries[i];
		for (unsigned c = 0; entry->is_behind && c < entry->call_input_count; c++)
			entry->call_inputs[c]->schedule->is_behind = true;
	}
}

// A sink that is to come to rest: no time passes that would have it look at what it still holds.
//   return  1 if it holds some, else 0
static unsigned settle(struct instance *sink) {
	if (sink->counters.held == 0 || sink->type->outputs != NULL || sink->type->tick == NULL)
		return 0;
	sink->type->tick(sink, BATCH_MAX);
	return 1;
}

//   return  1 if there is more to do at this time, and room for it; else 0
static unsigned tick(struct schedule_entry *entry) {
	struct instance *instance = entry->instance;
	if (instance->type->tick == NULL)
		return 0;
	if (!entry->backlog && !instance->backlog && instance->watermark_ns - entry->ticked_ns < TICK_NS)
		return 0;
	unsigned room = schedule_room_to_emit(entry);
	if (room == 0)
		return 0;
	entry->ticked_ns = instance->watermark_ns;
	if (!entry->backlog && !instance->backlog)
		instance->due = rte_rdtsc();
	latency_since = instance->due;
	entry->backlog = instance->type->tick(instance, room);
	channel_flush(instance);
	return entry->backlog;
}

// No input is left: let the instance emit what it holds, as room allows. It has finished once all is out.
//   return  1 if something was done, 0 without room, or where a sink's receiver took nothing: the worker may sleep
static unsigned finish(struct worker *worker, struct schedule_entry *entry) {
	struct instance *instance = entry->instance;
	if (worker->move != NULL && move_keeps(worker->move, entry))
		return 0;
	bool more = entry->backlog;
	unsigned room = schedule_room_to_emit(entry);
	uint64_t held = instance->counters.held;
	if (!more && instance->type->flush != NULL) {
		if (room == 0)
			return 0;
		bool is_told = node_is_stopping(worker->node) || has_pace(instance, INSTANCE_LEAVES);
		enum end_of_stream why = is_told ? END_OF_SHUTDOWN : END_OF_INPUT;
		latency_since = 0;
		more = instance->type->flush(instance, why, room);
		channel_flush(instance);
	}
	instance->finished = !more && !is_holding(worker, entry);
	if (instance->finished) {
		worker->schedule->unfinished--;
		node_note_finished(worker->node);
	}
	bool waits = instance->type->outputs == NULL && instance->counters.held == held;
	return (room > 0 && !waits) || instance->finished;
}

//   return  since when time is to be charged
static uint64_t begin_shares(struct schedule *schedule) {
	if (schedule->share_count == 0)
		return 0;
	shares_begin(schedule->shares, schedule->share_count);
	return rte_rdtsc();
}

//   return  now
static uint64_t charge(struct share *share, uint64_t since) {
	uint64_t now = rte_rdtsc();
	share_charge(share, now - since);
	return now;
}

// Poll, pass time on, and finish what has no input left. Entries are in topological order, so time and endings pass
// through a chain in one round.
//   return  tuples taken in, plus one for each other kind of progress
static unsigned run_round(struct worker *worker) {
	struct schedule *schedule = worker->schedule;
	unsigned moved = 0;
	bool had_backlog = schedule->has_backlog;
	if (had_backlog)
		find_who_is_behind(schedule);
	schedule->has_backlog = false;
	uint64_t charged = begin_shares(schedule);
	for (unsigned i = 0; i < schedule->entry_count; i++) {
		struct schedule_entry *entry = &schedule->entries[i];
		struct instance *instance = entry->instance;
		if (instance->finished)
			continue;
		bool ended = false, waits = entry->share != NULL && entry->share->waits;
		const unsigned moved_before = moved;
		bool takes_in = !waits && (!had_backlog || !entry->is_behind);
		bool pauses = has_pace(instance, INSTANCE_PAUSES);
		if (instance->type->poll == NULL) {
			for (unsigned r = 0; takes_in && r < entry->ring_input_count; r++)
				if (!entry->ring_inputs[r].finished)
					moved += poll_ring(entry, &entry->ring_inputs[r]);
			ended = advance_watermark(entry);
		} else if (takes_in && !pauses) {
			moved += poll_source(worker, entry);
			ended = instance->finished;
			instance->finished = false;
		}
		bool held_time = instance->backlog;
		if (!pauses || entry->backlog || instance->backlog)
			moved += tick(entry);
		else
			moved += settle(instance);
		if (held_time && !instance->backlog)
			advance_watermark(entry); // now: who has some to emit after each batch would hold it for ever
		schedule->has_backlog |= entry->backlog;
		if (!instance->type->tells_watermark)
			instance->told_ns = instance->watermark_ns;
		if (!is_holding(worker, entry))
			entry->told_ns = instance->told_ns;
		if (ended && !pauses)
			moved += finish(worker, entry);
		if (entry->share != NULL && (!waits || moved > moved_before)) // to be looked at is free
			charged = charge(entry->share, charged);
	}
	return moved;
}

// Tell the other ends of this worker's rings what happened in this round.
static void signal_rings(struct schedule *schedule) {
	for (unsigned i = 0; i < schedule->ring_output_count; i++) {
		struct ring_output *output = &schedule->ring_outputs[i];
		const struct instance *producer = output->producer;
		uint64_t told_ns = producer->schedule->told_ns;
		if (told_ns != output->watermark_ns) {
			output->watermark_ns = told_ns;
			ring_set_watermark(output->ring, told_ns);
		}
		if (producer->finished && !output->closed) {
			output->closed = true;
			ring_close(output->ring);
			output->ring->kick = true;
		}
		if (output->ring->kick) {
			output->ring->kick = false;
			worker_wake(output->consumer);
		}
	}
}

static void copy_figures(struct worker *worker) {
	for (unsigned i = 0; i < worker->schedule->entry_count; i++) {
		struct schedule_entry *entry = &worker->schedule->entries[i];
		const struct instance *instance = entry->instance;
		struct snapshot *copy = &worker->node->snapshots[entry->number];
		copy->counters = instance->counters;
		copy->watermark_ns = instance->watermark_ns;
		copy->finished = instance->finished;
		copy->has_more = instance->backlog || entry->backlog;
		memcpy(copy->gauges, instance->gauges, sizeof(copy->gauges));
		for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++)
			for (unsigned r = 0; r < entry->route_counts[o]; r++)
				channel_copy_figures(&entry->routes[o][r]);
	}
}

static void answer_snapshot(struct worker *worker) {
	uint64_t asked = atomic_load_explicit(&worker->snapshot_asked, memory_order_acquire);
	if (asked == atomic_load_explicit(&worker->snapshot_made, memory_order_relaxed))
		return;
	node_take_settings(worker->node, worker);
	if (pthread_mutex_trylock(&worker->figures_lock) != 0)
		return; // late: the last copies are being read
	copy_figures(worker);
	atomic_store_explicit(&worker->snapshot_made, asked, memory_order_release);
	pthread_mutex_unlock(&worker->figures_lock);
}

static void leave_figures(struct worker *worker) {
	pthread_mutex_lock(&worker->figures_lock);
	copy_figures(worker);
	atomic_store_explicit(&worker->snapshot_made, UINT64_MAX, memory_order_release);
	pthread_mutex_unlock(&worker->figures_lock);
}

static bool is_over(const struct worker *worker) {
	const struct node *node = worker->node;
	if (worker->schedule->unfinished > 0)
		return false;
	if (atomic_load_explicit(&node->stopping, memory_order_relaxed))
		return !node->takes_changes || atomic_load_explicit(&node->unfinished, memory_order_relaxed) == 0;
	// A node that runs nothing, or was started so, waits for its part.
	if (node->is_resident || worker->plan->instance_count == 0)
		return false;
	return !node->takes_changes || atomic_load_explicit(&node->unfinished, memory_order_relaxed) == 0;
}

int worker_run(void *argument) {
	struct worker *worker = argument;
	rcu_register_thread();
	for (bool over = false; !over;) {
		const struct plan *plan = rcu_read(&worker->node->published);
		// By version: a plan may lie where one lay that was freed while this worker slept.
		if (plan->version != worker->plan_version)
			adopt_plan(worker, plan);
		unsigned moved = run_round(worker);
		if (worker->move != NULL)
			move_step(worker);
		signal_rings(worker->schedule);
		answer_snapshot(worker);
		over = is_over(worker) && node_worker_may_end(worker->node, worker);
		if (moved > 0)
			idle_reset(&worker->idle);
		else if (!over)
			worker_wait(worker);
		rcu_pass_quiescent_state(&worker->node->published); // the plan may be gone from here on
	}
	leave_figures(worker);
	rcu_unregister_thread();
	node_worker_done(worker->node);
	return 0;
}
