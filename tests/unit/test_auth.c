// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who may ask: tokens, cookies and Hosts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dashboard/auth.h"

#define NOW_S 1700000000ULL

static const struct auth with_token = {.token = "correct-horse-battery"};

static void test_without_a_token_everybody_may(void **state) {
	const struct auth open = {.is_loopback = true};
	assert_true(auth_is_allowed(&open, NULL, NULL, NOW_S));
	// But nothing is a right token or cookie.
	assert_false(auth_token_is_right(&open, ""));
	char cookie[AUTH_COOKIE_SIZE];
	auth_make_cookie(&open, NOW_S, cookie);
	assert_false(auth_cookie_is_right(&open, cookie, NOW_S));
}

static void test_tokens(void **state) {
	assert_true(auth_is_allowed(&with_token, "Bearer correct-horse-battery", NULL, NOW_S));
	assert_true(auth_is_allowed(&with_token, "bearer correct-horse-battery", NULL, NOW_S));
	const char *const wrong[] = {"Bearer correct-horse-batter", "Bearer correct-horse-battery ", "Bearer ",
		"Bearer", "correct-horse-battery", "Basic correct-horse-battery", ""};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(auth_is_allowed(&with_token, wrong[i], NULL, NOW_S));
	assert_false(auth_is_allowed(&with_token, NULL, NULL, NOW_S));
}

static void test_cookies_end_and_can_not_be_made(void **state) {
	const struct auth other = {.token = "another-horse-battery"};
	char cookie[AUTH_COOKIE_SIZE], foreign[AUTH_COOKIE_SIZE];
	auth_make_cookie(&with_token, NOW_S, cookie);
	auth_make_cookie(&other, NOW_S, foreign);
	assert_true(auth_is_allowed(&with_token, NULL, cookie, NOW_S));
	assert_true(auth_cookie_is_right(&with_token, cookie, NOW_S + AUTH_SESSION_S - 1));
	assert_false(auth_cookie_is_right(&with_token, cookie, NOW_S + AUTH_SESSION_S));
	assert_false(auth_cookie_is_right(&with_token, foreign, NOW_S));
	for (size_t i = 0; i < strlen(cookie); i++) {
		char changed[AUTH_COOKIE_SIZE];
		strcpy(changed, cookie);
		changed[i] = changed[i] == '1' ? '2' : '1';
		assert_false(auth_cookie_is_right(&with_token, changed, NOW_S));
	}
	cookie[strlen(cookie) - 1] = '\0';
	assert_false(auth_cookie_is_right(&with_token, cookie, NOW_S));
	assert_false(auth_cookie_is_right(&with_token, "", NOW_S));
}

static void test_hosts(void **state) {
	static const char *const names[] = {"weir.example.org"};
	const struct auth loopback = {.is_loopback = true},
			  named = {.is_loopback = true, .hosts = names, .hosts_length = 1};
	const struct auth open = {.token = "t"}, open_named = {.token = "t", .hosts = names, .hosts_length = 1};
	const char *const right[] = {
		"localhost", "localhost:8080", "LocalHost", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8080"};
	const char *const wrong[] = {"", "evil.org", "localhost.evil.org", "127.0.0.1.evil.org", "10.0.0.1", "[::2]",
		"[::1", "[::1]x", "0.0.0.0", "2130706433", ":8080"};
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		assert_true(auth_host_is_right(&loopback, right[i]));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(auth_host_is_right(&loopback, wrong[i]));
	assert_false(auth_host_is_right(&loopback, NULL));
	assert_true(auth_host_is_right(&named, "Weir.Example.Org:443"));
	assert_true(auth_host_is_right(&open, "anything"));
	assert_true(auth_host_is_right(&open_named, "weir.example.org"));
	assert_false(auth_host_is_right(&open_named, "localhost"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_token_everybody_may),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_cookies_end_and_can_not_be_made),
		cmocka_unit_test(test_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
