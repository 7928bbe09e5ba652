// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "api/clock.h"
#include "ctrlplane/lists.h"

enum { SETS = PATHS_FLOWS / PATHS_WAYS };

// Addresses come from the network: which of them meet in a set is not for their senders to choose.
static uint64_t paths_seed(void) {
	static uint64_t seed;
	if (seed == 0 && getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = 1;
	return seed;
}

void paths_free(struct paths *paths) {
	if (paths == NULL)
		return;
	free(paths->sets);
	free(paths->flows);
	free(paths->pairs);
	free(paths);
}

// Untouched memory is not there: what is taken is what flows need.
static struct paths *paths_new(void) {
	struct paths *paths = calloc(1, sizeof(*paths));
	if (paths == NULL)
		return NULL;
	paths->sets = calloc(SETS, sizeof(*paths->sets));
	paths->flows = calloc(PATHS_FLOWS, sizeof(*paths->flows));
	if (paths->sets != NULL && paths->flows != NULL)
		return paths;
	paths_free(paths);
	return NULL;
}

// The flow of this key; a new one takes the place of the one that was told of longest ago.
static struct path_flow *paths_obtain(struct paths *paths, const uint8_t *key, uint64_t mono_ns) {
	uint64_t hash = XXH3_64bits_withSeed(key, TOPN_KEY_SIZE, paths_seed());
	uint32_t set_index = (uint32_t)(hash % SETS), tag = (uint32_t)(hash >> 32) | 1;
	struct path_set *set = &paths->sets[set_index];
	struct path_flow *flows = &paths->flows[(size_t)set_index * PATHS_WAYS];
	unsigned oldest = 0;
	for (unsigned i = 0; i < PATHS_WAYS; i++) {
		if (set->tags[i] == tag && memcmp(flows[i].key, key, TOPN_KEY_SIZE) == 0) {
			set->used_s[i] = (uint32_t)(mono_ns / NS_PER_S);
			return &flows[i];
		}
		if (set->used_s[i] < set->used_s[oldest])
			oldest = i;
	}
	set->tags[oldest] = tag;
	set->used_s[oldest] = (uint32_t)(mono_ns / NS_PER_S);
	flows[oldest] = (struct path_flow){.pairs = {0}};
	memcpy(flows[oldest].key, key, TOPN_KEY_SIZE);
	return &flows[oldest];
}

static const struct node *find_node(const struct nodes *nodes, uint32_t number) {
	for (size_t i = 0; i < nodes->length; i++)
		if (nodes->list[i]->number == number)
			return nodes->list[i];
	return NULL;
}

//   return  1 + the index of the pair; 0: a node is gone, or there are too many pairs
static uint32_t obtain_pair(struct nodes *nodes, uint32_t from_number, uint32_t to_number) {
	struct paths *paths = nodes->paths;
	for (size_t i = 0; i < paths->pairs_length; i++)
		if (paths->pairs[i].from_number == from_number && paths->pairs[i].to_number == to_number)
			return (uint32_t)i + 1;
	const struct node *from = find_node(nodes, from_number), *to = find_node(nodes, to_number);
	if (paths->pairs_length == PATHS_PAIRS_MAX || from == NULL || to == NULL)
		return 0;
	struct path_pair *grown = realloc(paths->pairs, (paths->pairs_length + 1) * sizeof(*grown));
	if (grown == NULL)
		return 0;
	paths->pairs = grown;
	struct path_pair *pair = &grown[paths->pairs_length++];
	*pair = (struct path_pair){.from_number = from_number, .to_number = to_number};
	snprintf(pair->from, sizeof(pair->from), "%s", from->name);
	snprintf(pair->to, sizeof(pair->to), "%s", to->name);
	return (uint32_t)paths->pairs_length;
}

static uint64_t epoch_of(uint64_t mono_ns) {
	return mono_ns / NS_PER_S / PATHS_WINDOW_S;
}

static void add_delay(struct path_pair *pair, uint64_t delay_ns, uint64_t mono_ns) {
	uint64_t epoch = epoch_of(mono_ns);
	if (pair->epoch != epoch)
		pair->delays[epoch % 2] = (struct histogram){.lost_bits = 0};
	if (pair->epoch != epoch && pair->epoch + 1 != epoch)
		pair->delays[(epoch + 1) % 2] = (struct histogram){.lost_bits = 0};
	pair->epoch = epoch;
	histogram_add(&pair->delays[epoch % 2], delay_ns, 1);
}

void path_pair_delays(const struct path_pair *pair, uint64_t mono_ns, struct histogram *out) {
	uint64_t epoch = epoch_of(mono_ns);
	*out = (struct histogram){.lost_bits = 0};
	if (pair->epoch == epoch)
		histogram_merge(out, &pair->delays[0]);
	if (pair->epoch == epoch)
		histogram_merge(out, &pair->delays[1]);
	else if (pair->epoch + 1 == epoch)
		histogram_merge(out, &pair->delays[pair->epoch % 2]);
}

// Both nodes have told of it now.
static void join(struct nodes *nodes, struct path_flow *flow, uint64_t mono_ns) {
	struct paths *paths = nodes->paths;
	struct path_view *views = flow->views;
	if (views[1].start_ns < views[0].start_ns) {
		struct path_view first = views[1];
		views[1] = views[0];
		views[0] = first;
	}
	uint32_t there = obtain_pair(nodes, views[0].node, views[1].node);
	uint32_t back = there != 0 ? obtain_pair(nodes, views[1].node, views[0].node) : 0;
	if (back == 0)
		return;
	flow->pairs[0] = there;
	flow->pairs[1] = back;
	struct path_pair *pair = &paths->pairs[there - 1];
	pair->flows++;
	add_delay(pair, views[1].start_ns - views[0].start_ns, mono_ns);
	paths->joined[paths->joined_length++ % PATHS_JOINED_MAX] = (uint32_t)(flow - paths->flows);
}

// What the pairs have of the flow becomes what its nodes tell now.
static void compare(struct paths *paths, struct path_flow *flow) {
	const struct path_view *views = flow->views;
	bool is_comparable = views[0].end_ns == views[1].end_ns || (views[0].ended && views[1].ended);
	for (unsigned way = 0; is_comparable && flow->pairs[0] != 0 && way < 2; way++) {
		// Forward packets go from views[0] to views[1], reverse ones the other way.
		unsigned d = flow->is_turned ? !way : way;
		struct path_pair *pair = &paths->pairs[flow->pairs[way] - 1];
		uint64_t packets = views[way].packets[d];
		int64_t lost = (int64_t)(packets - views[!way].packets[d]);
		pair->packets += packets - flow->packets[way];
		pair->lost += lost - flow->lost[way];
		flow->packets[way] = packets;
		flow->lost[way] = lost;
	}
}

//   return  the node's view; NULL: two others have theirs
static struct path_view *obtain_view(struct path_flow *flow, uint32_t number) {
	for (unsigned i = 0; i < 2; i++)
		if (flow->views[i].node == number || flow->views[i].node == 0)
			return &flow->views[i];
	return NULL;
}

// Whether a flow with this key that began then is the known one. At one node it ends before another begins.
static bool is_same_flow(const struct path_flow *known, uint32_t number, uint64_t start_ns) {
	uint64_t known_ns = known->views[0].start_ns;
	for (unsigned i = 0; i < 2; i++)
		if (known->views[i].node == number && known->views[i].ended && known->views[i].start_ns != start_ns)
			return false;
	uint64_t apart_ns = start_ns > known_ns ? start_ns - known_ns : known_ns - start_ns;
	return known->counted_by != 0 && apart_ns <= PATHS_START_MS * NS_PER_MS;
}

// Whether a node's flow began with the node itself, and so may have begun before.
static bool is_mid_stream(const struct node *node, uint64_t start_ns) {
	return start_ns >= node->incarnation && start_ns - node->incarnation <= PATHS_START_MS * NS_PER_MS;
}

// Whether a flow that began at another time than the known one may yet be the same: both live, and the one that began
// later did so with its node. It is counted with the known one, but how far apart the nodes are can't be told of it.
static bool is_met_midway(const struct nodes *nodes, const struct path_flow *known, const struct node *node,
	uint64_t start_ns, uint64_t end_ns) {
	for (unsigned i = 0; i < 2; i++) {
		const struct path_view *view = &known->views[i];
		const struct node *other = find_node(nodes, view->node);
		if (other == NULL || other == node || view->ended ||
			view->end_ns + PATHS_BEHIND * nodes->interval_ns < end_ns)
			continue;
		if (view->start_ns < start_ns ? is_mid_stream(node, start_ns) : is_mid_stream(other, view->start_ns))
			return true;
	}
	return false;
}

// Another flow with the same key begins.
static void begin_flow(struct path_flow *flow, uint32_t number, bool is_turned) {
	uint8_t key[TOPN_KEY_SIZE];
	memcpy(key, flow->key, sizeof(key));
	*flow = (struct path_flow){.is_turned = is_turned, .counted_by = number};
	memcpy(flow->key, key, sizeof(key));
}

static void take_view(struct path_view *view, const Weir__FlowDelta *flow, bool is_turned, uint64_t end_ns) {
	view->start_ns = flow->start_ns;
	view->packets[is_turned] = flow->total_fwd_packets;
	view->packets[!is_turned] = flow->total_rev_packets;
	view->ended = flow->ended;
	view->end_ns = end_ns;
}

// The one that told first is counted; where it stops, another goes on with what it didn't tell.
//   return  true: it is counted already, by another node
static bool is_repeat(const struct nodes *nodes, struct path_flow *known, uint32_t number, uint64_t end_ns) {
	uint64_t behind_ns = end_ns > known->counted_ns ? end_ns - known->counted_ns : 0;
	// An interval is the nodes' usual distance.
	if (known->counted_by != number && behind_ns > nodes->interval_ns) {
		const struct node *counted = find_node(nodes, known->counted_by);
		if (counted == NULL || counted->state != NODE_UP || behind_ns > PATHS_BEHIND * nodes->interval_ns)
			known->counted_by = number;
	}
	if (known->counted_by != number)
		return true;
	if (end_ns > known->counted_ns)
		known->counted_ns = end_ns;
	return false;
}

bool paths_add(
	struct nodes *nodes, const struct node *node, const Weir__FlowDelta *flow, uint64_t end_ns, uint64_t mono_ns) {
	uint8_t key[TOPN_KEY_SIZE];
	if (nodes->paths == NULL && nodes->length >= 2)
		nodes->paths = paths_new();
	struct paths *paths = nodes->paths;
	if (paths == NULL || !list_flow_key(flow, key))
		return false;
	bool is_turned = list_flow_key_turn(key);
	struct path_flow *known = paths_obtain(paths, key, mono_ns);
	if (!is_same_flow(known, node->number, flow->start_ns)) {
		if (is_met_midway(nodes, known, node, flow->start_ns, end_ns))
			return is_repeat(nodes, known, node->number, end_ns);
		begin_flow(known, node->number, is_turned);
	}
	struct path_view *view = obtain_view(known, node->number);
	if (view == NULL)
		return is_repeat(nodes, known, node->number, end_ns);
	bool is_second = view == &known->views[1] && view->node == 0;
	// Summaries of one interval may come in any order, and again.
	if (view->node == 0 || end_ns >= view->end_ns)
		take_view(view, flow, is_turned, end_ns);
	view->node = node->number;
	if (is_second)
		join(nodes, known, mono_ns);
	compare(paths, known);
	return is_repeat(nodes, known, node->number, end_ns);
}
