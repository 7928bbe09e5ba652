// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// kafka_source: a source that makes records of the messages of Kafka topics.
//
//   in       messages: JSON objects, comma-separated values, or plain text
//   out      records: a schema of the `fields`, absent where the message has none; with metadata, where it lay
//            dead: each message that was dropped, with the reason (dataplane/dead_letter.h)
//   drops    those of dataplane/text_source.h; oversized: longer than message_max
//   state    a consumer per instance: librdkafka's queue of at most queue_bytes, and the time of each partition
//
// Messages come by librdkafka's own threads into a queue, from which a poll takes what is there: a worker waits for no
// broker. They are taken only when there is room downstream; a full queue stops the fetching.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/kafka_client.h"
#include "dataplane/kafka_fields.h"
#include "dataplane/kafka_positions.h"
#include "dataplane/text_source.h"

enum { LAG_NS = 1000000000 }; // how often the lag is looked up

enum gauge { GAUGE_CUT = TEXT_GAUGE_CUT, GAUGE_PARTITIONS, GAUGE_AT_END, GAUGE_LAG, GAUGE_ERRORS };
static const char *const kafka_gauges[] = {
	[GAUGE_CUT] = "cut",
	[GAUGE_PARTITIONS] = "partitions",
	[GAUGE_AT_END] = "at_end",
	[GAUGE_LAG] = "lag",
	[GAUGE_ERRORS] = "errors",
	NULL,
};

enum start { START_BEGINNING, START_END };
static const char *const start_names[] = {[START_BEGINNING] = "beginning", [START_END] = "end", NULL};

struct kafka_source_options {
	struct text_source_options text;
	char *brokers, *group;
	struct option_list topics, offsets, properties;
	unsigned start;
	bool stop_at_end, metadata;
	uint64_t message_max, queue_bytes;
};

#define AT(member) offsetof(struct kafka_source_options, member)
static const struct option kafka_option_table[] = {
	{"brokers", OPTION_STRING, AT(brokers), .min = 1, .max = 4096, .required = true,
		.help = "where to begin: HOST:PORT, several with commas"},
	{"topics", OPTION_LIST, AT(topics), .min = 1, .max = 64, .required = true, .help = "topics to read"},
	{"group", OPTION_STRING, AT(group), .min = 1, .max = 255,
		.help = "consumer group that shares the partitions out and keeps the offsets; none: the instances of "
			"this operator share all partitions, and nothing is kept"},
	{"start", OPTION_ENUM, AT(start), "beginning", .choices = start_names,
		.help = "where to begin in a partition that has no offset"},
	{"offsets", OPTION_LIST, AT(offsets), .max = KAFKA_OFFSETS_MAX,
		.help = "without group: where to begin, TOPIC:PARTITION:OFFSET each"},
	{"stop_at_end", OPTION_BOOL, AT(stop_at_end), "false",
		.help = "without group: end once every partition was read to its end"},
	TEXT_SOURCE_OPTIONS(AT(text)),
	{"metadata", OPTION_BOOL, AT(metadata), "false",
		.help = "add the fields kafka.topic, kafka.partition, kafka.offset, kafka.time and kafka.key"},
	{"message_max", OPTION_SIZE, AT(message_max), "64KiB", 16, 16 << 20, .help = "longest message"},
	{"queue_bytes", OPTION_SIZE, AT(queue_bytes), "64MiB", 1 << 20, UINT64_C(1) << 30,
		.help = "of messages that were fetched and wait to be taken; of each instance"},
	{"properties", OPTION_LIST, AT(properties),
		.help = "further settings of librdkafka, NAME=VALUE each, such as security.protocol=ssl"},
	{0},
};
#undef AT

struct kafka_source {
	struct text_source text;
	struct kafka_client client;
	rd_kafka_queue_t *queue;
	struct kafka_finder *finder; // without a group
	struct kafka_partitions partitions;
	struct kafka_partitions left; // those before, until others are assigned: what was taken of them is in the state
	bool is_assigned, was_empty;  // was_empty: the last poll found nothing
	uint64_t lag_at_ns;
	const rd_kafka_message_t *message; // that is being read
	struct kafka_fields fields;        // with metadata
};

