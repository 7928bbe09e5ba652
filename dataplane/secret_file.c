// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int __attribute__((format(printf, 3, 4)))
refuse(char error[SECRET_FILE_ERROR_MAX], int code, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, SECRET_FILE_ERROR_MAX, format, arguments);
	va_end(arguments);
	return code;
}

static int check(int file, const char *path, size_t size, char error[SECRET_FILE_ERROR_MAX]) {
	struct stat status;
	if (fstat(file, &status) != 0)
		return refuse(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(error, -EINVAL, "%s: not a regular file: expected one of %zu bytes", path, size);
	if (status.st_mode & (S_IWGRP | S_IROTH | S_IWOTH))
		return refuse(error, -EACCES,
			"%s: others may read or write it (mode %04o): expected 0600, or 0640 (chmod g-w,o= %s)", path,
			status.st_mode & 07777, path);
	if ((size_t)status.st_size != size)
		return refuse(error, -EINVAL,
			"%s: %lld bytes: expected exactly %zu random ones, as of: head -c %zu /dev/urandom", path,
			(long long)status.st_size, size, size);
	return 0;
}

int secret_file_read(const char *path, uint8_t *secret, size_t size, char error[SECRET_FILE_ERROR_MAX]) {
	// O_NONBLOCK: a pipe is refused, not waited for.
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		return refuse(error, -errno, "%s: %s: expected a file of %zu bytes", path, strerror(errno), size);
	int ret = check(file, path, size, error);
	if (ret == 0) {
		ssize_t n = read(file, secret, size);
		if (n < 0)
			ret = refuse(error, -errno, "%s: %s", path, strerror(errno));
		else if ((size_t)n != size)
			ret = refuse(error, -EINVAL, "%s: it changed while it was read", path);
	}
	close(file);
	return ret;
}
