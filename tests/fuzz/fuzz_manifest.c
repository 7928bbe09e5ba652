// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz what a node reads of a snapshot before any operator does: its manifest, as it is and with the checksum that it
// should have, beside a state file. What is refused must be said in one line.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/snapshot_dir.h"
#include "dataplane/snapshot_manifest.h"
#include "dataplane/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char state_text[] = "0123456789abcdef01234567";
static char folder[] = "/tmp/weir-fuzz-XXXXXX", manifest_path[64], state_path[64];

struct kept_options {
	uint64_t size;
	char *path;
	struct option_list key;
};
#define AT(member) offsetof(struct kept_options, member)
static const struct option options[] = {
	{"size", OPTION_UINT, AT(size), "1", .max = 100},
	{"path", OPTION_STRING, AT(path)},
	{"key", OPTION_LIST, AT(key)},
	{0},
};
#undef AT

static void save(const struct operator *op, struct state_writer *writer) {
	state_put(writer, 1, op, 0);
}

static int restore(struct operator *op, struct state_reader *reader) {
	return 0;
}

static const struct operator_saving saving = {.save = save, .restore = restore};
static const struct operator_type type = {.name = "kept", .options = options, .saving = &saving};

static void require(bool holds) {
	if (!holds)
		abort();
}

static void remove_folder(void) {
	unlink(manifest_path);
	unlink(state_path);
	rmdir(folder);
}

static void write_file(const char *path, const void *data, size_t size) {
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void make_folder(void) {
	require(mkdtemp(folder) != NULL);
	snprintf(manifest_path, sizeof(manifest_path), "%s/manifest.json", folder);
	snprintf(state_path, sizeof(state_path), "%s/state", folder);
	write_file(state_path, state_text, sizeof(state_text) - 1);
	require(atexit(remove_folder) == 0);
}

static void check_refusal(int ret, const char *text) {
	require(ret < 0 && text[0] != '\0' && strchr(text, '\n') == NULL);
}

static void use(const json_t *manifest) {
	static char *keys[] = {"a", "b"};
	static const struct schema *const inputs[] = {NULL};
	const struct kept_options given = {7, NULL, {.count = 2, .items = keys}};
	struct operator op = {.type = &type,
		.name = "op",
		.pipeline = "fuzz",
		.options = &given,
		.inputs = inputs,
		.instance_count = 1};
	struct operator *ops[] = {&op};
	const struct node node = {.operators = ops, .operator_count = 1};
	uint8_t secret[KEY_SECRET_SIZE];
	char text[700] = "";
	struct snapshot_map map;
	int ret = snapshot_read_secret(manifest, secret);
	require(ret == 0 || ret == -EINVAL);
	ret = snapshot_compare(manifest, &node, text, sizeof(text));
	if (ret < 0)
		check_refusal(ret, text);
	const json_t *described = snapshot_find_operator(manifest, &op);
	require(ret < 0 || described != NULL);
	ret = snapshot_map_file(&map, folder, json_object_get(described, "file"), text, sizeof(text));
	if (ret < 0) {
		check_refusal(ret, text);
		require(map.data == NULL);
		return;
	}
	require(map.size == sizeof(state_text) - 1 && memcmp(map.data, state_text, map.size) == 0);
	snapshot_unmap(&map);
}

static void read_manifest(void) {
	char text[700] = "";
	json_t *manifest = NULL;
	int ret = snapshot_dir_read(folder, &manifest, text, sizeof(text));
	if (ret < 0) {
		check_refusal(ret, text);
		require(manifest == NULL);
		return;
	}
	use(manifest);
	json_decref(manifest);
}

static void mend(json_t *manifest) {
	json_object_set_new(manifest, "weir_snapshot", json_integer(SNAPSHOT_FORMAT));
	json_object_del(manifest, "checksum");
	char *text = json_dumps(manifest, JSON_COMPACT | JSON_SORT_KEYS);
	if (text != NULL)
		json_object_set_new(manifest, "checksum", snapshot_number(state_checksum(text, strlen(text))));
	free(text);
	text = json_dumps(manifest, JSON_INDENT(1));
	if (text != NULL)
		write_file(manifest_path, text, strlen(text));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (manifest_path[0] == '\0')
		make_folder();
	write_file(manifest_path, data, size);
	read_manifest();
	json_t *manifest = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(manifest)) {
		mend(manifest);
		read_manifest();
	}
	json_decref(manifest);
	return 0;
}
