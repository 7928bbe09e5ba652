// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// ipfix: a sink that exports flow records as IPFIX messages (RFC 7011), biflows by RFC 5103.
//
//   in      flow
//   out     a collector by UDP or TCP, or an IPFIX file (RFC 5655)
//   drops   queue_full: no place in the queue; send_error: the collector or the file did not take it; unsent: still
//           queued when the node had to end
//   state   a queue of records (export_queue.h); one instance
//   source  RFC 7011, 7012, 5103; api/ipfix_elements.c has the elements
//
// libfixbuf, which allocates, runs on the sender's thread alone. It writes messages to memory (ipfix_session.h), and
// this file sends them: the library's own connections would wait for as long as TCP does. A record's place in the queue
// is free once the message it is in has been sent, so a connection that breaks between two messages loses none.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/flow_record.h"
#include "dataplane/collector.h"
#include "dataplane/export_queue.h"
#include "dataplane/ipfix_session.h"
#include "dataplane/line_file.h"

enum {
	MESSAGE_UDP = 1400,      // fits into an Ethernet frame with IPv6 and a tunnel
	MESSAGE_UDP_MAX = 65507, // what a datagram of IPv4 holds
	MESSAGE_MIN = 512,
	RETRY_NS = 1000000000,
};

static const char *const ipfix_drops[] = {"queue_full", "send_error", "unsent", NULL};

struct ipfix_options {
	struct export_options export;
	char *collector, *path;
	unsigned transport;
	bool biflow;
	uint64_t template_refresh_ns, message_size, enterprise, observation_domain;
};

static const struct option ipfix_option_table[] = {
	{.name = "collector",
		.type = OPTION_STRING,
		.offset = offsetof(struct ipfix_options, collector),
		.max = 280,
		.help = "where to send: HOST, HOST:PORT or [IPV6]:PORT; the port is 4739 unless given"},
	{.name = "path",
		.type = OPTION_STRING,
		.offset = offsetof(struct ipfix_options, path),
		.max = PATH_MAX - 1,
		.help = "instead of a collector: IPFIX file to write anew; - is standard output"},
	{.name = "transport",
		.type = OPTION_ENUM,
		.offset = offsetof(struct ipfix_options, transport),
		.default_text = "udp",
		.choices = collector_transport_names,
		.help = "to the collector; udp loses records unnoticed where the network or the collector does"},
	{.name = "biflow",
		.type = OPTION_BOOL,
		.offset = offsetof(struct ipfix_options, biflow),
		.default_text = "yes",
		.help = "both directions in one record (RFC 5103); no: a record for each"},
	{.name = "template_refresh",
		.type = OPTION_DURATION,
		.offset = offsetof(struct ipfix_options, template_refresh_ns),
		.default_text = "60s",
		.min = 1000000000,
		.max = 86400 * UINT64_C(1000000000),
		.help = "udp: how often templates are sent again"},
	{.name = "message_size",
		.type = OPTION_SIZE,
		.offset = offsetof(struct ipfix_options, message_size),
		.default_text = "0",
		.max = IPFIX_MESSAGE_MAX,
		.help = "bytes of a message at most, 512 or more, by udp up to 65507; 0: 1400 by udp, else 65535"},
	{.name = "enterprise",
		.type = OPTION_UINT,
		.offset = offsetof(struct ipfix_options, enterprise),
		.default_text = "32473",
		.min = 1,
		.max = UINT32_MAX,
		.help = "private enterprise number of the elements that IANA has none for; 32473 is for documentation"},
	{.name = "observation_domain",
		.type = OPTION_UINT,
		.offset = offsetof(struct ipfix_options, observation_domain),
		.default_text = "0",
		.max = UINT32_MAX,
		.help = "id in the header of each message, where a collector tells exporters of one address apart by "
			"it"},
	EXPORT_OPTIONS(offsetof(struct ipfix_options, export)),
	{0},
};

// Everything but the queue is the sender's, once that runs.
struct ipfix_state {
	struct export_queue *queue; // first: see export_queue.h
	struct instance *instance;
	const struct ipfix_options *options;
	struct ipfix_session *session;
	struct collector collector;
	struct line_file *file; // or NULL: a collector
	uint64_t refresh_ns;    // udp: when templates are due again
	bool refreshed;         // the templates were sent again since the last record
	uint64_t retry_ns;      // when a file that failed is tried again
	int retry_error;        // what it failed with
	int away_error;         // why the collector is away, as last said; 0: it is not
	bool was_connected;
	struct ipfix_message ready; // to be sent
	size_t written;             // of its bytes, to a pipe that takes it in parts
};

