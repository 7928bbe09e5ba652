// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Links and their connections: what the files of the switch share. Nobody else includes this. All of it is the switch's
// thread's alone, with the switch's lock held.
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "dataplane/switch/link_frame.h"
#include "dataplane/switch/link_refusal.h"
#include "dataplane/switch/link_switch.h"
#include "dataplane/switch/remote_receiver.h"
#include "dataplane/switch/remote_sender.h"

enum {
	CONNECTION_IN_SIZE = 128 << 10,
	CONNECTION_OUT_SIZE = 32 << 10,
	CONNECTION_CHUNKS = 32,
	CONNECTION_QUANTUM = 128 << 10, // bytes of one channel before it is another's turn
	LINK_SECRET_SIZE = 32,
	BACKOFF_MIN_NS = 50 * 1000 * 1000,
	BACKOFF_MAX_NS = 2000 * 1000 * 1000,
};

enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_SHAKING,  // until both ends have shown their keys, where they have any
	CONNECTION_GREETING, // until the other end has said who it is
	CONNECTION_UP,
	CONNECTION_DEAD, // to be freed
};

struct connection {
	struct link_switch *owner;
	struct link *link; // NULL: accepted, and has yet to say whose it is
	unsigned index;    // among the link's
	int fd;
	enum connection_state state;
	struct ssl_st *tls;      // or NULL: the node has no keys
	const struct link *peer; // of an accepted one, whose key it has
	uint64_t records;        // of TLS, written
	bool has_more;           // to read, of which the socket knows nothing
	uint64_t deadline_ns;    // of connecting and greeting
	bool is_full;            // the socket takes no more for now
	struct connection *next; // of those that were accepted, or are dead
	// in
	bool has_header;
	struct link_header header;
	uint8_t *place;                     // where what follows the header goes; NULL: nowhere
	size_t got;                         // of it
	struct remote_receiver *receiver;   // of a DATA frame that is kept
	struct remote_receiver **receivers; // [receiver_limit] by the channel's number there, or NULL
	unsigned receiver_limit;
	size_t in_used;
	uint8_t in[CONNECTION_IN_SIZE], control[LINK_CONTROL_MAX];
	// out: what is being written, in order; memory of senders' rings, or of `out`
	unsigned chunk_count, turn;
	struct iovec chunks[CONNECTION_CHUNKS];
	size_t out_used;
	uint8_t out[CONNECTION_OUT_SIZE];
};

// One place for a connection.
struct slot {
	struct connection *connection; // or NULL
	uint64_t next_try_ns, backoff_ns;
};

struct link {
	struct link_switch *owner;
	struct link_node node; // the other one
	struct sockaddr_storage address;
	socklen_t address_size;
	bool connects;   // this end opens the connections
	bool has_secret; // which only the two ends know
	uint8_t secret[LINK_SECRET_SIZE];
	uint64_t incarnation; // of the other, 0: never met
	unsigned slot_count;
	struct slot *slots;
	unsigned sender_count, receiver_count;
	struct remote_sender **senders;
	struct remote_receiver **receivers;
	char said[LINK_TEXT_SIZE]; // last message
};

struct link_switch {
	char node[64];
	uint64_t incarnation;
	unsigned connections;
	unsigned link_count;
	struct link *links; // [link_count] one for each other node
	struct link_node own;
	struct ssl_ctx_st *tls; // or NULL: without keys, and of loopback alone
	struct link_refusals refusals;
	int listen_fd, epoll_fd, wake_fd;
	struct connection *accepted, *dead;
	unsigned accepted_count;
	uint64_t accept_ns; // when to listen again; 0: it does
	uint64_t measured_ns;
	uint64_t wait_ns; // until something is due
	uint16_t next_id;
	bool is_started;
	pthread_t thread;
	pthread_mutex_t lock, sample_lock; // sample_lock: samples, and the lists of channels; within lock
	_Atomic bool is_sleeping, is_stopping;
};

// A message about a link, unless it is the one before.
void link_say(struct link *link, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Which of the link's connections a sender uses.
unsigned link_slot_of(const struct link *link, unsigned sender);
// Open what is to be opened, close what takes too long.
void link_tend(struct link *link, uint64_t now_ns);
// Whether all its channels came to their end, and both ends know.
bool link_is_done(const struct link *link);
// A connection was accepted, or one that was to be opened is, or could not be.
void link_greet(struct connection *connection);
// Go on with showing keys.
void link_shake(struct connection *connection);
// The other end says who it is.
//   return  0; else the connection is to be closed
int link_take_hello(struct connection *connection, const uint8_t *payload);
// A control frame came.
//   return  0; else the connection is to be closed
int link_take_frame(struct connection *connection, const uint8_t *payload);
// A DATA frame begins.
//   return  0; else the connection is to be closed
int link_begin_data(struct connection *connection, uint8_t **place);
// Fill `out` and the chunks with what may be written now.
void link_fill(struct connection *connection, uint64_t now_ns);
// The connection ended: its channels wait for another one.
void link_lost(struct connection *connection);

//   fd      connected, or on its way
//   return  NULL without memory: fd is closed
struct connection *connection_new(struct link_switch *owner, int fd, enum connection_state state);
// Close it; its memory stays until the events in hand are handled.
void connection_close(struct connection *connection);
// Room for a control frame at the end of what is to be written.
//   return  NULL: not now
uint8_t *connection_reserve(struct connection *connection);
void connection_commit(struct connection *connection, size_t size);
// Queue memory that stays as it is until written.
void connection_append(struct connection *connection, const void *data, size_t size);
// Send once, past what is queued: a last word.
//   return  bytes or a negative errno
ssize_t connection_send(struct connection *connection, const void *data, size_t size);
// Write what there is, as far as the socket takes it.
//   return  whether something was written
bool connection_write(struct connection *connection, uint64_t now_ns);
// Read and handle what came.
void connection_read(struct connection *connection);
