// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A file of whole lines: what a sink writes to. Whatever happens (a full disk, a closed pipe), the file ends at the end
// of a line. It rotates by size or age: the full file gets a time suffix, the path is always the current one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_file;

struct line_file_options {
	const char *path;            // "-" is standard output, which doesn't rotate; outlives the file
	bool append;                 // keep what the file holds already, else start it anew
	uint64_t rotate_size;        // bytes, 0: never; a single longer line still has a file of its own
	uint64_t rotate_interval_ns; // since the first line of the file, 0: never
	bool is_binary;              // each write is one piece, whatever bytes it has: no append
	const char *header;          // first line of each file, with its newline, or NULL; outlives the file
	size_t header_size;          // of a binary file, whose header may hold zeros
	bool is_kept;                // all that it holds, as it is, until line_file_cut
};

enum { LINE_FILE_ERROR_MAX = 512 };

// Open or create the file. A regular file and a named pipe are locked, so that two sinks never share one, and
// standard output has one writer. A line that was cut when its writer died is removed. A file to append to must begin
// with the header.
//   now_ns  since the epoch
//   error   [LINE_FILE_ERROR_MAX] filled on failure, with the path and the reason
//   return  0 or a negative errno
int line_file_open(struct line_file **out, const struct line_file_options *options, uint64_t now_ns, char *error);
void line_file_close(struct line_file *file); // NULL is fine

// Append lines, each ended by a newline.
//   error   0, or the errno that stopped the writing or the rotation. A failed rotation alone loses nothing: the
//           current file goes on. EAGAIN: the reader of a pipe has not read for 50 ms; call again with the rest, which
//           may begin inside a line
//   return  bytes that are in the file; where something else than EAGAIN stopped the writing, of whole lines
size_t line_file_write(struct line_file *file, const char *lines, size_t size, uint64_t now_ns, int *error);

// Where a file ends, and by what it is known again: a checksum of its last bytes or, where it has no lines, its inode.
// All 0: nothing can be cut, since it is standard output or no regular file.
struct line_file_mark {
	uint64_t end, tail_checksum, inode;
};
// Takes no memory, and reads the file by its path.
//   return  0 or a negative errno
int line_file_mark(const struct line_file *file, struct line_file_mark *mark);
// Whether the file is the one that was marked.
//   return  0; -ESTALE: it is shorter, or what it held there was something else; a negative errno
int line_file_compare(const struct line_file *file, const struct line_file_mark *mark);
// Cut the file that was marked back to where it ended then.
//   return  0 or a negative errno
int line_file_cut(struct line_file *file, const struct line_file_mark *mark);

// Whether the reader of a pipe is gone: nothing can be written any more.
bool line_file_is_broken(const struct line_file *file);

// Rotate if the file's time has come.
//   return  0 or a negative errno: the current file goes on
int line_file_tick(struct line_file *file, uint64_t now_ns);
