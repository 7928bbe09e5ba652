// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// application: find out from a flow's first packets which application it belongs to, with libndpi.
//
//   in       packets of flow_id, steered by the 5-tuple, both directions alike
//   out      packets: the same; those of a flow that was recognised carry the number of its application
//            (batch.applications), and the first of them that does says so (PACKET_CLASSIFIED)
//   drops    none
//   options  pool, flows, packets, idle_timeout, give_up, memory
//   state    per instance: a detection module of libndpi (about 7 MB), flow_notes of 16 bytes a flow, and its share of
//            the pool of flows that are being looked at, about 800 bytes each; not moved
//
// Why it stands between flow_id and flow_stats: flow_stats makes the record and need not know libndpi, and no operator
// has two inputs, so records can't wait for packets to join them. So the packet brings what was found to its flow, as
// two bytes, and flow_stats keeps them with the flow's cold half; names are looked up when a record is written. The
// price is a memory of flows of its own, without which each packet of a known flow would look like the first of a new
// one: a cache line per packet.
//
// libndpi never sees a frame, but a packet that is made for it: an IP header without options in front of the transport
// header and payload as captured. So tunnels, extension headers and frames cut by the capture are all the same to it,
// and lengths are always those of the buffer.
//
// Segments without payload are not looked at and take no place in the pool: a flood of SYNs costs nothing here.
#include <errno.h>
#include <string.h>

#include "dataplane/application_finder.h"
#include "dataplane/application_names.h"
#include "dataplane/flow_notes.h"
#include "dataplane/huge_memory.h"
#include "dataplane/keyed_state.h"
#include "dataplane/operator.h"
#include "dataplane/plain_packet.h"

enum gauge {
	GAUGE_CLASSIFIED,     // flows that were recognised
	GAUGE_UNCLASSIFIED,   // flows that were given up
	GAUGE_POOL_EXHAUSTED, // flows for which there was no place in the pool
	GAUGE_PENDING,        // flows that are being looked at
	GAUGE_POOL,           // places
	GAUGE_HEAP_BYTES,     // taken by libndpi for these flows
	GAUGE_CUT_SHORT,      // flows that a snapshot had as far as they were recognised
	GAUGE_BEGUN_ANEW,     // those that were not recognised by then
};

// struct flow_note.word: what is known of a flow.
enum {
	NOTE_PENDING = 1u << 31, // the low bits are its place in the pool
	NOTE_KNOWN = 1u << 30,   // the low bits are its application, 0: none was found
	NOTE_TOLD = 1u << 29,    // a packet with PACKET_CLASSIFIED was sent
	NOTE_VALUE = (1u << 29) - 1,
};

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

struct application_options {
	uint64_t pool, flows, packets, idle_timeout_ns, give_up_ns, memory;
};

// A flow that is being looked at.
struct pending {
	struct flow_key key; // canonical
	uint64_t hash, first_ns;
	uint32_t next, prev; // by first_ns; next also links free places
	uint16_t packets;
	uint16_t application; // as far as it is known
};

struct application {
	struct application_finder finder;
	struct flow_notes notes;
	uint32_t pool_size, free;
	struct pending *pool;           // [pool_size + 1], 0 heads the list of those in use
	struct ndpi_flow_struct *flows; // [pool_size + 1]
	uint8_t packet[PLAIN_PACKET_SIZE_MAX];
};

static uint32_t pool_take(struct application *state) {
	uint32_t place = state->free;
	if (place == 0)
		return 0;
	struct pending *pool = state->pool;
	state->free = pool[place].next;
	pool[place].next = 0;
	pool[place].prev = pool[0].prev;
	pool[pool[0].prev].next = place;
	pool[0].prev = place;
	memset(&state->flows[place], 0, sizeof(state->flows[place]));
	return place;
}

static void pool_give(struct application *state, uint32_t place) {
	struct pending *pool = state->pool;
	ndpi_free_flow_data(&state->flows[place]);
	pool[pool[place].prev].next = pool[place].next;
	pool[pool[place].next].prev = pool[place].prev;
	pool[place].next = state->free;
	state->free = place;
}

// Nothing more is to be found out of a flow.
static void conclude(struct instance *self, struct flow_note *note) {
	struct application *state = self->state;
	uint32_t place = note->word & NOTE_VALUE;
	struct pending *pending = &state->pool[place];
	if (pending->application == 0)
		pending->application = application_finder_give_up(&state->finder, &state->flows[place]);
	self->gauges[pending->application != 0 ? GAUGE_CLASSIFIED : GAUGE_UNCLASSIFIED]++;
	self->gauges[GAUGE_PENDING]--;
	note->word = NOTE_KNOWN | pending->application | (note->word & NOTE_TOLD);
	pool_give(state, place);
}

