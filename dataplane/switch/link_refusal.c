// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/link_refusal.h"

#include <stdarg.h>
#include <stdio.h>

#include "dataplane/operator.h"
#include "dataplane/switch/link.h"

enum { LINES = 20 }; // of a window: anybody may knock, as often as they like
static const uint64_t WINDOW_NS = 10 * UINT64_C(1000000000);

const char *const link_refusal_names[LINK_REFUSALS] = {
	[LINK_REFUSED_UNKNOWN] = "unknown_node",
	[LINK_REFUSED_KEY] = "wrong_key",
	[LINK_REFUSED_NAME] = "wrong_name",
	[LINK_REFUSED_PLAIN] = "not_encrypted",
	[LINK_REFUSED_VERSION] = "other_version",
	[LINK_REFUSED_PLAN] = "plans_differ",
	[LINK_REFUSED_GARBAGE] = "garbage",
	[LINK_REFUSED_SILENT] = "silent",
	[LINK_REFUSED_CROWD] = "crowded_out",
};

void link_refuse(struct link_switch *links, enum link_refusal why, const char *format, ...) {
	struct link_refusals *refusals = &links->refusals;
	uint64_t now_ns = clock_monotonic_ns();
	atomic_fetch_add_explicit(&refusals->counts[why], 1, memory_order_relaxed);
	if (now_ns - refusals->window_ns >= WINDOW_NS) {
		if (refusals->unsaid > 0)
			fprintf(stderr, "weir-dataplane: links: refused %u more\n", refusals->unsaid);
		refusals->window_ns = now_ns;
		refusals->said = refusals->unsaid = 0;
	}
	if (refusals->said == LINES) {
		refusals->unsaid++;
		return;
	}
	refusals->said++;
	char text[2 * LINK_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "weir-dataplane: links: refused (%s): %s\n", link_refusal_names[why], text);
}
