// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// An option that may change is read by its operator in init and take_options only. So it is enough to change it while
// no worker is in take_options (settings_lock), and to have every worker go through that; the way there is the one by
// which workers answer for their figures, so the loop pays nothing.
#include "dataplane/node_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/node_apply.h"
#include "dataplane/switch/link_beat.h"
#include "dataplane/text.h"

enum {
	TARGET_SIZE = 256,
	OPTION_NAME_MAX = 60, // bytes in an answer
	REASON_MAX = 160,
};

// Cut [PIPELINE/]OPERATOR.OPTION in place.
//   return  the option, or NULL
static char *cut_option(char *target) {
	char *slash = strchr(target, '/');
	char *dot = strchr(slash != NULL ? slash : target, '.');
	if (dot == NULL)
		return NULL;
	*dot = '\0';
	return dot + 1;
}

static bool is_named(const char *name, const char *text, const char *end) {
	return strlen(name) == (size_t)(end - text) && strncmp(name, text, (size_t)(end - text)) == 0;
}

struct operator *node_find_operator(struct node *node, const char *name, char *text, size_t size) {
	const char *slash = strchr(name, '/');
	const char *wanted = slash != NULL ? slash + 1 : name;
	struct operator *found = NULL;
	for (unsigned i = 0; i < node->plan->operator_count; i++) {
		struct operator *op = node->operators[i];
		if (strcmp(op->name, wanted) != 0 || (slash != NULL && !is_named(op->pipeline, name, slash)))
			continue;
		if (found != NULL) {
			snprintf(text, size, "%s: in several pipelines; expected %s/%s or %s/%s", wanted,
				found->pipeline, wanted, op->pipeline, wanted);
			return NULL;
		}
		found = op;
	}
	if (found == NULL) {
		text[0] = '\0';
		text_append_quoted(text, size, wanted);
		text_append(text, size, ": no such operator here; expected");
		for (unsigned i = 0; i < node->plan->operator_count; i++)
			text_append(text, size, "%s %s", i > 0 ? "," : "", node->operators[i]->name);
	}
	return found;
}

//   return  NULL, with a line in text: no such option, or not one that may change
static const struct option *find_option(const struct operator *op, const char *name, char *text, size_t size) {
	const struct option *option = option_lookup(op->type->options, name);
	const char *lead = " ";
	if (option != NULL && option->live)
		return option;
	snprintf(text, size, "%s.", op->name);
	text_append_escaped(text, size, name, OPTION_NAME_MAX);
	text_append(text, size, ": %s;", option == NULL ? "no such option" : "can't change while the node runs");
	for (option = op->type->options; option != NULL && option->name != NULL; option++) {
		if (!option->live)
			continue;
		text_append(text, size, "%s%s", lead[0] == ' ' ? " expected " : lead, option->name);
		lead = ", ";
	}
	if (lead[0] == ' ')
		text_append(text, size, " none of its options can");
	return NULL;
}

// Try it on a copy, under settings_lock: options that may change own nothing, so that the copy needs no release.
static int try_value(
	const struct operator *op, const struct option *option, const char *value, char *text, size_t size) {
	char error[256];
	void *copy = malloc(op->type->options_size);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, op->options, op->type->options_size);
	int ret = option_set(option, copy, value, error, sizeof(error));
	if (ret == 0 && op->type->check != NULL)
		ret = op->type->check(copy, error, sizeof(error));
	free(copy);
	if (ret != 0) {
		snprintf(text, size, "%s.%s: ", op->name, option->name);
		text_append_escaped(text, size, error, REASON_MAX);
	}
	return ret == 0 ? 0 : -EINVAL;
}

static bool is_taken_by_all(struct node *node) {
	uint64_t settings = atomic_load(&node->settings);
	for (unsigned i = 0; i < node->worker_count; i++)
		if (atomic_load(&node->workers[i].settings_taken) < settings &&
			atomic_load(&node->workers[i].snapshot_made) != UINT64_MAX)
			return false;
	return true;
}

