// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Many nodes at once, as a controller sees them: registrations, heartbeats with counters, summaries that are sent again
// until acknowledged, goodbyes. One JSON object at the end.
//
//   controller_load ENDPOINT NODES RECORDS_PER_S SECONDS [INSTANCES]
//
//   RECORDS_PER_S  flows told by each node; INSTANCES (8) of `summary` tell them, once a second each, at most 256 at a
//                  time, so that more flows need more instances
//
// What is the same in all summaries of an instance (its lists) is packed once for each of VARIANTS seconds, and the
// head of each summary, which has the numbers and sums, is put in front: fields of a protobuf message may come in any
// order. So a summary costs a copy here, and the whole of its decoding there.
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

#include "api/weir.pb-c.h"
#include "bench/load_lists.h"

enum {
	VARIANTS = 4,
	IN_FLIGHT_MAX = 64,
	BEAT_MS = 500,
	RESEND_MS = 2000,
};
#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

struct instance {
	struct load_lists lists[VARIANTS];
	uint64_t sent, acknowledged; // numbers of summaries
};

struct node {
	char name[32];
	void *commands, *summaries;
	bool is_registered;
	struct instance *instances; // [load.instances]
	uint64_t progress_ns;       // when an acknowledgement came, or the first of what is in flight was sent
};

static struct load {
	unsigned nodes, instances, flows; // flows of one summary
	uint64_t incarnation, start_ns;
	struct node *list;
	uint64_t beats, summaries, resent, discarded, acknowledged, refused, bytes;
} load;

static uint64_t wall_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void fail(const char *what) {
	fprintf(stderr, "controller_load: %s: %s\n", what, zmq_strerror(zmq_errno()));
	exit(EXIT_FAILURE);
}

static void *dealer(void *context, const char *endpoint) {
	int linger_ms = 0;
	void *socket = zmq_socket(context, ZMQ_DEALER);
	if (socket == NULL || zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)) != 0 ||
		zmq_connect(socket, endpoint) != 0)
		fail(endpoint);
	return socket;
}

//   return  false: the socket takes nothing now
static bool send_message(void *socket, const Weir__Message *message) {
	uint8_t packed[65536];
	size_t size = weir__message__get_packed_size(message);
	if (size > sizeof(packed))
		abort();
	weir__message__pack(message, packed);
	return zmq_send(socket, packed, size, ZMQ_DONTWAIT) >= 0;
}

static void totals_fill(Weir__Totals *totals, uint64_t summaries) {
	weir__totals__init(totals);
	totals->packets = totals->tcp_packets = summaries * load.flows * LOAD_PACKETS;
	totals->bytes = totals->tcp_bytes = summaries * load.flows * LOAD_BYTES;
	totals->flows_started = summaries * load.flows;
	totals->flows_ended = summaries * load.flows / 4;
}

static size_t put_varint(uint8_t *out, uint64_t value) {
	size_t size = 0;
	for (; value >= 0x80; value >>= 7)
		out[size++] = (uint8_t)(value | 0x80);
	out[size++] = (uint8_t)value;
	return size;
}

// Send summary number n of an instance, the same bytes each time.
static bool send_summary(struct node *node, unsigned index, uint64_t n) {
	const struct load_lists *lists = &node->instances[index].lists[n % VARIANTS];
	Weir__Summary head = WEIR__SUMMARY__INIT;
	Weir__Totals cumulative, interval;
	uint8_t frame[65536], *at = frame;
	totals_fill(&cumulative, n);
	totals_fill(&interval, 1);
	head.node = node->name;
	head.incarnation = load.incarnation;
	head.pipeline = "load";
	head.operator_ = "report";
	head.instance = index;
	head.sequence = n;
	head.end_ns = load.start_ns / SECOND * SECOND + n * SECOND;
	head.start_ns = head.end_ns - SECOND;
	head.cumulative = &cumulative;
	head.interval = &interval;
	size_t head_size = weir__summary__get_packed_size(&head);
	if (head_size + lists->size + 16 > sizeof(frame))
		abort();
	*at++ = 1 << 3; // version, a varint
	*at++ = 1;
	*at++ = 6 << 3 | 2; // summary, with its length
	at += put_varint(at, head_size + lists->size);
	at += weir__summary__pack(&head, at);
	memcpy(at, lists->bytes, lists->size);
	at += lists->size;
	if (zmq_send(node->summaries, frame, (size_t)(at - frame), ZMQ_DONTWAIT) < 0)
		return false;
	load.bytes += (uint64_t)(at - frame);
	return true;
}

static void send_register(struct node *node) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Register body = WEIR__REGISTER__INIT;
	body.node = node->name;
	body.incarnation = load.incarnation;
	body.host = "load";
	body.weir_version = "load";
	body.workers = load.instances;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_REGISTER;
	message.register_ = &body;
	send_message(node->commands, &message);
}