static int ipfix_check(const void *given, char *error, size_t size) {
	const struct ipfix_options *options = given;
	char reason[COLLECTOR_ERROR_MAX];
	struct collector collector;
	if ((options->collector == NULL) == (options->path == NULL)) {
		snprintf(error, size, "expected either a collector or a path");
		return -EINVAL;
	}
	bool is_udp = options->collector != NULL && options->transport == COLLECTOR_UDP;
	unsigned greatest = is_udp ? MESSAGE_UDP_MAX : IPFIX_MESSAGE_MAX;
	if (options->message_size > 0 && (options->message_size < MESSAGE_MIN || options->message_size > greatest)) {
		snprintf(error, size, "message_size: %u: expected 0 or %u..%u", (unsigned)options->message_size,
			MESSAGE_MIN, greatest);
		return -EINVAL;
	}
	if (options->collector == NULL ||
		collector_init(&collector, options->collector, options->transport, reason) == 0)
		return 0;
	snprintf(error, size, "collector: %s", reason);
	return -EINVAL;
}

// Say that records are lost: the node exits 1.
static void complain(void *context, const char *reason) {
	const struct ipfix_state *state = context;
	const struct ipfix_options *options = state->options;
	instance_fail(state->instance, "%s: %s: records are lost (counted as send_error)",
		options->collector != NULL ? options->collector : options->path, reason);
}

// Say why the collector is away, once for each reason.
static void warn_away(struct ipfix_state *state, int error) {
	if (error == state->away_error)
		return;
	state->away_error = error;
	operator_warn(
		state->instance->op, "%s: %s: tried again each second", state->options->collector, strerror(error));
}

static size_t message_limit(const struct ipfix_options *options) {
	if (options->message_size > 0)
		return options->message_size;
	return options->collector != NULL && options->transport == COLLECTOR_UDP ? MESSAGE_UDP : IPFIX_MESSAGE_MAX;
}

static void begin_session(struct ipfix_state *state) {
	ipfix_session_begin(state->session);
	state->ready = (struct ipfix_message){.size = 0};
	state->written = 0;
	state->refresh_ns = clock_monotonic_ns() + state->options->template_refresh_ns;
	state->refreshed = false;
}

static bool is_connected(struct ipfix_state *state) {
	if (state->file != NULL) {
		if (!ipfix_session_is_begun(state->session))
			begin_session(state);
		return true;
	}
	int rc = collector_connect(&state->collector);
	if (rc < 0 && rc != -EAGAIN)
		warn_away(state, -rc);
	if (rc == 1) {
		begin_session(state);
		state->away_error = 0;
		if (state->was_connected) {
			export_queue_reconnected(state->queue);
			operator_warn(state->instance->op, "%s: connected again", state->options->collector);
		}
		state->was_connected = true;
	}
	return ipfix_session_is_begun(state->session);
}

//   return  0 or a positive errno; EAGAIN: the reader of a pipe has part of the message, and waits for the rest
static int write_message(struct ipfix_state *state) {
	const char *bytes = (const char *)ipfix_session_bytes(state->session);
	if (state->written == 0 && clock_monotonic_ns() < state->retry_ns)
		return state->retry_error;
	int error = 0;
	state->written += line_file_write(
		state->file, bytes + state->written, state->ready.size - state->written, clock_now_ns(), &error);
	if (error != 0 && error != EAGAIN) {
		state->retry_ns = clock_monotonic_ns() + RETRY_NS;
		state->retry_error = error;
	}
	return error;
}

//   return  0 or a positive errno
static int pass_on(struct ipfix_state *state) {
	if (state->ready.size == 0) // no message had room for any of its records
		return 0;
	return state->file != NULL
		       ? write_message(state)
		       : -collector_send(&state->collector, ipfix_session_bytes(state->session), state->ready.size);
}

// A message is lost: templates may have been in it, or the collector comes back without them. They are sent at once,
// but to a collector not twice without a record between: where every other message is refused, as by a closed port,
// templates that take two messages would be sent for ever.
static void repeat_templates(struct ipfix_state *state) {
	if (state->file == NULL && state->refreshed) {
		state->refresh_ns = 0;
		return;
	}
	ipfix_session_repeat_templates(state->session);
	state->refreshed = true;
}

// Send the message that is ready.
//   return  records that it does away with, sent or lost; 0: it is still to be sent, or the connection is lost
static unsigned send_message(struct ipfix_state *state) {
	const struct ipfix_message *ready = &state->ready;
	int error = pass_on(state);
	if (error == EAGAIN)
		return 0;
	if (error != 0 && state->file == NULL && !state->collector.connected) {
		warn_away(state, error);
		ipfix_session_end(state->session);
		return 0;
	}
	unsigned lost = error != 0 ? ready->records : 0;
	if (lost > 0)
		complain(state, strerror(error));
	if (error == EPIPE) // nobody reads the pipe any more
		operator_end_sink(state->instance->op);
	if (error != 0)
		repeat_templates(state);
	export_queue_sent(state->queue, ready->records - lost);
	export_queue_failed(state->queue, lost + ready->lost);
	unsigned done = ready->records + ready->lost;
	state->ready = (struct ipfix_message){.size = 0};
	state->written = 0;
	return done;
}

