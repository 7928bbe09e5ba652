// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/dns_message.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum {
	HEADER_SIZE = 12,
	LABEL_MAX = 63, // bytes; longer ones are pointers, which have no place in a question (nothing stands before it)
	QUESTION_TAIL_SIZE = 4,
};

static unsigned load_be16(const uint8_t *data) {
	return (unsigned)data[0] << 8 | data[1];
}

// Add a label to the name.
static void add_label(struct dns_message *message, const uint8_t *data, unsigned size, unsigned starts[2]) {
	if (message->labels > 0)
		message->name[message->name_length++] = '.';
	starts[0] = starts[1];
	starts[1] = message->name_length;
	for (unsigned i = 0; i < size; i++)
		message->name[message->name_length++] = isgraph(data[i]) ? (char)tolower(data[i]) : '?';
	message->labels++;
}

//   return  bytes that the name takes, or as dns_message_parse
static int parse_name(const uint8_t *data, size_t size, struct dns_message *message) {
	unsigned starts[2] = {0, 0};
	size_t at = 0;
	while (at < size && data[at] != 0) {
		unsigned label = data[at];
		// So long is the name with it, its dots where the lengths of the labels but the first stood.
		if (label > LABEL_MAX || at + label >= DNS_NAME_MAX)
			return -EINVAL;
		if (size - at - 1 < label)
			return -ENODATA;
		add_label(message, data + at + 1, label, starts);
		at += 1 + label;
	}
	message->domain_at = (uint8_t)(message->labels > 1 ? starts[0] : 0);
	return at < size ? (int)at + 1 : -ENODATA;
}

int dns_message_parse(const uint8_t *data, size_t size, struct dns_message *message) {
	memset(message, 0, sizeof(*message));
	if (size < HEADER_SIZE)
		return -EINVAL;
	unsigned flags = load_be16(data + 2);
	message->id = (uint16_t)load_be16(data);
	message->is_response = flags >> 15;
	message->opcode = flags >> 11 & 0xf;
	message->is_truncated = flags >> 9 & 1;
	message->rcode = flags & 0xf;
	message->questions = (uint16_t)load_be16(data + 4);
	message->answers = (uint16_t)load_be16(data + 6);
	if (message->questions == 0)
		return 0;
	int name_size = parse_name(data + HEADER_SIZE, size - HEADER_SIZE, message);
	if (name_size < 0)
		return name_size;
	size_t tail = HEADER_SIZE + (size_t)name_size;
	if (size - tail < QUESTION_TAIL_SIZE)
		return -ENODATA;
	message->type = (uint16_t)load_be16(data + tail);
	return 0;
}