// A heartbeat as a node with a pipeline of five operators sends it: every second one with counters.
static void send_beat(struct node *node, bool has_counters) {
	static const char *const operators[] = {"source", "flow_id", "stats", "sink", "report"};
	enum { OPERATORS = sizeof(operators) / sizeof(operators[0]), INSTANCES_MAX = 64 };
	static Weir__InstanceCounters counters[OPERATORS * INSTANCES_MAX], *list[OPERATORS * INSTANCES_MAX];
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Heartbeat body = WEIR__HEARTBEAT__INIT;
	for (unsigned i = 0; has_counters && i < OPERATORS * load.instances; i++) {
		weir__instance_counters__init(list[i] = &counters[i]);
		counters[i].pipeline = "load";
		counters[i].operator_ = (char *)operators[i % OPERATORS];
		counters[i].index = counters[i].worker = i / OPERATORS;
		counters[i].in = counters[i].forwarded = counters[i].out = load.beats;
	}
	body.node = node->name;
	body.incarnation = load.incarnation;
	body.sequence = ++load.beats;
	body.time_ns = wall_ns();
	body.instances = list;
	body.n_instances = has_counters ? OPERATORS * load.instances : 0;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_HEARTBEAT;
	message.heartbeat = &body;
	send_message(node->commands, &message);
}

static void take(struct node *node, const Weir__Message *message, uint64_t now_ns) {
	if (message->body_case == WEIR__MESSAGE__BODY_REGISTERED) {
		node->is_registered = message->registered->accepted;
		load.refused += !message->registered->accepted;
	} else if (message->body_case == WEIR__MESSAGE__BODY_ERROR) {
		load.refused++;
		send_register(node);
	} else if (message->body_case == WEIR__MESSAGE__BODY_SUMMARY_ACK &&
		   message->summary_ack->instance < load.instances) {
		struct instance *instance = &node->instances[message->summary_ack->instance];
		uint64_t n = message->summary_ack->sequence;
		node->progress_ns = now_ns;
		if (n > instance->acknowledged && n <= instance->sent) {
			load.acknowledged += n - instance->acknowledged;
			instance->acknowledged = n;
		}
	}
}

static void receive(struct node *node, void *socket, uint64_t now_ns) {
	uint8_t frame[4096];
	int size;
	while ((size = zmq_recv(socket, frame, sizeof(frame), ZMQ_DONTWAIT)) >= 0) {
		Weir__Message *message =
			(size_t)size <= sizeof(frame) ? weir__message__unpack(NULL, (size_t)size, frame) : NULL;
		if (message != NULL)
			take(node, message, now_ns);
		weir__message__free_unpacked(message, NULL);
	}
}

static uint64_t in_flight(const struct node *node) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < load.instances; i++)
		sum += node->instances[i].sent - node->instances[i].acknowledged;
	return sum;
}

static void resend(struct node *node, uint64_t now_ns) {
	if (in_flight(node) == 0 || now_ns - node->progress_ns < RESEND_MS * MS)
		return;
	for (unsigned i = 0; i < load.instances; i++) {
		struct instance *instance = &node->instances[i];
		for (uint64_t n = instance->acknowledged + 1; n <= instance->sent; n++)
			load.resent += send_summary(node, i, n);
	}
	node->progress_ns = now_ns;
}

// Tell of the second that is over, of one instance of each node at a time.
static void tell(unsigned index, uint64_t now_ns) {
	for (unsigned i = 0; i < load.nodes; i++) {
		struct node *node = &load.list[i];
		struct instance *instance = &node->instances[index];
		uint64_t flying = in_flight(node);
		if (flying == 0)
			node->progress_ns = now_ns;
		if (flying >= IN_FLIGHT_MAX || !send_summary(node, index, instance->sent + 1)) {
			load.discarded++;
			continue;
		}
		instance->sent++;
		load.summaries++;
	}
}

static void serve(uint64_t now_ns, bool beats, bool has_counters) {
	for (unsigned i = 0; i < load.nodes; i++) {
		struct node *node = &load.list[i];
		receive(node, node->commands, now_ns);
		receive(node, node->summaries, now_ns);
		resend(node, now_ns);
		if (beats)
			send_beat(node, has_counters);
	}
}

static void sleep_until(uint64_t then_ns) {
	struct timespec then = {(time_t)(then_ns / SECOND), (long)(then_ns % SECOND)};
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &then, NULL);
}

