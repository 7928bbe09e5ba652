// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Makes frames up (synthetic.h).
#include "dataplane/synthetic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

enum { TCP_HEADERS_SIZE = sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct tcphdr) };
_Static_assert((int)SYNTHETIC_AT_STEPS == (int)TCP_HEADERS_SIZE, "the steps are what the payload begins with");

// Prime and greater than any number of frames: i * SCATTER modulo that number visits each frame once.
static const uint64_t SCATTER = 2654435761;

struct draw {
	uint64_t flow;
	bool from_server;
};

// Splittable mixing of a counter: Steele et al. 2014, "Fast splittable pseudorandom number generators".
static uint64_t mix(uint64_t value) {
	value += 0x9e3779b97f4a7c15;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

static struct draw draw(const struct synthetic *settings, uint64_t index) {
	uint64_t bits = mix(settings->seed ^ mix(index)), place = index * SCATTER % settings->frames;
	return (struct draw){
		.flow = place < settings->flows ? place : (bits >> 1) % settings->flows,
		.from_server = bits & 1,
	};
}

static bool is_tcp(const struct synthetic *settings, uint64_t flow) {
	return settings->protocols == SYNTHETIC_MIXED ? flow % 2 == 0 : settings->protocols == SYNTHETIC_TCP;
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
	struct draw drawn = draw(settings, index);
	uint64_t traits = mix(settings->seed + drawn.flow);
	// The client's address alone tells flows apart; all else varies at random.
	uint32_t client = htonl(0x0a000000 + (uint32_t)drawn.flow), server = htonl(0xac100000 | (traits & 0xfffff));
	uint16_t client_port = htons((uint16_t)(1024 + (traits >> 20) % 64000));
	uint16_t server_port = htons((uint16_t)(1 + (traits >> 40) % 1023));

	struct ether_header ether = {.ether_type = htons(ETHERTYPE_IP)};
	ether.ether_shost[0] = ether.ether_dhost[0] = 2; // locally administered
	ether.ether_dhost[5] = 1;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(settings->size - sizeof(ether))),
		.id = htons((uint16_t)index),
		.frag_off = htons(IP_DF),
		.ttl = drawn.from_server ? 57 : 64,
		.protocol = is_tcp(settings, drawn.flow) ? IPPROTO_TCP : IPPROTO_UDP,
		.saddr = drawn.from_server ? server : client,
		.daddr = drawn.from_server ? client : server,
	};
	ip.check = ipv4_checksum(&ip);
	struct tcphdr tcp = {
		.th_sport = drawn.from_server ? server_port : client_port,
		.th_dport = drawn.from_server ? client_port : server_port,
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
	if (ip.protocol == IPPROTO_TCP)
		memcpy(frame + sizeof(ether) + sizeof(ip), &tcp, sizeof(tcp));
	else
		memcpy(frame + sizeof(ether) + sizeof(ip), &udp, sizeof(udp));
}

// Who sends segment number `i` of a conversation: the sequence of Thue and Morse, in which no three in a row are alike.
static bool is_servers_turn(uint32_t i) {
	return __builtin_parity(i);
}

int synthetic_talk_init(const struct synthetic *settings, struct synthetic_talk *talks) {
	if (settings->size < SYNTHETIC_TALK_SIZE_MIN)
		return -EINVAL;
	memset(talks, 0, settings->flows * sizeof(*talks));
	for (uint64_t i = 0; i < settings->frames; i++) {
		struct synthetic_talk *talk = &talks[draw(settings, i).flow];
		talk->segments[is_servers_turn(talk->segments[0] + talk->segments[1])]++;
	}
	return 0;
}

void synthetic_number(const struct synthetic *settings, uint64_t index, struct synthetic_talk *talks, uint8_t *frame) {
	struct draw drawn = draw(settings, index);
	struct synthetic_talk *talk = &talks[drawn.flow];
	unsigned own = is_servers_turn(talk->sent[0] + talk->sent[1]), other = !own;
	uint32_t payload = settings->size - TCP_HEADERS_SIZE, first = (uint32_t)mix(drawn.flow);
	uint32_t numbers[2] = {htonl(first + talk->sent[own] * payload), htonl(first + talk->sent[other] * payload)};
	uint32_t steps[2] = {
		(talk->segments[other] - talk->sent[other] + talk->sent[own]) * payload,
		(talk->segments[own] - talk->sent[own] + talk->sent[other]) * payload,
	};
	talk->sent[own]++;
	if (!is_tcp(settings, drawn.flow))
		return;
	if (own != drawn.from_server)
		synthetic_exchange_ends(frame);
	memcpy(frame + SYNTHETIC_AT_SEQUENCE, numbers, sizeof(numbers));
	memcpy(frame + SYNTHETIC_AT_STEPS, steps, sizeof(steps));
}
