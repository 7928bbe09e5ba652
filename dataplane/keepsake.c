// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/keepsake.h"

#include <pthread.h>
#include <stdlib.h>

struct keepsake {
	struct keepsake *next;
	char *pipeline, *operator;
	unsigned index;
	size_t size;
	uint8_t data[];
};

static struct keepsake *keepsakes;
static pthread_mutex_t keepsakes_lock = PTHREAD_MUTEX_INITIALIZER;

static void free_one(struct keepsake *keepsake) {
	if (keepsake == NULL)
		return;
	free(keepsake->pipeline);
	free(keepsake->operator);
	free(keepsake);
}

// Take it off the list.
//   return  NULL: there is none
static struct keepsake *unlink_one(const struct instance *self) {
	struct keepsake **link = &keepsakes;
	while (*link != NULL && ((*link)->index != self->index || strcmp((*link)->pipeline, self->op->pipeline) != 0 ||
					strcmp((*link)->operator, self->op->name) != 0))
		link = &(*link)->next;
	struct keepsake *found = *link;
	if (found != NULL)
		*link = found->next;
	return found;
}

void keepsake_leave(const struct instance *self, const void *data, size_t size) {
	struct keepsake *keepsake = calloc(1, sizeof(*keepsake) + size);
	if (keepsake == NULL)
		return;
	keepsake->pipeline = strdup(self->op->pipeline);
	keepsake->operator = strdup(self->op->name);
	keepsake->index = self->index;
	keepsake->size = size;
	memcpy(keepsake->data, data, size);
	if (keepsake->pipeline == NULL || keepsake->operator == NULL) {
		free_one(keepsake);
		return;
	}
	pthread_mutex_lock(&keepsakes_lock);
	free_one(unlink_one(self));
	keepsake->next = keepsakes;
	keepsakes = keepsake;
	pthread_mutex_unlock(&keepsakes_lock);
}

bool keepsake_take(const struct instance *self, void *data, size_t size) {
	pthread_mutex_lock(&keepsakes_lock);
	struct keepsake *keepsake = unlink_one(self);
	pthread_mutex_unlock(&keepsakes_lock);
	bool is_found = keepsake != NULL && keepsake->size == size;
	if (is_found)
		memcpy(data, keepsake->data, size);
	free_one(keepsake);
	return is_found;
}

void keepsake_free_all(void) {
	while (keepsakes != NULL) {
		struct keepsake *next = keepsakes->next;
		free_one(keepsakes);
		keepsakes = next;
	}
}
