// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// anonymize: put pseudonyms in the place of addresses, so that records can leave the house.
//
//   in       flow or flow_update records
//   out      the same records, changed in place: every IP address exchanged by Crypto-PAn (crypto_pan.h), MAC
//            addresses removed or hashed, and what `remove` names taken out
//   drops    none
//   options  key, mac, remove, cache
//   state    per instance a table of addresses exchanged before; what it forgets is computed again, to the same
//   source   Xu, Fan, Ammar, Moon: Prefix-preserving IP address anonymization, ICNP 2002
//
// It stands on the record stream and has no need to stand earlier: records hold no payload, and frames are never
// exported. Each branch that leaves the node needs its own: stats.updates on its way to summary carries the addresses
// as they were. A table of addresses that an attacker fills costs him one AES call an address, and no more: its index
// is hashed with the node's secret.
//
// What still tells something is said in the manual below.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "api/flow_record.h"
#include "dataplane/crypto_pan.h"
#include "dataplane/operator.h"
#include "dataplane/secret_file.h"

enum mac_option {
	MAC_REMOVE,
	MAC_HASH,
	MAC_KEEP,
};

enum gauge {
	GAUGE_ADDRESSES,  // exchanged
	GAUGE_ENCIPHERED, // of these, not found in the cache
};

struct anonymize_options {
	char *key;
	unsigned mac;
	struct option_list remove;
	uint64_t cache;
};

// What is done to each record: the same for all instances, and constant once they run.
struct treatment {
	struct crypto_pan pan;
	const struct schema *schema;
	const struct field *ips[SCHEMA_FIELDS_MAX], *hashed_macs[SCHEMA_FIELDS_MAX], *removed[SCHEMA_FIELDS_MAX];
	unsigned ip_count, hashed_mac_count, removed_count;
	uint64_t absent; // presence bits of which no field is left
};

struct cached_address {
	uint8_t address[16], anonymous[16];
};

struct anonymize {
	const struct treatment *treatment;
	struct cached_address *cache; // [mask + 1], each of them true
	uint64_t mask;
};

static void exchange_address(struct instance *self, uint8_t *address) {
	struct anonymize *state = self->state;
	uint64_t hash = key_hash(self->op->node, address, sizeof(state->cache->address));
	struct cached_address *cached = &state->cache[hash & state->mask];
	if (memcmp(cached->address, address, sizeof(cached->address)) != 0) {
		memcpy(cached->address, address, sizeof(cached->address));
		crypto_pan_address(&state->treatment->pan, address, cached->anonymous);
		self->gauges[GAUGE_ENCIPHERED]++;
	}
	memcpy(address, cached->anonymous, sizeof(cached->anonymous));
	self->gauges[GAUGE_ADDRESSES]++;
}

static void remove_field(uint8_t *body, const struct field *field) {
	memset(body + field->offset, 0, field_size(field));
	if (field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST)
		body[field->count_offset] = 0;
}

static void treat_record(struct instance *self, uint8_t *body) {
	const struct treatment *treatment = ((struct anonymize *)self->state)->treatment;
	const struct schema *schema = treatment->schema;
	for (unsigned i = 0; i < treatment->removed_count; i++)
		remove_field(body, treatment->removed[i]);
	if (treatment->absent != 0)
		*(uint64_t *)(body + schema->present_offset) &= ~treatment->absent;
	for (unsigned i = 0; i < treatment->ip_count; i++)
		if (schema_is_present(schema, treatment->ips[i], body))
			exchange_address(self, body + treatment->ips[i]->offset);
	for (unsigned i = 0; i < treatment->hashed_mac_count; i++) {
		uint8_t *mac = body + treatment->hashed_macs[i]->offset;
		if (schema_is_present(schema, treatment->hashed_macs[i], body))
			crypto_pan_mac(&treatment->pan, mac, mac);
	}
}

static void anonymize_process(struct instance *self, struct batch *batch) {
	for (unsigned i = 0; i < batch->count; i++)
		treat_record(self, tuple_record(batch->tuples[i]));
	instance_forward(self, 0, batch);
}

static bool is_removed(const struct treatment *treatment, const struct field *field) {
	for (unsigned i = 0; i < treatment->removed_count; i++)
		if (treatment->removed[i] == field)
			return true;
	return false;
}

static int remove_named(struct operator *op, struct treatment *treatment, const char *name) {
	const struct field *field = schema_field(treatment->schema, name);
	if (field == NULL) {
		operator_error(op, "remove: \"%s\": no field of schema %s; weir-flow_stats(7) lists them", name,
			treatment->schema->name);
		return -EINVAL;
	}
	if (!is_removed(treatment, field))
		treatment->removed[treatment->removed_count++] = field;
	return 0;
}

// A field whose presence bit others still need is zero, else it is left out.
static void find_absent(struct treatment *treatment) {
	uint64_t needed = 0;
	for (const struct field *field = treatment->schema->fields; field->name != NULL; field++)
		if (!is_removed(treatment, field))
			needed |= UINT64_C(1) << field->present;
	for (unsigned i = 0; i < treatment->removed_count; i++)
		treatment->absent |= UINT64_C(1) << treatment->removed[i]->present;
	treatment->absent &= ~(needed | UINT64_C(1) << FIELD_ALWAYS);
}

