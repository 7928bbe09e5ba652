// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// port: a source that takes packets from DPDK ports, or from a network interface that it makes a port of.
//
//   in      receive queues: of n instances, the i-th polls queues i, i + n, … of each port; where a port has fewer
//           queues, some instances idle
//   out     packet: each frame with the time of its capture
//   lost    what the device or the kernel lost before it could be polled (lost_outside), read once a second
//   state   the devices; per instance an event clock
//
// Time stamps are the kernel's where net_pcap gives them (microseconds), else the moment of polling. Told to stop, an
// instance takes what its devices still have, for a quarter of a second at most.
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf_dyn.h>

#include "dataplane/capture_buffer.h"
#include "dataplane/event_clock.h"
#include "dataplane/interface.h"
#include "dataplane/operator.h"
#include "dataplane/port_device.h"

enum {
	PORT_QUEUES_MAX = 128,
	SLACK_NS = 100 * 1000000,      // how much later than its time stamp a packet may be polled
	DRAIN_EMPTY_NS = 25 * 1000000, // the kernel hands a block of net_pcap's over after CAPTURE_BLOCK_MS
	DRAIN_MAX_NS = 250 * 1000000,
	LOST_INTERVAL_NS = 1000000000,
};

static const char *const driver_names[] = {"pcap", "af_packet", "af_xdp", NULL};

struct port_options {
	struct option_list ports;
	char *interface;
	unsigned driver; // enum port_driver
	uint64_t queues, descriptors, buffer_bytes;
	bool promiscuous;
};

static const struct option port_option_table[] = {
	{.name = "ports",
		.type = OPTION_LIST,
		.offset = offsetof(struct port_options, ports),
		.help = "DPDK ports to poll: all, or numbers or names (0, net_tap0); default: all, where interface is "
			"not given"},
	{.name = "interface",
		.type = OPTION_STRING,
		.offset = offsetof(struct port_options, interface),
		.min = 1,
		.max = IF_NAMESIZE - 1,
		.help = "network interface to capture on, such as eth0; needs root or CAP_NET_RAW"},
	{.name = "driver",
		.type = OPTION_ENUM,
		.offset = offsetof(struct port_options, driver),
		.default_text = "pcap",
		.choices = driver_names,
		.help = "how the interface is captured on: pcap has time stamps and true drop counts, af_packet "
			"several queues"},
	{.name = "queues",
		.type = OPTION_UINT,
		.offset = offsetof(struct port_options, queues),
		.default_text = "0",
		.max = PORT_QUEUES_MAX,
		.help = "receive queues of each device, so that as many instances can share them later; as many as "
			"there "
			"are instances at the start, at least"},
	{.name = "descriptors",
		.type = OPTION_UINT,
		.offset = offsetof(struct port_options, descriptors),
		.default_text = "1024",
		.min = 64,
		.max = 32768,
		.help = "receive descriptors of each queue"},
	{.name = "buffer",
		.type = OPTION_SIZE,
		.offset = offsetof(struct port_options, buffer_bytes),
		.default_text = CAPTURE_BUFFER_DEFAULT,
		.min = CAPTURE_BUFFER_MIN,
		.max = CAPTURE_BUFFER_MAX,
		.help = "memory of the kernel for packets of the interface that are not polled yet; not with af_xdp"},
	{.name = "promiscuous",
		.type = OPTION_BOOL,
		.offset = offsetof(struct port_options, promiscuous),
		.default_text = "true",
		.help = "take packets for other stations as well"},
	{0},
};

static const struct operator_output port_outputs[] = {{"packets", &packet_schema}, {0}};

struct port_shared {
	unsigned device_count;
	struct port_device devices[RTE_MAX_ETHPORTS];
	int stamp_offset;    // of the time stamp in an mbuf, -1: no device gives any
	uint64_t stamp_flag; // in ol_flags, where it is valid
	unsigned interface;  // its index; 0: none was named, or it is gone
};

struct port_queue {
	uint16_t port, queue;
	enum packet_link link;
	bool stamps_us;
};

struct port_state {
	struct event_clock clock;
	struct live_clock live;
	unsigned queue_count, next; // next: to be polled first
	struct port_queue *queues;  // [queue_count]
	uint64_t lost_ns;           // when lost_outside was read
	uint64_t stopping_ns;       // when the instance was told to stop
	uint64_t taken_ns;          // when it last got a packet while stopping
	uint64_t polled_ns;         // clock of the poll at hand
};

