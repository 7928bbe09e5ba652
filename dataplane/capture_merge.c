// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Merging capture files (capture_merge.h). They are few: the next frame is found by looking at each.
#include "dataplane/capture_merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct source_file {
	struct capture *capture;
	struct capture_frame frame; // its next one
	bool has_frame, is_over;
};

struct capture_merge {
	unsigned count;
	struct source_file *last; // that gave the last frame
	struct source_file files[];
};

int capture_merge_open(struct capture_merge **out, const char *const *paths, unsigned count, char *error) {
	struct capture_merge *merge = calloc(1, sizeof(*merge) + count * sizeof(merge->files[0]));
	if (!merge) {
		snprintf(error, CAPTURE_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	int ret = 0;
	for (unsigned i = 0; !ret && i < count; i++) {
		ret = capture_open(&merge->files[i].capture, paths[i], error);
		merge->count += !ret;
	}
	if (ret) {
		capture_merge_close(merge);
		return ret;
	}
	*out = merge;
	return 0;
}

void capture_merge_close(struct capture_merge *merge) {
	for (unsigned i = 0; merge && i < merge->count; i++)
		capture_close(merge->files[i].capture);
	free(merge);
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
	if (merge->count == 1)
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
	merge->last = next;
	return 1;
}

struct rte_mbuf_ext_shared_info *capture_merge_keep(struct capture_merge *merge) {
	return capture_keep(merge->last->capture);
}
