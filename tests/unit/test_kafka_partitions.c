// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dataplane/kafka_positions.h"

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

static int take(struct kafka_positions *positions, const char *topic, int32_t partition, int64_t offset) {
	struct kafka_position position = {.partition = partition, .offset = offset, .latest_ns = 77};
	strcpy(position.topic, topic);
	return kafka_positions_take(positions, &(struct state_item){1, sizeof(position), &position});
}

static rd_kafka_topic_partition_list_t *list_of(const char *topic) {
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = -3;
	rd_kafka_topic_partition_list_add(list, topic, 7)->offset = -3;
	return list;
}

static void test_a_position_is_for_whoever_has_taken_nothing_yet(void **state) {
	struct kafka_positions positions = {.count = 0};
	struct kafka_partitions partitions = adopt();
	kafka_positions_init(&positions);
	assert_int_equal(take(&positions, "a", 7, 11), 0);
	assert_int_equal(take(&positions, "a", 7, 12), 0); // the later one counts
	assert_int_equal(take(&positions, "z", 0, 5), 0);
	for (int partition = 99; partition >= 0; partition--) // more than there is room for at first
		assert_int_equal(take(&positions, "m", partition, partition), 0);
	assert_int_equal(kafka_positions_settle(&positions), 0);
	assert_int_equal(positions.count, 102);
	for (unsigned i = 0; i < 2; i++) { // also after a change of hands without a message
		rd_kafka_topic_partition_list_t *list = list_of("a");
		assert_int_equal(kafka_positions_apply(&positions, list, &partitions), 1);
		assert_int_equal(list->elems[0].offset, -3);
		assert_int_equal(list->elems[1].offset, 12);
		assert_int_equal(kafka_partitions_lookup(&partitions, "a", 7)->latest_ns, 77);
		assert_int_equal(kafka_partitions_lookup(&partitions, "a", 0)->latest_ns, 0);
		rd_kafka_topic_partition_list_destroy(list);
		kafka_positions_forget(&positions, &partitions);
	}
	kafka_partitions_lookup(&partitions, "a", 7)->next_offset = 13;
	kafka_positions_forget(&positions, &partitions);
	rd_kafka_topic_partition_list_t *list = list_of("a"), *many = list_of("m");
	assert_int_equal(kafka_positions_apply(&positions, list, &partitions), 0);
	assert_int_equal(kafka_positions_apply(&positions, many, &partitions), 2);
	assert_int_equal(many->elems[1].offset, 7);
	rd_kafka_topic_partition_list_destroy(many);
	assert_int_equal(kafka_positions_apply(&positions, NULL, &partitions), 0);
	rd_kafka_topic_partition_list_destroy(list);
	kafka_partitions_fini(&partitions);
	kafka_positions_fini(&positions);
}

static void test_what_is_no_position_is_refused(void **state) {
	struct kafka_positions positions = {.count = 0};
	struct kafka_position endless = {.offset = 1};
	kafka_positions_init(&positions);
	memset(endless.topic, 't', sizeof(endless.topic));
	assert_int_equal(take(&positions, "", 0, 1), -EINVAL);
	assert_int_equal(take(&positions, "a", 0, -1), -EINVAL);
	assert_int_equal(kafka_positions_take(&positions, &(struct state_item){1, sizeof(endless), &endless}), -EINVAL);
	assert_int_equal(kafka_positions_take(&positions, &(struct state_item){1, 8, &endless}), -EINVAL);
	assert_int_equal(kafka_positions_settle(&positions), 0);
	assert_int_equal(positions.count, 0);
	kafka_positions_fini(&positions);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets_are_read),
		cmocka_unit_test(test_topics_of_any_length_are_safe),
		cmocka_unit_test(test_time_waits_for_the_last_partition),
		cmocka_unit_test(test_others_have_a_place),
		cmocka_unit_test(test_a_position_is_for_whoever_has_taken_nothing_yet),
		cmocka_unit_test(test_what_is_no_position_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
