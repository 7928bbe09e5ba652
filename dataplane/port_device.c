// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sets DPDK devices up for receiving (port_device.h).
#include "dataplane/port_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>

#include "dataplane/capture_buffer.h"
#include "dataplane/interface.h"
#include "dataplane/port_rss.h"

const struct port_calls port_calls_ethdev = {
	.info_get = rte_eth_dev_info_get,
	.configure = rte_eth_dev_configure,
	.adjust_descriptors = rte_eth_dev_adjust_nb_rx_tx_desc,
	.rx_queue_setup = rte_eth_rx_queue_setup,
	.tx_queue_setup = rte_eth_tx_queue_setup,
	.start = rte_eth_dev_start,
	.rss_table_update = rte_eth_dev_rss_reta_update,
	.promiscuous_enable = rte_eth_promiscuous_enable,
	.stats_reset = rte_eth_stats_reset,
};

enum { AF_PACKET_FRAME_BYTES = 2048, AF_PACKET_FRAMES_MIN = 512 };

static bool is_taken[RTE_MAX_ETHPORTS]; // by a port operator

// Of each queue: an equal part of the buffer, in whole blocks of two frames.
static unsigned af_packet_frames(const struct port_capture *capture) {
	uint64_t frames = capture->buffer_bytes / AF_PACKET_FRAME_BYTES / capture->queues;
	return (unsigned)RTE_MAX(frames & ~UINT64_C(1), (uint64_t)AF_PACKET_FRAMES_MIN);
}

int port_device_create(
	struct port_device *device, const char *interface, const struct port_capture *capture, char *error) {
	static const char *const drivers[] = {"net_pcap", "net_af_packet", "net_af_xdp"};
	static unsigned serial;
	enum port_driver driver = capture->driver;
	char arguments[96];
	*device = (struct port_device){0};
	int ret = interface_check(interface, &device->link, error, PORT_ERROR_MAX);
	if (ret)
		return ret;
	snprintf(device->interface, sizeof(device->interface), "%s", interface);
	snprintf(device->vdev, sizeof(device->vdev), "%s_weir%u", drivers[driver], serial++);
	switch (driver) {
	case PORT_DRIVER_PCAP:
		capture_buffer_set(capture->buffer_bytes);
		snprintf(arguments, sizeof(arguments), "iface=%s", interface);
		break;
	case PORT_DRIVER_AF_PACKET:
		snprintf(arguments, sizeof(arguments), "iface=%s,qpairs=%u,framesz=%u,framecnt=%u", interface,
			capture->queues, AF_PACKET_FRAME_BYTES, af_packet_frames(capture));
		break;
	case PORT_DRIVER_AF_XDP:
		snprintf(arguments, sizeof(arguments), "iface=%s,queue_count=%u", interface, capture->queues);
		break;
	}
	ret = rte_eal_hotplug_add("vdev", device->vdev, arguments);
	if (!ret)
		ret = rte_eth_dev_get_port_by_name(device->vdev, &device->id);
	if (ret) {
		snprintf(error, PORT_ERROR_MAX, "%s: no capture through %s: %s (the line before says more)", interface,
			drivers[driver], strerror(-ret));
		device->vdev[0] = '\0';
		return ret;
	}
	is_taken[device->id] = true;
	return 0;
}

void port_device_list(char *text, size_t size) {
	size_t length = 0;
	uint16_t id;
	snprintf(text, size, "none (the EAL was given none with -a or --vdev)");
	RTE_ETH_FOREACH_DEV(id) {
		char name[RTE_DEV_NAME_MAX_LEN];
		if (rte_eth_dev_get_name_by_port(id, name) == 0 && length < size)
			length += (size_t)snprintf(
				text + length, size - length, "%s%u (%s)", length ? ", " : "", id, name);
	}
}

int port_device_find(struct port_device *device, const char *name, char *error) {
	char *end, devices[256];
	unsigned long number = strtoul(name, &end, 10);
	*device = (struct port_device){.link = PACKET_LINK_ETHERNET};
	if (*name && !*end && number < RTE_MAX_ETHPORTS && rte_eth_dev_is_valid_port((uint16_t)number)) {
		device->id = (uint16_t)number;
	} else if (rte_eth_dev_get_port_by_name(name, &device->id)) {
		port_device_list(devices, sizeof(devices));
		snprintf(error, PORT_ERROR_MAX, "%s: no such port: expected all, or one of %s", name, devices);
		return -ENODEV;
	}
	if (is_taken[device->id]) {
		snprintf(error, PORT_ERROR_MAX, "%s: another operator polls this port already", name);
		return -EBUSY;
	}
	is_taken[device->id] = true;
	return 0;
}

