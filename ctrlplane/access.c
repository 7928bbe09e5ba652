// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/key_list.h"
#include "ctrlplane/log.h"

const char *const access_refusal_names[ACCESS_REFUSALS] = {
	[ACCESS_UNKNOWN_KEY] = "unknown_key",
	[ACCESS_NOT_ENCRYPTED] = "not_encrypted",
	[ACCESS_OTHER_CONTROLLER] = "other_controller",
	[ACCESS_BAD_HANDSHAKE] = "bad_handshake",
	[ACCESS_WRONG_NAME] = "wrong_name",
	[ACCESS_WRONG_ROLE] = "wrong_role",
	[ACCESS_REVOKED] = "revoked",
	[ACCESS_OVERSIZED] = "oversized",
};

// A list while it is read.
struct peer_list {
	struct access_peer *peers; // [length], by key
	size_t length;
	unsigned role; // of the keys that come now
	const char *path;
	char *error; // [KEY_FILE_ERROR_SIZE]
};

// Where a key is, or belongs.
static size_t peer_position(const struct access_peer *peers, size_t length, const char *public) {
	size_t low = 0, high = length;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(peers[middle].public, public) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int list_take(void *context, const struct key *key) {
	struct peer_list *list = context;
	size_t at = peer_position(list->peers, list->length, key->public);
	if (at < list->length && strcmp(list->peers[at].public, key->public) == 0) {
		list->peers[at].roles |= list->role;
		if (strcmp(list->peers[at].name, key->name) == 0)
			return 0;
		snprintf(list->error, KEY_FILE_ERROR_SIZE, "%s: the key of %s is that of %s as well", list->path,
			key->name, list->peers[at].name);
		return -EINVAL;
	}
	if (list->length == ACCESS_KEYS_MAX) {
		snprintf(list->error, KEY_FILE_ERROR_SIZE, "%s: more than %d keys", list->path, ACCESS_KEYS_MAX);
		return -ENOSPC;
	}
	struct access_peer *grown = reallocarray(list->peers, list->length + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	list->peers = grown;
	memmove(&grown[at + 1], &grown[at], (list->length - at) * sizeof(*grown));
	list->length++;
	grown[at] = (struct access_peer){.roles = list->role};
	strcpy(grown[at].name, key->name);
	strcpy(grown[at].public, key->public);
	return 0;
}

// Empty: nobody.
static int list_read(struct peer_list *list, const char *path, unsigned role) {
	if (path[0] == '\0')
		return 0;
	list->role = role;
	list->path = path;
	return key_list_read(path, list_take, list, list->error);
}

int access_prepare(struct access *access, const struct config *config, char *error) {
	struct peer_list list = {.error = error};
	access_abandon(access);
	int err = list_read(&list, config->allowed_nodes, ACCESS_NODE);
	if (err == 0)
		err = list_read(&list, config->allowed_users, ACCESS_USER);
	access->fresh = list.peers;
	access->fresh_length = list.length;
	return err;
}

void access_commit(struct access *access) {
	free(access->peers);
	access->peers = access->fresh;
	access->length = access->fresh_length;
	access->fresh = NULL;
	if (access->is_guarded)
		log_line("keys: %zu allowed", access->length);
}

void access_abandon(struct access *access) {
	free(access->fresh);
	access->fresh = NULL;
	access->fresh_length = 0;
}

int access_init(struct access *access, const struct config *config, char *error) {
	bool has_lists = config->allowed_nodes[0] != '\0' || config->allowed_users[0] != '\0';
	if (config->key[0] == '\0' && has_lists) {
		snprintf(error, KEY_FILE_ERROR_SIZE,
			"allowed_nodes and allowed_users: expected a key of the controller's own as well");
		return -EINVAL;
	}
	if (config->key[0] == '\0')
		return 0;
	int err = key_file_read_secret(config->key, &access->own, error);
	if (err == 0)
		err = access_prepare(access, config, error);
	if (err != 0)
		return err;
	access->is_guarded = true;
	access_commit(access);
	return 0;
}

void access_fini(struct access *access) {
	access_abandon(access);
	free(access->peers);
	explicit_bzero(access, sizeof(*access));
}

const struct access_peer *access_lookup(const struct access *access, const char *public) {
	if (public == NULL)
		return NULL;
	size_t at = peer_position(access->peers, access->length, public);
	return at < access->length && strcmp(access->peers[at].public, public) == 0 ? &access->peers[at] : NULL;
}

// Whether this one has the role.
static bool has_role(struct access *access, const struct access_peer *peer, unsigned role) {
	if (peer == NULL)
		access_refuse(access, ACCESS_REVOKED, "a peer that is connected");
	else if ((peer->roles & role) == 0)
		access_refuse(access, ACCESS_WRONG_ROLE, peer->name);
	return peer != NULL && (peer->roles & role) != 0;
}

bool access_allows_node(struct access *access, const struct access_peer *peer, const char *name) {
	if (!access->is_guarded)
		return true;
	if (!has_role(access, peer, ACCESS_NODE))
		return false;
	if (strcmp(peer->name, name) == 0)
		return true;
	access_refuse(access, ACCESS_WRONG_NAME, peer->name);
	return false;
}

bool access_allows_user(struct access *access, const struct access_peer *peer) {
	return !access->is_guarded || has_role(access, peer, ACCESS_USER);
}

void access_refuse(struct access *access, enum access_refusal why, const char *who) {
	access->refused[why]++;
	log_line_limited("refused %s: %s", who, access_refusal_names[why]);
}
