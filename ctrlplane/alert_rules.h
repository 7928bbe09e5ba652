// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Alert rules and what they cause, read from conf/alerts.yaml, which explains their fields.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ctrlplane/action.h"
#include "ctrlplane/alerts.h"
#include "ctrlplane/baseline.h"
#include "ctrlplane/view.h"

enum {
	ALERT_RULES_MAX = ALERTS_RULES_MAX,
	ALERT_RULE_WINDOW_S_MAX = 600,
};

enum alert_over {
	ALERT_OVER_LIST, // each entry of a list is a subject
	ALERT_OVER_NODE,
	ALERT_OVER_TOTAL,
};

enum alert_aggregate {
	ALERT_RATE,       // sum per second of the window
	ALERT_SUM,        // over the window
	ALERT_COUNT,      // of entries whose field is above zero; of a node that is lost
	ALERT_DISTINCT,   // different endpoints a host opened flows to
	ALERT_RATIO,      // of the sum to that of another field, or of the rate to what is usual
	ALERT_DEVIATION,  // of the rate from what is usual, in standard deviations
	ALERT_PERCENTILE, // of times, or of the entries' sums
};

enum rule_field_kind {
	RULE_FIELD_VALUE,     // a number of the entry or of the totals
	RULE_FIELD_ENDPOINTS, // a sketch
	RULE_FIELD_LOST,      // whether the node is lost
	RULE_FIELD_RTT,       // a histogram of round-trip times, told in ms
	RULE_FIELD_HANDSHAKE, // the same of handshakes
	RULE_FIELD_LOSS,      // what a node says it lost
};

struct rule_field {
	char name[ALERT_NAME_SIZE];
	enum rule_field_kind kind;
	unsigned index; // among the values; enum loss
	double scale;   // 8 where bits are made of bytes
};

struct alert_rule {
	char name[ALERT_NAME_SIZE], description[ALERT_SUBJECT_SIZE];
	char measure[ALERT_NAME_SIZE]; // "distinct endpoints_out in 5 s": what the value is
	char actions[ALERT_ACTIONS_SIZE];
	const char *severity;
	enum alert_over over;
	enum alert_aggregate aggregate;
	struct view view; // the list, and the filter; over node and total its filter of nodes alone
	struct rule_field field, of;
	bool of_baseline, is_below;
	uint32_t window_s, at_most;
	uint64_t hold_down_ns, for_ns, baseline_ns;
	double threshold;  // fires at or above, or at or below
	double minimum;    // of the rate, of the divisor, of the entries counted: below it nothing is said
	double percentile; // 0..100
};

struct alert_rules {
	struct alert_rule list[ALERT_RULES_MAX]; // [length]
	size_t length;
	struct action actions[ACTIONS_MAX]; // [actions_length]
	size_t actions_length;
};

// Read a rule file.
//   views   that rules may name in `over`
//   error   [CONF_ERROR_SIZE], one line: file:line: what: what is allowed
int alert_rules_load(struct alert_rules *rules, const struct views *views, const char *path, char *error);
//   return  NULL: there is none of that name
const struct alert_rule *alert_rules_find(const struct alert_rules *rules, const char *name);
// Whether two rules measure the same, so that what one learnt serves the other.
bool alert_rule_measures_same(const struct alert_rule *a, const struct alert_rule *b);
bool alert_rule_has_baseline(const struct alert_rule *rule);