// Devices that spread packets over their queues whether or not those are polled: all of them have to be.
static bool needs_all_queues(const struct rte_eth_dev_info *info) {
	static const char *const drivers[] = {"net_pcap", "net_af_packet", "net_af_xdp"};
	for (size_t i = 0; i < RTE_DIM(drivers); i++)
		if (strcmp(info->driver_name, drivers[i]) == 0)
			return true;
	return false;
}

static int set_up_queues(struct port_device *device, const struct port_device_options *options, uint16_t tx_queues) {
	const struct port_calls *calls = options->calls;
	uint16_t rx_descriptors = options->descriptors, tx_descriptors = 64;
	int ret = calls->adjust_descriptors(device->id, &rx_descriptors, &tx_descriptors);
	for (uint16_t i = 0; !ret && i < device->queues; i++)
		ret = calls->rx_queue_setup(device->id, i, rx_descriptors, options->socket_id, NULL, options->pool);
	for (uint16_t i = 0; !ret && i < tx_queues; i++)
		ret = calls->tx_queue_setup(device->id, i, tx_descriptors, options->socket_id, NULL);
	return ret;
}

static int configure(
	struct port_device *device, const struct port_device_options *options, const struct rte_eth_dev_info *info) {
	struct rte_eth_conf conf = {.rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER};
	device->is_pcap = !strcmp(info->driver_name, "net_pcap");
	device->queues = RTE_MAX(1, RTE_MIN(options->queues, info->max_rx_queues));
	if (needs_all_queues(info))
		device->queues = info->max_rx_queues;
	bool is_fan_out = !strcmp(info->driver_name, "net_af_packet"); // the kernel's, by a symmetric hash
	device->is_symmetric = port_rss_configure(&conf, info, device->queues) || is_fan_out || device->queues == 1;
	// Nothing is sent, but some drivers want their queues in pairs.
	uint16_t tx_queues = RTE_MIN(device->queues, info->max_tx_queues);
	int ret = options->calls->configure(device->id, device->queues, tx_queues, &conf);
	return ret ? ret : set_up_queues(device, options, tx_queues);
}

// Drivers that don't let their table be written have it filled evenly already.
static int spread_evenly(
	struct port_device *device, const struct port_device_options *options, const struct rte_eth_dev_info *info) {
	struct rte_eth_rss_reta_entry64 table[PORT_RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE];
	uint16_t size = port_rss_fill_table(table, info, device->queues);
	int ret = size > 0 ? options->calls->rss_table_update(device->id, table, size) : 0;
	return ret == -ENOTSUP ? 0 : ret;
}

int port_device_start(struct port_device *device, const struct port_device_options *options, char *error) {
	const struct port_calls *calls = options->calls;
	struct rte_eth_dev_info info;
	const char *step = "be asked";
	int ret = calls->info_get(device->id, &info);
	if (ret)
		goto err;
	step = "be configured";
	ret = configure(device, options, &info);
	if (ret)
		goto err;
	step = "start";
	ret = calls->start(device->id);
	if (ret)
		goto err;
	device->is_started = true;
	step = "spread packets over its queues";
	ret = spread_evenly(device, options, &info);
	if (ret)
		goto err;
	// Devices made for an interface are promiscuous by themselves, and refuse to be told.
	step = "become promiscuous";
	ret = options->promiscuous ? calls->promiscuous_enable(device->id) : 0;
	if (ret && ret != -ENOTSUP)
		goto err;
	calls->stats_reset(device->id);
	return 0;

err:
	snprintf(error, PORT_ERROR_MAX, "port %u: the device could not %s: %s", device->id, step, strerror(-ret));
	return ret;
}

void port_device_close(struct port_device *device) {
	if (device->is_started)
		rte_eth_dev_stop(device->id);
	device->is_started = false;
	is_taken[device->id] = false;
	if (device->vdev[0])
		rte_eal_hotplug_remove("vdev", device->vdev);
	device->vdev[0] = '\0';
}

uint64_t port_device_lost(struct port_device *device) {
	struct rte_eth_stats stats;
	if (rte_eth_stats_get(device->id, &stats))
		return device->lost;
	uint64_t errors = stats.ierrors - device->errors;
	device->errors = stats.ierrors;
	// net_pcap counts each poll of an interface that is down as an error, and each packet it read but had no mbuf
	// for once; with other drivers a failed allocation shows up again as a missed packet.
	if (device->is_pcap && device->interface[0] && !interface_is_up(device->interface))
		errors = 0;
	device->error_sum += errors;
	device->lost = stats.imissed + device->error_sum + (device->is_pcap ? stats.rx_nombuf : 0);
	return device->lost;
}
