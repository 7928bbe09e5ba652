// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/keyed_figures.h"

#include <errno.h>
#include <stdio.h>

static int describe(struct derivation *derivation, const struct key_words *key, const struct aggregates *aggregates,
	const char *const *times) {
	struct schema *out;
	int ret = schema_new(&out, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[0] = out;
	ret = key_words_describe(key, out);
	for (; ret == 0 && *times != NULL; times++)
		ret = schema_add(out, *times, FIELD_U64, 0, "ns");
	if (ret == -EEXIST)
		snprintf(derivation->error, derivation->error_size,
			"key: \"%s\": the records have a field of that name already", *times);
	else if (ret != 0)
		snprintf(derivation->error, derivation->error_size, "key: its fields make too large a record");
	if (ret != 0)
		return ret == -ENOMEM ? ret : -EINVAL;
	return aggregates_describe(aggregates, out, derivation->error, derivation->error_size);
}

int keyed_figures_derive(
	struct derivation *derivation, const struct keyed_figures_options *options, const char *const *times) {
	struct key_words key;
	struct aggregates aggregates;
	const struct schema *input = derivation->inputs[0];
	int ret = key_words_init(&key, input, options->key, false, derivation->error, derivation->error_size);
	if (ret == 0)
		ret = aggregates_parse(&aggregates, input, options->compute, derivation->error, derivation->error_size);
	return ret == 0 ? describe(derivation, &key, &aggregates, times) : ret;
}

int keyed_figures_init(
	struct keyed_figures *figures, struct operator *op, const struct keyed_figures_options *options) {
	static const char purpose[] = "distinct";
	char error[400];
	int ret = keyed_input_init(&figures->input, op, 0, options->key);
	if (ret != 0)
		return ret;
	ret = aggregates_parse(&figures->aggregates, op->inputs[0], options->compute, error, sizeof(error));
	if (ret != 0) {
		operator_error(op, "%s", error);
		return ret;
	}
	figures->schema = op->outputs[0];
	figures->aggregates.seed = key_hash(op->node, purpose, sizeof(purpose));
	aggregates_bind(&figures->aggregates, figures->schema);
	key_fields_init(&figures->key_out, &figures->input.words, figures->schema);
	return 0;
}
