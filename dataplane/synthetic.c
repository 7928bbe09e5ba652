// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Makes frames up (synthetic.h).
#include "dataplane/synthetic.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

// Splittable mixing of a counter: Steele et al. 2014, "Fast splittable pseudorandom number generators".
static uint64_t mix(uint64_t value) {
	value += 0x9e3779b97f4a7c15;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

static uint16_t ipv4_checksum(const struct iphdr *ip) {
	uint16_t words[sizeof(*ip) / 2];
	uint32_t sum = 0;
	memcpy(words, ip, sizeof(words));
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

void synthetic_frame(const struct synthetic *settings, uint64_t index, uint8_t *frame) {
	uint64_t draw = mix(settings->seed ^ mix(index));
	uint64_t flow = index < settings->flows ? index : (draw >> 1) % settings->flows;
	bool from_server = index >= settings->flows && draw & 1;
	uint64_t traits = mix(settings->seed + flow);
	// The client's address alone tells flows apart; all else varies at random.
	uint32_t client = htonl(0x0a000000 | (uint32_t)flow), server = htonl(0xac100000 | (traits & 0xfffff));
	uint16_t client_port = htons((uint16_t)(1024 + (traits >> 20) % 64000));
	uint16_t server_port = htons((uint16_t)(1 + (traits >> 40) % 1023));
	bool is_tcp = flow % 2 == 0;

	struct ether_header ether = {.ether_type = htons(ETHERTYPE_IP)};
	ether.ether_shost[0] = ether.ether_dhost[0] = 2; // locally administered
	ether.ether_shost[5] = from_server;
	ether.ether_dhost[5] = !from_server;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(settings->size - sizeof(ether))),
		.id = htons((uint16_t)index),
		.frag_off = htons(IP_DF),
		.ttl = from_server ? 57 : 64,
		.protocol = is_tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.saddr = from_server ? server : client,
		.daddr = from_server ? client : server,
	};
	ip.check = ipv4_checksum(&ip);
	struct tcphdr tcp = {
		.th_sport = from_server ? server_port : client_port,
		.th_dport = from_server ? client_port : server_port,
		.th_seq = htonl((uint32_t)index),
		.th_off = 5,
		.th_flags = TH_ACK,
		.th_win = htons(512),
	};
	struct udphdr udp = {
		.uh_sport = tcp.th_sport,
		.uh_dport = tcp.th_dport,
		.uh_ulen = htons((uint16_t)(settings->size - sizeof(ether) - sizeof(ip))),
	};
	memset(frame, 0, settings->size);
	memcpy(frame, &ether, sizeof(ether));
	memcpy(frame + sizeof(ether), &ip, sizeof(ip));
	if (is_tcp)
		memcpy(frame + sizeof(ether) + sizeof(ip), &tcp, sizeof(tcp));
	else
		memcpy(frame + sizeof(ether) + sizeof(ip), &udp, sizeof(udp));
}
