// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_memory.h>

#include "dataplane/memory_copy.h"
#include "dataplane/node_move.h"
#include "dataplane/node_rest.h"
#include "dataplane/snapshot_dir.h"
#include "dataplane/snapshot_manifest.h"
#include "dataplane/state_file.h"

enum {
	LOOK_NS = 1000 * 1000,
	COPY_NICE = 10, // it has a fifth of what a worker gets, where they share a CPU
	COPY_FD = 3,
};
// How a copy of the process ends.
enum { COPY_DONE, COPY_FAILED, COPY_NO_TABLES };
// Of tables that are copied while the workers hold still: a few hundredths of a second. What is beyond it they share
// with the copy of the process until they write to it.
static const size_t COPIED_MAX = (size_t)256 << 20;

// Of an operator: what the copy tells the node. In memory that both have.
struct saved {
	struct snapshot_times times;
	uint64_t layout, size, items, checksum;
	int error;
};

struct saving {
	struct node *node;
	struct snapshot_dir dir;
	struct state_writer writer;
	struct memory_copy tables;
	unsigned count;      // operators
	struct saved *saved; // [count + 1] the last: the copy's own error
	uint64_t taken_ns;
	pid_t copy;
};

static void name_file(const struct operator *op, char name[SNAPSHOT_FILE_NAME_MAX]) {
	snprintf(name, SNAPSHOT_FILE_NAME_MAX, "%s.%s.state", op->pipeline, op->name);
}

static int save_operator(struct saving *saving, const struct operator *op, struct saved *saved) {
	char name[SNAPSHOT_FILE_NAME_MAX];
	name_file(op, name);
	int fd = openat(COPY_FD, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -errno;
	state_begin(&saving->writer, fd, saved->layout);
	op->type->saving->save(op, &saving->writer);
	int ret = state_end(&saving->writer, &saved->checksum);
	close(fd);
	saved->size = saving->writer.size;
	saved->items = saving->writer.items;
	return ret;
}

// The copy's whole life. Of what is open it keeps the directory alone: a node that is killed leaves no lock behind.
__attribute__((noreturn)) static void run_copy(struct saving *saving) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, COPY_NICE);
	bool failed = dup2(saving->dir.fd, COPY_FD) < 0 || close_range(COPY_FD + 1, ~0U, 0) != 0;
	if (!failed && !memory_copy_enter(&saving->tables)) {
		saving->saved[saving->count].error = -errno;
		_exit(COPY_NO_TABLES);
	}
	for (unsigned i = 0; !failed && i < saving->count; i++) {
		const struct operator *op = saving->node->operators[i];
		saving->writer.owners = snapshot_owners(saving->node, i);
		if (op->type->saving != NULL)
			saving->saved[i].error = save_operator(saving, op, &saving->saved[i]);
		failed = saving->saved[i].error != 0;
	}
	_exit(failed ? COPY_FAILED : COPY_DONE);
}

// No worker does anything.
static int cut(void *context) {
	struct saving *saving = context;
	saving->taken_ns = clock_now_ns();
	for (unsigned i = 0; i < saving->count; i++) {
		const struct operator *op = saving->node->operators[i];
		struct snapshot_times times = {UINT64_MAX, UINT64_MAX};
		for (unsigned n = 0; n < op->instance_count; n++) {
			times.watermark_ns = RTE_MIN(times.watermark_ns, op->instances[n]->watermark_ns);
			times.told_ns = RTE_MIN(times.told_ns, op->instances[n]->told_ns);
		}
		saving->saved[i].times = times;
	}
	memory_copy_make(&saving->tables);
	saving->copy = fork();
	if (saving->copy == 0)
		run_copy(saving);
	// -EAGAIN would mean that something was on its way again.
	return saving->copy >= 0 ? 0 : errno == EAGAIN ? -ENOMEM : -errno;
}

//   return  0 or a negative errno, with a line in text
static int wait_for_copy(struct saving *saving, char *text, size_t size) {
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int status;
	pid_t ended;
	while ((ended = waitpid(saving->copy, &status, WNOHANG)) == 0) {
		if (node_is_done(saving->node))
			kill(saving->copy, SIGKILL);
		nanosleep(&pause, NULL);
	}
	int code = ended == saving->copy && WIFEXITED(status) ? WEXITSTATUS(status) : COPY_FAILED;
	if (code == COPY_DONE)
		return 0;
	for (unsigned i = 0; i < saving->count; i++) {
		const struct operator *op = saving->node->operators[i];
		if (saving->saved[i].error == 0)
			continue;
		snprintf(text, size, "%s/%s: could not be saved: %s", op->pipeline, op->name,
			strerror(-saving->saved[i].error));
		return saving->saved[i].error;
	}
	if (code == COPY_NO_TABLES) {
		int error = saving->saved[saving->count].error;
		snprintf(text, size, "the copies of the tables could not be put in their place: %s", strerror(-error));
		return error;
	}
	bool is_out = ended == saving->copy && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
	snprintf(text, size, "the copy of the process that writes ended before it was done%s",
		is_out ? ": too few free huge pages (vm.nr_hugepages)" : "");
	return is_out ? -ENOMEM : -EIO;
}