// Build the next message from records.
static void build_message(struct ipfix_state *state, const uint8_t *records, unsigned count) {
	bool is_udp = state->file == NULL && state->collector.transport == COLLECTOR_UDP;
	if (is_udp && !state->refreshed && clock_monotonic_ns() >= state->refresh_ns) {
		state->refreshed = true;
		state->refresh_ns = clock_monotonic_ns() + state->options->template_refresh_ns;
		ipfix_session_repeat_templates(state->session);
	}
	state->ready = ipfix_session_build(state->session, records, export_queue_stride(state->queue), count);
	if (state->ready.records + state->ready.lost > 0)
		state->refreshed = false;
}

static unsigned ipfix_send(void *context, const void *records, unsigned count) {
	struct ipfix_state *state = context;
	size_t stride = export_queue_stride(state->queue);
	unsigned done = 0;
	while (is_connected(state)) {
		if (state->ready.size == 0)
			build_message(state, (const uint8_t *)records + done * stride, count - done);
		if (state->ready.size == 0 && state->ready.lost == 0)
			break;
		unsigned gone = send_message(state);
		done += gone;
		if (gone == 0)
			break;
	}
	return done;
}

static int ipfix_open_file(struct ipfix_state *state) {
	const struct line_file_options options = {.path = state->options->path, .is_binary = true};
	char error[LINE_FILE_ERROR_MAX];
	int ret = line_file_open(&state->file, &options, clock_now_ns(), error);
	if (ret < 0)
		operator_error(state->instance->op, "path: %s", error);
	return ret;
}

static int ipfix_init(struct instance *self) {
	static const struct export_sender sender = {.name = "weir-ipfix", .send = ipfix_send};
	struct ipfix_state *state = self->state;
	const struct ipfix_options *options = self->options;
	char error[COLLECTOR_ERROR_MAX];
	state->instance = self;
	state->options = options;
	state->collector.fd = -1; // for fini, wherever this ends
	const struct ipfix_session_settings settings = {
		.schema = self->op->input,
		.biflow = options->biflow,
		.enterprise = (uint32_t)options->enterprise,
		.domain = (uint32_t)options->observation_domain,
		.message_max = message_limit(options),
		.complain = complain,
		.context = state,
	};
	state->session = ipfix_session_new(&settings);
	if (state->session == NULL) {
		operator_error(self->op, "out of memory");
		return -ENOMEM;
	}
	int ret = options->path != NULL
			  ? ipfix_open_file(state)
			  : collector_init(&state->collector, options->collector, options->transport, error);
	return ret < 0 ? ret : export_queue_new(&state->queue, self, &options->export, &sender, state);
}

static void ipfix_fini(struct instance *self) {
	struct ipfix_state *state = self->state;
	export_queue_free(state->queue);
	ipfix_session_free(state->session);
	line_file_close(state->file);
	if (state->options != NULL && state->options->collector != NULL)
		collector_close(&state->collector);
}

static struct operator_type ipfix_type = {
	.name = "ipfix",
	.summary = "export flow records to an IPFIX collector or file",
	.manual =
		"Exports each flow record as an IPFIX data record (RFC 7011). With biflow, both directions are in one "
		"record, the reverse one in reverse elements (RFC 5103); without, each direction is a record of its "
		"own, for collectors that know no biflows. docs/ipfix.md lists the elements.\n\n"
		"Records of the same fields share a template; a template is sent before the first record that needs "
		"it, again after each new connection, and by UDP every template_refresh as well.\n\n"
		"Records wait in a bounded queue; a thread of its own encodes and sends them, so a slow or absent "
		"collector never holds up a worker. By TCP they wait until the collector is back. By UDP nobody can "
		"know whether they arrived; those that the network refused are counted as send_error.\n\n"
		"A node that was told to stop sends what is queued first, for drain_timeout at most; what is left "
		"then is counted as unsent.",
	.options = ipfix_option_table,
	.options_size = sizeof(struct ipfix_options),
	.accepts = (const struct schema *const[]){&flow_schema, NULL},
	.drops = ipfix_drops,
	.state_size = sizeof(struct ipfix_state),
	.keeps_nothing = true,
	.restored = "At least once: what was sent after the snapshot is sent again, with sequence numbers from 0.",
	.check = ipfix_check,
	.init = ipfix_init,
	.fini = ipfix_fini,
	EXPORT_SINK,
};
OPERATOR_REGISTER(ipfix_type);
