// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The registry of nodes: who they are, whether they live, what they reported, and what of them is not known.
// Everything here survives a restart of the controller by way of the store. One thread.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/history.h"
#include "ctrlplane/identity.h"
#include "ctrlplane/sequence.h"
#include "ctrlplane/totals.h"

enum {
	NODES_WINDOW_FACTOR = 32, // so many times the entries of a node's window are in that of all nodes
	NODE_NAME_SIZE = 64,      // bytes of a name with its closing zero; of pipelines and operators as well
	NODE_TEXT_SIZE = 128,
	NODE_SERIES_MAX = 256,
	NODE_INSTANCES_MAX = 4096, // kept of a report; operators of a registration as well
	NODE_CHANNELS_MAX = 16384, // streams as well
	NODE_INTERVALS_MAX = 8,    // remembered one by one; the sums count all
	NODE_BEAT_MS = 500,
	NODE_BEATS_MISSED = 3,    // then it is lost
	NODES_DEPARTED_MAX = 256, // whose books are kept
	NODE_TELL_MS = 1000,      // from the end of an interval to its summary, and to spare
};

enum node_state {
	NODE_UP,
	NODE_LOST,  // NODE_BEATS_MISSED beats missed, or its name was taken over after its connection closed
	NODE_ENDED, // said goodbye
};
extern const char *const node_state_names[];

// The numbered summaries of one instance of a summary operator, in the current incarnation of its node.
struct series {
	char pipeline[NODE_NAME_SIZE], operator[NODE_NAME_SIZE];
	uint32_t instance;
	struct sequence sequence;
	struct totals cumulative; // as of summary number cumulative_sequence
	uint64_t cumulative_sequence;
	uint64_t end_ns;                   // of that summary's interval
	uint64_t longest_ns;               // interval of a summary
	uint64_t hole_mono_ns;             // when a number was first seen missing; 0: none is
	uint64_t hole_from_ns, hole_to_ns; // event time around the hole
	uint64_t first;           // where it began, an earlier controller having taken what was before; 0: known
	uint64_t storing, stored; // numbers up to which the running transaction stores, and Redis has stored
	uint64_t acknowledged;    // greatest number said to the node on its present connection
};

// What a node told since its history last took note, whatever time that is of.
struct unnoted {
	struct totals totals; // by which its sums grew
	struct histogram rtt;
	uint64_t summaries;
};

// A stretch of time, closed.
struct node_interval {
	uint64_t from_ns, to_ns; // wall or event time, since the epoch
	uint64_t count;          // summaries missing in it; 0 where not derivable
};
struct node_intervals {
	struct node_interval last[NODE_INTERVALS_MAX]; // ring, newest at (count - 1) % NODE_INTERVALS_MAX
	uint64_t count;                                // ever
	uint64_t duration_ns;                          // sum over all
};

struct node {
	char name[NODE_NAME_SIZE];
	uint32_t number; // from 1, never another's
	enum node_state state;
	uint64_t incarnation;
	uint64_t first_incarnation; // that this process of the controller saw: tells the store what it may add
	uint64_t incarnations;      // how many
	// The latest of those that are over, ring, [past_length % NODE_INTERVALS_MAX] is next: their counters are in
	// `finished` and must not come again.
	uint64_t past[NODE_INTERVALS_MAX], past_length;
	bool had_controller; // an earlier one may have taken summaries of this incarnation
	bool is_recalled;    // Redis had the books of first_incarnation
	char host[NODE_TEXT_SIZE], version[NODE_TEXT_SIZE];
	uint32_t pid, workers;
	struct identity commands, summaries; // where answers go; size 0: not connected since the controller started
	uint64_t registered_ns, beat_ns;     // wall clock
	uint64_t beat_mono_ns;
	uint64_t summary_ns; // arrival of the latest summary, wall clock; 0: none in this incarnation
	uint64_t told_ns;    // wall clock of the latest beat by which all its summaries had come; 0: none was
	uint64_t missed;     // beats, now

	struct series *series; // [series_length]
	size_t series_length;
	struct totals first_finished; // what `finished` has of first_incarnation
	struct totals finished;       // last cumulative counters of the incarnations before this one

	uint64_t unknown_from_ns;      // since when nothing is known of it; 0: nothing is unknown now
	struct node_intervals unknown; // stretches that no report covers: a node was killed and started again
	struct node_intervals gaps;    // stretches with summaries missing
	uint64_t missing;              // summaries, over all gaps
	uint64_t duplicates, late;     // summaries
	uint64_t shed;                 // summaries whose lists were left out for want of time
	struct window *window;         // of its recent intervals
	bool is_elsewhen;        // its time is not the clock's: it replays a capture, or one of the clocks is wrong
	bool was_punctual;       // some summary of this incarnation came when it was due
	int64_t clock_offset_ns; // from the clock to the end of the latest summary, when that came
	uint64_t behind_mono_ns; // since when all summaries come late; 0: the latest did not
	uint64_t evaluated;      // the newest interval that alert rules have seen
	struct history *history; // the store's
	struct losses *losses;   // for rules about them; NULL: none asked yet
	struct unnoted unnoted;