static int port_check(const void *given, char *error, size_t size) {
	const struct port_options *options = given;
	if (options->interface && options->ports.count) {
		snprintf(error, size, "ports and interface are both given: expected one of them");
		return -EINVAL;
	}
	if (options->queues > 1 && options->interface && options->driver == PORT_DRIVER_PCAP) {
		snprintf(error, size, "queues: %" PRIu64 ": driver pcap has one; expected driver af_packet or af_xdp",
			options->queues);
		return -EINVAL;
	}
	return 0;
}

// net_pcap has one queue; other devices tell how many they have only once they are there.
static unsigned port_parallelism(const void *given) {
	const struct port_options *options = given;
	return options->interface && options->driver == PORT_DRIVER_PCAP ? 1 : 0;
}

static uint16_t queues_wanted(const struct operator *op) {
	const struct port_options *options = op->options;
	return (uint16_t)RTE_MAX(options->queues, (uint64_t)op->instance_count);
}

static int find_devices(struct operator *op, char *error) {
	const struct port_options *options = op->options;
	struct port_shared *shared = op->shared;
	uint16_t id;
	int ret = 0;
	if (options->interface) {
		const struct port_capture capture = {options->driver, queues_wanted(op), options->buffer_bytes};
		ret = port_device_create(&shared->devices[0], options->interface, &capture, error);
		shared->device_count = !ret;
		return ret;
	}
	if (options->ports.count && strcmp(options->ports.items[0], "all") != 0) {
		for (unsigned i = 0; !ret && i < options->ports.count && i < RTE_MAX_ETHPORTS; i++) {
			ret = port_device_find(&shared->devices[i], options->ports.items[i], error);
			shared->device_count += !ret;
		}
		return ret;
	}
	RTE_ETH_FOREACH_DEV(id) {
		char number[16];
		snprintf(number, sizeof(number), "%u", id);
		ret = port_device_find(&shared->devices[shared->device_count], number, error);
		if (ret)
			return ret;
		shared->device_count++;
	}
	if (shared->device_count)
		return 0;
	snprintf(error, PORT_ERROR_MAX,
		"ports: all: there is no port: expected interface: NAME, or devices given to the EAL with -a or "
		"--vdev");
	return -ENODEV;
}

static void warn_of_interface(const struct operator *op) {
	const struct port_options *options = op->options;
	char offloads[64];
	if (!options->interface)
		return;
	if (interface_offloads(options->interface, offloads, sizeof(offloads)))
		operator_warn(op,
			"%s: %s on: frames are merged or not yet split where they are captured; for those of the wire: "
			"ethtool -K %s tso off gso off gro off lro off",
			options->interface, offloads, options->interface);
	if (!interface_is_up(options->interface))
		operator_warn(op, "%s: the interface is down: nothing is captured until it is up", options->interface);
}

static void warn_of_queues(const struct operator *op) {
	const struct port_shared *shared = op->shared;
	for (unsigned i = 0; i < shared->device_count; i++)
		if (!shared->devices[i].is_symmetric)
			operator_warn(op,
				"port %u: the two directions of a flow may come by different queues: its packets can "
				"pass each "
				"other on their way to its record",
				shared->devices[i].id);
}

static int port_open(struct operator *op) {
	const struct port_options *options = op->options;
	char error[PORT_ERROR_MAX];
	struct port_shared *shared = op->shared = calloc(1, sizeof(*shared));
	if (!shared) {
		operator_error(op, "out of memory");
		return -ENOMEM;
	}
	const struct port_device_options device_options = {
		.calls = &port_calls_ethdev,
		.queues = queues_wanted(op),
		.descriptors = (uint16_t)options->descriptors,
		.promiscuous = options->promiscuous,
		.pool = node_packet_pool(op->node),
		.socket_id = node_socket_id(op->node),
	};
	int ret = find_devices(op, error);
	for (unsigned i = 0; !ret && i < shared->device_count; i++)
		ret = port_device_start(&shared->devices[i], &device_options, error);
	if (ret) {
		operator_error(op, "%s", error);
		return ret;
	}
	shared->stamp_offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
	int flag = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
	shared->stamp_flag = flag < 0 ? 0 : UINT64_C(1) << flag;
	shared->interface = options->interface ? if_nametoindex(options->interface) : 0;
	warn_of_interface(op);
	warn_of_queues(op);
	return 0;
}

