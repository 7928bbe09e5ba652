// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Writes whole lines and rotates (line_file.h). Nothing is buffered here: a line that line_file_write accepted is in
// the kernel, and survives a crash of the process.
#include "dataplane/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct line_file {
	struct line_file_options options;
	int fd;
	bool is_regular; // only a regular file is cut, locked and rotated
	bool is_stdout;
	uint64_t size;     // end of the last whole line
	uint64_t start_ns; // when its first line was written
};

// The end of the last whole line of a file, for one whose writer died inside a line.
static int find_last_line_end(int fd, uint64_t size, uint64_t *end) {
	char block[4096];
	while (size) {
		size_t n = size < sizeof(block) ? (size_t)size : sizeof(block);
		ssize_t got = pread(fd, block, n, (off_t)(size - n));
		if (got != (ssize_t)n)
			return got < 0 ? -errno : -EIO;
		const char *newline = memrchr(block, '\n', n);
		if (newline) {
			*end = size - n + (size_t)(newline - block) + 1;
			return 0;
		}
		size -= n;
	}
	*end = 0;
	return 0;
}

// Take over what the file holds: lock it, empty it or find its end.
static int adopt(struct line_file *file, bool append) {
	struct stat status;
	if (fstat(file->fd, &status))
		return -errno;
	file->is_regular = S_ISREG(status.st_mode);
	if (!file->is_regular)
		return 0;
	if (file->is_stdout) {
		// The shell's file: it was opened with > or >>, and what stands in it is not ours.
		bool at_end = fcntl(file->fd, F_GETFL) & O_APPEND;
		off_t at = lseek(file->fd, 0, at_end ? SEEK_END : SEEK_CUR);
		file->size = at < 0 ? 0 : (uint64_t)at;
		return at < 0 ? -errno : 0;
	}
	if (flock(file->fd, LOCK_EX | LOCK_NB))
		return -errno;
	int ret = append ? find_last_line_end(file->fd, (uint64_t)status.st_size, &file->size) : 0;
	if (ret)
		return ret;
	if (file->size != (uint64_t)status.st_size && ftruncate(file->fd, (off_t)file->size))
		return -errno;
	return lseek(file->fd, (off_t)file->size, SEEK_SET) < 0 ? -errno : 0;
}

static int open_path(struct line_file *file, bool append) {
	file->size = 0;
	struct stat status;
	bool is_special = !stat(file->options.path, &status) && !S_ISREG(status.st_mode);
	// Non-blocking only while opening: a FIFO that nobody reads is an error, not a wait without end.
	int how = is_special ? O_WRONLY | O_NONBLOCK : O_RDWR | O_CREAT;
	file->fd = open(file->options.path, how | O_CLOEXEC | O_NOCTTY, 0644);
	if (file->fd < 0)
		return -errno;
	if (is_special && fcntl(file->fd, F_SETFL, O_WRONLY))
		return -errno;
	return adopt(file, append);
}

int line_file_open(struct line_file **out, const struct line_file_options *options, uint64_t now_ns, char *error) {
	struct line_file *file = calloc(1, sizeof(*file));
	if (!file) {
		snprintf(error, LINE_FILE_ERROR_MAX, "%s: out of memory", options->path);
		return -ENOMEM;
	}
	file->options = *options;
	file->start_ns = now_ns;
	file->is_stdout = !strcmp(options->path, "-");
	file->fd = STDOUT_FILENO;
	int ret = file->is_stdout ? adopt(file, true) : open_path(file, options->append);
	if (ret) {
		snprintf(error, LINE_FILE_ERROR_MAX, "%s: cannot be written: %s", options->path,
			ret == -EWOULDBLOCK ? "another sink writes to it" : strerror(-ret));
		line_file_close(file);
		return ret;
	}
	*out = file;
	return 0;
}

void line_file_close(struct line_file *file) {
	if (!file)
		return;
	if (file->fd >= 0 && !file->is_stdout)
		close(file->fd);
	free(file);
}

