// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines from a file, from standard input, or from everyone who connects to a socket. Nothing here blocks but the
// reading of regular files. All memory is taken when it is opened.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_INPUT_ERROR_MAX = 256 };

struct line_input_settings {
	const char *path;   // a file, or - for standard input; or
	const char *listen; // as stream_listen takes it
	bool is_public;
	size_t line_max;      // bytes of a line, without its end
	unsigned connections; // at a time; later ones wait in the kernel
};

// Where lines come from: the file, or one connection.
struct line_origin {
	int fd; // -1: none
	uint64_t line_number;
	bool is_new;    // no line has come yet
	bool is_ended;  // nothing more to read
	bool is_inside; // the rest of a line that was too long is passed over
	char *buffer;
	size_t start, scanned, end; // in the buffer: what has not been handed out, is without a line end, has been read
};

struct line {
	const char *text; // [size], there until the next call
	size_t size;
	bool is_too_long; // only its first line_max bytes are here
	struct line_origin *origin;
};

struct line_input;

//   error   [LINE_INPUT_ERROR_MAX] filled on failure
//   return  0; -EINVAL, -ENOMEM or what open(2) and bind(2) say
int line_input_open(struct line_input **out, const struct line_input_settings *settings, char *error);
void line_input_close(struct line_input *input);

// The next line. Its end is a newline, one carriage return before that does not count.
//   return  1: a line; 0: there is none now; -ENODATA: the file has come to its end; others of read(2)
int line_input_next(struct line_input *input, struct line *line);

// Take nothing more from outside: the lines read so far still come, then the end.
void line_input_stop(struct line_input *input);

// Of a file: where the next line begins, and its number.
struct line_position {
	uint64_t offset, line_number;
	bool is_inside; // in a line that was too long, whose rest is passed over
};
//   return  0; -ENOTSUP: it is no regular file, what was read can't be read again
int line_input_tell(const struct line_input *input, struct line_position *position);
// Go on there.
//   return  0; -ENOTSUP; -EINVAL: the file is shorter
int line_input_seek(struct line_input *input, const struct line_position *position);

//   return  readable when there may be more; -1: there always is
int line_input_fd(const struct line_input *input);
//   return  the TCP port, 0: it does not listen on one
unsigned line_input_port(const struct line_input *input);
unsigned line_input_connections(const struct line_input *input);
