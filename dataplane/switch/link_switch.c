// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/link_switch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/control_thread.h"
#include "dataplane/operator.h"
#include "dataplane/stream_address.h"
#include "dataplane/stream_listen.h"
#include "dataplane/switch/link.h"
#include "dataplane/switch/link_keys.h"
#include "dataplane/switch/link_tls.h"

enum {
	EVENTS = 64,
	ACCEPTS = 16,      // at once, before it is the turn of those that are there
	ACCEPTED_MAX = 64, // connections that have yet to say whose they are
	LINGER_S = 5,
};
static const uint64_t SECOND_NS = 1000000000;

// Beyond loopback nobody talks without keys, and who has keys talks in no other way.
static int set_keys(struct link_switch *links, const struct link_switch_options *options) {
	bool has_keys = options->allowed_nodes != NULL;
	for (unsigned i = 0; i < options->nodes->count; i++) {
		struct link_node node;
		char error[LINK_ERROR_MAX];
		if (link_node_parse(options->nodes->items[i], &node, error) < 0)
			return -EINVAL;
		if (link_node_check(&node, options->key != NULL && has_keys, error) == 0)
			continue;
		fprintf(stderr, "weir-dataplane: nodes: %s\n", error);
		return -EACCES;
	}
	if (has_keys && options->key == NULL) {
		fprintf(stderr, "weir-dataplane: allowed_nodes: expected key, this node's own, as well\n");
		return -EACCES;
	}
	int rc = has_keys ? link_tls_new(&links->tls) : 0;
	return rc == 0 && has_keys ? link_keys_read(links, options->key, options->allowed_nodes) : rc;
}

int link_switch_new(struct link_switch **out, const struct link_switch_options *options) {
	struct link_switch *links = calloc(1, sizeof(*links));
	*out = links;
	if (links == NULL)
		return -ENOMEM;
	links->listen_fd = links->epoll_fd = links->wake_fd = -1;
	pthread_mutex_init(&links->lock, NULL);
	pthread_mutex_init(&links->sample_lock, NULL);
	links->incarnation = options->incarnation;
	links->connections = options->connections;
	snprintf(links->node, sizeof(links->node), "%s", options->node);
	links->links = calloc(options->nodes->count + 1, sizeof(*links->links));
	if (links->links == NULL)
		return -ENOMEM;
	bool is_behind = true; // of the nodes before this one, which open the connections to it
	for (unsigned i = 0; i < options->nodes->count; i++) {
		struct link *link = &links->links[links->link_count];
		char error[LINK_ERROR_MAX];
		*link = (struct link){.owner = links, .connects = !is_behind};
		if (link_node_parse(options->nodes->items[i], &link->node, error) < 0 ||
			stream_address_parse(link->node.address, &link->address, &link->address_size) < 0)
			return -EINVAL; // the configuration was checked
		if (strcmp(link->node.name, links->node) != 0) {
			links->link_count++;
			continue;
		}
		links->own = link->node;
		is_behind = false;
	}
	return set_keys(links, options);
}

