// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/startup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/manual.h"
#include "dataplane/plugin.h"
#include "dataplane/text.h"

// The built-in pipelines are the files in conf/, made part of the program by the build.
static const char flow_file[] =
#include "dataplane/flow-file.yaml.inc"
	;
static const char flow_monitor[] =
#include "dataplane/flow-monitor.yaml.inc"
	;

int startup_load_plugins(const struct arguments *arguments, struct config_error *error) {
	char message[400];
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < arguments->plugin_count; i++) {
		ret = plugin_load(arguments->plugins[i], ".", message, sizeof(message));
		if (ret != -EINVAL)
			continue;
		strcpy(error->text, "--plugin: ");
		text_append_quoted(error->text, sizeof(error->text), arguments->plugins[i]);
		text_append(error->text, sizeof(error->text), ": %s", message);
	}
	return ret;
}

int startup_read_config(const struct arguments *arguments, struct node_config *config, struct config_error *error) {
	if (arguments->file_count > 0)
		return node_config_read(arguments->files, arguments->file_count, arguments->settings,
			arguments->setting_count, config, error);
	if (!arguments->capture && !arguments->interface)
		return node_config_read(NULL, 0, arguments->settings, arguments->setting_count, config, error);

	// Live, the records go to standard output as those of a file do, unless a setting says otherwise.
	const char *settings[ARGUMENTS_SETTINGS_MAX + 1] = {"sink.path=-"};
	unsigned count = arguments->interface ? 1 : 0;
	memcpy(settings + count, arguments->settings, arguments->setting_count * sizeof(settings[0]));
	count += arguments->setting_count;
	if (arguments->interface)
		return node_config_parse(
			"(built-in flow-monitor)", flow_monitor, strlen(flow_monitor), settings, count, config, error);
	return node_config_parse("(built-in flow-file)", flow_file, strlen(flow_file), settings, count, config, error);
}

static void print_operator(const struct operator_type *type) {
	printf("%s: %s\n", type->name, type->summary);
	if (type->options != NULL)
		option_print_help(type->options, stdout);
	for (unsigned i = 0; type->drops != NULL && type->drops[i] != NULL; i++)
		printf("%s%s", i == 0 ? "\nDrops by name: " : ", ", type->drops[i]);
	printf("%s", type->drops != NULL && type->drops[0] != NULL ? "\n" : "");
}

static int check_topic(const char *option, const char *topic) {
	if (topic == NULL || operator_type_lookup(topic) != NULL)
		return 0;
	const char *library = operator_type_missing_library(topic);
	if (library != NULL)
		fprintf(stderr, "weir-dataplane: %s: \"%s\": built without %s; there are:", option, topic, library);
	else
		fprintf(stderr, "weir-dataplane: %s: \"%s\": no such operator type; there are:", option, topic);
	for (const struct operator_type *type = NULL; (type = operator_type_next(type)) != NULL;)
		fprintf(stderr, " %s", type->name);
	fprintf(stderr, "\n");
	return -EINVAL;
}

int startup_print_help(const char *topic) {
	if (check_topic("--help", topic) < 0)
		return -EINVAL;
	if (topic != NULL) {
		print_operator(operator_type_lookup(topic));
		return 0;
	}
	arguments_print_usage(stdout);
	printf("\nSettings of the node (--set NAME=VALUE, or at the top of a configuration file):\n");
	option_print_help(node_options, stdout);
	printf("\nOperators (--help=OPERATOR shows one):\n");
	for (const struct operator_type *type = NULL; (type = operator_type_next(type)) != NULL;)
		printf("  %-12s %s\n", type->name, type->summary);
	return 0;
}

int startup_print_manual(const char *topic) {
	if (check_topic("--manual", topic) < 0)
		return -EINVAL;
	if (topic != NULL)
		return manual_print_operator(stdout, topic);
	char *usage = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&usage, &size);
	if (out == NULL)
		return -ENOMEM;
	arguments_print_usage(out);
	int failed = fclose(out);
	if (failed == 0)
		manual_print_program(stdout, usage);
	free(usage);
	return failed == 0 ? 0 : -ENOMEM;
}

int startup_finish_output(void) {
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "weir-dataplane: standard output: %s\n", strerror(errno));
	return -EIO;
}
