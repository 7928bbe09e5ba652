// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/kafka_partitions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/value_parse.h"

int kafka_partitions_adopt(struct kafka_partitions *partitions, const rd_kafka_topic_partition_list_t *list) {
	kafka_partitions_fini(partitions);
	if (list == NULL || list->cnt == 0)
		return 0;
	partitions->all = calloc((size_t)list->cnt, sizeof(*partitions->all));
	if (partitions->all == NULL)
		return -ENOMEM;
	partitions->list = rd_kafka_topic_partition_list_copy(list);
	partitions->count = (unsigned)list->cnt;
	partitions->last = partitions->all;
	for (int i = 0; i < list->cnt; i++)
		partitions->all[i] = (struct kafka_partition){.topic = partitions->list->elems[i].topic,
			.number = partitions->list->elems[i].partition,
			.next_offset = -1};
	return 0;
}

void kafka_partitions_fini(struct kafka_partitions *partitions) {
	free(partitions->all);
	if (partitions->list != NULL)
		rd_kafka_topic_partition_list_destroy(partitions->list);
	*partitions = (struct kafka_partitions){.others = {.next_offset = -1}};
}

static bool is_that(const struct kafka_partition *partition, const char *topic, int32_t number) {
	return partition->number == number && strcmp(partition->topic, topic) == 0;
}

struct kafka_partition *kafka_partitions_lookup(
	struct kafka_partitions *partitions, const char *topic, int32_t number) {
	if (partitions->last != NULL && is_that(partitions->last, topic, number))
		return partitions->last;
	for (unsigned i = 0; i < partitions->count; i++)
		if (is_that(&partitions->all[i], topic, number))
			return partitions->last = &partitions->all[i];
	return &partitions->others;
}

uint64_t kafka_partitions_latest_ns(const struct kafka_partitions *partitions) {
	uint64_t least = UINT64_MAX, greatest = partitions->others.latest_ns;
	for (unsigned i = 0; i < partitions->count; i++) {
		const struct kafka_partition *partition = &partitions->all[i];
		if (partition->latest_ns > greatest)
			greatest = partition->latest_ns;
		if (!partition->is_at_end && partition->latest_ns < least)
			least = partition->latest_ns;
	}
	return least == UINT64_MAX ? greatest : least;
}

unsigned kafka_partitions_at_end(const struct kafka_partitions *partitions) {
	unsigned count = 0;
	for (unsigned i = 0; i < partitions->count; i++)
		count += partitions->all[i].is_at_end;
	return count;
}

uint64_t kafka_partitions_lag(const struct kafka_partitions *partitions, rd_kafka_t *consumer) {
	uint64_t lag = 0;
	for (unsigned i = 0; i < partitions->count; i++) {
		const struct kafka_partition *partition = &partitions->all[i];
		int64_t low, high; // as of the last fetch: nobody is asked
		if (partition->next_offset >= 0 &&
			rd_kafka_get_watermark_offsets(consumer, partition->topic, partition->number, &low, &high) ==
				RD_KAFKA_RESP_ERR_NO_ERROR &&
			high > partition->next_offset)
			lag += (uint64_t)(high - partition->next_offset);
	}
	return lag;
}

// A number of digits alone, up to `max`.
static bool parse_number(const char *text, size_t size, uint64_t max, uint64_t *out) {
	return value_parse_u64(text, size, out) && *out <= max;
}

bool kafka_offset_parse(const char *text, struct kafka_offset *out) {
	const char *last = strrchr(text, ':');
	const char *middle = last == NULL ? NULL : memrchr(text, ':', (size_t)(last - text));
	uint64_t partition, offset;
	if (middle == NULL || middle == text || middle - text > KAFKA_TOPIC_MAX)
		return false;
	if (!parse_number(middle + 1, (size_t)(last - middle - 1), INT32_MAX, &partition) ||
		!parse_number(last + 1, strlen(last + 1), INT64_MAX, &offset))
		return false;
	*out = (struct kafka_offset){.partition = (int32_t)partition, .offset = (int64_t)offset};
	memcpy(out->topic, text, (size_t)(middle - text));
	return true;
}
