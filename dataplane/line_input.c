// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/line_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/stream_listen.h"

enum {
	BUFFER_MIN = 256 * 1024, // of each origin
	EVENTS_MAX = 16,
};

struct line_input {
	struct line_input_settings settings;
	size_t buffer_size;
	int listener, epoll; // -1: none; no epoll for regular files
	bool is_stopped;
	uint64_t read_bytes; // of the file
	unsigned open_count;
	unsigned current; // origin whose buffer is being handed out
	unsigned origin_count;
	struct line_origin origins[];
};

static int watch(struct line_input *input, int fd, struct line_origin *origin) {
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = origin};
	return epoll_ctl(input->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static void take_origin(struct line_input *input, struct line_origin *origin, int fd) {
	char *buffer = origin->buffer;
	*origin = (struct line_origin){.fd = fd, .is_new = true, .buffer = buffer};
	input->open_count++;
}

static void drop_origin(struct line_input *input, struct line_origin *origin) {
	if (origin->fd > STDIN_FILENO)
		close(origin->fd);
	origin->fd = -1;
	input->open_count--;
}

static int open_file(struct line_input *input, char *error) {
	const char *path = input->settings.path;
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		int code = -errno;
		snprintf(error, LINE_INPUT_ERROR_MAX, "path: %.150s: %s", path, strerror(-code));
		return code;
	}
	take_origin(input, &input->origins[0], fd);
	if (watch(input, fd, &input->origins[0]) == 0)
		return 0;
	close(input->epoll); // a regular file can always be read
	input->epoll = -1;
	return 0;
}

static int open_listener(struct line_input *input, char *error) {
	char message[STREAM_LISTEN_ERROR_MAX];
	input->listener = stream_listen(input->settings.listen, input->settings.is_public, message);
	if (input->listener < 0) {
		snprintf(error, LINE_INPUT_ERROR_MAX, "%s", message);
		return input->listener;
	}
	return watch(input, input->listener, NULL);
}

int line_input_open(struct line_input **out, const struct line_input_settings *settings, char *error) {
	unsigned origins = settings->path != NULL ? 1 : settings->connections;
	struct line_input *input = calloc(1, sizeof(*input) + origins * sizeof(input->origins[0]));
	snprintf(error, LINE_INPUT_ERROR_MAX, "out of memory");
	if (input == NULL)
		return -ENOMEM;
	input->settings = *settings;
	input->buffer_size = settings->line_max + 2 > BUFFER_MIN ? settings->line_max + 2 : BUFFER_MIN;
	input->listener = -1;
	input->origin_count = origins;
	input->epoll = epoll_create1(EPOLL_CLOEXEC);
	int ret = input->epoll < 0 ? -errno : 0;
	for (unsigned i = 0; i < origins; i++) {
		input->origins[i].fd = -1;
		input->origins[i].buffer = malloc(input->buffer_size);
		if (input->origins[i].buffer == NULL)
			ret = -ENOMEM;
	}
	if (ret == 0)
		ret = settings->path != NULL ? open_file(input, error) : open_listener(input, error);
	if (ret != 0)
		line_input_close(input);
	else
		*out = input;
	return ret;
}

void line_input_close(struct line_input *input) {
	if (input == NULL)
		return;
	for (unsigned i = 0; i < input->origin_count; i++) {
		if (input->origins[i].fd >= 0)
			drop_origin(input, &input->origins[i]);
		free(input->origins[i].buffer);
	}
	if (input->listener >= 0)
		close(input->listener);
	if (input->listener >= 0 && strncmp(input->settings.listen, "unix:", 5) == 0) {
		const char *path = input->settings.listen + 5;
		unlink(strncmp(path, "//", 2) == 0 ? path + 2 : path);
	}
	if (input->epoll >= 0)
		close(input->epoll);
	free(input);
}

