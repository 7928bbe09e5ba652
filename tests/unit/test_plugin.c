// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Plug-ins: what is taken, and that what is refused leaves nothing behind.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/pipeline.h"
#include "dataplane/plugin.h"
#include "tests/unit/fake_operators.h"

#ifndef PLUGINS
#define PLUGINS "."
#endif

static unsigned count_types(void) {
	unsigned count = 0;
	for (const struct operator_type *type = NULL; (type = operator_type_next(type)) != NULL;)
		count++;
	return count;
}

static void refuse(const char *name, const char *folder, const char *expected) {
	char error[512] = "";
	unsigned before = count_types();
	assert_int_equal(plugin_load(name, folder, error, sizeof(error)), -EINVAL);
	if (strstr(error, expected) == NULL)
		fail_msg("%s: \"%s\" without \"%s\"", name, error, expected);
	assert_int_equal(count_types(), before);
}

static void flaws_are_named(void **state) {
	static const char *const flaws[][2] = {
		{"./plugin_other_abi.so", "built against other headers (ABI 1."},
		{"./plugin_taken.so", "type json: there is an operator type of that name already"},
		{"./plugin_twice.so", "type plugged: there is an operator type of that name already"},
		{"./plugin_empty.so", "it has no operator type; expected OPERATOR_REGISTER(TYPE) in it"},
		{"./plugin_no_work.so", "type plugged: expected poll (a source) or process (all others)"},
		{"./plugin_bad_name.so", "a type without a name"},
		{"./plugin_undefined.so", "undefined symbol: nobody_has_this"},
		{"./plugin_absent.so", "No such file or directory"},
		{"/etc/passwd", "invalid ELF header"},
		{"/etc/", "no regular file; expected a shared object"},
	};
	for (unsigned i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++)
		refuse(flaws[i][0], PLUGINS, flaws[i][1]);
}

static void a_pipe_is_not_waited_for(void **state) {
	char folder[] = "/tmp/weir-test-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe.so", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(path, ".", "no regular file");
	unlink(path);
	rmdir(folder);
}

static void what_comes_from_outside_names_no_path(void **state) {
	setenv("WEIR_PLUGIN_DIR", PLUGINS, 1);
	refuse("./plugin_good.so", NULL, "a path; expected the name of a plug-in in " PLUGINS);
	refuse(PLUGINS "/plugin_good.so", NULL, "a path; expected");
	refuse("..", NULL, "No such file");
	refuse("nothing", NULL, PLUGINS "/nothing.so: No such file or directory; for a file elsewhere give a path");
	unsetenv("WEIR_PLUGIN_DIR");
	assert_string_equal(plugin_folder(), WEIR_PLUGIN_DIR);
}

static int parse(const char *text, const char *setting, struct config_error *error) {
	struct node_config config;
	int ret = node_config_parse("a.yaml", text, strlen(text), &setting, setting != NULL, &config, error);
	if (ret == 0)
		node_config_free(&config);
	return ret;
}

static const char with_plugin[] = "plugins: [plugin_good]\n"
				  "pipeline: p\n"
				  "operators:\n"
				  "  - {name: source, type: pcap, path: a}\n"
				  "  - {name: mine, type: plugged}\n";

// In one test, since what is loaded stays.
static void types_are_there_before_operators_are_read(void **state) {
	struct config_error error;
	assert_int_equal(parse(strchr(with_plugin, '\n') + 1, NULL, &error), -EINVAL);
	assert_non_null(strstr(error.text, "\"plugged\": unknown operator type"));
	assert_int_equal(parse(with_plugin, NULL, &error), -EINVAL);
	assert_non_null(strstr(error.text, "a.yaml:1: plugins: \"plugin_good\": "));
	setenv("WEIR_PLUGIN_DIR", PLUGINS, 1);
	unsigned before = count_types();
	if (parse(with_plugin, NULL, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(count_types(), before + 1);
	assert_int_equal(operator_type_lookup("plugged")->abi, OPERATOR_ABI);
	// Again, under another name of the file, and in a second document.
	char message[512];
	assert_int_equal(plugin_load("plugin_good.so", NULL, message, sizeof(message)), 0);
	assert_int_equal(plugin_load("./plugin_good.so", PLUGINS, message, sizeof(message)), 0);
	assert_int_equal(parse("plugins: plugin_good\n---\nplugins: [plugin_good]\n", NULL, &error), 0);
	assert_int_equal(count_types(), before + 1);
	// Another file with a type of that name.
	refuse("plugin_again", NULL, "type plugged: there is an operator type of that name already");
	unsetenv("WEIR_PLUGIN_DIR");
}

static void a_setting_comes_too_late(void **state) {
	struct config_error error;
	assert_int_equal(parse("node: a\n", "plugins=x", &error), -EINVAL);
	assert_string_equal(error.text, "--set plugins=x: too late for a plug-in; expected --plugin FILE");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flaws_are_named),
		cmocka_unit_test(a_pipe_is_not_waited_for),
		cmocka_unit_test(what_comes_from_outside_names_no_path),
		cmocka_unit_test(types_are_there_before_operators_are_read),
		cmocka_unit_test(a_setting_comes_too_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