static int kafka_source_check(const void *given, char *error, size_t size) {
	const struct kafka_source_options *options = given;
	struct kafka_offset offset;
	if (options->group != NULL && (options->stop_at_end || options->offsets.count > 0)) {
		snprintf(
			error, size, "%s: expected no group with it", options->stop_at_end ? "stop_at_end" : "offsets");
		return -EINVAL;
	}
	for (unsigned i = 0; i < options->offsets.count; i++) {
		if (kafka_offset_parse(options->offsets.items[i], &offset))
			continue;
		snprintf(error, size, "offsets: \"%s\": expected TOPIC:PARTITION:OFFSET", options->offsets.items[i]);
		return -EINVAL;
	}
	int ret = kafka_client_check(&options->properties, error, size);
	return ret == 0 ? text_source_check(&options->text, error, size) : ret;
}

static int kafka_source_derive(struct derivation *derivation) {
	const struct kafka_source_options *options = derivation->options;
	struct schema *schema;
	int ret = text_source_derive(derivation, &options->text, &schema);
	if (ret == 0 && options->metadata)
		ret = kafka_fields_add(schema, derivation->error, derivation->error_size);
	return ret == 0 ? text_source_derived(derivation, &options->text) : ret;
}

static void fill_fields(struct instance *self, void *body) {
	const struct kafka_source *state = self->state;
	kafka_fields_fill(&state->fields, state->message, body);
}

static int init_text(struct instance *self) {
	const struct kafka_source_options *options = self->options;
	struct kafka_source *state = self->state;
	int ret = text_source_init(&state->text, self, &options->text);
	if (ret != 0 || !options->metadata)
		return ret;
	kafka_fields_init(&state->fields, state->text.layout.schema);
	state->text.fill = fill_fields;
	return 0;
}

static void leave_partitions(struct kafka_source *state, struct kafka_positions *positions) {
	// Those that were left before stay known where there are no others since.
	struct kafka_partitions *gone = state->partitions.count > 0 ? &state->left : &state->partitions;
	kafka_positions_forget(positions, &state->partitions);
	kafka_partitions_fini(gone);
	if (gone == &state->left)
		state->left = state->partitions;
	state->partitions = (struct kafka_partitions){.others = {.next_offset = -1}};
}

// From now on these are the partitions of this instance. Waits for librdkafka's own thread, for no broker.
//   list  NULL: none
static void adopt_partitions(struct instance *self, rd_kafka_topic_partition_list_t *list) {
	struct kafka_source *state = self->state;
	leave_partitions(state, self->op->shared);
	if (list != NULL)
		kafka_partitions_fini(&state->left);
	if (kafka_partitions_adopt(&state->partitions, list) != 0)
		instance_fail(self, "out of memory: event time does not wait for all partitions");
	unsigned resumed = kafka_positions_apply(self->op->shared, list, &state->partitions);
	rd_kafka_resp_err_t error = rd_kafka_assign(state->client.handle, list);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		instance_fail(self, "%s: no partition assigned: %s", state->client.brokers, rd_kafka_err2str(error));
	// The group goes back as well: who gets them before this instance has read on must not miss what it did not.
	if (resumed > 0 && ((const struct kafka_source_options *)self->options)->group != NULL)
		rd_kafka_commit(state->client.handle, list, 1);
	state->is_assigned = list != NULL;
	self->gauges[GAUGE_PARTITIONS] = state->partitions.count;
}

// The two below are called while the worker takes messages, the first also when the consumer is closed.
static void on_rebalance(
	rd_kafka_t *consumer, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list, void *context) {
	const struct kafka_client *client = context;
	adopt_partitions(client->owner, error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? list : NULL);
}

static void on_error(rd_kafka_t *consumer, int error, const char *reason, void *context) {
	struct kafka_client *client = context;
	struct instance *self = client->owner;
	self->gauges[GAUGE_ERRORS]++;
	kafka_client_complain(client, reason);
}

