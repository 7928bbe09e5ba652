// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/departed.h"

#include <stdlib.h>

void departed_restore(struct nodes *nodes, const struct departed *departed) {
	struct departed *oldest = &nodes->departed_last[0];
	for (size_t i = 1; i < NODES_DEPARTED_MAX && oldest->number > 0; i++)
		if (nodes->departed_last[i].number < oldest->number)
			oldest = &nodes->departed_last[i];
	if (oldest->name[0] != '\0')
		departed_forget(nodes, oldest->incarnation);
	free(oldest->series);
	*oldest = *departed;
	if (nodes->departures < departed->number)
		nodes->departures = departed->number;
	nodes->departed_changes++;
}

void departed_take(struct nodes *nodes, struct node *node) {
	struct departed departed = {.number = nodes->departures + 1,
		.incarnation = node->incarnation,
		.incarnations = node->incarnations,
		.series = node->series,
		.series_length = node->series_length,
		.finished = node->finished};
	struct totals totals;
	node_totals(node, &totals);
	totals_add(&nodes->departed, &totals);
	nodes->departed_nodes++;
	totals_add(&nodes->departed_unnoted.totals, &node->unnoted.totals);
	histogram_merge(&nodes->departed_unnoted.rtt, &node->unnoted.rtt);
	memcpy(departed.name, node->name, sizeof(node->name));
	node->series = NULL;
	node_free(node);
	departed_restore(nodes, &departed);
}

void departed_recall(struct nodes *nodes, const struct departed *departed) {
	struct totals totals = departed->finished;
	for (size_t i = 0; i < departed->series_length; i++)
		totals_add(&totals, &departed->series[i].cumulative);
	totals_subtract(&nodes->departed, &totals);
	nodes->departed_nodes--;
	nodes->departed_changes++;
}

void departed_give_back(struct nodes *nodes, struct node *node, uint64_t incarnation) {
	if (node->incarnation != 0)
		return;
	for (size_t i = 0; i < NODES_DEPARTED_MAX; i++) {
		struct departed *departed = &nodes->departed_last[i];
		if (strcmp(departed->name, node->name) != 0)
			continue;
		if (departed->incarnation != incarnation) {
			node->past[node->past_length++ % NODE_INTERVALS_MAX] = departed->incarnation;
			continue;
		}
		departed_recall(nodes, departed);
		node->incarnation = incarnation;
		node->incarnations = departed->incarnations;
		node->finished = departed->finished;
		node->series = departed->series;
		node->series_length = departed->series_length;
		*departed = (struct departed){.series = NULL};
	}
}

void departed_forget(struct nodes *nodes, uint64_t incarnation) {
	if (incarnation > nodes->forgotten_ns)
		nodes->forgotten_ns = incarnation;
}

static bool has_books(const struct nodes *nodes, const char *name, uint64_t incarnation) {
	const struct node *node = nodes_find(nodes, name);
	if (node != NULL && node->incarnation == incarnation)
		return true;
	for (size_t i = 0; i < NODES_DEPARTED_MAX; i++)
		if (nodes->departed_last[i].incarnation == incarnation &&
			strcmp(nodes->departed_last[i].name, name) == 0)
			return true;
	return false;
}

bool departed_is_forgotten(const struct nodes *nodes, const Weir__Register *message) {
	return message->epoch > 0 && message->incarnation <= nodes->forgotten_ns &&
	       !has_books(nodes, message->node, message->incarnation);
}

void departed_dismiss(struct nodes *nodes) {
	for (size_t i = 0; i < nodes->length; i++) {
		struct node *node = nodes->list[i];
		bool is_of_now = node->incarnation != 0 && node->incarnation == node->first_incarnation;
		if (!is_of_now || !node->had_controller || node->is_recalled || node->incarnation > nodes->forgotten_ns)
			continue;
		node->past[node->past_length++ % NODE_INTERVALS_MAX] = node->incarnation;
		node->incarnation = node->first_incarnation = 0;
		node->incarnations--;
		node->series_length = 0;
		node->unnoted = (struct unnoted){.summaries = 0};
		node->commands.size = node->summaries.size = 0;
		node_end(node);
	}
}

void departed_fini(struct nodes *nodes) {
	for (size_t i = 0; i < NODES_DEPARTED_MAX; i++) {
		free(nodes->departed_last[i].series);
		nodes->departed_last[i] = (struct departed){.series = NULL};
	}
}
