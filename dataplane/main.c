// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// weir-dataplane: read the command line and the configuration, bring up the EAL, run the node.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include "dataplane/arguments.h"
#include "dataplane/eal_args.h"
#include "dataplane/manager.h"
#include "dataplane/plan.h"
#include "dataplane/startup.h"

_Static_assert(sizeof(((struct config_error *)NULL)->text) >= ARGUMENTS_ERROR_SIZE, "one buffer serves both");

static int bring_up_eal(struct eal_args *args) {
	// The EAL permutes and keeps the array, so it gets its own.
	char *values[EAL_ARGS_MAX + 1];
	memcpy(values, args->values, sizeof(values));
	if (rte_eal_init(args->count, values) >= 0)
		return 0;
	fprintf(stderr, "weir-dataplane: the EAL did not start: %s; its arguments were:", rte_strerror(rte_errno));
	for (int i = 1; i < args->count; i++)
		fprintf(stderr, " %s", args->values[i]);
	fprintf(stderr, "\n");
	return -ENODEV;
}

static int check(const struct node_config *config) {
	struct plan *plan = NULL;
	struct config_error error;
	int rc = plan_new(&plan, config, rte_lcore_count(), &error);
	if (rc < 0) {
		fprintf(stderr, "weir-dataplane: %s\n", rc == -EINVAL ? error.text : strerror(-rc));
		return 1;
	}
	plan_print(plan, stdout);
	printf("\n");
	plan_print_dot(plan, stdout);
	plan_free(plan);
	return startup_finish_output() < 0;
}

static int run(const struct arguments *arguments, const struct node_config *config) {
	struct eal_args eal;
	int rc = eal_args_compose(&eal, arguments->eal, arguments->eal_count, &config->eal);
	if (rc == 0 && arguments->capture && arguments->eal_count < 0 && config->eal.count == 0)
		rc = eal_args_append_lcore(&eal);
	if (rc == 0 && arguments->action == ARGUMENTS_CHECK)
		rc = eal_args_keep_lcores(&eal);
	if (rc < 0) {
		fprintf(stderr, "weir-dataplane: at most %d EAL arguments\n", EAL_ARGS_MAX);
		return 1;
	}
	manager_block_signals();
	if (bring_up_eal(&eal) < 0)
		return 1;
	int status = arguments->action == ARGUMENTS_CHECK ? check(config) : manager_run(config);
	rte_eal_cleanup();
	return status;
}

int main(int argc, char **argv) {
	struct arguments arguments;
	struct config_error error;
	int rc = arguments_parse(&arguments, argc, argv, error.text);
	if (rc < 0) {
		fprintf(stderr, "weir-dataplane: %s\n", error.text);
		arguments_free(&arguments);
		return EX_USAGE;
	}
	rc = startup_load_plugins(&arguments, &error);
	if (rc < 0) {
		fprintf(stderr, "weir-dataplane: %s\n", rc == -EINVAL ? error.text : strerror(-rc));
		arguments_free(&arguments);
		return 1;
	}
	if (arguments.action == ARGUMENTS_HELP || arguments.action == ARGUMENTS_MANUAL) {
		rc = arguments.action == ARGUMENTS_HELP ? startup_print_help(arguments.topic)
							: startup_print_manual(arguments.topic);
		arguments_free(&arguments);
		return rc < 0 ? EX_USAGE : startup_finish_output() < 0;
	}
	if (arguments.action == ARGUMENTS_VERSION) {
		printf("weir-dataplane %s, %s\n", WEIR_VERSION, rte_version());
		return 0;
	}

	struct node_config config;
	rc = startup_read_config(&arguments, &config, &error);
	int status = 1;
	if (rc < 0)
		fprintf(stderr, "weir-dataplane: %s\n", rc == -EINVAL ? error.text : strerror(-rc));
	else if (config.pipeline_count == 0 && config.controller == NULL && arguments.action == ARGUMENTS_RUN)
		fprintf(stderr,
			"weir-dataplane: nothing to do: give a capture file, --interface, --config or --controller "
			"(--help shows all)\n");
	else
		status = run(&arguments, &config);
	if (rc == 0)
		node_config_free(&config);
	arguments_free(&arguments);
	return status;
}
