// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_gone.h"

#include <stdlib.h>
#include <string.h>

struct gone {
	struct gone *next;
	char *pipeline, *operator;
	const struct operator_type *type; // the drops are named by it
	unsigned index;
	struct counters counters;
};

static void free_one(struct gone *gone) {
	if (gone == NULL)
		return;
	free(gone->pipeline);
	free(gone->operator);
	free(gone);
}

static bool is_of(const struct gone *gone, const struct operator *op) {
	return gone->type == op->type && strcmp(gone->pipeline, op->pipeline) == 0 &&
	       strcmp(gone->operator, op->name) == 0;
}

void node_gone_leave(struct node *node, const struct instance *instance, const struct counters *earlier) {
	struct gone *gone = calloc(1, sizeof(*gone));
	if (gone == NULL)
		return;
	gone->pipeline = strdup(instance->op->pipeline);
	gone->operator = strdup(instance->op->name);
	if (gone->pipeline == NULL || gone->operator == NULL) {
		free_one(gone);
		return;
	}
	gone->type = instance->op->type;
	gone->index = instance->index;
	gone->counters = instance->counters;
	counters_add(&gone->counters, earlier);
	// It was given up with these.
	gone->counters.absorbed += gone->counters.held;
	gone->counters.held = 0;
	gone->next = node->gone;
	node->gone = gone;
}

void node_gone_take(struct node *node, const struct instance *instance, struct counters *earlier) {
	struct gone **link = &node->gone;
	while (*link != NULL && ((*link)->index != instance->index || !is_of(*link, instance->op)))
		link = &(*link)->next;
	struct gone *gone = *link;
	*earlier = gone != NULL ? gone->counters : (struct counters){.in = 0};
	if (gone != NULL)
		*link = gone->next;
	free_one(gone);
}

void node_gone_sum(const struct node *node, const struct operator *op, struct counters *sum) {
	for (const struct gone *gone = node->gone; gone != NULL; gone = gone->next)
		if (op == NULL || is_of(gone, op))
			counters_add(sum, &gone->counters);
}

void node_gone_free(struct node *node) {
	while (node->gone != NULL) {
		struct gone *gone = node->gone;
		node->gone = gone->next;
		free_one(gone);
	}
}
