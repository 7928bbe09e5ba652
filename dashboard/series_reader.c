// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/series_reader.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "dashboard/series.h"

enum {
	PIECE = 500, // entries read at a time: a few milliseconds of work
	OK = 200,
	BAD_REQUEST = 400,
	NOT_FOUND = 404,
	UNAVAILABLE = 503,
};

struct series_job {
	struct redis_request request;
	struct series_reader *reader;
	struct series_query query;
	struct series *series;
	char *key;
	char stream[SNAPSHOT_NAME_SIZE + 48]; // Redis key
	char cursor[48];                      // first id of the next piece
	bool is_known;                        // whose it is; of a node that was given up a history may be left
	struct series_waiter *waiters;
	struct series_job *next;
};

void series_reader_init(struct series_reader *reader, const struct source *source) {
	*reader = (struct series_reader){.source = source};
}

void series_reader_fini(struct series_reader *reader) {
	for (size_t i = 0; i < SERIES_CACHED; i++) {
		free(reader->answers[i].key);
		body_release(reader->answers[i].body);
	}
}

static void job_free(struct series_job *job) {
	if (job == NULL)
		return;
	series_free(job->series);
	free(job->key);
	free(job);
}

// Take the job out, and give everyone who waits the answer.
static void job_finish(struct series_job *job, unsigned status, struct body *body) {
	struct series_job **place = &job->reader->jobs;
	while (*place != job)
		place = &(*place)->next;
	*place = job->next;
	job->reader->jobs_length--;
	for (struct series_waiter *waiter = job->waiters; waiter != NULL;) {
		struct series_waiter *next = waiter->next;
		waiter->ready(waiter, status, body_keep(body));
		waiter = next;
	}
	body_release(body);
	job_free(job);
}

static void reader_keep(struct series_reader *reader, char **key, struct body *body) {
	struct series_answer *answer = &reader->answers[reader->answers_next++ % SERIES_CACHED];
	free(answer->key);
	body_release(answer->body);
	*answer = (struct series_answer){.key = *key, .body = body_keep(body), .turn = reader->source->turn};
	*key = NULL;
}

static void job_refuse(struct series_job *job) {
	char why[SERIES_ERROR_SIZE];
	snprintf(why, sizeof(why), "node \"%s\": not known, and no history of it is stored for that time",
		job->query.node);
	job_finish(job, NOT_FOUND, body_from_error(why));
}

static void job_read(struct series_job *job) {
	struct redis_link *link = job->reader->source->link;
	redis_link_append(
		link, "XRANGE %s %s %" PRId64 " COUNT %d", job->stream, job->cursor, job->query.read_to_ms, PIECE);
	redis_link_submit(link, &job->request);
}

static void job_take(struct redis_request *request, redisReply *reply) {
	struct series_job *job = (struct series_job *)((char *)request - offsetof(struct series_job, request));
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		const char *why = reply != NULL && reply->type == REDIS_REPLY_ERROR ? reply->str : "redis is away";
		struct body *error = body_from_error(why);
		freeReplyObject(reply);
		job_finish(job, UNAVAILABLE, error);
		return;
	}
	size_t length = reply->elements;
	job->is_known = job->is_known || length > 0;
	for (size_t i = 0; i < length; i++)
		series_add(job->series, reply->element[i]);
	const redisReply *last = length > 0 ? reply->element[length - 1] : NULL;
	bool goes_on = length == PIECE && last->type == REDIS_REPLY_ARRAY && last->elements == 2 &&
		       last->element[0]->type == REDIS_REPLY_STRING;
	if (goes_on)
		snprintf(job->cursor, sizeof(job->cursor), "(%s", last->element[0]->str);
	freeReplyObject(reply);
	if (goes_on) {
		job_read(job);
		return;
	}
	if (!job->is_known) {
		job_refuse(job);
		return;
	}
	struct body *body = body_from_json(series_to_json(job->series));
	if (body != NULL)
		reader_keep(job->reader, &job->key, body);
	job_finish(job, body != NULL ? OK : UNAVAILABLE, body);
}

// All that distinguishes one answer from another.
static char *query_key(const struct series_query *query) {
	char *key = NULL;
	unsigned long fields = 0;
	for (size_t i = 0; i < query->fields_length; i++)
		fields |= 1UL << (query->fields[i] - series_fields);
	int size = asprintf(&key, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %u %s %lx", query->from_ms,
		query->to_ms, query->read_to_ms, query->step_ms, query->resolution, query->node, fields);
	return size >= 0 ? key : NULL;
}

