// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A transport session of IPFIX (RFC 7011): messages made in memory from flow records, with the templates that they
// need. libfixbuf makes them, and allocates: not for workers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/schema.h"

enum { IPFIX_MESSAGE_MAX = UINT16_MAX };

struct ipfix_session_settings {
	const struct schema *schema; // of flow records
	bool biflow;                 // both directions in one record
	uint32_t enterprise, domain;
	size_t message_max;                                  // bytes
	void (*complain)(void *context, const char *reason); // a record is lost
	void *context;
};

struct ipfix_message {
	size_t size;      // bytes; 0: none
	unsigned records; // in it
	unsigned lost;    // beside those: records that no message has room for
};

struct ipfix_session;

//   settings  copied
//   return    NULL: out of memory
struct ipfix_session *ipfix_session_new(const struct ipfix_session_settings *settings);
void ipfix_session_free(struct ipfix_session *session); // NULL is fine

// Begin: no template is known at the other end, and messages count from 0.
void ipfix_session_begin(struct ipfix_session *session);
void ipfix_session_end(struct ipfix_session *session);
bool ipfix_session_is_begun(const struct ipfix_session *session);

// Have all templates sent again, ahead of the next records.
void ipfix_session_repeat_templates(struct ipfix_session *session);

// Make the next message of a session that is begun.
//   records  [count] stride bytes apart
struct ipfix_message ipfix_session_build(
	struct ipfix_session *session, const uint8_t *records, size_t stride, unsigned count);

// The message made last.
const uint8_t *ipfix_session_bytes(const struct ipfix_session *session);
