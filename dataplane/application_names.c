// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/application_names.h"

#include <pthread.h>
#include <string.h>

struct names {
	char name[FLOW_APPLICATION_SIZE], category[FLOW_CATEGORY_SIZE];
};

// Written under the lock, before the number is known to anybody else; never changed after.
static struct names known[APPLICATION_NAMES_MAX + 1];
static uint16_t known_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

uint16_t application_number(const char *name, const char *category) {
	struct names names = {"", ""};
	memcpy(names.name, name, strnlen(name, sizeof(names.name)));
	memcpy(names.category, category, strnlen(category, sizeof(names.category)));
	pthread_mutex_lock(&lock);
	uint16_t number = 1;
	while (number <= known_count && memcmp(&known[number], &names, sizeof(names)) != 0)
		number++;
	if (number > APPLICATION_NAMES_MAX)
		number = 0;
	else if (number > known_count)
		known[known_count = number] = names;
	pthread_mutex_unlock(&lock);
	return number;
}

void application_names(uint16_t number, struct flow_record *record) {
	memcpy(record->application, known[number].name, sizeof(record->application));
	memcpy(record->category, known[number].category, sizeof(record->category));
}

const char *application_name(uint16_t number) {
	return known[number].name;
}

void application_names_save(struct state_writer *writer, uint32_t kind) {
	for (unsigned number = 1; number <= known_count; number++)
		state_put(writer, kind, &known[number], sizeof(known[number]));
}

bool application_numbers_take(struct application_numbers *numbers, const struct state_item *item) {
	const struct names *names = item->data;
	if (item->size != sizeof(*names) || numbers->count == APPLICATION_NAMES_MAX)
		return false;
	numbers->now[++numbers->count] = application_number(names->name, names->category);
	return true;
}
