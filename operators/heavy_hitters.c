// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// heavy_hitters: the keys with the most tuples, bytes or whatever is added up, in memory that does not grow with the
// number of keys.
//
//   in       any schema
//   out      each interval up to `k` records per instance: the key's fields, rank, count, error, window_start_ns,
//            window_end_ns
//   drops    none
//   options  key, by, k, width, sample, interval
//   state    a sketch per instance (rte_member in mode sketch). It can be neither merged nor moved: a move of its key
//            groups is refused
//   source   Liu et al. 2019, "NitroSketch: robust and general sketch-based monitoring in software switches", over
//            Cormode and Muthukrishnan 2005, count-min
//
// An interval is that of the clock that tuples come with (packet_clock_ns): one that is late counts where it comes.
#include <errno.h>
#include <stdlib.h>

#define ALLOW_EXPERIMENTAL_API // the sketch, in 22.11
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_member.h>

#include "api/schema_build.h"
#include "dataplane/tuple_time.h"

enum { GAUGE_TOTAL, GAUGE_REPORTS };

struct heavy_hitters_options {
	struct option_list key;
	char *by;
	uint64_t k, width, sample, interval_ns;
};

struct heavy_hitters_shared {
	struct keyed_input input;
	bool has_by;
	const struct field *by_field;
	struct field_word by;
	const struct schema *schema; // of the records
	struct key_fields key_out;
	struct field rank, count, error, start, end;
};

// One of a report that waits to be sent; its key lies in `keys`.
struct hitter {
	uint64_t count, error, start_ns;
	uint32_t rank;
};

struct heavy_hitters {
	const struct heavy_hitters_shared *shared;
	const struct heavy_hitters_options *options;
	struct rte_member_setsum *sketch;
	uint64_t start_ns, total; // of the interval
	bool is_open;             // the interval has tuples
	unsigned first, count;    // of the hitters, those that wait
	struct hitter *hitters;   // [k + BATCH_MAX]
	uint64_t *keys;           // [k + BATCH_MAX][words]
	void **top_keys;          // [k] scratch
	uint64_t *top_counts;     // [k] the same
};

// Of the total, by how much a count may be too great, but in one of a thousand: each of 5 rows is off by that much with
// a probability of 1/4.
static uint64_t error_of(const struct heavy_hitters *state) {
	return state->total * 4 / state->options->width;
}

static int by_count(const void *left, const void *right) {
	const struct hitter *a = left, *b = right;
	return a->count < b->count ? 1 : a->count > b->count ? -1 : 0;
}

// End the interval: what the sketch has goes to the report.
static void close_interval(struct instance *self) {
	struct heavy_hitters *state = self->state;
	const unsigned length = state->shared->input.words.length;
	int n = rte_member_report_heavyhitter(state->sketch, state->top_keys, state->top_counts);
	struct hitter *report = &state->hitters[state->count];
	for (int i = 0; i < n; i++)
		report[i] = (struct hitter){state->top_counts[i], error_of(state), state->start_ns, (uint32_t)i};
	qsort(report, n > 0 ? (size_t)n : 0, sizeof(*report), by_count);
	for (int i = 0; i < n; i++) {
		memcpy(&state->keys[(state->count + (unsigned)i) * length], state->top_keys[report[i].rank],
			length * sizeof(*state->keys));
		report[i].rank = (uint32_t)i + 1;
	}
	state->count += n > 0 ? (unsigned)n : 0;
	self->backlog = state->count > state->first;
	self->gauges[GAUGE_REPORTS]++;
	rte_member_reset(state->sketch);
	state->total = 0;
	state->is_open = false;
}

static uint64_t weight_of(const struct heavy_hitters_shared *shared, const void *body) {
	if (!shared->has_by)
		return 1;
	if (shared->by_field->present != FIELD_ALWAYS &&
		!schema_is_present(shared->input.schema, shared->by_field, body))
		return 0;
	return field_word_load(&shared->by, body);
}

