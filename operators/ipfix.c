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
// libfixbuf, which allocates, runs on the sender's thread alone. It writes messages to memory, and this file sends
// them: the library's own connections would wait for as long as TCP does. A record's place in the queue is free once
// the message it is in has been sent, so a connection that breaks between two messages loses none.
#include <fixbuf/public.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/flow_record.h"
#include "dataplane/collector.h"
#include "dataplane/export_queue.h"
#include "dataplane/ipfix_layout.h"
#include "dataplane/line_file.h"

enum {
	TEMPLATE_ID_MIN = 256,
	// Templates made for shapes as they come; the last few ids are for records of any shape.
	TEMPLATES_MAX = 250,
	TEMPLATES_ALL = TEMPLATES_MAX + 6,
	MESSAGE_MAX = UINT16_MAX,
	MESSAGE_UDP = 1400,      // fits into an Ethernet frame with IPv6 and a tunnel
	MESSAGE_UDP_MAX = 65507, // what a datagram of IPv4 holds
	MESSAGE_MIN = 512,
	RETRY_NS = 1000000000,
	PACKED_MAX = 4096,
	MESSAGE_HEADER_SIZE = 16,
	SET_HEADER_SIZE = 4,
	TEMPLATE_HEADER_SIZE = 4,
};
_Static_assert(sizeof(fbVarfield_t) == sizeof(struct ipfix_string), "strings are packed as libfixbuf reads them");

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
		.max = MESSAGE_MAX,
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

struct ipfix_template {
	struct ipfix_layout layout;
	bool in_session;
};

// A message, while it is built and until it is sent.
struct ipfix_message {
	size_t size;      // bytes; 0: none
	size_t written;   // of these, to a pipe that takes it in parts
	unsigned records; // in it
	unsigned lost;    // beside those: records that no message has room for
};

