// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The plug-ins of test_plugin.c, told apart by what the build defines.
#include "dataplane/operator.h"

#ifndef NAME
#define NAME "plugged"
#endif

#ifndef EMPTY
#ifdef UNDEFINED
void nobody_has_this(struct instance *self, struct batch *batch);
#define PROCESS nobody_has_this
#elif defined(NO_WORK)
#define PROCESS NULL
#else
#define PROCESS plugged_process
static void plugged_process(struct instance *self, struct batch *batch) {
}
#endif

static struct operator_type plugged = {.name = NAME, .summary = "does nothing", .process = PROCESS};

#ifdef ABI
__attribute__((constructor)) static void plugged_register(void) {
	plugged.abi = ABI;
	operator_type_register(&plugged);
}
#else
OPERATOR_REGISTER(plugged);
#endif

#ifdef TWICE
static struct operator_type again = {.name = NAME, .summary = "does nothing", .process = PROCESS};
OPERATOR_REGISTER(again);
#endif
#endif
