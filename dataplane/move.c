// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/move.h"

#include "dataplane/node.h"
#include "dataplane/rcu.h"

static void wake_all(const struct node *node) {
	for (unsigned i = 0; i < node->worker_count; i++)
		worker_wake(&node->workers[i]);
}

static void publish(struct move *move, struct plan *plan) {
	rcu_publish(&move->node->published, plan);
}

// Whether a worker's instance is one of the operator whose groups move.
static bool is_of(const struct move *move, const struct instance *instance) {
	return instance->op == move->node->operators[move->op];
}

static bool is_route_to(const struct move *move, const struct route *route) {
	return route->hold.tuples != NULL && is_of(move, route->targets[0].callee);
}

// The next of a worker's routes by which groups move; begin with `entry`, `output` and `route` 0.
struct route_cursor {
	unsigned entry, output, route;
};

static struct route *next_route(const struct worker *worker, struct route_cursor *at, struct schedule_entry **entry) {
	const struct schedule *schedule = worker->schedule;
	for (; at->entry < schedule->entry_count; at->entry++, at->output = 0) {
		*entry = &schedule->entries[at->entry];
		for (; at->output < OPERATOR_OUTPUTS_MAX; at->output++, at->route = 0)
			while (at->route < (*entry)->route_counts[at->output]) {
				struct route *route = &(*entry)->routes[at->output][at->route++];
				if (is_route_to(worker->move, route))
					return route;
			}
	}
	return NULL;
}

// Who has seen all its input can hand nothing over any more, or would be handed what it can't emit.
static bool has_finished_instance(const struct worker *worker) {
	for (unsigned i = 0; i < worker->schedule->entry_count; i++) {
		const struct instance *instance = worker->schedule->entries[i].instance;
		if (is_of(worker->move, instance) && instance->finished)
			return true;
	}
	return false;
}

static bool do_mark(struct worker *worker) {
	struct move *move = worker->move;
	struct route_cursor at = {0};
	struct schedule_entry *entry;
	for (struct route *route; (route = next_route(worker, &at, &entry)) != NULL;) {
		route->owners = move->between->operators[move->op].owners;
		for (unsigned i = 0; i < route->target_count; i++)
			if (route->targets[i].ring != NULL)
				ring_mark(route->targets[i].ring);
	}
	if (has_finished_instance(worker))
		atomic_store_explicit(&move->is_unwanted, true, memory_order_relaxed);
	return true;
}

// Whether all that came before the markers was handled; what comes by a call was at once.
static bool do_drain(struct worker *worker) {
	for (unsigned i = 0; i < worker->schedule->entry_count; i++) {
		const struct schedule_entry *entry = &worker->schedule->entries[i];
		if (!is_of(worker->move, entry->instance))
			continue;
		if (entry->instance->backlog)
			return false;
		for (unsigned r = 0; r < entry->ring_input_count; r++)
			if (!ring_has_passed_marker(entry->ring_inputs[r].ring))
				return false;
	}
	return true;
}

static void hand_over(struct worker *worker, bool enters) {
	const struct move *move = worker->move;
	const uint16_t *before = move->before->operators[move->op].owners;
	const uint16_t *after = move->after->operators[move->op].owners;
	for (unsigned i = 0; i < worker->schedule->entry_count; i++) {
		struct instance *instance = worker->schedule->entries[i].instance;
		void (*hook)(struct instance *, unsigned) =
			enters ? instance->type->group_enter : instance->type->group_leave;
		if (!is_of(move, instance) || hook == NULL)
			continue;
		for (unsigned group = 0; group < KEY_GROUPS; group++)
			if (before[group] != after[group] && (enters ? after : before)[group] == instance->index)
				hook(instance, group);
	}
}

static bool do_leave(struct worker *worker) {
	hand_over(worker, false);
	return true;
}

static bool do_enter(struct worker *worker) {
	hand_over(worker, true);
	return true;
}

