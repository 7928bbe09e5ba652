// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// libcurl says which sockets it waits for (socket_changed) and until when (timer_changed). The sockets are kept in an
// epoll set, which is the one descriptor of the loop.
#include "ctrlplane/webhook.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/clock.h"
#include "ctrlplane/log.h"

enum {
	EVENTS = 16,
	ANSWER_SIZE_MAX = 1 << 20, // an answer is not read, but to its end
	FINISH_MS = 1000,
};
#define BACKOFF_MAX_NS (60 * NS_PER_S)

struct target {
	struct action action;
	CURL *easy;
	struct curl_slist *headers;
	char **queue; // [action.queue], ring of bodies
	size_t first, length;
	size_t answer_size;
	bool is_running, is_failing;
	uint32_t attempts;     // at the first in the queue
	uint64_t next_mono_ns; // when to try again
	uint64_t sent, failed, retried, dropped;
	char curl_error[CURL_ERROR_SIZE], error[CURL_ERROR_SIZE + 32];
};

struct webhooks {
	CURLM *multi;
	int epoll;
	uint64_t timer_mono_ns; // when libcurl wants to be called; 0: not
	struct target *targets[ACTIONS_MAX];
	size_t length;
	struct target *prepared[ACTIONS_MAX]; // those of `targets` that stay as they are, and fresh ones
	size_t prepared_length;
};

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *context, void *known) {
	struct webhooks *webhooks = context;
	struct epoll_event event = {.data.fd = fd};
	if (what == CURL_POLL_REMOVE)
		return epoll_ctl(webhooks->epoll, EPOLL_CTL_DEL, fd, NULL) == 0 || errno == ENOENT || errno == EBADF
			       ? 0
			       : -1;
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
	if (epoll_ctl(webhooks->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	return epoll_ctl(webhooks->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -1;
}

static int timer_changed(CURLM *multi, long timeout_ms, void *context) {
	struct webhooks *webhooks = context;
	webhooks->timer_mono_ns = timeout_ms < 0 ? 0 : clock_mono_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	return 0;
}

static size_t answer_written(char *bytes, size_t size, size_t count, void *context) {
	struct target *target = context;
	target->answer_size += size * count;
	return target->answer_size <= ANSWER_SIZE_MAX ? size * count : 0;
}

int webhooks_new(struct webhooks **out) {
	struct webhooks *webhooks = calloc(1, sizeof(*webhooks));
	if (webhooks == NULL)
		return -ENOMEM;
	webhooks->epoll = epoll_create1(EPOLL_CLOEXEC);
	int err = webhooks->epoll < 0 ? -errno : 0;
	if (err == 0 && (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (webhooks->multi = curl_multi_init()) == NULL))
		err = -ENOMEM;
	if (err != 0) {
		webhooks_free(webhooks);
		return err;
	}
	curl_multi_setopt(webhooks->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
	curl_multi_setopt(webhooks->multi, CURLMOPT_SOCKETDATA, webhooks);
	curl_multi_setopt(webhooks->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
	curl_multi_setopt(webhooks->multi, CURLMOPT_TIMERDATA, webhooks);
	*out = webhooks;
	return 0;
}

static void target_stop(struct webhooks *webhooks, struct target *target) {
	if (target->is_running)
		curl_multi_remove_handle(webhooks->multi, target->easy);
	target->is_running = false;
	if (target->easy != NULL)
		curl_easy_cleanup(target->easy);
	curl_slist_free_all(target->headers);
	target->easy = NULL;
	target->headers = NULL;
}

static void target_pop(struct target *target) {
	free(target->queue[target->first]);
	target->queue[target->first] = NULL;
	target->first = (target->first + 1) % target->action.queue;
	target->length--;
	target->attempts = 0;
	target->next_mono_ns = 0;
}

static void target_free(struct webhooks *webhooks, struct target *target) {
	if (target == NULL)
		return;
	target_stop(webhooks, target);
	if (target->length > 0)
		log_line("webhook %s: %zu not delivered", target->action.name, target->length);
	while (target->length > 0)
		target_pop(target);
	free(target->queue);
	free(target);
}

static bool add_header(struct target *target, const char *text) {
	struct curl_slist *grown = curl_slist_append(target->headers, text);
	if (grown != NULL)
		target->headers = grown;
	return grown != NULL;
}

static int target_set_up(struct target *target) {
	const struct action *action = &target->action;
	bool is_good = add_header(target, "Content-Type: application/json") && add_header(target, "Expect:");
	for (size_t i = 0; is_good && i < action->headers.length; i++)
		is_good = add_header(target, action->headers.items[i]);
	CURL *easy = target->easy = curl_easy_init();
	if (!is_good || easy == NULL)
		return -ENOMEM;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, target);
	curl_easy_setopt(easy, CURLOPT_URL, action->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, target->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir-controller/" WEIR_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROXY, action->proxy);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(action->timeout_ns / NS_PER_MS));
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	// Names are resolved in threads: without this the end of a transfer waits for its thread.
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, target->curl_error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, answer_written);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, target);
	if (action->ca[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, action->ca);
	return 0;
}

static int target_new(struct target **out, const struct action *action) {
	struct target *target = calloc(1, sizeof(*target));
	if (target == NULL)
		return -ENOMEM;
	target->action = *action;
	target->queue = calloc(action->queue, sizeof(*target->queue));
	*out = target;
	return target->queue == NULL ? -ENOMEM : target_set_up(target);
}

static struct target *find_target(const struct webhooks *webhooks, const char *name) {
	for (size_t i = 0; i < webhooks->length; i++)
		if (strcmp(webhooks->targets[i]->action.name, name) == 0)
			return webhooks->targets[i];
	return NULL;
}

// What an earlier target of that name has still to deliver, and has counted, goes on.
static void target_inherit(struct target *target, struct target *before) {
	target->sent = before->sent;
	target->failed = before->failed;
	target->retried = before->retried;
	target->dropped = before->dropped;
	while (before->length > 0) {
		if (target->length == target->action.queue) {
			target->dropped++;
		} else {
			target->queue[target->length++] = before->queue[before->first];
			before->queue[before->first] = NULL;
		}
		target_pop(before);
	}
}

static bool has_target(struct target *const *list, size_t length, const struct target *target) {
	for (size_t i = 0; i < length; i++)
		if (list[i] == target)
			return true;
	return false;
}

int webhooks_prepare(struct webhooks *webhooks, const struct action *actions, size_t length) {
	int err = 0;
	webhooks_abandon(webhooks);
	for (size_t i = 0; err == 0 && i < length; i++) {
		if (actions[i].type != ACTION_WEBHOOK)
			continue;
		struct target **prepared = &webhooks->prepared[webhooks->prepared_length++];
		*prepared = find_target(webhooks, actions[i].name);
		if (*prepared != NULL && action_equal(&(*prepared)->action, &actions[i]))
			continue;
		*prepared = NULL;
		err = target_new(prepared, &actions[i]);
	}
	if (err != 0)
		webhooks_abandon(webhooks);
	return err;
}

void webhooks_abandon(struct webhooks *webhooks) {
	for (size_t i = 0; i < webhooks->prepared_length; i++)
		if (!has_target(webhooks->targets, webhooks->length, webhooks->prepared[i]))
			target_free(webhooks, webhooks->prepared[i]);
	webhooks->prepared_length = 0;
}

void webhooks_commit(struct webhooks *webhooks) {
	for (size_t i = 0; i < webhooks->prepared_length; i++) {
		struct target *target = webhooks->prepared[i], *before = find_target(webhooks, target->action.name);
		if (before != NULL && before != target)
			target_inherit(target, before);
	}
	for (size_t i = 0; i < webhooks->length; i++)
		if (!has_target(webhooks->prepared, webhooks->prepared_length, webhooks->targets[i]))
			target_free(webhooks, webhooks->targets[i]);
	memcpy(webhooks->targets, webhooks->prepared, sizeof(webhooks->targets));
	webhooks->length = webhooks->prepared_length;
	webhooks->prepared_length = 0;
}

void webhooks_post(struct webhooks *webhooks, const char *name, const json_t *body) {
	struct target *target = find_target(webhooks, name);
	if (target == NULL)
		return;
	char *text =
		target->length < target->action.queue ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	if (text == NULL) {
		if (target->dropped++ == 0)
			log_line("webhook %s: the queue of %u is full: alerts are not told (counted)", name,
				target->action.queue);
		return;
	}
	target->queue[(target->first + target->length++) % target->action.queue] = text;
}

static void target_begin(struct webhooks *webhooks, struct target *target) {
	const char *body = target->queue[target->first];
	target->curl_error[0] = '\0';
	target->answer_size = 0;
	curl_easy_setopt(target->easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(target->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	target->is_running = curl_multi_add_handle(webhooks->multi, target->easy) == CURLM_OK;
	target->attempts++;
	if (!target->is_running)
		target->next_mono_ns = clock_mono_ns() + target->action.backoff_ns;
}

static uint64_t backoff_ns(const struct target *target) {
	uint64_t pause_ns = target->action.backoff_ns;
	for (uint32_t i = 1; i < target->attempts && pause_ns < BACKOFF_MAX_NS; i++)
		pause_ns *= 2;
	return pause_ns < BACKOFF_MAX_NS ? pause_ns : BACKOFF_MAX_NS;
}

static void target_fail(struct target *target, bool is_final) {
	if (!target->is_failing)
		log_line("webhook %s: %s", target->action.name, target->error);
	target->is_failing = true;
	if (!is_final && target->attempts <= target->action.retries) {
		target->retried++;
		target->next_mono_ns = clock_mono_ns() + backoff_ns(target);
		return;
	}
	target->failed++;
	target_pop(target);
}

static void target_ended(struct target *target, CURLcode result) {
	long status = 0;
	target->is_running = false;
	curl_easy_getinfo(target->easy, CURLINFO_RESPONSE_CODE, &status);
	if (result != CURLE_OK) {
		snprintf(target->error, sizeof(target->error), "%s",
			target->curl_error[0] != '\0' ? target->curl_error : curl_easy_strerror(result));
		target_fail(target, false);
	} else if (status < 200 || status > 299) {
		snprintf(target->error, sizeof(target->error), "answered %ld", status);
		target_fail(target, status != 408 && status != 429 && status < 500);
	} else {
		if (target->is_failing)
			log_line("webhook %s: delivers again", target->action.name);
		target->is_failing = false;
		target->sent++;
		target_pop(target);
	}
}

static void take_results(struct webhooks *webhooks) {
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(webhooks->multi, &left)) != NULL) {
		struct target *target = NULL;
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &target);
		curl_multi_remove_handle(webhooks->multi, easy);
		target_ended(target, result);
	}
}

static void pass_on_events(struct webhooks *webhooks) {
	struct epoll_event events[EVENTS];
	int running, length = epoll_wait(webhooks->epoll, events, EVENTS, 0);
	for (int i = 0; i < length; i++) {
		int what = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
			   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);
		curl_multi_socket_action(webhooks->multi, events[i].data.fd, what, &running);
	}
	if (webhooks->timer_mono_ns != 0 && clock_mono_ns() >= webhooks->timer_mono_ns) {
		webhooks->timer_mono_ns = 0;
		curl_multi_socket_action(webhooks->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

void webhooks_work(struct webhooks *webhooks) {
	pass_on_events(webhooks);
	take_results(webhooks);
	uint64_t now_ns = clock_mono_ns();
	for (size_t i = 0; i < webhooks->length; i++) {
		struct target *target = webhooks->targets[i];
		if (!target->is_running && target->length > 0 && now_ns >= target->next_mono_ns)
			target_begin(webhooks, target);
	}
}

int webhooks_descriptor(const struct webhooks *webhooks) {
	return webhooks->epoll;
}

static bool has_work(const struct webhooks *webhooks) {
	for (size_t i = 0; i < webhooks->length; i++)
		if (webhooks->targets[i]->length > 0 && !webhooks->targets[i]->is_failing)
			return true;
	return false;
}

void webhooks_free(struct webhooks *webhooks) {
	if (webhooks == NULL)
		return;
	uint64_t end_ns = clock_mono_ns() + FINISH_MS * NS_PER_MS;
	while (has_work(webhooks) && clock_mono_ns() < end_ns) {
		struct pollfd item = {.fd = webhooks->epoll, .events = POLLIN};
		webhooks_work(webhooks);
		if (poll(&item, 1, 10) < 0 && errno != EINTR)
			break;
	}
	webhooks_abandon(webhooks);
	while (webhooks->length > 0)
		target_free(webhooks, webhooks->targets[--webhooks->length]);
	if (webhooks->multi != NULL)
		curl_multi_cleanup(webhooks->multi);
	if (webhooks->epoll >= 0)
		close(webhooks->epoll);
	curl_global_cleanup();
	free(webhooks);
}

json_t *webhooks_status(const struct webhooks *webhooks) {
	json_t *list = json_array();
	for (size_t i = 0; i < webhooks->length; i++) {
		const struct target *target = webhooks->targets[i];
		json_array_append_new(
			list, json_pack("{ss sI sI sI sI sI so}", "name", target->action.name, "sent",
				      (json_int_t)target->sent, "failed", (json_int_t)target->failed, "retried",
				      (json_int_t)target->retried, "dropped", (json_int_t)target->dropped, "queued",
				      (json_int_t)target->length, "error",
				      target->is_failing ? json_string(target->error) : json_null()));
	}
	return list;
}
