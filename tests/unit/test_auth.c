// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who may ask: tokens, sessions, wrong tokens and Hosts.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dashboard/auth.h"

#define NOW_S 1700000ULL

static int setup(void **state) {
	static struct auth auth;
	auth = (struct auth){.token = "correct-horse-battery"};
	*state = &auth;
	return 0;
}

static enum auth_verdict check(struct auth *auth, const char *authorization, const char *cookie, uint64_t mono_s) {
	uint64_t session;
	return auth_check(auth,
		&(struct auth_request){.authorization = authorization, .cookie = cookie, .mono_s = mono_s}, &session);
}

static void test_without_a_token_everybody_may(void **state) {
	static struct auth open = {.is_loopback = true};
	assert_int_equal(check(&open, NULL, NULL, NOW_S), AUTH_ALLOWED);
	// But nothing is a right token.
	assert_int_equal(auth_try(&open, "", NULL, NOW_S), AUTH_STRANGER);
}

static void test_tokens(void **state) {
	struct auth *auth = *state;
	assert_int_equal(check(auth, "Bearer correct-horse-battery", NULL, NOW_S), AUTH_ALLOWED);
	assert_int_equal(check(auth, "bearer correct-horse-battery", NULL, NOW_S), AUTH_ALLOWED);
	const char *const wrong[] = {"Bearer correct-horse-batter", "Bearer correct-horse-battery ", "Bearer ",
		"Bearer", "correct-horse-battery", "Basic correct-horse-battery", ""};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(check(auth, wrong[i], NULL, NOW_S), AUTH_STRANGER);
	assert_int_equal(check(auth, NULL, NULL, NOW_S), AUTH_STRANGER);
	assert_int_equal(auth->attempts.wrong, 3); // the others are no tokens
}

static void test_sessions_end_and_can_not_be_made(void **state) {
	struct auth *auth = *state;
	char first[SESSION_ID_SIZE], second[SESSION_ID_SIZE];
	uint64_t session;
	assert_int_equal(session_open(&auth->sessions, NOW_S, first), 0);
	assert_int_equal(session_open(&auth->sessions, NOW_S, second), 0);
	assert_string_not_equal(first, second);
	assert_int_equal(check(auth, NULL, first, NOW_S + SESSION_S - 1), AUTH_ALLOWED);
	assert_int_equal(check(auth, NULL, first, NOW_S + SESSION_S), AUTH_STRANGER);
	for (size_t i = 0; i < strlen(first); i++) {
		char changed[SESSION_ID_SIZE];
		strcpy(changed, first);
		changed[i] = changed[i] == '1' ? '2' : '1';
		assert_int_equal(check(auth, NULL, changed, NOW_S), AUTH_STRANGER);
	}
	session = session_find(&auth->sessions, first, NOW_S);
	session_close(&auth->sessions, session);
	assert_false(session_is_open(&auth->sessions, session, NOW_S));
	assert_int_equal(check(auth, NULL, first, NOW_S), AUTH_STRANGER);
	assert_int_equal(check(auth, NULL, second, NOW_S), AUTH_ALLOWED);
	assert_int_equal(check(auth, NULL, "", NOW_S), AUTH_STRANGER);
	assert_int_equal(auth->attempts.wrong, 0); // nobody guesses 32 bytes
}

static void test_the_oldest_of_too_many_sessions_ends(void **state) {
	struct auth *auth = *state;
	char first[SESSION_ID_SIZE], id[SESSION_ID_SIZE];
	assert_int_equal(session_open(&auth->sessions, NOW_S, first), 0);
	for (int i = 0; i < SESSIONS_MAX; i++) {
		assert_true(i == 0 || check(auth, NULL, first, NOW_S) == AUTH_ALLOWED);
		assert_int_equal(session_open(&auth->sessions, NOW_S, id), 0);
	}
	assert_int_equal(check(auth, NULL, first, NOW_S), AUTH_STRANGER);
	assert_int_equal(check(auth, NULL, id, NOW_S), AUTH_ALLOWED);
}

static struct sockaddr *peer(struct sockaddr_in *in, uint32_t address) {
	*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	return (struct sockaddr *)in;
}

static void test_guesses_are_slowed_by_address(void **state) {
	struct auth *auth = *state;
	struct sockaddr_in in, other;
	peer(&in, 0x0a000001);
	peer(&other, 0x0a000002);
	for (int i = 0; i < ATTEMPTS_BURST; i++)
		assert_int_equal(auth_try(auth, "wrong", (struct sockaddr *)&in, NOW_S), AUTH_STRANGER);
	const char *right = auth->token;
	assert_int_equal(auth_try(auth, right, (struct sockaddr *)&in, NOW_S), AUTH_HELD);
	assert_int_equal(auth_try(auth, right, (struct sockaddr *)&in, NOW_S + ATTEMPT_S - 1), AUTH_HELD);
	assert_int_equal(auth_try(auth, right, (struct sockaddr *)&other, NOW_S), AUTH_ALLOWED);
	assert_int_equal(auth_try(auth, "wrong", (struct sockaddr *)&in, NOW_S + ATTEMPT_S), AUTH_STRANGER);
	assert_int_equal(auth_try(auth, right, (struct sockaddr *)&in, NOW_S + ATTEMPT_S), AUTH_HELD);
	assert_int_equal(auth_try(auth, right, (struct sockaddr *)&in, NOW_S + 2 * ATTEMPT_S), AUTH_ALLOWED);
	assert_int_equal(auth->attempts.wrong, ATTEMPTS_BURST + 1);
	assert_int_equal(auth->attempts.held, 3);
}

// More addresses than are remembered: those that were wrong most lately are.
static void test_many_addresses_do_not_free_the_worst(void **state) {
	struct auth *auth = *state;
	struct sockaddr_in worst, in;
	peer(&worst, 0x0a000001);
	for (int i = 0; i < ATTEMPTS_BURST; i++)
		assert_int_equal(auth_try(auth, "wrong", (struct sockaddr *)&worst, NOW_S), AUTH_STRANGER);
	for (uint32_t i = 0; i < 4 * ATTEMPTS_MAX; i++)
		assert_int_equal(auth_try(auth, "wrong", peer(&in, 0x0b000000 + i), NOW_S), AUTH_STRANGER);
	assert_int_equal(auth_try(auth, "wrong", (struct sockaddr *)&worst, NOW_S), AUTH_HELD);
}

static void test_hosts(void **state) {
	static const char *const names[] = {"weir.example.org"};
	static const struct auth loopback = {.is_loopback = true},
				 named = {.is_loopback = true, .hosts = names, .hosts_length = 1};
	static const struct auth open = {.token = "t"}, open_named = {.token = "t", .hosts = names, .hosts_length = 1};
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
		cmocka_unit_test_setup(test_tokens, setup),
		cmocka_unit_test_setup(test_sessions_end_and_can_not_be_made, setup),
		cmocka_unit_test_setup(test_the_oldest_of_too_many_sessions_ends, setup),
		cmocka_unit_test_setup(test_guesses_are_slowed_by_address, setup),
		cmocka_unit_test_setup(test_many_addresses_do_not_free_the_worst, setup),
		cmocka_unit_test(test_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
