// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Pipelines as the user wrote them: operators, their options, and the streams between them, read from YAML
// and checked as a whole. Nothing here runs or needs the EAL. config_tree.c reads YAML, pipeline_read.c turns it
// into operators, pipeline_setting.c applies settings, pipeline_stream.c joins the operators, pipeline_check.c checks
// the whole, pipeline_schema.c finds what flows where.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/operator_type.h"

struct location {
	const char *file; // owned by the configuration
	unsigned line;    // from 1; 0 where the text is not from a file
};

// One operator as configured: a node of the graph.
struct pipeline_operator {
	char *name;
	const struct operator_type *type;
	void *options;         // type->options_size bytes, filled through type->options
	char *node;            // where it runs; NULL: on every node that reads it
	unsigned parallelism;  // instances; 0 is auto: one per worker, 1 where the type or a stream asks for it
	unsigned worker_count; // length of workers; 0: any
	unsigned *workers;     // indices of the workers that its instances may be placed on
	const struct schema *inputs[OPERATOR_INPUTS_MAX];   // by index; NULL: an optional one without a stream
	const struct schema *outputs[OPERATOR_OUTPUTS_MAX]; // the same
	struct schema *derived[OPERATOR_OUTPUTS_MAX]; // those of the outputs that its type made, owned; ended by NULL
	struct location where;
};

enum channel_choice {
	CHANNEL_AUTO, // a direct call where both ends share a worker, else a ring
	CHANNEL_RING, // always a ring
};

// What a remote channel's sender does when its queue is full.
enum queue_choice {
	QUEUE_BOUNDED, // wait, and have those before it wait
	QUEUE_SPILL,   // drop what comes, by name
};

// One stream as configured: an edge of the graph.
struct pipeline_stream {
	unsigned from, to; // indices into pipeline.operators
	unsigned output;   // index into the outputs of from's type
	unsigned input;    // index into the inputs of to's type
	enum grouping grouping;
	enum channel_choice channels;
	unsigned key_count; // GROUPING_KEY, GROUPING_PARTIAL_KEY
	const struct field *key[GROUPING_KEY_MAX];
	unsigned weight_count;       // GROUPING_SHUFFLE: of the receiver's instances; 0: all get the same
	unsigned *weights;           // [weight_count] tuples, in proportion; some are more than 0
	uint64_t rate_bps;           // of each channel between nodes; 0: no limit
	enum queue_choice queue;     // of each channel between nodes, at its sender
	uint64_t queue_size;         // bytes of it; 0: by `queue`
	bool symmetric;              // both directions of a flow have one key
	const struct schema *schema; // of the tuples on it
	struct location where;
};

struct node_config;

struct pipeline {
	char *name;
	unsigned weight;                  // of its share of the workers
	const struct node_config *config; // that it was read with: settings of the node hold for it
	unsigned operator_count, stream_count;
	struct pipeline_operator *operators; // in the order listed
	struct pipeline_stream *streams;
	// Of a pipeline over several nodes, which is this node's part (pipeline_nodes.c): the others' operators, and
	// whether the whole has a live source.
	unsigned elsewhere_count;
	struct pipeline_operator *elsewhere;
	bool is_spread, has_live_source;
	struct location where;
};

// The key by which an operator keeps the state of what comes by an input: the type's, or what its key_option says.
//   names   [GROUPING_KEY_MAX] filled, borrowed from the operator
//   return  their number, 0: none, which may be because the option's list is empty
unsigned pipeline_operator_key(const struct pipeline_operator *op, unsigned input, const char **names);
// Whether a source of it is on the clock.
bool pipeline_has_live_source(const struct pipeline *pipeline);
// The grouping of a stream to that input that does not say.
enum grouping pipeline_operator_grouping(const struct pipeline_operator *op, unsigned input);

enum idle_policy {
	IDLE_ADAPTIVE, // spin, pause, then sleep
	IDLE_BUSY,     // always poll
};

// How a node's workers share a pipeline's work, where its operators' `workers` don't say.
enum placement {
	PLACEMENT_AUTO,     // pipeline where a source has fewer instances than there are workers, else chained
	PLACEMENT_CHAINED,  // every worker does everything: instance i on worker i
	PLACEMENT_PIPELINE, // some for sources and what forward joins to them, the others for the rest
};

// Everything one node was told: the node's own settings and its pipelines.
struct node_config {
	char *node;              // name; default: the host's
	char *controller;        // ZeroMQ endpoint of the command socket, or NULL
	char *key;               // path of the node's secret key file, or NULL
	char *controller_key;    // path of the controller's public key file, or NULL
	char *allowed_nodes;     // path of the public keys of other nodes, a folder or a file, or NULL
	struct option_list eal;  // EAL arguments
	unsigned idle;           // enum idle_policy
	char *hash_secret;       // or NULL: drawn at start-up
	char *restore;           // directory of a snapshot to go on from, or NULL
	uint64_t ring_size;      // entries of each ring, a power of two
	unsigned channels;       // enum channel_choice, for streams that do not say
	unsigned placement;      // enum placement
	uint64_t source_workers; // for sources, in a pipeline placement
	uint64_t change_limit_ns;
	struct option_list
		nodes;       // of pipelines over several nodes: NAME tcp://ADDRESS:PORT each (switch/link_switch.h)
	char *connections;   // of each link: a number, or per-channel
	uint64_t link_queue; // bytes that each end of a remote channel keeps
	unsigned pipeline_count;
	struct pipeline *pipelines;
	struct option_list files; // what locations name
	// Of the document that was read last: types of plug-ins are everybody's.
	struct option_list plugins;
};
extern const struct option node_options[]; // by the names of the fields above

// One message for a person: `conf/a.yaml:12: stats.idle_timeout: "banana": expected a duration …`.
struct config_error {
	char text[512];
};

// Read and check a configuration.
//   files     [file_count] paths; each may hold several YAML documents, a pipeline each
//   settings  [setting_count] "operator.option=value", "pipeline/operator.option=value" or "node-option=value";
//             applied before the check
//   out       owned by the caller, who leaves it where it is (its pipelines point at it) and releases it with
//             node_config_free
//   return    0; -EINVAL with *error filled; -ENOMEM
int node_config_read(const char *const *files, unsigned file_count, const char *const *settings, unsigned setting_count,
	struct node_config *out, struct config_error *error);

// The same from memory.
//   name  stands for the file in messages
int node_config_parse(const char *name, const char *text, size_t size, const char *const *settings,
	unsigned setting_count, struct node_config *out, struct config_error *error);

void node_config_free(struct node_config *config);