static void start(void *context, const char *endpoint) {
	char summaries[256];
	const char *colon = strrchr(endpoint, ':');
	if (strncmp(endpoint, "ipc://", 6) == 0)
		snprintf(summaries, sizeof(summaries), "%s-summaries", endpoint);
	else
		snprintf(summaries, sizeof(summaries), "%.*s:%d", (int)(colon - endpoint), endpoint,
			atoi(colon + 1) + 1);
	load.list = calloc(load.nodes, sizeof(*load.list));
	for (unsigned i = 0; load.list != NULL && i < load.nodes; i++) {
		struct node *node = &load.list[i];
		snprintf(node->name, sizeof(node->name), "load-%03u", i);
		node->commands = dealer(context, endpoint);
		node->summaries = dealer(context, summaries);
		node->instances = calloc(load.instances, sizeof(*node->instances));
		const struct load_made made = {i, load.flows, load.start_ns};
		for (unsigned n = 0; n < load.instances; n++)
			for (unsigned v = 0; v < VARIANTS; v++)
				load_lists_make(&node->instances[n].lists[v], &made);
		send_register(node);
	}
	unsigned registered = 0;
	for (uint64_t end_ns = wall_ns() + 10 * SECOND; registered < load.nodes && wall_ns() < end_ns;) {
		sleep_until(wall_ns() + 10 * MS);
		serve(wall_ns(), false, false);
		registered = 0;
		for (unsigned i = 0; i < load.nodes; i++)
			registered += load.list[i].is_registered;
	}
	if (registered < load.nodes)
		fprintf(stderr, "controller_load: %u of %u nodes were accepted\n", registered, load.nodes);
}

// Instances are spread evenly over each second; nodes tell a quarter of a second after its end.
static void run(unsigned seconds) {
	const uint64_t step_ns = SECOND / load.instances / 2;
	load.start_ns = wall_ns() / SECOND * SECOND + SECOND;
	uint64_t steps = (uint64_t)seconds * load.instances * 2;
	uint64_t first_ns = load.start_ns + SECOND + SECOND / 4, beats = 0;
	for (uint64_t step = 0; step < steps; step++) {
		sleep_until(first_ns + step * step_ns);
		uint64_t now_ns = wall_ns();
		bool is_due = now_ns - load.start_ns >= beats * BEAT_MS * MS;
		beats += is_due;
		serve(now_ns, is_due, beats % 2 == 0);
		if (step % 2 == 0)
			tell((unsigned)(step / 2 % load.instances), now_ns);
	}
	// What is under way has 10 s to be acknowledged.
	for (uint64_t end_ns = wall_ns() + 10 * SECOND; wall_ns() < end_ns && load.acknowledged < load.summaries;) {
		uint64_t now_ns = wall_ns();
		bool is_due = now_ns - load.start_ns >= beats * BEAT_MS * MS;
		beats += is_due;
		serve(now_ns, is_due, false);
		sleep_until(now_ns + 10 * MS);
	}
}

static void end(void) {
	struct rusage usage;
	for (unsigned i = 0; i < load.nodes; i++) {
		Weir__Message message = WEIR__MESSAGE__INIT;
		Weir__Goodbye body = WEIR__GOODBYE__INIT;
		body.node = load.list[i].name;
		body.incarnation = load.incarnation;
		message.version = 1;
		message.body_case = WEIR__MESSAGE__BODY_GOODBYE;
		message.goodbye = &body;
		send_message(load.list[i].commands, &message);
	}
	sleep_until(wall_ns() + SECOND / 2);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"bench\": \"controller_load\", \"nodes\": %u, \"instances\": %u, \"records_per_summary\": %u, "
	       "\"summaries\": %" PRIu64 ", \"records\": %" PRIu64 ", \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"acknowledged\": %" PRIu64 ", \"resent\": %" PRIu64 ", \"discarded\": %" PRIu64
	       ", \"refused\": %" PRIu64 ", \"cpu_s\": %.2f}\n",
		load.nodes, load.instances, load.flows, load.summaries, load.summaries * load.flows,
		load.summaries * load.flows * LOAD_PACKETS, load.bytes, load.acknowledged, load.resent, load.discarded,
		load.refused,
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
}

int main(int argc, char **argv) {
	if (argc < 5) {
		fputs("usage: controller_load ENDPOINT NODES RECORDS_PER_S SECONDS [INSTANCES]\n", stderr);
		return 64;
	}
	load.nodes = (unsigned)strtoul(argv[2], NULL, 10);
	load.instances = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 8;
	if (load.nodes == 0 || load.nodes > 1000 || load.instances == 0 || load.instances > 64) {
		fputs("controller_load: expected 1..1000 nodes, 1..64 instances\n", stderr);
		return 64;
	}
	load.flows = (unsigned)strtoul(argv[3], NULL, 10) / load.instances;
	if (load.flows < LOAD_LISTED || load.flows > LOAD_FLOWS_MAX) {
		fprintf(stderr, "controller_load: %u flows a summary: expected %d..%d\n", load.flows, LOAD_LISTED,
			LOAD_FLOWS_MAX);
		return 64;
	}
	load.incarnation = load.start_ns = wall_ns();
	void *context = zmq_ctx_new();
	if (context == NULL)
		fail("context");
	start(context, argv[1]);
	run((unsigned)strtoul(argv[4], NULL, 10));
	end();
	return EXIT_SUCCESS;
}
