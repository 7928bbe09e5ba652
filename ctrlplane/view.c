// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/view.h"

#include <string.h>

const struct view *views_find(const struct views *views, const char *name) {
	for (size_t i = 0; i < views->length; i++)
		if (strcmp(views->list[i].name, name) == 0)
			return &views->list[i];
	return NULL;
}

const struct list_type *view_key_type(const struct view *view) {
	return &list_types[view->v4 != 0 || view->v6 != 0 ? LIST_PREFIXES : view->kind];
}

static void clear_bits(uint8_t *address, unsigned from) {
	for (unsigned byte = (from + 7) / 8; byte < 16; byte++)
		address[byte] = 0;
	if (from % 8 != 0)
		address[from / 8] &= (uint8_t)(0xff << (8 - from % 8));
}

bool view_is_same(const struct view *a, const struct view *b) {
	return a->kind == b->kind && a->v4 == b->v4 && a->v6 == b->v6 && filter_is_same(&a->filter, &b->filter);
}

// A host's or prefix's key as that of the prefix it belongs to.
static void shorten_key(const struct view *view, uint8_t *key) {
	uint8_t wanted = key[0] == 4 ? view->v4 : view->v6;
	bool is_prefix = view->kind == LIST_PREFIXES || view->kind == LIST_TCP_PREFIXES;
	uint8_t length = is_prefix ? key[KEY_SECOND] : (uint8_t)(8 * key[0]);
	if (wanted != 0 && wanted < length)
		length = wanted;
	clear_bits(key + KEY_ADDRESS, length);
	key[KEY_SECOND] = length;
}

// What is left out of a list is more or less known of each key; of a prefix that keys are put together to, any of it
// may be. Scores that aren't bytes are of packets.
static uint64_t view_missed(const struct topn *from, bool is_short) {
	if (!is_short)
		return topn_absent(from);
	return from->score == TOPN_BYTES ? from->rest.bytes : from->rest.packets;
}

static void view_add(const struct view *view, const struct topn *from, struct topn *out) {
	bool is_short = view->v4 != 0 || view->v6 != 0;
	uint64_t missed = view_missed(from, is_short);
	for (size_t i = 0; i < from->length; i++) {
		if (!filter_matches(&view->filter, view->kind, from->entries[i].key))
			continue;
		struct topn_entry entry = from->entries[i];
		int64_t error = 0;
		if (is_short)
			shorten_key(view, entry.key);
		else
			error = (int64_t)topn_error(from, &from->entries[i]) - (int64_t)missed;
		topn_add_uncertain(out, &entry, error);
	}
	topn_add_missed(out, missed);
	if (filter_is_selective(&view->filter))
		out->hidden_bytes += from->rest.bytes;
	else
		topn_add_rest(out, &from->rest);
}

static void view_add_scope(const struct view *view, const struct aggregate_scope *scope, struct topn *out) {
	struct topn list;
	aggregate_list(scope, view->kind, &list);
	if (out->max == 0)
		topn_init(out, list.max, list.score, list.max_mask);
	view_add(view, &list, out);
	topn_fini(&list);
}

void view_list(const struct view *view, const struct aggregate_scope *scope, struct topn *out) {
	const struct nodes *nodes = scope->nodes;
	bool is_plain = !filter_is_selective(&view->filter) && view->v4 == 0 && view->v6 == 0;
	*out = (struct topn){0};
	if (view->filter.nodes_length == 0 || scope->node != NULL) {
		if (is_plain)
			aggregate_list(scope, view->kind, out);
		else
			view_add_scope(view, scope, out);
		return;
	}
	topn_init(out, 0, 0, 0);
	for (size_t i = 0; i < nodes->length; i++) {
		struct aggregate_scope one = *scope;
		one.node = nodes->list[i];
		if (filter_has_node(&view->filter, one.node->name))
			view_add_scope(view, &one, out);
	}
}
