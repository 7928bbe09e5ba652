// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Files of whole lines: rotation by size and age, and an end that is always the end of a line. RLIMIT_FSIZE plays the
// full disk: the kernel writes what still fits, and refuses the rest.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/line_file.h"

#define SECOND_NS UINT64_C(1000000000)
#define START_NS (1793880000 * SECOND_NS) // 2026-11-05T12:00:00Z

static char folder[] = "/tmp/weir-lines-XXXXXX";
static char path[64];
static char error[LINE_FILE_ERROR_MAX];

static int make_folder(void **state) {
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/flows.jsonl", folder);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int empty_folder(void **state) {
	DIR *dir = opendir(folder);
	char name[512];
	for (struct dirent *entry; (entry = readdir(dir));) {
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		unlink(name);
	}
	return closedir(dir);
}

static int remove_folder(void **state) {
	return rmdir(folder);
}

static unsigned count_files(void) {
	unsigned count = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void assert_content(const char *suffix, const char *expected) {
	char name[128], content[4096];
	snprintf(name, sizeof(name), "%s%s", path, suffix);
	FILE *file = fopen(name, "r");
	if (!file)
		fail_msg("%s: %s", name, strerror(errno));
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(content, expected);
}

static struct line_file *open_file(struct line_file_options options) {
	struct line_file *file;
	options.path = path;
	if (line_file_open(&file, &options, START_NS, error))
		fail_msg("%s", error);
	return file;
}

static void assert_written(struct line_file *file, const char *lines, uint64_t now_ns) {
	int reason;
	assert_int_equal(line_file_write(file, lines, strlen(lines), now_ns, &reason), strlen(lines));
	assert_int_equal(reason, 0);
}

static void test_append(void **state) {
	struct line_file *file = open_file((struct line_file_options){.append = true});
	assert_written(file, "one\ntwo\n", START_NS);
	line_file_close(file);
	FILE *cut = fopen(path, "a");
	fputs("{\"half", cut); // as a process leaves it that was killed inside a line
	fclose(cut);
	file = open_file((struct line_file_options){.append = true});
	assert_written(file, "three\n", START_NS);
	line_file_close(file);
	assert_content("", "one\ntwo\nthree\n");
	file = open_file((struct line_file_options){.append = false});
	assert_written(file, "four\n", START_NS);
	line_file_close(file);
	assert_content("", "four\n");
}

static void test_rotate_size(void **state) {
	struct line_file *file = open_file((struct line_file_options){.rotate_size = 10});
	assert_written(file, "1234\n1234\n", START_NS);                  // just fits
	assert_written(file, "a\nb\nlonger than a file\nc\n", START_NS); // a line is never cut
	assert_written(file, "d\n", START_NS + SECOND_NS);
	line_file_close(file);
	assert_int_equal(count_files(), 4);
	assert_content(".20261105T120000Z", "1234\n1234\n");
	assert_content(".20261105T120000Z-1", "a\nb\n");
	assert_content(".20261105T120000Z-2", "longer than a file\n");
	assert_content("", "c\nd\n");
}

static void test_rotate_interval(void **state) {
	struct line_file *file = open_file((struct line_file_options){.rotate_interval_ns = 60 * SECOND_NS});
	assert_int_equal(line_file_tick(file, START_NS + 600 * SECOND_NS), 0);
	assert_int_equal(count_files(), 1); // an empty file has no age
	assert_written(file, "a\n", START_NS + 600 * SECOND_NS);
	assert_written(file, "b\n", START_NS + 659 * SECOND_NS);
	assert_int_equal(line_file_tick(file, START_NS + 659 * SECOND_NS), 0);
	assert_int_equal(count_files(), 1);
	assert_written(file, "c\n", START_NS + 660 * SECOND_NS);
	assert_int_equal(line_file_tick(file, START_NS + 720 * SECOND_NS), 0);
	line_file_close(file);
	assert_int_equal(count_files(), 3);
	assert_content(".20261105T121100Z", "a\nb\n");
	assert_content(".20261105T121200Z", "c\n");
	assert_content("", "");
}

static void limit_file_size(rlim_t size) {
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk(void **state) {
	struct line_file *file = open_file((struct line_file_options){.append = true});
	int reason;
	assert_written(file, "first\n", START_NS);
	limit_file_size(14);
	size_t whole = line_file_write(file, "second\nthird\n", 13, START_NS, &reason);
	size_t none = line_file_write(file, "longer\n", 7, START_NS, &reason);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(whole, 7);
	assert_int_equal(none, 0);
	assert_int_equal(reason, EFBIG);
	assert_content("", "first\nsecond\n");
	assert_written(file, "fourth\n", START_NS);
	line_file_close(file);
	assert_content("", "first\nsecond\nfourth\n");
}

static void test_full_device(void **state) {
	struct line_file *file;
	int reason;
	assert_int_equal(line_file_open(&file, &(struct line_file_options){.path = "/dev/full"}, START_NS, error), 0);
	assert_int_equal(line_file_write(file, "a\n", 2, START_NS, &reason), 0);
	assert_int_equal(reason, ENOSPC);
	line_file_close(file);
}

static void test_closed_pipe(void **state) {
	struct line_file *file;
	int reason;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(line_file_open(&file, &(struct line_file_options){.path = path}, START_NS, error), -ENXIO);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	file = open_file((struct line_file_options){.rotate_size = 1});
	assert_written(file, "a\nb\n", START_NS); // a pipe doesn't rotate
	struct line_file *second;
	assert_int_equal(
		line_file_open(&second, &(struct line_file_options){.path = path}, START_NS, error), -EWOULDBLOCK);
	assert_non_null(strstr(error, "another sink writes to it"));
	close(reader);
	assert_int_equal(line_file_write(file, "c\n", 2, START_NS, &reason), 0);
	assert_int_equal(reason, EPIPE);
	line_file_close(file);
}

static void test_refused(void **state) {
	struct line_file *file = open_file((struct line_file_options){.append = true}), *second;
	struct line_file_options options = {.path = path};
	assert_int_equal(line_file_open(&second, &options, START_NS, error), -EWOULDBLOCK);
	assert_non_null(strstr(error, "another sink writes to it"));
	line_file_close(file);
	options.path = "/nonexistent/flows.jsonl";
	assert_int_equal(line_file_open(&second, &options, START_NS, error), -ENOENT);
	assert_string_equal(error, "/nonexistent/flows.jsonl: cannot be written: No such file or directory");
	options.path = folder;
	assert_true(line_file_open(&second, &options, START_NS, error) < 0);
	assert_non_null(strstr(error, "Is a directory"));
}

static void test_rotation_fails(void **state) {
	struct line_file *file = open_file((struct line_file_options){.rotate_size = 4});
	char elsewhere[128];
	int reason;
	assert_written(file, "abc\n", START_NS);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
	assert_int_equal(rename(path, elsewhere), 0); // someone took the file away
	assert_int_equal(line_file_write(file, "def\n", 4, START_NS, &reason), 4);
	assert_int_equal(reason, ENOENT); // said, but nothing is lost
	line_file_close(file);
	FILE *kept = fopen(elsewhere, "r");
	char content[16];
	content[fread(content, 1, sizeof(content) - 1, kept)] = '\0';
	fclose(kept);
	assert_string_equal(content, "abc\ndef\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_append, empty_folder),
		cmocka_unit_test_teardown(test_rotate_size, empty_folder),
		cmocka_unit_test_teardown(test_rotate_interval, empty_folder),
		cmocka_unit_test_teardown(test_full_disk, empty_folder),
		cmocka_unit_test_teardown(test_full_device, empty_folder),
		cmocka_unit_test_teardown(test_closed_pipe, empty_folder),
		cmocka_unit_test_teardown(test_refused, empty_folder),
		cmocka_unit_test_teardown(test_rotation_fails, empty_folder),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
