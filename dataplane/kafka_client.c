// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/kafka_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "dataplane/control_thread.h"

enum { COMPLAIN_NS = 1000000000 };

int kafka_client_check(const struct option_list *properties, char *error, size_t size) {
	for (unsigned i = 0; i < properties->count; i++) {
		const char *item = properties->items[i];
		if (strchr(item, '=') != NULL && item[0] != '=')
			continue;
		snprintf(error, size, "properties: \"%s\": expected NAME=VALUE", item);
		return -EINVAL;
	}
	return 0;
}

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
	if (level <= LOG_CRIT)
		kafka_client_complain(rd_kafka_opaque(handle), text);
}

void kafka_client_init(struct kafka_client *client, const struct operator *op, const char *brokers, void *owner) {
	*client = (struct kafka_client){.op = op, .brokers = brokers, .owner = owner, .conf = rd_kafka_conf_new()};
	rd_kafka_conf_set_opaque(client->conf, client);
	rd_kafka_conf_set_log_cb(client->conf, on_log);
	// On the thread that polls, as all callbacks.
	rd_kafka_conf_set(client->conf, "log.queue", "true", NULL, 0);
}

// The value stays out of the message: it may be a password.
int kafka_client_set(struct kafka_client *client, const char *name, const char *value) {
	char error[256];
	if (rd_kafka_conf_set(client->conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK)
		return 0;
	operator_error(client->op, "properties: %s: %s", name, error);
	return -EINVAL;
}

int kafka_client_set_all(struct kafka_client *client, const struct option_list *properties) {
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < properties->count; i++) {
		char name[128];
		const char *item = properties->items[i], *equals = strchr(item, '=');
		snprintf(name, sizeof(name), "%.*s", (int)(equals - item), item);
		ret = kafka_client_set(client, name, equals + 1);
	}
	return ret;
}

struct start {
	struct kafka_client *client;
	rd_kafka_type_t type;
};

// librdkafka's threads inherit the CPUs of the one that makes it: a control thread's.
static void *make_handle(void *argument) {
	const struct start *start = argument;
	struct kafka_client *client = start->client;
	char error[256];
	client->handle = rd_kafka_new(start->type, client->conf, error, sizeof(error));
	if (client->handle == NULL) {
		operator_error(client->op, "%s: %s", client->brokers, error);
		return NULL;
	}
	client->conf = NULL; // the handle's
	rd_kafka_set_log_queue(client->handle, NULL);
	return NULL;
}

int kafka_client_start(struct kafka_client *client, rd_kafka_type_t type) {
	struct start start = {client, type};
	pthread_t thread = 0;
	int ret = control_thread_new(&thread, "weir-kafka-new", make_handle, &start);
	if (ret < 0)
		return ret;
	ret = -pthread_join(thread, NULL);
	return ret == 0 && client->handle == NULL ? -EINVAL : ret;
}

void kafka_client_fini(struct kafka_client *client) {
	if (client->handle != NULL) {
		if (rd_kafka_type(client->handle) == RD_KAFKA_CONSUMER)
			rd_kafka_consumer_close(client->handle);
		rd_kafka_destroy(client->handle);
	}
	if (client->conf != NULL)
		rd_kafka_conf_destroy(client->conf);
	*client = (struct kafka_client){.conf = NULL};
}

void kafka_client_complain(struct kafka_client *client, const char *reason) {
	uint64_t now_ns = clock_monotonic_ns();
	if (client->complained_ns != 0 && now_ns - client->complained_ns < COMPLAIN_NS)
		return;
	client->complained_ns = now_ns;
	operator_warn(client->op, "%s: %s", client->brokers, reason);
}
