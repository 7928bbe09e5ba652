// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schemas that operators derive from their options and inputs, inputs chosen by name, and keys taken from options: what
// a pipeline gets, and the line that a person reads where they don't fit.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/schema_build.h"
#include "dataplane/operator.h"
#include "dataplane/pipeline.h"
#include "dataplane/plan.h"

struct options {
	struct option_list fields, key, right_key;
	uint64_t size;
	unsigned type;
};

static unsigned poll_nothing(struct instance *self, unsigned room) {
	return 0;
}

static void process_nothing(struct instance *self, struct batch *batch) {
}

#define AT(member) offsetof(struct options, member)

// A source of records with the fields that its options name: strings of `size`, or u64 where that is 0.
static int feed_derive(struct derivation *derivation) {
	const struct options *options = derivation->options;
	struct schema *schema;
	int ret = schema_new(&schema, "fed");
	if (ret != 0)
		return ret;
	derivation->outputs[0] = schema;
	for (unsigned i = 0; ret == 0 && i < options->fields.count; i++) {
		ret = schema_add(schema, options->fields.items[i], options->size > 0 ? FIELD_STRING : FIELD_U64,
			(unsigned)options->size, NULL);
		if (ret == -EEXIST) {
			snprintf(derivation->error, derivation->error_size, "fields: \"%s\": given twice",
				options->fields.items[i]);
			return -EINVAL;
		}
	}
	return ret;
}

static const struct option feed_options[] = {
	{"fields", OPTION_LIST, AT(fields), "user"}, {"size", OPTION_UINT, AT(size), "0"}, {0}};
static const struct operator_output feed_outputs[] = {{.name = "records"}, {0}};
static struct operator_type feed = {.name = "feed",
	.options = feed_options,
	.options_size = sizeof(struct options),
	.outputs = feed_outputs,
	.parallelism = 1,
	.derive = feed_derive,
	.poll = poll_nothing};

// Two inputs, of which the right one may be left out; gives what comes in by the left one, and by the right one.
static int join_derive(struct derivation *derivation) {
	derivation->outputs[1] = derivation->inputs[1] != NULL ? derivation->inputs[1] : derivation->inputs[0];
	return 0;
}

static const struct option join_options[] = {
	{"key", OPTION_LIST, AT(key)}, {"right_key", OPTION_LIST, AT(right_key)}, {0}};
static const struct operator_input join_inputs[] = {
	{.name = "left", .grouping = GROUPING_KEY},
	{.name = "right", .grouping = GROUPING_KEY, .key_option = "right_key", .optional = true},
	{.name = "settings", .grouping = GROUPING_ALL, .optional = true},
	{0},
};
static const struct operator_output join_outputs[] = {{.name = "left"}, {.name = "right"}, {0}};
static struct operator_type join = {.name = "join",
	.options = join_options,
	.options_size = sizeof(struct options),
	.inputs = join_inputs,
	.outputs = join_outputs,
	.key_option = "key",
	.derive = join_derive,
	.process = process_nothing};

static const struct operator_input both_inputs[] = {{.name = "one"}, {.name = "two"}, {0}};
static struct operator_type both = {.name = "both", .inputs = both_inputs, .process = process_nothing};
static struct operator_type end = {.name = "end", .process = process_nothing, .grouping = GROUPING_GLOBAL};
OPERATOR_REGISTER(feed);
OPERATOR_REGISTER(join);
OPERATOR_REGISTER(both);
OPERATOR_REGISTER(end);

#define HEAD(a, b, j)                                                                                                  \
	"pipeline: p\noperators:\n"                                                                                    \
	"  - {name: a, type: feed" a "}\n"                                                                             \
	"  - {name: b, type: feed" b "}\n"                                                                             \
	"  - {name: j, type: join" j "}\n"                                                                             \
	"  - {name: e, type: end}\n"                                                                                   \
	"streams:\n"
#define TO_E "  - {from: j, to: e}\n"