// Tuples for which there is room wherever they may go.
static unsigned room_beyond(const struct route *route) {
	unsigned room = BATCH_MAX;
	for (unsigned i = 0; i < route->target_count; i++) {
		const struct target *target = &route->targets[i];
		unsigned there =
			target->ring != NULL ? ring_room(target->ring) : schedule_room(target->callee->schedule);
		room = RTE_MIN(room, there);
	}
	return room;
}

//   return  true if nothing is held any more: from here on the route follows the plan
static bool release_route(struct worker *worker, struct route *route) {
	const struct move *move = worker->move;
	const uint16_t *owners = worker->plan->operators[move->op].owners;
	while (hold_count(&route->hold) > 0) {
		struct batch batch;
		unsigned room = room_beyond(route);
		// Else the sources would take up all room that comes.
		route->hold.is_closed = room == 0;
		if (room == 0)
			return false;
		hold_take(&route->hold, &batch, room);
		atomic_fetch_add_explicit(&worker->move->held, batch.count, memory_order_relaxed);
		route->owners = owners;
		channel_send_held(route, &batch);
		// What comes while older ones are held has to wait behind them.
		route->owners = move->between->operators[move->op].owners;
	}
	route->owners = owners;
	return true;
}

static bool do_release(struct worker *worker) {
	struct route_cursor at = {0};
	struct schedule_entry *entry;
	bool is_done = worker->plan != worker->move->between;
	for (struct route *route; is_done && (route = next_route(worker, &at, &entry)) != NULL;)
		is_done = release_route(worker, route);
	return is_done;
}

static bool has_part(const struct worker *worker, unsigned phase) {
	const struct move *move = worker->move;
	return phase == MOVE_DRAIN || phase == MOVE_LEAVE ? move->leaves[worker->index]
	       : phase == MOVE_ENTER                      ? move->enters[worker->index]
							  : true;
}

// The last part of a phase is done.
static void end_phase(struct move *move, unsigned phase) {
	const struct node *node = move->node;
	unsigned next = phase + 1;
	if (phase == MOVE_MARK && atomic_load_explicit(&move->is_unwanted, memory_order_relaxed)) {
		publish(move, move->back);
		next = MOVE_RELEASE;
	} else if (phase == MOVE_DRAIN) {
		// Unless it was called off meanwhile.
		if (!atomic_compare_exchange_strong(&move->phase, &phase, next))
			return;
		wake_all(node);
		return;
	} else if (phase == MOVE_ENTER) {
		publish(move, move->after);
	} else if (phase == MOVE_RELEASE) {
		move->ended_ns = clock_monotonic_ns();
	}
	atomic_store_explicit(&move->phase, next, memory_order_release);
	// From here on the move may be gone.
	if (phase != MOVE_RELEASE)
		wake_all(node);
}

void move_step(struct worker *worker) {
	static bool (*const parts[MOVE_PHASES])(struct worker *) = {
		[MOVE_MARK] = do_mark,
		[MOVE_DRAIN] = do_drain,
		[MOVE_LEAVE] = do_leave,
		[MOVE_ENTER] = do_enter,
		[MOVE_RELEASE] = do_release,
	};
	struct move *move = worker->move;
	for (;;) {
		unsigned phase = atomic_load_explicit(&move->phase, memory_order_acquire);
		if (phase < worker->move_phase || !has_part(worker, phase) || !parts[phase](worker))
			return;
		worker->move_phase = phase + 1;
		bool is_last_part = phase == MOVE_RELEASE;
		if (is_last_part)
			worker->move = NULL;
		if (atomic_fetch_sub_explicit(&move->left[phase], 1, memory_order_acq_rel) == 1)
			end_phase(move, phase);
		if (is_last_part)
			return;
	}
}

bool move_keeps(const struct move *move, const struct schedule_entry *entry) {
	return is_of(move, entry->instance) || schedule_holds(entry);
}

void move_call_off(struct move *move) {
	unsigned phase = MOVE_DRAIN;
	atomic_store_explicit(&move->is_unwanted, true, memory_order_relaxed); // for the end of MOVE_MARK
	if (!atomic_compare_exchange_strong(&move->phase, &phase, MOVE_RELEASE))
		return;
	// Workers begin to release once they follow another plan than the one between.
	publish(move, move->back);
	wake_all(move->node);
}