static json_t *describe(const struct saving *saving) {
	json_t *manifest = snapshot_describe_node(saving->node, saving->taken_ns);
	for (unsigned i = 0; manifest != NULL && i < saving->count; i++) {
		const struct operator *op = saving->node->operators[i];
		const struct saved *saved = &saving->saved[i];
		char name[SNAPSHOT_FILE_NAME_MAX];
		name_file(op, name);
		json_t *described = snapshot_describe_operator(op, &saved->times);
		if (op->type->saving != NULL)
			json_object_set_new(described, "file",
				json_pack("{ss so so so}", "name", name, "size", snapshot_number(saved->size), "items",
					snapshot_number(saved->items), "checksum", snapshot_number(saved->checksum)));
		json_array_append_new(json_object_get(manifest, "operators"), described);
	}
	return manifest;
}

static int finish(struct saving *saving, char *text, size_t size) {
	json_t *manifest = describe(saving);
	int ret = manifest != NULL ? snapshot_dir_finish(&saving->dir, manifest, text, size) : -ENOMEM;
	json_decref(manifest);
	return ret;
}

// Tuples lie in the EAL's memory, and the copy looks at none: where that is not shared anyway (--no-huge), workers
// would pay for each page of it.
static int leave_out(const struct rte_memseg_list *list, const struct rte_memseg *segment, void *context) {
	madvise(segment->addr, segment->len, MADV_DONTFORK); // refused: it is copied as all else
	return 0;
}

static int prepare(struct saving *saving, const char *path, char *text, size_t size) {
	struct node *node = saving->node;
	if (path[0] != '/') {
		snprintf(text, size, "\"%.100s\": expected an absolute path", path);
		return -EINVAL;
	}
	if (!node_move_settle(node)) {
		snprintf(text, size, "a move waits for room downstream");
		return -EBUSY;
	}
	int ret = snapshot_check_operators(node, text, size);
	if (ret < 0)
		return ret;
	rte_memseg_walk(leave_out, NULL);
	saving->count = node->plan->operator_count;
	size_t length = (saving->count + 1) * sizeof(*saving->saved);
	saving->saved = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (saving->saved == MAP_FAILED)
		saving->saved = NULL;
	if (saving->saved == NULL || state_writer_init(&saving->writer) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < saving->count; i++)
		if (node->operators[i]->type->saving != NULL)
			saving->saved[i].layout = snapshot_layout(node->operators[i]);
	ret = snapshot_dir_new(&saving->dir, path, text, size);
	if (ret == 0)
		memory_copy_init(&saving->tables, COPIED_MAX);
	return ret;
}

static void say_what_was_saved(
	const struct saving *saving, const struct node_rest_report *rest, uint64_t took_ns, char *text, size_t size) {
	uint64_t items = 0, bytes = 0;
	for (unsigned i = 0; i < saving->count; i++) {
		items += saving->saved[i].items;
		bytes += saving->saved[i].size;
	}
	snprintf(text, size,
		"saved %" PRIu64 " items, %" PRIu64 " bytes in %" PRIu64 " ms; sources held still for %" PRIu64
		" us, workers for %" PRIu64 " us",
		items, bytes, took_ns / 1000000, rest->paused_ns / 1000, rest->still_ns / 1000);
}

int node_snapshot(struct node *node, const char *path, char *text, size_t size) {
	struct saving saving = {.node = node, .dir.fd = -1};
	struct node_rest_report rest;
	uint64_t begun_ns = clock_monotonic_ns();
	text[0] = '\0';
	int ret = prepare(&saving, path, text, size);
	if (ret == 0)
		ret = node_rest(node, cut, &saving, &rest, text, size);
	memory_copy_fini(&saving.tables);
	if (ret == 0)
		ret = wait_for_copy(&saving, text, size);
	if (ret == 0)
		ret = finish(&saving, text, size);
	if (ret == 0)
		say_what_was_saved(&saving, &rest, clock_monotonic_ns() - begun_ns, text, size);
	else if (text[0] == '\0')
		snprintf(text, size, "%s", strerror(-ret));
	snapshot_dir_close(&saving.dir);
	state_writer_fini(&saving.writer);
	if (saving.saved != NULL)
		munmap(saving.saved, (saving.count + 1) * sizeof(*saving.saved));
	return ret;
}
