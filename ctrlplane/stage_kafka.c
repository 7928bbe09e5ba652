// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// kafka: hands each summary on to a Kafka topic as it is counted, for a stream engine to go on with. librdkafka's
// threads talk to the brokers; this one puts messages into its bounded queue, and never waits: what finds no place is
// dropped and counted, and so is what no broker took in time.
#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/message_json.h"
#include "ctrlplane/nodes.h"
#include "ctrlplane/stage.h"

enum { KAFKA_JSON, KAFKA_PROTOBUF };
enum { KAFKA_TEXT_SIZE = 1024, KAFKA_TOPIC_SIZE = 250, FINISH_MS = 500, COMPLAIN_S = 10, KIB = 1024 };

static const char *const format_names[] = {"json", "protobuf", NULL};
static const char *const compression_names[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

struct kafka_options {
	char brokers[KAFKA_TEXT_SIZE], topic[KAFKA_TOPIC_SIZE];
	int format, compression;
	uint32_t queue_size, queue_bytes;
	uint64_t timeout_ns;
	struct conf_strings properties;
};

struct kafka_state {
	rd_kafka_t *producer;
	uint64_t sent, queue_full, send_error;
	uint64_t complained_mono_ns; // 0: never
	char error[256];             // the latest
	bool is_down;
};

static const struct stage_option kafka_options[] = {
	{.name = "brokers",
		.type = CONF_STRING,
		.offset = offsetof(struct kafka_options, brokers),
		.size = KAFKA_TEXT_SIZE,
		.is_required = true,
		.help = "where to begin: HOST:PORT, several with commas"},
	{.name = "topic",
		.type = CONF_STRING,
		.offset = offsetof(struct kafka_options, topic),
		.size = KAFKA_TOPIC_SIZE,
		.is_required = true,
		.help = "topic to send to; the name of the node is the key of each message"},
	{.name = "format",
		.type = CONF_CHOICE,
		.offset = offsetof(struct kafka_options, format),
		.choices = format_names,
		.fallback = "json",
		.help = "of a message: an object with the fields of weir.Summary in api/weir.proto, or its bytes"},
	{.name = "compression",
		.type = CONF_CHOICE,
		.offset = offsetof(struct kafka_options, compression),
		.choices = compression_names,
		.fallback = "none",
		.help = "of the messages that go together"},
	{.name = "queue_size",
		.type = CONF_U32,
		.offset = offsetof(struct kafka_options, queue_size),
		.min = 1,
		.max = 1000000,
		.fallback = "10000",
		.help = "summaries that wait for the brokers; what finds no place is dropped and counted"},
	{.name = "queue_bytes",
		.type = CONF_U32,
		.offset = offsetof(struct kafka_options, queue_bytes),
		.min = 1 << 20,
		.max = 1 << 30,
		.fallback = "67108864",
		.help = "that they may take, in whole KiB; what finds no place is dropped and counted"},
	{.name = "timeout",
		.type = CONF_DURATION,
		.offset = offsetof(struct kafka_options, timeout_ns),
		.min = 1e9,
		.max = 3600e9,
		.fallback = "5min",
		.help = "then a summary that no broker has taken is given up and counted"},
	{.name = "properties",
		.type = CONF_STRINGS,
		.offset = offsetof(struct kafka_options, properties),
		.help = "further settings of librdkafka, NAME=VALUE each, such as security.protocol=ssl"},
	{0},
};

// Called by rd_kafka_poll, on the controller's thread, as on_error is.
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context) {
	struct kafka_state *self = ((struct stage *)context)->state;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		self->sent++;
		self->is_down = false;
		return;
	}
	self->send_error++;
	snprintf(self->error, sizeof(self->error), "%s", rd_kafka_err2str(message->err));
}

static void on_error(rd_kafka_t *producer, int error, const char *reason, void *context) {
	const struct stage *stage = context;
	struct kafka_state *self = stage->state;
	uint64_t now_ns = clock_mono_ns();
	self->is_down = self->is_down || error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	snprintf(self->error, sizeof(self->error), "%s", reason);
	if (self->complained_mono_ns != 0 && now_ns - self->complained_mono_ns < COMPLAIN_S * NS_PER_S)
		return;
	self->complained_mono_ns = now_ns;
	log_line("stage %s: %s", stage->name, reason);
}

static int kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *error) {
	char reason[256];
	if (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK)
		return 0;
	snprintf(error, CONF_ERROR_SIZE, "%.100s=%.100s: %.250s", name, value, reason);
	return -EINVAL;
}

