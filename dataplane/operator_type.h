// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Operator types: what the engine, the configuration reader, --help and the manual know of an operator.
// One type is one file, under operators/ or in a plug-in; it registers itself with OPERATOR_REGISTER (operator.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/schema.h"
#include "dataplane/option.h"

struct batch;
struct instance;
struct operator;
struct state_reader;
struct state_writer;

enum grouping {
	GROUPING_FORWARD,     // instance i to instance i
	GROUPING_SHUFFLE,     // each batch to the next instance in turn
	GROUPING_KEY,         // to the instance that owns the key's group
	GROUPING_PARTIAL_KEY, // to one of two instances that the key has, the one that got less so far
	GROUPING_GLOBAL,      // all to instance 0
	GROUPING_ALL,         // each tuple to every instance
	GROUPINGS,
};
extern const char *const grouping_names[GROUPINGS + 1];

static inline bool grouping_has_key(enum grouping grouping) {
	return grouping == GROUPING_KEY || grouping == GROUPING_PARTIAL_KEY;
}

enum {
	GROUPING_KEY_MAX = 8,        // fields of a key
	GROUPING_KEY_SIZE_MAX = 512, // bytes of all its fields
	OPERATOR_INPUTS_MAX = 8,
	OPERATOR_OUTPUTS_MAX = 4,
	OPERATOR_DROPS_MAX = 24,
	OPERATOR_GAUGES_MAX = 16,
	OPERATOR_TYPES_PER_PLUGIN = 16,
};

// Why the tuples that an instance still holds are flushed.
enum end_of_stream {
	END_OF_INPUT,    // every source came to its end
	END_OF_SHUTDOWN, // the node was told to stop
};

// One input. Streams choose one by name, `to: join.left`; without a name, the first. All streams of an input have one
// schema.
struct operator_input {
	const char *name;                    // ends the list where NULL
	const struct schema *const *accepts; // ended by NULL; NULL: any
	enum grouping grouping;              // of a stream that does not say
	// As the type's key_option, for an input whose fields are named otherwise; NULL, or an empty list: the type's.
	const char *key_option;
	bool optional; // needs no stream; not the first
};

// What a type works out before anything runs: whether its options fit the schemas that come in, and what it gives.
struct derivation {
	const char *name; // the operator's, for its schemas
	const void *options;
	const struct schema *const *inputs; // [inputs of the type] by index; NULL: an optional one without a stream
	// Filled where the table of outputs says NULL and it is not the first input's schema: made by schema_new, the
	// pipeline's from then on (also after a failure), or another input's.
	const struct schema *outputs[OPERATOR_OUTPUTS_MAX];
	char *error; // one line that says what was given and what is allowed
	size_t error_size;
};

// One output: the streams that leave by it carry its schema. Streams choose the first output whose schema the
// receiver accepts, or name one: `from: stats.updates`.
struct operator_output {
	const char *name;            // ends the list where NULL
	const struct schema *schema; // NULL: what `derive` made, else the schema of the first input
	// The fields whose hash the operator leaves in batch.hashes, ended by NULL, and whether the hash is the same
	// for both directions; NULL: none. A key stream by just these needs no hash of its own.
	const char *const *hashed_by;
	bool hashed_symmetric;
};

// How what an operator keeps between tuples gets into a snapshot and out of it (docs/snapshots.md, state_file.h).
struct operator_saving {
	// What the items mean besides what the options say: sizes of structs that are written whole, for one. A
	// snapshot with another layout is refused. May be NULL.
	uint64_t (*layout)(const struct operator *op);
	// Whether it can be saved as it is configured. May be NULL.
	//   return  0; -ENOTSUP with error[size] filled: `NAME listens: what comes by a socket can't be read again`
	int (*check)(const struct operator *op, char *error, size_t size);
	// Write all that the operator and its instances keep. In a copy of the process of which only this thread is
	// there: no allocation, no locks, no waiting for other threads; nothing that it changes is seen by anybody.
	// Nothing is on its way; what the instances hold for others (sinks' queues) is none.
	void (*save)(const struct operator *op, struct state_writer *writer);
	// Take it up: in the manager, after init of all instances, whose watermarks are those of the snapshot, and
	// before a worker sees them. The key groups may have other owners than they had (state_enter_groups), and there
	// may be another number of instances (of a source where is_for_any_number says so). What is read was written
	// by a `save` of this layout, if nobody tampered with it; what can't be is refused, not trusted.
	//   return  0 or a negative errno, after operator_error
	int (*restore)(struct operator *op, struct state_reader *reader);
	// What can't be taken back, once all operators of the node have what they kept. May be NULL.
	//   return  as restore
	int (*resume)(struct operator *op);
	// Of a source: what it keeps can be taken up by another number of instances than kept it.
	bool is_for_any_number;
};

