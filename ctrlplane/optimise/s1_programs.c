// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// S1's two programs on one link, each by GLPK and in closed form. GLPK gets them in parts of the capacity.
#include <math.h>

#include "ctrlplane/optimise/s1.h"

static const double least_consumed = 0.01; // of an equal part of the link, that a receiver counts as consuming

static double need(const struct s1_link *link, unsigned channel) {
	return fmax(link->numbers[channel], 0);
}

static double total_need(const struct s1_link *link) {
	double sum = 0;
	for (unsigned i = 0; i < link->length; i++)
		sum += need(link, i);
	return sum;
}

static double consumed(const struct s1_link *link, unsigned channel) {
	return fmax(link->numbers[channel], least_consumed * link->capacity_bps / link->length);
}

// How long the queue of a channel keeps its receiver busy, with nothing more sent.
static double backlog_s(const struct s1_link *link, unsigned channel) {
	return link->queues[channel] / consumed(link, channel);
}

static void share_equally(struct s1_link *link) {
	for (unsigned i = 0; i < link->length; i++)
		link->rates_bps[i] = link->capacity_bps / link->length;
	link->price = 0;
}

void s1_uplink_closed(struct s1_link *link) {
	double sum = total_need(link);
	if (!(sum > 0)) {
		share_equally(link);
		return;
	}
	for (unsigned i = 0; i < link->length; i++)
		link->rates_bps[i] = link->capacity_bps * need(link, i) / sum;
	link->price = 1 / sum;
}

// The level τ in s that the channels have whose backlog is below it, and what they consume. That set only shrinks as τ
// falls, so that it is found without sorting.
static double find_level(const struct s1_link *link, double *consumed_bps) {
	double limit = INFINITY, before;
	do {
		double bits = link->capacity_bps * link->interval_s;
		before = limit;
		*consumed_bps = 0;
		for (unsigned i = 0; i < link->length; i++) {
			if (backlog_s(link, i) >= before)
				continue;
			bits += link->queues[i];
			*consumed_bps += consumed(link, i);
		}
		limit = bits / *consumed_bps;
	} while (limit < before);
	return limit;
}

void s1_downlink_closed(struct s1_link *link) {
	double consumed_bps, limit_s = find_level(link, &consumed_bps);
	for (unsigned i = 0; i < link->length; i++)
		link->rates_bps[i] = fmax(0, limit_s * consumed(link, i) - link->queues[i]) / link->interval_s;
	link->price = link->interval_s / consumed_bps;
}

// Columns: the rates, then z. Rows: x_f - A_f·z >= 0, then the sum.
int s1_uplink_lp(struct s1_link *link, struct lp *lp) {
	unsigned length = link->length;
	double sum = total_need(link);
	if (!(sum > 0)) {
		share_equally(link);
		return 0;
	}
	int ret = lp_init(lp, length + 1, length + 1, 3 * length);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < length; i++) {
		lp_row(lp, i, 0, INFINITY);
		lp_set(lp, i, i, 1);
		lp_set(lp, i, length, -need(link, i) / sum);
		lp_set(lp, length, i, 1);
	}
	lp_row(lp, length, 1, 1);
	lp_column(lp, length, 0, INFINITY, 1);
	ret = lp_maximise(lp);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < length; i++)
		link->rates_bps[i] = lp->values[i] * link->capacity_bps;
	link->price = lp->prices[length] / sum;
	return 0;
}

// Columns: the rates, then τ/Δ. Rows: τ/Δ·r_f - x_f >= L_f/Δ, then the sum. A channel whose rate is 0 already is out.
static int pose_downlink(const struct s1_link *link, struct lp *lp) {
	unsigned length = link->length;
	double bits = link->capacity_bps * link->interval_s;
	int ret = lp_init(lp, length + 1, length + 1, 3 * length);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < length; i++) {
		if (link->rates_bps[i] == 0) {
			lp_column(lp, i, 0, 0, 0);
			continue;
		}
		lp_row(lp, i, link->queues[i] / bits, INFINITY);
		lp_set(lp, i, length, consumed(link, i) / link->capacity_bps);
		lp_set(lp, i, i, -1);
		lp_set(lp, length, i, 1);
	}
	lp_row(lp, length, 1, 1);
	lp_column(lp, length, 0, INFINITY, 1);
	return lp_minimise(lp);
}

// Whether a queue alone is what the solution's τ comes from.
static int is_left_open(const struct s1_link *link, const struct lp *lp) {
	double limit_s = lp->values[link->length] * link->interval_s;
	for (unsigned i = 0; i < link->length; i++)
		if (link->rates_bps[i] != 0 && backlog_s(link, i) >= limit_s * (1 - 1e-9))
			return 1;
	return 0;
}

int s1_downlink_lp(struct s1_link *link, struct lp *lp) {
	unsigned length = link->length;
	for (unsigned i = 0; i < length; i++)
		link->rates_bps[i] = INFINITY;
	int ret = pose_downlink(link, lp);
	if (ret == 0 && is_left_open(link, lp)) {
		double consumed_bps, limit_s = find_level(link, &consumed_bps);
		for (unsigned i = 0; i < length; i++)
			if (backlog_s(link, i) >= limit_s)
				link->rates_bps[i] = 0;
		ret = pose_downlink(link, lp);
	}
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < length; i++)
		link->rates_bps[i] = lp->values[i] * link->capacity_bps;
	link->price = lp->prices[length] * link->interval_s / link->capacity_bps;
	return 0;
}
