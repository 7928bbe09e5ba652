// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/stages.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/state.h"

static const void *stage_options(const struct config *config, size_t i) {
	return config->stages[i].options != NULL ? config->stages[i].options : (const void *)config;
}

int stages_init(struct stages *stages, struct state *state, char *error) {
	int err = 0;
	for (size_t i = 0; err == 0 && i < state->config.stages_length; i++) {
		const struct stage_config *config = &state->config.stages[i];
		struct stage *stage = &stages->list[stages->length++];
		*stage = (struct stage){.type = config->type,
			.name = config->name,
			.options = stage_options(&state->config, i),
			.shared = state};
		snprintf(error, CONF_ERROR_SIZE, "stage %s: out of memory", stage->name);
		stage->state = calloc(1, config->type->state_size + 1);
		err = stage->state == NULL ? -ENOMEM : 0;
		if (err == 0 && stage->type->init != NULL)
			err = stage->type->init(stage, error);
	}
	return err;
}

void stages_fini(struct stages *stages) {
	while (stages->length > 0) {
		struct stage *stage = &stages->list[--stages->length];
		if (stage->state != NULL && stage->type->fini != NULL)
			stage->type->fini(stage);
		free(stage->state);
	}
}

void stages_summary(struct stages *stages, const struct node *node, const Weir__Summary *summary) {
	for (size_t i = 0; i < stages->length; i++)
		if (stages->list[i].type->summary != NULL)
			stages->list[i].type->summary(&stages->list[i], node, summary);
}

void stages_interval(struct stages *stages) {
	for (size_t i = 0; i < stages->length; i++)
		if (stages->list[i].type->interval != NULL)
			stages->list[i].type->interval(&stages->list[i]);
}

void stages_work(struct stages *stages) {
	for (size_t i = 0; i < stages->length; i++)
		if (stages->list[i].type->work != NULL)
			stages->list[i].type->work(&stages->list[i]);
}

size_t stages_poll(const struct stages *stages, zmq_pollitem_t *items, size_t room) {
	size_t length = 0;
	for (size_t i = 0; i < stages->length && length < room; i++) {
		short events = 0;
		const struct stage *stage = &stages->list[i];
		int fd = stage->type->descriptor != NULL ? stage->type->descriptor(stage, &events) : -1;
		if (fd < 0)
			continue;
		events = (short)((events & POLLIN ? ZMQ_POLLIN : 0) | (events & POLLOUT ? ZMQ_POLLOUT : 0));
		items[length++] = (zmq_pollitem_t){.fd = fd, .events = events};
	}
	return length;
}

static int reload_is_possible(const struct stages *stages, const struct config *fresh, char *error) {
	for (size_t i = 0; i < stages->length || i < fresh->stages_length; i++)
		if (i >= stages->length || i >= fresh->stages_length || stages->list[i].type != fresh->stages[i].type ||
			strcmp(stages->list[i].name, fresh->stages[i].name) != 0) {
			snprintf(error, CONF_ERROR_SIZE, "stages: other stages than before need a restart");
			return -EINVAL;
		}
	return 0;
}

static int stage_prepare(struct stage *stage, const void *options, char *error) {
	const struct stage_type *type = stage->type;
	int err = type->prepare != NULL ? type->prepare(stage, options, error) : 0;
	if (err != 0 || type->commit != NULL)
		return err;
	struct conf_field fields[CONF_FIELDS_MAX + 1];
	size_t length = stage_fields(type, NULL, fields);
	for (size_t i = 0; i < length; i++) {
		size_t offset = type->options[i].offset;
		if (!conf_is_equal(&fields[i], (const char *)stage->options + offset, (const char *)options + offset)) {
			snprintf(error, CONF_ERROR_SIZE, "stage %s: %s: another value needs a restart", stage->name,
				fields[i].name);
			return -EINVAL;
		}
	}
	return 0;
}

// The options before go to `fresh`, and end with it.
static void stage_take_options(struct stage *stage, struct stage_config *kept, struct stage_config *fresh) {
	if (kept->options == NULL)
		return;
	void *before = kept->options;
	kept->options = fresh->options;
	fresh->options = before;
	stage->options = kept->options;
}

int stages_reload(struct stages *stages, struct config *fresh, char *error) {
	int err = reload_is_possible(stages, fresh, error);
	stages->list[0].shared->fresh_views.length = 0;
	for (size_t i = 0; err == 0 && i < stages->length; i++)
		err = stage_prepare(&stages->list[i], stage_options(fresh, i), error);
	for (size_t i = 0; i < stages->length; i++) {
		struct stage *stage = &stages->list[i];
		if (err == 0 && stage->type->commit != NULL)
			stage->type->commit(stage);
		else if (err != 0 && stage->type->abandon != NULL)
			stage->type->abandon(stage);
		if (err == 0)
			stage_take_options(stage, &stage->shared->config.stages[i], &fresh->stages[i]);
	}
	return err;
}

json_t *stages_status(const struct stages *stages) {
	json_t *list = json_array();
	for (size_t i = 0; i < stages->length; i++) {
		const struct stage *stage = &stages->list[i];
		json_t *object = json_pack("{ss ss}", "type", stage->type->name, "name", stage->name);
		json_t *status = stage->type->status != NULL ? stage->type->status(stage) : NULL;
		if (status != NULL)
			json_object_update(object, status);
		json_decref(status);
		json_array_append_new(list, object);
	}
	return list;
}
