// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_apply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/control_thread.h"
#include "dataplane/node_diff.h"
#include "dataplane/node_move.h"
#include "dataplane/node_snapshot.h"
#include "dataplane/node_spread.h"
#include "dataplane/node_swap.h"
#include "dataplane/text.h"

enum {
	CHANGE_TEXT_SIZE = UPLINK_COMMAND_TEXT_SIZE,
	LOOK_NS = 1000 * 1000,
	LOOKS = 100, // at a change that was just begun or asked about, before the uplink goes on
};

// What was applied. Operators have their names, options and schemas in the document that they came with, and a plan its
// pipelines in the last one that has them: it is kept for as long as there is one of either.
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
	char remark[CHANGE_TEXT_SIZE]; // what could not be done of it, though the plan has come
	unsigned moved;                // key groups, to or from instances that are new or gone
};

static void pause_ns(long ns) {
	const struct timespec pause = {.tv_nsec = ns};
	nanosleep(&pause, NULL);
}

static const struct pipeline *find_pipeline(const struct node_config *config, const char *name) {
	for (unsigned i = 0; i < config->pipeline_count; i++)
		if (strcmp(config->pipelines[i].name, name) == 0)
			return &config->pipelines[i];
	return NULL;
}

static void append_pipelines(const struct plan *plan, char *text, size_t size) {
	for (unsigned i = 0; i < plan->config->pipeline_count; i++)
		text_append(text, size, "%s %s", i > 0 ? "," : "", plan->config->pipelines[i].name);
}

// The pipelines that run, those of a document in the place of others of their name, then those that are new.
//   removed  a name that is left out, or NULL
//   return   borrows the pipelines; free_merged; NULL: no memory
static struct node_config *merge(const struct node *node, const struct node_config *document, const char *removed) {
	const struct node_config *running = node->plan->config;
	struct node_config *merged = calloc(1, sizeof(*merged));
	unsigned count = running->pipeline_count + document->pipeline_count;
	if (merged == NULL || (merged->pipelines = calloc(count + 1, sizeof(*merged->pipelines))) == NULL) {
		free(merged);
		return NULL;
	}
	for (unsigned i = 0; i < running->pipeline_count; i++) {
		const struct pipeline *given = find_pipeline(document, running->pipelines[i].name);
		if (removed == NULL || strcmp(running->pipelines[i].name, removed) != 0)
			merged->pipelines[merged->pipeline_count++] = given != NULL ? *given : running->pipelines[i];
	}
	for (unsigned i = 0; i < document->pipeline_count; i++)
		if (find_pipeline(running, document->pipelines[i].name) == NULL)
			merged->pipelines[merged->pipeline_count++] = document->pipelines[i];
	return merged;
}

static void free_merged(struct node_config *merged) {
	if (merged != NULL)
		free(merged->pipelines);
	free(merged);
}

//   return  0 or a negative errno, with a line in text
static int make_plan(struct node_change *change, const struct node_config *config, struct plan **plan) {
	struct config_error error = {""};
	if (!node_spread_settle(change->node)) { // it says who owns what
		snprintf(change->text, sizeof(change->text), "a move waits for room downstream");
		return -EBUSY;
	}
	int rc = plan_new(plan, config, change->node->worker_count, &error);
	if (rc < 0) {
		snprintf(change->text, sizeof(change->text), "%s", rc == -EINVAL ? error.text : strerror(-rc));
		return rc;
	}
	rc = node_diff_check(change->node, *plan, change->text, sizeof(change->text));
	if (rc < 0) {
		plan_free(*plan);
		*plan = NULL;
	}
	return rc;
}

