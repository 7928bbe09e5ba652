// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// summary: tells the controller once an interval what changed in the flows of this instance.
//
//   in       flow_update
//   out      one Summary message (api/weir.proto) per interval in which anything changed, through the node's uplink
//   options  see the table below
//   state    the tables of two intervals: one that is filled, one whose greatest entries are being chosen
//
// An interval is of event time. It is closed a quarter of its length after its end, because flow_stats tells what
// changed in an interval just after it is over. Adding an update costs six look-ups in tables at most; choosing what
// goes into the message is spread over rounds of the worker, CHOOSE_ENTRIES looks each, while the next interval is
// being filled.
//
// A message has at most the bytes that the traffic earned (`budget`), those of earlier intervals included, but may
// always have `floor` bytes, so that the greatest flow is seen of slow traffic as well, and URGENT_BYTES with what
// alerts depend on. Where no controller is configured nothing is added up.
#include <errno.h>
#include <string.h>

#include "dataplane/keepsake.h"
#include "dataplane/operator.h"
#include "dataplane/summary_message.h"
#include "dataplane/uplink.h"

enum {
	CHOOSE_ENTRIES = 1024,        // a few microseconds
	CREDIT_MAX_BYTES = 64 << 10,  // of what earlier intervals have earned and not used
	CREDIT_START_BYTES = 8 << 10, // given, so that a short capture has lists
	URGENT_BYTES = 1 << 10,
	BUDGET_UNIT = 10000,
};

enum gauge {
	GAUGE_SUMMARIES,
	GAUGE_SUMMARY_BYTES,
	GAUGE_TRAFFIC_BYTES,
	GAUGE_REFUSED_FLOWS,
	GAUGE_REFUSED_HOSTS,
	GAUGE_REFUSED_SERVICES,
	GAUGE_REFUSED_PREFIXES,
	GAUGE_REFUSED_APPLICATIONS,
	GAUGE_REFUSED_SKETCHES,
	GAUGE_REFUSED_HISTOGRAMS,
};
static const char *const gauges[] = {
	[GAUGE_SUMMARIES] = "summaries",
	[GAUGE_SUMMARY_BYTES] = "summary_bytes",
	[GAUGE_TRAFFIC_BYTES] = "traffic_bytes",
	[GAUGE_REFUSED_FLOWS] = "refused_flows",
	[GAUGE_REFUSED_HOSTS] = "refused_hosts",
	[GAUGE_REFUSED_SERVICES] = "refused_services",
	[GAUGE_REFUSED_PREFIXES] = "refused_prefixes",
	[GAUGE_REFUSED_APPLICATIONS] = "refused_applications",
	[GAUGE_REFUSED_SKETCHES] = "refused_sketches",
	[GAUGE_REFUSED_HISTOGRAMS] = "refused_histograms",
	NULL,
};

struct summary_options {
	uint64_t interval_ns;
	struct summary_lengths lengths;
	uint64_t table_size, budget, floor_bytes;
};

// What the controller knows of an instance by its names: it goes on where the operator is removed and comes again.
struct summary_series {
	uint64_t sequence;
	Weir__Totals cumulative;
};

struct summary {
	struct summary_tables tables[2];
	struct summary_message *message;
	unsigned filling;                    // index of the tables that updates go to
	bool is_open;                        // there was an update since the last interval closed
	bool is_choosing;                    // from the other tables
	uint64_t start_ns;                   // of the open interval
	uint64_t last_ns;                    // latest packet told of in it
	uint64_t next_ns;                    // no interval begins before
	uint64_t told_start_ns, told_end_ns; // of the interval being chosen from
	uint64_t credit_bytes;
	struct summary_series series;
};

static struct summary_tables *other_tables(struct summary *summary) {
	return &summary->tables[!summary->filling];
}

static void note_refused(struct instance *self) {
	const struct summary *summary = self->state;
	const struct summary_tables *a = &summary->tables[0], *b = &summary->tables[1];

	self->gauges[GAUGE_REFUSED_FLOWS] = a->flows.refused + b->flows.refused;
	self->gauges[GAUGE_REFUSED_HOSTS] = a->hosts.refused + b->hosts.refused;
	self->gauges[GAUGE_REFUSED_SERVICES] = a->services.refused + b->services.refused;
	self->gauges[GAUGE_REFUSED_PREFIXES] = a->prefixes.refused + b->prefixes.refused;
	self->gauges[GAUGE_REFUSED_APPLICATIONS] = a->applications.refused + b->applications.refused;
	self->gauges[GAUGE_REFUSED_SKETCHES] = a->sketches_refused + b->sketches_refused;
	self->gauges[GAUGE_REFUSED_HISTOGRAMS] = a->histograms_refused + b->histograms_refused;
}

