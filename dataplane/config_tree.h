// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// YAML as a tree in which every value knows its line. The subset that a configuration needs: text, lists and maps.
// Anchors, aliases and tags are refused, so that a tree is never larger than its text.
#pragma once

#include <stddef.h>

struct location;
struct config_error;

enum {
	CONFIG_FILE_MAX = 1 << 20, // bytes
	CONFIG_DEPTH_MAX = 8,
	CONFIG_KEYS_MAX = 64,    // of one map
	CONFIG_ITEMS_MAX = 4096, // of one list
};

enum config_kind {
	CONFIG_TEXT,
	CONFIG_LIST,
	CONFIG_MAP,
};

struct config_value {
	enum config_kind kind;
	const char *file; // of the document; borrowed
	unsigned line;    // where the value starts, from 1
	char *key;        // members of a map: their name
	unsigned key_line;
	char *text;                 // CONFIG_TEXT, without zero bytes
	unsigned count;             // CONFIG_LIST, CONFIG_MAP
	struct config_value *items; // [count]
};

// Read every document of a text. Empty ones are left out.
//   file       stands for the text in messages; outlives the tree
//   documents  CONFIG_LIST of the documents, released with config_tree_free, also after a failure
//   return     0; -EINVAL with *error filled; -ENOMEM
int config_tree_parse(
	const char *file, const char *text, size_t size, struct config_value *documents, struct config_error *error);

void config_tree_free(struct config_value *value);

//   return  the member of that name of a map, or NULL
const struct config_value *config_tree_lookup(const struct config_value *map, const char *key);