// How a source that runs comes to read in more or fewer instances. Those that stay keep their numbers, from 0 on.
struct operator_sharing {
	const char *parts; // what can be shared out, for messages: "queues"; NULL: there is no limit
	// How many instances can have a part. NULL where there is no limit.
	unsigned (*most)(const struct operator *op);
	// What an instance has yet to read may lie before the watermarks of the others: those that go are let come up
	// to those that stay first.
	bool is_timed;
	// Deal out anew among op->instances what is left to read, also of those that go. In the manager, while no
	// worker runs; nothing that was read is on its way. New ones have been through init (instance_joins). Who had
	// finished and gets something has not (instance.finished).
	//   before  [count] the instances until now
	void (*share)(struct operator *op, struct instance *const *before, unsigned count);
};

struct operator_type {
	uint32_t abi; // what it was built against: OPERATOR_ABI, set by OPERATOR_REGISTER. Always the first member
	const char *name;
	const char *summary;          // one line
	const char *manual;           // paragraphs for the manual page
	const struct option *options; // ended by {0}; NULL: none
	size_t options_size;
	const struct schema *const *accepts;   // ended by NULL; NULL: any; a source has none (poll is set)
	const struct operator_input *inputs;   // ended by {0}; NULL: one, which `accepts` and `grouping` describe
	const struct operator_output *outputs; // ended by {0}; NULL: a sink
	const char *const *drops;  // names of drop reasons, ended by NULL; NULL: none. At most OPERATOR_DROPS_MAX
	const char *const *gauges; // names of further figures (instance.gauges), ended by NULL; NULL: none
	enum grouping grouping;    // of a stream that does not say
	const char *const *key;    // its default key, ended by NULL, where grouping is GROUPING_KEY
	bool key_symmetric;
	// Name of an OPTION_LIST with the fields of its key, for types that keep their state by a key that is
	// configured: the key of streams whose grouping is GROUPING_KEY. An empty list: those are GROUPING_GLOBAL.
	// May be NULL.
	const char *key_option;
	unsigned parallelism;     // where the user does not say; 0: auto, one instance per worker
	unsigned parallelism_max; // 0: no limit
	// The same as `parallelism`, where it depends on the options. May be NULL.
	unsigned (*parallelism_for)(const void *options);
	// Lets go of each tuple before `process` returns, by the functions of instance_ alone, and writes to none.
	// Tuples that go to other receivers as well are lent to it, without references or copies.
	bool borrows;
	bool modifies_tuples;   // writes to tuples it received: the engine gives it its own copy on a fan-out
	bool live;              // a source on the clock rather than on a file's time
	bool leads_on;          // what it absorbs goes on elsewhere: no latency ends at it
	bool is_for_controller; // a sink that nothing hears where no controller is given
	bool tells_watermark;   // sets told_ns itself: emits records with times that its watermark has passed
	size_t state_size;      // bytes of state per instance, zeroed, cache-line aligned
	// For snapshots: how its state is saved; or that it has none that counts, though state_size is not 0. Neither:
	// pipelines with it can't be saved.
	const struct operator_saving *saving;
	bool keeps_nothing;
	const struct operator_sharing *sharing; // of sources; NULL: the number of its instances can't change
	// Of others without a key: why the number of their instances can't change while they run. NULL: it can.
	const char *is_fixed_because;
	const char *restored; // what becomes of it in a node that goes on from a snapshot, for the manual; may be NULL

