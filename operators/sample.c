// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// sample: let one tuple in N pass, or all tuples of one flow in N.
//
//   in       any schema; mode flow: one with the fields of `key`, packets after flow_id
//   out      the tuples that were chosen, unchanged
//   drops    not_sampled: all others
//   options  one_in, mode, secret, key, symmetric
//   state    a counter or a generator per instance; the choice of flows needs none
//   source   RFC 5475: systematic count-based, uniform probabilistic and hash-based selection
//
// A flow is chosen by a hash of its key with a secret of its own: the groups that weir steers by are the top bits of
// another hash, and a share of one must not be a share of the other's. One secret chooses the same flows wherever it
// is used, and those of one_in: 100 are among those of one_in: 10.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/key.h"
#include "dataplane/operator.h"
#include "dataplane/random.h"
#include "dataplane/state_file.h"

enum mode {
	MODE_PACKET,
	MODE_RANDOM,
	MODE_FLOW,
};

enum { DROP_NOT_SAMPLED };
enum { GAUGE_ONE_IN };

struct sample_options {
	uint64_t one_in;
	unsigned mode;
	char *secret;
	struct option_list key;
	bool symmetric;
};

// What the instances share; constant once they run.
struct selection {
	uint8_t secret[KEY_SECRET_SIZE];
	unsigned key_count;
	const struct field *key[GROUPING_KEY_MAX], *mirror[GROUPING_KEY_MAX];
};

struct sample {
	const struct selection *selection;
	uint64_t one_in, limit; // a random number up to limit is a choice
	uint64_t passed_over;   // mode packet: since the last choice
	uint64_t generator;     // mode random
};

static size_t gather(const struct field *const *fields, unsigned count, const uint8_t *body, uint8_t *key) {
	size_t size = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t length = field_size(fields[i]);
		memcpy(key + size, body + fields[i]->offset, length);
		size += length;
	}
	return size;
}

static bool is_flow_chosen(const struct instance *self, const struct sample *state, const void *body) {
	const struct sample_options *options = self->options;
	const struct selection *selection = state->selection;
	uint8_t key[KEY_SIZE_MAX], mirrored[KEY_SIZE_MAX];
	const uint8_t *hashed = key;
	size_t size = gather(selection->key, selection->key_count, body, key);
	if (options->symmetric) {
		// The same bytes for both directions: of the key and its mirror image, the lesser.
		gather(selection->mirror, selection->key_count, body, mirrored);
		if (memcmp(mirrored, key, size) < 0)
			hashed = mirrored;
	}
	return XXH3_64bits_withSecret(hashed, size, selection->secret, KEY_SECRET_SIZE) <= state->limit;
}

//   body  of the tuple
static bool is_chosen(struct instance *self, const void *body) {
	const struct sample_options *options = self->options;
	struct sample *state = self->state;
	if (options->mode == MODE_FLOW)
		return is_flow_chosen(self, state, body);
	if (options->mode == MODE_RANDOM)
		return random_next(&state->generator) <= state->limit;
	if (++state->passed_over < state->one_in)
		return false;
	state->passed_over = 0;
	return true;
}

static void sample_process(struct instance *self, struct batch *batch) {
	unsigned kept = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		if (is_chosen(self, batch_body(batch, i, self->op->input)))
			batch_move(batch, kept++, i);
		else
			instance_drop(self, DROP_NOT_SAMPLED, batch->tuples[i]);
	}
	batch->count = kept;
	instance_forward(self, 0, batch);
}

static int add_key_field(struct operator *op, struct selection *selection, const char *name) {
	const struct field *field = schema_field(op->input, name);
	if (field == NULL || field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST) {
		operator_error(op, "key: \"%s\": %s of schema %s; expected fields with one value, such as src_ip", name,
			field == NULL ? "no field" : "a list", op->input->name);
		return -EINVAL;
	}
	selection->key[selection->key_count++] = field;
	return 0;
}

