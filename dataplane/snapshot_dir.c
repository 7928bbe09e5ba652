// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/snapshot_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/state_file.h"

static const char MANIFEST[] = "manifest.json";

static int fail(int code, char *error, size_t size, const char *path) {
	snprintf(error, size, "%.400s: %s", path, strerror(-code));
	return code;
}

int snapshot_dir_new(struct snapshot_dir *dir, const char *path, char *error, size_t size) {
	struct stat status;
	dir->fd = -1;
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length == 0 || length + 32 > sizeof(dir->path)) {
		snprintf(error, size, "\"%.100s\": expected the name of a directory", path);
		return -EINVAL;
	}
	snprintf(dir->path, sizeof(dir->path), "%.*s", (int)length, path);
	snprintf(dir->partial, sizeof(dir->partial), "%.*s.partial-%d", (int)length, path, (int)getpid());
	if (lstat(dir->path, &status) == 0)
		return fail(-EEXIST, error, size, dir->path);
	if (mkdir(dir->partial, 0700) != 0)
		return fail(-errno, error, size, dir->partial);
	dir->fd = open(dir->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir->fd < 0 ? fail(-errno, error, size, dir->partial) : 0;
}

static void remove_files(int fd) {
	DIR *files = fdopendir(dup(fd));
	if (files == NULL)
		return;
	for (const struct dirent *file; (file = readdir(files)) != NULL;)
		if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
			unlinkat(fd, file->d_name, 0);
	closedir(files);
}

void snapshot_dir_close(struct snapshot_dir *dir) {
	if (dir->fd < 0)
		return;
	if (dir->partial[0] != '\0') {
		remove_files(dir->fd);
		rmdir(dir->partial);
	}
	close(dir->fd);
	dir->fd = -1;
}

// Over all members but the checksum itself.
//   return  malloc, or NULL
static char *dump(json_t *manifest, uint64_t *checksum) {
	char *text = json_dumps(manifest, JSON_COMPACT | JSON_SORT_KEYS);
	if (text != NULL)
		*checksum = state_checksum(text, strlen(text));
	return text;
}

static int write_manifest(const struct snapshot_dir *dir, json_t *manifest) {
	uint64_t checksum = 0;
	char *text = dump(manifest, &checksum);
	bool is_complete = text != NULL && json_object_set_new(manifest, "checksum", snapshot_number(checksum)) == 0;
	free(text);
	int fd = openat(dir->fd, MANIFEST, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!is_complete || json_dumpfd(manifest, fd, JSON_INDENT(1) | JSON_SORT_KEYS) != 0 || fsync(fd) != 0 ||
		fsync(dir->fd) != 0) {
		int code = is_complete && errno != 0 ? -errno : -ENOMEM;
		close(fd);
		return code;
	}
	close(fd);
	return 0;
}

// A name lasts once its directory is on the disk.
static int sync_parent(const char *path) {
	char copy[PATH_MAX];
	snprintf(copy, sizeof(copy), "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 || fsync(fd) != 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return ret;
}

int snapshot_dir_finish(struct snapshot_dir *dir, json_t *manifest, char *error, size_t size) {
	int ret = write_manifest(dir, manifest);
	if (ret == 0 && renameat2(AT_FDCWD, dir->partial, AT_FDCWD, dir->path, RENAME_NOREPLACE) != 0)
		ret = -errno;
	if (ret == 0) {
		dir->partial[0] = '\0';
		ret = sync_parent(dir->path);
	}
	return ret < 0 ? fail(ret, error, size, dir->path) : 0;
}

static int check_manifest(const char *path, json_t *manifest, char *error, size_t size) {
	uint64_t given = 0, checksum = 0;
	int64_t format = json_integer_value(json_object_get(manifest, "weir_snapshot"));
	if (format != SNAPSHOT_FORMAT) {
		snprintf(error, size, "%.300s: is of format %" PRId64 "; expected a snapshot of format %d", path,
			format, SNAPSHOT_FORMAT);
		return -EINVAL;
	}
	int ret = snapshot_read_number(manifest, "checksum", &given);
	json_object_del(manifest, "checksum");
	free(dump(manifest, &checksum));
	if (ret == 0 && given == checksum)
		return 0;
	snprintf(error, size, "%.300s/%s: damaged: it does not have its checksum", path, MANIFEST);
	return -EINVAL;
}

int snapshot_dir_read(const char *path, json_t **manifest, char *error, size_t size) {
	char file[PATH_MAX + sizeof(MANIFEST)];
	json_error_t wrong;
	snprintf(file, sizeof(file), "%.4000s/%s", path, MANIFEST);
	if (access(file, R_OK) != 0)
		return fail(-errno, error, size, file);
	*manifest = json_load_file(file, JSON_REJECT_DUPLICATES, &wrong);
	if (!json_is_object(*manifest)) {
		snprintf(error, size, "%.300s: no manifest of a snapshot: %.100s", file,
			*manifest == NULL ? wrong.text : "no object");
		json_decref(*manifest);
		*manifest = NULL;
		return -EINVAL;
	}
	int ret = check_manifest(path, *manifest, error, size);
	if (ret < 0) {
		json_decref(*manifest);
		*manifest = NULL;
	}
	return ret;
}

static int map_open_file(struct snapshot_map *map, int fd, uint64_t expected, const char **wrong) {
	struct stat status;
	if (fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != expected || expected == 0) {
		*wrong = "damaged: it does not have its size";
		return -EINVAL;
	}
	void *data = mmap(NULL, expected, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*map = (struct snapshot_map){data, expected};
	return 0;
}

int snapshot_map_file(struct snapshot_map *map, const char *path, const json_t *file, char *error, size_t size) {
	uint64_t expected = 0, checksum = 0;
	char full[PATH_MAX + SNAPSHOT_FILE_NAME_MAX];
	const char *name = json_string_value(json_object_get(file, "name")), *wrong = NULL;
	*map = (struct snapshot_map){0};
	if (name == NULL || strchr(name, '/') != NULL || strlen(name) >= SNAPSHOT_FILE_NAME_MAX ||
		snapshot_read_number(file, "size", &expected) < 0 ||
		snapshot_read_number(file, "checksum", &checksum) < 0) {
		snprintf(error, size, "%.300s: its manifest names no file", path);
		return -EINVAL;
	}
	snprintf(full, sizeof(full), "%.4000s/%s", path, name);
	int fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, error, size, full);
	int ret = map_open_file(map, fd, expected, &wrong);
	close(fd);
	if (ret == 0 && state_checksum(map->data, map->size) != checksum) {
		wrong = "damaged: it does not have its checksum";
		ret = -EINVAL;
		snapshot_unmap(map);
	}
	if (wrong != NULL)
		snprintf(error, size, "%.400s: %s", full, wrong);
	return ret < 0 && wrong == NULL ? fail(ret, error, size, full) : ret;
}

void snapshot_unmap(struct snapshot_map *map) {
	if (map->data != NULL)
		munmap(map->data, map->size);
	*map = (struct snapshot_map){0};
}

json_t *snapshot_number(uint64_t number) {
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, number);
	return json_string(text);
}

int snapshot_read_number(const json_t *object, const char *name, uint64_t *number) {
	const char *text = json_string_value(json_object_get(object, name));
	char *end;
	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 ? 0 : -EINVAL;
}
