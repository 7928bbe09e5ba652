// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/keyed_windows.h"

#include <errno.h>

static int find_time(struct tuple_time *time, const struct schema *input, const struct keyed_windows_options *options,
	char *error, size_t size) {
	switch (options->has_time) {
	case KEYED_WINDOWS_TIME_NEEDED:
		return tuple_time_init(time, input, options->time, error, size);
	case KEYED_WINDOWS_TIME_IF_ANY:
		return tuple_time_init_if_any(time, input, options->time, error, size);
	default:
		return 0;
	}
}

int keyed_windows_derive(struct derivation *derivation, const struct keyed_windows_options *options) {
	static const char *const times[] = {"window_start_ns", "window_end_ns", NULL};
	struct tuple_time time;
	int ret = find_time(&time, derivation->inputs[0], options, derivation->error, derivation->error_size);
	return ret == 0 ? keyed_figures_derive(derivation, &options->figures, times) : ret;
}

static int make_panes(struct keyed_windows *windows, struct operator *op, const struct keyed_windows_options *options) {
	struct keyed_table_shape table = {
		.capacity = options->max_keys,
		.key_size = windows->figures.input.words.length * (uint32_t)sizeof(uint64_t),
		.parts = operator_part_count(op),
	};
	windows->panes.shape = options->shape;
	windows->panes.aggregates = &windows->figures.aggregates;
	uint64_t panes = options->max_panes;
	if (panes == 0)
		panes = RTE_MIN(window_shape_panes(&options->shape, options->max_keys), KEYED_TABLE_CAPACITY_MAX + 0u);
	int ret = window_panes_init(&windows->panes, &table, panes);
	if (ret != 0)
		operator_error(op, "no memory for max_keys: %llu, and %llu panes of %u bytes each",
			(unsigned long long)options->max_keys, (unsigned long long)panes, windows->panes.pane_size);
	return ret;
}

int keyed_windows_init(
	struct keyed_windows *windows, struct operator *op, const struct keyed_windows_options *options) {
	char error[400];
	int ret = keyed_figures_init(&windows->figures, op, &options->figures);
	if (ret != 0)
		return ret;
	ret = find_time(&windows->time, op->inputs[0], options, error, sizeof(error));
	if (ret != 0) {
		operator_error(op, "%s", error);
		return ret;
	}
	windows->start = *schema_field(windows->figures.schema, "window_start_ns");
	windows->end = *schema_field(windows->figures.schema, "window_end_ns");
	return make_panes(windows, op, options);
}

void keyed_windows_fini(struct keyed_windows *windows) {
	window_panes_fini(&windows->panes);
}

struct rte_mbuf *keyed_windows_tell(const struct keyed_windows *windows, struct instance *self, const uint64_t *key,
	const struct window_result *result) {
	const struct schema *schema = windows->figures.schema;
	struct rte_mbuf *tuple = instance_has_listener(self, 0) ? instance_new_record(self, schema) : NULL;
	if (tuple == NULL)
		return NULL;
	void *body = tuple_record(tuple);
	keyed_figures_store(&windows->figures, key, result->state, body);
	record_set(schema, &windows->start, body, &result->start_ns);
	record_set(schema, &windows->end, body, &result->end_ns);
	return tuple;
}
