// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/manager.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "dataplane/keepsake.h"
#include "dataplane/node_apply.h"
#include "dataplane/node_gone.h"
#include "dataplane/node_report.h"
#include "dataplane/telemetry.h"

enum {
	MANAGER_PROGRESS_MS = 1000,
	MANAGER_AGAIN_MS = 200,       // signals closer together are one
	UPLINK_QUEUE_SIZE = 16 << 20, // bytes: minutes of summaries while the controller is away
	UPLINK_DRAIN_MS = 1000,
};

struct manager {
	const struct node_config *config;
	struct node node;
	struct plan *plan; // the first one
	int signal_fd;
	uint64_t stop_ns;                 // when it was told to stop; 0: it was not
	bool terminal;                    // show progress on standard error
	uint64_t shown_packets, shown_ns; // at the last progress line
};

static void fill_stop_signals(sigset_t *signals) {
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	// The terminal is gone: the end, but for those that were told to outlive it (nohup).
	struct sigaction hangup;
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(signals, SIGHUP);
}

void manager_block_signals(void) {
	sigset_t signals;
	fill_stop_signals(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of one write, not the end of the node
}

struct uplink_start {
	struct uplink_options options;
	struct uplink_source source;
	struct uplink *uplink;
	int rc;
};

static void *new_uplink(void *argument) {
	struct uplink_start *start = argument;
	start->rc = uplink_new(&start->uplink, &start->options, &start->source);
	return NULL;
}

// Threads inherit the CPUs they may run on, and this one is bound to a worker's: the uplink is started from a control
// thread, so that its own threads and ZeroMQ's stay off the workers' CPUs where there are others.
static int start_uplink(struct manager *manager) {
	const struct node_config *config = manager->config;
	bool is_for_links = config->allowed_nodes != NULL && config->controller_key == NULL;
	if (config->controller == NULL && !is_for_links && (config->key != NULL || config->controller_key != NULL)) {
		fprintf(stderr, "weir-dataplane: %s: expected a controller%s to use it with\n",
			config->key != NULL ? "key" : "controller_key",
			config->controller_key == NULL ? ", or allowed_nodes," : "");
		return -EINVAL;
	}
	if (config->controller == NULL)
		return 0;
	struct uplink_start start = {
		.options =
			{
				.controller = config->controller,
				.node = manager->node.name,
				.incarnation = manager->node.incarnation,
				.queue_size = UPLINK_QUEUE_SIZE,
			},
		.source = node_report_source(&manager->node),
	};
	struct uplink_key_files files = {is_for_links ? NULL : config->key, config->controller_key};
	char error[KEY_FILE_ERROR_SIZE];
	int rc = uplink_keys_read(&start.options.keys, &files, config->controller, manager->node.name, error);
	if (rc < 0) {
		fprintf(stderr, "weir-dataplane: %s\n", error);
		return rc;
	}
	pthread_t thread;
	rc = -abs(rte_ctrl_thread_create(&thread, "weir-start", NULL, new_uplink, &start));
	if (rc == 0) {
		pthread_join(thread, NULL);
		rc = start.rc;
	}
	if (rc < 0)
		fprintf(stderr, "weir-dataplane: controller: \"%s\": %s; expected tcp://HOST:PORT or ipc://PATH\n",
			config->controller, strerror(-rc));
	node_set_uplink(&manager->node, start.uplink);
	return rc;
}

static int set_up(struct manager *manager) {
	struct config_error error;
	manager->signal_fd = -1;
	int rc = plan_new(&manager->plan, manager->config, rte_lcore_count(), &error);
	if (rc == -EINVAL)
		fprintf(stderr, "weir-dataplane: %s\n", error.text);
	if (rc < 0)
		return rc;
	rc = node_init(&manager->node, manager->config, manager->plan);
	if (rc < 0)
		return rc;
	sigset_t signals;
	fill_stop_signals(&signals);
	manager->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (manager->signal_fd < 0) {
		rc = -errno;
		fprintf(stderr, "weir-dataplane: no descriptor for signals: %s\n", strerror(-rc));
		return rc;
	}
	rc = telemetry_init(&manager->node);
	if (rc < 0)
		fprintf(stderr, "weir-dataplane: telemetry: %s\n", strerror(-rc));
	return rc == 0 ? start_uplink(manager) : rc;
}

static void take_down(struct manager *manager) {
	telemetry_fini();
	uplink_free(manager->node.uplink, UPLINK_DRAIN_MS);
	node_change_end(&manager->node);
	if (manager->signal_fd >= 0)
		close(manager->signal_fd);
	if (manager->plan != NULL && manager->node.plan != NULL)
		node_fini(&manager->node);
	plan_free(manager->node.plan != NULL ? manager->node.plan : manager->plan);
	node_free_applied(&manager->node);
	node_gone_free(&manager->node);
	keepsake_free_all();
}

// Signals that came: the first stops the node, a later one ends the process at once. One that comes along with the
// first is the same wish: timeout(1) sends to its child and to its process group.
static void take_signals(struct manager *manager) {
	struct signalfd_siginfo info;
	while (read(manager->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		uint64_t now_ns = clock_now_ns();
		if (manager->stop_ns == 0)
			manager->stop_ns = now_ns;
		if (now_ns > manager->stop_ns + MANAGER_AGAIN_MS * UINT64_C(1000000)) {
			fprintf(stderr, "weir-dataplane: stopped again before the end: what was held is lost\n");
			_exit(1);
		}
		node_stop(&manager->node);
	}
}

static void show_progress(struct manager *manager) {
	uint64_t packets = 0, now_ns = clock_now_ns();
	pthread_mutex_lock(&manager->node.plan_lock);
	node_snapshot_begin(&manager->node);
	for (unsigned i = 0; i < manager->node.plan->instance_count; i++)
		if (manager->node.instances[i]->type->poll != NULL)
			packets += snapshot_counters(&manager->node.snapshots[i]).in;
	node_snapshot_end(&manager->node);
	pthread_mutex_unlock(&manager->node.plan_lock);
	if (now_ns > manager->shown_ns)
		fprintf(stderr, "\r%.0f s  %" PRIu64 " packets  %.2f Mpackets/s\033[K",
			(double)(now_ns - manager->node.incarnation) * 1e-9, packets,
			(double)(packets - manager->shown_packets) * 1e3 / (double)(now_ns - manager->shown_ns));
	manager->shown_packets = packets;
	manager->shown_ns = now_ns;
}

static void *manage(void *argument) {
	struct manager *manager = argument;
	struct pollfd events[] = {
		{.fd = manager->signal_fd, .events = POLLIN},
		{.fd = manager->node.done_fd, .events = POLLIN},
	};
	unsigned steps = 0;
	manager->shown_ns = manager->node.incarnation;
	while (!node_is_done(&manager->node)) {
		poll(events, 2, manager->terminal ? MANAGER_PROGRESS_MS : -1);
		take_signals(manager);
		if (manager->terminal && events[0].revents == 0 && events[1].revents == 0) {
			show_progress(manager);
			steps++;
		}
	}
	if (steps > 0)
		fprintf(stderr, "\r\033[K");
	return NULL;
}

// The manager proper is a control thread; this thread, which the EAL bound to the main lcore, turns worker.
static int run_workers(struct manager *manager) {
	pthread_t thread;
	int rc = -rte_ctrl_thread_create(&thread, "weir-manager", NULL, manage, manager);
	if (rc > 0)
		rc = -rc;
	if (rc < 0) {
		fprintf(stderr, "weir-dataplane: manager: %s\n", strerror(-rc));
		return rc;
	}
	struct worker *own = NULL;
	for (unsigned i = 0; i < manager->node.worker_count; i++) {
		struct worker *worker = &manager->node.workers[i];
		if (worker->lcore == rte_get_main_lcore())
			own = worker;
		else if (rte_eal_remote_launch(worker_run, worker, worker->lcore) != 0)
			abort(); // an lcore that just came up and runs nothing else
	}
	if (own != NULL)
		worker_run(own);
	rte_eal_mp_wait_lcore();
	pthread_join(thread, NULL);
	return 0;
}

int manager_run(const struct node_config *config) {
	struct manager *manager = calloc(1, sizeof(*manager));
	if (manager == NULL)
		return 1;
	manager->config = config;
	manager->terminal = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	int rc = set_up(manager);
	if (rc == 0)
		rc = run_workers(manager);
	if (rc == -ENOMEM)
		fprintf(stderr, "weir-dataplane: out of memory\n");
	bool failed = rc < 0 || atomic_load(&manager->node.failed);
	if (rc == 0 && manager->node.plan->instance_count > 0)
		node_report_summary(&manager->node, stderr);
	take_down(manager);
	free(manager);
	return failed ? 1 : 0;
}
