// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Receive-side scaling on a card that no virtual device stands for: a fake one that remembers what it was told, and
// then finds the queue of a packet as a card does, by Toeplitz hash and table.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_thash.h>

#include "dataplane/port_device.h"
#include "dataplane/port_rss.h"

enum { FLOWS = 4096 };

static struct card {
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint8_t key[64];
	uint16_t queues, queues_set_up;
	uint16_t table[PORT_RSS_TABLE_MAX];
	bool is_started;
	int table_error; // returned by the update of its table
} card;

static int info_get(uint16_t id, struct rte_eth_dev_info *info) {
	*info = card.info;
	return 0;
}

static int configure(uint16_t id, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf) {
	card.conf = *conf;
	card.queues = rx_queues;
	if (conf->rx_adv_conf.rss_conf.rss_key != NULL)
		memcpy(card.key, conf->rx_adv_conf.rss_conf.rss_key, conf->rx_adv_conf.rss_conf.rss_key_len);
	return 0;
}

static int adjust_descriptors(uint16_t id, uint16_t *rx, uint16_t *tx) {
	return 0;
}

static int rx_queue_setup(uint16_t id, uint16_t queue, uint16_t descriptors, unsigned socket_id,
	const struct rte_eth_rxconf *conf, struct rte_mempool *pool) {
	assert_int_equal(queue, card.queues_set_up);
	card.queues_set_up++;
	return 0;
}

static int tx_queue_setup(
	uint16_t id, uint16_t queue, uint16_t descriptors, unsigned socket_id, const struct rte_eth_txconf *conf) {
	return 0;
}

static int start(uint16_t id) {
	card.is_started = true;
	return 0;
}

static int rss_table_update(uint16_t id, struct rte_eth_rss_reta_entry64 *table, uint16_t size) {
	assert_true(card.is_started); // drivers lose what was written before
	assert_int_equal(size, card.info.reta_size);
	for (uint16_t i = 0; card.table_error == 0 && i < size; i++) {
		assert_true(table[i / RTE_ETH_RETA_GROUP_SIZE].mask >> (i % RTE_ETH_RETA_GROUP_SIZE) & 1);
		card.table[i] = table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	}
	return card.table_error;
}

static int done(uint16_t id) {
	return 0;
}

static const struct port_calls fake_calls = {
	.info_get = info_get,
	.configure = configure,
	.adjust_descriptors = adjust_descriptors,
	.rx_queue_setup = rx_queue_setup,
	.tx_queue_setup = tx_queue_setup,
	.start = start,
	.rss_table_update = rss_table_update,
	.promiscuous_enable = done,
	.stats_reset = done,
};

static struct port_device start_card(uint16_t queues) {
	struct port_device device = {0};
	char error[PORT_ERROR_MAX];
	const struct port_device_options options = {.calls = &fake_calls, .queues = queues, .descriptors = 1024};
	card.queues_set_up = 0;
	card.is_started = false;
	assert_int_equal(port_device_start(&device, &options, error), 0);
	assert_int_equal(card.queues_set_up, device.queues);
	assert_int_equal(card.queues, device.queues);
	return device;
}

static void make_card(const char *driver, uint16_t queues, uint8_t key_size, uint16_t table_size) {
	card = (struct card){
		.info = {.driver_name = driver,
			.max_rx_queues = queues,
			.max_tx_queues = queues,
			.hash_key_size = key_size,
			.reta_size = table_size,
			.flow_type_rss_offloads = key_size ? RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP : 0},
	};
}

// The queue of a packet of `words` 32-bit words that the card hashes: addresses, then ports where it hashes these.
static uint16_t queue_of(uint32_t *tuple, uint32_t words) {
	return card.table[rte_softrss(tuple, words, card.key) % card.info.reta_size];
}

