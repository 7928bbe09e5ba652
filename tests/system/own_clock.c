// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Preloaded into a program, it gives that program clocks of its own:
//
//   WEIR_TEST_CLOCK=FILE     an int64_t in it says by how many nanoseconds the wall clock is ahead of the machine's.
//                            Whoever writes the file sets the clock while the program runs; monotonic time goes on
//   WEIR_TEST_CLOCK_SPEED=N  optional: wall clock and monotonic time run N times as fast, and what waits in poll or
//                            epoll_wait is woken as much earlier
//
// libfaketime does more, and too much: it looks symbols up at the first call, which allocates, and AddressSanitizer's
// allocator asks for the time while it holds its lock; and it leaves files in /dev/shm where a program is killed.
// Nothing here allocates or calls what a sanitizer intercepts.
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

// The mapped file; where several threads map it at once, the last one's stays.
static int64_t ahead_ns(void) {
	static const _Atomic int64_t *_Atomic mapped;
	const _Atomic int64_t *ahead = atomic_load(&mapped);
	if (ahead != NULL)
		return atomic_load(ahead);
	const char *path = getenv("WEIR_TEST_CLOCK");
	long fd = path != NULL ? syscall(SYS_openat, (long)AT_FDCWD, path, (long)(O_RDONLY | O_CLOEXEC)) : -1;
	// All arguments as wide as registers: the last one is on the stack, with whatever is beside it.
	long memory = syscall(SYS_mmap, NULL, sizeof(*ahead), (long)PROT_READ, (long)MAP_SHARED, fd, 0L);
	// A test whose clock can't be set must not look as if it could.
	if (fd < 0 || memory == -1)
		abort();
	syscall(SYS_close, fd);
	ahead = (const void *)memory;
	atomic_store(&mapped, ahead);
	return atomic_load(ahead);
}

static int64_t speed(void) {
	const char *text = getenv("WEIR_TEST_CLOCK_SPEED");
	int64_t value = text != NULL ? strtol(text, NULL, 10) : 1;
	return value > 0 ? value : 1;
}

static int64_t machine_ns(clockid_t clock) {
	struct timespec now;
	if (syscall(SYS_clock_gettime, clock, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

// A clock that runs faster from its first reading on.
static int64_t hurried_ns(clockid_t clock) {
	static _Atomic int64_t starts[2];
	_Atomic int64_t *start = &starts[clock == CLOCK_MONOTONIC];
	int64_t now = machine_ns(clock), first = 0;
	if (atomic_compare_exchange_strong(start, &first, now))
		return now;
	return first + (now - first) * speed();
}

// The C library's names of parameters are reserved to it.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
int clock_gettime(clockid_t clock, struct timespec *out) {
	bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	bool is_monotonic = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE;
	if (!is_wall && !is_monotonic)
		return (int)syscall(SYS_clock_gettime, clock, out);
	int64_t ns = is_wall ? hurried_ns(CLOCK_REALTIME) + ahead_ns() : hurried_ns(CLOCK_MONOTONIC);
	*out = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
	return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
	(void)zone; // obsolete; nobody asks for it
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *out) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

// A wait that is not for ever stays one of a millisecond at least.
static int shortened_ms(int timeout_ms) {
	return timeout_ms <= 0 ? timeout_ms : (int)((timeout_ms + speed() - 1) / speed());
}

int poll(struct pollfd *items, nfds_t length, int timeout_ms) {
	return (int)syscall(SYS_poll, items, length, shortened_ms(timeout_ms));
}

int epoll_wait(int epoll, struct epoll_event *events, int length, int timeout_ms) {
	return (int)syscall(SYS_epoll_wait, epoll, events, length, shortened_ms(timeout_ms));
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
