// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// kafka: a sink that sends each record to a Kafka topic, as JSON or protobuf.
//
//   in      any schema as JSON; flow as protobuf (api/flow.proto)
//   out     messages of a topic
//   drops   queue_full: no place in the queue; send_error: the brokers refused it; unsent: not known to be delivered
//           when the node had to end
//   state   a queue of records (export_queue.h) and librdkafka's own, of the same length and at most queue_bytes; one
//           instance
//
// Each record is a message. It counts as sent when a broker has confirmed it; brokers that are away are waited for.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/flow.pb-c.h"
#include "api/flow_record.h"
#include "dataplane/export_queue.h"
#include "dataplane/json_format.h"
#include "dataplane/kafka_client.h"
#include "dataplane/record_message.h"

enum { VALUE_SIZE = 64 << 10, KEY_SIZE = 256, WAIT_MS = 20 };

enum kafka_format { KAFKA_JSON, KAFKA_PROTOBUF };
static const char *const format_names[] = {"json", "protobuf", NULL};
static const char *const compression_names[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};
static const char *const kafka_drops[] = {"queue_full", "send_error", "unsent", NULL};

struct kafka_options {
	struct export_options export;
	char *brokers, *topic, *key;
	unsigned format, compression;
	uint64_t queue_bytes;
	struct option_list properties;
};

static const struct option kafka_option_table[] = {
	{.name = "brokers",
		.type = OPTION_STRING,
		.offset = offsetof(struct kafka_options, brokers),
		.max = 4096,
		.required = true,
		.help = "where to begin: HOST:PORT, several with commas"},
	{.name = "topic",
		.type = OPTION_STRING,
		.offset = offsetof(struct kafka_options, topic),
		.max = 249,
		.required = true,
		.help = "topic to send to"},
	{.name = "format",
		.type = OPTION_ENUM,
		.offset = offsetof(struct kafka_options, format),
		.default_text = "json",
		.choices = format_names,
		.help = "of a message: an object as the json sink writes it, or weir.Flow of api/flow.proto"},
	{.name = "key",
		.type = OPTION_STRING,
		.offset = offsetof(struct kafka_options, key),
		.max = 63,
		.help = "field whose value, as text, is the key of a message; none: messages have no key"},
	{.name = "compression",
		.type = OPTION_ENUM,
		.offset = offsetof(struct kafka_options, compression),
		.default_text = "none",
		.choices = compression_names,
		.help = "of the messages that go together"},
	{.name = "properties",
		.type = OPTION_LIST,
		.offset = offsetof(struct kafka_options, properties),
		.help = "further settings of librdkafka, NAME=VALUE each, such as linger.ms=50, security.protocol=ssl"},
	EXPORT_OPTIONS(offsetof(struct kafka_options, export)),
	{.name = "queue_bytes",
		.type = OPTION_SIZE,
		.offset = offsetof(struct kafka_options, queue_bytes),
		.default_text = "64MiB",
		.min = 1 << 20,
		.max = UINT64_C(1) << 40,
		.help = "keys and values of the messages that wait in librdkafka's queue"},
	{0},
};

struct kafka_state {
	struct export_queue *queue; // first: see export_queue.h
	struct instance *instance;
	const struct kafka_options *options;
	const struct schema *schema;
	const struct field *key; // or NULL
	struct json_format *json;
	struct record_message *message; // protobuf
	struct kafka_client client;     // a producer
	bool is_down;                   // no broker can be reached
	uint8_t value[VALUE_SIZE];
};

static void fail_records(struct kafka_state *state, unsigned count, const char *reason) {
	instance_fail(state->instance, "%s: topic %s: %s: records are lost (counted as send_error)",
		state->options->brokers, state->options->topic, reason);
	export_queue_failed(state->queue, count);
}

// The two below are called by rd_kafka_poll, on the sender's thread.
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context) {
	struct kafka_state *state = ((struct kafka_client *)context)->owner;
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		fail_records(state, 1, rd_kafka_err2str(message->err));
		return;
	}
	export_queue_sent(state->queue, 1);
	if (!state->is_down)
		return;
	state->is_down = false;
	export_queue_reconnected(state->queue);
	operator_warn(state->instance->op, "%s: connected again", state->options->brokers);
}

static void on_error(rd_kafka_t *producer, int error, const char *reason, void *context) {
	struct kafka_state *state = ((struct kafka_client *)context)->owner;
	if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		state->is_down = true;
	kafka_client_complain(&state->client, reason);
}

static size_t format_value(struct kafka_state *state, const void *body) {
	if (state->options->format == KAFKA_JSON)
		return json_format_line(state->json, body, (char *)state->value) - 1; // without the newline
	const ProtobufCMessage *message = record_message_fill(state->message, body);
	return protobuf_c_message_pack(message, state->value); // a record is far smaller
}

