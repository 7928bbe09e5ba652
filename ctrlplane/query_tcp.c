// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `tcp`: round-trip times, retransmissions and windows of a time window, over all and by prefix.
//
// Which prefix is worst is told by the share of its packets that were retransmitted as far as it is sure: the lower end
// of Wilson's interval at 95 %, so that one repeat of three packets does not come before a hundred of ten
// thousand. Where nothing was retransmitted the greater round-trip time comes first.
//
//   source  Wilson 1927, "Probable inference, the law of succession, and statistical inference"
#include <math.h>
#include <stdlib.h>

#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/query.h"

static json_t *number(uint64_t value) {
	return json_integer((json_int_t)value);
}

// Of what has no samples there are no times.
static json_t *quantile(const struct histogram *histogram, double share) {
	return histogram_count(histogram) > 0 ? number(histogram_quantile(histogram, share)) : json_null();
}

static json_t *distribution(const struct histogram *histogram) {
	json_t *buckets = json_array();
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (histogram->counts[i] > 0)
			json_array_append_new(buckets,
				json_pack("[oo]", number(histogram_upper_ns(i)), number(histogram->counts[i])));
	return json_pack("{so so so so so so sf so}", "samples", number(histogram_count(histogram)), "p50_ns",
		quantile(histogram, 0.5), "p90_ns", quantile(histogram, 0.9), "p95_ns", quantile(histogram, 0.95),
		"p99_ns", quantile(histogram, 0.99), "max_ns", quantile(histogram, 1), "relative_error",
		histogram_error(histogram), "buckets", buckets);
}

static double share_of(uint64_t part, uint64_t whole) {
	return whole > 0 ? (double)part / (double)whole : 0;
}

static double sure_share(uint64_t part, uint64_t whole) {
	const double z = 1.96;
	if (part == 0 || whole == 0)
		return 0;
	double n = (double)whole, p = part < whole ? share_of(part, whole) : 1;
	double centre = p + z * z / (2 * n), width = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	return (centre - width) / (1 + z * z / n);
}

struct rank {
	double sure_share;
	uint64_t p95_ns;
	const struct topn_entry *entry;
};

static int compare_ranks(const void *a, const void *b) {
	const struct rank *x = a, *y = b;
	if (x->sure_share != y->sure_share)
		return x->sure_share < y->sure_share ? 1 : -1;
	if (x->p95_ns != y->p95_ns)
		return x->p95_ns < y->p95_ns ? 1 : -1;
	return memcmp(x->entry->key, y->entry->key, TOPN_KEY_SIZE);
}

static json_t *prefix_json(const struct topn_entry *entry) {
	const struct list_type *type = &list_types[LIST_TCP_PREFIXES];
	static const struct histogram none;
	const struct histogram *rtt = entry->rtt != NULL ? entry->rtt : &none;
	const uint64_t *values = entry->values;
	json_t *object = json_object();
	type->describe(entry->key, object);
	json_object_update_new(
		object, json_pack("{so so sf so so so so so sf}", "packets", number(values[TOPN_PACKETS]),
				"retransmitted_packets", number(values[TCP_PREFIX_RETRANSMITTED]),
				"retransmitted_share", share_of(values[TCP_PREFIX_RETRANSMITTED], values[TOPN_PACKETS]),
				"out_of_order_packets", number(values[TCP_PREFIX_OUT_OF_ORDER]), "zero_windows",
				number(values[TCP_PREFIX_ZERO_WINDOWS]), "rtt_p50_ns", quantile(rtt, 0.5), "rtt_p95_ns",
				quantile(rtt, 0.95), "samples", number(histogram_count(rtt)), "rtt_relative_error",
				histogram_error(rtt)));
	return object;
}

static json_t *prefixes_json(const struct topn *list, uint32_t limit) {
	json_t *prefixes = json_array();
	struct rank *ranks = calloc(list->length + 1, sizeof(*ranks));
	for (size_t i = 0; ranks != NULL && i < list->length; i++) {
		const struct topn_entry *entry = &list->entries[i];
		ranks[i] = (struct rank){
			.sure_share = sure_share(entry->values[TCP_PREFIX_RETRANSMITTED], entry->values[TOPN_PACKETS]),
			.p95_ns = entry->rtt != NULL ? histogram_quantile(entry->rtt, 0.95) : 0,
			.entry = entry,
		};
	}
	if (ranks != NULL)
		qsort(ranks, list->length, sizeof(*ranks), compare_ranks);
	for (size_t i = 0; ranks != NULL && i < list->length && i < limit; i++)
		json_array_append_new(prefixes, prefix_json(ranks[i].entry));
	free(ranks);
	return prefixes;
}

json_t *query_tcp(struct state *state, uint32_t window_s, uint32_t limit, const struct node *node) {
	uint64_t interval_ns = state->nodes.interval_ns;
	struct aggregate_scope scope = {.nodes = &state->nodes,
		.node = node,
		.length = (uint32_t)((window_s * NS_PER_S + interval_ns - 1) / interval_ns),
		.mono_ns = clock_mono_ns()};
	struct tcp_health health;
	struct topn list;
	aggregate_tcp(&scope, &health);
	aggregate_list(&scope, LIST_TCP_PREFIXES, &list);
	const uint64_t *v = health.totals.v;
	json_t *answer = json_pack("{sI so so so so sf so so so}", "window_s", (json_int_t)window_s, "rtt",
		distribution(&health.rtt), "handshake", distribution(&health.handshake), "packets",
		number(v[TOTALS_TCP_PACKETS]), "retransmitted_packets", number(v[TOTALS_TCP_RETRANSMITTED_PACKETS]),
		"retransmitted_share", share_of(v[TOTALS_TCP_RETRANSMITTED_PACKETS], v[TOTALS_TCP_PACKETS]),
		"out_of_order_packets", number(v[TOTALS_TCP_OUT_OF_ORDER_PACKETS]), "zero_windows",
		number(v[TOTALS_TCP_ZERO_WINDOWS]), "prefixes", prefixes_json(&list, limit));
	topn_fini(&list);
	return answer;
}
