// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What entries of each list can be asked for.
enum { PART_PREFIX = 1, PART_PORT = 2, PART_PROTOCOL = 4, PART_APPLICATION = 8 };

static unsigned parts_of(enum list_kind kind) {
	switch (kind) {
	case LIST_FLOWS:
		return PART_PREFIX | PART_PORT | PART_PROTOCOL;
	case LIST_PORTS:
		return PART_PORT | PART_PROTOCOL;
	case LIST_HOSTS:
	case LIST_SOURCES:
	case LIST_TARGETS:
	case LIST_PREFIXES:
	case LIST_TCP_PREFIXES:
		return PART_PREFIX;
	case LIST_APPLICATIONS:
		return PART_APPLICATION;
	default:
		return 0;
	}
}

static bool bits_are_equal(const uint8_t *a, const uint8_t *b, unsigned bits) {
	unsigned bytes = bits / 8, rest = bits % 8;
	return memcmp(a, b, bytes) == 0 && (rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

static bool parse_prefix(const char *text, struct filter_prefix *out) {
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t size = slash != NULL ? (size_t)(slash - text) : strlen(text);
	if (size >= sizeof(address))
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)size, text);
	*out = (struct filter_prefix){.size = strchr(address, ':') != NULL ? 16 : 4};
	if (inet_pton(out->size == 4 ? AF_INET : AF_INET6, address, out->address) != 1)
		return false;
	out->length = (uint8_t)(8 * out->size);
	if (slash == NULL)
		return true;
	char *end;
	unsigned long length = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || length > out->length)
		return false;
	out->length = (uint8_t)length;
	return true;
}

static bool parse_port(const char *text, uint16_t *out) {
	char *end;
	unsigned long port = strtoul(text, &end, 10);
	*out = (uint16_t)port;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && port <= 65535;
}

static bool parse_protocol(const char *text, uint8_t *out) {
	char name[8], *end;
	unsigned long number = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= 255) {
		*out = (uint8_t)number;
		return true;
	}
	for (unsigned i = 0; i < 256; i++) {
		if (strcmp(list_protocol_name((uint8_t)i, name), text) == 0) {
			*out = (uint8_t)i;
			return true;
		}
	}
	return false;
}

static bool parse_application(const char *text, char out[TOPN_KEY_SIZE]) {
	size_t size = strlen(text);
	if (size == 0 || size >= TOPN_KEY_SIZE)
		return false;
	memcpy(out, text, size + 1);
	return true;
}

struct parser {
	struct conf *conf;
	const yaml_node_t *node;
	const char *what;
	enum list_kind kind;
	struct filter *out;
};

static int parse_part(const struct parser *parser, unsigned part, const struct conf_strings *texts) {
	static const char *const names[] = {[PART_PREFIX] = "prefix",
		[PART_PORT] = "port",
		[PART_PROTOCOL] = "protocol",
		[PART_APPLICATION] = "application"};
	static const char *const expected[] = {[PART_PREFIX] = "prefixes such as 10.0.0.0/8 or 2001:db8::/32",
		[PART_PORT] = "ports, 0..65535",
		[PART_PROTOCOL] = "tcp, udp, icmp, icmpv6, gre, sctp or numbers, 0..255",
		[PART_APPLICATION] = "names such as DNS, or patterns such as TLS.*, of at most 39 characters"};
	struct filter *out = parser->out;
	if (texts->length == 0)
		return 0;
	if ((parts_of(parser->kind) & part) == 0)
		return conf_error(parser->conf, parser->node,
			"%s: %s has no such part: expected with prefix: flows, hosts or prefixes; with port and "
			"protocol: flows or ports; with application: applications",
			parser->what, parser->kind < LISTS ? list_types[parser->kind].name : "this");
	for (size_t i = 0; i < texts->length; i++) {
		bool is_good = i < FILTER_VALUES_MAX;
		if (is_good && part == PART_PREFIX)
			is_good = parse_prefix(texts->items[i], &out->prefixes[out->prefixes_length++]);
		else if (is_good && part == PART_PORT)
			is_good = parse_port(texts->items[i], &out->ports[out->ports_length++]);
		else if (is_good && part == PART_APPLICATION)
			is_good = parse_application(texts->items[i], out->applications[out->applications_length++]);
		else if (is_good)
			is_good = parse_protocol(texts->items[i], &out->protocols[out->protocols_length++]);
		if (is_good)
			continue;
		return conf_error(parser->conf, parser->node, "%s.%s: \"%s\": expected %s, at most %d", parser->what,
			names[part], texts->items[i], expected[part], FILTER_VALUES_MAX);
	}
	return 0;
}

