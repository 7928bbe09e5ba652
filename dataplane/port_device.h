// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// DPDK devices that packets are taken from: finding them, creating one for a network interface, starting and stopping
// them. Control code; the `port` source polls the queues.
#pragma once

#include <net/if.h>
#include <rte_ethdev.h>

#include "dataplane/packet.h"

// How a network interface is captured on.
enum port_driver {
	PORT_DRIVER_PCAP,      // net_pcap: time stamps, true drop counts, fragments as they are; one queue
	PORT_DRIVER_AF_PACKET, // net_af_packet: several queues; counts no drops, sees reassembled fragments
	PORT_DRIVER_AF_XDP,    // net_af_xdp: takes the packets away from the kernel
};

enum { PORT_ERROR_MAX = 512 };

struct port_capture {
	enum port_driver driver;
	uint16_t queues;       // at least 1
	uint64_t buffer_bytes; // the kernel's, of all queues; af_xdp has none
};

struct port_device {
	uint16_t id;
	uint16_t queues;   // receive queues in use
	bool is_symmetric; // spreads packets over its queues so that both directions of a flow come to one
	enum packet_link link;
	bool is_pcap; // net_pcap: its time stamps are microseconds, its lost mbufs lost packets
	bool is_started;
	char vdev[RTE_DEV_NAME_MAX_LEN]; // created here, "" where it was there before
	char interface[IFNAMSIZ];        // of a device created here, else ""
	uint64_t errors;                 // ierrors when last looked at
	uint64_t error_sum;              // of those that were packets
	uint64_t lost;                   // as port_device_lost returned it
};

// What setting up asks of a device: the functions of rte_ethdev, or a test's.
struct port_calls {
	int (*info_get)(uint16_t id, struct rte_eth_dev_info *info);
	int (*configure)(uint16_t id, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf);
	int (*adjust_descriptors)(uint16_t id, uint16_t *rx, uint16_t *tx);
	int (*rx_queue_setup)(uint16_t id, uint16_t queue, uint16_t descriptors, unsigned socket_id,
		const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
	int (*tx_queue_setup)(uint16_t id, uint16_t queue, uint16_t descriptors, unsigned socket_id,
		const struct rte_eth_txconf *conf);
	int (*start)(uint16_t id);
	int (*rss_table_update)(uint16_t id, struct rte_eth_rss_reta_entry64 *table, uint16_t size);
	int (*promiscuous_enable)(uint16_t id);
	int (*stats_reset)(uint16_t id);
};
extern const struct port_calls port_calls_ethdev;

struct port_device_options {
	const struct port_calls *calls;
	uint16_t queues; // as many as there is use for; the device may have fewer, or more that must be polled as well
	uint16_t descriptors;
	bool promiscuous;
	struct rte_mempool *pool;
	unsigned socket_id;
};

// Create a device for a network interface; port_device_close removes it.
//   error   [PORT_ERROR_MAX] filled on failure
//   return  0 or a negative errno
int port_device_create(
	struct port_device *device, const char *interface, const struct port_capture *capture, char *error);

// Take a device that the EAL knows, by its number or its name.
//   error   [PORT_ERROR_MAX] filled on failure, with the devices that there are
//   return  0; -ENODEV: none of that name; -EBUSY: another operator has it
int port_device_find(struct port_device *device, const char *name, char *error);

// Names of all devices: `0 (net_pcap0), 1 (0000:3b:00.0)`.
void port_device_list(char *text, size_t size);

// Configure and start. Several queues get flows in equal parts, by a symmetric RSS key where the device has RSS; the
// kernel's fan-out of af_packet sockets is symmetric too.
int port_device_start(struct port_device *device, const struct port_device_options *options, char *error);

// Stop, and remove the device if it was created here. Fine for one that was never started.
void port_device_close(struct port_device *device);

// Packets lost before they could be polled since the start: in the device, in the kernel, for want of mbufs.
//   thread  the one that polls the device's first queue
uint64_t port_device_lost(struct port_device *device);
