// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Several capture files as one, frame by frame in the order of their time stamps: files that a capture was rotated
// into, or those of the two directions of a link. Of equal time stamps the file named first goes first. Within a file
// the order stays, whatever its time stamps.
#pragma once

#include "dataplane/capture.h"

struct capture_merge;

//   room    files that it may come to have
//   return  0, -ENOMEM
int capture_merge_new(struct capture_merge **out, unsigned room);
void capture_merge_close(struct capture_merge *merge); // and its files; NULL is fine

// Open one more file.
//   number  by which the files stand in order
//   error   [CAPTURE_ERROR_MAX] filled on failure
//   return  0; as capture_open
int capture_merge_add(struct capture_merge *merge, const char *path, unsigned number, char *error);

// The next frame, as capture_next. A frame is known to be next only when every file has given one or ended.
//   link    of the frame
//   return  1: a frame; 0: the end of all files; -EAGAIN: nothing now; -EIO with the error filled: one of the files is
//           cut or damaged here; the others go on
int capture_merge_next(struct capture_merge *merge, struct capture_frame *frame, enum packet_link *link, char *error);

// Keep the memory of the last frame (capture_keep).
struct rte_mbuf_ext_shared_info *capture_merge_keep(struct capture_merge *merge);

// Files that have not come to their end, as far as is known.
unsigned capture_merge_left(const struct capture_merge *merge);
// Have the last frame be read again: it was not taken.
void capture_merge_unread(struct capture_merge *merge, const struct capture_frame *frame);
// Hand over a file that is left; `to` has room. Nothing that was read of `from` is kept for later (capture_merge_keep).
void capture_merge_move(struct capture_merge *to, struct capture_merge *from);
