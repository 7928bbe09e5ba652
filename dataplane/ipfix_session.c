// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/ipfix_session.h"

#include <fixbuf/public.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/ipfix_layout.h"

enum {
	TEMPLATE_ID_MIN = 256,
	// Templates made for shapes as they come; the last few ids are for records of any shape.
	TEMPLATES_MAX = 250,
	TEMPLATES_ALL = TEMPLATES_MAX + 6,
	PACKED_MAX = 4096,
	MESSAGE_HEADER_SIZE = 16,
	SET_HEADER_SIZE = 4,
	TEMPLATE_HEADER_SIZE = 4,
};
_Static_assert(sizeof(fbVarfield_t) == sizeof(struct ipfix_string), "strings are packed as libfixbuf reads them");

struct ipfix_template {
	struct ipfix_layout layout;
	bool in_session;
};

struct ipfix_session {
	struct ipfix_session_settings settings;
	struct ipfix_shaper shaper;
	fbInfoModel_t *model;
	fBuf_t *buffer;          // with its session; NULL: not begun
	unsigned current;        // template that is set on the buffer; TEMPLATES_ALL: none
	unsigned template_count; // of those made for a shape
	struct ipfix_template *templates[TEMPLATES_ALL];
	unsigned refresh_next;     // the next to be sent again; TEMPLATES_ALL: none is due
	struct ipfix_message open; // being built
	uint8_t bytes[IPFIX_MESSAGE_MAX];
};

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

static void add_own_elements(struct ipfix_session *session) {
	for (const struct ipfix_element *element = ipfix_elements; element->field != NULL; element++) {
		const struct field *field = schema_field(session->shaper.schema, element->field);
		if (!element->own || field == NULL)
			continue;
		uint16_t length = ipfix_element_length(element, field);
		uint32_t flags = FB_IE_F_REVERSIBLE | (element->form == IPFIX_NUMBER ? FB_IE_F_ENDIAN : 0);
		fbInfoElement_t added = FB_IE_INIT_FULL(element->name, (uint32_t)session->settings.enterprise,
			element->id, length == IPFIX_VARIABLE ? FB_IE_VARLEN : length, flags, 0, 0,
			own_type(element, length), NULL);
		fbInfoModelAddElement(session->model, &added);
	}
}

void ipfix_session_begin(struct ipfix_session *session) {
	fbSession_t *made = fbSessionAlloc(session->model);
	fbSessionSetDomain(made, session->settings.domain);
	session->buffer = fBufAllocForExport(
		made, fbExporterAllocBuffer(session->bytes, (uint16_t)session->settings.message_max));
	fBufSetAutomaticMode(session->buffer, FALSE);
	for (unsigned i = 0; i < TEMPLATES_ALL; i++)
		if (session->templates[i] != NULL)
			session->templates[i]->in_session = false;
	session->current = TEMPLATES_ALL;
	session->open = (struct ipfix_message){.size = 0};
	session->refresh_next = TEMPLATES_ALL;
}

void ipfix_session_end(struct ipfix_session *session) {
	if (session->buffer != NULL)
		fBufFree(session->buffer);
	session->buffer = NULL;
}

static struct ipfix_message close_message(struct ipfix_session *session) {
	GError *error = NULL;
	struct ipfix_message closed = session->open;
	session->open = (struct ipfix_message){.size = 0};
	// Memory takes every message.
	if (closed.size > 0 && !fBufEmit(session->buffer, &error))
		g_clear_error(&error);
	if (closed.size > 0)
		closed.size = fbExporterGetMsgLen(fBufGetExporter(session->buffer));
	return closed;
}

