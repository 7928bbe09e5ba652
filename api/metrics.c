// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_FIRST_SIZE = 16384 };

static void metrics_append(struct metrics *metrics, const char *text, size_t size) {
	if (metrics->size + size + 1 > metrics->allocated) {
		size_t allocated = metrics->allocated > 0 ? 2 * metrics->allocated : METRICS_FIRST_SIZE;
		while (allocated < metrics->size + size + 1)
			allocated *= 2;
		char *grown = metrics->err == 0 ? realloc(metrics->text, allocated) : NULL;
		if (grown == NULL) {
			metrics->err = -ENOMEM;
			return;
		}
		metrics->text = grown;
		metrics->allocated = allocated;
	}
	memcpy(metrics->text + metrics->size, text, size);
	metrics->size += size;
	metrics->text[metrics->size] = '\0';
}

static void metrics_text(struct metrics *metrics, const char *text) {
	metrics_append(metrics, text, strlen(text));
}

static void metrics_escaped(struct metrics *metrics, const char *text) {
	for (size_t plain; *text != '\0'; text += plain) {
		plain = strcspn(text, "\\\"\n");
		metrics_append(metrics, text, plain);
		if (text[plain] == '\0')
			return;
		metrics_text(metrics, text[plain] == '\n' ? "\\n" : text[plain] == '"' ? "\\\"" : "\\\\");
		plain++;
	}
}

void metrics_family(struct metrics *metrics, const char *name, const char *type, const char *help) {
	const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"};
	metrics->family = name;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		metrics_text(metrics, parts[i]);
}

static void metrics_sample(struct metrics *metrics, const char *value, va_list labels) {
	const char *name, *before = "{";
	metrics_text(metrics, metrics->family);
	while ((name = va_arg(labels, const char *)) != NULL) {
		metrics_text(metrics, before);
		metrics_text(metrics, name);
		metrics_text(metrics, "=\"");
		metrics_escaped(metrics, va_arg(labels, const char *));
		metrics_text(metrics, "\"");
		before = ",";
	}
	metrics_text(metrics, *before == ',' ? "} " : " ");
	metrics_text(metrics, value);
	metrics_text(metrics, "\n");
}

void metrics_count(struct metrics *metrics, uint64_t value, ...) {
	char text[24];
	va_list labels;
	snprintf(text, sizeof(text), "%" PRIu64, value);
	va_start(labels, value);
	metrics_sample(metrics, text, labels);
	va_end(labels);
}

void metrics_real(struct metrics *metrics, double value, ...) {
	char text[32];
	va_list labels;
	snprintf(text, sizeof(text),
		isnan(value)   ? "NaN"
		: isinf(value) ? (value > 0 ? "+Inf" : "-Inf")
			       : "%.15g",
		value);
	va_start(labels, value);
	metrics_sample(metrics, text, labels);
	va_end(labels);
}

char *metrics_finish(struct metrics *metrics, size_t *size) {
	metrics_append(metrics, "", 0);
	if (metrics->err != 0) {
		free(metrics->text);
		metrics->text = NULL;
	}
	*size = metrics->size;
	return metrics->text;
}
