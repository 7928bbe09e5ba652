// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// filter: let the tuples pass that a condition holds of.
//
//   in       any schema; pcap and bpf: packets
//   out      passed: those of which every condition given is true; rest: the others. Both unchanged
//   drops    not_matched: the others, where no stream leaves by rest
//   options  where, pcap, bpf, section, bpf_bytes
//   state    the compiled programs
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/expression.h"
#include "dataplane/operator.h"
#include "dataplane/packet_filter.h"

_Static_assert((int)EXPRESSION_BATCH == (int)BATCH_MAX, "a batch is run at once");

enum { OUTPUT_PASSED, OUTPUT_REST };
enum { DROP_NOT_MATCHED };

struct filter_options {
	char *where, *pcap, *bpf, *section;
	uint64_t bpf_bytes;
};

struct filter {
	struct expression *where;            // or NULL
	struct packet_filter *pcap, *object; // or NULL
};

static uint64_t select_tuples(struct instance *self, const struct batch *batch) {
	struct filter *state = self->state;
	uint64_t chosen = UINT64_MAX;
	if (state->pcap != NULL)
		chosen &= packet_filter_select(state->pcap, batch);
	if (state->object != NULL)
		chosen &= packet_filter_select(state->object, batch);
	if (state->where == NULL)
		return chosen;
	const void *bodies[BATCH_MAX];
	batch_bodies(batch, self->op->input, bodies);
	return chosen & expression_select(state->where, bodies, batch->count);
}

static void forward_both(struct instance *self, struct batch *batch, uint64_t chosen) {
	struct batch rest;
	unsigned kept = 0;
	rest.count = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		if (chosen >> i & 1)
			batch_move(batch, kept++, i);
		else
			batch_add_from(&rest, batch, i);
	}
	batch->count = kept;
	instance_forward(self, OUTPUT_PASSED, batch);
	instance_forward(self, OUTPUT_REST, &rest);
}

static void filter_process(struct instance *self, struct batch *batch) {
	uint64_t chosen = select_tuples(self, batch);
	if (instance_has_listener(self, OUTPUT_REST)) {
		forward_both(self, batch, chosen);
		return;
	}
	instance_keep(self, DROP_NOT_MATCHED, batch, chosen);
	instance_forward(self, OUTPUT_PASSED, batch);
}

static int filter_check(const void *given, char *error, size_t size) {
	const struct filter_options *options = given;
	char message[PACKET_FILTER_ERROR_MAX];
	if (options->where == NULL && options->pcap == NULL && options->bpf == NULL) {
		snprintf(error, size, "no condition; expected where, pcap or bpf");
		return -EINVAL;
	}
	if (options->pcap != NULL && packet_filter_check(options->pcap, message) != 0) {
		snprintf(error, size, "pcap: %s", message);
		return -EINVAL;
	}
	if (options->bpf != NULL && access(options->bpf, R_OK) != 0) {
		snprintf(error, size, "bpf: %s: %s; expected an eBPF object", options->bpf, strerror(errno));
		return -EINVAL;
	}
	return 0;
}

static int filter_derive(struct derivation *derivation) {
	const struct filter_options *options = derivation->options;
	const struct schema *input = derivation->inputs[0];
	char message[EXPRESSION_ERROR_MAX];
	struct expression *where = NULL;
	if ((options->pcap != NULL || options->bpf != NULL) && input->body != SCHEMA_PACKET) {
		snprintf(derivation->error, derivation->error_size,
			"%s: for packets only, and %s comes in; expected where", options->pcap != NULL ? "pcap" : "bpf",
			input->name);
		return -EINVAL;
	}
	int ret = 0;
	if (options->where != NULL)
		ret = expression_new_condition(&where, options->where, input, message, sizeof(message));
	if (ret != 0)
		snprintf(derivation->error, derivation->error_size, "where: %s", message);
	else
		expression_free(where);
	return ret;
}

