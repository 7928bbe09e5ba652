// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// redis: a sink that keeps records in Redis: as entries of a stream, as hashes, or as members of a sorted set.
//
//   in       any schema
//   out      commands to Redis, pipelined
//   drops    queue_full: no place in the queue; refused: Redis does not take it; unsent: not known to be stored when
//            the node had to end
//   options  redis, password_file, as, key, score, member, max_length, expire and those of the queue
//   state    a queue of records (export_queue.h) and a connection; one instance
//
// A record leaves the queue when Redis has answered for it. After a lost connection all that it has not answered for is
// sent again: nothing is lost, and what is stored by a name of its own (a hash, a member) is the same when it is stored
// twice. An entry of a stream is then there twice: at least once.
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/redis_link.h"
#include "dataplane/export_queue.h"
#include "dataplane/field_template.h"

enum {
	WINDOW = 1024, // records that wait for an answer
	WAIT_MS = 20,
	COMPLAIN_NS = 1000000000,
	ARGUMENTS_MAX = 2 * SCHEMA_FIELDS_MAX + 8,
	NUMBER_MAX = 32, // characters of a number
};

enum kind { KIND_STREAM, KIND_HASH, KIND_SORTED_SET };
static const char *const kind_names[] = {"stream", "hash", "sorted_set", NULL};
static const char *const redis_drops[] = {"queue_full", "refused", "unsent", NULL};

struct redis_options {
	struct export_options export;
	char *redis, *password_file, *key, *score, *member;
	unsigned kind;
	uint64_t max_length, expire_ns;
};

struct redis_state {
	struct export_queue *queue; // first: see export_queue.h
	struct instance *instance;
	const struct redis_options *options;
	const struct schema *schema;
	struct redis_endpoint endpoint;
	char password[REDIS_PASSWORD_SIZE];
	struct field_template key, member;
	const struct field *score;
	// the sender's
	struct redis_link link;
	bool is_up;       // Redis has answered since it was lost last
	unsigned asked;   // of the oldest records, those sent and not answered for
	unsigned answers; // that came for the oldest of them
	bool is_refused;  // one of those was an error
	uint64_t losses;  // of the link, as far as they were noted
	uint64_t complained_ns;
	unsigned argument_count;
	const char *arguments[ARGUMENTS_MAX];
	size_t sizes[ARGUMENTS_MAX];
	char *text, *text_end; // of the arguments of one record
};

// At most once a second.
static void complain(struct redis_state *state, const char *reason) {
	uint64_t now_ns = clock_monotonic_ns();
	if (state->complained_ns != 0 && now_ns - state->complained_ns < COMPLAIN_NS)
		return;
	state->complained_ns = now_ns;
	operator_warn(state->instance->op, "%s: %s", state->options->redis, reason);
}

// Where the connection was lost: what was not answered is to be sent again.
static void note_loss(struct redis_state *state) {
	if (state->losses == state->link.losses)
		return;
	complain(state, state->link.reason);
	state->losses = state->link.losses;
	state->is_up = false;
	state->asked = state->answers = 0;
	state->is_refused = false;
}

static void add_argument(struct redis_state *state, const char *text, size_t size) {
	state->arguments[state->argument_count] = text;
	state->sizes[state->argument_count++] = size;
}

static void add_word(struct redis_state *state, const char *word) {
	add_argument(state, word, strlen(word));
}

static void add_value(struct redis_state *state, const struct field *field, const void *body) {
	size_t size = field_format(field, body, state->text_end, field_value_max(field));
	add_argument(state, state->text_end, size);
	state->text_end += size;
}

static void add_template(struct redis_state *state, const struct field_template *template, const void *body) {
	size_t size = field_template_format(template, body, state->text_end);
	add_argument(state, state->text_end, size);
	state->text_end += size;
}

static void add_fields(struct redis_state *state, const void *body) {
	for (const struct field *field = state->schema->fields; field->name != NULL; field++) {
		if (!schema_is_present(state->schema, field, body))
			continue;
		add_word(state, field->name);
		add_value(state, field, body);
	}
}

