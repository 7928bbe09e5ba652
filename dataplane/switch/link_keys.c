// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/link_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <zmq.h>

#include "api/key_list.h"
#include "dataplane/switch/link.h"

enum { KEY_SIZE = 32 };

struct key_reading {
	struct link_switch *links;
	EVP_PKEY *own;
	char *error; // [KEY_FILE_ERROR_SIZE]
	const char *path;
};

// HKDF-SHA256 of what X25519 gives. `info` names the use and the two ends, in the order of who opens.
static int expand(const uint8_t shared[KEY_SIZE], uint8_t *info, size_t info_size, uint8_t out[LINK_SECRET_SIZE]) {
	char hash[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)shared, KEY_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, info_size),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	bool is_done = context != NULL && EVP_KDF_derive(context, out, LINK_SECRET_SIZE, parameters) > 0;
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return is_done ? 0 : -EINVAL;
}

// A public key that gives nothing secret (one of few points) is refused by the library.
static int agree(EVP_PKEY *own, const uint8_t other[KEY_SIZE], uint8_t shared[KEY_SIZE]) {
	size_t size = KEY_SIZE;
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, KEY_SIZE);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
	bool is_done = peer != NULL && context != NULL && EVP_PKEY_derive_init(context) > 0 &&
		       EVP_PKEY_derive_set_peer(context, peer) > 0 && EVP_PKEY_derive(context, shared, &size) > 0 &&
		       size == KEY_SIZE;
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
	return is_done ? 0 : -EINVAL;
}

static int make_secret(EVP_PKEY *own, const uint8_t other[KEY_SIZE], bool connects, uint8_t out[LINK_SECRET_SIZE]) {
	static const char use[] = "weir link 1";
	uint8_t info[sizeof(use) + 2 * KEY_SIZE], shared[KEY_SIZE];
	uint8_t *opener = info + sizeof(use), *listener = opener + KEY_SIZE;
	size_t size = KEY_SIZE;
	memcpy(info, use, sizeof(use));
	memcpy(connects ? listener : opener, other, KEY_SIZE);
	if (EVP_PKEY_get_raw_public_key(own, connects ? opener : listener, &size) <= 0)
		return -EINVAL;
	int ret = agree(own, other, shared);
	if (ret == 0)
		ret = expand(shared, info, sizeof(info), out);
	explicit_bzero(shared, sizeof(shared));
	return ret;
}

static int take_key(void *context, const struct key *key) {
	const struct key_reading *reading = context;
	uint8_t public[KEY_SIZE], secret[LINK_SECRET_SIZE];
	for (unsigned i = 0; i < reading->links->link_count; i++) {
		struct link *link = &reading->links->links[i];
		if (strcmp(link->node.name, key->name) != 0)
			continue;
		if (zmq_z85_decode(public, key->public) == NULL ||
			make_secret(reading->own, public, link->connects, secret) < 0) {
			snprintf(reading->error, KEY_FILE_ERROR_SIZE, "%s: the key of %s is none that serves",
				reading->path, key->name);
			return -EINVAL;
		}
		bool is_other = link->has_secret && memcmp(link->secret, secret, sizeof(secret)) != 0;
		memcpy(link->secret, secret, sizeof(secret));
		explicit_bzero(secret, sizeof(secret));
		link->has_secret = true;
		if (!is_other)
			continue;
		snprintf(reading->error, KEY_FILE_ERROR_SIZE, "%s: two keys of %s; expected one", reading->path,
			key->name);
		return -EINVAL;
	}
	return 0;
}

static EVP_PKEY *read_own(const char *path, const char *node, char *error) {
	struct key key;
	uint8_t secret[KEY_SIZE];
	EVP_PKEY *own = NULL;
	if (key_file_read_secret(path, &key, error) < 0)
		return NULL;
	if (strcmp(key.name, node) != 0)
		snprintf(error, KEY_FILE_ERROR_SIZE, "%s is of \"%s\"; expected the key of this node, \"%s\"", path,
			key.name, node);
	else if (zmq_z85_decode(secret, key.secret) != NULL)
		own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, KEY_SIZE);
	explicit_bzero(&key, sizeof(key));
	explicit_bzero(secret, sizeof(secret));
	return own;
}

int link_keys_read(struct link_switch *links, const char *key, const char *allowed) {
	char error[KEY_FILE_ERROR_SIZE] = "out of memory";
	struct key_reading reading = {.links = links, .error = error, .path = allowed};
	reading.own = read_own(key, links->node, error);
	int ret = reading.own == NULL ? -EACCES : key_list_read(allowed, take_key, &reading, error);
	if (ret < 0)
		fprintf(stderr, "weir-dataplane: %s: %s\n", reading.own == NULL ? "key" : "allowed_nodes", error);
	EVP_PKEY_free(reading.own);
	return ret;
}
