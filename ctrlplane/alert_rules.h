// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Alert rules, read from conf/alerts.yaml, which explains their fields.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ctrlplane/alerts.h"
#include "ctrlplane/lists.h"

enum {
	ALERT_RULES_MAX = 64,
	ALERT_RULE_WINDOW_S_MAX = 600,
	ALERT_FIELD_LOST = 1000, // over node: 1 while it is lost
};

enum alert_over {
	ALERT_OVER_FLOWS, // to prefixes: as enum list_kind
	ALERT_OVER_HOSTS,
	ALERT_OVER_PORTS,
	ALERT_OVER_PREFIXES,
	ALERT_OVER_NODE,
	ALERT_OVER_TOTAL,
};

enum alert_aggregate {
	ALERT_RATE,     // sum per second of the window
	ALERT_SUM,      // over the window
	ALERT_COUNT,    // of entries whose field is above zero; of a node that is lost
	ALERT_DISTINCT, // different endpoints a host opened flows to
	ALERT_RATIO,    // of the rate to the median of the rates before
};

struct alert_rule {
	char name[ALERT_NAME_SIZE], description[ALERT_SUBJECT_SIZE];
	char measure[ALERT_NAME_SIZE]; // "distinct endpoints_out in 5 s": what the value is
	const char *severity;
	enum alert_over over;
	enum alert_aggregate aggregate;
	enum list_kind list; // over flows to prefixes: the list that holds the field
	unsigned field;      // its index among the values of the list or of the totals, or ALERT_FIELD_LOST
	double scale;        // 8 where bits are made of bytes
	uint32_t window_s;
	uint64_t hold_down_ns, baseline_ns;
	double threshold; // fires at or above
	double minimum;   // of the rate, for ratios
};

struct alert_rules {
	struct alert_rule list[ALERT_RULES_MAX]; // [length]
	size_t length;
};

// Read a rule file.
//   error   [512], one line: file:line: what: what is allowed
int alert_rules_load(struct alert_rules *rules, const char *path, char *error);