// Count what is about to be put into the open message.
//   return  0; -EAGAIN: this message is too full; -EMSGSIZE: no message has room for so much
static int reserve(struct ipfix_session *session, size_t size) {
	size_t used = session->open.size > 0 ? session->open.size : MESSAGE_HEADER_SIZE;
	if (used + size > session->settings.message_max)
		return session->open.size > 0 ? -EAGAIN : -EMSGSIZE;
	session->open.size = used + size;
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
static int refresh_templates(struct ipfix_session *session) {
	for (; session->refresh_next < TEMPLATES_ALL; session->refresh_next++) {
		const struct ipfix_template *template = session->templates[session->refresh_next];
		GError *error = NULL;
		if (template == NULL || !template->in_session)
			continue;
		int ret = reserve(session, template_size(template));
		if (ret < 0)
			return ret;
		uint16_t id = (uint16_t)(TEMPLATE_ID_MIN + session->refresh_next);
		bool ok = fbSessionExportTemplate(fBufGetSession(session->buffer), id, &error);
		if (!ok && is_second_try_due(&error))
			ok = fbSessionExportTemplate(fBufGetSession(session->buffer), id, &error);
		session->current = TEMPLATES_ALL;
		if (!ok)
			g_clear_error(&error); // the room was reserved
	}
	return 0;
}

static bool add_template(struct ipfix_session *session, unsigned index, GError **error) {
	struct ipfix_template *template = session->templates[index];
	fbSession_t *fixbuf = fBufGetSession(session->buffer);
	fbTemplate_t *made = fbTemplateAlloc(session->model);
	uint16_t id = (uint16_t)(TEMPLATE_ID_MIN + index);
	for (unsigned i = 0; i < template->layout.field_count; i++) {
		struct ipfix_field *field = &template->layout.fields[i];
		fbInfoElementSpec_t spec = {field->name, field->form == IPFIX_STRING ? 0 : field->length, 0};
		if (!fbTemplateAppendSpec(made, &spec, UINT32_MAX, error)) {
			fbTemplateFreeUnused(made);
			return false;
		}
	}
	bool ok = fbSessionAddTemplate(fixbuf, TRUE, id, made, error) != 0 &&
		  fbSessionAddTemplate(fixbuf, FALSE, id, made, error) != 0;
	if (!ok && is_second_try_due(error))
		ok = fbSessionAddTemplate(fixbuf, FALSE, id, made, error) != 0;
	session->current = TEMPLATES_ALL; // no data set is begun any more
	template->in_session = ok;
	return ok;
}

// The template of a record; the first of its shape makes one.
//   return  its index, or TEMPLATES_ALL: out of memory
static unsigned find_template(struct ipfix_session *session, const void *body, enum ipfix_direction direction) {
	struct ipfix_template **templates = session->templates;
	struct ipfix_shape wanted;
	ipfix_shape_of(&session->shaper, body, direction, &wanted);
	if (session->current < session->template_count &&
		memcmp(&templates[session->current]->layout.shape, &wanted, sizeof(wanted)) == 0)
		return session->current;
	unsigned index = 0;
	while (index < session->template_count && memcmp(&templates[index]->layout.shape, &wanted, sizeof(wanted)) != 0)
		index++;
	if (index == TEMPLATES_MAX) {
		// One that has everything; what does not apply is 0 there.
		index += wanted.direction * 2u + wanted.is_ipv6;
		wanted.present = UINT64_MAX;
		for (unsigned i = 0; i < session->shaper.list_count; i++)
			wanted.counts[i] = (uint8_t)session->shaper.lists[i]->length;
	}
	if (templates[index] != NULL)
		return index;
	struct ipfix_template *template = calloc(1, sizeof(*template));
	if (template == NULL)
		return TEMPLATES_ALL;
	if (ipfix_layout_init(&template->layout, &session->shaper, &wanted) < 0 || template->layout.size > PACKED_MAX)
		abort(); // the table of elements fits, see its test
	templates[index] = template;
	session->template_count += index < TEMPLATES_MAX;
	return index;
}

static bool put(struct ipfix_session *session, unsigned index, const void *body, GError **error) {
	const struct ipfix_layout *layout = &session->templates[index]->layout;
	uint16_t id = (uint16_t)(TEMPLATE_ID_MIN + index);
	uint8_t packed[PACKED_MAX];
	if (index != session->current && (!fBufSetInternalTemplate(session->buffer, id, error) ||
						 !fBufSetExportTemplate(session->buffer, id, error)))
		return false;
	session->current = index;
	ipfix_layout_pack(layout, body, packed);
	return fBufAppend(session->buffer, packed, layout->size, error) ||
	       (is_second_try_due(error) && fBufAppend(session->buffer, packed, layout->size, error));
}

// The templates that a record needs: one, or one for each direction. They go into the message ahead of it.
//   parts   [2] filled with their indices
//   return  how many; -EAGAIN, -EMSGSIZE as reserve; -ENOMEM
static int prepare_templates(struct ipfix_session *session, const void *body, unsigned *parts) {
	bool biflow = session->settings.biflow;
	int part_count = 0;
	parts[part_count++] = find_template(session, body, biflow ? IPFIX_BIFLOW : IPFIX_FORWARD);
	if (!biflow && ipfix_has_reverse(&session->shaper, body))
		parts[part_count++] = find_template(session, body, IPFIX_REVERSE);
	for (int i = 0; i < part_count; i++) {
		GError *error = NULL;
		if (parts[i] == TEMPLATES_ALL)
			return -ENOMEM;
		if (session->templates[parts[i]]->in_session)
			continue;
		// libfixbuf takes templates only ahead of a message's data.
		int ret = session->open.records > 0 ? -EAGAIN
						    : reserve(session, template_size(session->templates[parts[i]]));
		if (ret < 0)
			return ret;
		if (!add_template(session, parts[i], &error)) {
			session->settings.complain(session->settings.context, error->message);
			g_clear_error(&error);
			return -ENOMEM;
		}
	}
	return part_count;
}

//   return  0; -EAGAIN: the message is full; another negative errno: the record is lost
static int append(struct ipfix_session *session, const void *body) {
	unsigned parts[2];
	size_t size = 0;
	int part_count = prepare_templates(session, body, parts);
	for (int i = 0; i < part_count; i++)
		size += SET_HEADER_SIZE + ipfix_layout_encoded_size(&session->templates[parts[i]]->layout, body);
	int ret = part_count < 0 ? part_count : reserve(session, size);
	if (ret == -EMSGSIZE)
		session->settings.complain(session->settings.context,
			"message_size is too small for a record or its template: expected more");
	for (int i = 0; ret == 0 && i < part_count; i++) {
		GError *error = NULL;
		if (put(session, parts[i], body, &error))
			continue;
		session->settings.complain(session->settings.context, error->message);
		g_clear_error(&error);
		ret = -EIO;
	}
	return ret;
}

struct ipfix_message ipfix_session_build(
	struct ipfix_session *session, const uint8_t *records, size_t stride, unsigned count) {
	int ret = refresh_templates(session);
	for (unsigned i = 0; i < count && ret != -EAGAIN; i++) {
		ret = append(session, records + i * stride);
		session->open.records += ret == 0;
		session->open.lost += ret != 0 && ret != -EAGAIN;
	}
	return close_message(session);
}

void ipfix_session_repeat_templates(struct ipfix_session *session) {
	session->refresh_next = 0;
}

bool ipfix_session_is_begun(const struct ipfix_session *session) {
	return session->buffer != NULL;
}

const uint8_t *ipfix_session_bytes(const struct ipfix_session *session) {
	return session->bytes;
}

struct ipfix_session *ipfix_session_new(const struct ipfix_session_settings *settings) {
	struct ipfix_session *session = calloc(1, sizeof(*session));
	if (session == NULL)
		return NULL;
	session->settings = *settings;
	ipfix_shaper_init(&session->shaper, settings->schema);
	session->model = fbInfoModelAlloc();
	add_own_elements(session);
	return session;
}

void ipfix_session_free(struct ipfix_session *session) {
	if (session == NULL)
		return;
	ipfix_session_end(session);
	fbInfoModelFree(session->model);
	for (unsigned i = 0; i < TEMPLATES_ALL; i++)
		free(session->templates[i]);
	free(session);
}