// Have the node run a plan. What it ran by before is freed.
//   config  of the plan: the node's from then on
static int run_plan(
	struct node_change *change, struct plan *plan, struct node_config *config, struct node_swap_report *report) {
	struct node *node = change->node;
	struct node_spread spread;
	int rc = node_spread_gather(&spread, node, plan, change->text, sizeof(change->text));
	if (rc == 0) {
		node_spread_keep_owners(plan, node);
		rc = node_swap(node, plan, report, change->text, sizeof(change->text));
		if (rc < 0)
			node_spread_undo(&spread, node, change->text, sizeof(change->text));
	}
	if (rc == 0) {
		node_diff_set_options(node, report->old);
		if (node_spread_out(&spread, node, report->old, change->remark, sizeof(change->remark)) == 0)
			change->remark[0] = '\0';
		change->moved = spread.moved;
		plan_free(report->old);
		free_merged(node->merged);
		node->merged = config;
	}
	node_spread_fini(&spread);
	return rc;
}

static bool is_in_use(const struct node *node, const struct pipeline *pipeline) {
	bool is = false;
	for (unsigned i = 0; i < node->plan->config->pipeline_count; i++)
		is |= node->plan->config->pipelines[i].operators == pipeline->operators;
	for (unsigned i = 0; i < node->operator_count; i++)
		is |= node->operators[i]->pipeline == pipeline->name;
	return is;
}

static void free_unused(struct node *node) {
	for (struct applied **link = &node->applied; *link != NULL;) {
		struct applied *applied = *link;
		bool is_used = false;
		for (unsigned i = 0; i < applied->config.pipeline_count; i++)
			is_used |= is_in_use(node, &applied->config.pipelines[i]);
		if (is_used) {
			link = &applied->next;
			continue;
		}
		*link = applied->next;
		node_config_free(&applied->config);
		free(applied);
	}
}

unsigned node_count_applied(const struct node *node) {
	unsigned count = 0;
	for (const struct applied *applied = node->applied; applied != NULL; applied = applied->next)
		count++;
	return count;
}

//   return  0 or a negative errno, with a line in text
static int read_document(struct node_change *change, struct node_config *config) {
	struct config_error error = {""};
	char name[80]; // which of the document's nodes this is
	snprintf(name, sizeof(name), "node=%s", change->node->name);
	const char *const settings[] = {name};
	int rc = node_config_parse(
		change->target, change->document, strlen(change->document), settings, 1, config, &error);
	if (rc == 0 && config->pipeline_count == 0) {
		snprintf(error.text, sizeof(error.text), "%s: no pipeline is in it", change->target);
		rc = -EINVAL;
	}
	if (rc < 0)
		snprintf(change->text, sizeof(change->text), "%s", rc == -EINVAL ? error.text : strerror(-rc));
	return rc;
}

// Their channels are made at start alone.
static int refuse_spread(struct node_change *change, const struct pipeline *pipeline) {
	if (pipeline == NULL || !pipeline->is_spread)
		return 0;
	snprintf(change->text, sizeof(change->text),
		"%s runs over several nodes, which can't be changed while they run yet; expected it in --config",
		pipeline->name);
	return -EINVAL;
}

static void say_what_was_lost(struct node_change *change, const struct node_swap_report *report) {
	if (report->given_up[0] != '\0')
		text_append(change->text, sizeof(change->text), "; given up:%s, with what was held", report->given_up);
	if (report->lost > 0)
		text_append(change->text, sizeof(change->text), ": %" PRIu64 " tuples lost", report->lost);
}

static void say_what_runs(struct node_change *change, const char *difference, const struct node_swap_report *report) {
	snprintf(change->text, sizeof(change->text), "runs %s; ", difference);
	if (report->paused_ns > 0)
		text_append(change->text, sizeof(change->text), "sources held still for %" PRIu64 " us, ",
			report->paused_ns / 1000);
	text_append(change->text, sizeof(change->text), "workers for %" PRIu64 " us", report->still_ns / 1000);
	say_what_was_lost(change, report);
	if (change->moved > 0)
		text_append(change->text, sizeof(change->text), "; %u key groups moved", change->moved);
	if (change->remark[0] != '\0')
		text_append(
			change->text, sizeof(change->text), "; key groups stay where they were: %s", change->remark);
}

