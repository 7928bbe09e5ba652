// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Which partitions the topics have (kafka_partitions.h). librdkafka's question to the brokers waits for the answer, so
// a thread asks that nothing else waits for.
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/control_thread.h"
#include "dataplane/kafka_partitions.h"

enum { ASK_MS = 500, PAUSE_US = 100000 };

struct kafka_finder {
	const struct instance *instance;
	rd_kafka_t *consumer;
	struct kafka_search search;
	pthread_t thread;
	bool has_complained;
	_Atomic bool stop;                                // manager: wo, thread: ro
	_Atomic(rd_kafka_topic_partition_list_t *) found; // thread: sets it, worker: takes it
};

static int64_t first_offset(const struct kafka_search *search, const char *topic, int32_t partition) {
	struct kafka_offset offset;
	for (unsigned i = 0; i < search->offsets->count; i++)
		if (kafka_offset_parse(search->offsets->items[i], &offset) && offset.partition == partition &&
			strcmp(offset.topic, topic) == 0)
			return offset.offset;
	return search->default_offset;
}

// Once: what is waited for.
static void complain(struct kafka_finder *finder, const char *topic, rd_kafka_resp_err_t error) {
	if (!finder->has_complained)
		operator_warn(finder->instance->op, "topic %s: %s: waiting for it", topic, rd_kafka_err2str(error));
	finder->has_complained = true;
}

// Add the instance's share of a topic.
static bool add_topic(struct kafka_finder *finder, const char *topic, rd_kafka_topic_partition_list_t *list) {
	const struct instance *self = finder->instance;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(finder->consumer, topic, NULL);
	rd_kafka_resp_err_t error = rd_kafka_last_error();
	if (handle != NULL) {
		error = rd_kafka_metadata(finder->consumer, 0, handle, &metadata, ASK_MS);
		rd_kafka_topic_destroy(handle);
	}
	if (handle == NULL || error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		complain(finder, topic, error);
		return false;
	}
	const rd_kafka_metadata_topic_t *told = &metadata->topics[0];
	bool is_there = metadata->topic_cnt == 1 && told->err == RD_KAFKA_RESP_ERR_NO_ERROR && told->partition_cnt > 0;
	for (int i = 0; is_there && i < told->partition_cnt; i++) {
		int32_t number = told->partitions[i].id;
		if ((unsigned)number % self->op->instance_count == self->index)
			rd_kafka_topic_partition_list_add(list, topic, number)->offset =
				first_offset(&finder->search, topic, number);
	}
	if (!is_there)
		complain(finder, topic, told->err);
	rd_kafka_metadata_destroy(metadata);
	return is_there;
}

static void *find(void *argument) {
	struct kafka_finder *finder = argument;
	while (!atomic_load(&finder->stop)) {
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
		bool is_whole = true;
		for (unsigned i = 0; is_whole && i < finder->search.topics->count; i++)
			is_whole = add_topic(finder, finder->search.topics->items[i], list);
		if (is_whole) {
			atomic_store(&finder->found, list);
			break;
		}
		rd_kafka_topic_partition_list_destroy(list);
		usleep(PAUSE_US);
	}
	return NULL;
}

int kafka_finder_new(struct kafka_finder **out, const struct instance *self, rd_kafka_t *consumer,
	const struct kafka_search *search) {
	struct kafka_finder *finder = calloc(1, sizeof(*finder));
	int ret = -ENOMEM;
	if (finder != NULL) {
		finder->instance = self;
		finder->consumer = consumer;
		finder->search = *search;
		ret = control_thread_new(&finder->thread, "weir-kafka-find", find, finder);
	}
	if (ret == 0) {
		*out = finder;
		return 0;
	}
	operator_error(self->op, "topics: %s", strerror(-ret));
	free(finder);
	return ret;
}

void kafka_finder_free(struct kafka_finder *finder) {
	if (finder == NULL)
		return;
	atomic_store(&finder->stop, true);
	pthread_join(finder->thread, NULL);
	rd_kafka_topic_partition_list_t *left = atomic_load(&finder->found);
	if (left != NULL)
		rd_kafka_topic_partition_list_destroy(left);
	free(finder);
}

rd_kafka_topic_partition_list_t *kafka_finder_take(struct kafka_finder *finder) {
	return atomic_load_explicit(&finder->found, memory_order_relaxed) != NULL
		       ? atomic_exchange(&finder->found, NULL)
		       : NULL;
}
