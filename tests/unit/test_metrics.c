// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Prometheus text format: escaping, numbers, and the nodes' families.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/channel_metrics.h"
#include "api/node_metrics.h"

static void test_text(void **state) {
	struct metrics metrics = {0};
	size_t size;
	metrics_family(&metrics, "a_total", "counter", "What it is.");
	metrics_count(&metrics, UINT64_MAX, NULL);
	metrics_count(&metrics, 0, "x", "a\"b\\c\nd", "y", "", NULL);
	metrics_family(&metrics, "b", "gauge", "Else.");
	metrics_real(&metrics, 0.25, "x", "ü", NULL);
	metrics_real(&metrics, NAN, NULL);
	metrics_real(&metrics, -INFINITY, NULL);
	char *text = metrics_finish(&metrics, &size);
	assert_string_equal(text, "# HELP a_total What it is.\n# TYPE a_total counter\na_total 18446744073709551615\n"
				  "a_total{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 0\n"
				  "# HELP b Else.\n# TYPE b gauge\nb{x=\"ü\"} 0.25\nb NaN\nb -Inf\n");
	assert_int_equal(size, strlen(text));
	free(text);
}

static void test_it_grows(void **state) {
	struct metrics metrics = {0};
	size_t size;
	metrics_family(&metrics, "a", "gauge", "b");
	for (int i = 0; i < 10000; i++)
		metrics_count(&metrics, 7, "label", "value", NULL);
	char *text = metrics_finish(&metrics, &size);
	assert_int_equal(size, strlen("# HELP a b\n# TYPE a gauge\n") + 10000 * strlen("a{label=\"value\"} 7\n"));
	free(text);
}

static void test_nodes_without_figures_have_no_samples(void **state) {
	struct metrics metrics = {0};
	size_t size;
	json_t *nodes = json_loads("[{\"name\":\"a\",\"state\":\"lost\",\"totals\":{\"packets\":5},\"flows_live\":null,"
				   "\"unknown\":{\"duration_ns\":1500000000}}]",
		0, NULL);
	json_t *graphs =
		json_loads("[{\"name\":\"a\",\"operators\":[{\"pipeline\":\"p\",\"operator\":\"o\",\"index\":1,"
			   "\"in\":3,\"latency\":{\"p50_ns\":1500,\"p99_ns\":2000000,\"max_ns\":3000000000},"
			   "\"drops\":{\"full\":2}},{\"pipeline\":\"p\",\"operator\":\"none\",\"index\":0,"
			   "\"latency\":null}]},{\"name\":\"b\"}]",
			0, NULL);
	node_metrics_add(&metrics, nodes, graphs);
	char *text = metrics_finish(&metrics, &size);
	assert_non_null(strstr(text, "\nweir_node_up{node=\"a\"} 0\n"));
	assert_non_null(strstr(text, "\nweir_packets_total{node=\"a\"} 5\n"));
	assert_null(strstr(text, "\nweir_flows_live{"));
	assert_null(strstr(text, "\nweir_bytes_total{"));
	assert_non_null(strstr(text, "\nweir_node_unknown_seconds_total{node=\"a\"} 1.5\n"));
	assert_non_null(strstr(text, "\nweir_operator_dropped_tuples_total{node=\"a\",pipeline=\"p\",operator=\"o\","
				     "instance=\"1\",reason=\"full\"} 2\n"));
	assert_non_null(strstr(text, "\nweir_operator_latency_seconds{node=\"a\",pipeline=\"p\",operator=\"o\","
				     "instance=\"1\",quantile=\"0.99\"} 0.002\n"));
	assert_non_null(strstr(text, "quantile=\"1\"} 3\n"));
	assert_null(strstr(text, "weir_operator_latency_seconds{node=\"a\",pipeline=\"p\",operator=\"none\""));
	free(text);
	json_decref(nodes);
	json_decref(graphs);
}

static void test_what_is_not_known_of_channels_has_no_sample(void **state) {
	struct metrics metrics = {0};
	size_t size;
	json_t *channels = json_loads("{\"links\":[{\"link\":\"b downlink\",\"capacity_bps\":null,\"sent_bps\":5e6}],"
				      "\"channels\":[{\"channel\":\"p/x>y.0\",\"from_node\":\"a\",\"to_node\":\"b\","
				      "\"share\":0.5,\"rate_bps\":null,\"sender_end_bytes\":7}]}",
		0, NULL);
	channel_metrics_add(&metrics, NULL);
	assert_null(metrics.text);
	channel_metrics_add(&metrics, channels);
	char *text = metrics_finish(&metrics, &size);
	assert_non_null(strstr(text, "\nweir_link_sent_bits_per_second{link=\"b downlink\"} 5000000\n"));
	assert_null(strstr(text, "\nweir_link_capacity_bits_per_second{"));
	assert_non_null(
		strstr(text, "\nweir_remote_channel_share_ratio{channel=\"p/x>y.0\",from=\"a\",to=\"b\"} 0.5\n"));
	assert_non_null(
		strstr(text, "\nweir_remote_channel_sender_queue_bytes{channel=\"p/x>y.0\",from=\"a\",to=\"b\"} 7\n"));
	assert_null(strstr(text, "\nweir_remote_channel_rate_bits_per_second{"));
	free(text);
	json_decref(channels);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_it_grows),
		cmocka_unit_test(test_nodes_without_figures_have_no_samples),
		cmocka_unit_test(test_what_is_not_known_of_channels_has_no_sample),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