static void add_number(struct redis_state *state, uint64_t number) {
	char *start = state->text_end;
	state->text_end += sprintf(start, "%" PRIu64, number);
	add_argument(state, start, (size_t)(state->text_end - start));
}

static void append_command(struct redis_state *state) {
	redisAppendCommandArgv(state->link.connection, (int)state->argument_count, state->arguments, state->sizes);
}

// Commands for each record: that which stores it, and one that lets it expire.
static unsigned commands_per_record(const struct redis_state *state) {
	return state->options->expire_ns > 0 ? 2 : 1;
}

static void append_record(struct redis_state *state, const void *body) {
	static const char *const commands[] = {"XADD", "HSET", "ZADD"};
	const struct redis_options *options = state->options;
	state->argument_count = 0;
	state->text_end = state->text;
	add_word(state, commands[options->kind]);
	add_template(state, &state->key, body);
	if (options->kind == KIND_STREAM) {
		if (options->max_length > 0) {
			add_word(state, "MAXLEN");
			add_word(state, "~");
			add_number(state, options->max_length);
		}
		add_word(state, "*");
	}
	if (options->kind == KIND_SORTED_SET) {
		add_value(state, state->score, body);
		add_template(state, &state->member, body);
	} else {
		add_fields(state, body);
	}
	append_command(state);
	if (options->expire_ns == 0)
		return;
	state->argument_count = 2; // the key stays the second
	state->arguments[0] = "PEXPIRE";
	state->sizes[0] = strlen("PEXPIRE");
	add_number(state, options->expire_ns / 1000000);
	append_command(state);
}

// Errors that pass by themselves: the record is asked for again later.
static bool is_passing(const char *error) {
	static const char *const passing[] = {"LOADING", "READONLY", "OOM", "BUSY", "MASTERDOWN", "TRYAGAIN",
		"CLUSTERDOWN", "NOAUTH", "WRONGPASS", "MISCONF", "NOREPLICAS"};
	for (unsigned i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strncmp(error, passing[i], strlen(passing[i])) == 0)
			return true;
	return false;
}

static void note_up(struct redis_state *state) {
	if (!state->is_up && state->losses > 0) {
		export_queue_reconnected(state->queue);
		operator_warn(state->instance->op, "%s: connected again", state->options->redis);
	}
	state->is_up = true;
}

// One answer to a command of the oldest record.
//   return  whether it was the last for that record
static bool take_reply(struct redis_state *state, const redisReply *reply) {
	note_up(state);
	if (reply->type == REDIS_REPLY_ERROR) {
		instance_fail(state->instance, "%s: key %s: %s: a record is lost (counted as refused)",
			state->options->redis, state->options->key, reply->str);
		state->is_refused = true;
	}
	if (++state->answers < commands_per_record(state))
		return false;
	if (state->is_refused)
		export_queue_failed(state->queue, 1);
	else
		export_queue_sent(state->queue, 1);
	state->answers = 0;
	state->is_refused = false;
	state->asked--;
	return true;
}

// Take the answers that have come.
//   return  records that are answered for
static unsigned take_replies(struct redis_state *state, uint64_t now_ns) {
	unsigned done = 0;
	redisReply *reply;
	while (redis_link_reply(&state->link, &reply, now_ns) > 0) {
		if (reply->type == REDIS_REPLY_ERROR && is_passing(reply->str))
			redis_link_lose(&state->link, reply->str, now_ns);
		else
			done += take_reply(state, reply);
		freeReplyObject(reply);
	}
	return done;
}

