// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Symmetric RSS (port_rss.h).
#include "dataplane/port_rss.h"

#include <string.h>

// Toeplitz XORs parts of the key, chosen by the bits of addresses and ports. With a key of repeated 16-bit words the
// parts of two fields that are a multiple of 16 bits apart are the same, so exchanging them changes nothing.
static uint8_t symmetric_key[64];

bool port_rss_configure(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info, uint16_t queues) {
	uint64_t wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
	uint64_t offered = wanted & info->flow_type_rss_offloads;
	if (queues < 2 || offered == 0)
		return false;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = offered;
	if (info->hash_key_size == 0 || info->hash_key_size > sizeof(symmetric_key))
		return false;
	for (size_t i = 0; i < sizeof(symmetric_key); i++)
		symmetric_key[i] = i % 2 == 0 ? 0x6d : 0x5a;
	conf->rx_adv_conf.rss_conf.rss_key = symmetric_key;
	conf->rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
	return true;
}

uint16_t port_rss_fill_table(
	struct rte_eth_rss_reta_entry64 *table, const struct rte_eth_dev_info *info, uint16_t queues) {
	uint16_t size = info->reta_size;
	if (queues < 2 || size == 0 || size > PORT_RSS_TABLE_MAX)
		return 0;
	memset(table, 0, PORT_RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE * sizeof(*table));
	for (uint16_t i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];
		group->mask |= UINT64_C(1) << (i % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
	}
	return size;
}