// Everything but the queue is the sender's, once that runs.
struct ipfix_state {
	struct export_queue *queue; // first: see export_queue.h
	struct instance *instance;
	const struct ipfix_options *options;
	struct ipfix_shaper shaper;
	struct collector collector;
	struct line_file *file; // or NULL: a collector
	fbInfoModel_t *model;
	fBuf_t *buffer;          // with its session; NULL: not connected
	unsigned current;        // template that is set on the buffer; TEMPLATES_ALL: none
	unsigned template_count; // of those made for a shape
	struct ipfix_template *templates[TEMPLATES_ALL];
	uint64_t refresh_ns;   // udp: when templates are due again
	unsigned refresh_next; // the next to be sent again; TEMPLATES_ALL: none is due
	bool refreshed;        // the templates were sent again since the last record
	uint64_t retry_ns;     // when a file that failed is tried again
	int retry_error;       // what it failed with
	int away_error;        // why the collector is away, as last said; 0: it is not
	bool was_connected;
	struct ipfix_message open;  // being built
	struct ipfix_message ready; // to be sent: it lies in `bytes`
	uint8_t bytes[MESSAGE_MAX];
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
	unsigned greatest = is_udp ? MESSAGE_UDP_MAX : MESSAGE_MAX;
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
static void complain(struct ipfix_state *state, const char *reason) {
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

static uint8_t own_type(const struct ipfix_element *element, unsigned length) {
	switch (element->form) {
	case IPFIX_STRING:
		return FB_STRING;
	case IPFIX_BOOLEAN:
		return FB_BOOL;
	default:
		return length == 1 ? FB_UINT_8 : length == 2 ? FB_UINT_16 : length == 4 ? FB_UINT_32 : FB_UINT_64;
	}
}

static void add_own_elements(struct ipfix_state *state) {
	for (const struct ipfix_element *element = ipfix_elements; element->field != NULL; element++) {
		const struct field *field = schema_field(state->shaper.schema, element->field);
		if (!element->own || field == NULL)
			continue;
		uint16_t length = ipfix_element_length(element, field);
		uint32_t flags = FB_IE_F_REVERSIBLE | (element->form == IPFIX_NUMBER ? FB_IE_F_ENDIAN : 0);
		fbInfoElement_t added = FB_IE_INIT_FULL(element->name, (uint32_t)state->options->enterprise,
			element->id, length == IPFIX_VARIABLE ? FB_IE_VARLEN : length, flags, 0, 0,
			own_type(element, length), NULL);
		fbInfoModelAddElement(state->model, &added);
	}
}

static size_t message_limit(const struct ipfix_options *options) {
	if (options->message_size > 0)
		return options->message_size;
	return options->collector != NULL && options->transport == COLLECTOR_UDP ? MESSAGE_UDP : MESSAGE_MAX;
}

// A transport session begins: no template is known at the other end, and messages count from 0.
static void begin_session(struct ipfix_state *state) {
	fbSession_t *session = fbSessionAlloc(state->model);
	fbSessionSetDomain(session, (uint32_t)state->options->observation_domain);
	state->buffer = fBufAllocForExport(
		session, fbExporterAllocBuffer(state->bytes, (uint16_t)message_limit(state->options)));
	fBufSetAutomaticMode(state->buffer, FALSE);
	for (unsigned i = 0; i < TEMPLATES_ALL; i++)
		if (state->templates[i] != NULL)
			state->templates[i]->in_session = false;
	state->current = TEMPLATES_ALL;
	state->open = state->ready = (struct ipfix_message){.size = 0};
	state->refresh_ns = clock_monotonic_ns() + state->options->template_refresh_ns;
	state->refresh_next = TEMPLATES_ALL;
	state->refreshed = false;
}

static void end_session(struct ipfix_state *state) {
	if (state->buffer != NULL)
		fBufFree(state->buffer);
	state->buffer = NULL;
}

static bool is_connected(struct ipfix_state *state) {
	if (state->file != NULL) {
		if (state->buffer == NULL)
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
	return state->buffer != NULL;
}

//   return  0 or a positive errno; EAGAIN: the reader of a pipe has part of the message, and waits for the rest
static int write_message(struct ipfix_state *state) {
	struct ipfix_message *ready = &state->ready;
	if (ready->written == 0 && clock_monotonic_ns() < state->retry_ns)
		return state->retry_error;
	int error = 0;
	ready->written += line_file_write(state->file, (const char *)state->bytes + ready->written,
		ready->size - ready->written, clock_now_ns(), &error);
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
	return state->file != NULL ? write_message(state)
				   : -collector_send(&state->collector, state->bytes, state->ready.size);
}

// A message is lost: templates may have been in it, or the collector comes back without them. They are sent at once,
// but to a collector not twice without a record between: where every other message is refused, as by a closed port,
// templates that take two messages would be sent for ever.
static void repeat_templates(struct ipfix_state *state) {
	if (state->file == NULL && state->refreshed) {
		state->refresh_ns = 0;
		return;
	}
	state->refresh_next = 0;
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
		end_session(state);
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
	return done;
}

static void close_message(struct ipfix_state *state) {
	GError *error = NULL;
	state->ready = state->open;
	state->open = (struct ipfix_message){.size = 0};
	// Memory takes every message.
	if (state->ready.size > 0 && !fBufEmit(state->buffer, &error))
		g_clear_error(&error);
	if (state->ready.size > 0)
		state->ready.size = fbExporterGetMsgLen(fBufGetExporter(state->buffer));
}

// Count what is about to be put into the open message.
//   return  0; -EAGAIN: this message is too full; -EMSGSIZE: no message has room for so much
static int reserve(struct ipfix_state *state, size_t size) {
	size_t used = state->open.size > 0 ? state->open.size : MESSAGE_HEADER_SIZE;
	if (used + size > message_limit(state->options))
		return state->open.size > 0 ? -EAGAIN : -EMSGSIZE;
	state->open.size = used + size;
	return 0;
}

// At most; elements of an enterprise take 8 octets, others 4.
static size_t template_size(const struct ipfix_template *template) {
	return SET_HEADER_SIZE + TEMPLATE_HEADER_SIZE + 8 * (size_t) template->layout.field_count;
}

// libfixbuf asks for a new message wherever data follows templates or templates data, even in a new one, and takes
// either at the second try. Room was reserved, so there is no other reason for an end of the message.
static bool is_second_try_due(GError **error) {
	if (!g_error_matches(*error, FB_ERROR_DOMAIN, FB_ERROR_EOM))
		return false;
	g_clear_error(error);
	return true;
}

// Send all templates of the session again.
//   return  0 or -EAGAIN: the message is full before all are in
static int refresh_templates(struct ipfix_state *state) {
	for (; state->refresh_next < TEMPLATES_ALL; state->refresh_next++) {
		const struct ipfix_template *template = state->templates[state->refresh_next];
		GError *error = NULL;
		if (template == NULL || !template->in_session)
			continue;
		int ret = reserve(state, template_size(template));
		if (ret < 0)
			return ret;
		uint16_t id = (uint16_t)(TEMPLATE_ID_MIN + state->refresh_next);
		bool ok = fbSessionExportTemplate(fBufGetSession(state->buffer), id, &error);
		if (!ok && is_second_try_due(&error))
			ok = fbSessionExportTemplate(fBufGetSession(state->buffer), id, &error);
		state->current = TEMPLATES_ALL;
		if (!ok)
			g_clear_error(&error); // the room was reserved
	}
	return 0;
}

static bool add_template(struct ipfix_state *state, unsigned index, GError **error) {
	struct ipfix_template *template = state->templates[index];
	fbSession_t *session = fBufGetSession(state->buffer);
	fbTemplate_t *made = fbTemplateAlloc(state->model);
	uint16_t id = (uint16_t)(TEMPLATE_ID_MIN + index);
	for (unsigned i = 0; i < template->layout.field_count; i++) {
		struct ipfix_field *field = &template->layout.fields[i];
		fbInfoElementSpec_t spec = {field->name, field->form == IPFIX_STRING ? 0 : field->length, 0};
		if (!fbTemplateAppendSpec(made, &spec, UINT32_MAX, error)) {
			fbTemplateFreeUnused(made);
			return false;
		}
	}
	bool ok = fbSessionAddTemplate(session, TRUE, id, made, error) != 0 &&
		  fbSessionAddTemplate(session, FALSE, id, made, error) != 0;
	if (!ok && is_second_try_due(error))
		ok = fbSessionAddTemplate(session, FALSE, id, made, error) != 0;
	state->current = TEMPLATES_ALL; // no data set is begun any more
	template->in_session = ok;
	return ok;
}

// The template of a record; the first of its shape makes one.
//   return  its index, or TEMPLATES_ALL: out of memory
static unsigned find_template(struct ipfix_state *state, const void *body, enum ipfix_direction direction) {
	struct ipfix_template **templates = state->templates;
	struct ipfix_shape wanted;
	ipfix_shape_of(&state->shaper, body, direction, &wanted);
	if (state->current < state->template_count &&
		memcmp(&templates[state->current]->layout.shape, &wanted, sizeof(wanted)) == 0)
		return state->current;
	unsigned index = 0;
	while (index < state->template_count && memcmp(&templates[index]->layout.shape, &wanted, sizeof(wanted)) != 0)
		index++;
	if (index == TEMPLATES_MAX) {
		// One that has everything; what does not apply is 0 there.
		index += wanted.direction * 2u + wanted.is_ipv6;
		wanted.present = UINT64_MAX;
		for (unsigned i = 0; i < state->shaper.list_count; i++)
			wanted.counts[i] = (uint8_t)state->shaper.lists[i]->length;
	}
	if (templates[index] != NULL)
		return index;
	struct ipfix_template *template = calloc(1, sizeof(*template));
	if (template == NULL)
		return TEMPLATES_ALL;
	if (ipfix_layout_init(&template->layout, &state->shaper, &wanted) < 0 || template->layout.size > PACKED_MAX)
		abort(); // the table of elements fits, see its test
	templates[index] = template;
	state->template_count += index < TEMPLATES_MAX;
	return index;
}

static bool put(struct ipfix_state *state, unsigned index, const void *body, GError **error) {
	const struct ipfix_layout *layout = &state->templates[index]->layout;
	uint16_t id = (uint16_t)(TEMPLATE_ID_MIN + index);
	uint8_t packed[PACKED_MAX];
	if (index != state->current && (!fBufSetInternalTemplate(state->buffer, id, error) ||
					       !fBufSetExportTemplate(state->buffer, id, error)))
		return false;
	state->current = index;
	ipfix_layout_pack(layout, body, packed);
	return fBufAppend(state->buffer, packed, layout->size, error) ||
	       (is_second_try_due(error) && fBufAppend(state->buffer, packed, layout->size, error));
}

// The templates that a record needs: one, or one for each direction. They go into the message ahead of it.
//   parts   [2] filled with their indices
//   return  how many; -EAGAIN, -EMSGSIZE as reserve; -ENOMEM
static int prepare_templates(struct ipfix_state *state, const void *body, unsigned *parts) {
	bool biflow = state->options->biflow;
	int part_count = 0;
	parts[part_count++] = find_template(state, body, biflow ? IPFIX_BIFLOW : IPFIX_FORWARD);
	if (!biflow && ipfix_has_reverse(&state->shaper, body))
		parts[part_count++] = find_template(state, body, IPFIX_REVERSE);
	for (int i = 0; i < part_count; i++) {
		GError *error = NULL;
		if (parts[i] == TEMPLATES_ALL)
			return -ENOMEM;
		if (state->templates[parts[i]]->in_session)
			continue;
		// libfixbuf takes templates only ahead of a message's data.
		int ret = state->open.records > 0 ? -EAGAIN : reserve(state, template_size(state->templates[parts[i]]));
		if (ret < 0)
			return ret;
		if (!add_template(state, parts[i], &error)) {
			complain(state, error->message);
			g_clear_error(&error);
			return -ENOMEM;
		}
	}
	return part_count;
}

//   return  0; -EAGAIN: the message is full; another negative errno: the record is lost
static int append(struct ipfix_state *state, const void *body) {
	unsigned parts[2];
	size_t size = 0;
	int part_count = prepare_templates(state, body, parts);
	for (int i = 0; i < part_count; i++)
		size += SET_HEADER_SIZE + ipfix_layout_encoded_size(&state->templates[parts[i]]->layout, body);
	int ret = part_count < 0 ? part_count : reserve(state, size);
	if (ret == -EMSGSIZE)
		complain(state, "message_size is too small for a record or its template: expected more");
	for (int i = 0; ret == 0 && i < part_count; i++) {
		GError *error = NULL;
		if (put(state, parts[i], body, &error))
			continue;
		complain(state, error->message);
		g_clear_error(&error);
		ret = -EIO;
	}
	return ret;
}

// Build the next message from records.
static void build_message(struct ipfix_state *state, const uint8_t *records, unsigned count) {
	bool is_udp = state->file == NULL && state->collector.transport == COLLECTOR_UDP;
	if (is_udp && !state->refreshed && clock_monotonic_ns() >= state->refresh_ns) {
		state->refreshed = true;
		state->refresh_ns = clock_monotonic_ns() + state->options->template_refresh_ns;
		state->refresh_next = 0;
	}
	int ret = refresh_templates(state);
	size_t stride = export_queue_stride(state->queue);
	for (unsigned i = 0; i < count && ret != -EAGAIN; i++) {
		ret = append(state, records + i * stride);
		state->open.records += ret == 0;
		state->open.lost += ret != 0 && ret != -EAGAIN;
	}
	if (state->open.records + state->open.lost > 0)
		state->refreshed = false;
	close_message(state);
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
	ipfix_shaper_init(&state->shaper, self->op->input);
	state->model = fbInfoModelAlloc();
	add_own_elements(state);
	int ret = options->path != NULL
			  ? ipfix_open_file(state)
			  : collector_init(&state->collector, options->collector, options->transport, error);
	return ret < 0 ? ret : export_queue_new(&state->queue, self, &options->export, &sender, state);
}

static void ipfix_fini(struct instance *self) {
	struct ipfix_state *state = self->state;
	export_queue_free(state->queue);
	end_session(state);
	line_file_close(state->file);
	if (state->options != NULL && state->options->collector != NULL)
		collector_close(&state->collector);
	if (state->model != NULL)
		fbInfoModelFree(state->model);
	for (unsigned i = 0; i < TEMPLATES_ALL; i++)
		free(state->templates[i]);
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
	.gauges = export_gauges,
	.grouping = GROUPING_GLOBAL,
	.parallelism = 1,
	.parallelism_max = 1,
	.state_size = sizeof(struct ipfix_state),
	.check = ipfix_check,
	.init = ipfix_init,
	.fini = ipfix_fini,
	.process = export_queue_process,
	.room = export_queue_room,
	.tick = export_queue_tick,
	.flush = export_queue_flush,
};
OPERATOR_REGISTER(ipfix_type);
