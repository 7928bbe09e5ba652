// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The operators that this build left out for want of a library, so that naming one gives a message that says so.
#include "dataplane/operator_type.h"

#ifndef OPERATORS_MISSING
#define OPERATORS_MISSING
#endif

static const struct operator_missing missing[] = {OPERATORS_MISSING{NULL, NULL}};

__attribute__((constructor)) static void register_missing(void) {
	operator_type_register_missing(missing);
}
