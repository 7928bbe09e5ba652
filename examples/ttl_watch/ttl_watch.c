// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// ttl_watch: say when the packets of an address come with another TTL than before.
//
//   in       packets after flow_id, keyed by src_ip
//   out      changes: a record for each change of at least `least`
//   drops    none: packets are absorbed
//   options  entries, least (may change while running)
//   state    per instance, a table of the addresses whose packets came last; an address that needs the place of another
//            takes it, counted as replaced. Snapshots have it
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/operator.h"
#include "dataplane/state_file.h"

enum { GAUGE_ADDRESSES, GAUGE_REPLACED };

struct ttl_watch_options {
	uint64_t entries, least;
};

struct entry {
	uint8_t ip[16];
	uint16_t group; // the key group, by which snapshots find the instance
	uint8_t ttl;
	bool used;
};

struct ttl_watch {
	struct entry *entries;
	uint64_t length, least;
};

// The record, and the schema by which sinks and other operators read it.
struct ttl_change {
	uint64_t timestamp_ns;
	uint8_t src_ip[16];
	uint8_t before, after;
};

#define AT(member) offsetof(struct ttl_change, member)
static const struct field ttl_change_fields[] = {
	{"timestamp_ns", FIELD_U64, AT(timestamp_ns), .unit = "ns", .help = "of the first packet with the new TTL"},
	{"src_ip", FIELD_IP, AT(src_ip), .help = "the address that sends"},
	{"before", FIELD_U8, AT(before), .help = "TTL or hop limit of its packet before"},
	{"after", FIELD_U8, AT(after), .help = "TTL or hop limit of this one"},
	{0},
};
#undef AT
static const struct schema ttl_change_schema = {
	.name = "ttl_change",
	.body = SCHEMA_RECORD,
	.size = sizeof(struct ttl_change),
	.fields = ttl_change_fields,
};

static void report(struct instance *self, const struct packet_meta *packet, uint8_t before) {
	struct rte_mbuf *tuple = instance_new_record(self, &ttl_change_schema);
	if (tuple == NULL)
		return;
	struct ttl_change *change = tuple_record(tuple);
	change->timestamp_ns = packet->timestamp_ns;
	memcpy(change->src_ip, packet->key.src_ip, sizeof(change->src_ip));
	change->before = before;
	change->after = packet->key.ttl;
	instance_emit(self, 0, tuple);
}

static struct entry *place_of(const struct instance *self, const uint8_t *ip) {
	const struct ttl_watch *state = self->state;
	return &state->entries[key_hash(self->op->node, ip, sizeof(state->entries->ip)) % state->length];
}

//   hash  that the packet was steered by
static void look_at(struct instance *self, const struct packet_meta *packet, uint64_t hash) {
	const struct ttl_watch *state = self->state;
	const struct flow_key *key = &packet->key;
	struct entry *entry = place_of(self, key->src_ip);
	if (!entry->used || memcmp(entry->ip, key->src_ip, sizeof(entry->ip)) != 0) {
		self->gauges[entry->used ? GAUGE_REPLACED : GAUGE_ADDRESSES]++;
		memcpy(entry->ip, key->src_ip, sizeof(entry->ip));
		entry->group = (uint16_t)key_group(hash);
		entry->used = true;
	} else if ((uint64_t)abs(key->ttl - entry->ttl) >= state->least) {
		report(self, packet, entry->ttl);
	}
	entry->ttl = key->ttl;
}

static void ttl_watch_process(struct instance *self, struct batch *batch) {
	for (unsigned i = 0; i < batch->count; i++)
		look_at(self, batch->packets[i], batch->hashes[i]);
	instance_absorb(self, batch);
}

static void ttl_watch_take_options(struct instance *self) {
	const struct ttl_watch_options *options = self->options;
	struct ttl_watch *state = self->state;
	state->least = options->least;
}

static int ttl_watch_init(struct instance *self) {
	const struct ttl_watch_options *options = self->options;
	struct ttl_watch *state = self->state;
	ttl_watch_take_options(self);
	state->length = options->entries;
	state->entries = calloc(state->length, sizeof(*state->entries));
	if (state->entries != NULL)
		return 0;
	operator_error(self->op, "no memory for %zu addresses", (size_t)state->length);
	return -ENOMEM;
}

static void ttl_watch_fini(struct instance *self) {
	struct ttl_watch *state = self->state;
	free(state->entries);
}

// In a snapshot each entry is an item. There may be other instances when it is restored: each entry goes to the one
// that owns its key group then.
enum { STATE_ENTRY = 1 };

static uint64_t ttl_watch_layout(const struct operator *op) {
	return sizeof(struct entry);
}

static void ttl_watch_save(const struct operator *op, struct state_writer *writer) {
	for (unsigned i = 0; i < op->instance_count; i++) {
		const struct ttl_watch *state = op->instances[i]->state;
		for (uint64_t e = 0; e < state->length; e++)
			if (state->entries[e].used)
				state_put(writer, STATE_ENTRY, &state->entries[e], sizeof(*state->entries));
	}
}

static int ttl_watch_restore(struct operator *op, struct state_reader *reader) {
	struct entry saved;
	while (!state_is_at_end(reader)) {
		if (state_take(reader, STATE_ENTRY, &saved, sizeof(saved)) < 0 || saved.group >= KEY_GROUPS) {
			operator_error(op, "what the snapshot has of it is damaged");
			return -EINVAL;
		}
		struct instance *owner = op->instances[state_owner(reader, saved.group)];
		struct entry *entry = place_of(owner, saved.ip);
		owner->gauges[GAUGE_ADDRESSES] += !entry->used;
		*entry = saved;
		entry->used = true;
	}
	return 0;
}

static const struct operator_saving saving = {
	.layout = ttl_watch_layout, .save = ttl_watch_save, .restore = ttl_watch_restore};

#define AT(member) offsetof(struct ttl_watch_options, member)
static const struct option option_table[] = {
	{"entries", OPTION_UINT, AT(entries), "65536", 1, 1 << 26, .help = "places for addresses, per instance"},
	{"least", OPTION_UINT, AT(least), "1", 1, 255, .live = true, .help = "smallest change to report"},
	{0},
};
#undef AT

static const struct schema *const accepts[] = {&packet_schema, NULL};
static const struct operator_output outputs[] = {{.name = "changes", .schema = &ttl_change_schema}, {0}};
static const char *const gauges[] = {[GAUGE_ADDRESSES] = "addresses", [GAUGE_REPLACED] = "replaced", NULL};
static const char *const key[] = {"src_ip", NULL};

static struct operator_type ttl_watch_type = {
	.name = "ttl_watch",
	.summary = "say when the TTL of an address's packets changes",
	.manual = "Emits a record when a packet of an address has another TTL, or hop limit, than the one before: a "
		  "changed route, several hosts behind one address, or a forged sender.",
	.options = option_table,
	.options_size = sizeof(struct ttl_watch_options),
	.accepts = accepts,
	.outputs = outputs,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key = key,
	.state_size = sizeof(struct ttl_watch),
	.saving = &saving,
	.init = ttl_watch_init,
	.take_options = ttl_watch_take_options,
	.fini = ttl_watch_fini,
	.process = ttl_watch_process,
};
OPERATOR_REGISTER(ttl_watch_type);
