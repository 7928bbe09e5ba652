// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/gzip_file.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include <zlib.h>

enum { BUFFER_SIZE = 1 << 17 };

bool gzip_file_is(int fd) {
	uint8_t magic[2];
	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && magic[0] == 0x1f && magic[1] == 0x8b;
}

static ssize_t read_some(void *cookie, char *out, size_t size) {
	gzFile file = cookie;
	int got = gzread(file, out, size > INT_MAX ? INT_MAX : (unsigned)size), error;
	gzerror(file, &error);
	// A file that is cut gives what it has, and then this.
	if (got > 0 || (got == 0 && error != Z_BUF_ERROR))
		return got;
	errno = EIO;
	return -1;
}

static int close_file(void *cookie) {
	return gzclose_r(cookie) == Z_OK ? 0 : -1;
}

FILE *gzip_file_open(int fd) {
	gzFile file = gzdopen(fd, "rb");
	if (file == NULL) {
		close(fd);
		return NULL;
	}
	gzbuffer(file, BUFFER_SIZE);
	FILE *stream = fopencookie(file, "rb", (cookie_io_functions_t){.read = read_some, .close = close_file});
	if (stream == NULL)
		gzclose_r(file);
	return stream;
}
