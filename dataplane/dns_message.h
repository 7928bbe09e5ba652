// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Header and first question of a DNS message (RFC 1035, 4.1). A pure function over an exact-size buffer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_NAME_MAX = 254, // characters of a name as text are fewer: 255 bytes as sent (RFC 1035, 2.3.4)
};

struct dns_message {
	uint16_t id;
	bool is_response, is_truncated;
	uint8_t opcode, rcode;
	uint16_t questions, answers;
	uint16_t type;               // QTYPE of the first question; 0 where there is none
	uint8_t labels;              // of its name
	uint8_t name_length;         // characters of `name`
	uint8_t domain_at;           // where its last two labels begin
	char name[DNS_NAME_MAX + 2]; // lower case, no dot at its end, ended by zeros; what is not printable is '?'
};

//   return  0; -EINVAL: no DNS message; -ENODATA: it goes on behind the end of the data
int dns_message_parse(const uint8_t *data, size_t size, struct dns_message *message);
