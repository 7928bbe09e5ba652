// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Files of CURVE keys, as `weirctl keygen` makes them and as nodes, weirctl and the controller read them. Plain text, a
// `field: value` per line in this order; empty lines and those that begin with # are passed over:
//
//	name: edge1                                         who it is; a node registers under this name alone
//	public: Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID    Z85 (ZeroMQ RFC 32): 40 characters for 32 bytes
//	secret: D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs    in the secret file alone
//
// A file of public keys may hold several, one after the other.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	KEY_TEXT_SIZE = 41, // Z85 of 32 bytes and the closing zero
	KEY_NAME_SIZE = 64,
	KEY_FILE_ERROR_SIZE = 512,
	KEY_FILE_SIZE_MAX = 1 << 20, // bytes
};

struct key {
	char name[KEY_NAME_SIZE];
	char public[KEY_TEXT_SIZE];
	char secret[KEY_TEXT_SIZE]; // "" where only the public part is known
};

// Read a secret file, which must be its owner's alone to write, and nobody's to read but the owner's and the group's.
//   error   [KEY_FILE_ERROR_SIZE], one line, where the result is not 0
//   return  0; -EACCES: others may read or write it; -EINVAL: not such a file; the errno of opening or reading it
int key_file_read_secret(const char *path, struct key *out, char *error);

// Read the first key of a public file. One with a secret in it is none, here and in key_file_read_all: -EINVAL.
int key_file_read_public(const char *path, struct key *out, char *error);

// Call `take` with each key of a file of public keys. It returns 0, or a negative errno that ends the reading.
int key_file_read_all(const char *path, int (*take)(void *context, const struct key *key), void *context, char *error);

// The same from memory.
//   text    ended by zero; it is overwritten
//   name    of the file, for messages
int key_file_parse(
	char *text, const char *name, int (*take)(void *context, const struct key *key), void *context, char *error);

// Whether text is fit to be a name: 1..63 of A-Z a-z 0-9 . _ -
bool key_name_is_valid(const char *text);
