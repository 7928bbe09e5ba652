// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// weir-controller: options, and the one loop that all stages run in. docs/man/weir-controller.1 is its manual.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#include "api/clock.h"
#include "ctrlplane/collect.h"
#include "ctrlplane/conf.h"
#include "ctrlplane/log.h"
#include "ctrlplane/logic.h"
#include "ctrlplane/stages.h"
#include "ctrlplane/store.h"

enum {
	EXIT_USAGE = 64,
	EXIT_FENCED = 75,   // the unit file knows it
	TICK_MS = 100,      // between looks at missed beats
	START_MS = 1000,    // how long a start waits for Redis
	FINISH_MS = 500,    // how long an end does
	BACKLOG = 32,       // summaries that are stored before the interval is over: half of what a node has under way
	BACKLOG_MS = 500,   // or this long after the first
	PHASE_PERCENT = 45, // of an interval: nodes report a quarter after the full second
};

static const char usage[] =
	"usage: weir-controller [--config FILE] [--listen ENDPOINT] [--redis ENDPOINT] [--alerts FILE]\n"
	"                       [--metrics ADDRESS:PORT]\n"
	"\n"
	"  --config FILE      configuration (default: conf/controller.yaml or /etc/weir/controller.yaml, if there)\n"
	"  --listen ENDPOINT  tcp://ADDRESS:PORT or ipc://PATH for nodes and weirctl (default "
	"tcp://127.0.0.1:5570);\n"
	"                     summaries come in on the next port, or on PATH-summaries; beyond loopback keys\n"
	"                     have to be configured\n"
	"  --redis ENDPOINT   unix://[USER@]/PATH, tcp://[USER@]ADDRESS:PORT, none, or\n"
	"                     sentinel://[USER@]ADDRESS:PORT,.../NAME (default unix:///run/weir/redis.sock)\n"
	"  --alerts FILE      alert rules; a file named in the configuration counts from where that is\n"
	"  --metrics ADDRESS  ADDRESS:PORT of loopback to serve Prometheus at, or none (default)\n"
	"  --help[=STAGE]     this text; what a stage of the configuration is told\n"
	"  --manual           the manual page of the stages, as roff\n"
	"  --version          the version\n"
	"\n"
	"Stages:\n";

struct arguments {
	const char *config, *listen, *redis, *alerts, *metrics;
};

static int usage_error(const char *word, const char *what) {
	fprintf(stderr, "weir-controller: \"%s\": %s; --help tells what is allowed\n", word, what);
	return EXIT_USAGE;
}

