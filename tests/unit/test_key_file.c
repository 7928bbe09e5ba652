// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/endpoint.h"
#include "api/key_file.h"

#define KEY_A "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY_B "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

struct taken {
	struct key keys[4];
	unsigned count;
};

static int take(void *context, const struct key *key) {
	struct taken *taken = context;
	assert_true(taken->count < 4);
	taken->keys[taken->count++] = *key;
	return 0;
}

static int parse(const char *text, struct taken *taken, char *error) {
	char copy[1024];
	*taken = (struct taken){.count = 0};
	snprintf(copy, sizeof(copy), "%s", text);
	return key_file_parse(copy, "f", take, taken, error);
}

static void several_keys(void **state) {
	struct taken taken;
	char error[KEY_FILE_ERROR_SIZE];
	assert_int_equal(parse("# a comment\n\nname: a\npublic: " KEY_A "\r\nname:b\n  public:\t" KEY_B
			       " \nsecret: " SECRET "\n",
				 &taken, error),
		0);
	assert_int_equal(taken.count, 2);
	assert_string_equal(taken.keys[0].name, "a");
	assert_string_equal(taken.keys[0].public, KEY_A);
	assert_string_equal(taken.keys[0].secret, "");
	assert_string_equal(taken.keys[1].name, "b");
	assert_string_equal(taken.keys[1].public, KEY_B);
	assert_string_equal(taken.keys[1].secret, SECRET);
}

static void wrong_texts(void **state) {
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{"", "f: no key in it"},
		{"# only this\n", "f: no key in it"},
		{"name: a\n", "f: a has no public key"},
		{"name: a\nname: b\npublic: " KEY_A "\n", "f:2: a has no public key"},
		{"public: " KEY_A "\n", "f:1: public: expected name, public and secret in this order"},
		{"name: a\nsecret: " SECRET "\n", "f:2: secret: expected name, public and secret in this order"},
		{"name: a\npublic: " KEY_A "\npublic: " KEY_A "\n", "f:3: public: expected name"},
		{"name: a b\n", "f:1: name: expected 1..63"},
		{"name: ../a\n", "f:1: name: expected 1..63"},
		{"name: a\npublic: short\n", "f:2: public: expected 40 characters of Z85"},
		{"name: a\npublic: " KEY_A "x\n", "f:2: public: expected 40 characters of Z85"},
		{"name: a\npublic: \"ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\n", "expected 40 characters of Z85"},
		{"name: a\npublic: #####w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\n", "expected 40 characters of Z85"},
		{"nonsense\n", "f:1: expected a key file"},
		{"colour: red\n", "f:1: expected name, public or secret"},
	};
	struct taken taken;
	char error[KEY_FILE_ERROR_SIZE];
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(parse(wrong[i].text, &taken, error), -EINVAL);
		if (strstr(error, wrong[i].message) == NULL)
			fail_msg("%zu: \"%s\", expected \"%s\"", i, error, wrong[i].message);
	}
}

static void write_file(const char *path, const char *text, mode_t mode) {
	unlink(path);
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
	assert_int_equal(fchmod(file, mode), 0);
	close(file);
}

static void files_and_their_modes(void **state) {
	static const char text[] = "name: a\npublic: " KEY_A "\nsecret: " SECRET "\n";
	char folder[] = "/tmp/weir-key-XXXXXX", path[64], error[KEY_FILE_ERROR_SIZE];
	struct key key;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/k", folder);
	assert_int_equal(key_file_read_secret(path, &key, error), -ENOENT);
	static const mode_t good[] = {0600, 0400, 0640}, bad[] = {0644, 0660, 0602};
	for (size_t i = 0; i < 3; i++) {
		write_file(path, text, good[i]);
		assert_int_equal(key_file_read_secret(path, &key, error), 0);
		assert_string_equal(key.secret, SECRET);
		write_file(path, text, bad[i]);
		assert_int_equal(key_file_read_secret(path, &key, error), -EACCES);
		assert_non_null(strstr(error, "others may read or write it"));
	}
	write_file(path, text, 0600);
	assert_int_equal(key_file_read_public(path, &key, error), -EINVAL);
	assert_non_null(strstr(error, "has the secret key of a; expected NAME.public"));
	assert_null(strstr(error, SECRET));
	write_file(path, "name: a\npublic: " KEY_A "\n", 0666);
	assert_int_equal(key_file_read_public(path, &key, error), -EACCES);
	write_file(path, "name: a\npublic: " KEY_A "\n", 0644);
	assert_int_equal(key_file_read_public(path, &key, error), 0);
	assert_string_equal(key.public, KEY_A);
	write_file(path, "name: a\npublic: " KEY_A "\n", 0600);
	assert_int_equal(key_file_read_secret(path, &key, error), -EINVAL);
	assert_non_null(strstr(error, "has no secret"));
	assert_int_equal(key_file_read_public(folder, &key, error), -EINVAL);
	// Root reads everything: only another user is refused.
	assert_int_equal(chmod(folder, 0), 0);
	bool is_root = geteuid() == 0;
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(key_file_read_secret(path, &key, error), -EACCES);
	assert_non_null(strstr(error, is_root ? "expected a file that user 65534 may read" : "may read, in folders"));
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	unlink(path);
	rmdir(folder);
}

static void local_endpoints(void **state) {
	static const char *const local[] = {"ipc:///run/weir/c", "tcp://127.0.0.1:1", "tcp://127.9.9.9:5570",
		"tcp://[::1]:5570", "tcp://localhost:5570"};
	static const char *const remote[] = {"tcp://0.0.0.0:5570", "tcp://*:5570", "tcp://10.0.0.1:5570",
		"tcp://127.0.0.1.example.net:5570", "tcp://[::]:5570", "tcp://host", "tcp://localhostx:1",
		"udp://127.0.0.1:1", "", "tcp://1270.0.0.1:5"};
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		assert_true(endpoint_is_local(local[i]));
	for (size_t i = 0; i < sizeof(remote) / sizeof(*remote); i++)
		assert_false(endpoint_is_local(remote[i]));
}

static void endpoints_of_controllers(void **state) {
	static const char *const good[] = {"ipc:///c", "tcp://10.0.0.9:5570", "tcp://[::1]:1", "tcp://name:65534"};
	static const char *const bad[] = {"", "http://x", "http://x:80", "tcp://127.0.0.1", "tcp://:1", "tcp://h:0",
		"tcp://h:65535", "tcp://h:99999", "tcp://h:1x", "tcp://h:-1", "tcp://h:+1", "ipc://"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(endpoint_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(endpoint_is_valid(bad[i]));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_keys),
		cmocka_unit_test(wrong_texts),
		cmocka_unit_test(files_and_their_modes),
		cmocka_unit_test(local_endpoints),
		cmocka_unit_test(endpoints_of_controllers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
