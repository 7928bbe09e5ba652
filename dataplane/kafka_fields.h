// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fields of a record that say what is known of its Kafka message beside the value: kafka.topic, kafka.partition,
// kafka.offset, kafka.time, and kafka.key where it has one.
#pragma once

#include <librdkafka/rdkafka.h>

#include "api/schema_build.h"

enum { KAFKA_FIELDS = 5 };

struct kafka_fields {
	const struct schema *schema;
	const struct field *fields[KAFKA_FIELDS];
};

//   return  0, -EINVAL with error[size] filled, -ENOMEM
int kafka_fields_add(struct schema *schema, char *error, size_t size);
//   schema  that they were added to
void kafka_fields_init(struct kafka_fields *fields, const struct schema *schema);
//   body  of a record of the schema, zeroed but for its presence word
void kafka_fields_fill(const struct kafka_fields *fields, const rd_kafka_message_t *message, uint8_t *body);
