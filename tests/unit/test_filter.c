// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Filters match what they name and nothing else; views put hosts together to prefixes.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctrlplane/filter.h"

static int read_text(const char *text, enum list_kind kind, struct filter *out, char *error) {
	char path[64];
	struct conf conf;
	int file = memfd_create("filter", MFD_CLOEXEC);
	assert_true(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	int err = conf_open(&conf, path);
	assert_int_equal(err, 0);
	err = filter_read(&conf, conf_root(&conf), "only", kind, out);
	snprintf(error, CONF_ERROR_SIZE, "%s", err != 0 ? conf.error : "");
	conf_close(&conf);
	close(file);
	return err;
}

static struct filter filter_of(const char *text, enum list_kind kind) {
	struct filter filter;
	char error[CONF_ERROR_SIZE];
	if (read_text(text, kind, &filter, error) != 0)
		fail_msg("%s", error);
	return filter;
}

// 10.1.2.3:1000 > 192.168.0.9:443, TCP
static const uint8_t flow[TOPN_KEY_SIZE] = {
	4, 10, 1, 2, 3, [KEY_SECOND] = 192, 168, 0, 9, [KEY_PORTS] = 3, 232, 1, 187, [KEY_PROTOCOL] = 6};

static void flows_match_with_either_end(void **state) {
	static const struct {
		const char *text;
		bool matches;
	} cases[] = {
		{"{}", true},
		{"{prefix: 10.0.0.0/8}", true},
		{"{prefix: 192.168.0.8/29}", true},
		{"{prefix: 10.1.2.3}", true},
		{"{prefix: 10.1.2.2}", false},
		{"{prefix: [172.16.0.0/12, 10.1.0.0/15]}", true},
		{"{prefix: 10.2.0.0/15}", false},
		{"{prefix: '::/0'}", false},
		{"{prefix: 0.0.0.0/0}", true},
		{"{port: 443}", true},
		{"{port: 1000}", true},
		{"{port: [80, 8080]}", false},
		{"{protocol: tcp}", true},
		{"{protocol: [udp, 6]}", true},
		{"{protocol: udp}", false},
		{"{port: 443, protocol: udp}", false},
		{"{port: 443, prefix: 10.0.0.0/8, protocol: tcp, node: a}", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter filter = filter_of(cases[i].text, LIST_FLOWS);
		if (filter_matches(&filter, LIST_FLOWS, flow) != cases[i].matches)
			fail_msg("%s", cases[i].text);
	}
}

static void prefixes_match_what_contains_them(void **state) {
	uint8_t key[TOPN_KEY_SIZE] = {4, 10, 1, 2, 0, [KEY_SECOND] = 24};
	struct filter wide = filter_of("{prefix: 10.0.0.0/8}", LIST_PREFIXES);
	struct filter narrow = filter_of("{prefix: 10.1.2.0/25}", LIST_PREFIXES);
	assert_true(filter_matches(&wide, LIST_PREFIXES, key));
	assert_false(filter_matches(&narrow, LIST_PREFIXES, key)); // the entry is more than that
}

static void ports_and_nodes(void **state) {
	uint8_t key[TOPN_KEY_SIZE] = {17, 0, 53};
	struct filter filter = filter_of("{port: 53, protocol: udp, node: [a, b]}", LIST_PORTS);
	assert_true(filter_matches(&filter, LIST_PORTS, key));
	assert_true(filter_has_node(&filter, "b"));
	assert_false(filter_has_node(&filter, "c"));
	key[0] = 6;
	assert_false(filter_matches(&filter, LIST_PORTS, key));
}

static void applications_match_by_name_and_pattern(void **state) {
	static const uint8_t key[TOPN_KEY_SIZE] = "TLS.Google";
	static const struct {
		const char *text;
		bool matches;
	} cases[] = {
		{"{application: TLS.Google}", true},
		{"{application: TLS}", false},
		{"{application: 'TLS.*'}", true},
		{"{application: [DNS, 'TLS*', SSH]}", true},
		{"{application: [DNS, SSH]}", false},
		{"{application: '[Tt]LS.Goog?e'}", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter filter = filter_of(cases[i].text, LIST_APPLICATIONS);
		assert_true(filter_is_selective(&filter));
		if (filter_matches(&filter, LIST_APPLICATIONS, key) != cases[i].matches)
			fail_msg("%s", cases[i].text);
	}
	struct filter dns = filter_of("{application: DNS}", LIST_APPLICATIONS);
	struct filter ssh = filter_of("{application: SSH}", LIST_APPLICATIONS);
	assert_false(filter_is_same(&dns, &ssh));
	assert_true(filter_is_same(&dns, &dns));
}

static void what_is_wrong_is_said(void **state) {
	static const struct {
		const char *text, *says;
		enum list_kind kind;
	} cases[] = {
		{"{prefix: 10.0.0.0/33}", "only.prefix: \"10.0.0.0/33\": expected prefixes such as", LIST_FLOWS},
		{"{prefix: 10.0.0/8}", "only.prefix", LIST_FLOWS},
		{"{prefix: '2001:db8::/129'}", "only.prefix", LIST_FLOWS},
		{"{port: 65536}", "only.port: \"65536\": expected ports", LIST_FLOWS},
		{"{port: [1,2,3,4,5,6,7,8,9]}", "at most 8", LIST_FLOWS},
		{"{protocol: tpc}", "only.protocol: \"tpc\": expected tcp", LIST_FLOWS},
		{"{port: 1}", "hosts has no such part", LIST_HOSTS},
		{"{prefix: 10.0.0.0/8}", "ports has no such part", LIST_PORTS},
		{"{prefix: 10.0.0.0/8}", "no such part", LISTS},
		{"{node: 'a b'}", "expected names of nodes", LISTS},
		{"{host: a}", "expected one of node, prefix, port, protocol, application", LIST_FLOWS},
		{"{application: DNS}", "flows has no such part", LIST_FLOWS},
		{"{port: 53}", "applications has no such part", LIST_APPLICATIONS},
		{"{application: ''}", "only.application: \"\": expected names such as DNS", LIST_APPLICATIONS},
		{"{application: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", "at most 39",
			LIST_APPLICATIONS},
		{"{node: [[a]]}", "expected texts", LIST_FLOWS},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter filter;
		char error[CONF_ERROR_SIZE];
		if (read_text(cases[i].text, cases[i].kind, &filter, error) == 0 ||
			strstr(error, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].text, error);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_match_with_either_end),
		cmocka_unit_test(prefixes_match_what_contains_them),
		cmocka_unit_test(ports_and_nodes),
		cmocka_unit_test(applications_match_by_name_and_pattern),
		cmocka_unit_test(what_is_wrong_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