void link_switch_free(struct link_switch *links) {
	if (links == NULL)
		return;
	link_switch_stop(links);
	for (unsigned i = 0; i < links->link_count; i++) {
		free(links->links[i].senders);
		free(links->links[i].receivers);
		free(links->links[i].slots);
	}
	const int descriptors[] = {links->listen_fd, links->epoll_fd, links->wake_fd};
	for (unsigned i = 0; i < 3; i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	if (links->links != NULL)
		explicit_bzero(links->links, links->link_count * sizeof(*links->links));
	free(links->links);
	link_tls_free(links->tls);
	pthread_mutex_destroy(&links->lock);
	pthread_mutex_destroy(&links->sample_lock);
	free(links);
}

static struct link *find_link(const struct link_switch *links, const char *node) {
	for (unsigned i = 0; i < links->link_count; i++)
		if (strcmp(links->links[i].node.name, node) == 0)
			return &links->links[i];
	return NULL;
}

int link_switch_add_sender(struct link_switch *links, struct remote_sender *sender) {
	struct link *link = find_link(links, sender->name.node);
	if (link == NULL || links->is_started)
		return link == NULL ? -ENOENT : -EBUSY;
	struct remote_sender **grown =
		reallocarray(link->senders, link->sender_count + 1, sizeof(struct remote_sender *));
	if (grown == NULL || links->next_id == LINK_ALL_CHANNELS)
		return -ENOMEM;
	link->senders = grown;
	grown[link->sender_count++] = sender;
	sender->id = links->next_id++;
	sender->owner = links;
	return 0;
}

int link_switch_add_receiver(struct link_switch *links, struct remote_receiver *receiver) {
	struct link *link = find_link(links, receiver->name.node);
	if (link == NULL || links->is_started)
		return link == NULL ? -ENOENT : -EBUSY;
	struct remote_receiver **grown =
		reallocarray(link->receivers, link->receiver_count + 1, sizeof(struct remote_receiver *));
	if (grown == NULL)
		return -ENOMEM;
	link->receivers = grown;
	grown[link->receiver_count++] = receiver;
	receiver->owner = links;
	return 0;
}

// Its channels all go when one goes: which connection is whose depends on their number.
static void remove_from(struct link_switch *links, const char *node, const void *channel) {
	struct link *link = find_link(links, node);
	pthread_mutex_lock(&links->lock);
	pthread_mutex_lock(&links->sample_lock);
	for (unsigned i = 0; i < link->slot_count; i++)
		if (link->slots[i].connection != NULL)
			connection_close(link->slots[i].connection);
	unsigned kept = 0;
	for (unsigned i = 0; i < link->sender_count; i++)
		if (link->senders[i] != channel)
			link->senders[kept++] = link->senders[i];
	link->sender_count = kept;
	kept = 0;
	for (unsigned i = 0; i < link->receiver_count; i++)
		if (link->receivers[i] != channel)
			link->receivers[kept++] = link->receivers[i];
	link->receiver_count = kept;
	pthread_mutex_unlock(&links->sample_lock);
	pthread_mutex_unlock(&links->lock);
}

void link_switch_remove_sender(struct link_switch *links, struct remote_sender *sender) {
	remove_from(links, sender->name.node, sender);
}

void link_switch_remove_receiver(struct link_switch *links, struct remote_receiver *receiver) {
	remove_from(links, receiver->name.node, receiver);
}

void link_switch_wake(struct link_switch *links) {
	const uint64_t one = 1;
	// Orders what was done before, which the thread looks at once it has said that it sleeps.
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&links->is_sleeping, memory_order_relaxed) ||
		!atomic_exchange(&links->is_sleeping, false))
		return;
	if (write(links->wake_fd, &one, sizeof(one)) < 0)
		abort(); // an eventfd that is emptied after each sleep
}

static void listen_again(struct link_switch *links, bool is_due) {
	struct epoll_event event = {.events = is_due ? EPOLLIN : 0, .data.ptr = &links->listen_fd};
	if (epoll_ctl(links->epoll_fd, EPOLL_CTL_MOD, links->listen_fd, &event) == 0)
		links->accept_ns = is_due ? 0 : clock_monotonic_ns() + SECOND_NS;
}

// The one that has said nothing for longest makes room: a node says who it is at once.
static void end_oldest_guest(struct link_switch *links) {
	struct connection *guest = links->accepted;
	while (guest->next != NULL)
		guest = guest->next;
	link_refuse(links, LINK_REFUSED_CROWD, "somebody who had yet to say who it is, to make room for another");
	connection_close(guest);
}

static void accept_connections(struct link_switch *links) {
	int fd = 0;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		fd = accept4(links->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			break;
		if (links->accepted_count == ACCEPTED_MAX)
			end_oldest_guest(links);
		struct connection *connection = connection_new(links, fd, CONNECTION_GREETING);
		if (connection == NULL)
			continue;
		connection->next = links->accepted;
		links->accepted = connection;
		links->accepted_count++;
		link_greet(connection);
	}
	// Who waits stays there to be accepted: without a pause this thread would do nothing else than try.
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
		listen_again(links, false);
}

static void handle(struct link_switch *links, const struct epoll_event *event) {
	struct connection *connection = event->data.ptr;
	uint64_t count;
	if (event->data.ptr == &links->wake_fd) {
		if (read(links->wake_fd, &count, sizeof(count)) < 0)
			return; // it was emptied already
	} else if (event->data.ptr == &links->listen_fd) {
		accept_connections(links);
	} else if (connection->state != CONNECTION_DEAD) {
		if ((event->events & EPOLLOUT) != 0 && connection->is_full) {
			struct epoll_event in = {.events = EPOLLIN, .data.ptr = connection};
			connection->is_full = epoll_ctl(links->epoll_fd, EPOLL_CTL_MOD, connection->fd, &in) != 0;
		}
		if (connection->state == CONNECTION_CONNECTING)
			link_greet(connection);
		else if (connection->state == CONNECTION_SHAKING)
			link_shake(connection);
		else if ((event->events & ~(uint32_t)EPOLLOUT) != 0)
			connection_read(connection);
	}
}

