// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/key_list.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_public_file(const char *name) {
	static const char ending[] = ".public";
	size_t size = strlen(name);
	return name[0] != '.' && size >= sizeof(ending) && strcmp(name + size - strlen(ending), ending) == 0;
}

static int read_folder(
	const char *path, int (*take)(void *context, const struct key *key), void *context, char *error) {
	DIR *folder = opendir(path);
	if (folder == NULL) {
		snprintf(error, KEY_FILE_ERROR_SIZE, "%s: %s", path, strerror(errno));
		return -errno;
	}
	int err = 0;
	for (struct dirent *entry; err == 0 && (entry = readdir(folder)) != NULL;) {
		char file[PATH_MAX];
		if (!is_public_file(entry->d_name))
			continue;
		int size = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (size > 0 && (size_t)size < sizeof(file))
			err = key_file_read_all(file, take, context, error);
	}
	closedir(folder);
	return err;
}

int key_list_read(const char *path, int (*take)(void *context, const struct key *key), void *context, char *error) {
	struct stat status;
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return read_folder(path, take, context, error);
	return key_file_read_all(path, take, context, error);
}
