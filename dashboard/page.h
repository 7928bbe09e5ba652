// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The built page: the files of one folder, read at start and served from memory, so that no request names a file.
#pragma once

#include <stddef.h>

#include "dashboard/body.h"

enum {
	PAGE_FILES_MAX = 256,
	PAGE_FILE_SIZE_MAX = 16 << 20,
	PAGE_PATH_SIZE = 256,
	PAGE_ERROR_SIZE = 256,
};

struct page_file {
	char path[PAGE_PATH_SIZE]; // "/assets/x.js"
	const char *type;          // of its content
	bool is_immutable;         // its name changes with its content
	struct body *body;
};

struct page {
	struct page_file files[PAGE_FILES_MAX]; // [length]
	size_t length;
};

// Read a folder with its subfolders; names that begin with a dot are passed over.
//   error   [PAGE_ERROR_SIZE]
//   return  0; -E2BIG: more or greater files than a page has; others of open(2)
int page_load(struct page *page, const char *folder, char *error);
void page_fini(struct page *page);
//   path    "/" is the page itself
//   return  NULL: no such file
const struct page_file *page_find(const struct page *page, const char *path);