static int print_help(const char *name) {
	const struct stage_type *type = name != NULL ? stage_type_lookup(name) : NULL;
	if (name != NULL && type == NULL)
		return usage_error(name, "no such stage");
	if (type != NULL) {
		stage_print_help(type, stdout);
	} else {
		fputs(usage, stdout);
		stage_print_types(stdout);
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

//   return  -1: go on; an exit code otherwise
static int arguments_parse(int argc, char **argv, struct arguments *out) {
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"listen", required_argument, NULL, 'l'},
		{"redis", required_argument, NULL, 'r'},
		{"alerts", required_argument, NULL, 'a'},
		{"metrics", required_argument, NULL, 'M'},
		{"help", optional_argument, NULL, 'h'},
		{"manual", no_argument, NULL, 'm'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	const char **const targets[] = {['c'] = &out->config,
		['l'] = &out->listen,
		['r'] = &out->redis,
		['a'] = &out->alerts,
		['M'] = &out->metrics};
	int option;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			return print_help(optarg);
		case 'm':
			stage_print_manual(stdout);
			return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		case 'V':
			return puts("weir-controller " WEIR_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		case ':':
			return usage_error(argv[optind - 1], "expected a value");
		case '?':
			return usage_error(argv[optind - 1], "unknown option");
		default:
			*targets[option] = optarg;
		}
	}
	return optind < argc ? usage_error(argv[optind], "no arguments expected") : -1;
}

static int set_text(char *out, const char *text, const char *name, char *error) {
	if (text == NULL)
		return 0;
	if (strlen(text) >= CONFIG_TEXT_SIZE) {
		snprintf(error, CONF_ERROR_SIZE, "--%s: longer than %d bytes", name, CONFIG_TEXT_SIZE - 1);
		return -EINVAL;
	}
	strcpy(out, text);
	return 0;
}

static int configure(struct config *config, const struct arguments *arguments, char *error) {
	static const char *const places[] = {"conf/controller.yaml", "/etc/weir/controller.yaml"};
	config_init(config);
	const char *path = arguments->config;
	for (size_t i = 0; path == NULL && i < sizeof(places) / sizeof(*places); i++)
		if (access(places[i], R_OK) == 0)
			path = places[i];
	int err = path != NULL ? config_load(config, path, error) : 0;
	if (err == 0)
		err = set_text(config->listen, arguments->listen, "listen", error);
	if (err == 0)
		err = set_text(config->redis, arguments->redis, "redis", error);
	if (err == 0)
		err = set_text(config->alerts, arguments->alerts, "alerts", error);
	if (err == 0)
		err = set_text(config->metrics, arguments->metrics, "metrics", error);
	if (arguments->redis != NULL)
		config_require(config, "store");
	if (arguments->alerts != NULL)
		config_require(config, "logic");
	if (arguments->metrics != NULL)
		config_require(config, "metrics");
	return err;
}

// Read everything again, from where it was read at the start: all of it, or nothing.
static int reload(struct state *state, char *error) {
	struct config fresh;
	int err = configure(&fresh, state->reload_context, error);
	if (err == 0 && fresh.interval_ns != state->config.interval_ns) {
		snprintf(error, CONF_ERROR_SIZE, "interval: another value needs a restart");
		err = -EINVAL;
	}
	if (err == 0)
		err = stages_reload(state->stages, &fresh, error);
	if (err == 0) {
		memcpy(state->config.alerts, fresh.alerts, sizeof(fresh.alerts));
		state->reloads++;
		log_line("reloaded: rules: %zu, keys: %zu", state->rules.length, state->access.length);
	} else {
		log_line("not reloaded: %s", error);
	}
	config_fini(&fresh);
	return err;
}

static int open_signals(void) {
	sigset_t set;
	signal(SIGPIPE, SIG_IGN); // Redis going away is an error of write(2), no end
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

// Let the store work until it has nothing to do, for so long at most.
static void settle(struct store *store, uint64_t limit_ms) {
	uint64_t end_ns = clock_mono_ns() + limit_ms * NS_PER_MS;
	while (!store_is_idle(store) && clock_mono_ns() < end_ns) {
		struct pollfd item = {.events = 0};
		item.fd = store_descriptor(store, &item.events);
		if (poll(&item, 1, 10) < 0 && errno != EINTR)
			return;
		store_work(store);
	}
}

static void watch_clock(struct state *state) {
	uint64_t limit_ns = state->config.interval_ns / 2;
	int64_t step_ns = clock_watch_step(&state->clock, clock_wall_ns(), clock_mono_ns(), limit_ns);
	if (step_ns != 0)
		log_line("the clock was set %s by %.1f s", step_ns > 0 ? "forward" : "back",
			(double)(step_ns > 0 ? step_ns : -step_ns) / 1e9);
}

static uint64_t next_interval(const struct state *state, uint64_t now_ns) {
	uint64_t interval_ns = state->config.interval_ns, phase_ns = interval_ns / 100 * PHASE_PERCENT;
	return (now_ns - phase_ns) / interval_ns * interval_ns + interval_ns + phase_ns;
}

static bool has_backlog(const struct state *state) {
	// What a transaction costs grows with the nodes.
	return state->unstored >= BACKLOG * (state->nodes.length > 1 ? state->nodes.length : 1) ||
	       (state->unstored > 0 && clock_mono_ns() - state->unstored_mono_ns >= BACKLOG_MS * NS_PER_MS);
}

//   return  true: the end
static bool take_signal(struct state *state, int signals) {
	struct signalfd_siginfo info;
	char error[CONF_ERROR_SIZE];
	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGHUP)
		return true;
	reload(state, error); // which says in the log how it went
	return false;
}

static int run(struct state *state, struct collect *collect, int signals) {
	int err = 0;
	uint64_t next_ns = 0, check_ns = 0;
	while (err == 0) {
		zmq_pollitem_t items[COLLECT_ITEMS + 2 + CONFIG_STAGES_MAX] = {{.fd = signals, .events = ZMQ_POLLIN}};
		size_t length = 1;
		short events = 0;
		int redis = store_descriptor(state->store, &events);
		events = (short)((events & POLLIN ? ZMQ_POLLIN : 0) | (events & POLLOUT ? ZMQ_POLLOUT : 0));
		if (redis >= 0)
			items[length++] = (zmq_pollitem_t){.fd = redis, .events = events};
		length += (size_t)collect_poll_items(collect, items + length);
		length += stages_poll(state->stages, items + length, CONFIG_STAGES_MAX);
		if (zmq_poll(items, (int)length, TICK_MS) < 0 && zmq_errno() != EINTR)
			err = -zmq_errno();
		if (items[0].revents != 0 && take_signal(state, signals))
			break;
		collect_receive(collect);
		if (collect->is_due && state->logic != NULL)
			logic_evaluate_ahead(state->logic, state);
		store_work(state->store);
		stages_work(state->stages);
		if (store_is_fenced(state->store))
			err = -EPERM;
		collect_acknowledge(collect);
		// What has arrived was read before silence is judged: a stall of this loop makes no node lost.
		if (clock_mono_ns() - check_ns >= TICK_MS * NS_PER_MS) {
			collect_check(collect);
			check_ns = clock_mono_ns();
		}
		uint64_t now_ns = clock_wall_ns();
		if (now_ns >= next_ns || next_ns > now_ns + state->config.interval_ns) {
			next_ns = next_interval(state, now_ns);
			watch_clock(state);
			stages_interval(state->stages);
		} else if (has_backlog(state)) {
			store_save_early(state->store);
		}
	}
	return err;
}

static int start(struct state *state, struct collect *collect) {
	char error[CONF_ERROR_SIZE] = "out of memory";
	state->started_ns = clock_wall_ns();
	state->epoch = 1;
	int err = stages_init(state->stages, state, error);
	if (err != 0) {
		log_line("%s", error);
		return err;
	}
	err = store_new(&state->store, state, state->config.redis);
	if (err != 0)
		return err;
	settle(state->store, START_MS);
	err = collect_init(collect, state, error);
	if (err != 0) {
		log_line("%s", error);
		return err;
	}
	log_line("listening on %s and %s, epoch %" PRIu64, collect->commands_at, collect->summaries_at, state->epoch);
	return 0;
}

int main(int argc, char **argv) {
	struct arguments arguments = {0};
	int code = arguments_parse(argc, argv, &arguments);
	if (code >= 0)
		return code;
	static struct stages stages;
	static struct state state = {.stages = &stages};
	struct collect collect = {0};
	int signals = -1;
	char error[CONF_ERROR_SIZE];
	state.reload = reload;
	state.reload_context = &arguments;
	int err = configure(&state.config, &arguments, error);
	if (err != 0)
		log_line("%s", error);
	else
		err = signals = open_signals();
	if (signals >= 0)
		err = start(&state, &collect);
	if (err == 0)
		err = run(&state, &collect, signals);
	if (err == 0) {
		settle(state.store, FINISH_MS);
		store_save(state.store);
		settle(state.store, FINISH_MS);
		collect_acknowledge(&collect);
	}
	bool is_fenced = state.store != NULL && store_is_fenced(state.store);
	collect_fini(&collect);
	stages_fini(&stages);
	act_fini(&state.act);
	store_free(state.store);
	nodes_fini(&state.nodes);
	config_fini(&state.config);
	if (signals >= 0)
		close(signals);
	if (is_fenced)
		return EXIT_FENCED;
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
