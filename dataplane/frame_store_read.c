// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames of a capture file, into memory. The file is read twice: first to learn how much memory it takes.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/frame_store.h"

// In capacity, size, start_ns and span_ns.
static void count_frame(struct frame_store *store, const struct capture_frame *frame, enum packet_link link) {
	if (!store->capacity)
		store->start_ns = frame->timestamp_ns;
	uint64_t end_ns = frame->timestamp_ns + 1;
	if (store->capacity == 0 || (int64_t)(end_ns - store->start_ns - store->span_ns) > 0)
		store->span_ns = end_ns - store->start_ns;
	store->capacity++;
	store->size += frame_store_footprint(frame->size);
}

static void keep_frame(struct frame_store *store, const struct capture_frame *frame, enum packet_link link) {
	// Offsets wrap for frames older than the first; so does the sum they end in.
	while (store->count >= store->capacity * (store->slice + 1) / store->slice_count)
		frame_store_begin_slice(store);
	uint8_t *data = frame_store_add(store, frame->size, frame->timestamp_ns - store->start_ns, link);
	memcpy(data, frame->data, frame->size);
}

typedef void visit_frame(struct frame_store *store, const struct capture_frame *frame, enum packet_link link);

static int go_through(struct frame_store *store, const char *path, uint64_t frames, visit_frame *visit, char *error) {
	struct capture *capture;
	struct capture_frame frame;
	int ret = capture_open(&capture, path, error);
	if (ret)
		return ret;
	for (uint64_t n = 0; (!frames || n < frames) && (ret = capture_next(capture, &frame, error)) > 0;) {
		if (frame.size == 0 || frame.size > FRAME_STORE_SIZE_MAX)
			continue;
		n++;
		visit(store, &frame, capture_link(capture));
	}
	capture_close(capture);
	return ret < 0 ? ret : 0;
}

int frame_store_read(struct frame_store *store, const char *path, uint64_t frames, unsigned slices, char *error) {
	struct frame_store counted = {0};
	int ret = go_through(&counted, path, frames, count_frame, error);
	if (ret)
		return ret;
	if (!counted.capacity) {
		snprintf(error, CAPTURE_ERROR_MAX, "%s: no frames: expected a capture with packets", path);
		return -EINVAL;
	}
	ret = frame_store_init(store, counted.capacity, counted.size, slices);
	if (ret) {
		snprintf(error, CAPTURE_ERROR_MAX, "%s: no memory for %llu frames", path,
			(unsigned long long)counted.capacity);
		return ret;
	}
	store->start_ns = counted.start_ns;
	store->span_ns = counted.span_ns;
	// Not beyond what was counted: the file may have grown.
	return go_through(store, path, counted.capacity, keep_frame, error);
}