static void inspect(
	struct instance *self, const struct rte_mbuf *tuple, const struct packet_meta *meta, struct flow_note *note) {
	const struct application_options *options = self->options;
	struct application *state = self->state;
	struct pending *pending = &state->pool[note->word & NOTE_VALUE];
	struct ndpi_flow_struct *flow = &state->flows[note->word & NOTE_VALUE];
	uint16_t size = plain_packet_make(tuple, meta, state->packet);
	if (size == 0)
		return;
	const struct application_finding found =
		application_finder_inspect(&state->finder, flow, state->packet, size, packet_clock_ns(meta) / 1000000);
	if (found.is_known) {
		if (found.number != pending->application)
			note->word &= ~(unsigned)NOTE_TOLD;
		pending->application = found.number;
	}
	if (++pending->packets >= options->packets || (meta->tcp_flags & (TCP_FIN | TCP_RST)) != 0 || found.is_final ||
		state->finder.heap_bytes > (int64_t)options->memory)
		conclude(self, note);
}

// Forget a flow, so that its next packet is the first of another.
static void forget(struct instance *self, struct flow_note *note) {
	if (note->word & NOTE_PENDING)
		conclude(self, note);
	note->word = 0;
}

static struct flow_note *begin(struct instance *self, const struct packet_meta *meta, uint64_t hash) {
	struct application *state = self->state;
	uint32_t now = flow_notes_ticks(packet_clock_ns(meta));
	struct flow_note *note = flow_notes_place(&state->notes, hash, now);
	if (note->word != 0)
		forget(self, note);
	note->hash = hash;
	uint32_t place = pool_take(state);
	if (place == 0) {
		note->word = NOTE_KNOWN;
		self->gauges[GAUGE_POOL_EXHAUSTED]++;
		return note;
	}
	struct pending *pending = &state->pool[place];
	flow_key_canonical(&meta->key, &pending->key);
	pending->hash = note->hash;
	pending->first_ns = packet_clock_ns(meta);
	pending->packets = pending->application = 0;
	note->word = NOTE_PENDING | place;
	self->gauges[GAUGE_PENDING]++;
	return note;
}

