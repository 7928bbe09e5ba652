// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl keygen NAME`: a pair of CURVE keys as two files, which nobody else can read. Files that are there already
// are left as they are. api/key_file.h describes what is in them.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "api/key_file.h"
#include "ctrlplane/weirctl.h"

// The folder, where it is missing: secrets are to be in it.
//   return  0 or a negative errno, after a message
static int make_folder(const char *path) {
	if (mkdir(path, S_IRWXU) == 0 || errno == EEXIST)
		return 0;
	int err = -errno;
	fprintf(stderr, "weirctl: keygen: --output: %s: %s\n", path, strerror(-err));
	return err;
}

// Write one of the two.
//   return  0 or a negative errno, after a message
static int write_key(const char *path, const struct key *key, const char *whose) {
	char text[512];
	int size = snprintf(text, sizeof(text), "# weir, %s\nname: %s\npublic: %s\n%s%s%s", whose, key->name,
		key->public, key->secret[0] != '\0' ? "secret: " : "", key->secret, key->secret[0] != '\0' ? "\n" : "");
	int err = 0, file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (file < 0) {
		err = -errno;
	} else {
		if (write(file, text, (size_t)size) != size || fsync(file) != 0)
			err = errno != 0 ? -errno : -EIO;
		close(file);
		if (err != 0)
			unlink(path);
	}
	explicit_bzero(text, sizeof(text));
	if (err != 0)
		fprintf(stderr, "weirctl: keygen: %s: %s%s\n", path, strerror(-err),
			err == -EEXIST ? "; nothing is overwritten" : "");
	return err;
}

int weirctl_keygen(const struct weirctl *weirctl) {
	struct key key = {.name = ""};
	char public_path[PATH_MAX], secret_path[PATH_MAX];
	const char *name = weirctl->words[0], *directory = weirctl->output != NULL ? weirctl->output : ".";
	if (!key_name_is_valid(name)) {
		fprintf(stderr, "weirctl: keygen: \"%s\": expected 1..63 of A-Z a-z 0-9 . _ -\n", name);
		return WEIRCTL_USAGE;
	}
	if (snprintf(public_path, sizeof(public_path), "%s/%s.public", directory, name) >= (int)sizeof(public_path) ||
		snprintf(secret_path, sizeof(secret_path), "%s/%s.secret", directory, name) >=
			(int)sizeof(secret_path)) {
		fprintf(stderr, "weirctl: keygen: --output: longer than a path may be\n");
		return WEIRCTL_USAGE;
	}
	if (make_folder(directory) != 0)
		return EXIT_FAILURE;
	if (zmq_curve_keypair(key.public, key.secret) != 0) {
		fprintf(stderr, "weirctl: keygen: %s\n", zmq_strerror(zmq_errno()));
		return EXIT_FAILURE;
	}
	strcpy(key.name, name);
	int err = write_key(secret_path, &key, "a secret key: for its owner alone");
	explicit_bzero(key.secret, sizeof(key.secret));
	if (err != 0)
		return EXIT_FAILURE;
	if (write_key(public_path, &key, "a public key: for those who are to know its owner") != 0) {
		unlink(secret_path);
		return EXIT_FAILURE;
	}
	printf("%s\n%s\n", secret_path, public_path);
	return weirctl_finish_output(WEIRCTL_OK);
}
