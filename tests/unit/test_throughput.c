// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What applications make of rates and the most that is possible, in the cases that the experiments use: a join beside a
// channel on one downlink (3), joins over coupled uplinks (2.5 and 2.1), what S1's gains say of the sizes of tuples,
// and the example graph of its Figure 1.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "ctrlplane/optimise/global.h"
#include "ctrlplane/optimise/throughput.h"
#include "tests/unit/random_network.h"

enum { CHANNELS_MAX = 32, APPLICATIONS_MAX = 8 };

static struct workspace workspace;
static struct allocation found;

// A network with its applications.
struct world {
	struct network *network;
	double bits[CHANNELS_MAX], prices[CHANNELS_MAX];
	struct application applications[APPLICATIONS_MAX];
	struct throughput throughput;
};

static void near(double value, double wanted) {
	if (!(fabs(value - wanted) <= 1e-6 * fmax(1, fabs(wanted))))
		fail_msg("%.9g: %.9g wanted", value, wanted);
}

static void setup(struct world *world, unsigned nodes, unsigned applications) {
	*world = (struct world){0};
	assert_int_equal(network_new(&world->network, 1), 0);
	for (unsigned i = 0; i < nodes; i++)
		add_node(world->network, 100e6, 100e6);
	for (unsigned i = 0; i < applications; i++)
		world->applications[i] = (struct application){.demand = INFINITY, .weight = 1};
	world->throughput = (struct throughput){.network = world->network,
		.bits = world->bits,
		.applications = world->applications,
		.length = applications,
		.prices = world->prices};
}

// A channel that carries so many bits per tuple at its application's sink.
static void connect(
	struct world *world, unsigned application, const unsigned *from_to, double bits, double demand_bps) {
	world->bits[world->network->channels_length] = bits;
	add_channel(world->network, from_to[0], from_to[1], demand_bps)->application = application;
}

static void fair(struct world *world) {
	assert_int_equal(network_check(world->network), 0);
	assert_int_equal(fair_allocate(&found, &workspace, world->network), 0);
	throughput_of(&world->throughput, found.rates_bps);
}

static void global(struct world *world) {
	assert_int_equal(network_check(world->network), 0);
	assert_int_equal(global_allocate(&found, &workspace, world->network), 0);
	throughput_of(&world->throughput, found.rates_bps);
}

static double worst_share(const struct world *world) {
	double least = 1;
	for (unsigned i = 0; i < world->throughput.length; i++)
		least = fmin(least, world->applications[i].throughput / world->applications[i].demand);
	return least;
}

// One 12 Mbit/s downlink: A is a five-way pairing join of 2 Mbit/s each, B a channel of 10.
static void test_join_beside_a_channel(void **state) {
	struct world world;
	double level;
	setup(&world, 7, 2);
	world.network->links[world.network->nodes[6].downlink].capacity_bps = 12e6;
	for (unsigned i = 0; i < 5; i++)
		connect(&world, 0, (const unsigned[]){i, 6}, 1000, 2e6);
	connect(&world, 1, (const unsigned[]){5, 6}, 1000, 10e6);
	world.applications[0].demand = 2000;
	world.applications[1].demand = 10000;
	fair(&world);
	near(world.applications[0].throughput, 2000);
	near(world.applications[1].throughput, 2000);
	near(worst_share(&world), 0.2);
	global(&world);
	near(world.applications[0].throughput, 1200);
	near(world.applications[1].throughput, 6000);
	near(worst_share(&world), 0.6);
	assert_int_equal(throughput_fairest(&world.throughput, &workspace.lp, &level), 0);
	near(level, 0.6); // no rates serve the worst better
	near(world.prices[world.network->nodes[6].downlink] * 20e6, 1);
	network_free(world.network);
}

enum { JOINS = 4 };

