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

// Who may add a file to it allows whom they like.
static int check_folder(int fd, const char *path, char *error) {
	struct stat status;
	if (fstat(fd, &status) != 0) {
		snprintf(error, KEY_FILE_ERROR_SIZE, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return 0;
	snprintf(error, KEY_FILE_ERROR_SIZE, "%s: others may write to it (mode %04o): expected 0700, or 0755", path,
		status.st_mode & 07777);
	return -EACCES;
}

static int read_folder(
	const char *path, int (*take)(void *context, const struct key *key), void *context, char *error) {
	DIR *folder = opendir(path);
	if (folder == NULL) {
		snprintf(error, KEY_FILE_ERROR_SIZE, "%s: %s", path, strerror(errno));
		return -errno;
	}
	int err = check_folder(dirfd(folder), path, error);
	for (struct dirent *entry; err == 0 && (entry = readdir(folder)) != NULL;) {
		char file[PATH_MAX];
		if (!is_public_file(entry->d_name))
			continue;
		int size = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		err = size > 0 && (size_t)size < sizeof(file) ? key_file_read_all(file, take, context, error)
							      : -ENAMETOOLONG;
	}
	if (err == -ENAMETOOLONG)
		snprintf(error, KEY_FILE_ERROR_SIZE, "%s: a name in it is longer than a path may be", path);
	closedir(folder);
	return err;
}

int key_list_read(const char *path, int (*take)(void *context, const struct key *key), void *context, char *error) {
	struct stat status;
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return read_folder(path, take, context, error);
	return key_file_read_all(path, take, context, error);
}
