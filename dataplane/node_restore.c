// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A node that goes on from a snapshot (see node_snapshot.h).
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/node_snapshot.h"
#include "dataplane/snapshot_dir.h"
#include "dataplane/snapshot_manifest.h"
#include "dataplane/state_file.h"

enum { TEXT_SIZE = 700 };

struct node_restore {
	struct node *node;
	const char *path;
	json_t *manifest;
};

static int refuse(const struct node_restore *restore, int ret, const char *text) {
	fprintf(stderr, "weir-dataplane: --restore %s: %s\n", restore->path, text);
	return ret;
}

static int take_secret(struct node_restore *restore) {
	uint8_t secret[KEY_SECRET_SIZE];
	if (snapshot_read_secret(restore->manifest, secret) < 0)
		return refuse(restore, -EINVAL, "its manifest has no hash_secret");
	if (restore->node->config->hash_secret != NULL &&
		memcmp(secret, restore->node->hash_secret, sizeof(secret)) != 0)
		return refuse(restore, -EINVAL, "hash_secret: is not that of the snapshot; expected none, or the same");
	memcpy(restore->node->hash_secret, secret, sizeof(secret));
	return 0;
}

int node_restore_new(struct node_restore **out, struct node *node, const char *path) {
	char text[TEXT_SIZE];
	struct node_restore *restore = calloc(1, sizeof(*restore));
	if (restore == NULL)
		return -ENOMEM;
	*restore = (struct node_restore){.node = node, .path = path};
	int ret = snapshot_dir_read(path, &restore->manifest, text, sizeof(text));
	ret = ret < 0 ? refuse(restore, ret, text) : take_secret(restore);
	if (ret < 0)
		node_restore_free(restore);
	else
		*out = restore;
	return ret;
}

void node_restore_free(struct node_restore *restore) {
	if (restore == NULL)
		return;
	json_decref(restore->manifest);
	free(restore);
}

static int restore_times(const struct operator *op, const json_t *described) {
	struct snapshot_times times;
	if (snapshot_read_number(described, "watermark_ns", &times.watermark_ns) < 0 ||
		snapshot_read_number(described, "told_ns", &times.told_ns) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < op->instance_count; i++) {
		op->instances[i]->watermark_ns = times.watermark_ns;
		op->instances[i]->told_ns = times.told_ns;
	}
	return 0;
}

static int restore_operator(struct node_restore *restore, unsigned index) {
	struct operator *op = restore->node->operators[index];
	const json_t *described = snapshot_find_operator(restore->manifest, op);
	struct snapshot_map map = {0};
	struct state_reader reader;
	char text[TEXT_SIZE];
	if (described == NULL)
		return 0; // it keeps nothing, and is new
	if (restore_times(op, described) < 0)
		return refuse(restore, -EINVAL, "its manifest has no times");
	if (op->type->saving == NULL)
		return 0;
	int ret = snapshot_map_file(&map, restore->path, json_object_get(described, "file"), text, sizeof(text));
	if (ret < 0)
		return refuse(restore, ret, text);
	ret = state_reader_init(
		&reader, map.data, map.size, snapshot_layout(op), snapshot_owners(restore->node, index));
	if (ret < 0) {
		snprintf(text, sizeof(text), "%s/%s: its file is another operator's", op->pipeline, op->name);
		refuse(restore, ret, text);
	} else {
		ret = op->type->saving->restore(op, &reader);
	}
	snapshot_unmap(&map);
	return ret;
}

static int resume_operator(const struct node_restore *restore, struct operator *op) {
	const struct operator_saving *saving = op->type->saving;
	bool has_resume = saving != NULL && saving->resume != NULL;
	return has_resume && snapshot_find_operator(restore->manifest, op) != NULL ? saving->resume(op) : 0;
}

int node_restore_state(struct node_restore *restore) {
	struct node *node = restore->node;
	char text[TEXT_SIZE];
	int ret = snapshot_compare(restore->manifest, node, text, sizeof(text));
	if (ret < 0)
		return refuse(restore, ret, text);
	for (unsigned i = 0; ret == 0 && i < node->operator_count; i++)
		ret = restore_operator(restore, i);
	for (unsigned i = 0; ret == 0 && i < node->operator_count; i++)
		ret = resume_operator(restore, node->operators[i]);
	return ret;
}