static void add_key(struct heavy_hitters *state, const uint64_t *key, uint64_t weight) {
	state->total += weight;
	if (!state->shared->has_by) {
		rte_member_add(state->sketch, key, 1);
		return;
	}
	for (; weight > UINT32_MAX; weight -= UINT32_MAX)
		rte_member_add_byte_count(state->sketch, key, UINT32_MAX);
	rte_member_add_byte_count(state->sketch, key, (uint32_t)weight);
}

static void heavy_hitters_process(struct instance *self, struct batch *batch) {
	struct heavy_hitters *state = self->state;
	const struct heavy_hitters_shared *shared = state->shared;
	const uint64_t interval_ns = state->options->interval_ns;
	struct keyed_batch keyed;
	keyed_input_load(&shared->input, batch, &keyed);
	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t clock_ns = tuple_clock_ns(batch, i, self->watermark_ns);
		if (state->is_open && clock_ns - state->start_ns >= interval_ns && clock_ns > state->start_ns)
			close_interval(self);
		if (!state->is_open)
			state->start_ns = clock_ns - clock_ns % interval_ns;
		state->is_open = true;
		add_key(state, &keyed.keys[i * shared->input.words.length],
			weight_of(shared, batch_body(batch, i, shared->input.schema)));
	}
	self->gauges[GAUGE_TOTAL] += batch->count;
	instance_absorb(self, batch);
}

// While a report waits, nothing is taken in that could make another.
static unsigned heavy_hitters_room(struct instance *self) {
	const struct heavy_hitters *state = self->state;
	return state->count > state->first ? 0 : BATCH_MAX;
}

static void emit(struct instance *self, unsigned number) {
	struct heavy_hitters *state = self->state;
	const struct heavy_hitters_shared *shared = state->shared;
	const struct schema *schema = shared->schema;
	const struct hitter *hitter = &state->hitters[number];
	uint64_t end_ns = hitter->start_ns + state->options->interval_ns;
	struct rte_mbuf *tuple = instance_has_listener(self, 0) ? instance_new_record(self, schema) : NULL;
	if (tuple == NULL)
		return;
	void *body = tuple_record(tuple);
	key_fields_store(
		&shared->key_out, &shared->input.words, &state->keys[number * shared->input.words.length], body);
	record_set(schema, &shared->rank, body, &hitter->rank);
	record_set(schema, &shared->count, body, &hitter->count);
	record_set(schema, &shared->error, body, &hitter->error);
	record_set(schema, &shared->start, body, &hitter->start_ns);
	record_set(schema, &shared->end, body, &end_ns);
	instance_emit(self, 0, tuple);
}

//   return  true: all that waited is out
static bool emit_report(struct instance *self, unsigned room) {
	struct heavy_hitters *state = self->state;
	for (; room > 0 && state->first < state->count; room--)
		emit(self, state->first++);
	self->backlog = state->first < state->count;
	if (self->backlog)
		return false;
	state->first = state->count = 0;
	return true;
}

static bool heavy_hitters_tick(struct instance *self, unsigned room) {
	struct heavy_hitters *state = self->state;
	if (!emit_report(self, room))
		return true;
	if (!state->is_open || self->watermark_ns < state->start_ns + state->options->interval_ns)
		return false;
	close_interval(self);
	return state->count > 0;
}

static bool heavy_hitters_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	struct heavy_hitters *state = self->state;
	if (state->count == state->first && state->is_open)
		close_interval(self);
	return !emit_report(self, room) || state->is_open;
}

// Find what is added up.
static int find_by(struct heavy_hitters_shared *shared, const struct heavy_hitters_options *options,
	const struct schema *input, char *error, size_t size) {
	shared->has_by = options->by != NULL && options->by[0] != '\0';
	if (!shared->has_by)
		return 0;
	const struct field *field = schema_field(input, options->by);
	bool is_number = field != NULL && field->type >= FIELD_U8 && field->type <= FIELD_U64;
	if (is_number && field_word_set(&shared->by, input, field->offset, (unsigned)field_size(field)) == 0) {
		shared->by_field = field;
		return 0;
	}
	snprintf(error, size, "by: \"%s\": %s of schema %s; expected a field of type u8, u16, u32 or u64", options->by,
		field == NULL ? "no field" : field_type_names[field->type], input->name);
	return -EINVAL;
}

