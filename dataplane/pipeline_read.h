// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the files that read and check a configuration share. Nobody else includes this.
#pragma once

#include <errno.h>

#include "dataplane/config_tree.h"
#include "dataplane/pipeline.h"
#include "dataplane/text.h"

enum {
	PIPELINES_MAX = 64,
	PIPELINE_OPERATORS_MAX = 256,
	PARALLELISM_MAX = 1024,
	WORKER_INDEX_MAX = 1023,
	PIPELINE_NODES_MAX = 64,
	WEIGHT_MAX = 1000000,
	OPERATOR_OPTIONS_MAX = 64, // of one type
};

// What is known of a pipeline only while it is read.
struct pipeline_draft {
	const struct config_value *streams; // as written, or NULL: the operators form a line
	uint64_t *given;                    // [operator_count] bit i: option i of the type was given
};

struct config_reader {
	struct node_config *config;
	struct config_error *error;
	bool reads_files; // rather than text from memory: plug-ins may be paths
	unsigned document_list_count;
	struct config_value *document_lists;   // one per file, kept until the check is over
	struct pipeline_draft *drafts;         // [config->pipeline_count]
	struct location node_option_where[32]; // by index in node_options; line 0: not given
};

// Fill *error with `FILE:LINE: MESSAGE`.
//   where  line 0: only its file is shown; NULL: nothing is
void config_error_format(struct config_error *error, const struct location *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Fill *error with `FILE:LINE: WHO: "TEXT": MESSAGE`.
//   who  "stats.idle_timeout", or NULL
void config_error_format_text(struct config_error *error, const struct location *where, const char *who,
	const char *text, const char *format, ...) __attribute__((format(printf, 5, 6)));

// Fill *error with `FILE:LINE: WHO: "TEXT": unknown KIND, did you mean "X"? expected A, B or C`.
void config_error_format_unknown(struct config_error *error, const struct location *where, const char *who,
	const char *text, const char *kind, const struct text_names *names);

// The same as expressions, whose value every reader sees to be -EINVAL.
#define config_fail(...) (config_error_format(__VA_ARGS__), -EINVAL)
#define config_fail_text(...) (config_error_format_text(__VA_ARGS__), -EINVAL)
#define config_fail_unknown(...) (config_error_format_unknown(__VA_ARGS__), -EINVAL)

// Keep a file's name as long as the configuration.
//   return  the copy, or NULL without memory
const char *config_keep_name(struct config_reader *reader, const char *name);

// Whose option is set, for messages.
struct config_owner {
	const char *who;       // "stats.idle_timeout"; not shown where where.line is 0
	struct location where; // line 0: a setting, whose text says it all
};

// Set one option of a table from text or a list.
//   return  0; -EINVAL with the error filled; -ENOMEM
int config_set_option(struct config_reader *reader, const struct option *option, void *options,
	const struct config_value *value, const struct config_owner *owner);

// Where a member or item begins.
static inline struct location config_where(const struct config_value *value) {
	return (struct location){.file = value->file, .line = value->key != NULL ? value->key_line : value->line};
}

// Add the pipelines and node options of one document.
int pipeline_read_document(struct config_reader *reader, const struct config_value *document);

// Set one option of an operator: of its type, or `parallelism` or `workers`.
//   value  text or a list; its key names the option
//   where  for messages; line 0: a setting, whose text says it all
int pipeline_set_operator_option(struct config_reader *reader, unsigned pipeline, unsigned index,
	const struct config_value *value, const struct location *where);

// Set one of the node's own options; `value->key` names it.
int pipeline_set_node_option(
	struct config_reader *reader, const struct config_value *value, const struct location *where);

// Apply one "operator.option=value".
int pipeline_apply_setting(struct config_reader *reader, const char *setting);

// Make the streams of a pipeline from what was written, or the line; ends, groupings and channels are known after this.
int pipeline_make_streams(struct config_reader *reader, unsigned index);

// Resolve what the operators give, the schemas and outputs of the streams, then the fields of keys.
//   order  [operator_count] the operators, each after all those before it
int pipeline_resolve(struct config_reader *reader, unsigned index, const unsigned *order);

// Check a pipeline whose streams are made as a whole, and resolve it.
int pipeline_check(struct config_reader *reader, unsigned index);

// Of pipelines over several nodes, which have been checked, leave this node's part.
int pipeline_cut(struct config_reader *reader);

// Resolve the key of one stream, once its schema is known.
//   entry  the stream as written, or NULL
int pipeline_resolve_key(struct config_reader *reader, const struct pipeline *pipeline, struct pipeline_stream *stream,
	const struct config_value *entry);
