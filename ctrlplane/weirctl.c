// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// weirctl: a person's hand on the controller. docs/man/weirctl.1 is its manual, with the exit codes.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/clock.h"
#include "ctrlplane/weirctl_request.h"
#include "ctrlplane/weirctl_show.h"
#include "ctrlplane/weirctl_table.h"

static const char usage[] =
	"usage: weirctl [OPTION]... COMMAND\n"
	"\n"
	"  status                              nodes, rates, Redis, alerts\n"
	"  top [flows|hosts|ports|prefixes|applications]\n"
	"                                      the greatest of a sliding window\n"
	"  tcp                                 round-trip times and retransmissions, the worst prefixes first\n"
	"  paths                               delay and loss between nodes that see the same flows\n"
	"  operators                           what each instance did with its tuples\n"
	"  alerts                              what fires now; with --all, what ended lately too\n"
	"  reload                              have the controller read its configuration and alert rules again\n"
	"\n"
	"  --window SECONDS       of `top` and `tcp`, up to the controller's longest (default: its shortest)\n"
	"  --limit N              entries of a list, 1..1000 (default: the controller's, 20)\n"
	"  --node NAME            of `top`, `tcp` and `operators`: this node alone\n"
	"  --all                  of `alerts`: the recent history as well\n"
	"  --json                 the controller's answer as it is\n"
	"  --watch[=SECONDS]      again and again, every 2 s unless said otherwise (0.1..3600)\n"
	"  --controller ENDPOINT  tcp://HOST:PORT or ipc://PATH (default: $WEIR_CONTROLLER, tcp://127.0.0.1:5570)\n"
	"  --timeout SECONDS      to wait for an answer (0.1..3600, default 2)\n"
	"  --help, --version\n"
	"\n"
	"exit: 0 answered, 1 the controller refused, 2 no controller there, 64 usage\n";

static const struct command {
	const char *name;
	void (*show)(const json_t *answer, FILE *file);
	const char *words; // its argument, one of these between spaces; NULL: it takes none
	bool has_node;     // takes --node
} commands[] = {
	{"status", show_status, NULL, false},
	{"top", show_top, " flows hosts ports prefixes applications ", true},
	{"tcp", show_tcp, NULL, true},
	{"paths", show_paths, NULL, false},
	{"operators", show_operators, NULL, true},
	{"alerts", show_alerts, NULL, false},
	{"reload", show_reload, NULL, false},
};

struct arguments {
	const struct command *command;
	const char *controller, *what, *node;
	uint32_t window_s, limit, timeout_ms, watch_ms; // watch 0: once
	bool is_json, is_all;
};

enum {
	OPTION_WINDOW = 1,
	OPTION_LIMIT,
	OPTION_NODE,
	OPTION_ALL,
	OPTION_JSON,
	OPTION_WATCH,
	OPTION_CONTROLLER,
	OPTION_TIMEOUT,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option options[] = {
	{"window", required_argument, NULL, OPTION_WINDOW},
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{"node", required_argument, NULL, OPTION_NODE},
	{"all", no_argument, NULL, OPTION_ALL},
	{"json", no_argument, NULL, OPTION_JSON},
	{"watch", optional_argument, NULL, OPTION_WATCH},
	{"controller", required_argument, NULL, OPTION_CONTROLLER},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

// Parse a number, scaled to a whole one.
static bool parse_scaled(const char *name, const char *text, double scale, const double range[2], uint32_t *out) {
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value >= range[0] && value <= range[1])) {
		fprintf(stderr, "weirctl: --%s: \"%s\": expected a number, %g..%g\n", name, text, range[0], range[1]);
		return false;
	}
	*out = (uint32_t)(value * scale);
	return true;
}

static bool option_take(int option, struct arguments *out) {
	static const double windows[] = {1, 600}, limits[] = {1, 1000}, times[] = {0.1, 3600};
	switch (option) {
	case OPTION_WINDOW:
		return parse_scaled("window", optarg, 1, windows, &out->window_s);
	case OPTION_LIMIT:
		return parse_scaled("limit", optarg, 1, limits, &out->limit);
	case OPTION_NODE:
		out->node = optarg;
		return true;
	case OPTION_ALL:
		return out->is_all = true;
	case OPTION_JSON:
		return out->is_json = true;
	case OPTION_WATCH:
		return parse_scaled("watch", optarg != NULL ? optarg : "2", 1000, times, &out->watch_ms);
	case OPTION_CONTROLLER:
		out->controller = optarg;
		return true;
	case OPTION_TIMEOUT:
		return parse_scaled("timeout", optarg, 1000, times, &out->timeout_ms);
	default:
		fputs("weirctl: --help tells what is allowed\n", stderr);
		return false;
	}
}

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static bool is_word(const char *words, const char *text) {
	char padded[40];
	snprintf(padded, sizeof(padded), " %s ", text);
	return strlen(text) > 0 && strstr(words, padded) != NULL;
}

