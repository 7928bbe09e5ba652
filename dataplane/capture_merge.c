// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Merging capture files (capture_merge.h). They are few: the next frame is found by looking at each.
#include "dataplane/capture_merge.h"

#include <errno.h>
#include <stdlib.h>

struct source_file {
	struct capture *capture;
	struct capture_frame frame; // its next one
	bool has_frame, is_over;
	unsigned number;
};

struct capture_merge {
	unsigned count;
	bool is_direct;           // one file, of which no frame is at hand
	struct source_file *last; // that gave the last frame
	struct source_file files[];
};

int capture_merge_new(struct capture_merge **out, unsigned room) {
	struct capture_merge *merge = calloc(1, sizeof(*merge) + room * sizeof(merge->files[0]));
	if (!merge)
		return -ENOMEM;
	*out = merge;
	return 0;
}

void capture_merge_close(struct capture_merge *merge) {
	for (unsigned i = 0; merge && i < merge->count; i++)
		capture_close(merge->files[i].capture);
	free(merge);
}

static void look_whether_direct(struct capture_merge *merge) {
	merge->is_direct = merge->count == 1 && !merge->files[0].has_frame;
}

// Put a file in its place.
static void insert(struct capture_merge *merge, const struct source_file *file) {
	unsigned at = merge->count++;
	for (; at > 0 && merge->files[at - 1].number > file->number; at--)
		merge->files[at] = merge->files[at - 1];
	merge->files[at] = *file;
	look_whether_direct(merge);
}

int capture_merge_add(struct capture_merge *merge, const char *path, unsigned number, char *error) {
	struct source_file file = {.number = number};
	int ret = capture_open(&file.capture, path, error);
	if (!ret)
		insert(merge, &file);
	return ret;
}

unsigned capture_merge_left(const struct capture_merge *merge) {
	unsigned left = 0;
	for (unsigned i = 0; i < merge->count; i++)
		left += !merge->files[i].is_over || merge->files[i].has_frame;
	return left;
}

void capture_merge_unread(struct capture_merge *merge, const struct capture_frame *frame) {
	merge->last->frame = *frame;
	merge->last->has_frame = true;
	look_whether_direct(merge);
}

void capture_merge_move(struct capture_merge *to, struct capture_merge *from) {
	unsigned i = from->count;
	while (i-- > 0)
		if (!from->files[i].is_over || from->files[i].has_frame)
			break;
	insert(to, &from->files[i]);
	for (from->count--; i < from->count; i++)
		from->files[i] = from->files[i + 1];
	look_whether_direct(from);
}

// Have the file's next frame at hand, or know that there is none.
//   return  0; -EAGAIN; -EIO
static int look_ahead(struct source_file *file, char *error) {
	if (file->has_frame || file->is_over)
		return 0;
	if (!capture_is_ready(file->capture))
		return -EAGAIN;
	int ret = capture_next(file->capture, &file->frame, error);
	if (ret == -EAGAIN)
		return ret;
	file->has_frame = ret == 1;
	file->is_over = ret != 1;
	return ret < 0 ? ret : 0;
}

// The only file: its frames pass through.
static int next_of_one(struct capture_merge *merge, struct capture_frame *frame, enum packet_link *link, char *error) {
	struct source_file *file = &merge->files[0];
	if (file->is_over)
		return 0;
	if (!capture_is_ready(file->capture))
		return -EAGAIN;
	int ret = capture_next(file->capture, frame, error);
	*link = capture_link(file->capture);
	merge->last = file;
	file->is_over = ret != 1 && ret != -EAGAIN;
	return ret;
}

int capture_merge_next(struct capture_merge *merge, struct capture_frame *frame, enum packet_link *link, char *error) {
	if (merge->is_direct)
		return next_of_one(merge, frame, link, error);
	struct source_file *next = NULL;
	for (unsigned i = 0; i < merge->count; i++) {
		struct source_file *file = &merge->files[i];
		int ret = look_ahead(file, error);
		if (ret)
			return ret;
		if (file->has_frame && (!next || file->frame.timestamp_ns < next->frame.timestamp_ns))
			next = file;
	}
	if (!next)
		return 0;
	*frame = next->frame;
	*link = capture_link(next->capture);
	next->has_frame = false;
	merge->is_direct = merge->count == 1;
	merge->last = next;
	return 1;
}

struct rte_mbuf_ext_shared_info *capture_merge_keep(struct capture_merge *merge) {
	return capture_keep(merge->last->capture);
}