// Earn what the interval's traffic allows.
static struct summary_allowance earn(
	struct summary *summary, const struct summary_options *options, uint64_t traffic_bytes) {
	uint64_t earned_bytes = traffic_bytes / BUDGET_UNIT * options->budget;

	earned_bytes += traffic_bytes % BUDGET_UNIT * options->budget / BUDGET_UNIT;
	summary->credit_bytes = RTE_MIN(summary->credit_bytes + earned_bytes, (uint64_t)CREDIT_MAX_BYTES);
	uint64_t bytes = RTE_MAX(summary->credit_bytes, options->floor_bytes);
	return (struct summary_allowance){bytes, RTE_MAX(bytes, (uint64_t)URGENT_BYTES)};
}

// All entries have been looked at: send the message, and empty the tables for the interval after the next.
static void tell(struct instance *self) {
	struct summary *summary = self->state;
	struct summary_tables *tables = other_tables(summary);
	const struct node *node = self->op->node;
	const struct summary_head head = {
		.node = node_name(node),
		.pipeline = self->op->pipeline,
		.operator = self->op->name,
		.incarnation = node_incarnation(node),
		.sequence = summary->series.sequence + 1,
		.start_ns = summary->told_start_ns,
		.end_ns = summary->told_end_ns,
		.instance = self->index,
		.cumulative = &summary->series.cumulative,
	};
	struct uplink_summary out = {
		.pipeline = self->op->pipeline,
		.operator = self->op->name,
		.instance = self->index,
		.sequence = head.sequence,
	};

	summary_totals_add(&summary->series.cumulative, &tables->totals);
	const struct summary_allowance allowance = earn(summary, self->options, tables->totals.bytes);
	out.size = summary_message_pack(summary->message, tables, &head, &allowance, &out.packed);
	if (out.size > 0) {
		summary->series.sequence++;
		summary->credit_bytes -= RTE_MIN(summary->credit_bytes, out.size);
		self->gauges[GAUGE_SUMMARIES]++;
		self->gauges[GAUGE_SUMMARY_BYTES] += out.size;
		uplink_submit(node_uplink(node), &out);
	} else {
		instance_fail(self, "no memory for a summary; the next one has its totals");
	}
	self->gauges[GAUGE_TRAFFIC_BYTES] += tables->totals.bytes;
	note_refused(self);
	summary_tables_clear(tables);
	summary->is_choosing = false;
}

// Look at some of the entries, and tell once all have been looked at.
static void choose(struct instance *self, uint32_t entries) {
	struct summary *summary = self->state;

	if (summary->is_choosing && summary_message_choose(summary->message, other_tables(summary), entries))
		tell(self);
}

static void open_interval(struct instance *self, const struct flow_update *update) {
	const struct summary_options *options = self->options;
	struct summary *summary = self->state;
	uint64_t start_ns = update->last_ns - update->last_ns % options->interval_ns;

	// What ended long after its last packet belongs to now.
	summary->start_ns = RTE_MAX(start_ns, summary->next_ns);
	summary->last_ns = summary->start_ns;
	summary->is_open = true;
}

static void close_interval(struct instance *self, uint64_t end_ns) {
	struct summary *summary = self->state;

	choose(self, UINT32_MAX); // an interval so short that the one before it is not told yet
	summary->told_start_ns = summary->start_ns;
	summary->told_end_ns = end_ns;
	summary->next_ns = end_ns;
	summary->filling = !summary->filling;
	summary->is_open = false;
	summary->is_choosing = true;
}

static void summary_process(struct instance *self, struct batch *batch) {
	struct summary *summary = self->state;

	for (unsigned i = 0; node_uplink(self->op->node) != NULL && i < batch->count; i++) {
		const struct flow_update *update = tuple_record(batch->tuples[i]);
		if (!summary->is_open)
			open_interval(self, update);
		summary->last_ns = RTE_MAX(summary->last_ns, update->last_ns);
		summary_tables_add(&summary->tables[summary->filling], update);
	}
	instance_absorb(self, batch);
}

static bool summary_tick(struct instance *self, unsigned room) {
	const struct summary_options *options = self->options;
	struct summary *summary = self->state;
	uint64_t end_ns = summary->start_ns + options->interval_ns;

	if (summary->is_open && self->watermark_ns >= end_ns + options->interval_ns / 4)
		close_interval(self, end_ns);
	choose(self, CHOOSE_ENTRIES);
	return summary->is_choosing;
}