static void read_text(struct node_config *config, const char *text) {
	struct config_error error;
	if (node_config_parse("a.yaml", text, strlen(text), NULL, 0, config, &error) != 0)
		fail_msg("%s", error.text);
}

static void test_derived(void **state) {
	struct node_config config;
	read_text(&config, HEAD(", fields: [user, n]", ", size: 9", ", key: [user]") TO_E
		"  - {from: a, to: j}\n  - {from: b, to: j.settings}\n  - {from: j.right, to: e}\n");
	const struct pipeline *pipeline = &config.pipelines[0];
	const struct pipeline_operator *a = &pipeline->operators[0], *j = &pipeline->operators[2];
	assert_int_equal(a->outputs[0]->size, 24);
	assert_ptr_equal(j->inputs[0], a->outputs[0]);
	assert_null(j->inputs[1]);
	assert_ptr_equal(j->inputs[2], pipeline->operators[1].outputs[0]);
	assert_ptr_equal(j->outputs[0], a->outputs[0]);
	assert_ptr_equal(j->outputs[1], a->outputs[0]);
	assert_null(j->derived[0]); // it made none
	assert_int_equal(pipeline->streams[1].input, 0);
	assert_int_equal(pipeline->streams[2].input, 2);
	assert_int_equal(pipeline->streams[2].grouping, GROUPING_ALL);
	assert_ptr_equal(pipeline->streams[0].schema, a->outputs[0]);
	node_config_free(&config);
}

static void test_key_comes_from_the_option(void **state) {
	struct node_config config;
	read_text(&config, HEAD(", fields: [user, n]", ", fields: [id, n]", ", key: [user, n], right_key: [id, n]") TO_E
		"  - {from: a, to: j}\n  - {from: b, to: j.right}\n");
	const struct pipeline_stream *left = &config.pipelines[0].streams[1], *right = left + 1;
	assert_int_equal(left->grouping, GROUPING_KEY);
	assert_int_equal(left->key_count, 2);
	assert_string_equal(left->key[0]->name, "user");
	assert_string_equal(right->key[0]->name, "id");
	assert_string_equal(right->key[1]->name, "n");
	struct plan *plan;
	struct config_error error;
	assert_int_equal(plan_new(&plan, &config, 3, &error), 0);
	assert_int_equal(plan->operators[2].instance_count, 2);
	plan_free(plan);
	node_config_free(&config);
	// Without a key there is one state, and one instance that has it.
	read_text(&config, HEAD("", "", "") TO_E "  - {from: a, to: j}\n  - {from: b, to: j.right}\n");
	assert_int_equal(config.pipelines[0].streams[1].grouping, GROUPING_GLOBAL);
	assert_int_equal(plan_new(&plan, &config, 3, &error), 0);
	assert_int_equal(plan->operators[2].instance_count, 1);
	plan_free(plan);
	node_config_free(&config);
}

static void test_equal_schemas_meet(void **state) {
	struct node_config config;
	read_text(&config, HEAD("", "", "") TO_E "  - {from: a, to: j}\n  - {from: b, to: j}\n");
	const struct pipeline *pipeline = &config.pipelines[0];
	assert_ptr_not_equal(pipeline->operators[0].outputs[0], pipeline->operators[1].outputs[0]);
	assert_ptr_equal(pipeline->streams[2].schema, pipeline->operators[1].outputs[0]);
	node_config_free(&config);
}