static int apply_document(struct node_change *change, const struct node_config *document) {
	struct node_config *merged = merge(change->node, document, NULL);
	struct plan *plan = NULL;
	struct node_swap_report report = {0};
	char difference[CHANGE_TEXT_SIZE - 300] = ""; // how long it took comes behind it
	bool is_trial = strcmp(change->value, "dry-run") == 0;
	int rc = merged != NULL ? make_plan(change, merged, &plan) : -ENOMEM;
	if (rc == 0) {
		node_diff_describe(change->node, plan, difference, sizeof(difference));
		rc = is_trial ? 0 : run_plan(change, plan, merged, &report);
	}
	if (rc == 0 && is_trial)
		snprintf(change->text, sizeof(change->text), "it would run %s", difference);
	else if (rc == 0)
		say_what_runs(change, difference, &report);
	if (rc < 0 || is_trial) {
		plan_free(plan);
		free_merged(merged);
	}
	return rc;
}

static int apply(struct node_change *change) {
	struct node *node = change->node;
	struct applied *applied = calloc(1, sizeof(*applied));
	if (applied == NULL)
		return -ENOMEM;
	int rc = read_document(change, &applied->config);
	for (unsigned i = 0; rc == 0 && i < applied->config.pipeline_count; i++) {
		const struct pipeline *pipeline = &applied->config.pipelines[i];
		rc = refuse_spread(change, pipeline);
		if (rc == 0)
			rc = refuse_spread(change, find_pipeline(node->plan->config, pipeline->name));
	}
	if (rc == 0)
		rc = apply_document(change, &applied->config);
	if (rc == 0 && strcmp(change->value, "dry-run") != 0) {
		applied->next = node->applied;
		node->applied = applied;
		free_unused(node);
	} else {
		node_config_free(&applied->config);
		free(applied);
	}
	return rc;
}

static int remove_pipeline(struct node_change *change) {
	struct node *node = change->node;
	static const struct node_config none;
	struct plan *plan = NULL;
	if (find_pipeline(node->plan->config, change->target) == NULL) {
		bool is_empty = node->plan->config->pipeline_count == 0;
		snprintf(change->text, sizeof(change->text), "no such pipeline: this node runs%s",
			is_empty ? " none" : "");
		append_pipelines(node->plan, change->text, sizeof(change->text));
		return -EINVAL;
	}
	if (refuse_spread(change, find_pipeline(node->plan->config, change->target)) < 0)
		return -EINVAL;
	struct node_config *merged = merge(node, &none, change->target);
	int rc = merged != NULL ? make_plan(change, merged, &plan) : -ENOMEM;
	struct node_swap_report report = {0};
	if (rc == 0)
		rc = run_plan(change, plan, merged, &report);
	if (rc == 0) {
		free_unused(node);
		snprintf(change->text, sizeof(change->text), "drained and removed: %s", change->target);
		say_what_was_lost(change, &report);
		return 0;
	}
	plan_free(plan);
	free_merged(merged);
	return rc;
}

static int move(struct node_change *change) {
	return node_move(change->node, change->target, change->value, change->text, sizeof(change->text));
}

static int snapshot(struct node_change *change) {
	return node_snapshot(change->node, change->target, change->text, sizeof(change->text));
}

static const struct change_verb {
	const char *name;
	int (*make)(struct node_change *change); // with change_lock held
} verbs[] = {{"apply", apply}, {"remove", remove_pipeline}, {"move", move}, {"snapshot", snapshot}};

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
	free_merged(node->merged);
	node->merged = NULL;
	while (node->applied != NULL) {
		struct applied *applied = node->applied;
		node->applied = applied->next;
		node_config_free(&applied->config);
		free(applied);
	}
}
