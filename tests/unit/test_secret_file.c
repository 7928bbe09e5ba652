// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Key files: what is taken, and what the message says of the rest.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/secret_file.h"

enum { SIZE = 32 };

static char folder[] = "/tmp/weir-secret-XXXXXX";
static char path[64];

static int make_folder(void **state) {
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

static int remove_folder(void **state) {
	return rmdir(folder);
}

static void write_key(size_t size, mode_t mode) {
	static const uint8_t key[] = "0123456789abcdef0123456789ABCDEF+";
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(file >= 0);
	assert_int_equal(write(file, key, size), (ssize_t)size);
	assert_int_equal(fchmod(file, mode), 0);
	close(file);
}

static void assert_refused(int code, const char *said) {
	uint8_t secret[SIZE];
	char error[SECRET_FILE_ERROR_MAX] = "";
	assert_int_equal(secret_file_read(path, secret, SIZE, error), code);
	assert_non_null(strstr(error, path));
	if (strstr(error, said) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error, said);
}

static void test_takes_a_file_of_the_right_size(void **state) {
	static const mode_t modes[] = {0600, 0400, 0640};
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		uint8_t secret[SIZE] = {0};
		char error[SECRET_FILE_ERROR_MAX];
		write_key(SIZE, modes[i]);
		assert_int_equal(secret_file_read(path, secret, SIZE, error), 0);
		assert_memory_equal(secret, "0123456789abcdef0123456789ABCDEF", SIZE);
	}
	unlink(path);
}

static void test_refuses_what_others_have(void **state) {
	static const mode_t modes[] = {0644, 0604, 0602, 0660, 0620};
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_key(SIZE, modes[i]);
		assert_refused(-EACCES, "chmod g-w,o=");
	}
	unlink(path);
}

static void test_refuses_other_sizes_and_kinds(void **state) {
	write_key(SIZE - 1, 0600);
	assert_refused(-EINVAL, "31 bytes: expected exactly 32");
	write_key(SIZE + 1, 0600);
	assert_refused(-EINVAL, "33 bytes: expected exactly 32");
	write_key(0, 0600);
	assert_refused(-EINVAL, "head -c 32 /dev/urandom");
	unlink(path);
	assert_refused(-ENOENT, "expected a file of 32 bytes");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL, "not a regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(-EINVAL, "not a regular file");
	rmdir(path);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_a_file_of_the_right_size),
		cmocka_unit_test(test_refuses_what_others_have),
		cmocka_unit_test(test_refuses_other_sizes_and_kinds),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