// Read once into the room that is left.
//   return  0; a negative errno: a file that can't be read
static int fill(struct line_input *input, struct line_origin *origin) {
	if (origin->start > 0) {
		memmove(origin->buffer, origin->buffer + origin->start, origin->end - origin->start);
		origin->scanned -= origin->start;
		origin->end -= origin->start;
		origin->start = 0;
	}
	if (origin->end == input->buffer_size)
		return 0;
	ssize_t got = read(origin->fd, origin->buffer + origin->end, input->buffer_size - origin->end);
	if (got > 0) {
		origin->end += (size_t)got;
		input->read_bytes += (size_t)got;
		return 0;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	// A connection that broke ends like one that was closed.
	origin->is_ended = true;
	return got < 0 && input->settings.path != NULL ? -errno : 0;
}

static struct line_origin *free_origin(struct line_input *input) {
	for (unsigned i = 0; i < input->origin_count; i++)
		if (input->origins[i].fd < 0)
			return &input->origins[i];
	return NULL;
}

static void accept_connection(struct line_input *input) {
	struct line_origin *origin = free_origin(input);
	if (origin == NULL)
		return; // it waits until another one closes
	int fd = accept4(input->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	take_origin(input, origin, fd);
	if (watch(input, fd, origin) != 0)
		drop_origin(input, origin);
}

// Read from whoever has something.
static int gather(struct line_input *input) {
	struct epoll_event events[EVENTS_MAX];
	if (input->is_stopped)
		return 0;
	if (input->epoll < 0)
		return input->origins[0].is_ended ? 0 : fill(input, &input->origins[0]);
	int count = epoll_wait(input->epoll, events, EVENTS_MAX, 0), ret = 0;
	for (int i = 0; ret == 0 && i < count; i++) {
		struct line_origin *origin = events[i].data.ptr;
		if (origin == NULL)
			accept_connection(input);
		else if (!origin->is_ended)
			ret = fill(input, origin);
	}
	return ret;
}

static void hand_out(struct line_origin *origin, size_t size, struct line *line) {
	*line = (struct line){.text = origin->buffer + origin->start, .size = size, .origin = origin};
	origin->line_number++;
}

// A whole line is in the buffer, `size` bytes and its end.
static bool take_whole(const struct line_input *input, struct line_origin *origin, size_t size, struct line *line) {
	bool is_rest = origin->is_inside;
	origin->is_inside = false;
	if (!is_rest) {
		hand_out(origin, size, line);
		if (line->size > 0 && line->text[line->size - 1] == '\r')
			line->size--;
		line->is_too_long = line->size > input->settings.line_max;
		if (line->is_too_long)
			line->size = input->settings.line_max;
	}
	return !is_rest;
}

// The next line of one origin's buffer.
static bool next_of(const struct line_input *input, struct line_origin *origin, struct line *line) {
	while (origin->scanned < origin->end) {
		const char *from = origin->buffer + origin->scanned;
		const char *newline = memchr(from, '\n', origin->end - origin->scanned);
		if (newline == NULL)
			break;
		size_t size = (size_t)(newline - origin->buffer) - origin->start;
		bool is_line = take_whole(input, origin, size, line);
		origin->start += size + 1;
		origin->scanned = origin->start;
		if (is_line)
			return true;
	}
	origin->scanned = origin->end;
	size_t left = origin->end - origin->start;
	bool is_last = (origin->is_ended || input->is_stopped) && left > 0;
	bool is_full = left > input->settings.line_max + 1;
	if (origin->is_inside || (!is_last && !is_full)) {
		if (origin->is_inside)
			origin->start = origin->end;
		return false;
	}
	bool is_line = take_whole(input, origin, left, line);
	origin->start = origin->end;
	origin->is_inside = !is_last;
	return is_line;
}

// The next line of any origin, beginning with the one that the last came from.
static bool next_buffered(struct line_input *input, struct line *line) {
	for (unsigned i = 0; i < input->origin_count; i++) {
		struct line_origin *origin = &input->origins[input->current];
		if (origin->fd >= 0 && next_of(input, origin, line))
			return true;
		if (origin->fd >= 0 && origin->is_ended)
			drop_origin(input, origin);
		input->current = input->current + 1 < input->origin_count ? input->current + 1 : 0;
	}
	return false;
}

int line_input_next(struct line_input *input, struct line *line) {
	if (next_buffered(input, line))
		return 1;
	int ret = gather(input);
	if (ret != 0)
		return ret;
	if (next_buffered(input, line))
		return 1;
	return input->is_stopped || (input->listener < 0 && input->open_count == 0) ? -ENODATA : 0;
}

void line_input_stop(struct line_input *input) {
	input->is_stopped = true;
}

int line_input_tell(const struct line_input *input, struct line_position *position) {
	const struct line_origin *origin = &input->origins[0];
	if (input->epoll >= 0)
		return -ENOTSUP;
	*position = (struct line_position){
		.offset = input->read_bytes - (origin->end - origin->start),
		.line_number = origin->line_number,
		.is_inside = origin->is_inside,
	};
	return 0;
}

int line_input_seek(struct line_input *input, const struct line_position *position) {
	struct line_origin *origin = &input->origins[0];
	struct stat status;
	if (input->epoll >= 0)
		return -ENOTSUP;
	if (fstat(origin->fd, &status) != 0 || (uint64_t)status.st_size < position->offset ||
		lseek(origin->fd, (off_t)position->offset, SEEK_SET) < 0)
		return -EINVAL;
	input->read_bytes = position->offset;
	origin->start = origin->scanned = origin->end = 0;
	origin->is_ended = false;
	origin->line_number = position->line_number;
	origin->is_inside = position->is_inside;
	origin->is_new = false;
	return 0;
}

int line_input_fd(const struct line_input *input) {
	return input->epoll;
}

unsigned line_input_port(const struct line_input *input) {
	return input->listener < 0 ? 0 : stream_listen_port(input->listener);
}

unsigned line_input_connections(const struct line_input *input) {
	return input->listener < 0 ? 0 : input->open_count;
}
