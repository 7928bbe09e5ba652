// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines of files, pipes and connections: ends of lines and files, lines that are too long, many senders, and stopping.
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/line_input.h"
#include "dataplane/stream_listen.h"

enum { LINE_MAX_SIZE = 100, WAIT_MS = 10000 };

static char directory[] = "/tmp/weir-lines-XXXXXX";
static char path[64];

static int setup(void **state) {
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/x", directory);
	return 0;
}

static int teardown(void **state) {
	unlink(path);
	return rmdir(directory);
}

static struct line_input *open_input(const char *file, const char *listen, unsigned connections) {
	struct line_input *input = NULL;
	char error[LINE_INPUT_ERROR_MAX];
	const struct line_input_settings settings = {
		.path = file, .listen = listen, .line_max = LINE_MAX_SIZE, .connections = connections};
	if (line_input_open(&input, &settings, error) != 0)
		fail_msg("%s", error);
	return input;
}

static struct line_input *open_text(const char *text, size_t size) {
	FILE *file = fopen(path, "w");
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
	return open_input(path, NULL, 0);
}

static void expect_line(struct line_input *input, const char *text, uint64_t number) {
	struct line line;
	assert_int_equal(line_input_next(input, &line), 1);
	assert_int_equal(line.size, strlen(text));
	assert_memory_equal(line.text, text, line.size);
	assert_int_equal(line.origin->line_number, number);
	assert_false(line.is_too_long);
}

static void expect_end(struct line_input *input) {
	struct line line;
	assert_int_equal(line_input_next(input, &line), -ENODATA);
	assert_int_equal(line_input_next(input, &line), -ENODATA);
	line_input_close(input);
}

static void test_file(void **state) {
	static const char text[] = "one\ntwo\r\n\n\r\nno end";
	struct line_input *input = open_text(text, sizeof(text) - 1);
	assert_int_equal(line_input_fd(input), -1);
	expect_line(input, "one", 1);
	expect_line(input, "two", 2);
	expect_line(input, "", 3);
	expect_line(input, "", 4);
	expect_line(input, "no end", 5);
	expect_end(input);
	expect_end(open_text("", 0));
}

// A line may be as long as allowed, and one that is longer doesn't harm its neighbours, wherever blocks of reading end.
static void test_long_lines(void **state) {
	enum { ROUNDS = 3000 };
	char *text = malloc(ROUNDS * 600), *end = text;
	for (unsigned i = 0; i < ROUNDS; i++) {
		end += sprintf(end, "%0*u\n", LINE_MAX_SIZE, i);
		end += sprintf(end, "%0*u\r\n", LINE_MAX_SIZE, i);
		end += sprintf(end, "%0*u\n", LINE_MAX_SIZE + 1 + i % 200, i);
	}
	struct line_input *input = open_text(text, (size_t)(end - text));
	struct line line;
	for (unsigned i = 0; i < 3 * ROUNDS; i++) {
		assert_int_equal(line_input_next(input, &line), 1);
		assert_int_equal(line.size, LINE_MAX_SIZE);
		assert_int_equal(line.is_too_long, i % 3 == 2);
		assert_int_equal(line.origin->line_number, i + 1);
		if (i % 3 < 2)
			assert_int_equal(strtoul(line.text + LINE_MAX_SIZE - 6, NULL, 10), i / 3);
	}
	expect_end(input);
	free(text);
}

static void test_line_longer_than_everything(void **state) {
	enum { SIZE = 3 << 20 };
	char *text = malloc(SIZE + 5);
	memset(text, 'x', SIZE);
	memcpy(text + SIZE, "\nend\n", 5);
	struct line_input *input = open_text(text, SIZE + 5);
	struct line line;
	assert_int_equal(line_input_next(input, &line), 1);
	assert_true(line.is_too_long);
	while (line_input_next(input, &line) == 0)
		;
	assert_int_equal(line.size, 3);
	assert_memory_equal(line.text, "end", 3);
	assert_int_equal(line.origin->line_number, 2);
	expect_end(input);
	free(text);
}

