// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/idle.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_pause.h>

static uint64_t monotonic_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int idle_init(struct idle *idle, bool busy_policy) {
	*idle = (struct idle){.busy_policy = busy_policy};
	idle->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return idle->event_fd < 0 ? -errno : 0;
}

void idle_fini(struct idle *idle) {
	if (idle->event_fd >= 0)
		close(idle->event_fd);
	idle->event_fd = -1;
}

uint64_t idle_step(struct idle *idle, uint64_t longest_ns) {
	idle->empty_loops++;
	if (idle->busy_policy || idle->empty_loops < IDLE_SPINS) {
		rte_pause();
		return 0;
	}
	uint64_t now = monotonic_ns();
	if (idle->empty_loops == IDLE_SPINS)
		idle->since_ns = now;
	uint64_t empty_ns = now - idle->since_ns;
	if (empty_ns < IDLE_PAUSE_NS) {
		// Workers may share a CPU: the one that has work should have it.
		sched_yield();
		return 0;
	}
	// A sixteenth of the silence so far: the delay it adds stays small against the gap it follows.
	uint64_t sleep_ns = empty_ns / 16;
	if (sleep_ns < IDLE_SLEEP_MIN_NS)
		sleep_ns = IDLE_SLEEP_MIN_NS;
	return sleep_ns < longest_ns ? sleep_ns : longest_ns;
}

void idle_prepare(struct idle *idle) {
	atomic_store_explicit(&idle->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void idle_cancel(struct idle *idle) {
	atomic_store_explicit(&idle->sleeping, false, memory_order_relaxed);
}

void idle_sleep(struct idle *idle, uint64_t duration_ns, const int *inputs, unsigned input_count) {
	struct pollfd events[1 + IDLE_INPUTS_MAX] = {{.fd = idle->event_fd, .events = POLLIN}};
	struct timespec limit = {
		.tv_sec = (time_t)(duration_ns / 1000000000),
		.tv_nsec = (long)(duration_ns % 1000000000),
	};
	if (idle->woken_in_vain)
		input_count = 0;
	for (unsigned i = 0; i < input_count; i++)
		events[1 + i] = (struct pollfd){.fd = inputs[i], .events = POLLIN};
	idle->woken_in_vain = false;
	if (ppoll(events, 1 + input_count, &limit, NULL) > 0) {
		uint64_t wakes;
		if (events[0].revents != 0 && read(idle->event_fd, &wakes, sizeof(wakes)) > 0)
			idle_reset(idle);
		// Unless the next loop brings something, which resets this.
		for (unsigned i = 0; i < input_count; i++)
			idle->woken_in_vain |= events[1 + i].revents != 0;
	}
	idle_cancel(idle);
}

void idle_wake(struct idle *idle) {
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&idle->sleeping, memory_order_relaxed))
		return;
	uint64_t one = 1;
	// It can only fail where the counter is full, and then the sleeper wakes anyway.
	if (write(idle->event_fd, &one, sizeof(one)) < 0)
		return;
}