// Four uplinks of 10 Mbit/s; four joins that use all of them; a pipeline of one channel on each. Tuples of 1 Mbit.
static void coupled(struct world *world, double demand_bps) {
	setup(world, 3 * JOINS, 2 * JOINS);
	for (unsigned i = 0; i < JOINS; i++) {
		world->network->links[world->network->nodes[i].uplink].capacity_bps = 10e6;
		for (unsigned join = 0; join < JOINS; join++)
			connect(world, join, (const unsigned[]){i, JOINS + join}, 1e6, demand_bps);
		connect(world, JOINS + i, (const unsigned[]){i, 2 * JOINS + i}, 1e6, demand_bps);
	}
}

static void test_coupled_uplinks(void **state) {
	struct world world;
	coupled(&world, 10e6);
	fair(&world);
	double by_tcp = throughput_sum(&world.throughput);
	near(by_tcp, 16);
	assert_int_equal(throughput_total(&world.throughput, &workspace.lp), 0);
	near(throughput_sum(&world.throughput), 40);
	near(throughput_sum(&world.throughput) / by_tcp, 2.5);
	for (unsigned i = 0; i < JOINS; i++)
		near(world.applications[i].throughput, 0);
	for (unsigned i = 0; i < JOINS; i++)
		world.applications[i].floor = 0.5;
	assert_int_equal(throughput_total(&world.throughput, &workspace.lp), 0);
	near(throughput_sum(&world.throughput), 34);
	near(throughput_sum(&world.throughput) / by_tcp, 2.125);
	network_free(world.network);
}

// `global` knows channels, not joins: equal demands get equal rates, 16 again. Minimum rates of 0.5 for the joins'
// channels and a large weight for the pipelines give all that is possible with that floor.
static void test_coupled_uplinks_by_rates(void **state) {
	struct world world;
	coupled(&world, 10e6);
	global(&world);
	near(throughput_sum(&world.throughput), 16);
	for (unsigned i = 0; i < world.network->channels_length; i++) {
		struct network_channel *channel = &world.network->channels[i];
		if (channel->application < JOINS)
			channel->min_bps = 0.5e6;
		else
			channel->weight = 100;
	}
	global(&world);
	near(throughput_sum(&world.throughput), 34);
	network_free(world.network);
}

static void test_floors_that_do_not_fit(void **state) {
	struct world world;
	coupled(&world, 10e6);
	for (unsigned i = 0; i < JOINS; i++)
		world.applications[i].floor = 3;
	assert_int_equal(network_check(world.network), 0);
	assert_int_equal(throughput_total(&world.throughput, &workspace.lp), -ERANGE);
	network_free(world.network);
}

// Greedy channels of a join on one link: n tuples a second by fair rates, the most by any.
static double join_gain(const double *bits, unsigned length) {
	struct world world;
	setup(&world, length + 1, 1);
	world.network->links[world.network->nodes[length].downlink].capacity_bps = 10e6;
	for (unsigned i = 0; i < length; i++)
		connect(&world, 0, (const unsigned[]){i, length}, bits[i], 50e6);
	fair(&world);
	double by_tcp = world.applications[0].throughput;
	assert_int_equal(throughput_total(&world.throughput, &workspace.lp), 0);
	double gain = world.applications[0].throughput / by_tcp - 1;
	network_free(world.network);
	return gain;
}

// A pairing join of tuples of a < b bytes with queues without a bound: 2b/(a+b) - 1. S1's figures follow from no sizes
// in its text; these are the sizes that they imply, if one link with two channels is all there is.
static void test_gain_of_a_join_tells_the_sizes(void **state) {
	const struct { double gain, ratio; } rows[] = {{0.17, 0.7094}, {0.47, 0.3605}, {0.33, 0.5038}, {0.309, 0.5279}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const double bits[] = {rows[i].ratio * 1e4, 1e4};
		assert_true(fabs(join_gain(bits, 2) - rows[i].gain) < 1e-4);
		near(join_gain(bits, 2), 2 / (1 + rows[i].ratio) - 1);
	}
	near(join_gain((const double[]){1e4, 1e4}, 2), 0);
	near(join_gain((const double[]){1e3, 1e3, 4e3}, 3), 3 * 4 / 6.0 - 1);
}