static void port_close(struct operator *op) {
	struct port_shared *shared = op->shared;
	for (unsigned i = 0; shared && i < shared->device_count; i++)
		port_device_close(&shared->devices[i]);
	free(shared);
	op->shared = NULL;
}

// Of `count` instances.
static void take_queues(struct instance *self, unsigned count) {
	const struct port_shared *shared = self->op->shared;
	struct port_state *state = self->state;
	state->queue_count = state->next = 0;
	for (unsigned i = 0; i < shared->device_count; i++) {
		const struct port_device *device = &shared->devices[i];
		for (unsigned queue = self->index; queue < device->queues; queue += count)
			state->queues[state->queue_count++] = (struct port_queue){
				.port = device->id,
				.queue = (uint16_t)queue,
				.link = device->link,
				.stamps_us = device->is_pcap && shared->stamp_offset >= 0,
			};
	}
	// With a single device the kernel can say when there is something to poll.
	self->input_fd = 0;
	if (state->queue_count == 1 && shared->device_count == 1 && shared->devices[0].is_pcap &&
		shared->devices[0].interface[0] != '\0')
		self->input_fd = interface_capture_fd(shared->devices[0].interface);
}

static int port_init(struct instance *self) {
	const struct port_shared *shared = self->op->shared;
	struct port_state *state = self->state;
	unsigned queues = 0;
	for (unsigned i = 0; i < shared->device_count; i++)
		queues += shared->devices[i].queues;
	state->queues = calloc(queues + 1, sizeof(*state->queues));
	if (!state->queues) {
		operator_error(self->op, "out of memory");
		return -ENOMEM;
	}
	if (!instance_joins(self))
		take_queues(self, self->op->instance_count);
	return 0;
}

static unsigned port_most(const struct operator *op) {
	const struct port_shared *shared = op->shared;
	unsigned most = 0;
	for (unsigned i = 0; i < shared->device_count; i++)
		most = RTE_MAX(most, (unsigned)shared->devices[i].queues);
	return most;
}

// What waits in a queue is stamped when it is polled, whoever polls it.
static void port_share(struct operator *op, struct instance *const *before, unsigned count) {
	const struct port_state *first = op->instances[0]->state;
	for (unsigned i = 0; i < op->instance_count; i++) {
		struct port_state *state = op->instances[i]->state;
		bool had_none = state->queue_count == 0;
		state->live = first->live; // clocks may have been set since it began
		take_queues(op->instances[i], op->instance_count);
		if (had_none && state->queue_count > 0)
			op->instances[i]->finished = false;
	}
}

static const struct operator_sharing port_sharing = {
	.parts = "queues (option queues)", .most = port_most, .share = port_share};

static void port_fini(struct instance *self) {
	struct port_state *state = self->state;
	free(state->queues);
}

// Link type and time of a packet that was just received from a queue.
static void stamp(struct port_state *state, const struct port_shared *shared, const struct port_queue *queue,
	struct rte_mbuf *tuple, struct packet_meta *fields) {
	uint64_t timestamp_ns = state->polled_ns;
	if (queue->stamps_us && tuple->ol_flags & shared->stamp_flag)
		timestamp_ns = 1000 * *RTE_MBUF_DYNFIELD(tuple, shared->stamp_offset, rte_mbuf_timestamp_t *);
	tuple->packet_type = queue->link;
	event_clock_stamp(&state->clock, timestamp_ns, fields);
}

// Take in what has come to one queue, behind what the batch has already.
//   fields  [BATCH_MAX] of the batch's packets
//   return  bytes of the frames
static uint64_t poll_queue(struct instance *self, const struct port_queue *queue, unsigned room, struct batch *batch,
	struct packet_meta *fields) {
	struct rte_mbuf *received[BATCH_MAX];
	unsigned n = rte_eth_rx_burst(queue->port, queue->queue, received, (uint16_t)(room - batch->count));
	uint64_t bytes = 0;
	for (unsigned i = 0; i < n; i++) {
		stamp(self->state, self->op->shared, queue, received[i], &fields[batch->count]);
		batch_add_packet(batch, received[i], &fields[batch->count]);
		bytes += received[i]->pkt_len;
	}
	return bytes;
}

static void read_lost(struct instance *self) {
	struct port_shared *shared = self->op->shared;
	uint64_t lost = 0;
	for (unsigned i = 0; i < shared->device_count; i++)
		lost += port_device_lost(&shared->devices[i]);
	self->counters.lost_outside = lost;
}

