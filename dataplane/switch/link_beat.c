// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/link_beat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/switch/link_switch.h"
#include "dataplane/switch/remote_receiver.h"
#include "dataplane/switch/remote_sender.h"

struct ends {
	Weir__RemoteEnd **list; // [length], at most size; NULL: they are counted only
	size_t length, size;
};

static void take_sample(Weir__RemoteEnd *end, const struct remote_name *name, const struct remote_sample *sample) {
	end->pipeline = strdup(name->pipeline);
	end->stream = strdup(name->stream);
	end->peer = strdup(name->node);
	end->index = name->index;
	end->interval_ns = sample->interval_ns;
	end->begin_bytes = sample->begin_bytes;
	end->end_bytes = sample->end_bytes;
	end->volume_bytes = sample->volume_bytes;
}

static void add_end(
	void *context, unsigned number, const struct remote_sender *sender, const struct remote_receiver *receiver) {
	struct ends *ends = context;
	const struct remote_sample *sample = sender != NULL ? &sender->sample : &receiver->sample;
	if (ends->list == NULL || ends->length == ends->size || sample->interval_ns == 0)
		return;
	Weir__RemoteEnd *end = malloc(sizeof(*end));
	if (end == NULL)
		return;
	weir__remote_end__init(end);
	take_sample(end, sender != NULL ? &sender->name : &receiver->name, sample);
	if (sender != NULL) {
		end->sends = true;
		end->offered_bps = sample->offered_bps;
		end->rate_bps = 8 * atomic_load(&sender->bucket.rate);
	}
	ends->list[ends->length++] = end;
}

Weir__RemoteEnd **link_beat_measure(struct link_switch *links, size_t *length) {
	struct ends ends = {.list = NULL};
	*length = 0;
	ends.size = links != NULL ? link_switch_visit(links, &ends, add_end) : 0;
	if (ends.size == 0)
		return NULL;
	ends.list = calloc(ends.size, sizeof(Weir__RemoteEnd *));
	if (ends.list != NULL)
		link_switch_visit(links, &ends, add_end);
	*length = ends.length;
	return ends.list;
}

// Cut "CHANNEL BIT/S" in place.
//   return  false: it is none
static bool cut_rate(char *line, uint64_t *rate_bps) {
	char *space = strrchr(line, ' '), *end;
	if (space == NULL || space == line || space[1] < '0' || space[1] > '9')
		return false;
	errno = 0;
	*rate_bps = strtoull(space + 1, &end, 10);
	*space = '\0';
	return errno == 0 && *end == '\0';
}

static bool are_rates(const char *rates, char *text, size_t size) {
	char *copy = strdup(rates), *rest;
	uint64_t rate_bps;
	bool is_right = true;
	if (copy == NULL)
		return false;
	for (char *line = strtok_r(copy, "\n", &rest); is_right && line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		is_right = cut_rate(line, &rate_bps);
		if (!is_right)
			snprintf(text, size,
				"expected lines of a channel and its rate in bit/s, such as p/a>b.0 1000000");
	}
	free(copy);
	return is_right;
}

int link_beat_set_rates(struct link_switch *links, char *rates, char *text, size_t size) {
	unsigned set = 0, missing = 0;
	uint64_t rate_bps;
	char *rest;
	if (!are_rates(rates, text, size))
		return -EINVAL;
	for (char *line = strtok_r(rates, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		if (!cut_rate(line, &rate_bps))
			continue;
		if (links != NULL && link_switch_set_rate(links, line, rate_bps / 8 + (rate_bps % 8 > 0)) == 0)
			set++;
		else
			missing++;
	}
	snprintf(text, size, "rates of %u channels", set);
	if (missing > 0)
		snprintf(text + strlen(text), size - strlen(text), "; %u are not here", missing);
	return 0;
}