// Partitions come and go all at once.
static int check_strategy(const struct kafka_client *client) {
	char strategy[256];
	size_t size = sizeof(strategy);
	if (rd_kafka_conf_get(client->conf, "partition.assignment.strategy", strategy, &size) != RD_KAFKA_CONF_OK ||
		strstr(strategy, "cooperative") == NULL)
		return 0;
	operator_error(
		client->op, "properties: partition.assignment.strategy: %s: expected range or roundrobin", strategy);
	return -EINVAL;
}

static int configure(struct instance *self) {
	const struct kafka_source_options *options = self->options;
	struct kafka_source *state = self->state;
	char queue_kbytes[24];
	snprintf(queue_kbytes, sizeof(queue_kbytes), "%u", (unsigned)(options->queue_bytes / 1024));
	const char *const properties[][2] = {
		{"bootstrap.servers", options->brokers},
		{"group.id", options->group != NULL ? options->group : "weir"}, // which nobody joins
		{"enable.auto.commit", options->group != NULL ? "true" : "false"},
		{"auto.offset.reset", options->start == START_BEGINNING ? "earliest" : "latest"},
		{"enable.partition.eof", "true"},
		{"partition.assignment.strategy", "range,roundrobin"},
		{"queued.max.messages.kbytes", queue_kbytes},
	};
	int ret = 0;
	kafka_client_init(&state->client, self->op, options->brokers, self);
	for (size_t i = 0; ret == 0 && i < sizeof(properties) / sizeof(properties[0]); i++)
		ret = kafka_client_set(&state->client, properties[i][0], properties[i][1]);
	if (ret == 0)
		ret = kafka_client_set_all(&state->client, &options->properties);
	if (ret == 0)
		ret = check_strategy(&state->client);
	rd_kafka_conf_set_rebalance_cb(state->client.conf, on_rebalance);
	rd_kafka_conf_set_error_cb(state->client.conf, on_error);
	return ret;
}

// Join the group, or look for the partitions of which this instance has its share.
static int subscribe(struct instance *self) {
	const struct kafka_source_options *options = self->options;
	struct kafka_source *state = self->state;
	if (options->group == NULL)
		return kafka_finder_new(&state->finder, self, state->client.handle,
			&(struct kafka_search){
				.topics = &options->topics,
				.offsets = &options->offsets,
				.default_offset = options->start == START_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING
										    : RD_KAFKA_OFFSET_END,
			});
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)options->topics.count);
	for (unsigned i = 0; i < options->topics.count; i++)
		rd_kafka_topic_partition_list_add(list, options->topics.items[i], RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t error = rd_kafka_subscribe(state->client.handle, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	operator_error(self->op, "topics: %s", rd_kafka_err2str(error));
	return -EINVAL;
}

static int kafka_source_init(struct instance *self) {
	static const uint64_t one = 1;
	struct kafka_source *state = self->state;
	int ret = init_text(self);
	if (ret == 0)
		ret = configure(self);
	if (ret == 0)
		ret = kafka_client_start(&state->client, RD_KAFKA_CONSUMER);
	if (ret != 0)
		return ret;
	rd_kafka_poll_set_consumer(state->client.handle);
	state->queue = rd_kafka_queue_get_consumer(state->client.handle);
	self->input_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (self->input_fd > 0)
		rd_kafka_queue_io_event_enable(state->queue, self->input_fd, &one, sizeof(one));
	return subscribe(self);
}

static void kafka_source_fini(struct instance *self) {
	struct kafka_source *state = self->state;
	kafka_finder_free(state->finder);
	if (state->queue != NULL) {
		rd_kafka_queue_io_event_enable(state->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(state->queue);
	}
	kafka_client_fini(&state->client);
	if (self->input_fd > 0)
		close(self->input_fd);
	kafka_partitions_fini(&state->partitions);
	kafka_partitions_fini(&state->left);
	text_source_fini(&state->text);
}

// What librdkafka has to say in place of a message.
static void take_event(struct instance *self, struct kafka_partition *partition, const rd_kafka_message_t *message) {
	struct kafka_source *state = self->state;
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		partition->is_at_end = true;
		if (partition->next_offset < 0)
			partition->next_offset = message->offset;
		return;
	}
	self->gauges[GAUGE_ERRORS]++;
	kafka_client_complain(&state->client, rd_kafka_message_errstr(message));
}

//   return  bytes of the message
static size_t take_message(struct instance *self, struct batch *batch, const rd_kafka_message_t *message) {
	const struct kafka_source_options *options = self->options;
	struct kafka_source *state = self->state;
	const char *topic = message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "";
	struct kafka_partition *partition = kafka_partitions_lookup(&state->partitions, topic, message->partition);
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		take_event(self, partition, message);
		return 0;
	}
	const struct text_item item = {
		.text = {message->payload != NULL ? message->payload : "", message->len, (uint64_t)message->offset,
			message->partition},
		.is_too_long = message->len > options->message_max,
		.latest_ns = &partition->latest_ns,
	};
	partition->is_at_end = false;
	partition->next_offset = message->offset + 1;
	state->message = message;
	text_source_take(&state->text, self, batch, &item);
	return message->len;
}

