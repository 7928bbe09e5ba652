// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The sender formats as many records as go into a block, and writes the block before it formats the next. A pipe may
// take it in parts; a record is done with once its line is in the kernel's hands.
#include "dataplane/line_sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/state_file.h"

enum {
	BLOCK_SIZE = 256 << 10,
	BLOCK_RECORDS = 1024,
	RETRY_NS = 1000000000,
};

const char *const line_sink_drops[] = {"queue_full", "write_error", "unsent", NULL};

struct line_sink {
	struct export_queue *queue;
	struct instance *instance;
	const struct line_sink_options *options;
	const struct line_form *form;
	struct line_file *file;
	struct export_sender sender;
	// the sender's
	char *block;
	size_t size, written;       // of the block: filled, and in the file
	unsigned count, done;       // its records, and those whose lines are in the file
	size_t ends[BLOCK_RECORDS]; // where their lines end
	uint64_t retry_ns;          // after a failure, not to be tried before; of the monotonic clock
	bool is_broken;             // the reader of the pipe is gone for good
};

static void report_failure(struct line_sink *sink, int error, bool lost) {
	const char *path = sink->options->path;
	const char *name = strcmp(path, "-") == 0 ? "standard output" : path;
	if (!lost)
		instance_fail(sink->instance, "%s: not rotated: %s; it grows on, and no record is lost", name,
			strerror(error));
	else
		instance_fail(sink->instance,
			"%s: %s: records are lost (counted as write_error); tried again each second", name,
			strerror(error));
}

static void report_broken(struct line_sink *sink) {
	const char *path = sink->options->path;
	if (sink->is_broken)
		return;
	sink->is_broken = true;
	instance_fail(sink->instance, "%s: its reader is gone: no more records are written",
		strcmp(path, "-") == 0 ? "standard output" : path);
	operator_end_sink(sink->instance->op);
}

static void fill_block(struct line_sink *sink, const uint8_t *records, unsigned count) {
	size_t stride = export_queue_stride(sink->queue);
	sink->size = sink->written = 0;
	sink->count = sink->done = 0;
	while (sink->count < count && sink->count < BLOCK_RECORDS && sink->size + sink->form->line_max <= BLOCK_SIZE) {
		sink->size +=
			sink->form->line(sink->form->format, records + sink->count * stride, sink->block + sink->size);
		sink->ends[sink->count++] = sink->size;
	}
}

// Write the block, or what is left of it.
//   return  records that are done with: written, or lost
static unsigned write_block(struct line_sink *sink) {
	unsigned before = sink->done;
	int error;
	sink->written += line_file_write(
		sink->file, sink->block + sink->written, sink->size - sink->written, clock_now_ns(), &error);
	while (sink->done < sink->count && sink->ends[sink->done] <= sink->written)
		sink->done++;
	export_queue_sent(sink->queue, sink->done - before);
	unsigned left = sink->count - sink->done;
	if (error == 0 || error == EAGAIN)
		return sink->done - before;
	if (left > 0 && error == EPIPE)
		report_broken(sink);
	else
		report_failure(sink, error, left > 0);
	if (left > 0) {
		sink->retry_ns = clock_monotonic_ns() + RETRY_NS;
		export_queue_failed(sink->queue, left);
		sink->done = sink->count;
		sink->written = sink->size;
	}
	return sink->done - before;
}

// Nothing is queued: see to the age of the file, and to whether anybody reads.
static void look_after_file(struct line_sink *sink) {
	int ret = line_file_tick(sink->file, clock_now_ns());
	if (ret < 0)
		report_failure(sink, -ret, false);
	if (line_file_is_broken(sink->file))
		report_broken(sink);
}

static unsigned line_sink_send(void *context, const void *records, unsigned count) {
	struct line_sink *sink = context;
	if (sink->is_broken || (sink->retry_ns > 0 && clock_monotonic_ns() < sink->retry_ns)) {
		export_queue_failed(sink->queue, count);
		return count;
	}
	sink->retry_ns = 0;
	if (sink->written == sink->size && count > 0)
		fill_block(sink, records, count);
	if (sink->written < sink->size)
		return write_block(sink);
	look_after_file(sink);
	return 0;
}