static int resolve_key(struct operator *op, struct selection *selection) {
	const struct sample_options *options = op->options;
	size_t size = 0;
	if (options->key.count == 0 || options->key.count > GROUPING_KEY_MAX) {
		operator_error(op, "key: %u fields; expected 1..%u", options->key.count, GROUPING_KEY_MAX);
		return -EINVAL;
	}
	for (unsigned i = 0; i < options->key.count; i++) {
		int ret = add_key_field(op, selection, options->key.items[i]);
		if (ret != 0)
			return ret;
		size += field_size(selection->key[i]);
	}
	if (size > KEY_SIZE_MAX) {
		operator_error(op, "key: its fields have %zu bytes; expected at most %u", size, KEY_SIZE_MAX);
		return -EINVAL;
	}
	key_mirror(op->input, selection->key, selection->key_count, selection->mirror);
	return 0;
}

// Set apart from hash_secret, so that the same text there and here makes two secrets.
static int make_secret(struct operator *op, struct selection *selection) {
	const struct sample_options *options = op->options;
	bool given = options->secret != NULL && options->secret[0] != '\0';
	char text[KEY_SECRET_SIZE + 16];
	snprintf(text, sizeof(text), "sample: %s", given ? options->secret : "");
	int ret = key_secret_init(selection->secret, given ? text : NULL);
	if (ret != 0)
		operator_error(op, "no random numbers from the kernel: %s", strerror(-ret));
	return ret;
}

static int sample_open(struct operator *op) {
	const struct sample_options *options = op->options;
	struct selection *selection = calloc(1, sizeof(*selection));
	op->shared = selection;
	if (selection == NULL) {
		operator_error(op, "out of memory");
		return -ENOMEM;
	}
	int ret = make_secret(op, selection);
	return ret == 0 && options->mode == MODE_FLOW ? resolve_key(op, selection) : ret;
}

static void sample_close(struct operator *op) {
	free(op->shared);
	op->shared = NULL;
}

static void sample_take_options(struct instance *self) {
	const struct sample_options *options = self->options;
	struct sample *state = self->state;
	state->one_in = options->one_in;
	state->limit = UINT64_MAX / options->one_in;
	self->gauges[GAUGE_ONE_IN] = options->one_in;
}

static int sample_init(struct instance *self) {
	struct sample *state = self->state;
	state->selection = self->op->shared;
	memcpy(&state->generator, state->selection->secret, sizeof(state->generator));
	state->generator += self->index * RANDOM_STREAM;
	sample_take_options(self);
	return 0;
}

// Of an instance; in their order.
struct sample_position {
	uint64_t passed_over, generator;
};
enum { STATE_SECRET = 1, STATE_POSITION };

static void sample_save(const struct operator *op, struct state_writer *writer) {
	const struct selection *selection = op->shared;
	state_put(writer, STATE_SECRET, selection->secret, sizeof(selection->secret));
	for (unsigned i = 0; i < op->instance_count; i++) {
		const struct sample *state = op->instances[i]->state;
		const struct sample_position position = {state->passed_over, state->generator};
		state_put(writer, STATE_POSITION, &position, sizeof(position));
	}
}

// Instances that were not there begin anew.
static int sample_restore(struct operator *op, struct state_reader *reader) {
	struct selection *selection = op->shared;
	int ret = state_take(reader, STATE_SECRET, selection->secret, sizeof(selection->secret));
	for (unsigned i = 0; ret == 0 && i < op->instance_count && !state_is_at_end(reader); i++) {
		struct sample *state = op->instances[i]->state;
		struct sample_position position;
		ret = state_take(reader, STATE_POSITION, &position, sizeof(position));
		if (ret < 0)
			break;
		state->passed_over = position.passed_over;
		state->generator = position.generator;
	}
	if (ret < 0)
		operator_error(op, "the snapshot does not say how it chose");
	return ret;
}

