// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// dns: a record for each DNS message.
//
//   in       packets, after flow_id
//   out      messages: header and first question of each, schema dns
//   drops    not_dns: neither from nor to the port; cut: the capture ends before the question does; malformed
//   options  port
//   source   RFC 1035, 4.1
//
// UDP only: a message over TCP may begin and end anywhere in its stream.
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "dataplane/dns_message.h"
#include "dataplane/operator.h"
#include "dataplane/payload.h"

enum { DROP_NOT_DNS, DROP_CUT, DROP_MALFORMED };

enum {
	MESSAGE_SIZE_MAX = 512, // bytes that are looked at: header and longest question fit
	DOMAIN_LENGTH = 128,    // two labels and the dot
};

struct dns_options {
	uint64_t port;
};

struct dns_record {
	uint64_t timestamp_ns;
	uint8_t src_ip[16], dst_ip[16];
	uint32_t bytes;
	uint16_t src_port, dst_port;
	uint16_t id, type, questions, answers;
	uint8_t opcode, rcode, labels, name_length;
	bool response, truncated;
	char name[DNS_NAME_MAX + 2], domain[DOMAIN_LENGTH];
};

#define AT(member) offsetof(struct dns_record, member)
static const struct field dns_fields[] = {
	{"timestamp_ns", FIELD_U64, AT(timestamp_ns), .unit = "ns", .help = "of the packet"},
	{"src_ip", FIELD_IP, AT(src_ip), .help = "source address"},
	{"dst_ip", FIELD_IP, AT(dst_ip), .help = "destination address"},
	{"src_port", FIELD_U16, AT(src_port), .help = "source port"},
	{"dst_port", FIELD_U16, AT(dst_port), .help = "destination port"},
	{"bytes", FIELD_U32, AT(bytes), .unit = "bytes", .help = "IP length of the packet"},
	{"id", FIELD_U16, AT(id), .help = "joins question and answer"},
	{"response", FIELD_BOOL, AT(response), .help = "it is an answer"},
	{"truncated", FIELD_BOOL, AT(truncated), .help = "the answer did not fit"},
	{"opcode", FIELD_U8, AT(opcode), .help = "0 is a query"},
	{"rcode", FIELD_U8, AT(rcode), .help = "of an answer: 0 is no error, 3 no such name"},
	{"questions", FIELD_U16, AT(questions), .help = "number of questions"},
	{"answers", FIELD_U16, AT(answers), .help = "number of resource records in the answer"},
	{"type", FIELD_U16, AT(type), .help = "type of the first question: 1 A, 28 AAAA, 16 TXT, 46 RRSIG, 255 ANY"},
	{"name", FIELD_STRING, AT(name), .length = DNS_NAME_MAX + 2,
		.help = "name of the first question in lower case; what is not printable is ?"},
	{"name_length", FIELD_U8, AT(name_length), .help = "characters of it"},
	{"labels", FIELD_U8, AT(labels), .help = "labels of it"},
	{"domain", FIELD_STRING, AT(domain), .length = DOMAIN_LENGTH, .help = "its last two labels"},
	{0},
};
#undef AT
static const struct schema dns_schema = {
	.name = "dns",
	.body = SCHEMA_RECORD,
	.size = sizeof(struct dns_record),
	.fields = dns_fields,
};

static void fill(struct dns_record *record, const struct packet_meta *packet, const struct dns_message *message) {
	record->timestamp_ns = packet->timestamp_ns;
	memcpy(record->src_ip, packet->key.src_ip, sizeof(record->src_ip));
	memcpy(record->dst_ip, packet->key.dst_ip, sizeof(record->dst_ip));
	record->src_port = packet->key.src_port;
	record->dst_port = packet->key.dst_port;
	record->bytes = packet->ip_bytes;
	record->id = message->id;
	record->response = message->is_response;
	record->truncated = message->is_truncated;
	record->opcode = message->opcode;
	record->rcode = message->rcode;
	record->questions = message->questions;
	record->answers = message->answers;
	record->type = message->type;
	record->name_length = message->name_length;
	record->labels = message->labels;
	memcpy(record->name, message->name, sizeof(record->name));
	const char *domain = message->name + message->domain_at;
	memcpy(record->domain, domain, strnlen(domain, sizeof(record->domain)));
}

// Emit the record of a packet.
//   return  false: there is none, and `reason` is why
static bool take(struct instance *self, const struct batch *batch, unsigned i, unsigned *reason) {
	const struct dns_options *options = self->options;
	const struct packet_meta *packet = batch->packets[i];
	*reason = DROP_NOT_DNS;
	if (packet->key.protocol != IPPROTO_UDP ||
		(packet->key.src_port != options->port && packet->key.dst_port != options->port))
		return false;
	uint8_t buffer[MESSAGE_SIZE_MAX];
	struct payload payload = payload_of(batch->tuples[i], packet, buffer, sizeof(buffer));
	struct dns_message message;
	int ret = dns_message_parse(payload.data, payload.size, &message);
	bool is_cut = payload.size < RTE_MIN(packet->payload_bytes, sizeof(buffer));
	*reason = is_cut ? DROP_CUT : DROP_MALFORMED;
	if (ret != 0)
		return false;
	struct rte_mbuf *tuple = instance_new_record(self, &dns_schema);
	if (tuple == NULL)
		return true;
	fill(tuple_record(tuple), packet, &message);
	instance_emit(self, 0, tuple);
	return true;
}

static void dns_process(struct instance *self, struct batch *batch) {
	unsigned taken = 0, reason;
	for (unsigned i = 0; i < batch->count; i++) {
		if (take(self, batch, i, &reason))
			batch_move(batch, taken++, i);
		else
			instance_drop(self, reason, batch->tuples[i]);
	}
	batch->count = taken;
	instance_absorb(self, batch);
}

static const struct option dns_option_table[] = {
	{"port", OPTION_UINT, offsetof(struct dns_options, port), "53", 1, 65535,
		.help = "UDP port of the servers; 5353 is multicast DNS"},
	{0},
};

static const struct schema *const accepts[] = {&packet_schema, NULL};
static const struct operator_output outputs[] = {{.name = "messages", .schema = &dns_schema}, {0}};
static const char *const drops[] = {
	[DROP_NOT_DNS] = "not_dns", [DROP_CUT] = "cut", [DROP_MALFORMED] = "malformed", NULL};

static struct operator_type dns_type = {
	.name = "dns",
	.summary = "make a record of each DNS message",
	.manual =
		"Reads the header and the first question of DNS messages over UDP, and emits a record of each. Packets "
		"that are none are dropped and counted as not_dns, so lead other streams past this operator. Names are "
		"in lower case; the domain of a name is its last two labels.",
	.options = dns_option_table,
	.options_size = sizeof(struct dns_options),
	.accepts = accepts,
	.outputs = outputs,
	.drops = drops,
	.grouping = GROUPING_FORWARD,
	.borrows = true,
	.process = dns_process,
};
OPERATOR_REGISTER(dns_type);
