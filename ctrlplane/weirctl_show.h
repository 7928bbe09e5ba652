// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The controller's answers as text for people.
#pragma once

#include <jansson.h>
#include <stdio.h>

void show_status(const json_t *answer, FILE *file);
void show_top(const json_t *answer, FILE *file);
void show_paths(const json_t *answer, FILE *file);
void show_channels(const json_t *answer, FILE *file);
void show_channel(const json_t *channel, FILE *file);
void show_tcp(const json_t *answer, FILE *file);
void show_operators(const json_t *answer, FILE *file);
void show_pipelines(const json_t *answer, FILE *file);
void show_alerts(const json_t *answer, FILE *file);
void show_reload(const json_t *answer, FILE *file);
void show_decision(const json_t *decision, FILE *file);
void show_decisions(const json_t *answer, FILE *file);

// Members of answers; what is missing is "", 0 or NULL.
const char *show_text(const json_t *object, const char *name);
uint64_t show_number(const json_t *object, const char *name);
double show_real(const json_t *object, const char *name);
