// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// weirctl: a person's hand on the controller. docs/man/weirctl.1 is its manual, with the exit codes.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctrlplane/weirctl.h"
#include "ctrlplane/weirctl_show.h"
#include "ctrlplane/weirctl_table.h"

static const char usage[] =
	"usage: weirctl [OPTION]... COMMAND\n"
	"\n"
	"  status                              nodes, rates, Redis, alerts\n"
	"  top [flows|hosts|ports|prefixes|applications]\n"
	"                                      the greatest of a sliding window; live on a terminal\n"
	"  tcp                                 round-trip times and retransmissions, the worst prefixes first\n"
	"  paths                               delay and loss between nodes that see the same flows\n"
	"  channels                            rates of the channels between nodes, the worst served first\n"
	"  operators                           what each instance did with its tuples\n"
	"  alerts                              what fires now; with --all, what ended lately too\n"
	"  reload                              have the controller read its configuration and alert rules again\n"
	"  explain [ID|CHANNEL]                decisions and commands to nodes: why, and what became of them; why a\n"
	"                                      channel has its rate, and what would change it\n"
	"  set NODE OPERATOR.OPTION=VALUE      change an option that may change while the node runs\n"
	"  move NODE OPERATOR GROUP[-GROUP][,...] INSTANCE\n"
	"                                      have an instance own these key groups of its operator\n"
	"  apply NODE FILE                     have the node run the pipelines of a file; with --dry-run, only check\n"
	"  list                                the pipelines that nodes run\n"
	"  remove NODE PIPELINE                have it drained and taken out of the node\n"
	"  snapshot NODE DIRECTORY             have it save all that its operators keep; another one can go on from "
	"there\n"
	"  log NODE TEXT                       write a line into the node's log\n"
	"  stop NODE                           have the node drain and end\n"
	"  keygen NAME                         make NAME.secret and NAME.public, for a controller beyond loopback\n"
	"\n"
	"  --window SECONDS       of `top` and `tcp`, up to the controller's longest (default: its shortest)\n"
	"  --limit N              entries of a list, 1..1000 (default: the controller's, 20)\n"
	"  --node NAME            of `top`, `tcp`, `operators` and `list`: this node alone\n"
	"  --all                  of `alerts`: the recent history as well\n"
	"  --json                 the controller's answer as it is\n"
	"  --once                 of `top`: a list, and no live view, on a terminal too\n"
	"  --watch[=SECONDS]      again and again, every 2 s unless said otherwise (0.1..3600)\n"
	"  --controller ENDPOINT  tcp://HOST:PORT or ipc://PATH (default: $WEIR_CONTROLLER, tcp://127.0.0.1:5570)\n"
	"  --key FILE             your secret key, for a controller beyond loopback (default: $WEIR_KEY)\n"
	"  --controller-key FILE  its public key (default: $WEIR_CONTROLLER_KEY)\n"
	"  --dry-run              of `apply`: say what would be, and change nothing\n"
	"  --output DIR           of `keygen`: where the files go (default: here)\n"
	"  --timeout SECONDS      to wait for an answer (0.1..3600, default 2)\n"
	"  --help, --version\n"
	"\n"
	"exit: 0 answered, 1 the controller refused, 2 no controller there, 64 usage\n";

enum { PATIENCE_MS = 30000 }; // with a node that opens devices, or drains

