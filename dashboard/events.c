// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/events.h"

#include <stdlib.h>
#include <string.h>

#include "dashboard/answer.h"

enum {
	STREAM_PARTS_MAX = 16,
	STREAM_PIECES_MAX = 3 * STREAM_PARTS_MAX + 1, // name, data and end of each; the greeting
	STREAM_BLOCK = 8192,                          // bytes copied at a time
};

#define GREETING "retry: 2000\n\n"
#define HEARTBEAT ":\n\n"

struct stream_part {
	char path[PART_PATH_SIZE];
	char head[PART_PATH_SIZE + 32]; // the lines before the data
	uint64_t hash;                  // of what was sent last
	bool was_sent;
};

// Bytes to send: of a shared body, or of a text that outlives them.
struct stream_piece {
	struct body *body; // NULL: text
	const char *data;
	size_t size;
};

struct stream {
	struct server *server;
	struct MHD_Connection *mhd;
	struct connection *client;
	bool is_suspended;
	bool is_greeted;
	uint64_t turn;                              // that the pieces are of
	struct stream_part parts[STREAM_PARTS_MAX]; // [parts_length]
	size_t parts_length;
	struct stream_piece pieces[STREAM_PIECES_MAX]; // [pieces_length], from piece `at`, byte `offset` on
	size_t pieces_length, at, offset;
};

static void stream_forget_pieces(struct stream *stream) {
	for (size_t i = 0; i < stream->pieces_length; i++)
		body_release(stream->pieces[i].body);
	stream->pieces_length = stream->at = stream->offset = 0;
}

static void stream_free(void *context) {
	struct stream *stream = context;
	stream_forget_pieces(stream);
	stream->server->counters.events--;
	if (stream->client != NULL)
		stream->client->stream = NULL;
	free(stream);
}

static void stream_add_text(struct stream *stream, const char *text) {
	stream->pieces[stream->pieces_length++] = (struct stream_piece){NULL, text, strlen(text)};
}

static void stream_add_part(struct stream *stream, struct stream_part *part) {
	unsigned status;
	struct body *body = parts_get(&stream->server->parts, part->path, &status);
	if (body == NULL || (part->was_sent && part->hash == body->hash)) {
		body_release(body);
		return;
	}
	part->was_sent = true;
	part->hash = body->hash;
	stream_add_text(stream, part->head);
	stream->pieces[stream->pieces_length++] = (struct stream_piece){body, body->data, body->size};
	stream_add_text(stream, "\n\n");
}

// What this turn has for the client.
static void stream_fill(struct stream *stream) {
	stream_forget_pieces(stream);
	stream->turn = stream->server->source.turn;
	if (!stream->is_greeted)
		stream_add_text(stream, GREETING);
	stream->is_greeted = true;
	for (size_t i = 0; i < stream->parts_length; i++)
		stream_add_part(stream, &stream->parts[i]);
	if (stream->pieces_length == 0)
		stream_add_text(stream, HEARTBEAT);
}

static ssize_t stream_copy(struct stream *stream, char *out, size_t room) {
	size_t done = 0;
	while (done < room && stream->at < stream->pieces_length) {
		const struct stream_piece *piece = &stream->pieces[stream->at];
		size_t left = piece->size - stream->offset, size = left < room - done ? left : room - done;
		memcpy(out + done, piece->data + stream->offset, size);
		done += size;
		stream->offset += size;
		if (stream->offset == piece->size) {
			stream->at++;
			stream->offset = 0;
		}
	}
	return (ssize_t)done;
}

static ssize_t stream_read(void *context, uint64_t position, char *out, size_t room) {
	struct stream *stream = context;
	bool is_done = stream->at == stream->pieces_length;
	if (is_done && stream->is_greeted && stream->turn == stream->server->source.turn) {
		stream_forget_pieces(stream);
		stream->is_suspended = true;
		MHD_suspend_connection(stream->mhd);
		return 0;
	}
	if (is_done)
		stream_fill(stream);
	return stream_copy(stream, out, room);
}

// Split the list of parts; blanks and empty names are none.
static bool stream_parse_parts(struct stream *stream, const char *text) {
	for (size_t size; *text != '\0'; text += size + (text[size] == ',')) {
		size = strcspn(text, ",");
		if (size == 0 || size >= PART_PATH_SIZE || stream->parts_length == STREAM_PARTS_MAX)
			return false;
		struct stream_part *part = &stream->parts[stream->parts_length++];
		memcpy(part->path, text, size);
		// A name of two lines would be two fields of the event.
		for (const char *c = part->path; *c != '\0'; c++)
			if (*c <= ' ' || *c > '~')
				return false;
		snprintf(part->head, sizeof(part->head), "event: %.*s\ndata: ", (int)size, text);
	}
	return stream->parts_length > 0;
}

static struct stream *stream_new(
	struct server *server, struct MHD_Connection *connection, struct connection *client, const char *parts) {
	struct stream *stream = calloc(1, sizeof(*stream));
	if (stream == NULL || !stream_parse_parts(stream, parts)) {
		free(stream);
		return NULL;
	}
	stream->server = server;
	stream->mhd = connection;
	stream->client = client;
	stream->turn = server->source.turn;
	return stream;
}

enum MHD_Result events_start(
	struct server *server, struct MHD_Connection *connection, struct connection *client, const char *parts) {
	if (server->counters.events >= server->counters.events_max) {
		server->counters.refused++;
		return answer_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many event streams: %d are served",
			(int)server->counters.events_max);
	}
	struct stream *stream = stream_new(server, connection, client, parts != NULL ? parts : "status,overview");
	if (stream == NULL)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST,
			"parts: \"%.80s\": expected 1 to %d names with commas, such as status,overview", parts,
			STREAM_PARTS_MAX);
	server->counters.events++;
	client->stream = stream;
	client->state = CONNECTION_STREAMING;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, stream, stream_free);
	if (response == NULL) {
		stream_free(stream);
		return MHD_NO;
	}
	answer_add_headers(response, "text/event-stream", false);
	// Proxies would collect what should be seen at once.
	MHD_add_response_header(response, "X-Accel-Buffering", "no");
	enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return queued;
}

void events_wake(struct server *server, bool always) {
	if (server->streamed_turn == server->source.turn && !always)
		return;
	server->streamed_turn = server->source.turn;
	for (struct connection *client = server->connections; client != NULL; client = client->next) {
		if (client->stream == NULL || !client->stream->is_suspended)
			continue;
		client->stream->is_suspended = false;
		MHD_resume_connection(client->stream->mhd);
	}
}

void events_forget_client(struct stream *stream) {
	if (stream != NULL)
		stream->client = NULL;
}

bool events_is_slow(const struct stream *stream, uint64_t turn) {
	return !stream->is_suspended && turn - stream->turn >= SERVER_SLOW_TURNS;
}