// S1's Figure 1: Split sends skills and jobs to two extractors, whose tags are merged, counted by tag and ranked. Two
// instances each, one of TopK; each update gives one skill and one job.
enum { SPLIT, SKILL, JOB, MERGE, COUNT, TOPK, OPERATORS };

struct figure_stream {
	unsigned from, to;
	double bits; // for each update, over all its channels
};

struct placement {
	double gain; // over fair rates: channels on the bottleneck times the largest, over their sum, less 1
	unsigned machines[OPERATORS][2];
};

static const struct placement placements[] = {
	{7 / 3.25 - 1, {{0, 1}, {2, 3}, {0, 1}, {2, 3}, {0, 1}, {2, 2}}}, // that of the figure's caption: round-robin
	{10 / 4.0 - 1, {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {0, 0}, {1, 1}}}, // operator by operator
	{7 / 3.25 - 1, {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {1, 2}, {3, 3}}},
};

static void build_figure(
	struct world *world, const struct placement *placement, const struct figure_stream *streams, unsigned length) {
	setup(world, 4, 1);
	for (unsigned i = 0; i < 2 * 4; i++)
		world->network->links[i].capacity_bps = 10e6;
	for (unsigned s = 0; s < length; s++) {
		unsigned receivers = streams[s].to == TOPK ? 1 : 2;
		for (unsigned from = 0; from < 2; from++)
			for (unsigned to = 0; to < receivers; to++) {
				const unsigned from_to[] = {placement->machines[streams[s].from][from],
					placement->machines[streams[s].to][to]};
				if (from_to[0] != from_to[1])
					connect(world, 0, from_to, streams[s].bits / (2 * receivers), 100e6);
			}
	}
}

// The most that the links allow: the least of C / bits of a tuple at the sink.
static double by_hand(const struct world *world) {
	const struct network *network = world->network;
	double best = INFINITY;
	for (unsigned i = 0; i < network->links_length; i++) {
		double bits = 0;
		for (unsigned j = 0; j < network->links[i].length; j++)
			bits += world->bits[network->members[network->links[i].first + j]];
		best = fmin(best, network->links[i].capacity_bps / bits);
	}
	return best;
}

// All its tuples of one size. S1's +17, +47 and +33 % can't be had from the text, which names neither the placements
// TP1 to TP3 nor the sizes; these are the gains that follow from what it does name, for queues without a bound.
static void test_example_graph(void **state) {
	static const struct figure_stream streams[] = {{SPLIT, SKILL, 1e4}, {SPLIT, JOB, 1e4}, {SKILL, MERGE, 1e4},
		{JOB, MERGE, 1e4}, {MERGE, COUNT, 2e4}, {COUNT, TOPK, 2e4}};
	for (unsigned i = 0; i < sizeof(placements) / sizeof(placements[0]); i++) {
		struct world world;
		build_figure(&world, &placements[i], streams, sizeof(streams) / sizeof(streams[0]));
		fair(&world);
		double by_tcp = world.applications[0].throughput;
		assert_int_equal(throughput_total(&world.throughput, &workspace.lp), 0);
		double best = world.applications[0].throughput;
		near(best, by_hand(&world));
		near(best / by_tcp - 1, placements[i].gain);
		// Bounded queues: sources that are slowed to what the slowest channel takes lose nothing by fair rates.
		for (unsigned j = 0; j < world.network->channels_length; j++)
			world.network->channels[j].demand_bps = world.bits[j] * best;
		fair(&world);
		near(world.applications[0].throughput, best);
		network_free(world.network);
	}
}

static int fini(void **state) {
	workspace_fini(&workspace);
	allocation_fini(&found);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_beside_a_channel),
		cmocka_unit_test(test_coupled_uplinks),
		cmocka_unit_test(test_coupled_uplinks_by_rates),
		cmocka_unit_test(test_floors_that_do_not_fit),
		cmocka_unit_test(test_gain_of_a_join_tells_the_sizes),
		cmocka_unit_test(test_example_graph),
	};
	return cmocka_run_group_tests(tests, NULL, fini);
}
