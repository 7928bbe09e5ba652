// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/arguments.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/text.h"

enum { KEY_CHECK = 256, KEY_VERSION, KEY_MANUAL, KEY_CONTROLLER_KEY, KEY_ALLOWED_NODES, KEY_RESTORE };

static const struct argp_option argp_options[] = {
	{"config", 'c', "FILE", 0, "read pipelines from FILE (YAML); may be given several times", 0},
	{"node", 'n', "NAME", 0, "name of this node (default: the host's)", 0},
	{"controller", 't', "ENDPOINT", 0, "report to the controller at tcp://HOST:5570 or ipc://PATH", 0},
	{"key", 'k', "FILE", 0, "this node's secret key; a controller and nodes beyond loopback demand it", 0},
	{"controller-key", KEY_CONTROLLER_KEY, "FILE", 0, "the controller's public key", 0},
	{"allowed-nodes", KEY_ALLOWED_NODES, "PATH", 0,
		"public keys of other nodes, a folder or a file: encrypts links", 0},
	{"plugin", 'p', "FILE", 0, "load operator types of your own from FILE; may be given several times", 0},
	{"set", 's', "OPERATOR.OPTION=VALUE", 0, "change one option; may be given several times", 0},
	{"interface", 'i', "IF", 0, "capture from a network interface", 0},
	{"restore", KEY_RESTORE, "DIR", 0, "go on from a snapshot (weirctl snapshot)", 0},
	{"check", KEY_CHECK, NULL, 0, "read, check and plan; print the plan as text and as Graphviz dot; start nothing",
		0},
	{"help", 'h', "OPERATOR", OPTION_ARG_OPTIONAL, "this text, or the options of one operator", 0},
	{"manual", KEY_MANUAL, "OPERATOR", OPTION_ARG_OPTIONAL | OPTION_HIDDEN, NULL, 0},
	{"version", KEY_VERSION, NULL, 0, "print the version", 0},
	{0},
};

static const char argp_text[] =
	"Analyse packets on many cores: a node of weir.\v"
	"  weir-dataplane CAPTURE.pcap         flow records as JSON lines, on stdout\n"
	"  weir-dataplane --interface eth0     the same, live, until Ctrl-C\n"
	"  weir-dataplane -l 0-3 -a 0000:3b:00.0 -- --config conf/flow-monitor.yaml\n"
	"\n"
	"What stands before ` -- ` are the EAL's arguments, as for every DPDK program; without ` -- ` they come from "
	"`eal:` in the configuration, or are chosen so that neither root nor huge pages are needed.\n"
	"\n"
	"Exit: 0 all went well (SIGTERM, SIGINT and SIGHUP included), 1 something was lost or could not be started, "
	"64 the command line is wrong.";

struct parsing {
	struct arguments *arguments;
	char *error; // [ARGUMENTS_ERROR_SIZE]
};

__attribute__((format(printf, 2, 3))) static int refuse(char *error, const char *format, ...) {
	va_list list;
	va_start(list, format);
	vsnprintf(error, ARGUMENTS_ERROR_SIZE, format, list);
	va_end(list);
	return EINVAL;
}

static int add_setting(struct parsing *parsing, const char *setting) {
	struct arguments *arguments = parsing->arguments;
	if (arguments->setting_count == ARGUMENTS_SETTINGS_MAX)
		return refuse(parsing->error, "--set: at most %d of them", ARGUMENTS_SETTINGS_MAX);
	arguments->settings[arguments->setting_count++] = setting;
	return 0;
}

static int add_made_setting(struct parsing *parsing, const char *name, const char *value) {
	struct arguments *arguments = parsing->arguments;
	char *setting = NULL;
	if (arguments->owned_count == ARGUMENTS_OWNED_MAX)
		return refuse(parsing->error, "%s: given more than once", name);
	if (asprintf(&setting, "%s=%s", name, value) < 0)
		return ENOMEM;
	arguments->owned[arguments->owned_count++] = setting;
	return add_setting(parsing, setting);
}

static int add_plugin(struct parsing *parsing, const char *path) {
	struct arguments *arguments = parsing->arguments;
	if (arguments->plugin_count == ARGUMENTS_PLUGINS_MAX)
		return refuse(parsing->error, "--plugin: at most %d files", ARGUMENTS_PLUGINS_MAX);
	arguments->plugins[arguments->plugin_count++] = path;
	return 0;
}

static int take_capture(struct parsing *parsing, const char *path) {
	struct arguments *arguments = parsing->arguments;
	if (arguments->action == ARGUMENTS_HELP && arguments->topic == NULL) {
		arguments->topic = path;
		return 0;
	}
	if (arguments->capture)
		return refuse(parsing->error, "\"%s\": only one capture file can be given", path);
	arguments->capture = true;
	return add_made_setting(parsing, "source.path", path);
}