// Of an interface that was removed, a capture says nothing.
static void look_for_interface(struct instance *self) {
	const struct port_options *options = self->op->options;
	struct port_shared *shared = self->op->shared;
	char name[IF_NAMESIZE];
	if (!shared->interface || if_indextoname(shared->interface, name) || errno != ENXIO)
		return;
	shared->interface = 0;
	operator_warn(self->op, "%s: the interface is gone: nothing is captured any more", options->interface);
}

// Told to stop: finish once nothing came for a while, or too much still comes.
static void drain(struct instance *self, unsigned taken, uint64_t now_ns) {
	struct port_state *state = self->state;
	if (!state->stopping_ns)
		state->stopping_ns = state->taken_ns = now_ns;
	if (taken)
		state->taken_ns = now_ns;
	self->finished = now_ns - state->taken_ns > DRAIN_EMPTY_NS || now_ns - state->stopping_ns > DRAIN_MAX_NS;
}

static unsigned port_poll(struct instance *self, unsigned room) {
	struct port_state *state = self->state;
	struct batch batch;
	struct packet_meta fields[BATCH_MAX];
	uint64_t bytes = 0;
	if (state->queue_count == 0) { // more instances than the device has queues: the others serve them
		self->finished = true;
		return 0;
	}
	uint64_t now_ns = live_clock_now(&state->live, clock_now_ns(), clock_monotonic_ns());
	state->polled_ns = now_ns;
	batch.count = 0;
	event_clock_advance(&state->clock, now_ns - SLACK_NS);
	for (unsigned i = 0; i < state->queue_count && batch.count < room; i++) {
		const struct port_queue *queue = &state->queues[(state->next + i) % state->queue_count];
		bytes += poll_queue(self, queue, room, &batch, fields);
	}
	if (state->queue_count > 1)
		state->next = (state->next + 1) % state->queue_count;
	self->watermark_ns = state->clock.now_ns;
	unsigned taken = batch.count;
	if (taken)
		instance_take_in(self, 0, &batch, bytes);
	if (self->stopping)
		drain(self, taken, now_ns);
	if (self->index == 0 && (self->finished || now_ns - state->lost_ns > LOST_INTERVAL_NS)) {
		state->lost_ns = now_ns;
		read_lost(self);
		look_for_interface(self);
	}
	return taken;
}

static struct operator_type port_type = {
	.name = "port",
	.summary = "take packets from DPDK ports or a network interface",
	.manual =
		"With ports, polls DPDK devices that the EAL was given; with interface, creates a device for a network "
		"interface of the kernel. driver says how:\n\n"
		"pcap: net_pcap: time stamps of the kernel, true drop counts, fragments as they are on the wire, one "
		"queue. af_packet: net_af_packet: one queue per instance, but it reports no drops, sees reassembled "
		"fragments and cuts offloaded frames. af_xdp: net_af_xdp: fast, but takes the packets away from the "
		"kernel.\n\n"
		"buffer is how long the worker may be away, on a machine that has other things to do: with pcap 1.02 s "
		"for 64 MiB, or less where more than 64 MB/s come; devices given to the EAL as net_pcap have 64 MiB. "
		"What comes while it is full is lost, and counted. With af_packet, which does not count it, each queue "
		"has an equal part, and a packet takes 2 KiB.\n\n"
		"Offloads (TSO, GSO, GRO, LRO) let the kernel hold frames longer than those on the wire; a warning "
		"says "
		"where they are on, and how they are turned off.\n\n"
		"Several queues of one device get flows in equal parts, both directions of a flow in one queue: by RSS "
		"with a symmetric key where the device has it, by the kernel's fan-out with af_packet. Instance i of n "
		"polls queues i, i + n, ..., also where their number changes while they run: up to the number of "
		"queues, "
		"of which there are more than instances with the option queues. What was lost before it could be "
		"polled (imissed, kernel drops, no mbuf) "
		"is "
		"counted as lost_outside of instance 0.",
	.options = port_option_table,
	.options_size = sizeof(struct port_options),
	.outputs = port_outputs,
	.parallelism_for = port_parallelism,
	.live = true,
	.state_size = sizeof(struct port_state),
	.keeps_nothing = true,
	.sharing = &port_sharing,
	.restored = "What comes between the snapshot and the restart is missed.",
	.check = port_check,
	.open = port_open,
	.close = port_close,
	.init = port_init,
	.fini = port_fini,
	.poll = port_poll,
};
OPERATOR_REGISTER(port_type);
