// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Where Redis is, as people write it: what is understood, what is refused, and that no refusal repeats a password.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/redis_endpoint.h"

static struct redis_endpoint parse(const char *text) {
	struct redis_endpoint endpoint;
	char error[REDIS_ERROR_SIZE];
	assert_int_equal(redis_endpoint_parse(text, &endpoint, error), 0);
	return endpoint;
}

static void each_kind_is_understood(void **state) {
	assert_int_equal(parse("none").kind, REDIS_NONE);
	struct redis_endpoint local = parse("unix:///run/weir/a@b:1.sock");
	assert_int_equal(local.kind, REDIS_UNIX);
	assert_string_equal(local.path, "/run/weir/a@b:1.sock");
	assert_string_equal(local.user, "");
	assert_string_equal(parse("unix://weir@/run/r.sock").user, "weir");
	struct redis_endpoint tcp = parse("tcp://weir@10.0.0.9:6379");
	assert_int_equal(tcp.kind, REDIS_TCP);
	assert_string_equal(tcp.user, "weir");
	assert_string_equal(tcp.addresses[0].host, "10.0.0.9");
	assert_int_equal(tcp.addresses[0].port, 6379);
	assert_string_equal(parse("tcp://[::1]:6379").addresses[0].host, "::1");
	struct redis_endpoint sentinel = parse("sentinel://u@10.0.0.1:1,[fe80::2]:2,10.0.0.3:65535/mymaster");
	assert_int_equal(sentinel.kind, REDIS_SENTINEL);
	assert_int_equal(sentinel.length, 3);
	assert_string_equal(sentinel.addresses[1].host, "fe80::2");
	assert_int_equal(sentinel.addresses[2].port, 65535);
	assert_string_equal(sentinel.path, "mymaster");
}

static void what_makes_no_sense_is_refused(void **state) {
	static const char *const texts[] = {"", "none ", "unix://", "unix://x", "tcp://", "tcp://10.0.0.1", "tcp://:1",
		"tcp://10.0.0.1:0", "tcp://10.0.0.1:65536", "tcp://10.0.0.1:1x", "tcp://localhost:1", "tcp://[::1:1",
		"tcp://@10.0.0.1:1", "sentinel://", "sentinel:///x", "sentinel://10.0.0.1:1", "sentinel://10.0.0.1:1/",
		"sentinel://10.0.0.1:1,/x", "sentinel://,10.0.0.1:1/x", "redis://10.0.0.1:1", "10.0.0.1:6379"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct redis_endpoint endpoint;
		char error[REDIS_ERROR_SIZE] = "";
		if (redis_endpoint_parse(texts[i], &endpoint, error) == 0)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_non_null(strstr(error, "expected"));
	}
}

static void long_ones_are_refused(void **state) {
	char text[1024], error[REDIS_ERROR_SIZE];
	struct redis_endpoint endpoint;
	static const char *const forms[] = {"unix:///%0900d", "tcp://%0900d:1", "tcp://%0900d@10.0.0.1:1",
		"sentinel://10.0.0.1:1/%0900d", "sentinel://%0900d:1/x"};
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		snprintf(text, sizeof(text), forms[i], 1);
		assert_true(redis_endpoint_parse(text, &endpoint, error) < 0);
	}
}

static void passwords_are_not_repeated(void **state) {
	static const char *const texts[] = {
		"tcp://weir:secret@10.0.0.1:1", "unix://:secret@/run/r.sock", "sentinel://a:secret@10.0.0.1:1/x"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct redis_endpoint endpoint;
		char error[REDIS_ERROR_SIZE];
		assert_true(redis_endpoint_parse(texts[i], &endpoint, error) < 0);
		assert_non_null(strstr(error, "redis_password_file"));
		assert_null(strstr(error, "secret"));
	}
}

//   return  what redis_password_read says of a file with this content and mode
static int read_password(const char *content, mode_t mode, char out[REDIS_PASSWORD_SIZE]) {
	char path[] = "/tmp/weir-password-XXXXXX", error[REDIS_ERROR_SIZE] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	int err = redis_password_read(path, out, error);
	unlink(path);
	assert_true(err == 0 || error[0] != '\0');
	return err;
}

static void password_is_the_first_line(void **state) {
	char password[REDIS_PASSWORD_SIZE], content[2 * REDIS_PASSWORD_SIZE];
	assert_int_equal(read_password("a b\r\nnot this\n", 0600, password), 0);
	assert_string_equal(password, "a b");
	assert_int_equal(read_password("x", 0440, password), 0);
	assert_string_equal(password, "x");
	snprintf(content, sizeof(content), "%0*d", REDIS_PASSWORD_SIZE + 5, 7);
	assert_true(read_password(content, 0600, password) < 0);
	assert_true(read_password("", 0600, password) < 0);
	assert_true(read_password("\nlate\n", 0600, password) < 0);
	assert_true(read_password("x", 0604, password) < 0);
	assert_true(read_password("x", 0620, password) < 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_understood),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(long_ones_are_refused),
		cmocka_unit_test(passwords_are_not_repeated),
		cmocka_unit_test(password_is_the_first_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
