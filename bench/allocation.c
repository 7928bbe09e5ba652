// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How long an allocation of bandwidth takes: one JSON object a line, with the median and the slowest run in µs of CPU
// time, which other programs of the machine change little.
//
//   allocation [RUNS]
//
// Networks are random: links of 5 to 20 Mbit/s that all are bottlenecks, one channel in eight silent, every third with
// a minimum or a cap (`global` alone). Demands and queues are drawn anew before each run, as reports would change them.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctrlplane/optimise/explain.h"
#include "ctrlplane/optimise/s1.h"

enum { RUNS_MAX = 10000 };

struct setting {
	unsigned nodes, channels;
};

struct scene {
	struct network *network;
	struct workspace workspace;
	struct allocation allocation, trial;
};

static uint64_t seed = 1;

static double between(double low, double high) {
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return low + (high - low) * (double)(seed >> 33) / (double)(1ull << 31);
}

static uint64_t cpu_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void must(int ret, const struct scene *scene) {
	if (ret >= 0)
		return;
	fprintf(stderr, "allocation: error %d: %s %s\n", ret, scene->network->error, scene->workspace.lp.error);
	exit(1);
}

static void draw(struct network *network) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		struct network_channel *channel = &network->channels[i];
		channel->demand_bps = between(0, 8) < 1 ? 0 : between(0.1e6, 10e6);
		channel->queues = (struct network_queues){.sender_before = between(0, 1e5),
			.sender_after = between(0, 1e6),
			.receiver_before = between(0, 1e5),
			.receiver_after = between(0, 2e5),
			.volume = between(0, 1e6)};
	}
}

static void build(struct scene *scene, const struct setting *setting) {
	char name[32];
	*scene = (struct scene){0};
	if (network_new(&scene->network, 1) != 0)
		exit(1);
	for (unsigned i = 0; i < setting->nodes; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		must(network_add_node(scene->network, name, between(5e6, 20e6), between(5e6, 20e6)), scene);
	}
	for (unsigned i = 0; i < setting->channels; i++) {
		struct network_channel channel = {.weight = 1, .cap_bps = INFINITY};
		channel.source = (unsigned)between(0, setting->nodes - 0.001);
		channel.destination =
			(channel.source + 1 + (unsigned)between(0, setting->nodes - 1.001)) % setting->nodes;
		snprintf(channel.name, sizeof(channel.name), "c%u", i);
		must(network_add_channel(scene->network, &channel, NULL, 0), scene);
	}
}

static int run_global(struct scene *scene) {
	int ret = network_check(scene->network);
	return ret != 0 ? ret : global_allocate(&scene->allocation, &scene->workspace, scene->network);
}

static int run_lp(struct scene *scene) {
	int ret = network_check(scene->network);
	return ret != 0 ? ret : global_by_lp(&scene->allocation, &scene->workspace, scene->network);
}

static int run_s1(struct scene *scene, enum s1_method method) {
	const struct s1_options options = {.method = method, .bottleneck = 0.95};
	int ret = network_check(scene->network);
	return ret != 0 ? ret : s1_allocate(&scene->allocation, &scene->workspace, scene->network, &options);
}

static int run_s1_lp(struct scene *scene) {
	return run_s1(scene, S1_LP);
}

static int run_s1_closed(struct scene *scene) {
	return run_s1(scene, S1_CLOSED);
}

static int run_explain(struct scene *scene) {
	struct explanation out;
	const struct explain_context context = {scene->network, &scene->allocation, &scene->workspace, &scene->trial};
	int ret = run_global(scene);
	return ret != 0 ? ret : explain_channel(&out, &context, 0, NAN);
}

static int compare(const void *a, const void *b) {
	double one = *(const double *)a, other = *(const double *)b;
	return one < other ? -1 : one > other;
}

static void measure(struct scene *scene, const struct setting *setting, const char *what, int (*run)(struct scene *),
	unsigned runs) {
	static double took_us[RUNS_MAX];
	must(run(scene), scene); // takes the memory
	for (unsigned i = 0; i < runs; i++) {
		draw(scene->network);
		uint64_t start = cpu_ns();
		must(run(scene), scene);
		took_us[i] = (double)(cpu_ns() - start) / 1000;
	}
	qsort(took_us, runs, sizeof(*took_us), compare);
	printf("{\"nodes\": %u, \"channels\": %u, \"what\": \"%s\", \"runs\": %u, \"median_us\": %.1f, \"max_us\": "
	       "%.1f}\n",
		setting->nodes, setting->channels, what, runs, took_us[runs / 2], took_us[runs - 1]);
	fflush(stdout);
}

static void add_needs(struct network *network) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		struct network_channel *channel = &network->channels[i];
		channel->weight = between(0.5, 2);
		if (i % 3 == 0)
			channel->min_bps = between(0, 0.5) * 5e6 / network->channels_length;
		else if (i % 3 == 1)
			channel->cap_bps = between(1e6, 10e6);
	}
}

int main(int argc, char **argv) {
	static const struct setting settings[] = {{8, 40}, {100, 2000}};
	unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100;
	if (runs < 1 || runs > RUNS_MAX) {
		fprintf(stderr, "allocation: \"%s\": 1..%d runs\n", argv[1], RUNS_MAX);
		return 2;
	}
	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct scene scene;
		build(&scene, &settings[i]);
		draw(scene.network);
		measure(&scene, &settings[i], "s1, closed forms", run_s1_closed, runs);
		measure(&scene, &settings[i], "s1, GLPK", run_s1_lp, runs);
		add_needs(scene.network);
		measure(&scene, &settings[i], "global", run_global, runs);
		measure(&scene, &settings[i], "global and explain", run_explain, runs);
		if (settings[i].channels <= 100) // seconds otherwise
			measure(&scene, &settings[i], "global by linear programs", run_lp, runs);
		allocation_fini(&scene.allocation);
		allocation_fini(&scene.trial);
		workspace_fini(&scene.workspace);
		network_free(scene.network);
	}
	return 0;
}
