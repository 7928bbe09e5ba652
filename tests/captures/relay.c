// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// relay NAMESPACE-A NAMESPACE-B [NAME=VALUE]...
//
// A bad link between two network namespaces: a TUN device `wire` in each, and between them what follows from a seed.
// There is an observer in the middle: a packet travels to it and on from it, on two hops of the same kind, and each may
// delay, lose, hold back or duplicate it. What the observer sees is written as a capture, with the times at which it
// sees it. Ends after `seconds`, or on SIGTERM, with one line of counts on standard output.
//
//   seconds      60      how long it runs
//   delay_us     5000    of each hop
//   jitter_us    0       added to it, at random; order is kept
//   loss         0       share of the packets lost on each hop
//   reorder      0       share of them held back, by held_us
//   held_us      2000
//   duplicate    0       share of them that arrive twice
//   rate_bps     0       of each direction before the first hop, 0 for no limit; a queue of `queue` packets, then loss
//   queue        100
//   seed         1
//   capture              the file to write (as capture=FILE)
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define WAITING_MAX 65536
#define LINK_HEADER 14
#define GAP_NS 1200 // between two packets on a hop: 1,500 bytes at 10 Gbit/s

struct packet {
	uint64_t due_ns;
	uint64_t number; // of those due at one time, the first one asked for comes first
	size_t size;
	unsigned int to; // 0 or 1: the device it is for
	bool is_seen;    // the observer has seen it: it is on its second hop
	uint8_t data[PACKET_MAX];
};

struct link {
	int device[2];                       // of namespaces A and B
	uint64_t free_ns[2];                 // when each direction's rate allows the next packet
	uint64_t last_ns[2][2];              // when the last one in order arrives, by direction and hop
	struct packet *waiting[WAITING_MAX]; // a heap by due_ns
	size_t length;
	uint64_t asked, lost, twice, held, full, carried;
	uint64_t real_offset_ns; // CLOCK_REALTIME less CLOCK_MONOTONIC
	FILE *capture;
};

enum option { SECONDS, DELAY_US, JITTER_US, LOSS, REORDER, HELD_US, DUPLICATE, RATE_BPS, QUEUE, SEED, OPTIONS };
static const char *const names[OPTIONS] = {
	"seconds", "delay_us", "jitter_us", "loss", "reorder", "held_us", "duplicate", "rate_bps", "queue", "seed"};
static double given[OPTIONS] = {60, 5000, 0, 0, 0, 2000, 0, 0, 100, 1};
static struct link all;
static volatile sig_atomic_t is_stopped;

static void stop(int number) {
	(void)number;
	is_stopped = 1;
}