static void bury(struct link_switch *links) {
	while (links->dead != NULL) {
		struct connection *connection = links->dead;
		links->dead = connection->next;
		free(connection->receivers);
		free(connection);
	}
}

static void end_late_guests(struct link_switch *links, uint64_t now_ns) {
	struct connection *next;
	for (struct connection *guest = links->accepted; guest != NULL; guest = next) {
		next = guest->next;
		if (now_ns < guest->deadline_ns)
			continue;
		link_refuse(links, LINK_REFUSED_SILENT, "somebody who did not say in time who it is");
		connection_close(guest);
	}
}

static void measure(struct link_switch *links, uint64_t now_ns) {
	uint64_t interval_ns = now_ns - links->measured_ns;
	if (interval_ns < SECOND_NS)
		return;
	pthread_mutex_lock(&links->sample_lock);
	for (unsigned i = 0; i < links->link_count; i++) {
		const struct link *link = &links->links[i];
		for (unsigned s = 0; s < link->sender_count; s++)
			remote_sender_measure(link->senders[s], interval_ns);
		for (unsigned r = 0; r < link->receiver_count; r++)
			remote_receiver_measure(link->receivers[r], interval_ns);
	}
	pthread_mutex_unlock(&links->sample_lock);
	links->measured_ns = now_ns;
}

//   return  whether something was written
static bool serve(struct link_switch *links) {
	uint64_t now_ns = clock_monotonic_ns();
	bool progress = false;
	links->wait_ns = SECOND_NS;
	measure(links, now_ns);
	end_late_guests(links, now_ns);
	if (links->accept_ns != 0 && now_ns >= links->accept_ns)
		listen_again(links, true);
	for (unsigned i = 0; i < links->link_count; i++) {
		struct link *link = &links->links[i];
		link_tend(link, now_ns);
		for (unsigned c = 0; c < link->slot_count; c++) {
			struct connection *connection = link->slots[c].connection;
			if (connection == NULL)
				continue;
			progress |= connection_write(connection, now_ns);
			if (!connection->has_more)
				continue;
			connection_read(connection);
			progress = true;
		}
	}
	return progress;
}

// Whether all that its peers wait to hear has been written.
static bool has_said_all(const struct link_switch *links) {
	for (unsigned i = 0; i < links->link_count; i++) {
		const struct link *link = &links->links[i];
		for (unsigned r = 0; r < link->receiver_count; r++)
			if (link->receivers[r]->incarnation != 0 && !link->receivers[r]->told_final &&
				(link->receivers[r]->connection != NULL || link->receivers[r]->ended))
				return false;
		for (unsigned c = 0; c < link->slot_count; c++)
			if (link->slots[c].connection != NULL && link->slots[c].connection->chunk_count > 0)
				return false;
	}
	return true;
}

static void *run(void *argument) {
	struct link_switch *links = argument;
	struct epoll_event events[EVENTS];
	uint64_t stop_ns = 0;
	pthread_mutex_lock(&links->lock);
	for (bool is_over = false; !is_over;) {
		bool progress = serve(links);
		bury(links);
		if (!progress) {
			// What comes after this look wakes the sleep.
			atomic_store(&links->is_sleeping, true);
			progress = serve(links);
		}
		if (atomic_load(&links->is_stopping)) {
			uint64_t now_ns = clock_monotonic_ns();
			stop_ns = stop_ns == 0 ? now_ns + LINGER_S * SECOND_NS : stop_ns;
			is_over = has_said_all(links) || now_ns >= stop_ns;
			links->wait_ns = links->wait_ns < SECOND_NS / 100 ? links->wait_ns : SECOND_NS / 100;
		}
		const struct timespec limit = {
			.tv_sec = (time_t)(links->wait_ns / SECOND_NS), .tv_nsec = (long)(links->wait_ns % SECOND_NS)};
		pthread_mutex_unlock(&links->lock);
		struct pollfd ready = {.fd = links->epoll_fd, .events = POLLIN};
		if (!progress && !is_over)
			ppoll(&ready, 1, &limit, NULL); // finer than epoll_wait's milliseconds
		int count = epoll_wait(links->epoll_fd, events, EVENTS, 0);
		atomic_store(&links->is_sleeping, false);
		pthread_mutex_lock(&links->lock);
		for (int i = 0; i < count; i++)
			handle(links, &events[i]);
		bury(links);
	}
	pthread_mutex_unlock(&links->lock);
	return NULL;
}

