// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The partitions that one consumer reads: how far it is in each, and the event time of each; and how they are found
// where no group shares them out.
#pragma once

#include <librdkafka/rdkafka.h>

#include "dataplane/operator.h"

enum { KAFKA_OFFSETS_MAX = 4096, KAFKA_TOPIC_MAX = 249 };

struct kafka_partition {
	const char *topic;
	int32_t number;
	bool is_at_end;      // nothing was behind the last message when it came
	int64_t next_offset; // -1: nothing was taken yet
	uint64_t latest_ns;  // event time
};

// Zeroed: there are none.
struct kafka_partitions {
	rd_kafka_topic_partition_list_t *list; // whose names are borrowed
	unsigned count;
	struct kafka_partition *all;   // [count]
	struct kafka_partition *last;  // that was looked for
	struct kafka_partition others; // what is none of them
};

//   list    copied; NULL: none
//   return  0 or -ENOMEM: there are none then
int kafka_partitions_adopt(struct kafka_partitions *partitions, const rd_kafka_topic_partition_list_t *list);
void kafka_partitions_fini(struct kafka_partitions *partitions);
// Never NULL: what is not known has a place as well.
struct kafka_partition *kafka_partitions_lookup(struct kafka_partitions *partitions, const char *topic, int32_t number);

// Event time of them all: the least; those that were read to their end hold nothing back.
uint64_t kafka_partitions_latest_ns(const struct kafka_partitions *partitions);
unsigned kafka_partitions_at_end(const struct kafka_partitions *partitions);
// Messages that lie behind what was taken, as far as the consumer knows.
uint64_t kafka_partitions_lag(const struct kafka_partitions *partitions, rd_kafka_t *consumer);

// TOPIC:PARTITION:OFFSET
struct kafka_offset {
	char topic[KAFKA_TOPIC_MAX + 1];
	int32_t partition;
	int64_t offset;
};
bool kafka_offset_parse(const char *text, struct kafka_offset *out);

// What to look for, and where to begin in it.
struct kafka_search {
	const struct option_list *topics, *offsets; // offsets: those of kafka_offset_parse, all others default_offset
	int64_t default_offset;
};
struct kafka_finder;
// Ask the brokers, on a thread of its own, until they have told all partitions of all topics.
//   return  0 or a negative errno, after operator_error
int kafka_finder_new(struct kafka_finder **out, const struct instance *self, rd_kafka_t *consumer,
	const struct kafka_search *search);
void kafka_finder_free(struct kafka_finder *finder); // NULL is fine
//   return  this instance's share, once, the caller's; NULL: not found yet, or taken
rd_kafka_topic_partition_list_t *kafka_finder_take(struct kafka_finder *finder);
