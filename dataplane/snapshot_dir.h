// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A snapshot's directory: manifest.json, which says what it is of and is checked by a checksum of its own, and a file
// for each operator that keeps something (state_file.h). It is written under another name and renamed once the disk has
// all of it, so what has the name is whole.
#pragma once

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNAPSHOT_FORMAT = 1, SNAPSHOT_FILE_NAME_MAX = 160 };

struct snapshot_dir {
	char path[PATH_MAX], partial[PATH_MAX]; // the name it is to have, and the one it has until then
	int fd;                                 // of the directory; -1: none
};

//   path    of what is not there yet, in a directory that is
//   error   [size] filled on failure
//   return  0 or a negative errno
int snapshot_dir_new(struct snapshot_dir *dir, const char *path, char *error, size_t size);
// Write the manifest and give the directory its name.
//   manifest  an object; gets the member `checksum`
//   return    0, or a negative errno with error[size] filled
int snapshot_dir_finish(struct snapshot_dir *dir, json_t *manifest, char *error, size_t size);
// What was not finished is removed.
void snapshot_dir_close(struct snapshot_dir *dir);

// Read the manifest of a snapshot: of this format, and undamaged.
//   manifest  filled, json_decref
//   return    0, or a negative errno with error[size] filled
int snapshot_dir_read(const char *path, json_t **manifest, char *error, size_t size);

struct snapshot_map {
	void *data; // page-aligned
	size_t size;
};

// Map a file of a snapshot, if it has the size and the checksum that the manifest says.
//   return  0, or a negative errno with error[size] filled
int snapshot_map_file(struct snapshot_map *map, const char *path, const json_t *file, char *error, size_t size);
void snapshot_unmap(struct snapshot_map *map);

// Numbers of 64 bits are text: JSON's are doubles elsewhere.
json_t *snapshot_number(uint64_t number);
//   return  0; -EINVAL: there is none of that name
int snapshot_read_number(const json_t *object, const char *name, uint64_t *number);