static rd_kafka_resp_err_t produce(struct kafka_state *state, const void *body) {
	char key[KEY_SIZE];
	size_t key_size = 0;
	bool has_key = state->key != NULL && schema_is_present(state->schema, state->key, body);
	if (has_key)
		key_size = field_format(state->key, body, key, sizeof(key));
	size_t size = format_value(state, body);
	return rd_kafka_producev(state->client.handle, RD_KAFKA_V_TOPIC(state->options->topic),
		RD_KAFKA_V_KEY(has_key ? key : NULL, key_size), RD_KAFKA_V_VALUE(state->value, size),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
}

static unsigned kafka_send(void *context, const void *records, unsigned count) {
	struct kafka_state *state = context;
	size_t stride = export_queue_stride(state->queue);
	unsigned done = 0;
	rd_kafka_poll(state->client.handle, 0);
	for (; done < count; done++) {
		rd_kafka_resp_err_t error = produce(state, (const uint8_t *)records + done * stride);
		if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
			fail_records(state, 1, rd_kafka_err2str(error));
	}
	if (done == 0 && rd_kafka_outq_len(state->client.handle) > 0)
		rd_kafka_poll(state->client.handle, WAIT_MS);
	return done;
}

static int connect_brokers(struct kafka_state *state) {
	const struct kafka_options *options = state->options;
	char queue_size[24], queue_kbytes[24];
	snprintf(queue_size, sizeof(queue_size), "%u", (unsigned)options->export.queue_size);
	snprintf(queue_kbytes, sizeof(queue_kbytes), "%u", (unsigned)(options->queue_bytes / 1024));
	const char *const properties[][2] = {
		{"bootstrap.servers", options->brokers},
		{"compression.codec", compression_names[options->compression]},
		{"enable.idempotence", "true"}, // no record twice, and their order stays
		{"message.timeout.ms", "0"},    // brokers that are away are waited for
		{"queue.buffering.max.messages", queue_size},
		{"queue.buffering.max.kbytes", queue_kbytes},
	};
	int ret = 0;
	kafka_client_init(&state->client, state->instance->op, options->brokers, state);
	for (size_t i = 0; ret == 0 && i < sizeof(properties) / sizeof(properties[0]); i++)
		ret = kafka_client_set(&state->client, properties[i][0], properties[i][1]);
	if (ret == 0)
		ret = kafka_client_set_all(&state->client, &options->properties);
	rd_kafka_conf_set_dr_msg_cb(state->client.conf, on_delivery);
	rd_kafka_conf_set_error_cb(state->client.conf, on_error);
	return ret == 0 ? kafka_client_start(&state->client, RD_KAFKA_PRODUCER) : ret;
}

static int choose_format(struct kafka_state *state) {
	const struct operator *op = state->instance->op;
	const char *missing = NULL;
	int ret = 0;
	if (state->options->format == KAFKA_JSON)
		ret = json_format_new(&state->json, state->schema);
	else if (state->schema != &flow_schema)
		ret = -EINVAL;
	else
		ret = record_message_new(&state->message, state->schema, &weir__flow__descriptor, &missing);
	if (ret == 0 && state->json != NULL && json_format_max(state->json) > VALUE_SIZE)
		ret = -E2BIG;
	if (ret < 0)
		operator_error(op, "format: %s: not for records of the schema %s (%s%s)",
			format_names[state->options->format], state->schema->name,
			missing != NULL ? "api/flow.proto lacks " : strerror(-ret), missing != NULL ? missing : "");
	if (state->options->key == NULL || ret < 0)
		return ret;
	state->key = schema_field(state->schema, state->options->key);
	if (state->key != NULL)
		return 0;
	operator_error(op, "key: \"%s\": expected a field of %s", state->options->key, state->schema->name);
	return -EINVAL;
}

static int kafka_check(const void *given, char *error, size_t size) {
	const struct kafka_options *options = given;
	return kafka_client_check(&options->properties, error, size);
}

static int kafka_init(struct instance *self) {
	static const struct export_sender sender = {.name = "weir-kafka", .send = kafka_send};
	struct kafka_state *state = self->state;
	const struct kafka_options *options = self->options;
	state->instance = self;
	state->options = options;
	state->schema = self->op->input;
	int ret = choose_format(state);
	if (ret == 0)
		ret = connect_brokers(state);
	return ret == 0 ? export_queue_new(&state->queue, self, &options->export, &sender, state) : ret;
}

static void kafka_fini(struct instance *self) {
	struct kafka_state *state = self->state;
	export_queue_free(state->queue);
	// What is left was counted as unsent, and nobody polls for word of it any more.
	if (state->client.handle != NULL)
		rd_kafka_purge(state->client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	kafka_client_fini(&state->client);
	record_message_free(state->message);
	json_format_free(state->json);
}

static struct operator_type kafka_type = {
	.name = "kafka",
	.summary = "send records to a Kafka topic, as JSON or protobuf",
	.manual =
		"Sends each record as a message of a topic: the object that the json sink writes, or weir.Flow of "
		"api/flow.proto. With key, messages with one value of that field keep their order, since they go to "
		"one partition.\n\n"
		"A record counts as sent when a broker has confirmed it. Brokers that are away are waited for: records "
		"wait in librdkafka's queue, of queue_size records and queue_bytes, and in one before it, of "
		"queue_size "
		"records. What happens when both are full, "
		"when_full says. A node that was told to stop sends what is queued first, for drain_timeout at most; "
		"what no broker has confirmed by then is counted as unsent.\n\n"
		"properties takes every setting of librdkafka. Unless set there, enable.idempotence is true, "
		"message.timeout.ms is 0 (without end), queue.buffering.max.messages is queue_size, and "
		"queue.buffering.max.kbytes is queue_bytes.",
	.options = kafka_option_table,
	.options_size = sizeof(struct kafka_options),
	.drops = kafka_drops,
	.state_size = sizeof(struct kafka_state),
	.keeps_nothing = true,
	.restored = "At least once: what was sent after the snapshot is sent again.",
	.check = kafka_check,
	.init = kafka_init,
	.fini = kafka_fini,
	EXPORT_SINK,
};
OPERATOR_REGISTER(kafka_type);
