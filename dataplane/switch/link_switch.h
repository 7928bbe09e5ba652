// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The switch: the part of a node that carries remote channels. One thread does the I/O of all links. Of two nodes that
// share a stream the one listed first in `nodes` opens the connections, and opens them again when they are lost; the
// other listens. A channel is pinned to one connection of its link. Beyond loopback links are encrypted, and both ends
// show their keys; on loopback they are where the node has keys.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/option.h"

struct remote_receiver;
struct remote_sender;
struct link_switch;

enum { LINK_ERROR_MAX = 256 };

// One item of `nodes`, as lists keep those of a map: NAME = tcp://ADDRESS:PORT.
struct link_node {
	char name[64];
	char address[64];
};
//   return  0, -EINVAL with error[LINK_ERROR_MAX] filled: what was given and what is allowed
int link_node_parse(const char *text, struct link_node *node, char *error);
// Whether its address may be used: without keys loopback's alone.
//   return  0, -EACCES with error filled
int link_node_check(const struct link_node *node, bool has_keys, char *error);

struct link_switch_options {
	const char *node; // this one's name
	uint64_t incarnation;
	const struct option_list *nodes;
	unsigned connections;      // of each link; 0: one for each channel
	const char *key;           // this node's secret file, or NULL
	const char *allowed_nodes; // public keys of the others: a folder or a file; NULL: links are not encrypted
};

//   return  0 or a negative errno, after a message
int link_switch_new(struct link_switch **out, const struct link_switch_options *options);
// Listen, and open what is to be opened. All channels have been added.
//   return  0 or a negative errno, after a message
int link_switch_start(struct link_switch *links);
// Say to senders what was processed, then end the thread. No worker runs any more.
void link_switch_stop(struct link_switch *links);
void link_switch_free(struct link_switch *links); // NULL is fine

// Add a channel, whose name.node is set. Its owner is the switch until it is removed.
//   return  0, -ENOENT: no such node, -EBUSY: the switch runs already, -ENOMEM
int link_switch_add_sender(struct link_switch *links, struct remote_sender *sender);
int link_switch_add_receiver(struct link_switch *links, struct remote_receiver *receiver);
void link_switch_remove_sender(struct link_switch *links, struct remote_sender *sender);
void link_switch_remove_receiver(struct link_switch *links, struct remote_receiver *receiver);

// There is something to do. Cheap where the thread is awake.
//   thread  any
void link_switch_wake(struct link_switch *links);

// Channels in the order added: senders, then receivers.
//   visit   called with the sample lock held, so that samples are whole; one of the two is NULL
//   return  how many channels there are
unsigned link_switch_visit(struct link_switch *links, void *context,
	void (*visit)(void *context, unsigned number, const struct remote_sender *sender,
		const struct remote_receiver *receiver));

bool link_switch_is_encrypted(const struct link_switch *links);
// How many connections were refused for a reason (enum link_refusal).
uint64_t link_switch_refused(const struct link_switch *links, unsigned reason);

// Hold a channel that sends from here to a rate, from now on.
//   channel      "PIPELINE/STREAM.INDEX"
//   bytes_per_s  0: no limit
//   return       0, -ENOENT: no such channel here
int link_switch_set_rate(struct link_switch *links, const char *channel, uint64_t bytes_per_s);