static void wait_readable(const struct line_input *input) {
	struct pollfd poll_fd = {.fd = line_input_fd(input), .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
}

static void wait_connections(struct line_input *input, unsigned count) {
	struct line line;
	while (line_input_connections(input) != count) {
		wait_readable(input);
		assert_int_equal(line_input_next(input, &line), 0);
	}
}

static void wait_line(struct line_input *input, const char *text, uint64_t number) {
	struct line line;
	while (line_input_next(input, &line) == 0)
		wait_readable(input);
	assert_int_equal(line.size, strlen(text));
	assert_memory_equal(line.text, text, line.size);
	assert_int_equal(line.origin->line_number, number);
}

static void send_text(int fd, const char *text) {
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int connect_to(const struct line_input *input) {
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)line_input_port(input))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_connections(void **state) {
	struct line_input *input = open_input(NULL, "tcp://127.0.0.1:0", 2);
	struct line line;
	assert_int_not_equal(line_input_port(input), 0);
	assert_int_equal(line_input_next(input, &line), 0);
	int a = connect_to(input), b = connect_to(input), c = connect_to(input);
	wait_connections(input, 2);
	send_text(a, "a1\na");
	wait_line(input, "a1", 1);
	send_text(b, "b1\n");
	wait_line(input, "b1", 1); // half a line of another doesn't hold it up
	send_text(c, "c1\n");      // has to wait for one of the two to close
	send_text(a, "2\nrest");
	close(a);
	wait_line(input, "a2", 2);
	wait_line(input, "rest", 3);
	wait_line(input, "c1", 1);
	close(b);
	close(c);
	wait_connections(input, 0);
	assert_int_equal(line_input_next(input, &line), 0); // it goes on listening
	line_input_stop(input);
	expect_end(input);
}

static void test_stopping_hands_out_what_was_read(void **state) {
	struct line_input *input = open_input(NULL, "tcp://127.0.0.1:0", 4);
	int fd = connect_to(input);
	send_text(fd, "1\n2\nhalf");
	wait_line(input, "1", 1);
	line_input_stop(input);
	send_text(fd, "3\n");
	wait_line(input, "2", 2);
	wait_line(input, "half", 3);
	expect_end(input);
	close(fd);
}

static void test_unix_socket(void **state) {
	char address[80], error[STREAM_LISTEN_ERROR_MAX];
	snprintf(address, sizeof(address), "unix:%s", path);
	unlink(path);
	int left_behind = stream_listen(address, false, error);
	assert_true(left_behind >= 0);
	assert_true(stream_listen(address, false, error) < 0); // somebody listens there
	close(left_behind);
	struct line_input *input = open_input(NULL, address, 1);
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	strcpy(to.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	send_text(fd, "hello\n");
	wait_line(input, "hello", 1);
	close(fd);
	line_input_close(input);
	assert_int_not_equal(stat(path, &status), 0);
}

static void test_pipe(void **state) {
	int ends[2], saved = dup(STDIN_FILENO);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[0], STDIN_FILENO);
	struct line_input *input = open_input("-", NULL, 0);
	struct line line;
	assert_int_equal(line_input_next(input, &line), 0); // nothing there, and it doesn't wait
	assert_int_equal(write(ends[1], "one\ntw", 6), 6);
	wait_line(input, "one", 1);
	assert_int_equal(line_input_next(input, &line), 0);
	close(ends[1]);
	wait_line(input, "tw", 2);
	expect_end(input);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(ends[0]);
}

static void test_refused(void **state) {
	static const struct {
		const char *listen, *message;
	} wrong[] = {
		{"localhost:5000", "listen: \"localhost:5000\": expected tcp://ADDRESS:PORT, tcp://[ADDRESS]:PORT or "
				   "unix:PATH"},
		{"tcp://localhost:5000", "listen: \"tcp://localhost:5000\": expected tcp://ADDRESS:PORT, "
					 "tcp://[ADDRESS]:PORT or unix:PATH"},
		{"tcp://::1:5000", "listen: \"tcp://::1:5000\": expected tcp://ADDRESS:PORT, tcp://[ADDRESS]:PORT or "
				   "unix:PATH"},
		{"tcp://0.0.0.0:0", "listen: \"tcp://0.0.0.0:0\": others than this host could send; expected an "
				    "address "
				    "of loopback, or public: yes beside it"},
		{"unix:", "listen: \"unix:\": expected tcp://ADDRESS:PORT, tcp://[ADDRESS]:PORT or unix:PATH"},
	};
	char error[LINE_INPUT_ERROR_MAX];
	struct line_input *input;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct line_input_settings settings = {
			.listen = wrong[i].listen, .line_max = LINE_MAX_SIZE, .connections = 1};
		assert_int_equal(line_input_open(&input, &settings, error), -EINVAL);
		assert_string_equal(error, wrong[i].message);
	}
	const struct line_input_settings settings = {.path = "/nowhere/x", .line_max = LINE_MAX_SIZE};
	assert_int_equal(line_input_open(&input, &settings, error), -ENOENT);
	assert_string_equal(error, "path: /nowhere/x: No such file or directory");
	const struct line_input_settings everyone = {
		.listen = "tcp://0.0.0.0:0", .is_public = true, .line_max = LINE_MAX_SIZE, .connections = 1};
	assert_int_equal(line_input_open(&input, &everyone, error), 0);
	line_input_close(input);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_line_longer_than_everything),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_stopping_hands_out_what_was_read),
		cmocka_unit_test(test_unix_socket),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