static int kafka_configure(const struct kafka_options *options, rd_kafka_conf_t *conf, char *error) {
	char queue_size[16], queue_kib[16], timeout_ms[24];
	snprintf(queue_size, sizeof(queue_size), "%u", options->queue_size);
	snprintf(queue_kib, sizeof(queue_kib), "%u", options->queue_bytes / KIB);
	snprintf(timeout_ms, sizeof(timeout_ms), "%llu", (unsigned long long)(options->timeout_ns / NS_PER_MS));
	const char *const settings[][2] = {
		{"bootstrap.servers", options->brokers}, {"compression.codec", compression_names[options->compression]},
		{"enable.idempotence", "true"}, // none twice for the producer's sake, and their order stays
		{"message.timeout.ms", timeout_ms}, {"queue.buffering.max.messages", queue_size},
		{"queue.buffering.max.kbytes", queue_kib}, {"log_level", "0"}, // errors come to on_error
	};
	int err = 0;
	for (size_t i = 0; err == 0 && i < sizeof(settings) / sizeof(settings[0]); i++)
		err = kafka_set(conf, settings[i][0], settings[i][1], error);
	for (size_t i = 0; err == 0 && i < options->properties.length; i++) {
		char name[CONF_STRINGS_SIZE];
		snprintf(name, sizeof(name), "%s", options->properties.items[i]);
		char *equals = strchr(name, '=');
		if (equals == NULL) {
			snprintf(error, CONF_ERROR_SIZE, "properties: \"%.150s\": expected NAME=VALUE", name);
			return -EINVAL;
		}
		*equals = '\0';
		err = kafka_set(conf, name, equals + 1, error);
	}
	return err;
}

static int kafka_init(struct stage *stage, char *error) {
	struct kafka_state *self = stage->state;
	char reason[CONF_ERROR_SIZE - 128] = "out of memory", detail[CONF_ERROR_SIZE] = "";
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int err = kafka_configure(stage->options, conf, detail);
	if (err == 0) {
		rd_kafka_conf_set_opaque(conf, stage);
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
		rd_kafka_conf_set_error_cb(conf, on_error);
		self->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
		if (self->producer != NULL)
			return 0;
		err = -EINVAL;
	}
	rd_kafka_conf_destroy(conf);
	snprintf(error, CONF_ERROR_SIZE, "stage %s: %.300s", stage->name, detail[0] != '\0' ? detail : reason);
	return err;
}

static void kafka_fini(struct stage *stage) {
	struct kafka_state *self = stage->state;
	if (self->producer == NULL)
		return;
	rd_kafka_flush(self->producer, self->is_down ? 0 : FINISH_MS);
	int left = rd_kafka_outq_len(self->producer);
	if (left > 0)
		log_line("stage %s: %d summaries not handed on", stage->name, left);
	rd_kafka_purge(self->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(self->producer, 0);
	rd_kafka_destroy(self->producer);
}

//   return  the bytes, for free(); NULL: no memory
static void *kafka_format(const struct kafka_options *options, const Weir__Summary *summary, size_t *size) {
	if (options->format == KAFKA_PROTOBUF) {
		void *bytes = malloc(weir__summary__get_packed_size(summary) + 1);
		*size = bytes != NULL ? weir__summary__pack(summary, bytes) : 0;
		return bytes;
	}
	json_t *object = message_to_json(&summary->base);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	*size = text != NULL ? strlen(text) : 0;
	return text;
}

static void kafka_summary(struct stage *stage, const struct node *node, const Weir__Summary *summary) {
	struct kafka_state *self = stage->state;
	const struct kafka_options *options = stage->options;
	size_t size = 0;
	// A full queue need not cost the making of what it can't take.
	bool is_full = (uint32_t)rd_kafka_outq_len(self->producer) >= options->queue_size;
	void *bytes = is_full ? NULL : kafka_format(options, summary, &size);
	if (bytes == NULL) {
		self->queue_full++;
		return;
	}
	rd_kafka_resp_err_t error = rd_kafka_producev(self->producer, RD_KAFKA_V_TOPIC(options->topic),
		RD_KAFKA_V_KEY(node->name, strlen(node->name)), RD_KAFKA_V_VALUE(bytes, size),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_FREE), RD_KAFKA_V_END);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	free(bytes);
	if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		self->queue_full++;
		return;
	}
	self->send_error++;
	snprintf(self->error, sizeof(self->error), "%s", rd_kafka_err2str(error));
}

static void kafka_work(struct stage *stage) {
	rd_kafka_poll(((struct kafka_state *)stage->state)->producer, 0);
}

static json_t *kafka_status(const struct stage *stage) {
	const struct kafka_state *self = stage->state;
	return json_pack("{sI sI sI sI so}", "sent", (json_int_t)self->sent, "queued",
		(json_int_t)rd_kafka_outq_len(self->producer), "queue_full", (json_int_t)self->queue_full, "send_error",
		(json_int_t)self->send_error, "error", self->error[0] != '\0' ? json_string(self->error) : json_null());
}

static const struct stage_type kafka_type = {
	.name = "kafka",
	.title = "hands each summary on to a Kafka topic, for an engine such as Flink",
	.manual = "Each summary that counted is a message, in the order of its node. It is acknowledged to the node "
		  "when\n"
		  "the stage store has it, whether or not Kafka does: what Kafka did not take is counted in weirctl\n"
		  "status. What Kafka has taken is there at least once: a controller that is killed before it\n"
		  "acknowledged a summary gets it again; node, incarnation, pipeline, operator, instance and sequence\n"
		  "tell it. Where the controller was behind, a summary comes without its lists: it says shed.\n"
		  "There may be several such stages.",
	.options = kafka_options,
	.options_size = sizeof(struct kafka_options),
	.state_size = sizeof(struct kafka_state),
	.init = kafka_init,
	.fini = kafka_fini,
	.summary = kafka_summary,
	.work = kafka_work,
	.status = kafka_status,
};
STAGE_REGISTER(kafka_type);
