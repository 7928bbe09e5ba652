// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dataplane/kafka_partitions.h"

static void test_offsets_are_read(void **state) {
	static const char *const wrong[] = {"", "orders", "orders:1", ":1:2", "orders:1:", "orders::2", "orders:-1:2",
		"orders:1:-2", "orders:1:2x", "orders:2147483648:0", "orders:0:9223372036854775808"};
	struct kafka_offset offset;
	assert_true(kafka_offset_parse("orders:3:1234", &offset));
	assert_string_equal(offset.topic, "orders");
	assert_int_equal(offset.partition, 3);
	assert_int_equal(offset.offset, 1234);
	assert_true(kafka_offset_parse("a:b:2147483647:9223372036854775807", &offset));
	assert_string_equal(offset.topic, "a:b");
	assert_true(offset.offset == INT64_MAX && offset.partition == INT32_MAX);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(kafka_offset_parse(wrong[i], &offset));
}

static void test_topics_of_any_length_are_safe(void **state) {
	char text[KAFKA_TOPIC_MAX + 8];
	struct kafka_offset offset;
	memset(text, 't', KAFKA_TOPIC_MAX);
	strcpy(text + KAFKA_TOPIC_MAX, ":0:0");
	assert_true(kafka_offset_parse(text, &offset));
	assert_int_equal(strlen(offset.topic), KAFKA_TOPIC_MAX);
	memset(text, 't', KAFKA_TOPIC_MAX + 1);
	strcpy(text + KAFKA_TOPIC_MAX + 1, ":0:0");
	assert_false(kafka_offset_parse(text, &offset));
}

static struct kafka_partitions adopt(void) {
	struct kafka_partitions partitions = {.count = 0};
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(3);
	rd_kafka_topic_partition_list_add(list, "a", 0);
	rd_kafka_topic_partition_list_add(list, "a", 7);
	rd_kafka_topic_partition_list_add(list, "b", 0);
	assert_int_equal(kafka_partitions_adopt(&partitions, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
	return partitions;
}

static void test_time_waits_for_the_last_partition(void **state) {
	struct kafka_partitions partitions = adopt();
	struct kafka_partition *first = kafka_partitions_lookup(&partitions, "a", 0);
	struct kafka_partition *second = kafka_partitions_lookup(&partitions, "a", 7);
	struct kafka_partition *third = kafka_partitions_lookup(&partitions, "b", 0);
	assert_true(first != second && second != third && first != third);
	first->latest_ns = 500;
	second->latest_ns = 300;
	assert_int_equal(kafka_partitions_latest_ns(&partitions), 0); // the third has not begun
	third->latest_ns = 900;
	assert_int_equal(kafka_partitions_latest_ns(&partitions), 300);
	second->is_at_end = true;
	assert_int_equal(kafka_partitions_latest_ns(&partitions), 500);
	assert_int_equal(kafka_partitions_at_end(&partitions), 1);
	first->is_at_end = third->is_at_end = true;
	assert_int_equal(kafka_partitions_latest_ns(&partitions), 900);
	kafka_partitions_fini(&partitions);
}

static void test_others_have_a_place(void **state) {
	struct kafka_partitions partitions = adopt();
	struct kafka_partition *other = kafka_partitions_lookup(&partitions, "c", 0);
	assert_ptr_equal(other, &partitions.others);
	assert_ptr_equal(kafka_partitions_lookup(&partitions, "a", 1), other);
	assert_int_equal(kafka_partitions_adopt(&partitions, NULL), 0);
	assert_int_equal(partitions.count, 0);
	assert_ptr_equal(kafka_partitions_lookup(&partitions, "a", 0), &partitions.others);
	kafka_partitions_fini(&partitions);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets_are_read),
		cmocka_unit_test(test_topics_of_any_length_are_safe),
		cmocka_unit_test(test_time_waits_for_the_last_partition),
		cmocka_unit_test(test_others_have_a_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
