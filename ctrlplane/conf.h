// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Reading YAML by tables: each mapping is described by its fields, and every error names file, line, what was given
// and what is allowed.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

enum { CONF_ERROR_SIZE = 512 };

struct conf {
	const char *path;
	yaml_document_t document;
	char error[CONF_ERROR_SIZE]; // one line, set where a function returns an error
};

enum conf_type {
	CONF_STRING,   // char[size]
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

// Parse one scalar as `field` says.
int conf_scalar(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field);

//   return  item i of a sequence, or NULL past its end
const yaml_node_t *conf_item(struct conf *conf, const yaml_node_t *sequence, size_t i);

// Set conf->error to "path:line: " and the rest.
//   return  -EINVAL
__attribute__((format(printf, 3, 4))) int conf_error(
	struct conf *conf, const yaml_node_t *node, const char *format, ...);