// path.20261231T235959Z, then path.20261231T235959Z-1, …: never over a file that is there.
static int rename_aside(const char *path, uint64_t now_ns, char *aside) {
	time_t seconds = (time_t)(now_ns / 1000000000);
	struct tm utc;
	char suffix[32];
	gmtime_r(&seconds, &utc);
	strftime(suffix, sizeof(suffix), "%Y%m%dT%H%M%SZ", &utc);
	for (unsigned i = 0; i < 100000; i++) {
		int n = i ? snprintf(aside, PATH_MAX, "%s.%s-%u", path, suffix, i)
			  : snprintf(aside, PATH_MAX, "%s.%s", path, suffix);
		if (n >= PATH_MAX)
			return -ENAMETOOLONG;
		if (!renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE))
			return 0;
		if (errno == EEXIST)
			continue;
		if (errno != EINVAL)
			return -errno;
		if (!access(aside, F_OK)) // a file system that can't look and rename in one step
			continue;
		return rename(path, aside) ? -errno : 0;
	}
	return -EEXIST;
}

static int rotate(struct line_file *file, uint64_t now_ns) {
	char aside[PATH_MAX];
	struct line_file next = *file;
	int ret = rename_aside(file->options.path, now_ns, aside);
	if (ret)
		return ret;
	ret = open_path(&next, false);
	if (ret) {
		if (next.fd >= 0)
			close(next.fd);
		rename(aside, file->options.path);
		return ret;
	}
	if (close(file->fd))
		ret = -errno;
	*file = next;
	file->start_ns = now_ns;
	return ret;
}

static bool rotates(const struct line_file *file) {
	return file->is_regular && !file->is_stdout && file->size > 0;
}

int line_file_tick(struct line_file *file, uint64_t now_ns) {
	uint64_t interval_ns = file->options.rotate_interval_ns;
	if (!interval_ns || !rotates(file) || now_ns < file->start_ns || now_ns - file->start_ns < interval_ns)
		return 0;
	return rotate(file, now_ns);
}

// How many bytes of whole lines go into the file as it is: all, unless it would outgrow rotate_size.
static size_t fitting_lines(const struct line_file *file, const char *lines, size_t size) {
	uint64_t limit = file->options.rotate_size;
	if (!limit || !file->is_regular || file->is_stdout || file->size + size <= limit)
		return size;
	const char *end = file->size < limit ? memrchr(lines, '\n', (size_t)(limit - file->size)) : NULL;
	if (end)
		return (size_t)(end + 1 - lines);
	if (file->size)
		return 0;
	end = memchr(lines, '\n', size);
	return end ? (size_t)(end + 1 - lines) : size;
}

// Cut what stands behind the last whole line, if it is ours: a file that others write to as well is left as it is.
static void cut_partial_line(struct line_file *file, uint64_t written_end) {
	struct stat status;
	if (!file->is_regular || fstat(file->fd, &status) || (uint64_t)status.st_size != written_end)
		return;
	if (ftruncate(file->fd, (off_t)file->size) || lseek(file->fd, (off_t)file->size, SEEK_SET) < 0)
		file->size = written_end;
}

// Write lines; whole or cut back to the last whole one.
//   return  bytes of whole lines written; fewer than size only with *error set
static size_t write_lines(struct line_file *file, const char *lines, size_t size, int *error) {
	size_t written = 0;
	while (written < size) {
		ssize_t n = write(file->fd, lines + written, size - written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) { // a pipe that another process made non-blocking
			poll(&(struct pollfd){.fd = file->fd, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (n <= 0) {
			*error = n < 0 ? errno : EIO;
			break;
		}
		written += (size_t)n;
	}
	const char *end = lines + size - 1;
	if (written < size)
		end = file->options.is_binary ? NULL : memrchr(lines, '\n', written);
	size_t whole = end ? (size_t)(end + 1 - lines) : 0;
	uint64_t written_end = file->size + written;
	file->size += whole;
	if (whole < written)
		cut_partial_line(file, written_end);
	return whole;
}

size_t line_file_write(struct line_file *file, const char *lines, size_t size, uint64_t now_ns, int *error) {
	size_t done = 0;
	*error = -line_file_tick(file, now_ns);
	while (done < size) {
		size_t part = fitting_lines(file, lines + done, size - done);
		if (!part) {
			int ret = rotate(file, now_ns);
			if (!ret)
				continue;
			*error = -ret;
			part = size - done;
		}
		if (!file->size)
			file->start_ns = now_ns;
		int write_error = 0;
		size_t whole = write_lines(file, lines + done, part, &write_error);
		done += whole;
		if (whole < part) {
			*error = write_error;
			break;
		}
	}
	return done;
}
