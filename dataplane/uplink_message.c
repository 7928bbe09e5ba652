// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// protobuf-c frees what hangs in a message with free(), so everything here, the node's name too, comes from malloc.
#include "dataplane/uplink_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/uplink_socket.h"

int uplink_message_send_register(void *socket, const struct uplink_session *session) {
	Weir__Register *body = malloc(sizeof(*body));
	Weir__Message message = WEIR__MESSAGE__INIT;
	int ret = -ENOMEM;

	if (body == NULL)
		return -ENOMEM;
	weir__register__init(body);
	body->node = strdup(session->node);
	if (body->node == NULL)
		goto out;
	body->incarnation = session->incarnation;
	body->epoch = session->epoch;
	if (session->source.describe != NULL)
		session->source.describe(session->source.context, body);
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_REGISTER;
	message.register_ = body;
	ret = uplink_socket_send(socket, &message);
out:
	weir__register__free_unpacked(body, NULL);
	return ret;
}

static Weir__UplinkCounters *counters_message(const struct uplink_counters *counters) {
	Weir__UplinkCounters *out = malloc(sizeof(*out));

	if (out == NULL)
		return NULL;
	weir__uplink_counters__init(out);
	out->submitted = __atomic_load_n(&counters->submitted, __ATOMIC_RELAXED);
	out->acknowledged = __atomic_load_n(&counters->acknowledged, __ATOMIC_RELAXED);
	out->resent = __atomic_load_n(&counters->resent, __ATOMIC_RELAXED);
	out->discarded = __atomic_load_n(&counters->discarded, __ATOMIC_RELAXED);
	out->queued = __atomic_load_n(&counters->queued, __ATOMIC_RELAXED);
	out->bytes = __atomic_load_n(&counters->bytes, __ATOMIC_RELAXED);
	out->malformed = __atomic_load_n(&counters->malformed, __ATOMIC_RELAXED);
	out->stale = __atomic_load_n(&counters->stale, __ATOMIC_RELAXED);
	return out;
}

int uplink_message_send_heartbeat(void *socket, const struct uplink_session *session, bool with_counters) {
	Weir__Heartbeat *body = malloc(sizeof(*body));
	Weir__Message message = WEIR__MESSAGE__INIT;
	struct timespec now;
	int ret = -ENOMEM;

	if (body == NULL)
		return -ENOMEM;
	weir__heartbeat__init(body);
	body->node = strdup(session->node);
	if (body->node == NULL)
		goto out;
	clock_gettime(CLOCK_REALTIME, &now);
	body->incarnation = session->incarnation;
	body->sequence = session->beats;
	body->time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (with_counters) {
		body->uplink = counters_message(session->counters);
		if (session->source.measure != NULL)
			session->source.measure(session->source.context, body);
	}
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_HEARTBEAT;
	message.heartbeat = body;
	ret = uplink_socket_send(socket, &message);
out:
	weir__heartbeat__free_unpacked(body, NULL);
	return ret;
}

int uplink_message_send_result(void *socket, const struct uplink_session *session, const struct uplink_answer *answer) {
	Weir__CommandResult body = WEIR__COMMAND_RESULT__INIT;
	Weir__Message message = WEIR__MESSAGE__INIT;

	body.id = (char *)answer->id;
	body.status = answer->status;
	body.text = (char *)answer->text;
	body.epoch = session->epoch;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_COMMAND_RESULT;
	message.command_result = &body;
	return uplink_socket_send(socket, &message);
}

int uplink_message_send_goodbye(void *socket, const struct uplink_session *session) {
	Weir__Goodbye body = WEIR__GOODBYE__INIT;
	Weir__Message message = WEIR__MESSAGE__INIT;

	body.node = (char *)session->node;
	body.incarnation = session->incarnation;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_GOODBYE;
	message.goodbye = &body;
	return uplink_socket_send(socket, &message);
}
