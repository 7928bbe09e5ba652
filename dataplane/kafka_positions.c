// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/kafka_positions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void kafka_positions_init(struct kafka_positions *positions) {
	pthread_mutex_init(&positions->lock, NULL);
}

void kafka_positions_fini(struct kafka_positions *positions) {
	free(positions->all);
	pthread_mutex_destroy(&positions->lock);
}

static struct kafka_position *find(const struct kafka_positions *positions, const char *topic, int32_t partition) {
	for (unsigned i = 0; i < positions->count; i++)
		if (positions->all[i].partition == partition && strcmp(positions->all[i].topic, topic) == 0)
			return &positions->all[i];
	return NULL;
}

unsigned kafka_positions_apply(
	struct kafka_positions *positions, rd_kafka_topic_partition_list_t *list, struct kafka_partitions *partitions) {
	unsigned count = 0;
	pthread_mutex_lock(&positions->lock);
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		rd_kafka_topic_partition_t *given = &list->elems[i];
		const struct kafka_position *position = find(positions, given->topic, given->partition);
		if (position == NULL)
			continue;
		count++;
		given->offset = position->offset;
		kafka_partitions_lookup(partitions, given->topic, given->partition)->latest_ns = position->latest_ns;
	}
	pthread_mutex_unlock(&positions->lock);
	return count;
}

void kafka_positions_forget(struct kafka_positions *positions, const struct kafka_partitions *partitions) {
	pthread_mutex_lock(&positions->lock);
	for (unsigned i = 0; i < partitions->count; i++) {
		const struct kafka_partition *partition = &partitions->all[i];
		struct kafka_position *position = find(positions, partition->topic, partition->number);
		if (position != NULL && partition->next_offset >= 0)
			position->topic[0] = '\0';
	}
	pthread_mutex_unlock(&positions->lock);
}

void kafka_positions_save(const struct kafka_positions *positions, struct state_writer *writer, uint32_t kind) {
	for (unsigned i = 0; i < positions->count; i++)
		if (positions->all[i].topic[0] != '\0')
			state_put(writer, kind, &positions->all[i], sizeof(positions->all[i]));
}

void kafka_partitions_save(const struct kafka_partitions *partitions, struct state_writer *writer, uint32_t kind) {
	for (unsigned i = 0; i < partitions->count; i++) {
		const struct kafka_partition *partition = &partitions->all[i];
		struct kafka_position position = {.partition = partition->number,
			.offset = partition->next_offset,
			.latest_ns = partition->latest_ns};
		if (position.offset < 0)
			continue;
		memcpy(position.topic, partition->topic, strnlen(partition->topic, KAFKA_TOPIC_MAX));
		state_put(writer, kind, &position, sizeof(position));
	}
}

int kafka_positions_take(struct kafka_positions *positions, const struct state_item *item) {
	struct kafka_position taken;
	if (item->size != sizeof(taken))
		return -EINVAL;
	memcpy(&taken, item->data, sizeof(taken));
	if (taken.offset < 0 || taken.topic[0] == '\0' || memchr(taken.topic, '\0', sizeof(taken.topic)) == NULL)
		return -EINVAL;
	struct kafka_position *position = find(positions, taken.topic, taken.partition);
	if (position == NULL) {
		struct kafka_position *more =
			reallocarray(positions->all, positions->count + 1UL, sizeof(*positions->all));
		if (more == NULL)
			return -ENOMEM;
		positions->all = more;
		position = &more[positions->count++];
	}
	*position = taken;
	return 0;
}
