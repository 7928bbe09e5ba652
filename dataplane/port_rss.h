// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Receive-side scaling such that both directions of a flow come to one queue: the configuration that a device is given.
// It spares the workers rings and keeps the two directions in order; what a flow's record says never depends on it.
//
//   Woo & Park 2012, "Scalable TCP session monitoring with symmetric receive-side scaling": the key
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

enum { PORT_RSS_TABLE_MAX = RTE_ETH_RSS_RETA_SIZE_512 };

// Have a device spread packets over several queues, if it can.
//   conf    its RSS part is filled; the key lives as long as the program
//   return  whether the device hashes both directions of a flow alike
bool port_rss_configure(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info, uint16_t queues);

// The table from hashes to queues, each queue as often as any other.
//   table   [PORT_RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE]
//   return  entries filled: the device's own number, at most PORT_RSS_TABLE_MAX; 0: it has no such table
uint16_t port_rss_fill_table(
	struct rte_eth_rss_reta_entry64 *table, const struct rte_eth_dev_info *info, uint16_t queues);
