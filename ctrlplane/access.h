// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who may talk to the controller: its own key, the keys of nodes and of users (people with weirctl), and how many were
// refused and why. Without a key of its own nobody is asked for one; that is for endpoints on this machine only.
// docs/security.md tells how it is used. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/key_file.h"
#include "ctrlplane/config.h"

enum {
	ACCESS_NODE = 1, // may register, under its own name, and report
	ACCESS_USER = 2, // may ask and command
	ACCESS_KEYS_MAX = 4096,
};

enum access_refusal {
	ACCESS_UNKNOWN_KEY,      // not among the allowed ones
	ACCESS_NOT_ENCRYPTED,    // no CURVE where it is demanded, or the other way round
	ACCESS_OTHER_CONTROLLER, // meant for a controller with another key
	ACCESS_BAD_HANDSHAKE,    // not ZeroMQ, or broken off
	ACCESS_WRONG_NAME,       // a node speaks for another than its key's
	ACCESS_WRONG_ROLE,       // a node asks, or a user reports
	ACCESS_REVOKED,          // connected by a key that was taken off the list since
	ACCESS_OVERSIZED,        // a message of more than MESSAGE_SIZE_MAX bytes
	ACCESS_REFUSALS,
};
extern const char *const access_refusal_names[ACCESS_REFUSALS];

struct access_peer {
	char name[KEY_NAME_SIZE];
	char public[KEY_TEXT_SIZE];
	unsigned roles;
};

struct access {
	bool is_guarded; // keys are demanded
	struct key own;
	struct access_peer *peers; // [length], by key
	size_t length;
	struct access_peer *fresh; // [fresh_length], prepared
	size_t fresh_length;
	uint64_t refused[ACCESS_REFUSALS];
	uint64_t accepted, ended; // connections, whoever ended them and why
};

// Read the keys that the configuration names, if it names any.
//   error   [KEY_FILE_ERROR_SIZE], one line
//   return  0 or a negative errno
int access_init(struct access *access, const struct config *config, char *error);
void access_fini(struct access *access);

// Read the lists of a configuration anew, and then allow those on them, or forget about it.
int access_prepare(struct access *access, const struct config *config, char *error);
void access_commit(struct access *access);
void access_abandon(struct access *access);

//   public  Z85; NULL is nobody's
//   return  NULL: not allowed
const struct access_peer *access_lookup(const struct access *access, const char *public);

// Whether `peer` may act as a node of that name, or as a user; one who may not is counted.
//   peer    of the connection; NULL: its key is not on the list any more
bool access_allows_node(struct access *access, const struct access_peer *peer, const char *name);
bool access_allows_user(struct access *access, const struct access_peer *peer);

// Count a refusal, and tell of it, within the limit of the log.
void access_refuse(struct access *access, enum access_refusal why, const char *who);