// Whether what is known of a flow is of an earlier one with the same key.
static bool is_over(const struct application *state, const struct flow_note *note, const struct packet_meta *meta) {
	bool reopened = (note->word & NOTE_KNOWN) && (meta->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	return reopened || flow_note_is_idle(&state->notes, note, flow_notes_ticks(packet_clock_ns(meta)));
}

//   return  the flow's note; NULL: it has none, and needs none yet
static struct flow_note *find(struct instance *self, const struct packet_meta *meta, uint64_t hash) {
	const struct application_options *options = self->options;
	struct application *state = self->state;
	struct flow_note *note = flow_notes_lookup(&state->notes, hash);
	if (note != NULL && is_over(state, note, meta)) {
		forget(self, note);
		note = NULL;
	}
	if (note == NULL)
		return meta->payload_bytes > 0 ? begin(self, meta, hash) : NULL;
	if ((note->word & NOTE_PENDING) &&
		packet_clock_ns(meta) >= state->pool[note->word & NOTE_VALUE].first_ns + options->give_up_ns)
		conclude(self, note);
	return note;
}

static bool is_of(const struct pending *pending, const struct packet_meta *meta) {
	struct flow_key canonical;
	flow_key_canonical(&meta->key, &canonical);
	return memcmp(&pending->key, &canonical, sizeof(canonical)) == 0;
}

static void treat(struct instance *self, struct batch *batch, unsigned i) {
	struct application *state = self->state;
	struct packet_meta *meta = batch->packets[i];
	struct flow_note *note = find(self, meta, batch->hashes[i]);
	if (note == NULL)
		return;
	note->used = flow_notes_ticks(packet_clock_ns(meta));
	uint32_t value = note->word & NOTE_VALUE;
	if (note->word & NOTE_PENDING) {
		if (!is_of(&state->pool[value], meta))
			return;
		if (meta->payload_bytes > 0)
			inspect(self, batch->tuples[i], meta, note);
		else if (meta->tcp_flags & (TCP_FIN | TCP_RST))
			conclude(self, note);
	}
	value = note->word & NOTE_VALUE;
	uint16_t number = (uint16_t)(note->word & NOTE_PENDING ? state->pool[value].application : value);
	batch->applications[i] = number;
	if (number != 0 && (note->word & NOTE_TOLD) == 0) {
		meta->bits |= PACKET_CLASSIFIED;
		note->word |= NOTE_TOLD;
	}
}

static void application_process(struct instance *self, struct batch *batch) {
	struct application *state = self->state;
	for (unsigned i = 0; i < batch->count; i++)
		flow_notes_prefetch(&state->notes, batch->hashes[i]);
	application_finder_count(&state->finder);
	for (unsigned i = 0; i < batch->count; i++)
		treat(self, batch, i);
	application_finder_count(NULL);
	self->gauges[GAUGE_HEAP_BYTES] = (uint64_t)state->finder.heap_bytes;
	instance_forward(self, 0, batch);
}

// Give up the flows that have had their time, whether or not another packet of them comes.
static bool application_tick(struct instance *self, unsigned room) {
	const struct application_options *options = self->options;
	struct application *state = self->state;
	application_finder_count(&state->finder);
	for (; room > 0 && state->pool[0].next != 0; room--) {
		const struct pending *pending = &state->pool[state->pool[0].next];
		if (self->watermark_ns < pending->first_ns + options->give_up_ns)
			break;
		conclude(self, flow_notes_lookup(&state->notes, pending->hash));
	}
	application_finder_count(NULL);
	self->gauges[GAUGE_HEAP_BYTES] = (uint64_t)state->finder.heap_bytes;
	return room == 0;
}

static size_t flows_size(const struct application *state) {
	return (state->pool_size + 1) * sizeof(struct ndpi_flow_struct);
}

static int make_pool(struct instance *self) {
	const struct application_options *options = self->options;
	struct application *state = self->state;
	unsigned instances = self->op->instance_count;
	state->pool_size = (uint32_t)((options->pool + instances - 1) / instances);
	state->pool = huge_memory_new((state->pool_size + 1) * sizeof(*state->pool));
	state->flows = huge_memory_new_unsaved(flows_size(state));
	int ret =
		flow_notes_init(&state->notes, (options->flows + instances - 1) / instances, options->idle_timeout_ns);
	if (state->pool == NULL || state->flows == NULL || ret != 0)
		return -ENOMEM;
	for (uint32_t i = 1; i <= state->pool_size; i++)
		state->pool[i].next = i < state->pool_size ? i + 1 : 0;
	state->free = 1;
	self->gauges[GAUGE_POOL] = state->pool_size;
	return 0;
}

static int application_init(struct instance *self) {
	struct application *state = self->state;
	if (make_pool(self) == 0)
		return application_finder_init(&state->finder, self->op);
	operator_error(self->op, "no memory for %u flows in the pool", state->pool_size);
	return -ENOMEM;
}

static void application_fini(struct instance *self) {
	struct application *state = self->state;
	while (state->pool != NULL && state->pool[0].next != 0)
		pool_give(state, state->pool[0].next);
	application_finder_fini(&state->finder);
	flow_notes_fini(&state->notes);
	if (state->pool != NULL)
		huge_memory_free(state->pool, (state->pool_size + 1) * sizeof(*state->pool));
	if (state->flows != NULL)
		huge_memory_free(state->flows, flows_size(state));
}

enum { STATE_APPLICATION = 1, STATE_NOTE };

static uint64_t application_layout(const struct operator *op) {
	return state_fold(sizeof(struct flow_note), NOTE_PENDING ^ NOTE_KNOWN ^ NOTE_TOLD);
}

// What libndpi knows of a flow that is being looked at lies all over its heap: of that the application is saved, as far
// as it is known.
static void save_note(const struct application *state, const struct flow_note *note, struct state_writer *writer) {
	struct flow_note saved = *note;
	if (note->word & NOTE_PENDING)
		saved.word = (note->word & ~(uint32_t)NOTE_VALUE) | state->pool[note->word & NOTE_VALUE].application;
	state_put(writer, STATE_NOTE, &saved, sizeof(saved));
}

static void application_save(const struct operator *op, struct state_writer *writer) {
	application_names_save(writer, STATE_APPLICATION);
	for (unsigned i = 0; i < op->instance_count; i++) {
		const struct application *state = op->instances[i]->state;
		const struct flow_notes *notes = &state->notes;
		for (uint64_t n = 0; n < (notes->mask + 1) * FLOW_NOTES_WAYS; n++)
			if (notes->notes[n].word != 0)
				save_note(state, &notes->notes[n], writer);
	}
}

static void restore_note(
	struct instance *self, const struct application_numbers *numbers, const struct flow_note *saved) {
	struct application *state = self->state;
	uint32_t application = application_numbers_now(numbers, (uint16_t)(saved->word & NOTE_VALUE));
	if (saved->word & NOTE_PENDING)
		self->gauges[application != 0 ? GAUGE_CUT_SHORT : GAUGE_BEGUN_ANEW]++;
	if ((saved->word & NOTE_PENDING) && application == 0)
		return; // its next packet is the first
	uint32_t now = flow_notes_ticks(self->watermark_ns);
	struct flow_note *note = flow_notes_place(&state->notes, saved->hash, now);
	*note = (struct flow_note){saved->hash, saved->used, NOTE_KNOWN | application | (saved->word & NOTE_TOLD)};
}

static int application_restore(struct operator *op, struct state_reader *reader) {
	struct application_numbers numbers = {.count = 0};
	struct state_item item;
	int ret;
	while ((ret = state_next(reader, &item)) == 1) {
		const struct flow_note *saved = item.data;
		bool is_note = item.kind == STATE_NOTE && item.size == sizeof(*saved);
		if (is_note)
			restore_note(op->instances[state_owner(reader, key_group(saved->hash))], &numbers, saved);
		else if (item.kind != STATE_APPLICATION || !application_numbers_take(&numbers, &item))
			return keyed_state_refuse(op);
	}
	return ret == 0 ? 0 : keyed_state_refuse(op);
}

static const struct operator_saving application_saving = {
	.layout = application_layout, .save = application_save, .restore = application_restore};

#define AT(member) offsetof(struct application_options, member)
#define MS UINT64_C(1000000)
#define DAY (86400 * 1000 * MS)
static const struct option application_option_table[] = {
	{"pool", OPTION_UINT, AT(pool), "16384", 1, 1 << 24,
		.help = "flows looked at at once, by all instances together; about 800 bytes each"},
	{"flows", OPTION_UINT, AT(flows), "2M", 1, 1 << 28,
		.help = "flows remembered, by all instances together, 16 bytes each; twice as many as live at once is "
			"good"},
	{"packets", OPTION_UINT, AT(packets), "24", 1, 1000,
		.help = "packets with payload after which a flow is given up"},
	{"give_up", OPTION_DURATION, AT(give_up_ns), "30s", MS, DAY,
		.help = "time after its first payload when a flow is given up"},
	{"idle_timeout", OPTION_DURATION, AT(idle_timeout_ns), "60s", MS, 7 * DAY,
		.help = "after so long without a packet it is another flow; the same as that of flow_stats"},
	{"memory", OPTION_SIZE, AT(memory), "64MiB", 1 << 20, UINT64_C(1) << 40,
		.help = "what libndpi may take per instance for what it collects of flows; beyond, they are given up"},
	{0},
};
#undef AT

static const char application_manual[] =
	"Shows the first packets of each flow that have payload to libndpi, until it has recognised the application, "
	"or "
	"for as many packets as it takes to give up. flow_stats writes the application and its category on the flow's "
	"records; put this operator between flow_id and flow_stats. A flow that is not recognised has neither field: "
	"nothing is guessed from ports. An application over another protocol has the names of both, as in "
	"TLS.Google.\n\n"
	"What is kept of flows that are being looked at is bounded by pool; when it is exhausted, further flows stay "
	"unclassified and are counted (gauge pool_exhausted). A place is free again once its flow is recognised, given "
	"up, ended by FIN or RST, or idle. What libndpi has learnt of the peers of a flow from other flows is not "
	"used, so "
	"that records are the same whatever the number of workers; lists of hosts and networks that are built into the "
	"library are as old as it is.\n\n"
	"Neither host names nor any other payload reach the record.";

static const struct schema *const accepts[] = {&packet_schema, NULL};
static const char *const key[] = {"src_ip", "dst_ip", "src_port", "dst_port", "protocol", NULL};
// Its input is steered by this key, so the hash is there, whoever made it.
static const struct operator_output outputs[] = {
	{.name = "packets", .schema = &packet_schema, .hashed_by = key, .hashed_symmetric = true}, {0}};
static const char *const gauges[] = {
	[GAUGE_CLASSIFIED] = "classified",
	[GAUGE_UNCLASSIFIED] = "unclassified",
	[GAUGE_POOL_EXHAUSTED] = "pool_exhausted",
	[GAUGE_PENDING] = "pending",
	[GAUGE_POOL] = "pool",
	[GAUGE_HEAP_BYTES] = "heap_bytes",
	[GAUGE_CUT_SHORT] = "cut_short",
	[GAUGE_BEGUN_ANEW] = "begun_anew",
	NULL,
};

static struct operator_type application_type = {
	.name = "application",
	.summary = "recognise the applications of flows, with libndpi",
	.manual = application_manual,
	.options = application_option_table,
	.options_size = sizeof(struct application_options),
	.accepts = accepts,
	.outputs = outputs,
	.gauges = gauges,
	.grouping = GROUPING_KEY,
	.key = key,
	.key_symmetric = true,
	.modifies_tuples = true,
	.state_size = sizeof(struct application),
	.saving = &application_saving,
	.restored =
		"Flows keep the application that they were found to be, or that none was found. What libndpi had seen "
		"of flows that it was still looking at is lost: those that were recognised so far stay what they are "
		"(gauge cut_short), the others are looked at anew from their next packet with payload on (gauge "
		"begun_anew), as flows are that began before the node did, and may stay unknown.",
	.init = application_init,
	.fini = application_fini,
	.process = application_process,
	.tick = application_tick,
};
OPERATOR_REGISTER(application_type);