static bool take_word(struct arguments *out, const char *word) {
	size_t length = sizeof(commands) / sizeof(*commands);
	for (size_t i = 0; out->command == NULL && i < length; i++) {
		if (strcmp(word, commands[i].name) == 0) {
			out->command = &commands[i];
			return true;
		}
	}
	if (out->command == NULL) {
		fprintf(stderr, "weirctl: \"%s\": expected status, top, tcp, paths, operators, alerts or reload\n", word);
		return false;
	}
	// The controller knows which aggregates there are besides.
	bool is_top = strcmp(out->command->name, "top") == 0 && strspn(word, NAME_LETTERS) == strlen(word);
	if (out->command->words == NULL || out->what != NULL || (!is_top && !is_word(out->command->words, word))) {
		fprintf(stderr, "weirctl: %s: \"%s\": expected %s\n", out->command->name, word,
			out->command->words != NULL ? "one of flows, hosts, ports, prefixes, applications"
						    : "no further word");
		return false;
	}
	out->what = word;
	return true;
}

//   return  result, or EXIT_FAILURE where what was printed did not get out
static int finish_output(int result) {
	if (fflush(stdout) == 0 && !ferror(stdout))
		return result;
	fprintf(stderr, "weirctl: standard output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

//   return  -1: go on; an exit code otherwise
static int arguments_parse(int argc, char **argv, struct arguments *out) {
	const char *environment = getenv("WEIR_CONTROLLER");
	*out = (struct arguments){.timeout_ms = 2000};
	out->controller = environment != NULL && *environment != '\0' ? environment : "tcp://127.0.0.1:5570";
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPTION_HELP || option == OPTION_VERSION) {
			fputs(option == OPTION_HELP ? usage : "weirctl " WEIR_VERSION "\n", stdout);
			return finish_output(WEIRCTL_OK);
		}
		// "--watch 5" reads as well as "--watch=5".
		if (option == OPTION_WATCH && optarg == NULL && optind < argc &&
			strspn(argv[optind], "0123456789.") > 0)
			optarg = argv[optind++];
		if (!option_take(option, out))
			return WEIRCTL_USAGE;
	}
	for (int i = optind; i < argc; i++) {
		if (!take_word(out, argv[i]))
			return WEIRCTL_USAGE;
	}
	if (out->command == NULL) {
		fputs(usage, stderr);
		return WEIRCTL_USAGE;
	}
	if (out->node != NULL && !out->command->has_node) {
		fprintf(stderr, "weirctl: %s: --node: only top, tcp and operators are told of one node\n",
			out->command->name);
		return WEIRCTL_USAGE;
	}
	return -1;
}

static void print_answer(const struct arguments *arguments, const json_t *answer) {
	if (!arguments->is_json) {
		arguments->command->show(answer, stdout);
		return;
	}
	json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fputc('\n', stdout);
}

static int ask(const struct arguments *arguments) {
	Weir__Request request = WEIR__REQUEST__INIT;
	request.command = (char *)arguments->command->name;
	request.what = (char *)(arguments->what != NULL ? arguments->what : arguments->is_all ? "all" : "");
	request.limit = arguments->limit;
	request.window_s = arguments->window_s;
	request.node = (char *)(arguments->node != NULL ? arguments->node : "");
	json_t *answer;
	char error[WEIRCTL_ERROR_SIZE];
	int result = weirctl_request(arguments->controller, &request, arguments->timeout_ms, &answer, error);
	if (arguments->watch_ms != 0 && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	if (result == WEIRCTL_OK)
		print_answer(arguments, answer);
	else
		fprintf(stderr, "weirctl: %s\n", error);
	json_decref(answer);
	return finish_output(result);
}

int main(int argc, char **argv) {
	struct arguments arguments;
	int result = arguments_parse(argc, argv, &arguments);
	if (result >= 0)
		return result;
	const char *no_colour = getenv("NO_COLOR");
	table_use_colour(isatty(STDOUT_FILENO) && (no_colour == NULL || *no_colour == '\0'));
	result = ask(&arguments);
	// A watch goes on while the controller is away, but not with a question that it refuses.
	while (arguments.watch_ms != 0 && (result == WEIRCTL_OK || result == WEIRCTL_NO_CONTROLLER)) {
		struct timespec pause = {
			arguments.watch_ms / 1000, (long)(arguments.watch_ms % 1000) * (long)NS_PER_MS};
		nanosleep(&pause, NULL);
		result = ask(&arguments);
	}
	return result;
}
