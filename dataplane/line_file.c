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

#include "dataplane/state_file.h"

enum { STALL_MS = 50 };

// Only one writer may have standard output: lines of two would mix, and their accounts with them.
static bool stdout_taken;

struct line_file {
	struct line_file_options options;
	int fd;
	bool is_regular; // only a regular file is cut and rotated
	bool is_stdout;
	uint64_t size;     // end of the last whole line
	uint64_t start_ns; // when its first line was written
	size_t header_size;
	size_t header_done; // bytes of the header that this file has
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

// A file that holds lines begins with the header.
static int check_header(struct line_file *file) {
	char start[4096];
	size_t size = file->header_size < sizeof(start) ? file->header_size : sizeof(start);
	if (file->size == 0 || size == 0)
		return 0;
	file->header_done = file->header_size;
	ssize_t got = pread(file->fd, start, size, 0);
	if (got < 0)
		return -errno;
	return (size_t)got == size && memcmp(start, file->options.header, size) == 0 ? 0 : -EEXIST;
}

// Take over what the file holds: lock it, empty it or find its end.
static int adopt(struct line_file *file, bool append) {
	struct stat status;
	if (fstat(file->fd, &status))
		return -errno;
	file->is_regular = S_ISREG(status.st_mode);
	bool is_shared = file->is_stdout || !(file->is_regular || S_ISFIFO(status.st_mode));
	if (!is_shared && flock(file->fd, LOCK_EX | LOCK_NB))
		return -errno;
	if (!file->is_regular)
		return 0;
	if (file->is_stdout) {
		// The shell's file: it was opened with > or >>, and what stands in it is not ours.
		bool at_end = fcntl(file->fd, F_GETFL) & O_APPEND;
		off_t at = lseek(file->fd, 0, at_end ? SEEK_END : SEEK_CUR);
		file->size = at < 0 ? 0 : (uint64_t)at;
		file->header_done = at > 0 ? file->header_size : 0;
		return at < 0 ? -errno : 0;
	}
	file->size = file->options.is_kept ? (uint64_t)status.st_size : 0;
	bool finds_end = append && !file->options.is_kept;
	int ret = finds_end ? find_last_line_end(file->fd, (uint64_t)status.st_size, &file->size) : 0;
	if (!ret)
		ret = check_header(file);
	if (ret)
		return ret;
	if (file->size != (uint64_t)status.st_size && ftruncate(file->fd, (off_t)file->size))
		return -errno;
	return lseek(file->fd, (off_t)file->size, SEEK_SET) < 0 ? -errno : 0;
}

static int open_path(struct line_file *file, bool append) {
	file->size = 0;
	file->header_done = 0;
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

static const char *describe(int error) {
	switch (error) {
	case EWOULDBLOCK:
		return "another sink writes to it";
	case EEXIST:
		return "it has other columns, or none: expected append: no, or another path";
	case EBUSY:
		return "another sink writes to standard output: expected a file";
	default:
		return strerror(error);
	}
}

int line_file_open(struct line_file **out, const struct line_file_options *options, uint64_t now_ns, char *error) {
	struct line_file *file = calloc(1, sizeof(*file));
	if (!file) {
		snprintf(error, LINE_FILE_ERROR_MAX, "%s: out of memory", options->path);
		return -ENOMEM;
	}
	file->options = *options;
	file->start_ns = now_ns;
	file->header_size = options->is_binary ? options->header_size : options->header ? strlen(options->header) : 0;
	bool is_stdout = !strcmp(options->path, "-");
	int ret = is_stdout && stdout_taken ? -EBUSY : 0;
	file->is_stdout = is_stdout && !ret;
	file->fd = file->is_stdout ? STDOUT_FILENO : -1;
	if (file->is_stdout)
		stdout_taken = true;
	if (!ret)
		ret = is_stdout ? adopt(file, true) : open_path(file, options->append);
	if (ret) {
		snprintf(error, LINE_FILE_ERROR_MAX, "%s: cannot be written: %s", options->path, describe(-ret));
		line_file_close(file);
		return ret;
	}
	*out = file;
	return 0;
}

void line_file_close(struct line_file *file) {
	if (!file)
		return;
	if (file->is_stdout)
		stdout_taken = false;
	else if (file->fd >= 0)
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

static bool has_lines(const struct line_file *file) {
	return file->size > file->header_size;
}

static bool rotates(const struct line_file *file) {
	return file->is_regular && !file->is_stdout && has_lines(file);
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
	if (file->options.is_binary)
		return has_lines(file) ? 0 : size;
	const char *end = file->size < limit ? memrchr(lines, '\n', (size_t)(limit - file->size)) : NULL;
	if (end)
		return (size_t)(end + 1 - lines);
	if (has_lines(file))
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

// Of the last bytes before `end`.
static int checksum_tail(int fd, uint64_t end, uint64_t *checksum) {
	char tail[4096];
	size_t size = end < sizeof(tail) ? (size_t)end : sizeof(tail);
	ssize_t got = pread(fd, tail, size, (off_t)(end - size));
	if (got != (ssize_t)size)
		return got < 0 ? -errno : -ESTALE;
	*checksum = state_checksum(tail, size);
	return 0;
}

static int mark_open(int fd, uint64_t end, struct line_file_mark *mark) {
	struct stat status;
	if (fstat(fd, &status) != 0)
		return -errno;
	mark->end = end;
	mark->inode = status.st_ino;
	int ret = end > 0 ? checksum_tail(fd, end, &mark->tail_checksum) : 0;
	// What the snapshot tells of is on the disk before it is.
	return ret == 0 && fdatasync(fd) != 0 ? -errno : ret;
}

int line_file_mark(const struct line_file *file, struct line_file_mark *mark) {
	*mark = (struct line_file_mark){0};
	if (!file->is_regular || file->is_stdout)
		return 0;
	int fd = open(file->options.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int ret = mark_open(fd, file->size, mark);
	close(fd);
	return ret;
}

int line_file_compare(const struct line_file *file, const struct line_file_mark *mark) {
	uint64_t checksum = 0;
	struct stat status;
	if (!file->is_regular || file->is_stdout)
		return mark->end == 0 ? 0 : -ESTALE;
	if (fstat(file->fd, &status) != 0)
		return -errno;
	// Any other file begins as one without lines does.
	if (mark->end <= file->header_size && status.st_ino != mark->inode && (uint64_t)status.st_size > mark->end)
		return -ESTALE;
	int ret = mark->end > 0 ? checksum_tail(file->fd, mark->end, &checksum) : 0;
	return ret == 0 && checksum != mark->tail_checksum ? -ESTALE : ret;
}

int line_file_cut(struct line_file *file, const struct line_file_mark *mark) {
	if (!file->is_regular || file->is_stdout)
		return 0;
	if (ftruncate(file->fd, (off_t)mark->end) || lseek(file->fd, (off_t)mark->end, SEEK_SET) < 0)
		return -errno;
	file->size = mark->end;
	file->header_done = mark->end > 0 ? file->header_size : 0;
	return 0;
}

bool line_file_is_broken(const struct line_file *file) {
	struct pollfd event = {.fd = file->fd};
	return !file->is_regular && poll(&event, 1, 0) > 0 && event.revents & POLLERR;
}

// Write what there is place for. A regular file takes all of it; a pipe whose reader stalls is given up for the moment,
// so never more is written to one than it has place for.
//   return  bytes written; fewer than size only with *error set
static size_t write_bytes(const struct line_file *file, const char *bytes, size_t size, int *error) {
	size_t written = 0;
	while (written < size) {
		size_t piece = size - written;
		if (!file->is_regular) {
			struct pollfd event = {.fd = file->fd, .events = POLLOUT};
			if (poll(&event, 1, STALL_MS) == 0) {
				*error = EAGAIN;
				break;
			}
			piece = piece < PIPE_BUF ? piece : PIPE_BUF;
		}
		ssize_t n = write(file->fd, bytes + written, piece);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			*error = n < 0 ? errno : EIO;
			break;
		}
		written += (size_t)n;
	}
	return written;
}

// Write lines; whole or cut back to the last whole one, unless a pipe stalls.
//   return  as line_file_write
static size_t write_lines(struct line_file *file, const char *lines, size_t size, int *error) {
	size_t written = write_bytes(file, lines, size, error);
	const char *end = lines + size - 1;
	if (written < size)
		end = file->options.is_binary ? NULL : memrchr(lines, '\n', written);
	size_t whole = end ? (size_t)(end + 1 - lines) : 0;
	if (written < size && *error == EAGAIN)
		whole = written;
	uint64_t written_end = file->size + written;
	file->size += whole;
	if (whole < written)
		cut_partial_line(file, written_end);
	return whole;
}

// The first line of a new file.
//   return  true: the file has it; else *error is set
static bool write_header(struct line_file *file, int *error) {
	if (file->header_done < file->header_size)
		file->header_done += write_lines(
			file, file->options.header + file->header_done, file->header_size - file->header_done, error);
	return file->header_done == file->header_size;
}

size_t line_file_write(struct line_file *file, const char *lines, size_t size, uint64_t now_ns, int *error) {
	size_t done = 0;
	*error = -line_file_tick(file, now_ns);
	while (done < size) {
		int write_error = 0;
		if (!write_header(file, &write_error)) {
			*error = write_error;
			break;
		}
		size_t part = fitting_lines(file, lines + done, size - done);
		if (!part) {
			int ret = rotate(file, now_ns);
			if (!ret)
				continue;
			*error = -ret;
			part = size - done;
		}
		if (!has_lines(file))
			file->start_ns = now_ns;
		size_t whole = write_lines(file, lines + done, part, &write_error);
		done += whole;
		if (whole < part) {
			*error = write_error;
			break;
		}
	}
	return done;
}