static unsigned redis_send(void *context, const void *records, unsigned count) {
	struct redis_state *state = context;
	const size_t stride = export_queue_stride(state->queue);
	const uint64_t now_ns = clock_monotonic_ns();
	unsigned done = 0;
	if (count == 0 && state->link.connection == NULL && state->link.sentinels == NULL)
		return 0;
	bool is_connected = redis_link_work(&state->link, now_ns);
	note_loss(state);
	if (!is_connected)
		return 0;
	while (state->asked < count && state->asked < WINDOW)
		append_record(state, (const uint8_t *)records + state->asked++ * stride);
	if (state->asked == 0 && state->link.is_greeted)
		return 0;
	if (redis_link_exchange(&state->link, WAIT_MS, now_ns))
		done = take_replies(state, now_ns);
	note_loss(state);
	return done;
}

static int fail_field(const struct instance *self, const char *option, const char *name) {
	operator_error(self->op, "%s: \"%s\": no field of %s", option, name, self->op->input->name);
	return -EINVAL;
}

static int compile_template(
	const struct instance *self, const char *option, const char *text, struct field_template *template) {
	char error[300];
	int ret = field_template_parse(template, self->op->input, text, error, sizeof(error));
	if (ret != 0)
		operator_error(self->op, "%s: %s", option, error);
	return ret;
}

static int reserve_text(struct redis_state *state) {
	size_t size = field_template_max(&state->key) + field_template_max(&state->member) + 4 * NUMBER_MAX;
	for (const struct field *field = state->schema->fields; field->name != NULL; field++)
		size += field_value_max(field);
	state->text = malloc(size);
	if (state->text != NULL)
		return 0;
	operator_error(state->instance->op, "out of memory");
	return -ENOMEM;
}

static int read_password(struct redis_state *state) {
	char error[REDIS_ERROR_SIZE];
	if (state->options->password_file == NULL)
		return 0;
	int ret = redis_password_read(state->options->password_file, state->password, error);
	if (ret != 0)
		operator_error(state->instance->op, "password_file: %s: %s", state->options->password_file, error);
	return ret;
}

static int compile_names(struct redis_state *state) {
	const struct instance *self = state->instance;
	int ret = compile_template(self, "key", state->options->key, &state->key);
	if (ret != 0 || state->options->kind != KIND_SORTED_SET)
		return ret;
	ret = compile_template(self, "member", state->options->member, &state->member);
	state->score = schema_field(state->schema, state->options->score);
	if (ret == 0 && state->score == NULL)
		return fail_field(self, "score", state->options->score);
	return ret;
}

static int redis_check(const void *given, char *error, size_t size) {
	const struct redis_options *options = given;
	struct redis_endpoint endpoint;
	char message[REDIS_ERROR_SIZE];
	bool is_set = options->kind == KIND_SORTED_SET;
	if (redis_endpoint_parse(options->redis, &endpoint, message) != 0) {
		snprintf(error, size, "redis: %s", message);
		return -EINVAL;
	}
	if (endpoint.kind == REDIS_NONE) {
		snprintf(error, size,
			"redis: \"%s\": expected unix:///PATH, tcp://ADDRESS:PORT or sentinel://ADDRESS:PORT,.../NAME",
			options->redis);
		return -EINVAL;
	}
	if (is_set != (options->score != NULL) || is_set != (options->member != NULL)) {
		snprintf(error, size, "as: %s: %s", kind_names[options->kind],
			is_set ? "expected score and member" : "expected no score and no member");
		return -EINVAL;
	}
	if (options->max_length > 0 && options->kind != KIND_STREAM) {
		snprintf(error, size, "max_length: expected as: stream with it");
		return -EINVAL;
	}
	return 0;
}

static int redis_init(struct instance *self) {
	static const struct export_sender sender = {.name = "weir-redis", .send = redis_send};
	struct redis_state *state = self->state;
	char error[REDIS_ERROR_SIZE];
	state->instance = self;
	state->options = self->options;
	state->schema = self->op->input;
	int ret = redis_endpoint_parse(state->options->redis, &state->endpoint, error);
	if (ret == 0)
		ret = compile_names(state);
	if (ret == 0)
		ret = read_password(state);
	if (ret == 0)
		ret = reserve_text(state);
	if (ret == 0)
		ret = redis_link_init(&state->link, &state->endpoint, state->password);
	return ret == 0 ? export_queue_new(&state->queue, self, &state->options->export, &sender, state) : ret;
}

