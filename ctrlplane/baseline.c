// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t divide_up(uint64_t a, uint64_t b) {
	return (a + b - 1) / b;
}

struct baseline_shape baseline_shape(uint64_t window_ns, uint64_t baseline_ns, uint64_t interval_ns) {
	uint64_t window = divide_up(window_ns, interval_ns), whole = divide_up(baseline_ns, interval_ns);
	uint64_t bin = divide_up(whole, BASELINE_BINS);
	if (bin < divide_up(window, BASELINE_SKIP - 1))
		bin = divide_up(window, BASELINE_SKIP - 1);
	uint64_t bins = whole / bin;
	return (struct baseline_shape){
		.bin = (uint32_t)bin, .bins = (uint32_t)(bins > 0 ? bins : 1), .window = (uint32_t)window};
}

void baseline_add(struct baseline *baseline, const struct baseline_shape *shape, double rate) {
	baseline->sum += rate;
	if (++baseline->samples < shape->bin)
		return;
	baseline->bins[baseline->closed++ % BASELINE_RING] = baseline->sum / baseline->samples;
	baseline->sum = 0;
	baseline->samples = 0;
}

static int compare(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

// The lower of the two in the middle: what is usual was measured, not made up.
static double median(double *values, size_t length) {
	qsort(values, length, sizeof(*values), compare);
	return values[(length - 1) / 2];
}

bool baseline_usual(const struct baseline *baseline, const struct baseline_shape *shape, struct baseline_usual *out) {
	double values[BASELINE_BINS];
	// Bins that the present window reaches into are not from before it.
	uint32_t inside = shape->window > baseline->samples ? shape->window - baseline->samples : 0;
	uint64_t skip = divide_up(inside, shape->bin);
	uint64_t known = baseline->closed > skip ? baseline->closed - skip : 0;
	uint64_t oldest = baseline->closed > BASELINE_RING ? baseline->closed - BASELINE_RING : 0;
	size_t length = 0;
	for (uint64_t i = known; i > oldest && length < shape->bins; i--)
		values[length++] = baseline->bins[(i - 1) % BASELINE_RING];
	if (length == 0 || length * 5 < shape->bins)
		return false;
	out->median = median(values, length);
	for (size_t i = 0; i < length; i++)
		values[i] = fabs(values[i] - out->median);
	out->mad = median(values, length);
	return true;
}

double baseline_deviation(const struct baseline_usual *usual, double rate) {
	double deviation = 1.4826 * usual->mad, least = usual->median / 10;
	if (deviation < least)
		deviation = least;
	if (deviation <= 0)
		deviation = 1; // nothing at all was usual
	return (rate - usual->median) / deviation;
}

json_t *baseline_to_json(const struct baseline *baseline, const struct baseline_shape *shape) {
	uint64_t oldest = baseline->closed > BASELINE_RING ? baseline->closed - BASELINE_RING : 0;
	json_t *bins = json_array();
	for (uint64_t i = oldest; i < baseline->closed; i++)
		json_array_append_new(bins, json_real(baseline->bins[i % BASELINE_RING]));
	return json_pack("{sI sI sI sI sf so}", "bin", (json_int_t)shape->bin, "length", (json_int_t)shape->bins,
		"window", (json_int_t)shape->window, "samples", (json_int_t)baseline->samples, "sum", baseline->sum,
		"bins", bins);
}

static bool has_shape(const json_t *object, const struct baseline_shape *shape) {
	return json_integer_value(json_object_get(object, "bin")) == shape->bin &&
	       json_integer_value(json_object_get(object, "length")) == shape->bins &&
	       json_integer_value(json_object_get(object, "window")) == shape->window;
}

bool baseline_from_json(const json_t *object, const struct baseline_shape *shape, struct baseline *out) {
	const json_t *bins = json_object_get(object, "bins"), *bin;
	json_int_t samples = json_integer_value(json_object_get(object, "samples"));
	size_t i;
	memset(out, 0, sizeof(*out));
	if (!has_shape(object, shape) || !json_is_array(bins) || json_array_size(bins) > BASELINE_RING || samples < 0 ||
		samples >= shape->bin)
		return false;
	json_array_foreach(bins, i, bin) {
		if (!isfinite(json_number_value(bin)))
			return false;
		out->bins[out->closed++] = json_number_value(bin);
	}
	out->samples = (uint32_t)samples;
	out->sum = json_number_value(json_object_get(object, "sum"));
	return true;
}