static struct series_job *job_new(struct series_reader *reader, const struct series_query *query, int64_t spacing_ms) {
	struct series_job *job = calloc(1, sizeof(*job));
	if (job == NULL)
		return NULL;
	job->reader = reader;
	job->request.take = job_take;
	job->query = *query;
	job->key = query_key(query);
	job->series = series_new(query, spacing_ms);
	// Sums of the first step are compared with the entry before it.
	int64_t first_ms = query->from_ms - 2 * spacing_ms;
	snprintf(job->cursor, sizeof(job->cursor), "%" PRId64, first_ms > 0 ? first_ms : 0);
	snprintf(job->stream, sizeof(job->stream), "weir:1:%s%s%shistory%s", query->node[0] != '\0' ? "node:" : "",
		query->node, query->node[0] != '\0' ? ":" : "", snapshot_history_ends[query->resolution]);
	if (job->key == NULL || job->series == NULL) {
		job_free(job);
		return NULL;
	}
	return job;
}

static struct series_reach reach_of(const struct snapshot *now) {
	struct series_reach reach = {.interval_ms = (int64_t)(now->interval_ns / NS_PER_MS)};
	for (size_t i = 0; i < SNAPSHOT_RESOLUTIONS; i++)
		reach.first_ms[i] = (int64_t)snapshot_entry_ms(now->oldest[i]);
	reach.last_ms = (int64_t)snapshot_entry_ms(now->latest);
	return reach;
}

// An answer of this turn is still true.
static struct body *reader_find(const struct series_reader *reader, const char *key) {
	for (size_t i = 0; i < SERIES_CACHED; i++) {
		const struct series_answer *answer = &reader->answers[i];
		if (answer->key != NULL && strcmp(answer->key, key) == 0 && answer->turn == reader->source->turn)
			return body_keep(answer->body);
	}
	return NULL;
}

static struct series_job *job_find(const struct series_reader *reader, const char *key) {
	for (struct series_job *job = reader->jobs; job != NULL; job = job->next)
		if (strcmp(job->key, key) == 0)
			return job;
	return NULL;
}

static void job_begin(struct series_job *job) {
	job->next = job->reader->jobs;
	job->reader->jobs = job;
	job->reader->jobs_length++;
	job_read(job);
}

// Wait for a job: the one that already reads the same, or `made`, which is taken over.
//   return  false: too many are being read
static bool reader_wait(struct series_reader *reader, struct series_job *made, struct series_waiter *waiter) {
	struct series_job *job = job_find(reader, made->key);
	if (job == NULL && reader->jobs_length < SERIES_JOBS_MAX) {
		job = made;
		job_begin(job);
	} else {
		job_free(made);
	}
	if (job == NULL)
		return false;
	waiter->next = job->waiters;
	job->waiters = waiter;
	return true;
}

static bool refuse(unsigned *status, struct body **body, unsigned with, const char *why) {
	*status = with;
	*body = body_from_error(why);
	return true;
}

bool series_reader_get(struct series_reader *reader, const struct series_parameters *parameters,
	struct series_waiter *waiter, unsigned *status, struct body **body) {
	const struct snapshot *now = source_now(reader->source);
	char error[SERIES_ERROR_SIZE];
	struct series_query query;
	if (now == NULL || !redis_link_is_ready(reader->source->link))
		return refuse(status, body, UNAVAILABLE, reader->source->reason);
	struct series_reach reach = reach_of(now);
	if (series_query_parse(parameters, &reach, (int64_t)(clock_wall_ns() / NS_PER_MS), &query, error) != 0)
		return refuse(status, body, BAD_REQUEST, error);
	struct series_job *made = job_new(reader, &query, series_query_spacing_ms(&query, &reach));
	if (made == NULL)
		return refuse(status, body, UNAVAILABLE, "out of memory");
	made->is_known = query.node[0] == '\0' || snapshot_find_node(now, query.node) != SIZE_MAX;
	*status = OK;
	*body = reader_find(reader, made->key);
	if (*body != NULL) {
		job_free(made);
		return true;
	}
	if (reader_wait(reader, made, waiter))
		return false;
	return refuse(status, body, UNAVAILABLE, "too many series are being read: try again");
}