static void redis_fini(struct instance *self) {
	struct redis_state *state = self->state;
	export_queue_free(state->queue);
	redis_link_fini(&state->link);
	explicit_bzero(state->password, sizeof(state->password));
	free(state->text);
}

#define AT(member) offsetof(struct redis_options, member)
static const struct option redis_option_table[] = {
	{"redis", OPTION_STRING, AT(redis), .min = 1, .max = 400, .required = true,
		.help = "where it is: unix://[USER@]/PATH, tcp://[USER@]ADDRESS:PORT, or "
			"sentinel://[USER@]ADDRESS:PORT,.../NAME: the primary that these Sentinels name"},
	{"password_file", OPTION_STRING, AT(password_file), .min = 1, .max = PATH_MAX - 1,
		.help = "file whose first line is the password; nobody else may read it"},
	{"as", OPTION_ENUM, AT(kind), "stream", .choices = kind_names,
		.help = "what a record becomes: an entry of a stream, a hash, or a member of a sorted set"},
	{"key", OPTION_STRING, AT(key), .min = 1, .max = 400, .required = true,
		.help = "key in Redis; {FIELD} stands for a field's value: flow:{src_ip}"},
	{"score", OPTION_STRING, AT(score), .min = 1, .max = SCHEMA_NAME_MAX,
		.help = "sorted_set: field whose value is the score"},
	{"member", OPTION_STRING, AT(member), .min = 1, .max = 400, .help = "sorted_set: the member, as key: {src_ip}"},
	{"max_length", OPTION_UINT, AT(max_length), "0", 0, UINT64_C(1) << 40,
		.help = "stream: about how many entries are kept; 0: all"},
	{"expire", OPTION_DURATION, AT(expire_ns), "0s",
		.help = "the key is gone so long after its last record; 0s: never"},
	EXPORT_OPTIONS(AT(export)),
	{0},
};
#undef AT

static const char redis_manual[] =
	"Keeps each record in Redis: as an entry of a stream (XADD), as a hash (HSET), or as a member of a sorted set "
	"with the value of score (ZADD). Entries and hashes have the record's fields by their names, with values as "
	"text; fields that do not apply are left out. In key and member, {FIELD} stands for the value of a field; "
	"where it does not apply, for nothing. A hash of one name is written over by later records of that name, field "
	"by field.\n\nCommands are pipelined, up to 1024 records at a time, by a thread of their own. A record counts "
	"as sent when Redis has answered; until then it keeps its place in the queue, and after a lost connection, "
	"which is tried again twice a second, it is sent once more. So none is lost while the node runs; hashes and "
	"members of sorted sets are the same when they are stored twice, entries of a stream are stored at least "
	"once.\n\nOf redis: sentinel://... the Sentinels are asked once a second where the primary called NAME is. "
	"After a failover the connection follows, and what the old primary had not answered for is sent to the new "
	"one; records that the old one had confirmed and not yet replicated are lost with it.\n\nErrors that pass "
	"(Redis is loading, is out of memory, is a read-only replica, wants another password) are waited for; what "
	"Redis refuses for good, because the key holds something else, is counted as refused, and the node exits 1 in "
	"the end. When the queue is full, when_full says what happens; a node that was told to stop sends what is "
	"queued first, for drain_timeout at most, and counts the rest as unsent.";

static struct operator_type redis_type = {
	.name = "redis",
	.summary = "keep records in Redis, as a stream, hashes or a sorted set",
	.manual = redis_manual,
	.options = redis_option_table,
	.options_size = sizeof(struct redis_options),
	.drops = redis_drops,
	.state_size = sizeof(struct redis_state),
	.keeps_nothing = true,
	.restored = "Idempotent where kind sets fields of a hash or scores; entries that streams got after the "
		    "snapshot they get again.",
	.check = redis_check,
	.init = redis_init,
	.fini = redis_fini,
	EXPORT_SINK,
};
OPERATOR_REGISTER(redis_type);
