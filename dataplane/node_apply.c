// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/control_thread.h"
#include "dataplane/node_move.h"
#include "dataplane/text.h"

enum {
	CHANGE_TEXT_SIZE = UPLINK_COMMAND_TEXT_SIZE,
	LOOK_NS = 1000 * 1000,
	LOOKS = 100, // at a change that was just begun or asked about, before the uplink goes on
};

// What was applied. Kept to the end of the node, since messages on their way name its pipelines.
struct applied {
	struct node_config config;
	struct applied *next; // the one before
};

struct node_change {
	struct node *node;
	char *id, *verb, *target, *value, *document;
	pthread_t thread;
	_Atomic bool is_done; // and the two below are valid
	int rc;
	char text[CHANGE_TEXT_SIZE];
};

static void pause_ns(long ns) {
	const struct timespec pause = {.tv_nsec = ns};
	nanosleep(&pause, NULL);
}

static void append_pipelines(const struct plan *plan, char *text, size_t size) {
	for (unsigned i = 0; i < plan->config->pipeline_count; i++)
		text_append(text, size, "%s %s", i > 0 ? "," : "", plan->config->pipelines[i].name);
}

// Have workers follow a plan; it is the control threads' as well from now on.
//   return  the one before
static struct plan *replace_plan(struct node *node, struct plan *plan) {
	pthread_mutex_lock(&node->plan_lock);
	struct plan *old = node->plan;
	plan->version = old->version + 1;
	node->plan = plan;
	pthread_mutex_unlock(&node->plan_lock);
	node_publish_plan(node, plan);
	return old;
}

// Read, check and plan; nothing of the node is touched.
//   return  0 or a negative errno, with a line in text
static int make_plan(struct node_change *change, struct node_config *config, struct plan **plan) {
	struct config_error error = {""};
	struct node *node = change->node;
	int rc = node_config_parse(change->target, change->document, strlen(change->document), NULL, 0, config, &error);
	if (rc == 0 && config->pipeline_count == 0) {
		snprintf(error.text, sizeof(error.text), "%s: no pipeline is in it", change->target);
		rc = -EINVAL;
	}
	if (rc == 0)
		rc = plan_new(plan, config, node->worker_count, &error);
	if (rc < 0) {
		snprintf(change->text, sizeof(change->text), "%s", rc == -EINVAL ? error.text : strerror(-rc));
		return rc;
	}
	if (node->plan->instance_count == 0)
		return 0;
	snprintf(change->text, sizeof(change->text), "this node runs");
	append_pipelines(node->plan, change->text, sizeof(change->text));
	text_append(change->text, sizeof(change->text), ": expected a node that runs nothing; remove that first");
	return -EBUSY;
}

static void describe_plan(struct node_change *change, const struct plan *plan, const char *verb) {
	snprintf(change->text, sizeof(change->text), "%s", verb);
	append_pipelines(plan, change->text, sizeof(change->text));
	text_append(change->text, sizeof(change->text), ": %u operators, %u instances on %u worker%s",
		plan->operator_count, plan->instance_count, plan->worker_count, plan->worker_count == 1 ? "" : "s");
}

static int apply(struct node_change *change) {
	struct node *node = change->node;
	struct applied *applied = calloc(1, sizeof(*applied));
	struct plan *plan = NULL;
	bool is_trial = strcmp(change->value, "dry-run") == 0;
	if (applied == NULL)
		return -ENOMEM;
	int rc = make_plan(change, &applied->config, &plan);
	if (rc == 0 && !is_trial) {
		rc = node_load(node, plan);
		if (rc < 0)
			snprintf(change->text, sizeof(change->text), "it could not be opened: %s",
				operator_last_error()[0] != '\0' ? operator_last_error() : strerror(-rc));
	}
	if (rc == 0)
		describe_plan(change, plan, is_trial ? "it would run" : "runs");
	if (rc < 0 || is_trial) {
		plan_free(plan);
		node_config_free(&applied->config);
		free(applied);
		return rc;
	}
	applied->next = node->applied;
	node->applied = applied;
	plan_free(replace_plan(node, plan));
	return 0;
}

// Which pipelines a name stands for: the only one, or all that came in one file by the file's name.
//   return  0; -EINVAL with a line in text
static int check_name(struct node_change *change) {
	const struct node *node = change->node;
	const struct node_config *config = node->plan->config;
	const char *file = node->applied != NULL ? node->applied->config.files.items[0] : "";
	bool is_one = config->pipeline_count == 1 && strcmp(config->pipelines[0].name, change->target) == 0;
	if (node->plan->instance_count > 0 && node->applied == NULL)
		snprintf(change->text, sizeof(change->text), "this node was started with its pipelines; stop it");
	else if (node->plan->instance_count == 0)
		snprintf(change->text, sizeof(change->text), "this node runs no pipeline");
	else if (is_one || strcmp(file, change->target) == 0)
		return 0;
	else {
		snprintf(change->text, sizeof(change->text), "no such pipeline, or not the only one: this node runs");
		append_pipelines(node->plan, change->text, sizeof(change->text));
		text_append(change->text, sizeof(change->text), "; %s stands for all", file);
	}
	return -EINVAL;
}

