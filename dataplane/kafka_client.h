// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A client of Kafka brokers, producer or consumer: its settings, its start, its complaints. librdkafka has threads of
// its own; they run where the control threads do.
#pragma once

#include <librdkafka/rdkafka.h>

#include "dataplane/operator.h"

struct kafka_client {
	const struct operator *op;
	const char *brokers;
	void *owner;
	rd_kafka_conf_t *conf; // until it is started
	rd_kafka_t *handle;    // NULL: not started
	uint64_t complained_ns;
};

// Check `properties` of a user.
//   return  0, or -EINVAL with error[size] filled
int kafka_client_check(const struct option_list *properties, char *error, size_t size);

// Begin the settings; kafka_client_fini is due from then on.
// Callbacks get the client as their context; what librdkafka logs is dealt with.
void kafka_client_init(struct kafka_client *client, const struct operator *op, const char *brokers, void *owner);
//   return  0, or -EINVAL after operator_error
int kafka_client_set(struct kafka_client *client, const char *name, const char *value);
int kafka_client_set_all(struct kafka_client *client, const struct option_list *properties);
// Returns at once: brokers are looked for in the background.
//   return  0 or a negative errno, after operator_error
int kafka_client_start(struct kafka_client *client, rd_kafka_type_t type);
// Waits for librdkafka's threads; a consumer is closed before.
void kafka_client_fini(struct kafka_client *client);

// Tell the user what is wrong, at most once a second.
//   thread  one at a time
void kafka_client_complain(struct kafka_client *client, const char *reason);
