// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMMUTABLE "/assets/" // whose names end in a hash of the content

enum { DEPTH_MAX = 4 };

static const struct {
	const char *ending, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".json", "application/json"},
	{".webmanifest", "application/manifest+json"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".ico", "image/x-icon"},
	{".woff2", "font/woff2"},
	{".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *path) {
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t size = strlen(types[i].ending), length = strlen(path);
		if (length > size && strcmp(path + length - size, types[i].ending) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

static struct body *read_whole(int file, size_t size) {
	char *data = malloc(size + 1);
	size_t got = 0;
	for (ssize_t n = 1; data != NULL && got < size && n > 0; got += n > 0 ? (size_t)n : 0)
		n = read(file, data + got, size - got);
	if (data != NULL)
		data[got] = '\0';
	return body_new(data, got);
}

static int page_add(struct page *page, int file, const char *path, size_t size) {
	if (page->length == PAGE_FILES_MAX || size > PAGE_FILE_SIZE_MAX)
		return -E2BIG;
	struct page_file *added = &page->files[page->length];
	added->body = read_whole(file, size);
	if (added->body == NULL)
		return -ENOMEM;
	snprintf(added->path, sizeof(added->path), "%s", path);
	added->type = type_of(path);
	added->is_immutable = strncmp(path, IMMUTABLE, strlen(IMMUTABLE)) == 0;
	page->length++;
	return 0;
}

static int page_read_folder(struct page *page, int folder, const char *prefix, int depth);

// One entry of a folder: a file, a folder, or something that no page has.
static int page_read_entry(struct page *page, int folder, const char *path, int depth) {
	struct stat status;
	int file = openat(folder, strrchr(path, '/') + 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 || fstat(file, &status) != 0) {
		int err = -errno;
		if (file >= 0)
			close(file);
		return err;
	}
	if (S_ISDIR(status.st_mode))
		return page_read_folder(page, file, path, depth + 1);
	int err = S_ISREG(status.st_mode) ? page_add(page, file, path, (size_t)status.st_size) : 0;
	close(file);
	return err;
}

//   folder  its descriptor, closed here
static int page_read_folder(struct page *page, int folder, const char *prefix, int depth) {
	DIR *list = depth <= DEPTH_MAX ? fdopendir(folder) : NULL;
	if (list == NULL) {
		close(folder);
		return depth <= DEPTH_MAX ? -errno : -E2BIG;
	}
	int err = 0;
	const struct dirent *entry;
	while (err == 0 && (entry = readdir(list)) != NULL) {
		char path[PAGE_PATH_SIZE];
		if (entry->d_name[0] == '.')
			continue;
		int size = snprintf(path, sizeof(path), "%s/%s", prefix, entry->d_name);
		err = size < PAGE_PATH_SIZE ? page_read_entry(page, folder, path, depth) : -ENAMETOOLONG;
	}
	closedir(list);
	return err;
}

int page_load(struct page *page, const char *folder, char *error) {
	int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	page->length = 0;
	int err = file < 0 ? -errno : page_read_folder(page, file, "", 0);
	if (err != 0)
		snprintf(error, PAGE_ERROR_SIZE, "--page: \"%.120s\": %s", folder,
			err == -E2BIG ? "expected a built page: at most 256 files of up to 16 MB" : strerror(-err));
	return err;
}

void page_fini(struct page *page) {
	for (size_t i = 0; i < page->length; i++)
		body_release(page->files[i].body);
	page->length = 0;
}

const struct page_file *page_find(const struct page *page, const char *path) {
	if (strcmp(path, "/") == 0)
		path = "/index.html";
	for (size_t i = 0; i < page->length; i++)
		if (strcmp(page->files[i].path, path) == 0)
			return &page->files[i];
	return NULL;
}