static bool has_finished(struct node *node) {
	bool all = true;
	node_snapshot_begin(node);
	for (unsigned i = 0; i < node->plan->instance_count; i++)
		all &= node->snapshots[i].finished;
	node_snapshot_end(node);
	return all;
}

static int drain_and_unload(struct node_change *change) {
	struct node *node = change->node;
	struct plan *none = NULL;
	struct config_error error = {""};
	int rc = check_name(change);
	if (rc == 0)
		rc = plan_new(&none, node->config, node->worker_count, &error);
	if (rc < 0)
		return rc;
	node_drain(node, true);
	while ((!node_move_settle(node) || !has_finished(node)) && !node_is_done(node))
		pause_ns(LOOK_NS);
	if (node_is_done(node)) {
		snprintf(change->text, sizeof(change->text), "the node ended meanwhile");
		plan_free(none);
		return -EBUSY;
	}
	snprintf(change->text, sizeof(change->text), "drained and removed:");
	append_pipelines(node->plan, change->text, sizeof(change->text));
	struct plan *old = replace_plan(node, none);
	node_unload(node, old);
	node_drain(node, false);
	plan_free(old);
	return 0;
}

static int move(struct node_change *change) {
	return node_move(change->node, change->target, change->value, change->text, sizeof(change->text));
}

static const struct change_verb {
	const char *name;
	int (*make)(struct node_change *change); // with change_lock held
} verbs[] = {{"apply", apply}, {"remove", drain_and_unload}, {"move", move}};

static const struct change_verb *find_verb(const char *name) {
	for (unsigned i = 0; i < RTE_DIM(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

bool node_change_is_verb(const char *name) {
	return find_verb(name) != NULL;
}

static void *make_change(void *argument) {
	struct node_change *change = argument;
	pthread_mutex_lock(&change->node->change_lock);
	change->rc = find_verb(change->verb)->make(change);
	if (change->rc == -ENOMEM && change->text[0] == '\0')
		snprintf(change->text, sizeof(change->text), "out of memory");
	pthread_mutex_unlock(&change->node->change_lock);
	atomic_store(&change->is_done, true);
	return NULL;
}

static void free_change(struct node_change *change) {
	if (change == NULL)
		return;
	free(change->id);
	free(change->verb);
	free(change->target);
	free(change->value);
	free(change->document);
	free(change);
}

//   return  0 or a negative errno
static int begin(struct node *node, const Weir__Command *command) {
	struct node_change *change = calloc(1, sizeof(*change));
	if (change == NULL)
		return -ENOMEM;
	change->node = node;
	change->id = strdup(command->id);
	change->verb = strdup(command->verb);
	change->target = strdup(command->target);
	change->value = strdup(command->value);
	change->document = strdup(command->document);
	int rc = -ENOMEM;
	if (change->id != NULL && change->verb != NULL && change->target != NULL && change->value != NULL &&
		change->document != NULL)
		rc = control_thread_new(&change->thread, "weir-change", make_change, change);
	if (rc < 0)
		free_change(change);
	else
		node->change = change;
	return rc;
}

static void end(struct node *node) {
	pthread_join(node->change->thread, NULL);
	free_change(node->change);
	node->change = NULL;
}

Weir__CommandStatus node_change(struct node *node, const Weir__Command *command, char *text, size_t size) {
	bool is_same = node->change != NULL && strcmp(node->change->id, command->id) == 0;
	if (node->change != NULL && !is_same) {
		if (!atomic_load(&node->change->is_done)) {
			snprintf(text, size, "another change is under way");
			return WEIR__COMMAND_STATUS__COMMAND_REFUSED;
		}
		end(node); // whoever asked for it does not ask any more
	}
	int rc = is_same ? 0 : begin(node, command);
	if (rc < 0) {
		snprintf(text, size, "%s", strerror(-rc));
		return WEIR__COMMAND_STATUS__COMMAND_REFUSED;
	}
	for (unsigned i = 0; i < LOOKS && !atomic_load(&node->change->is_done); i++)
		pause_ns(LOOK_NS);
	if (!atomic_load(&node->change->is_done))
		return WEIR__COMMAND_STATUS__COMMAND_UNSPECIFIED;
	rc = node->change->rc;
	snprintf(text, size, "%s", node->change->text);
	end(node);
	return rc == 0 ? WEIR__COMMAND_STATUS__COMMAND_DONE : WEIR__COMMAND_STATUS__COMMAND_REFUSED;
}

void node_change_end(struct node *node) {
	if (node->change != NULL)
		end(node);
}

void node_free_applied(struct node *node) {
	while (node->applied != NULL) {
		struct applied *applied = node->applied;
		node->applied = applied->next;
		node_config_free(&applied->config);
		free(applied);
	}
}
