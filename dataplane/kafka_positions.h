// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Where a snapshot says that partitions are to be gone on with: of all instances of a source together, since brokers
// may give a partition to any of them. One is for whoever gets the partition until a message of it was taken.
//
//   thread  any; for snapshots, the only one of a copy of the process, or the manager before workers run
#pragma once

#include <pthread.h>

#include "dataplane/kafka_partitions.h"
#include "dataplane/state_file.h"

struct kafka_position {
	char topic[KAFKA_TOPIC_MAX + 1];
	int32_t partition;
	int64_t offset;     // of the next message
	uint64_t latest_ns; // event time of those before it
};

struct kafka_positions {
	pthread_mutex_t lock;
	unsigned count, room;
	struct kafka_position *all; // [count of room] by topic and partition; offset -1: was gone on from
};

void kafka_positions_init(struct kafka_positions *positions); // zeroed
void kafka_positions_fini(struct kafka_positions *positions);

// These are an instance's from now on: fill in where they are to be gone on with.
//   list        the same partitions; NULL: none
//   partitions  adopted from the list
//   return      how many there is a position of
unsigned kafka_positions_apply(
	struct kafka_positions *positions, rd_kafka_topic_partition_list_t *list, struct kafka_partitions *partitions);
// These are an instance's no longer: where something was taken of one, its position is no more.
void kafka_positions_forget(struct kafka_positions *positions, const struct kafka_partitions *partitions);

// Put them into a snapshot, then those of partitions, which count where both have one.
void kafka_positions_save(const struct kafka_positions *positions, struct state_writer *writer, uint32_t kind);
void kafka_partitions_save(const struct kafka_partitions *partitions, struct state_writer *writer, uint32_t kind);
//   return  0, -EINVAL: the item is no position, or -ENOMEM
int kafka_positions_take(struct kafka_positions *positions, const struct state_item *item);
// All are taken: from now on they can be looked for. Of several of one partition the last that was taken counts.
//   return  0 or -ENOMEM
int kafka_positions_settle(struct kafka_positions *positions);