	json_t *operators, *channels, *pipelines, *uplink, *topology; // as last reported; NULL: not yet
	json_t *gone;                // sums of what instances counted that it has no more, likewise
	struct group_loads *groups;  // the same, of its keyed operators
	struct remote_ends *remotes; // the same, of its ends of channels to other nodes
};

// The books of a node that had to make room, in case its process comes back.
struct departed {
	char name[NODE_NAME_SIZE]; // empty: nobody's
	uint64_t number;           // in the order of departure, from 1
	uint64_t incarnation, incarnations;
	struct series *series; // [series_length]
	size_t series_length;
	struct totals finished;
};

struct nodes {
	struct node **list; // [length], in the order of their first registration
	size_t length, max;
	struct totals departed; // of nodes that had to make room
	uint64_t departed_nodes;
	struct departed departed_last[NODES_DEPARTED_MAX]; // in no order
	uint64_t departures;                               // the latest number
	// Greatest incarnation that is in the sums while its books are kept no more; 0: none.
	uint64_t forgotten_ns;
	uint64_t departed_changes;       // of all this: tells the store that it is another
	struct unnoted departed_unnoted; // what the history of all has not taken note of
	struct window *window;           // of the intervals of all nodes but those that are elsewhen; NULL: no node yet
	struct paths *paths;             // flows that two nodes see; NULL: none yet
	uint64_t repeated_packets,
		repeated_bytes; // that one of several nodes told of whose figures are counted already
	uint32_t numbers;       // given to nodes
	size_t window_entries;  // bound per list and interval of each node's window
	uint64_t interval_ns;
	uint32_t window_slots;
};

struct node *nodes_find(const struct nodes *nodes, const char *name);
// The node whose commands come from this peer, or NULL.
struct node *nodes_find_peer(const struct nodes *nodes, const struct identity *peer);
// Find or make room for a node. A full registry gives up the node that has been away longest.
//   return  0; -ENOSPC: as many nodes as allowed, all up; -ENOMEM
int nodes_obtain(struct nodes *nodes, const char *name, struct node **out);
void nodes_fini(struct nodes *nodes);

// A node that is in no registry yet.
//   return  0; -ENOMEM
int node_new(struct node **out, struct nodes *nodes, const char *name);
void node_free(struct node *node);

// Whether text is fit to be a name: 1..63 of A-Z a-z 0-9 . _ -
bool node_name_is_valid(const char *text);

// Take a registration that was found acceptable: a new incarnation closes the books of the one before.
//   now_ns  wall clock
void node_register(struct node *node, const Weir__Register *message, const struct identity *peer, uint64_t now_ns);
// Whether this incarnation is one whose books were closed.
bool node_is_past(const struct node *node, uint64_t incarnation);
// A sign of life: a lost node is up again.
//   return  true: it had been lost
bool node_beat(struct node *node, uint64_t now_ns, uint64_t mono_ns);
// Count missed beats.
//   return  true: the node is lost from now on
bool node_check(struct node *node, uint64_t mono_ns);
// The node ended by itself: what it last reported is final.
void node_end(struct node *node);
// Mark it lost from the last moment anything is known of it.
void node_lose(struct node *node);

//   return  the series, made if it is new; NULL: too many, or names not valid
struct series *node_series(struct node *node, const char *pipeline, const char *operator, uint32_t instance);
// All traffic ever reported: finished incarnations and the current one.
void node_totals(const struct node *node, struct totals *out);
// Flows of the current incarnation that live; 0 unless the node is up.
uint64_t node_flows_live(const struct node *node);
// Sum of one counter, dropped or lost_outside, over its instances as last reported, and those that it has no more.
uint64_t node_counted(const struct node *node, const char *counter);
// A beat says how many summaries the node's operators have submitted in this incarnation.
void node_take_submitted(struct node *node, uint64_t submitted);
// Length of the unknown intervals, the open one up to now included.
uint64_t node_unknown_ns(const struct node *node, uint64_t now_ns);
void node_intervals_add(struct node_intervals *intervals, uint64_t from_ns, uint64_t to_ns, uint64_t count);
// Give up what is missing in a series and remember the gap.
void node_series_give_up(struct node *node, struct series *series);