static int filter_init(struct instance *self) {
	struct filter *state = self->state;
	const struct filter_options *options = self->options;
	char error[PACKET_FILTER_ERROR_MAX] = "";
	const char *option = "where";
	int ret = 0;
	if (options->where != NULL)
		ret = expression_new_condition(&state->where, options->where, self->op->input, error, sizeof(error));
	if (ret == 0 && options->pcap != NULL) {
		option = "pcap";
		ret = packet_filter_pcap(&state->pcap, options->pcap, error);
	}
	if (ret == 0 && options->bpf != NULL) {
		option = "bpf";
		ret = packet_filter_object(
			&state->object, options->bpf, options->section, (unsigned)options->bpf_bytes, error);
	}
	if (ret != 0)
		operator_error(self->op, "%s: %s", option, error);
	return ret;
}

static void filter_fini(struct instance *self) {
	struct filter *state = self->state;
	expression_free(state->where);
	packet_filter_free(state->pcap);
	packet_filter_free(state->object);
}

#define AT(member) offsetof(struct filter_options, member)
static const struct option filter_option_table[] = {
	{"where", OPTION_STRING, AT(where), .min = 1, .max = 4096,
		.help = "condition on the fields, such as src_ip in 10.0.0.0/8 and bytes > 1k"},
	{"pcap", OPTION_STRING, AT(pcap), .min = 1, .max = 4096,
		.help = "packets: condition on the frame as tcpdump writes it, such as tcp port 80"},
	{"bpf", OPTION_STRING, AT(bpf), .min = 1, .max = PATH_MAX - 1,
		.help = "packets: eBPF object file with a function that does not return 0 of those that pass"},
	{"section", OPTION_STRING, AT(section), ".text", .min = 1, .max = 255, .help = "bpf: section of the function"},
	{"bpf_bytes", OPTION_UINT, AT(bpf_bytes), "128", 1, PACKET_FILTER_BYTES_MAX,
		.help = "bpf: bytes of a frame that it may read"},
	{0},
};
#undef AT

static const char filter_manual[] =
	"Passes on the tuples of which the condition is true, or all conditions where several are given. The others "
	"leave by the output rest, if a stream does (from: NAME.rest); else they are dropped as not_matched.\n\n"
	"where is an expression over the fields of the tuples, see docs/expressions.md. A condition that depends on an "
	"absent field is neither true nor false, and so the tuple goes with the rest.\n\n"
	"pcap is what tcpdump takes, see pcap-filter(7). It looks at the frame as captured, on its outermost headers, "
	"and "
	"knows the link type of each packet; of a packet whose link type has not what it asks for, such as ether host "
	"of "
	"one without Ethernet, it is not true. bpf names an object that clang -target bpf made, with a function "
	"uint64_t "
	"f(const uint8_t *frame); it may read bpf_bytes bytes, which are zero behind the end of a shorter frame, and "
	"has no "
	"maps, loops or calls; it is compiled to machine code.\n\n"
	"Of the packet's fields, where sees what flow_id found: put it behind flow_id. pcap and bpf need nothing "
	"before "
	"them.";

static const struct operator_output outputs[] = {{.name = "passed"}, {.name = "rest"}, {0}};
static const char *const drops[] = {[DROP_NOT_MATCHED] = "not_matched", NULL};

static struct operator_type filter_type = {
	.name = "filter",
	.summary = "let the tuples pass that a condition holds of",
	.manual = filter_manual,
	.options = filter_option_table,
	.options_size = sizeof(struct filter_options),
	.outputs = outputs,
	.drops = drops,
	.grouping = GROUPING_FORWARD,
	.borrows = true,
	.state_size = sizeof(struct filter),
	.keeps_nothing = true,
	.check = filter_check,
	.derive = filter_derive,
	.init = filter_init,
	.fini = filter_fini,
	.process = filter_process,
};
OPERATOR_REGISTER(filter_type);
