// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Entries of the tables as the messages of api/weir.proto. Addresses point into the tables.
#pragma once

#include "dataplane/summary_tables.h"

struct summary_host_delta {
	Weir__HostDelta message;
	uint8_t sketch[HLL_REGISTERS + 1]; // packed, where the message points to it
};

void summary_fill_host(struct summary_host_delta *out, const struct summary_tables *tables, uint32_t entry);
void summary_fill_flow(Weir__FlowDelta *message, const struct summary_tables *tables, uint32_t entry);
void summary_fill_service(Weir__ServiceDelta *message, const struct summary_tables *tables, uint32_t entry);
void summary_fill_prefix(Weir__PrefixDelta *message, const struct summary_tables *tables, uint32_t entry);
