// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How records leave the data plane: a bounded queue between a sink's instance on its worker and a thread of its own
// that formats and sends. The worker copies records in and never waits for the receiver; what the sender did comes
// back as counters, which the worker adds to its account:
//
//   held      handed over, and neither sent nor given up yet (queued, or on the way)
//   absorbed  sent
//   drops     queue_full: no place was left; a sender's own name: given up; unsent: the end came first
//
// Where the sources can wait (capture files), a full queue holds them back instead (when_full).
#pragma once

#include "dataplane/operator.h"

// Drop reasons and gauges that a sink's type begins with, in this order.
enum { EXPORT_DROP_QUEUE_FULL, EXPORT_DROP_FAILED, EXPORT_DROP_UNSENT, EXPORT_DROPS };
enum { EXPORT_GAUGE_QUEUED, EXPORT_GAUGE_SENT, EXPORT_GAUGE_FAILED, EXPORT_GAUGE_RECONNECTS, EXPORT_GAUGES };
extern const char *const export_gauges[EXPORT_GAUGES + 1];

enum export_when_full { EXPORT_AUTO, EXPORT_DROP, EXPORT_WAIT };
extern const char *const export_when_full_names[];

struct export_options {
	uint64_t queue_size;       // records
	unsigned when_full;        // enum export_when_full
	uint64_t drain_timeout_ns; // how long the end may take
};

// Rows of a sink's option table, for a member of type struct export_options at `at` of its options.
#define EXPORT_OPTIONS(at)                                                                                             \
	{.name = "queue_size",                                                                                         \
		.type = OPTION_UINT,                                                                                   \
		.offset = (at) + offsetof(struct export_options, queue_size),                                          \
		.default_text = "16384",                                                                               \
		.min = 128,                                                                                            \
		.max = 1 << 22,                                                                                        \
		.help = "records that may wait to be written or sent; rounded up to a power of two"},                  \
		{.name = "when_full",                                                                                  \
			.type = OPTION_ENUM,                                                                           \
			.offset = (at) + offsetof(struct export_options, when_full),                                   \
			.default_text = "auto",                                                                        \
			.choices = export_when_full_names,                                                             \
			.help = "when the queue is full: drop records, or make the sources wait; auto: wait, unless "  \
				"a source is live"},                                                                   \
	{                                                                                                              \
		.name = "drain_timeout", .type = OPTION_DURATION,                                                      \
		.offset = (at) + offsetof(struct export_options, drain_timeout_ns), .default_text = "10s",             \
		.max = 3600 * UINT64_C(1000000000),                                                                    \
		.help = "how long a node that was told to stop waits for the receiver to take what is queued"          \
	}

struct export_queue;

// What the sender's thread calls; `context` is the sink's own, and no other thread touches it meanwhile.
struct export_sender {
	const char *name; // of the thread, at most 15 characters
	// Send what can be sent of the oldest records, and do what time demands. Called again at once if it got
	// anything done, else after a pause of up to 50 ms. Must not block for longer than about that.
	//   records  [count] bodies, or what pack made, export_queue_stride apart
	//   count    0: nothing is queued
	//   return   records done with, from the first on: their places are free again. Each must be reported by
	//            export_queue_sent or export_queue_failed, now or later
	unsigned (*send)(void *context, const void *records, unsigned count);
	// What is queued of a tuple, where that is something else than its body. On the worker; NULL: the body.
	//   record  [record_size] to be filled
	void (*pack)(const void *context, const struct batch *batch, unsigned i, void *record);
	size_t record_size;
};

// Start a queue and its sender.
//   return  0 or a negative errno, after operator_error
int export_queue_new(struct export_queue **out, struct instance *self, const struct export_options *options,
	const struct export_sender *sender, void *context);
// End the sender's thread; NULL is fine.
void export_queue_free(struct export_queue *queue);

// The sink's functions of the same names, for its type; on its worker. Its state begins with the queue's pointer.
unsigned export_queue_room(struct instance *self);
void export_queue_process(struct instance *self, struct batch *batch);
bool export_queue_tick(struct instance *self, unsigned room);
bool export_queue_flush(struct instance *self, enum end_of_stream why, unsigned room);

// Members of such a sink's type.
#define EXPORT_SINK                                                                                                    \
	.gauges = export_gauges, .grouping = GROUPING_GLOBAL, .parallelism = 1, .parallelism_max = 1,                  \
	.process = export_queue_process, .room = export_queue_room, .tick = export_queue_tick,                         \
	.flush = export_queue_flush

// What became of n records; on the sender's thread (or, for the two counts, any that it started).
size_t export_queue_stride(const struct export_queue *queue);
void export_queue_sent(struct export_queue *queue, unsigned n);
void export_queue_failed(struct export_queue *queue, unsigned n);
void export_queue_reconnected(struct export_queue *queue);
