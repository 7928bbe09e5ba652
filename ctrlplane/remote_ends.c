// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/remote_ends.h"

#include <stdlib.h>
#include <string.h>

#include "ctrlplane/text.h"

static bool is_whole(const Weir__RemoteEnd *report) {
	return report->pipeline[0] != '\0' && report->stream[0] != '\0' && report->peer[0] != '\0' &&
	       strlen(report->pipeline) < REMOTE_NAME_SIZE && strlen(report->stream) < REMOTE_STREAM_SIZE &&
	       strlen(report->peer) < REMOTE_NAME_SIZE && report->interval_ns > 0;
}

static bool make_room(struct remote_ends *ends, size_t length) {
	if (length <= ends->size)
		return true;
	struct remote_end *list = realloc(ends->list, length * sizeof(*list));
	if (list == NULL)
		return false;
	ends->list = list;
	ends->size = length;
	return true;
}

void remote_ends_take(struct remote_ends *ends, const Weir__Heartbeat *beat) {
	size_t length = beat->n_remotes < REMOTE_ENDS_MAX ? beat->n_remotes : REMOTE_ENDS_MAX;
	ends->length = 0;
	ends->malformed += beat->n_remotes - length;
	if (!make_room(ends, length))
		return;
	for (size_t i = 0; i < length; i++) {
		const Weir__RemoteEnd *report = beat->remotes[i];
		if (!is_whole(report)) {
			ends->malformed++;
			continue;
		}
		struct remote_end *end = &ends->list[ends->length++];
		*end = (struct remote_end){.index = report->index,
			.is_sender = report->sends,
			.interval_ns = report->interval_ns,
			.begin_bytes = report->begin_bytes,
			.end_bytes = report->end_bytes,
			.volume_bytes = report->volume_bytes,
			.offered_bps = report->offered_bps,
			.rate_bps = report->rate_bps};
		text_copy(end->pipeline, sizeof(end->pipeline), report->pipeline);
		text_copy(end->stream, sizeof(end->stream), report->stream);
		text_copy(end->peer, sizeof(end->peer), report->peer);
	}
}

void remote_ends_free(struct remote_ends *ends) {
	if (ends == NULL)
		return;
	free(ends->list);
	free(ends);
}

const struct remote_end *remote_ends_other(
	const struct remote_ends *ends, const struct remote_end *end, const char *node) {
	for (size_t i = 0; i < ends->length; i++) {
		const struct remote_end *other = &ends->list[i];
		if (other->index == end->index && other->is_sender != end->is_sender &&
			strcmp(other->peer, node) == 0 && strcmp(other->stream, end->stream) == 0 &&
			strcmp(other->pipeline, end->pipeline) == 0)
			return other;
	}
	return NULL;
}
