// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/kafka_positions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 16 };

void kafka_positions_init(struct kafka_positions *positions) {
	pthread_mutex_init(&positions->lock, NULL);
}

void kafka_positions_fini(struct kafka_positions *positions) {
	free(positions->all);
	pthread_mutex_destroy(&positions->lock);
}

// What a position is looked for by.
struct place {
	const char *topic;
	int32_t partition;
};

static int compare_places(const struct place *a, const struct place *b) {
	int order = strcmp(a->topic, b->topic);
	return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static struct place place_of(const struct kafka_position *position) {
	return (struct place){position->topic, position->partition};
}

static int compare_with_place(const void *key, const void *element) {
	const struct place place = place_of(element);
	return compare_places(key, &place);
}

// By place, and of one place in the order in which they came, which is that of their addresses.
static int compare_taken(const void *a, const void *b) {
	const struct kafka_position *one = *(const struct kafka_position *const *)a;
	const struct kafka_position *other = *(const struct kafka_position *const *)b;
	const struct place first = place_of(one), second = place_of(other);
	int order = compare_places(&first, &second);
	return order != 0 ? order : (one > other) - (one < other);
}

static struct kafka_position *find(const struct kafka_positions *positions, const char *topic, int32_t partition) {
	const struct place place = {topic, partition};
	if (positions->count == 0)
		return NULL;
	return bsearch(&place, positions->all, positions->count, sizeof(*positions->all), compare_with_place);
}

unsigned kafka_positions_apply(
	struct kafka_positions *positions, rd_kafka_topic_partition_list_t *list, struct kafka_partitions *partitions) {
	unsigned count = 0;
	pthread_mutex_lock(&positions->lock);
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		rd_kafka_topic_partition_t *given = &list->elems[i];
		const struct kafka_position *position = find(positions, given->topic, given->partition);
		if (position == NULL || position->offset < 0)
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
			position->offset = -1;
	}
	pthread_mutex_unlock(&positions->lock);
}

void kafka_positions_save(const struct kafka_positions *positions, struct state_writer *writer, uint32_t kind) {
	for (unsigned i = 0; i < positions->count; i++)
		if (positions->all[i].offset >= 0)
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
	if (positions->count == positions->room) {
		unsigned room = positions->room > 0 ? 2 * positions->room : ROOM_FIRST;
		struct kafka_position *more = reallocarray(positions->all, room, sizeof(*positions->all));
		if (more == NULL)
			return -ENOMEM;
		positions->all = more;
		positions->room = room;
	}
	positions->all[positions->count++] = taken;
	return 0;
}

int kafka_positions_settle(struct kafka_positions *positions) {
	const unsigned count = positions->count;
	if (count == 0)
		return 0;
	const struct kafka_position **taken = reallocarray(NULL, count, sizeof(const struct kafka_position *));
	struct kafka_position *settled = reallocarray(NULL, count, sizeof(*settled));
	if (taken == NULL || settled == NULL) {
		free(taken);
		free(settled);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < count; i++)
		taken[i] = &positions->all[i];
	qsort(taken, count, sizeof(*taken), compare_taken);
	positions->count = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct place place = place_of(taken[i]);
		if (i + 1 < count && compare_with_place(&place, taken[i + 1]) == 0)
			continue; // a later one counts
		settled[positions->count++] = *taken[i];
	}
	free(taken);
	free(positions->all);
	positions->all = settled;
	positions->room = count;
	return 0;
}
