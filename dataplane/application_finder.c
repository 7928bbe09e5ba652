// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/application_finder.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/application_names.h"

// Where what libndpi allocates is counted: it has one allocator for all modules. NULL: not for a flow.
static _Thread_local int64_t *heap_counter;

static void *counting_malloc(size_t size) {
	void *memory = malloc(size);
	if (heap_counter != NULL && memory != NULL)
		*heap_counter += (int64_t)malloc_usable_size(memory);
	return memory;
}

static void counting_free(void *memory) {
	if (heap_counter != NULL && memory != NULL)
		*heap_counter -= (int64_t)malloc_usable_size(memory);
	free(memory);
}

void cache_free(struct cache *cache); // in the library, but not in its headers

static void forget_peers(struct ndpi_detection_module_struct *module) {
	struct ndpi_lru_cache **caches[] = {&module->ookla_cache, &module->bittorrent_cache, &module->zoom_cache,
		&module->stun_cache, &module->tls_cert_cache, &module->mining_cache, &module->msteams_cache};
	for (unsigned i = 0; i < sizeof(caches) / sizeof(caches[0]); i++)
		if (__builtin_expect(*caches[i] != NULL, 0)) {
			ndpi_lru_free_cache(*caches[i]);
			*caches[i] = NULL;
		}
	if (module->tinc_cache != NULL) {
		cache_free(module->tinc_cache);
		module->tinc_cache = NULL;
	}
}

static uint16_t number_of(struct application_finder *finder, ndpi_protocol protocol) {
	if (protocol.app_protocol == NDPI_PROTOCOL_UNKNOWN && protocol.master_protocol == NDPI_PROTOCOL_UNKNOWN)
		return 0;
	uint64_t protocols =
		(uint64_t)protocol.category << 32 | (uint32_t)protocol.master_protocol << 16 | protocol.app_protocol;
	unsigned place = (unsigned)(protocols * UINT64_C(0x9e3779b97f4a7c15) >> 54);
	for (unsigned i = 0; i < APPLICATION_PAIRS; i++, place = (place + 1) % APPLICATION_PAIRS) {
		struct application_pair *pair = &finder->pairs[place];
		if (pair->protocols == protocols)
			return pair->number;
		if (pair->protocols != 0)
			continue;
		char name[64];
		ndpi_protocol2name(finder->module, protocol, name, sizeof(name));
		pair->protocols = protocols;
		pair->number = application_number(name, ndpi_category_get_name(finder->module, protocol.category));
		return pair->number;
	}
	return 0;
}

struct application_finding application_finder_inspect(struct application_finder *finder, struct ndpi_flow_struct *flow,
	const uint8_t *packet, uint16_t size, uint64_t ms) {
	ndpi_protocol protocol = ndpi_detection_process_packet(finder->module, flow, packet, size, ms);
	forget_peers(finder->module);
	if (protocol.app_protocol == NDPI_PROTOCOL_UNKNOWN)
		return (struct application_finding){.is_known = false};
	return (struct application_finding){.is_known = true,
		.is_final = !ndpi_extra_dissection_possible(finder->module, flow),
		.number = number_of(finder, protocol)};
}

uint16_t application_finder_give_up(struct application_finder *finder, struct ndpi_flow_struct *flow) {
	u_int8_t guessed;
	uint16_t number = number_of(finder, ndpi_detection_giveup(finder->module, flow, 0, &guessed));
	forget_peers(finder->module);
	return number;
}

void application_finder_count(struct application_finder *finder) {
	heap_counter = finder != NULL ? &finder->heap_bytes : NULL;
}

int application_finder_init(struct application_finder *finder, const struct operator *op) {
	if (strcmp(ndpi_revision(), NDPI_GIT_RELEASE) != 0) {
		operator_error(
			op, "libndpi is %s; expected %s, with which weir was built", ndpi_revision(), NDPI_GIT_RELEASE);
		return -ENOTSUP;
	}
	set_ndpi_malloc(counting_malloc);
	set_ndpi_free(counting_free);
	// Its list of Tor's hosts is as old as the library.
	finder->module = ndpi_init_detection_module(ndpi_dont_load_tor_hosts);
	if (finder->module == NULL) {
		operator_error(op, "no memory for libndpi");
		return -ENOMEM;
	}
	NDPI_PROTOCOL_BITMASK all;
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(finder->module, &all);
	ndpi_finalize_initialization(finder->module);
	return 0;
}

void application_finder_fini(struct application_finder *finder) {
	if (finder->module != NULL)
		ndpi_exit_detection_module(finder->module);
	finder->module = NULL;
}
