// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz the reader of DNS messages: what it accepts has a name that is one.
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	// A block of its own, so that the sanitizer sees the message's end.
	uint8_t *block = malloc(size ? size : 1);
	require(block != NULL);
	memcpy(block, data, size);
	struct dns_message message;
	if (dns_message_parse(size ? block : block + 1, size, &message) == 0) {
		require(strlen(message.name) == message.name_length && message.name_length < DNS_NAME_MAX);
		require(message.domain_at <= message.name_length && (message.labels > 0) == (message.name_length > 0));
		for (unsigned i = 0; i < message.name_length; i++)
			require(message.name[i] > ' ' && message.name[i] < 0x7f);
	}
	free(block);
	return 0;
}
