// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Threads beside the workers: they run on the CPUs that no worker has, where there are any, and take no signals.
#pragma once

#include <pthread.h>

//   name    at most 15 characters
//   return  0 or a negative errno
int control_thread_new(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);