static const struct weirctl_command commands[] = {
	{"status", weirctl_ask, show_status},
	{"top", weirctl_top, show_top, .words = "[flows|hosts|ports|prefixes|applications|AGGREGATE]", .words_max = 1,
		.has_node = true},
	{"tcp", weirctl_ask, show_tcp, .has_node = true},
	{"paths", weirctl_ask, show_paths},
	{"channels", weirctl_ask, show_channels},
	{"operators", weirctl_ask, show_operators, .has_node = true},
	{"alerts", weirctl_ask, show_alerts},
	{"reload", weirctl_ask, show_reload},
	{"explain", weirctl_ask, show_decisions, .words = "[ID|CHANNEL]", .words_max = 1},
	{"set", weirctl_act, show_decision, .words = "NODE [PIPELINE/]OPERATOR.OPTION=VALUE", .words_min = 2,
		.words_max = 2},
	{"move", weirctl_act, show_decision, .words = "NODE [PIPELINE/]OPERATOR GROUP[-GROUP][,...] INSTANCE",
		.words_min = 4, .words_max = 4},
	{"apply", weirctl_act, show_decision, .words = "NODE FILE", .words_min = 2, .words_max = 2,
		.patience_ms = PATIENCE_MS},
	{"list", weirctl_ask, show_pipelines, .question = "operators", .has_node = true},
	{"remove", weirctl_act, show_decision, .words = "NODE PIPELINE", .words_min = 2, .words_max = 2,
		.patience_ms = PATIENCE_MS},
	{"snapshot", weirctl_act, show_decision, .words = "NODE DIRECTORY", .words_min = 2, .words_max = 2,
		.patience_ms = PATIENCE_MS},
	{"log", weirctl_act, show_decision, .words = "NODE TEXT", .words_min = 2, .words_max = 2},
	{"stop", weirctl_act, show_decision, .words = "NODE", .words_min = 1, .words_max = 1},
	{"keygen", weirctl_keygen, .words = "NAME", .words_min = 1, .words_max = 1},
};

enum {
	OPTION_WINDOW = 1,
	OPTION_LIMIT,
	OPTION_NODE,
	OPTION_ALL,
	OPTION_JSON,
	OPTION_WATCH,
	OPTION_CONTROLLER,
	OPTION_KEY,
	OPTION_CONTROLLER_KEY,
	OPTION_OUTPUT,
	OPTION_ONCE,
	OPTION_TIMEOUT,
	OPTION_DRY_RUN,
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
	{"key", required_argument, NULL, OPTION_KEY},
	{"controller-key", required_argument, NULL, OPTION_CONTROLLER_KEY},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"once", no_argument, NULL, OPTION_ONCE},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
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

static bool option_take(int option, struct weirctl *out) {
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
	case OPTION_ONCE:
		return out->is_once = true;
	case OPTION_DRY_RUN:
		return out->is_dry_run = true;
	case OPTION_JSON:
		return out->is_json = true;
	case OPTION_WATCH:
		return parse_scaled("watch", optarg != NULL ? optarg : "2", 1000, times, &out->watch_ms);
	case OPTION_CONTROLLER:
		out->target.endpoint = optarg;
		return true;
	case OPTION_KEY:
		out->target.key = optarg;
		return true;
	case OPTION_CONTROLLER_KEY:
		out->target.controller_key = optarg;
		return true;
	case OPTION_OUTPUT:
		out->output = optarg;
		return true;
	case OPTION_TIMEOUT:
		return parse_scaled("timeout", optarg, 1000, times, &out->target.timeout_ms);
	default:
		fputs("weirctl: --help tells what is allowed\n", stderr);
		return false;
	}
}

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static bool take_command(struct weirctl *out, const char *word) {
	char names[200] = "";
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(word, commands[i].name) == 0) {
			out->command = &commands[i];
			return true;
		}
		size_t used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "", commands[i].name);
	}
	fprintf(stderr, "weirctl: \"%s\": expected one of %s\n", word, names);
	return false;
}

static bool take_word(struct weirctl *out, const char *word) {
	const struct weirctl_command *command = out->command;
	if (command == NULL)
		return take_command(out, word);
	// The controller knows which aggregates there are besides.
	bool is_list = command->show != show_top || strspn(word, NAME_LETTERS) == strlen(word);
	if (out->words_length == command->words_max || !is_list) {
		fprintf(stderr, "weirctl: %s: \"%s\": expected %s\n", command->name, word,
			command->words != NULL ? command->words : "no further word");
		return false;
	}
	out->words[out->words_length++] = word;
	return true;
}