static int parse_nodes(const struct parser *parser, const struct conf_strings *texts) {
	struct filter *out = parser->out;
	for (size_t i = 0; i < texts->length; i++) {
		if (i == FILTER_VALUES_MAX || !node_name_is_valid(texts->items[i]))
			return conf_error(parser->conf, parser->node,
				"%s.node: \"%s\": expected names of nodes, at most %d", parser->what, texts->items[i],
				FILTER_VALUES_MAX);
		snprintf(out->nodes[out->nodes_length++], NODE_NAME_SIZE, "%.63s", texts->items[i]);
	}
	return 0;
}

int filter_read(struct conf *conf, const yaml_node_t *node, const char *what, enum list_kind kind, struct filter *out) {
	static struct conf_strings nodes, prefixes, ports, protocols, applications; // one thread; too large for a stack
	nodes.length = prefixes.length = ports.length = protocols.length = applications.length = 0;
	const struct conf_field fields[] = {
		{"node", CONF_STRINGS, &nodes},
		{"prefix", CONF_STRINGS, &prefixes},
		{"port", CONF_STRINGS, &ports},
		{"protocol", CONF_STRINGS, &protocols},
		{"application", CONF_STRINGS, &applications},
		{0},
	};
	const struct parser parser = {conf, node, what, kind, out};
	memset(out, 0, sizeof(*out));
	int err = conf_mapping(conf, node, what, fields);
	if (err == 0)
		err = parse_nodes(&parser, &nodes);
	if (err == 0)
		err = parse_part(&parser, PART_PREFIX, &prefixes);
	if (err == 0)
		err = parse_part(&parser, PART_PORT, &ports);
	if (err == 0)
		err = parse_part(&parser, PART_PROTOCOL, &protocols);
	return err == 0 ? parse_part(&parser, PART_APPLICATION, &applications) : err;
}

bool filter_is_same(const struct filter *a, const struct filter *b) {
	if (a->nodes_length != b->nodes_length || a->prefixes_length != b->prefixes_length ||
		a->ports_length != b->ports_length || a->protocols_length != b->protocols_length ||
		a->applications_length != b->applications_length)
		return false;
	for (size_t i = 0; i < a->nodes_length; i++)
		if (strcmp(a->nodes[i], b->nodes[i]) != 0)
			return false;
	for (size_t i = 0; i < a->applications_length; i++)
		if (strcmp(a->applications[i], b->applications[i]) != 0)
			return false;
	return memcmp(a->prefixes, b->prefixes, a->prefixes_length * sizeof(a->prefixes[0])) == 0 &&
	       memcmp(a->ports, b->ports, a->ports_length * sizeof(a->ports[0])) == 0 &&
	       memcmp(a->protocols, b->protocols, a->protocols_length) == 0;
}

bool filter_has_node(const struct filter *filter, const char *name) {
	for (size_t i = 0; i < filter->nodes_length; i++)
		if (strcmp(filter->nodes[i], name) == 0)
			return true;
	return filter->nodes_length == 0;
}

bool filter_is_selective(const struct filter *filter) {
	return filter->prefixes_length + filter->ports_length + filter->protocols_length + filter->applications_length >
	       0;
}

//   bits  of the address that count: those of an entry that is a prefix itself
static bool matches_prefix(const struct filter *filter, const uint8_t *key, size_t at, unsigned bits) {
	for (size_t i = 0; i < filter->prefixes_length; i++) {
		const struct filter_prefix *prefix = &filter->prefixes[i];
		if (prefix->size == key[0] && prefix->length <= bits &&
			bits_are_equal(prefix->address, key + at, prefix->length))
			return true;
	}
	return false;
}

static bool matches_port(const struct filter *filter, const uint8_t *at) {
	for (size_t i = 0; i < filter->ports_length; i++)
		if (filter->ports[i] == (at[0] << 8 | at[1]))
			return true;
	return false;
}

static bool matches_application(const struct filter *filter, const char *name) {
	for (size_t i = 0; i < filter->applications_length; i++)
		if (fnmatch(filter->applications[i], name, 0) == 0)
			return true;
	return false;
}

bool filter_matches(const struct filter *filter, enum list_kind kind, const uint8_t *key) {
	bool is_flow = kind == LIST_FLOWS;
	if (filter->applications_length > 0)
		return matches_application(filter, (const char *)key);
	if (filter->prefixes_length > 0) {
		bool is_prefix = kind == LIST_PREFIXES || kind == LIST_TCP_PREFIXES;
		unsigned bits = is_prefix ? key[KEY_SECOND] : 128;
		if (!matches_prefix(filter, key, KEY_ADDRESS, bits) &&
			!(is_flow && matches_prefix(filter, key, KEY_SECOND, 128)))
			return false;
	}
	if (filter->ports_length > 0 && !matches_port(filter, is_flow ? key + KEY_PORTS : key + 1) &&
		!(is_flow && matches_port(filter, key + KEY_PORTS + 2)))
		return false;
	uint8_t protocol = is_flow ? key[KEY_PROTOCOL] : key[0];
	return filter->protocols_length == 0 || memchr(filter->protocols, protocol, filter->protocols_length) != NULL;
}
