// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Entries of the tables as the messages of api/weir.proto. Addresses point into the tables.
#pragma once

#include "dataplane/summary_tables.h"

enum {
	HISTOGRAM_PREFIX_MAX = 96, // bytes: at most that, at a resolution that fits
	HISTOGRAM_PREFIX_RESOLUTION = 3,
};

struct summary_host_delta {
	Weir__HostDelta message;
	uint8_t sketch[HLL_REGISTERS + 1]; // packed, where the message points to it
};

struct summary_tcp_delta {
	Weir__TcpPrefixDelta message;
	uint8_t rtt[HISTOGRAM_PREFIX_MAX]; // packed, where the message points to it
};

struct summary_application_delta {
	Weir__ApplicationDelta message;
	char name[FLOW_APPLICATION_SIZE + 1];
};

void summary_fill_host(struct summary_host_delta *out, const struct summary_tables *tables, uint32_t entry);
void summary_fill_flow(Weir__FlowDelta *message, const struct summary_tables *tables, uint32_t entry);
void summary_fill_service(Weir__ServiceDelta *message, const struct summary_tables *tables, uint32_t entry);
void summary_fill_prefix(Weir__PrefixDelta *message, const struct summary_tables *tables, uint32_t entry);
void summary_fill_tcp(struct summary_tcp_delta *out, const struct summary_tables *tables, uint32_t entry);
void summary_fill_application(
	struct summary_application_delta *out, const struct summary_tables *tables, uint32_t entry);