// argp does not say what it refuses, so look at the word itself.
static void refuse_option(char *error, const char *word) {
	size_t length = strcspn(word, "=");
	struct text_names names = {0};
	char quoted[256] = "";
	text_append_quoted(quoted, sizeof(quoted), word);
	for (const struct argp_option *option = argp_options; option->name != NULL; option++) {
		char short_name[] = {'-', option->key < 256 ? (char)option->key : '-', '\0'};
		bool is_it = length > 2 && strlen(option->name) == length - 2 &&
			     strncmp(word + 2, option->name, length - 2) == 0;
		if (is_it || strcmp(word, short_name) == 0) {
			refuse(error, option->arg != NULL ? "%s: expected a value: --%s %s" : "%s: --%s takes no value",
				quoted, option->name, option->arg);
			return;
		}
		text_names_add(&names, option->name);
	}
	const char *nearest = text_nearest(length > 2 ? word + 2 : "", &names);
	refuse(error, "%s: unknown option%s%s; --help shows all", quoted, nearest != NULL ? ", did you mean --" : "",
		nearest != NULL ? nearest : "");
}

// The node's setting that an option stands for.
static const char *node_setting(int key) {
	switch (key) {
	case 'n':
		return "node";
	case 't':
		return "controller";
	case 'k':
		return "key";
	case KEY_CONTROLLER_KEY:
		return "controller_key";
	case KEY_ALLOWED_NODES:
		return "allowed_nodes";
	default:
		return "restore";
	}
}

static error_t take_argument(int key, char *value, struct argp_state *state) {
	struct parsing *parsing = state->input;
	struct arguments *arguments = parsing->arguments;
	switch (key) {
	case 'c':
		if (arguments->file_count == ARGUMENTS_FILES_MAX)
			return refuse(parsing->error, "--config: at most %d files", ARGUMENTS_FILES_MAX);
		arguments->files[arguments->file_count++] = value;
		return 0;
	case 'n':
	case 't':
	case 'k':
	case KEY_CONTROLLER_KEY:
	case KEY_ALLOWED_NODES:
	case KEY_RESTORE:
		return add_made_setting(parsing, node_setting(key), value);
	case 'p':
		return add_plugin(parsing, value);
	case 's':
		return add_setting(parsing, value);
	case 'i':
		arguments->interface = true;
		return add_made_setting(parsing, "source.interface", value);
	case 'h':
		arguments->action = ARGUMENTS_HELP;
		arguments->topic = value;
		return 0;
	case KEY_MANUAL:
		arguments->action = ARGUMENTS_MANUAL;
		arguments->topic = value;
		return 0;
	case KEY_CHECK:
		arguments->action = ARGUMENTS_CHECK;
		return 0;
	case KEY_VERSION:
		arguments->action = ARGUMENTS_VERSION;
		return 0;
	case ARGP_KEY_ARG:
		return take_capture(parsing, value);
	case ARGP_KEY_ERROR:
		// In the middle of -abc the word is not passed yet.
		if (parsing->error[0] == '\0')
			refuse_option(
				parsing->error, state->argv[state->next - (state->argv[state->next - 1][0] == '-')]);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = take_argument,
	.args_doc = "[CAPTURE]",
	.doc = argp_text,
};

int arguments_parse(struct arguments *arguments, int argc, char **argv, char *error) {
	*arguments = (struct arguments){.eal_count = -1};
	int own = 1;
	for (int i = 1; i < argc && own == 1; i++)
		if (strcmp(argv[i], "--") == 0) {
			arguments->eal_count = i - 1;
			arguments->eal = argv + 1;
			own = i + 1;
		}
	// weir's part with the program's name before it, as argp wants it.
	char *name = argv[0];
	char **rest = argv + own - 1;
	rest[0] = name;
	struct parsing parsing = {arguments, error};
	error[0] = '\0';
	error_t rc =
		argp_parse(&argp, argc - own + 1, rest, ARGP_NO_HELP | ARGP_NO_ERRS | ARGP_IN_ORDER, NULL, &parsing);
	if (rc == 0 && arguments->capture && arguments->interface)
		rc = refuse(error, "a capture file and --interface exclude each other");
	if (rc != 0 && error[0] == '\0')
		refuse(error, "%s", strerror(rc));
	return -rc;
}

void arguments_free(struct arguments *arguments) {
	for (unsigned i = 0; i < arguments->owned_count; i++)
		free(arguments->owned[i]);
	arguments->owned_count = 0;
}

void arguments_print_usage(FILE *out) {
	char name[] = "weir-dataplane";
	argp_help(&argp, out, ARGP_HELP_STD_HELP & ~(ARGP_HELP_EXIT_OK | ARGP_HELP_EXIT_ERR), name);
}