static int plan_treatment(struct operator *op, struct treatment *treatment) {
	const struct anonymize_options *options = op->options;
	treatment->schema = op->input;
	for (unsigned i = 0; i < options->remove.count; i++) {
		int ret = remove_named(op, treatment, options->remove.items[i]);
		if (ret != 0)
			return ret;
	}
	for (const struct field *field = op->input->fields; field->name != NULL; field++) {
		if (is_removed(treatment, field))
			continue;
		if (field->type == FIELD_IP)
			treatment->ips[treatment->ip_count++] = field;
		else if (field->type == FIELD_MAC && options->mac == MAC_HASH)
			treatment->hashed_macs[treatment->hashed_mac_count++] = field;
		else if (field->type == FIELD_MAC && options->mac == MAC_REMOVE)
			treatment->removed[treatment->removed_count++] = field;
	}
	find_absent(treatment);
	return 0;
}

static int anonymize_open(struct operator *op) {
	const struct anonymize_options *options = op->options;
	uint8_t key[CRYPTO_PAN_KEY_SIZE];
	char error[SECRET_FILE_ERROR_MAX];
	int ret = secret_file_read(options->key, key, sizeof(key), error);
	if (ret != 0) {
		operator_error(op, "key: %s", error);
		return ret;
	}
	struct treatment *treatment = calloc(1, sizeof(*treatment));
	op->shared = treatment;
	if (treatment == NULL) {
		operator_error(op, "out of memory");
		ret = -ENOMEM;
	} else {
		crypto_pan_init(&treatment->pan, key);
		ret = plan_treatment(op, treatment);
	}
	explicit_bzero(key, sizeof(key));
	return ret;
}

static void anonymize_close(struct operator *op) {
	if (op->shared != NULL)
		explicit_bzero(op->shared, sizeof(struct treatment));
	free(op->shared);
	op->shared = NULL;
}

static int anonymize_init(struct instance *self) {
	const struct anonymize_options *options = self->options;
	struct anonymize *state = self->state;
	uint64_t size = rte_align64pow2(options->cache);
	state->treatment = self->op->shared;
	state->mask = size - 1;
	state->cache = malloc(size * sizeof(*state->cache));
	if (state->cache == NULL) {
		operator_error(self->op, "no memory for cache: %llu", (unsigned long long)options->cache);
		return -ENOMEM;
	}
	// An empty entry is that of the address ::, and has to be true as well.
	struct cached_address unspecified = {{0}, {0}};
	crypto_pan_address(&state->treatment->pan, unspecified.address, unspecified.anonymous);
	for (uint64_t i = 0; i < size; i++)
		state->cache[i] = unspecified;
	return 0;
}

static void anonymize_fini(struct instance *self) {
	struct anonymize *state = self->state;
	free(state->cache);
}

static const char *const mac_names[] = {[MAC_REMOVE] = "remove", [MAC_HASH] = "hash", [MAC_KEEP] = "keep", NULL};

#define AT(member) offsetof(struct anonymize_options, member)
static const struct option anonymize_option_table[] = {
	{"key", OPTION_STRING, AT(key), .min = 1, .max = PATH_MAX - 1, .required = true,
		.help = "file of 32 random bytes that not everybody may read: head -c 32 /dev/urandom"},
	{"mac", OPTION_ENUM, AT(mac), "remove", .choices = mac_names,
		.help = "MAC addresses: left out, exchanged for pseudonyms made with the key, or as they were"},
	{"remove", OPTION_LIST, AT(remove),
		.help = "further fields to leave out, such as vlan, mpls, tunnel_id; zero where they can't be left "
			"out"},
	{"cache", OPTION_UINT, AT(cache), "65536", 1, 1 << 24,
		.help = "addresses remembered per instance, 32 bytes each; rounded up to a power of two"},
	{0},
};
#undef AT

static const struct schema *const accepts[] = {&flow_schema, &flow_update_schema, NULL};
static const struct operator_output outputs[] = {{.name = "records"}, {0}};
static const char *const gauges[] = {
	[GAUGE_ADDRESSES] = "addresses",
	[GAUGE_ENCIPHERED] = "enciphered",
	NULL,
};

static const char anonymize_manual[] =
	"Exchanges every IP address of a record by Crypto-PAn: two addresses that agree in their first k bits, and no "
	"more, still do afterwards. One key gives the same addresses on every instance and node, and in every run; "
	"IPv4 addresses stay IPv4, also where they are v4-mapped. Who has the key can undo it. To make one: umask 077; "
	"head -c 32 /dev/urandom > anonymize.key\n\n"
	"Put it between flow_stats and whatever writes or sends records, once in each branch: what summary reports to "
	"the controller comes by stats.updates, and has the addresses as they were unless an anonymize stands there "
	"too. It takes records, not packets: nothing exports frames or payload. A json sink that is fed with packets, "
	"for a look at them, does write their addresses as they are.\n\n"
	"What still tells something: ports, protocol, ICMP types, TTL, TOS, times, sizes and TCP figures are kept, and "
	"who can send traffic of a known pattern past the probe finds his own addresses again and learns the prefixes "
	"that others share with them. VLAN ids, MPLS labels and tunnels' ids name customers, TTLs count hops: take "
	"them out with remove: [vlan, mpls, tunnel_id, fwd.ttl, rev.ttl] where that matters. MAC addresses are left "
	"out unless "
	"mac says otherwise; hashed, they show neither vendor nor prefix.";

static struct operator_type anonymize_type = {
	.name = "anonymize",
	.summary = "exchange IP addresses for pseudonyms that keep their prefixes",
	.manual = anonymize_manual,
	.options = anonymize_option_table,
	.options_size = sizeof(struct anonymize_options),
	.accepts = accepts,
	.outputs = outputs,
	.gauges = gauges,
	.grouping = GROUPING_FORWARD,
	.modifies_tuples = true,
	.state_size = sizeof(struct anonymize),
	.keeps_nothing = true,
	.open = anonymize_open,
	.close = anonymize_close,
	.init = anonymize_init,
	.fini = anonymize_fini,
	.process = anonymize_process,
};
OPERATOR_REGISTER(anonymize_type);
