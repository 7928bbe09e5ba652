// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/ranking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ranking_init(struct ranking *ranking, unsigned k, unsigned key_length, size_t state_size) {
	ranking->k = k;
	ranking->key_length = key_length;
	ranking->state_size = state_size;
	ranking->places = calloc(k, sizeof(*ranking->places));
	ranking->keys = calloc((size_t)k * key_length, sizeof(*ranking->keys));
	ranking->told = calloc((size_t)k * key_length, sizeof(*ranking->told));
	ranking->states = calloc(k, state_size);
	bool has_all =
		ranking->places != NULL && ranking->keys != NULL && ranking->told != NULL && ranking->states != NULL;
	return has_all ? 0 : -ENOMEM;
}

void ranking_fini(struct ranking *ranking) {
	free(ranking->places);
	free(ranking->keys);
	free(ranking->told);
	free(ranking->states);
	memset(ranking, 0, sizeof(*ranking));
}

static size_t key_size(const struct ranking *ranking) {
	return ranking->key_length * sizeof(uint64_t);
}

static bool is_above(const struct ranking *ranking, double number, const uint64_t *key, unsigned rank) {
	if (number != ranking->places[rank].number)
		return number > ranking->places[rank].number;
	return memcmp(key, ranking_key(ranking, rank), key_size(ranking)) < 0;
}

void ranking_offer(struct ranking *ranking, const uint64_t *key, const void *state, double number) {
	unsigned at = ranking->count;
	uint32_t slot = at;
	if (at == ranking->k) {
		if (!is_above(ranking, number, key, --at))
			return;
		slot = ranking->places[at].slot; // of the one that has to go
	} else {
		ranking->count++;
	}
	for (; at > 0 && is_above(ranking, number, key, at - 1); at--)
		ranking->places[at] = ranking->places[at - 1];
	ranking->places[at] = (struct ranking_place){number, slot};
	memcpy(&ranking->keys[(size_t)slot * ranking->key_length], key, key_size(ranking));
	memcpy(ranking->states + slot * ranking->state_size, state, ranking->state_size);
}

bool ranking_is_changed(const struct ranking *ranking) {
	bool is_same = ranking->count == ranking->told_count;
	for (unsigned rank = 0; rank < ranking->count && is_same; rank++)
		is_same = memcmp(&ranking->told[(size_t)rank * ranking->key_length], ranking_key(ranking, rank),
				  key_size(ranking)) == 0;
	return !is_same;
}

void ranking_note_told(struct ranking *ranking) {
	ranking->told_count = ranking->count;
	for (unsigned rank = 0; rank < ranking->count; rank++)
		memcpy(&ranking->told[(size_t)rank * ranking->key_length], ranking_key(ranking, rank),
			key_size(ranking));
}
