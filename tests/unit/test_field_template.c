// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "api/schema_build.h"
#include "dataplane/field_template.h"

struct fixture {
	struct schema *schema;
	uint8_t body[64];
};

static void *place(struct fixture *fixture, const char *name) {
	const struct field *field = schema_field(fixture->schema, name);
	*(uint64_t *)(fixture->body + fixture->schema->present_offset) |= UINT64_C(1) << field->present;
	return fixture->body + field->offset;
}

static int set_up(void **state) {
	static struct fixture fixture;
	memset(&fixture, 0, sizeof(fixture));
	assert_int_equal(schema_new(&fixture.schema, "visits"), 0);
	assert_int_equal(schema_add(fixture.schema, "user", FIELD_STRING, 8, NULL), 0);
	assert_int_equal(schema_add(fixture.schema, "count", FIELD_I64, 0, NULL), 0);
	assert_int_equal(schema_add(fixture.schema, "gone", FIELD_U32, 0, NULL), 0);
	memcpy(place(&fixture, "user"), "ann-mary", 8); // fills it
	*(int64_t *)place(&fixture, "count") = -5;
	*state = &fixture;
	return 0;
}

static int tear_down(void **state) {
	schema_free(((struct fixture *)*state)->schema);
	return 0;
}

static void assert_text(const struct fixture *fixture, const char *text, const char *expected) {
	struct field_template template;
	char error[300], out[2048];
	assert_int_equal(field_template_parse(&template, fixture->schema, text, error, sizeof(error)), 0);
	size_t size = field_template_format(&template, fixture->body, out);
	assert_true(size <= field_template_max(&template));
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(out, expected, size);
}

static void test_values_stand_where_they_are_named(void **state) {
	assert_text(*state, "", "");
	assert_text(*state, "visits", "visits");
	assert_text(*state, "{user}", "ann-mary");
	assert_text(*state, "v:{user}:{count}/{user}.", "v:ann-mary:-5/ann-mary.");
	assert_text(*state, "a}b", "a}b");
}

static void test_what_does_not_apply_is_nothing(void **state) {
	assert_text(*state, "[{gone}]", "[]");
}

static void assert_refused(const struct fixture *fixture, const char *text, const char *expected) {
	struct field_template template;
	char error[300];
	assert_int_equal(field_template_parse(&template, fixture->schema, text, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, expected);
}

static void test_what_makes_no_sense_is_refused(void **state) {
	char many[33 * 7 + 1] = "";
	assert_refused(*state, "a{user", "\"a{user\": expected text with up to 31 fields as {NAME}");
	assert_refused(*state, "{colour}", "\"colour\": no field of visits");
	assert_refused(*state, "{}", "\"\": no field of visits");
	for (unsigned i = 0; i < 31; i++)
		strcat(many, "{count}");
	struct field_template template;
	char error[300];
	const struct fixture *fixture = *state;
	assert_int_equal(field_template_parse(&template, fixture->schema, many, error, sizeof(error)), 0);
	strcat(many, "{count}");
	assert_int_equal(field_template_parse(&template, fixture->schema, many, error, sizeof(error)), -EINVAL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values_stand_where_they_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_does_not_apply_is_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_makes_no_sense_is_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