static int describe(struct derivation *derivation, const struct key_words *key) {
	struct schema *out;
	int ret = schema_new(&out, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[0] = out;
	ret = key_words_describe(key, out);
	if (ret == 0)
		ret = schema_add(out, "rank", FIELD_U32, 0, NULL);
	if (ret == 0)
		ret = schema_add(out, "count", FIELD_U64, 0, NULL);
	if (ret == 0)
		ret = schema_add(out, "error", FIELD_U64, 0, NULL);
	if (ret == 0)
		ret = schema_add(out, "window_start_ns", FIELD_U64, 0, "ns");
	if (ret == 0)
		ret = schema_add(out, "window_end_ns", FIELD_U64, 0, "ns");
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	snprintf(derivation->error, derivation->error_size,
		"key: its fields and rank, count, error, window_start_ns, window_end_ns do not make a record; expected "
		"fields of other names");
	return -EINVAL;
}

static int heavy_hitters_derive(struct derivation *derivation) {
	const struct heavy_hitters_options *options = derivation->options;
	struct heavy_hitters_shared shared;
	struct key_words key;
	int ret = find_by(&shared, options, derivation->inputs[0], derivation->error, derivation->error_size);
	if (ret == 0)
		ret = key_words_init(
			&key, derivation->inputs[0], &options->key, false, derivation->error, derivation->error_size);
	return ret == 0 ? describe(derivation, &key) : ret;
}

static void heavy_hitters_close(struct operator *op) {
	free(op->shared);
	op->shared = NULL;
}

static int heavy_hitters_open(struct operator *op) {
	const struct heavy_hitters_options *options = op->options;
	struct heavy_hitters_shared *shared = calloc(1, sizeof(*shared));
	char error[400] = "out of memory";
	op->shared = shared;
	int ret = shared != NULL ? find_by(shared, options, op->inputs[0], error, sizeof(error)) : -ENOMEM;
	if (ret != 0) {
		operator_error(op, "%s", error);
		return ret;
	}
	ret = keyed_input_init(&shared->input, op, 0, &options->key);
	if (ret != 0)
		return ret;
	shared->schema = op->outputs[0];
	key_fields_init(&shared->key_out, &shared->input.words, shared->schema);
	shared->rank = *schema_field(shared->schema, "rank");
	shared->count = *schema_field(shared->schema, "count");
	shared->error = *schema_field(shared->schema, "error");
	shared->start = *schema_field(shared->schema, "window_start_ns");
	shared->end = *schema_field(shared->schema, "window_end_ns");
	return 0;
}

static int make_sketch(struct instance *self) {
	const struct heavy_hitters_options *options = self->options;
	struct heavy_hitters *state = self->state;
	char name[32];
	// Names are the process's: two nodes of one process do not exist, two operators may.
	snprintf(name, sizeof(name), "weir_hh_%llx", (unsigned long long)(uintptr_t)state);
	const struct rte_member_parameters parameters = {
		.name = name,
		.type = RTE_MEMBER_TYPE_SKETCH,
		.key_len = state->shared->input.words.length * (uint32_t)sizeof(uint64_t),
		.error_rate = 4.0f / (float)options->width,
		.sample_rate = 1.0f / (float)options->sample,
		.top_k = (uint32_t)options->k,
		.prim_hash_seed = (uint32_t)key_hash(self->op->node, name, sizeof(uint64_t)),
		.extra_flag = state->shared->has_by ? RTE_MEMBER_SKETCH_COUNT_BYTE : 0,
		.socket_id = (int)rte_socket_id(),
	};
	rte_log_set_level_pattern("lib.member", RTE_LOG_ERR); // it tells which instructions it chose
	state->sketch = rte_member_create(&parameters);
	if (state->sketch != NULL)
		return 0;
	operator_error(self->op, "no sketch of width %llu for %llu keys: %s; give the EAL more memory (-m MEGABYTES)",
		(unsigned long long)options->width, (unsigned long long)options->k, rte_strerror(rte_errno));
	return -ENOMEM;
}

static int heavy_hitters_init(struct instance *self) {
	const struct heavy_hitters_options *options = self->options;
	struct heavy_hitters *state = self->state;
	size_t waiting = options->k + BATCH_MAX;
	state->shared = self->op->shared;
	state->options = options;
	state->hitters = calloc(waiting, sizeof(*state->hitters));
	state->keys = calloc(waiting, state->shared->input.words.length * sizeof(*state->keys));
	state->top_keys = calloc(options->k, sizeof(*state->top_keys));
	state->top_counts = calloc(options->k, sizeof(*state->top_counts));
	if (state->hitters != NULL && state->keys != NULL && state->top_keys != NULL && state->top_counts != NULL)
		return make_sketch(self);
	operator_error(self->op, "no memory for k: %llu", (unsigned long long)options->k);
	return -ENOMEM;
}

static void heavy_hitters_fini(struct instance *self) {
	struct heavy_hitters *state = self->state;
	if (state->sketch != NULL)
		rte_member_free(state->sketch);
	free(state->hitters);
	free(state->keys);
	free(state->top_keys);
	free(state->top_counts);
	*state = (struct heavy_hitters){.first = 0};
}

#define AT(member) offsetof(struct heavy_hitters_options, member)
#define MS UINT64_C(1000000)
static const struct option heavy_hitters_option_table[] = {
	{"key", OPTION_LIST, AT(key), .required = true, .min = 1, .max = GROUPING_KEY_MAX,
		.help = "fields by which tuples are told apart, up to 8"},
	{"by", OPTION_STRING, AT(by), .min = 0, .max = SCHEMA_NAME_MAX,
		.help = "the whole number that is added up, such as bytes; without it, tuples are counted"},
	{"k", OPTION_UINT, AT(k), "100", 1, 10000, .help = "keys told each interval, of each instance"},
	{"width", OPTION_UINT, AT(width), "16384", 64, 1 << 24,
		.help = "columns of the sketch, 40 bytes each, times `sample` where tuples are counted: counts are too "
			"great by at most 4 / width of the total"},
	{"sample", OPTION_UINT, AT(sample), "1", 1, 1000,
		.help = "each row of the sketch counts one tuple in so many; with `by`, so often a key is looked up "
			"for "
			"the list"},
	{"interval", OPTION_DURATION, AT(interval_ns), "1s", 10 * MS, 86400 * 1000 * MS,
		.help = "time that a report covers; counts begin anew after it"},
	{0},
};
#undef AT

static const struct operator_output outputs[] = {{.name = "hitters"}, {0}};
static const char *const gauges[] = {[GAUGE_TOTAL] = "tuples", [GAUGE_REPORTS] = "reports", NULL};

static struct operator_type heavy_hitters_type = {
	.name = "heavy_hitters",
	.summary = "find the keys with the most tuples or bytes, in fixed memory",
	.manual =
		"Tells each interval the k keys of each instance that have the most tuples, or the greatest sums of "
		"`by`, by a count-min sketch with a heap: records with the fields of the key, rank from 1, count, "
		"error, window_start_ns and window_end_ns.\n\n"
		"A count is never too small, and too great by at most `error`, 4 / width of the interval's total, but "
		"for one key in a thousand (each of 5 rows exceeds it with a probability of 1/4 at most). So no key "
		"with more than that share of the total is missed. With sample above 1 and without `by`, rows are "
		"sampled as NitroSketch does: faster, and the error holds only after some 10 million tuples an "
		"interval, and to both sides.\n\n"
		"The sketch can be neither merged nor moved: key groups of this operator stay where they are. It lies "
		"in the EAL's memory. For exact figures there is the operator window.",
	.options = heavy_hitters_option_table,
	.options_size = sizeof(struct heavy_hitters_options),
	.outputs = outputs,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key_option = "key",
	.state_size = sizeof(struct heavy_hitters),
	.derive = heavy_hitters_derive,
	.open = heavy_hitters_open,
	.close = heavy_hitters_close,
	.init = heavy_hitters_init,
	.fini = heavy_hitters_fini,
	.process = heavy_hitters_process,
	.room = heavy_hitters_room,
	.tick = heavy_hitters_tick,
	.flush = heavy_hitters_flush,
};
OPERATOR_REGISTER(heavy_hitters_type);