// The figures that cost more than a batch is worth.
static void tell_lag(struct instance *self) {
	struct kafka_source *state = self->state;
	uint64_t now_ns = clock_monotonic_ns();
	self->gauges[GAUGE_AT_END] = kafka_partitions_at_end(&state->partitions);
	if (now_ns - state->lag_at_ns < LAG_NS)
		return;
	state->lag_at_ns = now_ns;
	self->gauges[GAUGE_LAG] = kafka_partitions_lag(&state->partitions, state->client.handle);
}

// What the finder found, once.
static void take_found(struct instance *self) {
	struct kafka_source *state = self->state;
	rd_kafka_topic_partition_list_t *list =
		state->finder != NULL && !state->is_assigned ? kafka_finder_take(state->finder) : NULL;
	if (list == NULL)
		return;
	adopt_partitions(self, list);
	self->finished = list->cnt == 0; // other instances have them all
	rd_kafka_topic_partition_list_destroy(list);
}

static unsigned kafka_source_poll(struct instance *self, unsigned room) {
	const struct kafka_source_options *options = self->options;
	struct kafka_source *state = self->state;
	struct batch batch = {.count = 0};
	rd_kafka_message_t *messages[BATCH_MAX];
	uint64_t bytes = 0, events;
	if (self->stopping) {
		self->finished = true;
		return 0;
	}
	take_found(self);
	// Before the queue is looked at, lest a message that comes in between wakes nobody.
	if (state->was_empty && read(self->input_fd, &events, sizeof(events)) < 0 && errno != EAGAIN)
		instance_fail(self, "eventfd: %s", strerror(errno));
	text_source_begin(&state->text, self);
	ssize_t count = rd_kafka_consume_batch_queue(state->queue, 0, messages, room);
	for (ssize_t i = 0; i < count; i++) {
		bytes += take_message(self, &batch, messages[i]);
		rd_kafka_message_destroy(messages[i]);
	}
	instance_take_in(self, TEXT_OUTPUT_RECORDS, &batch, bytes);
	text_source_advance(&state->text, self, count > 0, kafka_partitions_latest_ns(&state->partitions));
	tell_lag(self);
	state->was_empty = count <= 0;
	if (options->stop_at_end && state->is_assigned && self->gauges[GAUGE_AT_END] == state->partitions.count)
		self->finished = true;
	return count > 0 ? (unsigned)count : 0;
}

enum { STATE_POSITION = 1 };

static uint64_t kafka_source_layout(const struct operator *op) {
	return sizeof(struct kafka_position);
}