static uint64_t now_ns(clockid_t clock) {
	struct timespec time;
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static double random_share(void) {
	return drand48();
}

static bool is_earlier(const struct packet *one, const struct packet *other) {
	return one->due_ns != other->due_ns ? one->due_ns < other->due_ns : one->number < other->number;
}

static void heap_swap(struct link *link, size_t one, size_t other) {
	struct packet *packet = link->waiting[one];
	link->waiting[one] = link->waiting[other];
	link->waiting[other] = packet;
}

static void heap_add(struct link *link, struct packet *packet) {
	size_t at = link->length++;
	link->waiting[at] = packet;
	for (; at > 0 && is_earlier(link->waiting[at], link->waiting[(at - 1) / 2]); at = (at - 1) / 2)
		heap_swap(link, at, (at - 1) / 2);
}

static struct packet *heap_take(struct link *link) {
	struct packet *first = link->waiting[0];
	link->waiting[0] = link->waiting[--link->length];
	for (size_t at = 0, child; (child = 2 * at + 1) < link->length; at = child) {
		if (child + 1 < link->length && is_earlier(link->waiting[child + 1], link->waiting[child]))
			child++;
		if (!is_earlier(link->waiting[child], link->waiting[at]))
			break;
		heap_swap(link, at, child);
	}
	return first;
}

// Send a copy of a packet on its way over one hop that begins at `start_ns`.
static void travel(struct link *link, const struct packet *packet, uint64_t start_ns, uint64_t late_ns) {
	uint64_t *last_ns = &link->last_ns[packet->to][packet->is_seen];
	struct packet *copy;
	if (link->length == WAITING_MAX || !(copy = malloc(sizeof(*copy)))) {
		link->full++;
		return;
	}
	*copy = *packet;
	copy->number = link->asked++;
	copy->due_ns = start_ns + (uint64_t)(given[DELAY_US] * 1000) + late_ns;
	if (late_ns == 0) {
		copy->due_ns += (uint64_t)(given[JITTER_US] * 1000 * random_share());
		if (copy->due_ns < *last_ns + GAP_NS)
			copy->due_ns = *last_ns + GAP_NS;
		*last_ns = copy->due_ns;
	}
	heap_add(link, copy);
}

// Begin a hop: the packet is lost, or sent on its way, late or twice perhaps.
static void begin_hop(struct link *link, const struct packet *packet, uint64_t start_ns) {
	uint64_t late_ns = 0;
	if (random_share() < given[LOSS]) {
		link->lost++;
		return;
	}
	if (random_share() < given[REORDER]) {
		link->held++;
		late_ns = (uint64_t)(given[HELD_US] * 1000);
	}
	travel(link, packet, start_ns, late_ns);
	if (random_share() < given[DUPLICATE]) {
		link->twice++;
		travel(link, packet, start_ns, late_ns);
	}
}

// Take what has come from one device: what its direction's rate allows goes on the first hop.
static void take_in(struct link *link, unsigned int from) {
	static struct packet packet;
	for (ssize_t size; (size = read(link->device[from], packet.data, sizeof(packet.data))) > 0;) {
		uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
		packet.size = (size_t)size;
		packet.to = !from;
		packet.is_seen = false;
		if (given[RATE_BPS] > 0) {
			uint64_t lasts_ns = (uint64_t)((double)packet.size * 8e9 / given[RATE_BPS]);
			if (link->free_ns[from] < start_ns)
				link->free_ns[from] = start_ns;
			if (link->free_ns[from] - start_ns > lasts_ns * (uint64_t)given[QUEUE]) {
				link->lost++;
				continue;
			}
			start_ns = link->free_ns[from] += lasts_ns;
		}
		begin_hop(link, &packet, start_ns);
	}
}

// Write a packet as the observer sees it, as a frame of Ethernet.
static void record(struct link *link, const struct packet *packet) {
	uint64_t time_ns = packet->due_ns + link->real_offset_ns;
	uint32_t size = (uint32_t)packet->size + LINK_HEADER;
	uint32_t head[4] = {(uint32_t)(time_ns / 1000000000), (uint32_t)(time_ns % 1000000000 / 1000), size, size};
	bool is_ipv6 = packet->data[0] >> 4 == 6;
	uint8_t ethernet[LINK_HEADER] = {2, 0, 0, 0, 0, (uint8_t)(packet->to + 1), 2, 0, 0, 0, 0,
		(uint8_t)(2 - packet->to), is_ipv6 ? 0x86 : 0x08, is_ipv6 ? 0xdd : 0x00};
	if (!link->capture)
		return;
	fwrite(head, sizeof(head), 1, link->capture);
	fwrite(ethernet, sizeof(ethernet), 1, link->capture);
	fwrite(packet->data, packet->size, 1, link->capture);
}

// Let everything arrive that is due.
static void deliver(struct link *link) {
	while (link->length > 0 && link->waiting[0]->due_ns <= now_ns(CLOCK_MONOTONIC)) {
		struct packet *packet = heap_take(link);
		if (!packet->is_seen) {
			record(link, packet);
			packet->is_seen = true;
			begin_hop(link, packet, packet->due_ns);
		} else if (write(link->device[packet->to], packet->data, packet->size) == (ssize_t)packet->size) {
			link->carried++;
		} else {
			link->full++;
		}
		free(packet);
	}
}

static void run(struct link *link) {
	struct pollfd polled[2] = {
		{.fd = link->device[0], .events = POLLIN}, {.fd = link->device[1], .events = POLLIN}};
	uint64_t end_ns = now_ns(CLOCK_MONOTONIC) + (uint64_t)(given[SECONDS] * 1e9);
	for (uint64_t now = 0; !is_stopped && (now = now_ns(CLOCK_MONOTONIC)) < end_ns;) {
		uint64_t due_ns =
			link->length > 0 && link->waiting[0]->due_ns < end_ns ? link->waiting[0]->due_ns : end_ns;
		uint64_t wait_ns = due_ns > now ? due_ns - now : 0;
		struct timespec wait = {(time_t)(wait_ns / 1000000000), (long)(wait_ns % 1000000000)};
		if (ppoll(polled, 2, &wait, NULL) > 0) {
			for (unsigned int from = 0; from < 2; from++) {
				if (polled[from].revents)
					take_in(link, from);
			}
		}
		deliver(link);
	}
}

// A TUN device named `wire` in a network namespace; returns its descriptor, which does not block.
static int open_device(const char *name_space) {
	struct ifreq request = {.ifr_name = "wire", .ifr_flags = IFF_TUN | IFF_NO_PI};
	char path[256];
	snprintf(path, sizeof(path), "/run/netns/%s", name_space);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		fprintf(stderr, "relay: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) {
		fprintf(stderr, "relay: /dev/net/tun: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static FILE *open_capture(const char *path) {
	const uint32_t head[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(head, sizeof(head), 1, file) != 1) {
		fprintf(stderr, "relay: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return file;
}

static void read_option(struct link *link, const char *word) {
	if (strncmp(word, "capture=", 8) == 0) {
		link->capture = open_capture(word + 8);
		return;
	}
	for (unsigned int i = 0; i < OPTIONS; i++) {
		size_t length = strlen(names[i]);
		if (strncmp(word, names[i], length) == 0 && word[length] == '=') {
			given[i] = strtod(word + length + 1, NULL);
			return;
		}
	}
	fprintf(stderr, "relay: \"%s\": expected one of the options named at the head of relay.c\n", word);
	exit(2);
}

int main(int count, char **words) {
	struct link *link = &all;
	struct sigaction on_stop = {.sa_handler = stop};
	if (count < 3) {
		fprintf(stderr, "usage: relay NAMESPACE-A NAMESPACE-B [NAME=VALUE]...\n");
		return 2;
	}
	for (int i = 3; i < count; i++)
		read_option(link, words[i]);
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGINT, &on_stop, NULL);
	srand48((long)given[SEED]);
	link->real_offset_ns = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < 2; i++)
		link->device[i] = open_device(words[1 + i]);
	run(link);
	printf("carried %llu lost %llu held back %llu duplicated %llu no room %llu\n",
		(unsigned long long)link->carried, (unsigned long long)link->lost, (unsigned long long)link->held,
		(unsigned long long)link->twice, (unsigned long long)link->full);
	while (link->length > 0)
		free(heap_take(link));
	return link->capture && fclose(link->capture) ? 1 : 0;
}
