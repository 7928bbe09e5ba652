// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/link_report.h"

#include <errno.h>

#include "dataplane/switch/link_refusal.h"
#include "dataplane/switch/link_switch.h"
#include "dataplane/switch/remote_receiver.h"
#include "dataplane/switch/remote_sender.h"

struct wanted {
	unsigned number;
	struct rte_tel_data *data;
};

static void count_only(
	void *context, unsigned number, const struct remote_sender *sender, const struct remote_receiver *receiver) {
}

unsigned link_report_count(struct link_switch *links) {
	return links == NULL ? 0 : link_switch_visit(links, NULL, count_only);
}

int link_report(struct link_switch *links, struct rte_tel_data *data) {
	struct rte_tel_data *refused = rte_tel_data_alloc();
	if (refused == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(data);
	rte_tel_data_start_dict(refused);
	for (unsigned i = 0; links != NULL && i < LINK_REFUSALS; i++)
		rte_tel_data_add_dict_u64(refused, link_refusal_names[i], link_switch_refused(links, i));
	rte_tel_data_add_dict_u64(data, "is_encrypted", links != NULL && link_switch_is_encrypted(links));
	rte_tel_data_add_dict_container(data, "refused", refused, 0);
	return 0;
}

static void add_name(struct rte_tel_data *data, const struct remote_name *name, const char *end) {
	rte_tel_data_add_dict_string(data, "end", end);
	rte_tel_data_add_dict_string(data, "node", name->node);
	rte_tel_data_add_dict_string(data, "pipeline", name->pipeline);
	rte_tel_data_add_dict_string(data, "stream", name->stream);
	rte_tel_data_add_dict_u64(data, "index", name->index);
}

static void add_sample(struct rte_tel_data *data, const struct remote_sample *sample) {
	rte_tel_data_add_dict_u64(data, "interval_begin_bytes", sample->begin_bytes);
	rte_tel_data_add_dict_u64(data, "interval_begin_records", sample->begin_records);
	rte_tel_data_add_dict_u64(data, "interval_end_bytes", sample->end_bytes);
	rte_tel_data_add_dict_u64(data, "interval_end_records", sample->end_records);
	rte_tel_data_add_dict_u64(data, "interval_volume_bytes", sample->volume_bytes);
}

static void add_sender(struct rte_tel_data *data, const struct remote_sender *sender) {
	uint64_t head = atomic_load(&sender->head), tail = atomic_load(&sender->tail),
		 sent = atomic_load(&sender->sent);
	add_name(data, &sender->name, "sender");
	rte_tel_data_add_dict_u64(data, "is_open", atomic_load(&sender->is_open));
	rte_tel_data_add_dict_u64(data, "handed", atomic_load(&sender->handed));
	rte_tel_data_add_dict_u64(data, "sent", atomic_load(&sender->sent_tuples));
	rte_tel_data_add_dict_u64(data, "acknowledged", atomic_load(&sender->acknowledged));
	rte_tel_data_add_dict_u64(data, "unknown", atomic_load(&sender->lost));
	rte_tel_data_add_dict_u64(data, "handed_bytes", head);
	rte_tel_data_add_dict_u64(data, "acknowledged_bytes", tail);
	rte_tel_data_add_dict_u64(data, "unacknowledged_bytes", sent > tail ? sent - tail : 0);
	rte_tel_data_add_dict_u64(data, "queued_bytes", head > sent ? head - sent : 0);
	rte_tel_data_add_dict_u64(data, "queue_size", sender->capacity);
	rte_tel_data_add_dict_u64(data, "resent_bytes", atomic_load(&sender->resent_bytes));
	rte_tel_data_add_dict_u64(data, "reconnects", atomic_load(&sender->reopened));
	rte_tel_data_add_dict_u64(data, "blocked_ns", atomic_load(&sender->blocked_ns));
	rte_tel_data_add_dict_u64(data, "rate_bps", atomic_load(&sender->bucket.rate) * 8);
	rte_tel_data_add_dict_u64(data, "offered_bps", sender->sample.offered_bps);
	add_sample(data, &sender->sample);
}

static void add_receiver(struct rte_tel_data *data, const struct remote_receiver *receiver) {
	uint64_t tail = atomic_load(&receiver->tail), head = atomic_load(&receiver->head);
	add_name(data, &receiver->name, "receiver");
	rte_tel_data_add_dict_u64(data, "received", atomic_load(&receiver->received));
	rte_tel_data_add_dict_u64(data, "processed", atomic_load(&receiver->processed));
	rte_tel_data_add_dict_u64(data, "received_bytes", head);
	rte_tel_data_add_dict_u64(data, "processed_bytes", tail);
	rte_tel_data_add_dict_u64(data, "queued_bytes", head - tail);
	rte_tel_data_add_dict_u64(data, "queue_size", receiver->ring.size);
	rte_tel_data_add_dict_u64(data, "duplicates", atomic_load(&receiver->duplicates));
	rte_tel_data_add_dict_u64(data, "reconnects", atomic_load(&receiver->reopened));
	add_sample(data, &receiver->sample);
}

static void add_if_wanted(
	void *context, unsigned number, const struct remote_sender *sender, const struct remote_receiver *receiver) {
	const struct wanted *wanted = context;
	if (number != wanted->number)
		return;
	if (sender != NULL)
		add_sender(wanted->data, sender);
	else
		add_receiver(wanted->data, receiver);
}

void link_report_channel(struct link_switch *links, unsigned number, struct rte_tel_data *data) {
	struct wanted wanted = {number, data};
	rte_tel_data_start_dict(data);
	link_switch_visit(links, &wanted, add_if_wanted);
}