static void kafka_source_save(const struct operator *op, struct state_writer *writer) {
	kafka_positions_save(op->shared, writer, STATE_POSITION);
	for (unsigned i = 0; i < op->instance_count; i++) {
		const struct kafka_source *state = op->instances[i]->state;
		kafka_partitions_save(&state->left, writer, STATE_POSITION);
	}
	// One that changed hands between two instances counts as the second has it.
	for (unsigned i = 0; i < op->instance_count; i++) {
		const struct kafka_source *state = op->instances[i]->state;
		kafka_partitions_save(&state->partitions, writer, STATE_POSITION);
	}
}

static int kafka_source_restore(struct operator *op, struct state_reader *reader) {
	struct state_item item;
	int ret;
	while ((ret = state_next(reader, &item)) == 1) {
		ret = item.kind == STATE_POSITION ? kafka_positions_take(op->shared, &item) : -EINVAL;
		if (ret < 0)
			break;
	}
	if (ret == 0)
		ret = kafka_positions_settle(op->shared);
	if (ret < 0)
		operator_error(op, "what the snapshot has of its partitions: %s", strerror(-ret));
	return ret;
}

static const struct operator_saving kafka_source_saving = {
	.layout = kafka_source_layout,
	.save = kafka_source_save,
	.restore = kafka_source_restore,
	.is_for_any_number = true,
};

static void kafka_source_close(struct operator *op) {
	if (op->shared == NULL)
		return;
	kafka_positions_fini(op->shared);
	free(op->shared);
	op->shared = NULL;
}

static int kafka_source_open(struct operator *op) {
	struct kafka_positions *positions = operator_new_shared(op, sizeof(*positions));
	if (positions != NULL)
		kafka_positions_init(positions);
	return positions != NULL ? 0 : -ENOMEM;
}

static const char kafka_source_manual[] =
	"Makes a record of each message of the topics. The records have the fields that are listed, each with its "
	"type; a field that the message does not have is absent. With metadata they also have kafka.topic, "
	"kafka.partition, kafka.offset, kafka.time (of the message) and kafka.key; time: kafka.time goes by "
	"that.\n\n" TEXT_SOURCE_MANUAL
	"Event time is that of the partition that is furthest behind, its latest so far less out_of_order; a partition "
	"that was read to its end holds nothing back.\n\n"
	"With group, brokers share the partitions out among all instances and nodes of that group, and keep how far "
	"each was read: a message counts as read once it was taken in, and the offsets are sent every few seconds and "
	"at the end. A node that is killed reads the last seconds again, and loses what it held. Without group, "
	"instance i of n has the partitions i, i + n, ...; a topic that does not exist yet is waited for; nothing is "
	"kept, so each start begins at start, or at offsets.\n\n"
	"Brokers that are away are waited for. What they and librdkafka report is told on standard error and counted "
	"in the gauge errors; lag is how many messages lie behind what was read, in the partitions at hand. properties "
	"takes every setting of librdkafka but a cooperative partition.assignment.strategy.";

static struct operator_type kafka_source_type = {
	.name = "kafka_source",
	.summary = "make records of the messages of Kafka topics",
	.manual = kafka_source_manual,
	.options = kafka_option_table,
	.options_size = sizeof(struct kafka_source_options),
	.outputs = text_source_outputs,
	.drops = text_source_drops,
	.gauges = kafka_gauges,
	.parallelism = 1,
	.state_size = sizeof(struct kafka_source),
	.saving = &kafka_source_saving,
	.restored =
		"Each partition is gone on with behind its last message before the snapshot, in any number of "
		"instances, whatever offsets the group has by now; one of which nothing was known yet begins as "
		"without a snapshot, and one whose messages "
		"the brokers no longer have at start. With a group of several nodes this holds for partitions that the "
		"node had and gets again: what another node of the group has read of them meanwhile is read twice. "
		"Those that go to another node go on there at the group's offsets: what this node read of them after "
		"the snapshot is lost. State is exact without a group, and where the group is one instance's.",
	.check = kafka_source_check,
	.derive = kafka_source_derive,
	.open = kafka_source_open,
	.close = kafka_source_close,
	.init = kafka_source_init,
	.fini = kafka_source_fini,
	.poll = kafka_source_poll,
};
OPERATOR_REGISTER(kafka_source_type);
