// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/clock_watch.h"

int64_t clock_watch_step(struct clock_watch *watch, uint64_t wall_ns, uint64_t mono_ns, uint64_t limit_ns) {
	int64_t step_ns = (int64_t)(wall_ns - watch->wall_ns) - (int64_t)(mono_ns - watch->mono_ns);
	if (watch->mono_ns == 0 || (step_ns < (int64_t)limit_ns && -step_ns < (int64_t)limit_ns))
		step_ns = 0;
	watch->wall_ns = wall_ns;
	watch->mono_ns = mono_ns;
	watch->steps += step_ns != 0;
	return step_ns;
}
