// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Losses that ZeroMQ hides are found by time alone: a connection that broke and came back takes whatever was on its way
// with it, in both directions. So a summary without an acknowledgement is sent again, and the receiver takes each
// sequence number once.
#include "dataplane/uplink_session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dataplane/text.h"
#include "dataplane/uplink_message.h"
#include "dataplane/uplink_socket.h"

enum {
	RECEIVE_MAX = 64, // messages per socket and run, so that a flood can't starve the timers
	BEAT_MS_MIN = 10, // bounds of what a controller may ask for
	BEAT_MS_MAX = 60000,
	RESEND_BACKOFF_MAX = 8, // times the first wait
	GOODBYE_LINGER_MS = 500,
	VERB_MAX = 60, // bytes of a command that are said
	VALUE_MAX = 255,
	CONNECT_SILENCES = 4, // times silence_ms: with the default beats 6 s, more than a connection takes
	LINE_SIZE = 4096,     // holds a command whose every byte is escaped
};

static uint64_t silence_ms(const struct uplink_session *session) {
	return (uint64_t)session->beat_ms * UPLINK_SILENT_BEATS;
}

static void count(uint64_t *counter, uint64_t n) {
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

// One line, whatever the controller has put into it.
static void __attribute__((format(printf, 2, 3))) say(const struct uplink_session *session, const char *format, ...) {
	char text[LINE_SIZE], line[LINE_SIZE] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_append_escaped(line, sizeof(line), text, sizeof(text));
	fprintf(stderr, "weir-dataplane: controller %s: %s\n", session->controller, line);
}

static void enter(struct uplink_session *session, enum uplink_state state, uint64_t now_ms) {
	session->state = state;
	session->since_ms = now_ms;
	__atomic_store_n(session->is_registered, state == UPLINK_REGISTERED, __ATOMIC_RELEASE);
}

static void close_summaries(struct uplink_session *session) {
	uplink_socket_close(session->summaries, 0);
	session->summaries = NULL;
	session->summaries_blocked = false;
}

// Nothing that is still under way on the old sockets, in either direction, can confuse the next registration.
static void start_afresh(struct uplink_session *session, uint64_t now_ms) {
	close_summaries(session);
	uplink_socket_close(session->command, 0);
	session->command = NULL;
	enter(session, UPLINK_CONNECTING, now_ms);
}

static void tell_unreachable(struct uplink_session *session) {
	if (!session->told_unreachable)
		say(session, "no answer for %llu ms; going on without it, and trying again%s",
			(unsigned long long)silence_ms(session),
			session->keys.own.secret[0] != '\0' ? " (one that does not allow this key gives none)" : "");
	session->told_unreachable = true;
}

static void heard(struct uplink_session *session, uint64_t now_ms) {
	session->heard_ms = now_ms;
	if (session->told_unreachable)
		say(session, "reachable again");
	session->told_unreachable = false;
}

void uplink_session_start(struct uplink_session *session, uint64_t now_ms) {
	session->heard_ms = now_ms;
	session->resend_ms = silence_ms(session);
	enter(session, UPLINK_CONNECTING, now_ms);
}

static void publish_queued(struct uplink_session *session) {
	__atomic_store_n(&session->counters->queued, session->queue.length, __ATOMIC_RELAXED);
}

void uplink_session_push(struct uplink_session *session, struct uplink_entry *entry) {
	unsigned discarded = uplink_queue_push(&session->queue, entry);

	publish_queued(session);
	if (discarded == 0)
		return;
	count(&session->counters->discarded, discarded);
	if (!session->told_discarding)
		say(session, "the queue of %llu bytes is full of unacknowledged summaries; the oldest are discarded",
			(unsigned long long)session->queue.limit_bytes);
	session->told_discarding = true;
}

// A controller that was replaced may still be talking.
static bool is_stale(struct uplink_session *session, uint64_t epoch) {
	if (epoch < session->epoch) {
		count(&session->counters->stale, 1);
		return true;
	}
	session->epoch = epoch;
	return false;
}

static void refused(struct uplink_session *session, const char *reason, uint64_t now_ms) {
	if (!session->told_refused)
		say(session, "node \"%s\" is refused: %s; asking again every %llu ms", session->node,
			reason[0] != 0 ? reason : "no reason given", (unsigned long long)silence_ms(session));
	session->told_refused = true;
	__atomic_store_n(session->is_refused, true, __ATOMIC_RELAXED);
	close_summaries(session);
	enter(session, UPLINK_REFUSED, now_ms);
}

static void accepted(struct uplink_session *session, const Weir__Registered *registered, uint64_t now_ms) {
	if (session->told_refused)
		say(session, "node \"%s\" is accepted now", session->node);
	session->told_refused = false;
	__atomic_store_n(session->is_refused, false, __ATOMIC_RELAXED);

	session->summary_port = registered->summary_port;
	if (registered->heartbeat_ms >= BEAT_MS_MIN && registered->heartbeat_ms <= BEAT_MS_MAX)
		session->beat_ms = registered->heartbeat_ms;
	session->beat_at_ms = now_ms;
	session->resend_ms = silence_ms(session);
	uplink_queue_rewind(&session->queue);
	enter(session, UPLINK_REGISTERED, now_ms);
}

static void on_registered(struct uplink_session *session, const Weir__Registered *registered, uint64_t now_ms) {
	// A refusal may come without an epoch.
	if ((registered->accepted || registered->epoch != 0) && is_stale(session, registered->epoch))
		return;
	heard(session, now_ms);
	if (!registered->accepted)
		refused(session, registered->reason, now_ms);
	else if (session->state == UPLINK_WAITING)
		accepted(session, registered, now_ms);
}

static void on_error(struct uplink_session *session, const Weir__Error *error, uint64_t now_ms) {
	bool unregistered = error->code == WEIR__ERROR_CODE__ERROR_UNREGISTERED;

	heard(session, now_ms);
	if (session->state == UPLINK_REGISTERED && unregistered) {
		close_summaries(session);
		enter(session, UPLINK_CONNECTING, now_ms);
	} else if (error->code == WEIR__ERROR_CODE__ERROR_NAME_IN_USE ||
		   error->code == WEIR__ERROR_CODE__ERROR_FORBIDDEN ||
		   (session->state == UPLINK_WAITING && !unregistered)) {
		refused(session, error->text, now_ms);
	}
}

static void on_ack(struct uplink_session *session, const Weir__SummaryAck *ack, uint64_t now_ms) {
	if (ack->incarnation != session->incarnation)
		return;
	unsigned released = uplink_queue_acknowledge(&session->queue, ack);
	if (released == 0)
		return;
	count(&session->counters->acknowledged, released);
	publish_queued(session);
	session->progress_ms = now_ms;
	session->resend_ms = silence_ms(session);
	if (session->queue.length == 0)
		session->told_discarding = false;
}

static void say_command(
	const struct uplink_session *session, const Weir__Command *command, const struct uplink_answer *answer) {
	const char *const arguments[] = {command->target, command->value};
	char line[LINE_SIZE] = "";

	text_append(line, sizeof(line), "command %s: ", command->id);
	text_append_escaped(line, sizeof(line), command->verb, VERB_MAX);
	for (unsigned i = 0; i < 2; i++) {
		if (arguments[i][0] == '\0')
			continue;
		text_append(line, sizeof(line), " \"");
		text_append_escaped(line, sizeof(line), arguments[i], VALUE_MAX);
		text_append(line, sizeof(line), "\"");
	}
	say(session, "%s: %s", line, answer->text);
}

// An answer that can't be sent now is sent when the command comes again.
static void on_command(struct uplink_session *session, const Weir__Command *command, uint64_t now_ms) {
	const struct uplink_answer *answer = uplink_command_lookup(&session->commands, command->id);
	struct uplink_answer stale = {.status = WEIR__COMMAND_STATUS__COMMAND_STALE};

	if (session->state != UPLINK_REGISTERED || !uplink_command_is_valid(command)) {
		count(&session->counters->malformed, 1);
		return;
	}
	if (is_stale(session, command->epoch)) {
		strcpy(stale.id, command->id);
		snprintf(stale.text, sizeof(stale.text), "epoch %llu is over: there is a controller of epoch %llu",
			(unsigned long long)command->epoch, (unsigned long long)session->epoch);
		answer = &stale;
	} else {
		heard(session, now_ms);
	}
	if (answer == NULL) {
		answer = uplink_command_run(
			&session->commands, command, session->source.execute, session->source.context);
		if (answer == NULL)
			return;
		say_command(session, command, answer);
	}
	uplink_message_send_result(session->command, session, answer);
}

static void on_message(struct uplink_session *session, const Weir__Message *message, uint64_t now_ms) {
	switch (message->body_case) {
	case WEIR__MESSAGE__BODY_REGISTERED:
		on_registered(session, message->registered, now_ms);
		break;
	case WEIR__MESSAGE__BODY_HEARTBEAT_REPLY:
		if (!is_stale(session, message->heartbeat_reply->epoch))
			heard(session, now_ms);
		break;
	case WEIR__MESSAGE__BODY_SUMMARY_ACK:
		on_ack(session, message->summary_ack, now_ms);
		break;
	case WEIR__MESSAGE__BODY_ERROR:
		on_error(session, message->error, now_ms);
		break;
	case WEIR__MESSAGE__BODY_COMMAND:
		on_command(session, message->command, now_ms);
		break;
	default:
		count(&session->counters->malformed, 1);
	}
}

// A message may close the socket it came by, so it is looked up each time.
static void receive(struct uplink_session *session, void *const *socket, uint64_t now_ms) {
	for (unsigned i = 0; i < RECEIVE_MAX && *socket != NULL; i++) {
		Weir__Message *message;
		int ret = uplink_socket_receive(*socket, &message);
		if (ret == -EBADMSG)
			count(&session->counters->malformed, 1);
		else if (ret < 0)
			return;
		else
			on_message(session, message, now_ms);
		if (ret == 0)
			weir__message__free_unpacked(message, NULL);
	}
}

static uint64_t count_changes(const struct uplink_session *session) {
	return session->source.count_changes != NULL ? session->source.count_changes(session->source.context) : 0;
}

static int send_register(struct uplink_session *session) {
	uint64_t described = count_changes(session);
	int ret = uplink_message_send_register(session->command, session);
	if (ret == 0)
		session->described = described;
	return ret;
}

static void register_node(struct uplink_session *session, uint64_t now_ms) {
	if (session->command == NULL) {
		int ret = uplink_socket_open(session->zmq, session->controller, &session->keys, &session->command);
		if (ret < 0) {
			tell_unreachable(session);
			return;
		}
	}
	if (send_register(session) == 0) {
		enter(session, UPLINK_WAITING, now_ms);
		return;
	}
	if (now_ms - session->heard_ms >= silence_ms(session))
		tell_unreachable(session);
	// libzmq connects again to one that is away, but not to one that refused the key, which it may allow by now.
	if (now_ms - session->since_ms >= CONNECT_SILENCES * silence_ms(session))
		start_afresh(session, now_ms);
}

static void beat(struct uplink_session *session, uint64_t now_ms) {
	if (now_ms < session->beat_at_ms)
		return;
	session->beats++;
	if (count_changes(session) != session->described)
		send_register(session); // again with the next beat where it can't be sent now
	// One that can't be sent is not made up for: the next one says it all.
	uplink_message_send_heartbeat(session->command, session, session->beats % 2 == 1);
	session->beat_at_ms += session->beat_ms;
	if (session->beat_at_ms <= now_ms)
		session->beat_at_ms = now_ms + session->beat_ms;
}

static void send_summaries(struct uplink_session *session, uint64_t now_ms) {
	struct uplink_queue *queue = &session->queue;
	struct uplink_entry *entry;
	char endpoint[UPLINK_ENDPOINT_MAX];

	if (session->summaries == NULL &&
		(uplink_endpoint_summaries(session->controller, session->summary_port, endpoint) < 0 ||
			uplink_socket_open(session->zmq, endpoint, &session->keys, &session->summaries) < 0))
		return;
	if (queue->in_flight > 0 && now_ms - session->progress_ms >= session->resend_ms) {
		uplink_queue_rewind(queue);
		if (session->resend_ms < silence_ms(session) * RESEND_BACKOFF_MAX)
			session->resend_ms *= 2;
	}
	session->summaries_blocked = false;
	while ((entry = uplink_queue_next(queue)) != NULL) {
		int ret = uplink_socket_send_packed(session->summaries, entry->summary.packed, entry->summary.size);
		if (ret < 0) {
			session->summaries_blocked = true;
			return;
		}
		if (queue->in_flight == 0)
			session->progress_ms = now_ms;
		count(&session->counters->bytes, entry->summary.size);
		count(&session->counters->resent, uplink_queue_sent(queue));
	}
}

void uplink_session_run(struct uplink_session *session, uint64_t now_ms) {
	receive(session, &session->command, now_ms);
	receive(session, &session->summaries, now_ms);

	if (session->state == UPLINK_REFUSED && now_ms - session->since_ms >= silence_ms(session))
		enter(session, UPLINK_CONNECTING, now_ms);
	bool is_silent = (session->state == UPLINK_WAITING && now_ms - session->since_ms >= silence_ms(session)) ||
			 (session->state == UPLINK_REGISTERED && now_ms - session->heard_ms >= silence_ms(session));
	if (is_silent) {
		tell_unreachable(session);
		start_afresh(session, now_ms);
	}
	if (session->state == UPLINK_CONNECTING)
		register_node(session, now_ms);
	if (session->state == UPLINK_REGISTERED) {
		beat(session, now_ms);
		send_summaries(session, now_ms);
	}
}

long uplink_session_wait(const struct uplink_session *session, uint64_t now_ms, zmq_pollitem_t *items) {
	bool connecting = session->state == UPLINK_CONNECTING && session->command != NULL;
	// A state's end, or the next look at a controller that can't be reached.
	uint64_t due_ms = session->since_ms + silence_ms(session);

	if (session->state == UPLINK_CONNECTING)
		due_ms = now_ms + session->beat_ms;
	if (session->state == UPLINK_REGISTERED) {
		due_ms = session->heard_ms + silence_ms(session);
		if (session->beat_at_ms < due_ms)
			due_ms = session->beat_at_ms;
		if (session->queue.in_flight > 0 && session->progress_ms + session->resend_ms < due_ms)
			due_ms = session->progress_ms + session->resend_ms;
	}
	items[0] = (zmq_pollitem_t){session->command, -1, ZMQ_POLLIN | (connecting ? ZMQ_POLLOUT : 0), 0};
	items[1] = (zmq_pollitem_t){
		session->summaries, -1, ZMQ_POLLIN | (session->summaries_blocked ? ZMQ_POLLOUT : 0), 0};
	return due_ms > now_ms ? (long)(due_ms - now_ms) : 0;
}

void uplink_session_end(struct uplink_session *session) {
	if (session->queue.length > 0)
		say(session, "%u summaries were not acknowledged before the end", session->queue.length);
	close_summaries(session);
	if (session->state == UPLINK_REGISTERED) {
		// The last counters, so that what the controller shows of this node adds up to its end.
		uplink_message_send_heartbeat(session->command, session, true);
		uplink_message_send_goodbye(session->command, session);
	}
	uplink_socket_close(session->command, GOODBYE_LINGER_MS);
	session->command = NULL;
	enter(session, UPLINK_CONNECTING, 0);
}
