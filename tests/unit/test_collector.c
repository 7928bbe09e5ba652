// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Connections to a collector: how an endpoint is read, and a host of several addresses of which only the last answers.
// The resolver and the kernel's connect are played by the functions here.
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "dataplane/collector.h"

enum { ADDRESSES = 3 };

static struct sockaddr_in places[ADDRESSES];
static struct addrinfo resolved[ADDRESSES];
static unsigned last_tried;

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the names in libc's headers are reserved
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out) {
	for (unsigned i = 0; i < ADDRESSES; i++) {
		places[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)(1 + i))};
		resolved[i] = (struct addrinfo){
			.ai_family = AF_INET,
			.ai_socktype = hints->ai_socktype,
			.ai_addr = (struct sockaddr *)&places[i],
			.ai_addrlen = sizeof(places[i]),
			.ai_next = i + 1 < ADDRESSES ? &resolved[i + 1] : NULL,
		};
	}
	*out = resolved;
	return 0;
}

void freeaddrinfo(struct addrinfo *addresses) {
}

int connect(int fd, const struct sockaddr *address, socklen_t size) {
	last_tried = ntohs(((const struct sockaddr_in *)address)->sin_port);
	errno = EINPROGRESS;
	return -1;
}

// How the attempt ended, once it has.
int getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
	*(int *)value = last_tried == ADDRESSES ? 0 : ECONNREFUSED;
	return 0;
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

static void test_each_address_has_its_turn(void **state) {
	struct collector collector;
	char error[COLLECTOR_ERROR_MAX];
	assert_int_equal(collector_init(&collector, "collector.example", COLLECTOR_TCP, error), 0);
	for (unsigned i = 1; i < ADDRESSES; i++) {
		assert_int_equal(collector_connect(&collector), -ECONNREFUSED);
		assert_int_equal(last_tried, i);
		assert_int_equal(collector_connect(&collector), -EAGAIN); // not before its time
		collector.due_ns = 0;
	}
	assert_int_equal(collector_connect(&collector), 1);
	assert_int_equal(last_tried, ADDRESSES);
	// It is asked first where the connection breaks.
	collector_close(&collector);
	collector.due_ns = 0;
	assert_int_equal(collector_connect(&collector), 1);
	assert_int_equal(last_tried, ADDRESSES);
	collector_close(&collector);
}

static void test_endpoints(void **state) {
	static const struct {
		const char *endpoint, *host, *port;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", "4739"},
		{"collector.example:9", "collector.example", "9"},
		{"2001:db8::1", "2001:db8::1", "4739"},
		{"[2001:db8::1]:99", "2001:db8::1", "99"},
		{"[2001:db8::1]", "2001:db8::1", "4739"},
	};
	static const char *const refused[] = {
		"", ":1", "host:", "host:0", "host:65536", "host:1x", "[::1", "[]:1", "[::1]1"};
	struct collector collector;
	char error[COLLECTOR_ERROR_MAX];
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(collector_init(&collector, cases[i].endpoint, COLLECTOR_UDP, error), 0);
		assert_string_equal(collector.host, cases[i].host);
		assert_string_equal(collector.port, cases[i].port);
	}
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(collector_init(&collector, refused[i], COLLECTOR_UDP, error), -EINVAL);
		assert_non_null(strstr(error, "expected HOST, HOST:PORT or [IPV6]:PORT"));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_address_has_its_turn),
		cmocka_unit_test(test_endpoints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
