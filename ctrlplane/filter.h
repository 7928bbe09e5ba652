// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Filters: which entries of a list, and of which nodes, somebody wants. Each part that is given has to match; of a
// part's several values, any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ctrlplane/conf.h"
#include "ctrlplane/lists.h"
#include "ctrlplane/nodes.h"

enum { FILTER_VALUES_MAX = 8 };

struct filter_prefix {
	uint8_t size, length; // bytes of the address, 4 or 16; bits
	uint8_t address[16];
};

struct filter {
	char nodes[FILTER_VALUES_MAX][NODE_NAME_SIZE]; // [nodes_length]; none: all
	struct filter_prefix prefixes[FILTER_VALUES_MAX];
	uint16_t ports[FILTER_VALUES_MAX];
	uint8_t protocols[FILTER_VALUES_MAX];
	char applications[FILTER_VALUES_MAX][TOPN_KEY_SIZE]; // as fnmatch(3) has them: "TLS.*"
	uint8_t nodes_length, prefixes_length, ports_length, protocols_length, applications_length;
};

// Read a mapping such as {prefix: [10.0.0.0/8, "2001:db8::/32"], port: 443, protocol: tcp, node: edge1}; of
// applications, {application: [DNS, "TLS.*"]}.
//   what  names it in messages
//   kind  the list it is for, which must have what the filter asks of its entries; LISTS: node alone
int filter_read(struct conf *conf, const yaml_node_t *node, const char *what, enum list_kind kind, struct filter *out);

bool filter_is_same(const struct filter *a, const struct filter *b);
bool filter_has_node(const struct filter *filter, const char *name);
// Whether it asks anything of entries.
bool filter_is_selective(const struct filter *filter);
//   key  of an entry of a list of this kind; a flow matches a prefix or a port with either end
bool filter_matches(const struct filter *filter, enum list_kind kind, const uint8_t *key);