static bool summary_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	const struct summary_options *options = self->options;
	struct summary *summary = self->state;

	if (summary->is_open) {
		// The last interval ends with the last packet.
		uint64_t end_ns = RTE_MIN(summary->last_ns + 1, summary->start_ns + options->interval_ns);
		close_interval(self, end_ns);
	}
	choose(self, UINT32_MAX);
	return false;
}

static int summary_init(struct instance *self) {
	static const char purpose[] = "summary";
	const struct summary_options *options = self->options;
	struct summary *summary = self->state;
	uint64_t seed = key_hash(self->op->node, purpose, sizeof(purpose));
	int ret = summary_message_new(&summary->message, &options->lengths);

	for (unsigned i = 0; i < 2 && ret == 0; i++)
		ret = summary_tables_init(&summary->tables[i], (uint32_t)options->table_size, seed);
	if (ret < 0)
		operator_error(self->op, "no memory for table_size: %llu", (unsigned long long)options->table_size);
	weir__totals__init(&summary->series.cumulative);
	keepsake_take(self, &summary->series, sizeof(summary->series));
	summary->credit_bytes = CREDIT_START_BYTES;
	return ret;
}

static void summary_fini(struct instance *self) {
	struct summary *summary = self->state;

	keepsake_leave(self, &summary->series, sizeof(summary->series));
	summary_message_free(summary->message);
	summary->message = NULL;
	summary_tables_fini(&summary->tables[0]);
	summary_tables_fini(&summary->tables[1]);
}

#define AT(member) offsetof(struct summary_options, member)
#define MS UINT64_C(1000000)
static const struct option summary_option_table[] = {
	{"interval", OPTION_DURATION, AT(interval_ns), "1s", 10 * MS, 3600 * 1000 * MS,
		.help = "event time that one summary covers"},
	{"flows", OPTION_UINT, AT(lengths.flows), "20", 0, SUMMARY_LENGTH_MAX,
		.help = "greatest flows told, at most; as many others that ended"},
	{"hosts", OPTION_UINT, AT(lengths.hosts), "20", 0, SUMMARY_LENGTH_MAX,
		.help = "greatest hosts told, at most; half as many again that start the most flows, and SYN targets"},
	{"services", OPTION_UINT, AT(lengths.services), "10", 0, SUMMARY_LENGTH_MAX,
		.help = "greatest services (protocol and port) told, at most; as many applications"},
	{"prefixes", OPTION_UINT, AT(lengths.prefixes), "10", 0, SUMMARY_LENGTH_MAX,
		.help = "greatest prefixes (IPv4 /24, IPv6 /48) told, at most; as many with their TCP health"},
	{"table_size", OPTION_UINT, AT(table_size), "65536", 16, TALLY_ENTRIES_MAX,
		.help = "flows, hosts, services and prefixes added up in an interval, each; about 1,200 bytes, taken "
			"when used"},
	{"budget", OPTION_UINT, AT(budget), "30", 0, BUDGET_UNIT,
		.help = "bytes of summaries per 10000 bytes of traffic: lists shrink to keep it"},
	{"floor", OPTION_SIZE, AT(floor_bytes), "320", 0, 1 << 20,
		.help = "bytes that each summary may have whatever the traffic; totals alone are about 170"},
	{0},
};

static const struct schema *const accepts[] = {&flow_update_schema, NULL};

static struct operator_type summary_type = {
	.name = "summary",
	.summary = "tell the controller what changed in the flows",
	.manual = "Each interval in which anything changed becomes one message: totals of the interval and since the "
		  "start, "
		  "the greatest flows, hosts, services and prefixes with what they leave out, hosts that start many "
		  "flows, targets of unanswered SYNs, TCP health by prefix with round-trip times, applications, and "
		  "flows that ended. The uplink sends it until the controller has acknowledged it.",
	.options = summary_option_table,
	.options_size = sizeof(struct summary_options),
	.accepts = accepts,
	.gauges = gauges,
	.grouping = GROUPING_FORWARD,
	.is_for_controller = true,
	.state_size = sizeof(struct summary),
	.keeps_nothing = true,
	.restored = "The interval that was open begins anew.",
	.init = summary_init,
	.fini = summary_fini,
	.process = summary_process,
	.tick = summary_tick,
	.flush = summary_flush,
};
OPERATOR_REGISTER(summary_type);