static void pack_record(const void *context, const struct batch *batch, unsigned i, void *record) {
	const struct line_sink *sink = context;
	sink->form->pack(sink->form->format, batch, i, record);
}

int line_sink_new(struct line_sink **out, struct instance *self, const struct line_sink_options *options,
	const struct line_form *form) {
	const struct line_file_options file_options = {
		.path = options->path,
		.append = options->append,
		.is_kept = self->op->is_restored,
		.rotate_size = options->rotate_size,
		.rotate_interval_ns = options->rotate_interval_ns,
		.header = form->header,
		.header_size = form->header_size,
		.is_binary = form->is_binary,
	};
	char error[LINE_FILE_ERROR_MAX];
	struct line_sink *sink = calloc(1, sizeof(*sink));
	if (sink != NULL)
		sink->block = malloc(BLOCK_SIZE);
	if (sink == NULL || sink->block == NULL || form->line_max > BLOCK_SIZE) {
		operator_error(self->op, "out of memory");
		line_sink_free(sink);
		return -ENOMEM;
	}
	sink->instance = self;
	sink->options = options;
	sink->form = form;
	sink->sender = (struct export_sender){
		.name = "weir-lines",
		.send = line_sink_send,
		.pack = form->pack != NULL ? pack_record : NULL,
		.record_size = form->record_size,
	};
	int ret = line_file_open(&sink->file, &file_options, clock_now_ns(), error);
	if (ret < 0)
		operator_error(self->op, "path: %s", error);
	else
		ret = export_queue_new(&sink->queue, self, &options->export, &sink->sender, sink);
	if (ret == 0)
		*out = sink;
	else
		line_sink_free(sink);
	return ret;
}

void line_sink_free(struct line_sink *sink) {
	if (sink == NULL)
		return;
	export_queue_free(sink->queue);
	line_file_close(sink->file);
	free(sink->block);
	free(sink);
}

struct export_queue *line_sink_queue(const struct line_sink *sink) {
	return sink->queue;
}

int line_sink_init(struct instance *self, const struct line_form *form) {
	struct line_sink_state *state = self->state;
	state->form = *form;
	int ret = line_sink_new(&state->sink, self, self->options, &state->form);
	if (ret == 0)
		state->queue = line_sink_queue(state->sink);
	return ret;
}

void line_sink_fini(struct instance *self) {
	struct line_sink_state *state = self->state;
	line_sink_free(state->sink);
	if (state->form.free != NULL)
		state->form.free(state->form.format);
}

enum { STATE_MARK = 1 };

static const char *path_of(const struct operator *op) {
	return ((const struct line_sink_options *)op->options)->path;
}

static void save(const struct operator *op, struct state_writer *writer) {
	const struct line_sink_state *state = op->instances[0]->state;
	struct line_file_mark mark;
	int ret = line_file_mark(state->sink->file, &mark);
	if (ret < 0)
		writer->error = ret;
	state_put(writer, STATE_MARK, &mark, sizeof(mark));
}

// That all files are known is seen before any is cut.
static int restore(struct operator *op, struct state_reader *reader) {
	struct line_sink_state *state = op->instances[0]->state;
	if (state_take(reader, STATE_MARK, &state->mark, sizeof(state->mark)) < 0) {
		operator_error(op, "the snapshot does not say where its file ended");
		return -EINVAL;
	}
	int ret = line_file_compare(state->sink->file, &state->mark);
	if (ret == -ESTALE)
		operator_error(op, "path: %s: is not the file that was written before the snapshot", path_of(op));
	else if (ret < 0)
		operator_error(op, "path: %s: can't be compared: %s", path_of(op), strerror(-ret));
	return ret;
}

static int resume(struct operator *op) {
	struct line_sink_state *state = op->instances[0]->state;
	int ret = line_file_cut(state->sink->file, &state->mark);
	if (ret < 0)
		operator_error(op, "path: %s: can't be cut back: %s", path_of(op), strerror(-ret));
	return ret;
}

const struct operator_saving line_sink_saving = {.save = save, .restore = restore, .resume = resume};