// Exchange source and destination: two addresses of `words`, and a word with both ports.
static void turn(const uint32_t *tuple, unsigned words, uint32_t *turned) {
	memcpy(turned, tuple + words, words * sizeof(*tuple));
	memcpy(turned + words, tuple, words * sizeof(*tuple));
	turned[2 * words] = tuple[2 * words] >> 16 | tuple[2 * words] << 16;
}

static void assert_both_directions_meet(uint16_t queues, unsigned address_words) {
	unsigned flows_of[64] = {0};
	srand(7);
	for (unsigned flow = 0; flow < FLOWS; flow++) {
		uint32_t tuple[9], turned[9];
		for (unsigned i = 0; i < 9; i++)
			tuple[i] = (uint32_t)rand() << 8 ^ (uint32_t)rand();
		turn(tuple, address_words, turned);
		uint16_t queue = queue_of(tuple, 2 * address_words + 1);
		assert_int_equal(queue, queue_of(turned, 2 * address_words + 1));
		// Fragments have no ports: they meet as well.
		assert_int_equal(queue_of(tuple, 2 * address_words), queue_of(turned, 2 * address_words));
		assert_true(queue < queues);
		flows_of[queue]++;
	}
	for (unsigned queue = 0; queue < queues; queue++)
		assert_in_range(flows_of[queue], FLOWS / queues * 3 / 4, FLOWS / queues * 5 / 4);
}

static void test_symmetric(void **state) {
	static const struct {
		uint8_t key_size;
		uint16_t table_size, queues;
	} cards[] = {{40, 128, 2}, {40, 512, 8}, {52, 512, 4}, {64, 64, 4}};
	for (size_t i = 0; i < RTE_DIM(cards); i++) {
		make_card("net_card", 16, cards[i].key_size, cards[i].table_size);
		struct port_device device = start_card(cards[i].queues);
		assert_int_equal(device.queues, cards[i].queues);
		assert_true(device.is_symmetric);
		assert_int_equal(card.conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
		assert_int_equal(card.conf.rx_adv_conf.rss_conf.rss_key_len, cards[i].key_size);
		assert_both_directions_meet(cards[i].queues, 1);
		assert_both_directions_meet(cards[i].queues, 4);
	}
}

static void test_few_queues(void **state) {
	make_card("net_card", 4, 40, 128);
	assert_int_equal(start_card(16).queues, 4);
	assert_both_directions_meet(4, 1);
	make_card("net_card", 16, 40, 128);
	struct port_device device = start_card(1);
	assert_int_equal(device.queues, 1);
	assert_int_equal(card.conf.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
}

// No RSS, no key of a known size, a table that can't be written: packets come all the same, and key groups steer them.
static void test_without_rss(void **state) {
	make_card("net_card", 4, 0, 0);
	assert_false(start_card(4).is_symmetric);
	assert_int_equal(card.conf.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
	make_card("net_card", 4, 40, 128);
	card.info.hash_key_size = 0;
	assert_false(start_card(4).is_symmetric);
	assert_int_equal(card.conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
	make_card("net_card", 4, 40, 128);
	card.table_error = -ENOTSUP;
	assert_int_equal(start_card(4).queues, 4);
}

static void test_table_refused(void **state) {
	struct port_device device = {0};
	char error[PORT_ERROR_MAX];
	const struct port_device_options options = {.calls = &fake_calls, .queues = 4, .descriptors = 1024};
	make_card("net_card", 4, 40, 128);
	card.table_error = -EIO;
	assert_int_equal(port_device_start(&device, &options, error), -EIO);
	assert_non_null(strstr(error, "could not spread packets over its queues"));
}

// What these bring to their queues is lost where those are not polled.
static void test_all_queues(void **state) {
	make_card("net_af_packet", 4, 0, 0);
	assert_int_equal(start_card(1).queues, 4);
	make_card("net_pcap", 2, 0, 0);
	assert_int_equal(start_card(8).queues, 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symmetric),
		cmocka_unit_test(test_few_queues),
		cmocka_unit_test(test_without_rss),
		cmocka_unit_test(test_table_refused),
		cmocka_unit_test(test_all_queues),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
