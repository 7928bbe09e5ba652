// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/control_thread.h"

#include <signal.h>
#include <stdlib.h>

#include <rte_lcore.h>

int control_thread_new(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int ret = -abs(rte_ctrl_thread_create(thread, name, NULL, run, argument));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}
