// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Read-copy update in its QSBR flavour (liburcu; McKenney and Slingwine 1998; Desnoyers et al. 2012): a worker reads
// the published plan without any lock, and passes one quiescent state per loop; whoever replaced the plan waits for all
// of them before freeing the old one.
//
// liburcu orders these by barriers in assembly, which ThreadSanitizer can't see; the two edges are told to it here, so
// that it still finds real races on what is published.
#pragma once

#include <urcu-qsbr.h>

#if defined(__SANITIZE_THREAD__)
#define RCU_TELL_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TELL_SANITIZER 1
#endif
#endif

#ifdef RCU_TELL_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

// What a published pointer orders: all that was written to the object before.
//   return  the object before
#define rcu_publish(pointer, object) ({ __atomic_exchange_n(pointer, object, __ATOMIC_ACQ_REL); })
#define rcu_read(pointer) __atomic_load_n(pointer, __ATOMIC_ACQUIRE)

// The thread holds no pointer that it read before.
//   edge    the published pointer's address: names the order to the sanitizer
//   thread  registered reader
static inline void rcu_pass_quiescent_state(void *edge) {
	__tsan_release(edge);
	rcu_quiescent_state();
}

// As above, until rcu_thread_online: for a thread about to sleep.
static inline void rcu_go_offline(void *edge) {
	__tsan_release(edge);
	rcu_thread_offline();
}

// Wait until no reader holds what was unpublished before the call.
static inline void rcu_wait_for_readers(void *edge) {
	synchronize_rcu();
	__tsan_acquire(edge);
}
