// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Reading YAML by tables: each mapping is described by its fields, and every error names file, line, what was given
// and what is allowed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

enum {
	CONF_ERROR_SIZE = 512,
	CONF_FIELDS_MAX = 63, // of a mapping
	CONF_STRINGS_MAX = 16,
	CONF_STRINGS_SIZE = 256,
};

struct conf_strings {
	char items[CONF_STRINGS_MAX][CONF_STRINGS_SIZE]; // [length]
	size_t length;
};

struct conf {
	const char *path;
	yaml_document_t document;
	char error[CONF_ERROR_SIZE]; // one line, set where a function returns an error
};

enum conf_type {
	CONF_STRING,   // char[size]
	CONF_PATH,     // char[size]; one that is not absolute counts from where the file is
	CONF_STRINGS,  // struct conf_strings; one text alone is a list of one
	CONF_BOOL,     // bool; true or false
	CONF_U32,      // uint32_t, min..max
	CONF_NUMBER,   // double, min..max; suffix k, M, G
	CONF_DURATION, // uint64_t ns, min..max in ns; suffix ms, s, min, h
	CONF_CHOICE,   // int, index into choices
	CONF_NODE,     // const yaml_node_t *, of any kind
};

struct conf_field {
	const char *name;
	enum conf_type type;
	void *out; // left alone where the field is absent
	size_t size;
	double min, max;
	const char *const *choices; // ended by NULL
	int required;
};

//   return  0; -ENOENT and others of open(2); -EINVAL: not YAML, or empty
int conf_open(struct conf *conf, const char *path);
void conf_close(struct conf *conf);
const yaml_node_t *conf_root(struct conf *conf);

// Read a mapping. Unknown and repeated fields, missing ones and bad values are errors.
//   what    names the mapping in messages: "rule port_scan"; "" for the root
//   fields  ended by one without a name
int conf_mapping(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *fields);

// Parse one value as `field` says.
int conf_value(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field);
// Parse a text as the value of `field`, which is no CONF_NODE.
//   node  names the line in messages; NULL: none
int conf_text(
	struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field, const char *text);
// The values that a field takes, in words: "a duration such as 500ms, 10s, 5min (1s..600s)".
void conf_describe(const struct conf_field *field, char *out, size_t size);

// Whether two outs of a field hold the same; nodes always do.
bool conf_is_equal(const struct conf_field *field, const void *a, const void *b);

//   return  the value of a mapping's key, or NULL
const yaml_node_t *conf_member(struct conf *conf, const yaml_node_t *mapping, const char *name);
//   return  item i of a sequence, or NULL past its end
const yaml_node_t *conf_item(struct conf *conf, const yaml_node_t *sequence, size_t i);

// Set conf->error to "path:line: " and the rest.
//   return  -EINVAL
__attribute__((format(printf, 3, 4))) int conf_error(
	struct conf *conf, const yaml_node_t *node, const char *format, ...);
