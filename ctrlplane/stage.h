// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Stages: the steps of the control-plane pipeline, as conf/controller.yaml lists them. A type is one file
// stage_NAME.c, which registers itself; its option table feeds the parser, --help and the manual. All hooks run on the
// one thread of the controller and never wait.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/conf.h"

struct config;
struct node;
struct stage;
struct state;

struct stage_option {
	const char *name;
	enum conf_type type;
	size_t offset; // into the stage's options
	size_t size;   // of texts
	double min, max;
	const char *const *choices; // ended by NULL
	const char *fallback;       // parsed as if given; NULL: zero or empty
	const char *help;           // one line
	bool is_required;
};

struct stage_type {
	const char *name;
	const char *title;                  // one line
	const char *manual;                 // paragraphs
	const struct stage_option *options; // ended by {0}; NULL: none
	// Bytes of an instance's own options; 0: they lie in struct config. Such a type has one instance at most, and
	// its options may stand at the top of the file as well.
	size_t options_size;
	size_t state_size; // bytes of an instance's state, zeroed

	// Check options against each other and read those that are CONF_NODE, while the file is open. May be NULL.
	//   mapping  the stage, or the whole file; NULL: no file
	int (*check)(struct conf *conf, const yaml_node_t *mapping, struct config *config, void *options);
	//   error   [CONF_ERROR_SIZE], one line where an error is returned
	int (*init)(struct stage *stage, char *error);
	void (*fini)(struct stage *stage); // also after a failed init

	// A summary that counted. Optional, as all below.
	void (*summary)(struct stage *stage, const struct node *node, const Weir__Summary *summary);
	// Once per interval, in the order of the stages.
	void (*interval)(struct stage *stage);
	// What the loop polls for it; work is called on each turn of the loop, ten times a second at least.
	//   events  set to POLLIN, POLLOUT or both
	//   return  a descriptor; -1: none now
	int (*descriptor)(const struct stage *stage, short *events);
	void (*work)(struct stage *stage);
	// Reload, all or nothing: each stage prepares what the new options say, then all commit or all abandon it.
	// Without commit, options must be as they are.
	//   options  of the new configuration; they live until abandon, or as long as the stage has them
	int (*prepare)(struct stage *stage, const void *options, char *error);
	void (*commit)(struct stage *stage);
	void (*abandon)(struct stage *stage); // also where prepare failed or was not called
	// For `weirctl status`.
	json_t *(*status)(const struct stage *stage);
};

struct stage {
	const struct stage_type *type;
	const char *name;
	const void *options;
	void *state;
	struct state *shared;
};

// Types by name. Registration happens before main.
const struct stage_type *stage_type_lookup(const char *name);
//   return  the next type in order of name, the first where `type` is NULL, NULL at the end
const struct stage_type *stage_type_next(const struct stage_type *type);
void stage_type_register(const struct stage_type *type);

// Fields that write a type's options to `options`.
//   out     [CONF_FIELDS_MAX + 1], ended by one without a name
//   return  how many
size_t stage_fields(const struct stage_type *type, void *options, struct conf_field *out);
// Set the fallbacks; one that does not parse is a broken invariant and aborts.
void stage_set_fallbacks(const struct stage_type *type, void *options);

// All types in a line each; one type with its options; all as a manual page.
void stage_print_types(FILE *file);
void stage_print_help(const struct stage_type *type, FILE *file);
void stage_print_manual(FILE *file);

#define STAGE_REGISTER(type)                                                                                           \
	__attribute__((constructor)) static void type##_register(void) {                                               \
		stage_type_register(&(type));                                                                          \
	}                                                                                                              \
	_Static_assert(1, "")