// Options that not every command knows. One that would do nothing is refused: whoever gave it expects something of it.
static const struct option_scope {
	int option;
	const char *commands; // with a space around each
	bool is_except;       // all but these
} option_scopes[] = {
	{OPTION_WINDOW, " top tcp "},
	{OPTION_LIMIT, " top tcp paths channels alerts explain "},
	{OPTION_ALL, " alerts "},
	{OPTION_ONCE, " top "},
	{OPTION_OUTPUT, " keygen "},
	{OPTION_WATCH, " reload set move apply remove snapshot log stop keygen ", true},
	{OPTION_JSON, " keygen ", true},
	{OPTION_CONTROLLER, " keygen ", true},
	{OPTION_KEY, " keygen ", true},
	{OPTION_CONTROLLER_KEY, " keygen ", true},
	{OPTION_TIMEOUT, " keygen ", true},
};

static const char *option_name(int value) {
	const struct option *option = options;
	while (option->val != value)
		option++;
	return option->name;
}

static bool options_fit(const struct weirctl *weirctl) {
	char word[32];
	snprintf(word, sizeof(word), " %s ", weirctl->command->name);
	for (size_t i = 0; i < sizeof(option_scopes) / sizeof(*option_scopes); i++) {
		const struct option_scope *scope = &option_scopes[i];
		bool is_named = strstr(scope->commands, word) != NULL;
		if ((weirctl->given & 1U << scope->option) == 0 || is_named != scope->is_except)
			continue;
		fprintf(stderr, "weirctl: %s: --%s: %s%s\n", weirctl->command->name, option_name(scope->option),
			scope->is_except ? "not of this command" : "only of", scope->is_except ? "" : scope->commands);
		return false;
	}
	return true;
}

static const char *environment(const char *name, const char *otherwise) {
	const char *value = getenv(name);
	return value != NULL && *value != '\0' ? value : otherwise;
}

// Whether command, words and options go together.
static bool is_complete(const struct weirctl *weirctl) {
	const struct weirctl_command *command = weirctl->command;
	if (command == NULL) {
		fputs(usage, stderr);
		return false;
	}
	if (weirctl->words_length < command->words_min) {
		fprintf(stderr, "weirctl: %s: expected %s\n", command->name, command->words);
		return false;
	}
	if (weirctl->node != NULL && !command->has_node) {
		fprintf(stderr, "weirctl: %s: --node: only top, tcp, operators and list are told of one node\n",
			command->name);
		return false;
	}
	if (weirctl->is_dry_run && strcmp(command->name, "apply") != 0) {
		fprintf(stderr, "weirctl: %s: --dry-run: only apply can be tried\n", command->name);
		return false;
	}
	return true;
}

//   return  -1: go on; an exit code otherwise
static int arguments_parse(int argc, char **argv, struct weirctl *out) {
	*out = (struct weirctl){.target = {.endpoint = environment("WEIR_CONTROLLER", "tcp://127.0.0.1:5570"),
					.key = environment("WEIR_KEY", NULL),
					.controller_key = environment("WEIR_CONTROLLER_KEY", NULL),
					.timeout_ms = 2000}};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPTION_HELP || option == OPTION_VERSION) {
			fputs(option == OPTION_HELP ? usage : "weirctl " WEIR_VERSION "\n", stdout);
			return weirctl_finish_output(WEIRCTL_OK);
		}
		// "--watch 5" reads as well as "--watch=5".
		if (option == OPTION_WATCH && optarg == NULL && optind < argc &&
			strspn(argv[optind], "0123456789.") > 0)
			optarg = argv[optind++];
		if (!option_take(option, out))
			return WEIRCTL_USAGE;
		out->given |= 1U << option;
	}
	for (int i = optind; i < argc; i++) {
		if (!take_word(out, argv[i]))
			return WEIRCTL_USAGE;
	}
	return is_complete(out) && options_fit(out) ? -1 : WEIRCTL_USAGE;
}

int main(int argc, char **argv) {
	struct weirctl weirctl;
	int result = arguments_parse(argc, argv, &weirctl);
	if (result >= 0)
		return result;
	const char *no_colour = getenv("NO_COLOR");
	table_use_colour(isatty(STDOUT_FILENO) && (no_colour == NULL || *no_colour == '\0'));
	return weirctl.command->run(&weirctl);
}