static void test_mistakes(void **state) {
	static const struct {
		const char *text, *message;
	} cases[] = {
		{HEAD(", fields: [user, user]", "", "") TO_E "  - {from: a, to: j}\n  - {from: b, to: j}\n",
			"a.yaml:3: a: fields: \"user\": given twice"},
		{HEAD("", "", "") TO_E "  - {from: a, to: j.lift}\n",
			"a.yaml:9: streams.to: \"j.lift\": unknown input; expected left, right "
			"or settings"},
		{HEAD("", "", "") "  - {from: a, to: e.left}\n",
			"a.yaml:8: streams.to: \"e.left\": end has no inputs by name; expected e"},
		{HEAD("", "", "") TO_E "  - {from: a, to: j.right}\n",
			"a.yaml:5: j: no stream leads to its input left; expected one such as {from: NAME, to: "
			"j.left}"},
		{"pipeline: p\noperators: [{name: a, type: feed}, {name: c, type: both}]\n",
			"a.yaml:2: c: no stream leads to its input two; expected one such as {from: NAME, to: c.two}"},
		{HEAD("", ", fields: [user, n]", "") TO_E "  - {from: a, to: j}\n  - {from: b, to: j}\n",
			"a.yaml:10: b -> j.left: gives fed, but another stream gives j.left fed; n (u64) here, no more "
			"fields there; expected one schema"},
		{HEAD("", ", size: 8", "") TO_E "  - {from: a, to: j}\n  - {from: b, to: j}\n",
			"a.yaml:10: b -> j.left: gives fed, but another stream gives j.left fed; user (string 8) here, "
			"user (u64) there; expected one schema"},
		{HEAD("", ", size: 8", ", key: [user]") TO_E "  - {from: a, to: j}\n  - {from: b, to: j.right}\n",
			"a.yaml:10: b -> j.right: its key differs from that of a -> j.left: user (string 8) here, user "
			"(u64) there; expected fields of the same types in the same order, so that equal keys meet"},
		{HEAD("", "", ", key: [user]") TO_E
			"  - {from: a, to: j}\n  - {from: b, to: j.right, grouping: key, symmetric: yes}\n",
			"a.yaml:10: b -> j.right: its key differs from that of a -> j.left: symmetric in one, not in "
			"the other; expected fields of the same types in the same order, so that equal keys meet"},
		{HEAD("", "", ", key: [usr]") TO_E "  - {from: a, to: j}\n",
			"a.yaml:9: streams.key: \"usr\": unknown field of fed, did you mean \"user\"? expected user"},
		{HEAD(", size: 600", "", ", key: [user]") TO_E "  - {from: a, to: j}\n",
			"a.yaml:9: streams.key: \"user\": with it the key has 600 bytes; expected at most 512"},
		{HEAD("", "", "") TO_E "  - {from: a, to: j}\n  - {from: a, to: j.left}\n",
			"a.yaml:10: a -> j.left: given twice, first on line 9"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_config config;
		struct config_error error;
		assert_int_equal(
			node_config_parse("a.yaml", cases[i].text, strlen(cases[i].text), NULL, 0, &config, &error),
			-EINVAL);
		assert_string_equal(error.text, cases[i].message);
	}
}

static void expect_refused(const char *text, const char *message) {
	struct node_config config;
	read_text(&config, text);
	struct plan *plan;
	struct config_error error;
	assert_int_equal(plan_new(&plan, &config, 2, &error), -EINVAL);
	assert_string_equal(error.text, message);
	node_config_free(&config);
}

static void test_state_is_not_torn(void **state) {
	expect_refused(HEAD(", fields: [user, n]", "", ", key: [user, n]") TO_E
		"  - {from: a, to: j, grouping: key, key: [n, user]}\n",
		"a.yaml:9: a -> j: join keeps its state by key [user, n]; no other key");
	expect_refused(HEAD("", "", ", key: [user], parallelism: 2") TO_E
		"  - {from: a, to: j, grouping: partial_key}\n",
		"a.yaml:9: a -> j: grouping partial_key: join keeps state per key in 2 instances; use grouping key, or "
		"parallelism 1");
	expect_refused(HEAD("", "", ", parallelism: 2") TO_E "  - {from: a, to: j, grouping: shuffle}\n",
		"a.yaml:9: a -> j: grouping shuffle: join keeps state per key in 2 instances; use grouping global, or "
		"parallelism 1");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derived),
		cmocka_unit_test(test_key_comes_from_the_option),
		cmocka_unit_test(test_equal_schemas_meet),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_state_is_not_torn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