static int watch(const struct link_switch *links, const int *fd) {
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)fd};
	return epoll_ctl(links->epoll_fd, EPOLL_CTL_ADD, *fd, &event) == 0 ? 0 : -errno;
}

static int make_slots(struct link_switch *links) {
	for (unsigned i = 0; i < links->link_count; i++) {
		struct link *link = &links->links[i];
		unsigned channels = link->sender_count + link->receiver_count;
		link->slot_count = links->connections == 0 ? channels : links->connections;
		link->slot_count = channels == 0                             ? 0
				   : link->slot_count > LINK_CONNECTIONS_MAX ? LINK_CONNECTIONS_MAX
									     : link->slot_count;
		link->slots = calloc(link->slot_count + 1, sizeof(*link->slots));
		if (link->slots == NULL)
			return -ENOMEM;
		for (unsigned c = 0; c < link->slot_count; c++)
			link->slots[c].backoff_ns = SECOND_NS / 20;
	}
	return 0;
}

int link_switch_start(struct link_switch *links) {
	char error[STREAM_LISTEN_ERROR_MAX];
	int rc = make_slots(links);
	links->measured_ns = clock_monotonic_ns();
	links->listen_fd = stream_listen(links->own.address, links->tls != NULL, error);
	if (links->listen_fd < 0) {
		fprintf(stderr, "weir-dataplane: nodes: %s: %s\n", links->node, error);
		return links->listen_fd;
	}
	links->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	links->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (links->epoll_fd < 0 || links->wake_fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = watch(links, &links->listen_fd);
	if (rc == 0)
		rc = watch(links, &links->wake_fd);
	if (rc == 0)
		rc = control_thread_new(&links->thread, "weir-links", run, links);
	links->is_started = rc == 0;
	if (rc < 0)
		fprintf(stderr, "weir-dataplane: links: %s\n", strerror(-rc));
	return rc;
}

void link_switch_stop(struct link_switch *links) {
	if (links == NULL || !links->is_started || atomic_exchange(&links->is_stopping, true))
		return;
	link_switch_wake(links);
	pthread_join(links->thread, NULL);
	for (unsigned i = 0; i < links->link_count; i++)
		for (unsigned c = 0; c < links->links[i].slot_count; c++)
			if (links->links[i].slots[c].connection != NULL)
				connection_close(links->links[i].slots[c].connection);
	while (links->accepted != NULL)
		connection_close(links->accepted);
	bury(links);
}

unsigned link_switch_visit(struct link_switch *links, void *context,
	void (*visit)(void *context, unsigned number, const struct remote_sender *sender,
		const struct remote_receiver *receiver)) {
	unsigned number = 0;
	pthread_mutex_lock(&links->sample_lock);
	for (unsigned i = 0; i < links->link_count; i++)
		for (unsigned s = 0; s < links->links[i].sender_count; s++)
			visit(context, number++, links->links[i].senders[s], NULL);
	for (unsigned i = 0; i < links->link_count; i++)
		for (unsigned r = 0; r < links->links[i].receiver_count; r++)
			visit(context, number++, NULL, links->links[i].receivers[r]);
	pthread_mutex_unlock(&links->sample_lock);
	return number;
}

bool link_switch_is_encrypted(const struct link_switch *links) {
	return links->tls != NULL;
}

uint64_t link_switch_refused(const struct link_switch *links, unsigned reason) {
	return links->refusals.counts[reason];
}

int link_switch_set_rate(struct link_switch *links, const char *channel, uint64_t bytes_per_s) {
	char name[sizeof(struct remote_name)];
	int ret = -ENOENT;
	pthread_mutex_lock(&links->sample_lock);
	for (unsigned i = 0; i < links->link_count; i++)
		for (unsigned s = 0; s < links->links[i].sender_count; s++) {
			struct remote_sender *sender = links->links[i].senders[s];
			snprintf(name, sizeof(name), "%s/%s.%u", sender->name.pipeline, sender->name.stream,
				sender->name.index);
			if (strcmp(name, channel) != 0)
				continue;
			atomic_store(&sender->bucket.rate, bytes_per_s);
			ret = 0;
		}
	pthread_mutex_unlock(&links->sample_lock);
	if (ret == 0)
		link_switch_wake(links);
	return ret;
}
