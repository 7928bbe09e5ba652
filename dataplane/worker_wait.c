// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a worker does that found nothing to do in a round: pause, and then sleep until one of its inputs wakes it.
#include "dataplane/node.h"
#include "dataplane/rcu.h"

// A ring that was closed is input too: the end that its consumer has yet to hear of.
static bool has_ring_input(const struct schedule *schedule) {
	for (unsigned i = 0; i < schedule->entry_count; i++) {
		const struct schedule_entry *entry = &schedule->entries[i];
		for (unsigned r = 0; r < entry->ring_input_count; r++) {
			const struct ring_input *input = &entry->ring_inputs[r];
			if (!input->finished && (ring_used(input->ring) > 0 || ring_is_closed(input->ring)))
				return true;
		}
	}
	return false;
}

// What can wake this worker besides its rings.
//   inputs   [IDLE_INPUTS_MAX] filled: the descriptors of its sources
//   polling  set: a live source has none, or no place: it must be looked at again and again
static unsigned gather_inputs(const struct worker *worker, int *inputs, bool *polling) {
	const struct schedule *schedule = worker->schedule;
	unsigned count = 0;
	*polling = worker->idle.woken_in_vain;
	for (unsigned i = 0; i < schedule->entry_count; i++) {
		const struct instance *instance = schedule->entries[i].instance;
		if (instance->type->poll == NULL || instance->finished)
			continue;
		if (instance->input_fd > 0 && count < IDLE_INPUTS_MAX)
			inputs[count++] = instance->input_fd;
		else if (instance->type->live)
			*polling = true;
	}
	return count;
}

// Whoever wakes a worker has done before what the worker is to see. Looked at once a sleep is announced: what came too
// early to end it.
static bool has_news(const struct worker *worker) {
	const struct plan *plan = rcu_read(&worker->node->published);
	return plan->version != worker->plan_version ||
	       atomic_load_explicit(&worker->snapshot_asked, memory_order_acquire) !=
		       atomic_load_explicit(&worker->snapshot_made, memory_order_relaxed);
}

void worker_wait(struct worker *worker) {
	int inputs[IDLE_INPUTS_MAX];
	bool polling;
	unsigned input_count = gather_inputs(worker, inputs, &polling);
	uint64_t longest = polling ? IDLE_SLEEP_POLL_NS : IDLE_SLEEP_MAX_NS;
	// Waiting for room, or for the last tuples: nobody will wake this worker.
	bool is_moving = worker->move != NULL;
	if (is_moving || has_ring_input(worker->schedule) || node_is_stopping(worker->node))
		longest = IDLE_SLEEP_MIN_NS;
	uint64_t sleep_ns = idle_step(&worker->idle, longest);
	if (sleep_ns == 0)
		return;
	idle_prepare(&worker->idle);
	if (has_news(worker) || (longest > IDLE_SLEEP_MIN_NS && has_ring_input(worker->schedule))) {
		idle_cancel(&worker->idle);
		return;
	}
	rcu_go_offline(&worker->node->published);
	idle_sleep(&worker->idle, sleep_ns, inputs, input_count);
	rcu_thread_online();
}