	// Check options against each other, before anything starts. May be NULL.
	//   error   [size] filled on failure
	//   return  0 or -EINVAL
	int (*check)(const void *options, char *error, size_t size);

	// Fit the options to the schemas of the inputs, and say what comes out. A type that passes tuples on under
	// another schema than they came with sets modifies_tuples. May be NULL.
	//   return  0, -EINVAL with derivation->error filled, -ENOMEM
	int (*derive)(struct derivation *derivation);

	// Once per operator, before its instances: what they share goes to operator->shared. May be NULL.
	//   return  0 or a negative errno, after operator_error
	int (*open)(struct operator *op);
	void (*close)(struct operator *op); // after the last fini; also after a failed open. May be NULL

	// Once per instance, in the manager, before its worker sees it. May be NULL.
	int (*init)(struct instance *self);
	// Options marked live may have changed: take them over. On the worker. May be NULL where none is.
	void (*take_options)(struct instance *self);
	void (*fini)(struct instance *self); // after its worker let go; also after a failed init. May be NULL

	// Sources: take up to `room` tuples from outside and emit them. On the worker.
	//   room    1..BATCH_MAX
	//   return  tuples emitted; sets self->finished where no more will come
	unsigned (*poll)(struct instance *self, unsigned room);

	// All others: handle a batch; each of its tuples is forwarded, absorbed, dropped by name, or held.
	// At most one tuple may be created per tuple received, on each output; what is left waits (instance.backlog).
	//   batch  the instance may change it; its tuples are the instance's, from input batch->input
	void (*process)(struct instance *self, struct batch *batch);

	// Who may have to wait: how many tuples process will find a place for now. Whoever can reach this
	// instance on its worker takes in no more than that. May be NULL: any number.
	//   return  0..BATCH_MAX
	unsigned (*room)(struct instance *self);

	// Time has come to self->watermark_ns. May emit up to `room` tuples on each output. May be NULL.
	//   return  true if there is more to do at this time: it is called again in the next loop
	bool (*tick)(struct instance *self, unsigned room);

	// No more input will come: emit what is held, up to `room` tuples on each output a call. May be NULL.
	//   return  true if there is more to emit
	bool (*flush)(struct instance *self, enum end_of_stream why, unsigned room);

	// Types with a key: a key group moves from one instance of the operator to another. The one lets go of all that
	// it keeps of the group's keys besides what the instances share, the other takes it up. Each on the worker of
	// its instance, `leave` after every tuple that came before and before any that comes after; neither may emit.
	// NULL: what is kept per key can't be moved, and such moves are refused.
	//   group  0..KEY_GROUPS-1
	void (*group_leave)(struct instance *self, unsigned group);
	void (*group_enter)(struct instance *self, unsigned group);
};

// What is said of an input, also where the type has no table of them.
//   input   0..operator_type_input_count-1
struct operator_input operator_type_input(const struct operator_type *type, unsigned input);
//   return  0: a source
unsigned operator_type_input_count(const struct operator_type *type);

// Types by name. Those of the program register before main, those of plug-ins when one is loaded (plugin.h); none goes
// again while the program runs.
//   thread  the one that reads configurations
const struct operator_type *operator_type_lookup(const char *name);
//   return  the next type in order of name, the first where `type` is NULL, NULL at the end
const struct operator_type *operator_type_next(const struct operator_type *type);
void operator_type_register(struct operator_type *type);

// The types of a plug-in, which are looked at before any of them is taken.
struct operator_type_list {
	unsigned count; // may exceed OPERATOR_TYPES_PER_PLUGIN: the others were left out
	struct operator_type *types[OPERATOR_TYPES_PER_PLUGIN];
};
// From now on types that register go to `list`; NULL: to the registry again.
void operator_type_divert(struct operator_type_list *list);

// Types that this build has not, for want of a library; the table ends where the name is NULL.
struct operator_missing {
	const char *name, *library;
};
void operator_type_register_missing(const struct operator_missing *missing);
//   return  the library that is missing for the type of that name; NULL: it is no such type
const char *operator_type_missing_library(const char *name);
