// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/flow_notes.h"

#include <errno.h>

#include "dataplane/huge_memory.h"

_Static_assert(sizeof(struct flow_note) * FLOW_NOTES_WAYS == 64, "a cache line");

static size_t notes_size(const struct flow_notes *notes) {
	return (notes->mask + 1) * FLOW_NOTES_WAYS * sizeof(*notes->notes);
}

int flow_notes_init(struct flow_notes *notes, uint64_t flows, uint64_t idle_ns) {
	uint64_t lines = 1;
	while (lines * FLOW_NOTES_WAYS < flows)
		lines *= 2;
	notes->mask = lines - 1;
	notes->idle = flow_notes_ticks(idle_ns) + 1;
	notes->notes = huge_memory_new(notes_size(notes));
	return notes->notes != NULL ? 0 : -ENOMEM;
}

void flow_notes_fini(struct flow_notes *notes) {
	if (notes->notes != NULL)
		huge_memory_free(notes->notes, notes_size(notes));
	notes->notes = NULL;
}

struct flow_note *flow_notes_place(const struct flow_notes *notes, uint64_t hash, uint32_t now) {
	struct flow_note *line = flow_notes_line(notes, hash), *place = line;
	for (unsigned i = 0; i < FLOW_NOTES_WAYS; i++) {
		if (line[i].word == 0)
			return &line[i];
		if ((int32_t)(now - line[i].used) > (int32_t)(now - place->used))
			place = &line[i];
	}
	return place;
}
