// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What an instance leaves to the next one of its pipeline, operator and number in this process, where a receiver knows
// it by these alone: a series of numbers goes on after its operator was removed and applied again.
//
//   thread  a control thread: init and fini of types
#pragma once

#include "dataplane/operator.h"

// Leave a copy, in the place of what was left before. Without the memory for it nothing is left.
void keepsake_leave(const struct instance *self, const void *data, size_t size);
//   data    [size] as it was left; untouched if there is nothing of that size
//   return  whether there was
bool keepsake_take(const struct instance *self, void *data, size_t size);
void keepsake_free_all(void);