static const struct operator_saving sample_saving = {.save = sample_save, .restore = sample_restore};

static const char *const mode_names[] = {
	[MODE_PACKET] = "packet", [MODE_RANDOM] = "random", [MODE_FLOW] = "flow", NULL};

#define AT(member) offsetof(struct sample_options, member)
static const struct option sample_option_table[] = {
	{"one_in", OPTION_UINT, AT(one_in), .min = 1, .max = 1000000000, .required = true, .live = true,
		.help = "N, of which one passes"},
	{"mode", OPTION_ENUM, AT(mode), "packet", .choices = mode_names,
		.help = "each N-th tuple, each tuple with probability 1/N, or all tuples of one flow in N"},
	{"secret", OPTION_STRING, AT(secret), .min = 1, .max = KEY_SECRET_SIZE,
		.help = "text that fixes the choice of modes random and flow; without it, drawn at start"},
	{"key", OPTION_LIST, AT(key), "src_ip,dst_ip,src_port,dst_port,protocol",
		.help = "mode flow: the fields that name a flow, up to 8"},
	{"symmetric", OPTION_BOOL, AT(symmetric), "true",
		.help = "mode flow: both directions are one flow; src_x and dst_x can be exchanged"},
	{0},
};
#undef AT

static const char sample_manual[] =
	"Passes on 1/N of the tuples, and drops the others as not_sampled. In mode packet it is each N-th tuple of an "
	"instance, in mode random each tuple with probability 1/N, in mode flow all tuples of 1/N of the flows.\n\n"
	"In mode flow the choice depends on the key and the secret alone: give all nodes one secret, and they keep the "
	"same flows, both directions, in packets and in records, whatever the number of workers. The flows of "
	"one_in: 100 are then among those of one_in: 10. Keep the secret: who knows it can choose ports that are "
	"never sampled. Packets need flow_id before them, for their key; the later fragments of a datagram whose "
	"first one was not seen have ports 0, and are a flow of their own.\n\n"
	"To scale up: with N as one_in, which is a gauge of each instance, and tuples kept of weight w (1 to count "
	"them, "
	"bytes for volumes), N * sum(w) estimates the total. In mode random its variance is estimated by "
	"N * (N - 1) * sum(w * w) over the tuples kept; in mode flow by the same over the flows kept, with w of a "
	"whole "
	"flow. Mode packet is mostly closer, but far off where the traffic itself repeats every N packets.\n\n"
	"Before flow_stats, only mode flow leaves right what is said of a flow: packets, bytes, duration, "
	"retransmissions and round-trip times; there are N times as many flows as are seen. With packet and random, a "
	"flow's packets and bytes are to be multiplied by N, a flow of k packets is seen with probability "
	"1 - (1 - 1/N)^k only, and its TCP figures mean nothing. After flow_stats records are exact, whatever the "
	"mode; there it is 1/N of the records that goes on, and mode flow keeps all records of a flow or none.";

static const struct operator_output outputs[] = {{.name = "sampled"}, {0}};
static const char *const drops[] = {[DROP_NOT_SAMPLED] = "not_sampled", NULL};
static const char *const gauges[] = {[GAUGE_ONE_IN] = "one_in", NULL};

static struct operator_type sample_type = {
	.name = "sample",
	.summary = "let one tuple or one flow in N pass",
	.manual = sample_manual,
	.options = sample_option_table,
	.options_size = sizeof(struct sample_options),
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_FORWARD,
	.borrows = true,
	.state_size = sizeof(struct sample),
	.saving = &sample_saving,
	.restored =
		"In mode flow the same flows are chosen; in the others each instance goes on where it was, and more of "
		"them than there were begin anew.",
	.open = sample_open,
	.close = sample_close,
	.init = sample_init,
	.take_options = sample_take_options,
	.process = sample_process,
};
OPERATOR_REGISTER(sample_type);
