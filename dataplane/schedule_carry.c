// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/schedule_carry.h"

static void carry_inputs(struct schedule_entry *to, const struct schedule_entry *from) {
	for (unsigned i = 0; i < to->ring_input_count; i++)
		for (unsigned j = 0; j < from->ring_input_count; j++)
			if (to->ring_inputs[i].ring == from->ring_inputs[j].ring) {
				to->ring_inputs[i].watermark_ns = from->ring_inputs[j].watermark_ns;
				to->ring_inputs[i].finished = from->ring_inputs[j].finished;
			}
}

static void carry_targets(struct route *to, const struct route *from) {
	for (unsigned i = 0; i < to->target_count; i++)
		for (unsigned j = 0; j < from->target_count; j++)
			if (to->targets[i].callee == from->targets[j].callee) {
				to->targets[i].sent = from->targets[j].sent;
				to->targets[i].called = from->targets[j].called;
				to->targets[i].called_snapshot = from->targets[j].called_snapshot;
			}
}

static void carry_routes(struct schedule_entry *to, struct schedule_entry *from, unsigned output) {
	for (unsigned i = 0; i < to->route_counts[output]; i++)
		for (unsigned j = 0; j < from->route_counts[output]; j++) {
			struct route *next = &to->routes[output][i], *last = &from->routes[output][j];
			if (next->targets[0].callee->op != last->targets[0].callee->op || next->input != last->input)
				continue;
			carry_targets(next, last);
			if (next->loads != NULL && last->loads != NULL) {
				uint64_t *loads = next->loads;
				next->loads = last->loads;
				last->loads = loads;
			}
		}
}

static void carry_entry(struct schedule *schedule, struct schedule_entry *to, struct schedule_entry *from) {
	to->told_ns = from->told_ns;
	to->ticked_ns = from->ticked_ns;
	to->backlog = from->backlog;
	schedule->has_backlog |= to->backlog;
	carry_inputs(to, from);
	for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++)
		carry_routes(to, from, o);
}

static void carry_outputs(struct schedule *to, const struct schedule *from) {
	for (unsigned i = 0; i < to->ring_output_count; i++)
		for (unsigned j = 0; j < from->ring_output_count; j++)
			if (to->ring_outputs[i].ring == from->ring_outputs[j].ring) {
				to->ring_outputs[i].watermark_ns = from->ring_outputs[j].watermark_ns;
				to->ring_outputs[i].closed = from->ring_outputs[j].closed;
			}
}

//   return  the entry of an instance; NULL: it has none
static struct schedule_entry *find(struct schedule *schedules, unsigned worker_count, const struct instance *instance) {
	for (unsigned w = 0; w < worker_count; w++)
		for (unsigned i = 0; i < schedules[w].entry_count; i++)
			if (schedules[w].entries[i].instance == instance)
				return &schedules[w].entries[i];
	return NULL;
}

static bool has_input(const struct schedule_entry *entry) {
	bool has = false;
	for (unsigned i = 0; i < entry->ring_input_count; i++)
		has |= !entry->ring_inputs[i].producer->finished;
	for (unsigned i = 0; i < entry->call_input_count; i++)
		has |= !entry->call_inputs[i]->finished;
	return has;
}

// Who had finished because nothing led to it any more, and gets input again.
//   return  false: there is none
static bool resume(struct schedule *schedule) {
	bool has_any = false;
	for (unsigned i = 0; i < schedule->entry_count; i++) {
		struct schedule_entry *entry = &schedule->entries[i];
		if (!entry->instance->finished || !has_input(entry))
			continue;
		entry->instance->finished = false;
		schedule->unfinished++;
		has_any = true;
	}
	return has_any;
}

static void reopen_rings(struct schedule *schedule) {
	for (unsigned i = 0; i < schedule->ring_output_count; i++) {
		struct ring_output *output = &schedule->ring_outputs[i];
		if (!output->closed || output->producer->finished)
			continue;
		output->closed = false;
		ring_reopen(output->ring);
	}
	for (unsigned i = 0; i < schedule->entry_count; i++)
		for (unsigned r = 0; r < schedule->entries[i].ring_input_count; r++) {
			struct ring_input *input = &schedule->entries[i].ring_inputs[r];
			input->finished &= input->producer->finished;
		}
}

void schedule_carry(struct schedule *to, struct schedule *from, unsigned worker_count) {
	for (unsigned w = 0; from != NULL && w < worker_count; w++) {
		for (unsigned i = 0; i < to[w].entry_count; i++) {
			struct schedule_entry *before = find(from, worker_count, to[w].entries[i].instance);
			if (before != NULL)
				carry_entry(&to[w], &to[w].entries[i], before);
		}
		for (unsigned v = 0; v < worker_count; v++)
			carry_outputs(&to[w], &from[v]);
	}
	for (bool has_any = true; has_any;) {
		has_any = false;
		for (unsigned w = 0; w < worker_count; w++)
			has_any |= resume(&to[w]);
	}
	for (unsigned w = 0; w < worker_count; w++)
		reopen_rings(&to[w]);
}

void schedule_restore(struct schedule *schedules, unsigned worker_count) {
	for (unsigned w = 0; schedules != NULL && w < worker_count; w++)
		for (unsigned i = 0; i < schedules[w].entry_count; i++)
			schedules[w].entries[i].instance->schedule = &schedules[w].entries[i];
}