static int set_option(struct node *node, const char *target, const char *value, char *text, size_t size) {
	char copy[TARGET_SIZE], before[64], after[64], error[256];
	const char *name = strlen(target) < sizeof(copy) ? cut_option(strcpy(copy, target)) : NULL;
	if (name == NULL) {
		snprintf(text, size, "expected [PIPELINE/]OPERATOR.OPTION");
		return -EINVAL;
	}
	struct operator *op = node_find_operator(node, copy, text, size);
	const struct option *option = op != NULL ? find_option(op, name, text, size) : NULL;
	if (option == NULL)
		return -EINVAL;
	pthread_mutex_lock(&node->settings_lock);
	int ret = try_value(op, option, value, text, size);
	if (ret != 0) {
		pthread_mutex_unlock(&node->settings_lock);
		return ret;
	}
	option_format_value(option, op->options, before, sizeof(before));
	ret = option_set(option, (void *)op->options, value, error, sizeof(error));
	option_format_value(option, op->options, after, sizeof(after));
	atomic_fetch_add(&node->settings, 1);
	pthread_mutex_unlock(&node->settings_lock);
	node_snapshot_begin(node);
	node_snapshot_end(node);
	snprintf(text, size, "%s/%s.%s: %s, was %s%s", op->pipeline, op->name, option->name, after, before,
		is_taken_by_all(node) ? "" : "; a worker is busy and takes it over later");
	return ret;
}

int node_set(struct node *node, const char *target, const char *value, char *text, size_t size) {
	pthread_mutex_lock(&node->plan_lock);
	int ret = set_option(node, target, value, text, size);
	pthread_mutex_unlock(&node->plan_lock);
	return ret;
}

void node_take_settings(struct node *node, struct worker *worker) {
	uint64_t settings = atomic_load_explicit(&node->settings, memory_order_acquire);
	if (settings == atomic_load_explicit(&worker->settings_taken, memory_order_relaxed))
		return;
	pthread_mutex_lock(&node->settings_lock);
	for (unsigned i = 0; i < worker->schedule->entry_count; i++) {
		struct instance *instance = worker->schedule->entries[i].instance;
		if (instance->type->take_options != NULL)
			instance->type->take_options(instance);
	}
	atomic_store_explicit(&worker->settings_taken, settings, memory_order_release);
	pthread_mutex_unlock(&node->settings_lock);
}

static Weir__CommandStatus set_rates(struct node *node, const Weir__Command *command, char *text, size_t size) {
	pthread_mutex_lock(&node->plan_lock);
	int ret = link_beat_set_rates(node->links, command->document, text, size);
	pthread_mutex_unlock(&node->plan_lock);
	return ret == 0 ? WEIR__COMMAND_STATUS__COMMAND_DONE : WEIR__COMMAND_STATUS__COMMAND_REFUSED;
}

Weir__CommandStatus node_execute(void *context, const Weir__Command *command, char *text, size_t size) {
	struct node *node = context;
	if (strcmp(command->verb, "set") == 0)
		return node_set(node, command->target, command->value, text, size) == 0
			       ? WEIR__COMMAND_STATUS__COMMAND_DONE
			       : WEIR__COMMAND_STATUS__COMMAND_REFUSED;
	if (node_change_is_verb(command->verb))
		return node_change(node, command, text, size);
	if (strcmp(command->verb, "rates") == 0)
		return set_rates(node, command, text, size);
	if (strcmp(command->verb, "log") == 0) {
		snprintf(text, size, "written to the node's log");
		return WEIR__COMMAND_STATUS__COMMAND_DONE;
	}
	if (strcmp(command->verb, "stop") == 0) {
		node_stop(node);
		snprintf(text, size, "sources stopped; it drains and ends");
		return WEIR__COMMAND_STATUS__COMMAND_DONE;
	}
	text[0] = '\0';
	text_append_quoted(text, size, command->verb);
	text_append(text, size, ": expected set, move, apply, rates, remove, log or stop");
	return WEIR__COMMAND_STATUS__COMMAND_REFUSED;
}
