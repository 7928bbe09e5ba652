// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/explain.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/units.h"

static const double more = 1.1; // times the capacity, that is tried

static char *rate_text(double rate_bps, char out[UNITS_SIZE]) {
	if (isinf(rate_bps))
		snprintf(out, UNITS_SIZE, "any rate");
	else
		units_rate(rate_bps, "bit/s", out);
	return out;
}

// The channel's rate with one number of the network changed, which is put back.
static int try(
	const struct explain_context *context, unsigned channel, double *number, double value, double *rate_bps) {
	double before = *number;
	*number = value;
	int ret = global_allocate(context->trial, context->workspace, context->network);
	*number = before;
	if (ret == 0)
		*rate_bps = context->trial->rates_bps[channel];
	return ret;
}

static int try_all(struct explanation *out, const struct explain_context *context, unsigned channel) {
	struct network_channel *of = &context->network->channels[channel];
	int ret = try(context, channel, &of->weight, 2 * of->weight, &out->with_weight_bps);
	if (ret == 0)
		ret = try(context, channel, &of->cap_bps, INFINITY, &out->without_cap_bps);
	if (ret == 0 && out->bottleneck != NETWORK_NONE) {
		double *capacity = &context->network->links[out->bottleneck].capacity_bps;
		ret = try(context, channel, capacity, more * *capacity, &out->with_capacity_bps);
	}
	return ret;
}

static double wanted(const struct network *network, const struct network_link *link) {
	double sum = 0;
	for (unsigned i = 0; i < link->length; i++)
		sum += network->channels[network->members[link->first + i]].demand_bps;
	return sum;
}

__attribute__((format(printf, 2, 3))) static void tell(struct explanation *out, const char *format, ...) {
	size_t used = strlen(out->text);
	va_list args;
	va_start(args, format);
	vsnprintf(out->text + used, EXPLAIN_SIZE - used, format, args);
	va_end(args);
}

static void tell_rate(struct explanation *out, const struct network_channel *channel) {
	char demand[UNITS_SIZE], rate[UNITS_SIZE], before[UNITS_SIZE];
	tell(out, "%s: offers %s, may send %s", channel->name, rate_text(out->demand_bps, demand),
		rate_text(out->rate_bps, rate));
	if (out->share < 1)
		tell(out, " (%.3g %% of it)", 100 * out->share);
	if (isnan(out->before_bps))
		tell(out, ", new");
	else
		tell(out, ", before %s", rate_text(out->before_bps, before));
}

static void tell_bottleneck(struct explanation *out, const struct network_link *link, double capacity_bps) {
	char capacity[UNITS_SIZE], all[UNITS_SIZE], tenth[UNITS_SIZE], then[UNITS_SIZE];
	tell(out, ". Held by %s: its %u channel%s offer %s, it has %s", link->name, link->length,
		link->length == 1 ? "" : "s", rate_text(out->wanted_bps, all), rate_text(capacity_bps, capacity));
	if (out->price > 0)
		tell(out, "; its price: %.3g %% of this demand per Mbit/s more", 1e8 * out->price);
	tell(out, ". With %s more there: %s", rate_text((more - 1) * capacity_bps, tenth),
		rate_text(out->with_capacity_bps, then));
}

static void tell_what_would_be(struct explanation *out, const struct network_channel *channel) {
	char rate[UNITS_SIZE], cap[UNITS_SIZE], room[UNITS_SIZE];
	if (out->share < 1)
		tell(out, "; with weight %.3g instead of %.3g: %s", 2 * channel->weight, channel->weight,
			rate_text(out->with_weight_bps, rate));
	if (!isinf(channel->cap_bps))
		tell(out, "; without its cap of %s: %s", rate_text(channel->cap_bps, cap),
			rate_text(out->without_cap_bps, rate));
	tell(out, ". A minimum of %s could be promised to it", rate_text(out->room_bps, room));
}

int explain_channel(
	struct explanation *out, const struct explain_context *context, unsigned channel, double before_bps) {
	const struct network *network = context->network;
	const struct network_channel *of = &network->channels[channel];
	*out = (struct explanation){.demand_bps = of->demand_bps,
		.rate_bps = context->allocation->rates_bps[channel],
		.before_bps = before_bps,
		.share = context->allocation->shares[channel],
		.bottleneck = context->allocation->bottlenecks[channel],
		.room_bps = network_room(network, channel)};
	int ret = try_all(out, context, channel);
	if (ret != 0)
		return ret;
	tell_rate(out, of);
	if (out->bottleneck != NETWORK_NONE) {
		const struct network_link *link = &network->links[out->bottleneck];
		out->price = context->allocation->prices[out->bottleneck] * of->weight;
		out->wanted_bps = wanted(network, link);
		tell_bottleneck(out, link, link->capacity_bps);
	} else {
		tell(out, out->share < 1 ? ". No link holds it, its cap does" : ". Nothing holds it back");
	}
	tell_what_would_be(out, of);
	return 0;
}
