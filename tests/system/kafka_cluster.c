// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A Kafka cluster for tests: librdkafka's mock of one, a consumer of one topic beside it, and a line of standard input
// for each thing that happens to it.
//
//   kafka_cluster TOPIC    first line of output: HOST:PORT; then a line for each message: KEY VALUE, both in hex, - for
//                          no key
//   down, up               the broker goes away, comes back
//   slow MS                it takes so long to answer
//   send PARTITION KEY VALUE   a message of the topic, written as the messages above
//   end of input           the end
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BROKER = 1, PARTITIONS = 4, LINE_MAX = 16384 };

struct cluster {
	const char *topic;
	rd_kafka_mock_cluster_t *mock;
	rd_kafka_t *producer;
};

static rd_kafka_t *make(rd_kafka_type_t type, const char *brokers) {
	char error[256] = "";
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	if (brokers != NULL)
		rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, sizeof(error));
	if (type == RD_KAFKA_CONSUMER) {
		rd_kafka_conf_set(conf, "group.id", "test", error, sizeof(error));
		rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", error, sizeof(error));
		rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "200", error, sizeof(error));
	}
	rd_kafka_conf_set(conf, "log_level", "0", error, sizeof(error));
	rd_kafka_t *made = rd_kafka_new(type, conf, error, sizeof(error));
	if (made == NULL) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	return made;
}

static void consume_all_of(rd_kafka_t *consumer, const char *topic) {
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(consumer, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static void print_hex(const void *bytes, size_t size) {
	if (bytes == NULL)
		putchar('-');
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)bytes)[i]);
}

static void print_messages(rd_kafka_t *consumer) {
	rd_kafka_message_t *message;
	while ((message = rd_kafka_consumer_poll(consumer, 20)) != NULL) {
		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			print_hex(message->key, message->key_len);
			putchar(' ');
			print_hex(message->payload, message->len);
			putchar('\n');
		}
		rd_kafka_message_destroy(message);
	}
	fflush(stdout);
}

// Bytes of hex digits, in place.
//   return  NULL: a dash
static char *read_hex(char *text, size_t *size) {
	*size = 0;
	if (text == NULL || text[0] == '-')
		return NULL;
	for (unsigned byte; sscanf(text + 2 * *size, "%2x", &byte) == 1; ++*size)
		text[*size] = (char)byte;
	return text;
}

static void send_message(struct cluster *cluster, char *words) {
	size_t key_size, value_size;
	int partition = atoi(strtok(words, " \n"));
	const char *key = read_hex(strtok(NULL, " \n"), &key_size);
	char *value = read_hex(strtok(NULL, " \n"), &value_size);
	if (rd_kafka_producev(cluster->producer, RD_KAFKA_V_TOPIC(cluster->topic), RD_KAFKA_V_PARTITION(partition),
		    RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(value, value_size),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) != 0)
		exit(1);
}

//   return  false at the end of input
static bool obey(struct cluster *cluster) {
	char line[LINE_MAX];
	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	if (strcmp(line, "down\n") == 0)
		rd_kafka_mock_broker_set_down(cluster->mock, BROKER);
	else if (strcmp(line, "up\n") == 0)
		rd_kafka_mock_broker_set_up(cluster->mock, BROKER);
	else if (strncmp(line, "slow ", 5) == 0)
		rd_kafka_mock_broker_set_rtt(cluster->mock, BROKER, atoi(line + 5));
	else if (strncmp(line, "send ", 5) == 0)
		send_message(cluster, line + 5);
	return true;
}

int main(int argc, char **argv) {
	if (argc != 2)
		return 2;
	setvbuf(stdin, NULL, _IONBF, 0); // what poll does not see must not be read ahead
	rd_kafka_t *owner = make(RD_KAFKA_PRODUCER, NULL);
	struct cluster cluster = {.topic = argv[1], .mock = rd_kafka_mock_cluster_new(owner, 1)};
	if (cluster.mock == NULL || rd_kafka_mock_topic_create(cluster.mock, argv[1], PARTITIONS, 1) != 0)
		return 1;
	const char *brokers = rd_kafka_mock_cluster_bootstraps(cluster.mock);
	cluster.producer = make(RD_KAFKA_PRODUCER, brokers);
	rd_kafka_t *consumer = make(RD_KAFKA_CONSUMER, brokers);
	consume_all_of(consumer, argv[1]);
	printf("%s\n", brokers);
	fflush(stdout);
	for (bool goes_on = true; goes_on;) {
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
		print_messages(consumer);
		rd_kafka_poll(cluster.producer, 0);
		while (goes_on && poll(&input, 1, 0) > 0) {
			goes_on = obey(&cluster);
			rd_kafka_poll(cluster.producer, 0);
		}
	}
	rd_kafka_destroy(consumer);
	rd_kafka_destroy(cluster.producer);
	rd_kafka_mock_cluster_destroy(cluster.mock);
	rd_kafka_destroy(owner);
	return 0;
}
