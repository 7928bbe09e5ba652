// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Files of a snapshot: what was put comes back, and what is damaged anywhere is refused, by its checksum or by the
// reader, and never read beyond its end. Keyed tables through such a file, into other parts.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/keyed_state.h"
#include "dataplane/operator.h"
#include "dataplane/snapshot_dir.h"

enum { LAYOUT = 77, KEYS = 5000 };

struct file {
	uint8_t *data; // [size], malloc: the sanitizer knows where it ends
	size_t size;
	uint64_t checksum;
};

static int empty_file(void) {
	int fd = memfd_create("state", 0);
	assert_true(fd >= 0);
	return fd;
}

static struct file take_file(struct state_writer *writer, int fd) {
	struct file file = {.size = writer->size};
	assert_int_equal(state_end(writer, &file.checksum), 0);
	file.data = malloc(file.size);
	assert_int_equal(pread(fd, file.data, file.size, 0), (ssize_t)file.size);
	assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)file.size);
	close(fd);
	return file;
}

// Items of 0, 1, … bytes, one of which is longer than the writer's buffer.
static struct file make_file(void) {
	static uint8_t bytes[3 * STATE_BUFFER_SIZE];
	struct state_writer writer;
	int fd = empty_file();
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(state_writer_init(&writer), 0);
	state_begin(&writer, fd, LAYOUT);
	for (unsigned i = 0; i < 40; i++)
		state_put(&writer, i, bytes, i);
	const struct state_part parts[] = {{bytes, 3}, {bytes + 3, sizeof(bytes) - 3}};
	state_put_parts(&writer, 40, parts, 2);
	assert_int_equal(writer.items, 41);
	struct file file = take_file(&writer, fd);
	assert_int_equal(file.checksum, state_checksum(file.data, file.size));
	state_writer_fini(&writer);
	return file;
}

static void test_what_was_put_comes_back(void **state) {
	struct file file = make_file();
	struct state_reader reader;
	struct state_item item;
	assert_int_equal(state_reader_init(&reader, file.data, file.size, LAYOUT + 1, NULL), -EINVAL);
	assert_int_equal(state_reader_init(&reader, file.data, file.size, LAYOUT, NULL), 0);
	for (unsigned i = 0; i <= 40; i++) {
		assert_int_equal(state_next(&reader, &item), 1);
		assert_int_equal(item.kind, i);
		assert_int_equal(item.size, i < 40 ? i : 3 * STATE_BUFFER_SIZE);
		assert_int_equal((uintptr_t)item.data % 8, 0);
		for (size_t b = 0; b < item.size; b++)
			if (((const uint8_t *)item.data)[b] != (uint8_t)(b * 7 + b / 256))
				fail_msg("byte %zu of item %u", b, i);
	}
	assert_int_equal(state_next(&reader, &item), 0);
	free(file.data);
}

static void test_a_file_that_ends_early_is_refused(void **state) {
	struct file file = make_file();
	struct state_reader reader;
	struct state_item item;
	for (size_t size = 0; size < 1500; size++) {
		uint8_t *cut = malloc(size + 1);
		memcpy(cut, file.data, size);
		int ret = state_reader_init(&reader, cut, size, LAYOUT, NULL);
		unsigned items = 0;
		while (ret == 0 && (ret = state_next(&reader, &item)) == 1) {
			assert_true((const uint8_t *)item.data + item.size <= cut + size);
			items++;
			ret = 0;
		}
		assert_true(ret == -EINVAL || items < 41);
		assert_true(state_checksum(cut, size) != file.checksum);
		free(cut);
	}
	free(file.data);
}

// Whatever a file holds, the reader stays inside.
static void test_any_bytes_are_read_or_refused(void **state) {
	uint64_t random = 88172645463325252;
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t bytes[256];
		struct state_reader reader;
		struct state_item item;
		for (size_t i = 0; i < sizeof(bytes); i += 8) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			uint64_t word = round % 2 == 0 ? random : random & UINT64_C(0x3f0000000f);
			memcpy(bytes + i, &word, sizeof(word));
		}
		reader = (struct state_reader){.data = bytes, .size = random % sizeof(bytes)};
		while (state_next(&reader, &item) == 1)
			assert_true((const uint8_t *)item.data + item.size <= bytes + reader.size);
	}
}

static struct keyed_table *new_table(uint32_t key_words, uint32_t value_size, unsigned parts) {
	const struct keyed_table_shape shape = {KEYS, key_words * 8, value_size, parts};
	struct keyed_table *table;
	assert_int_equal(keyed_table_new(&table, &shape), 0);
	return table;
}

static uint64_t hash_of(uint64_t id) {
	id = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);
	return (id ^ id >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static struct file save_keys(struct keyed_table *table) {
	struct state_writer writer;
	int fd = empty_file();
	assert_int_equal(state_writer_init(&writer), 0);
	state_begin(&writer, fd, LAYOUT);
	keyed_state_save(table, &writer, NULL);
	assert_int_equal(writer.items, KEYS);
	struct file file = take_file(&writer, fd);
	state_writer_fini(&writer);
	return file;
}

static void test_keys_of_a_full_table_come_back(void **state) {
	enum { WORDS = 2, PARTS = 3 };
	struct keyed_table *table = new_table(WORDS, 16, 1), *other = new_table(WORDS, 16, PARTS);
	for (uint64_t id = 0; id < KEYS; id++) {
		uint64_t key[WORDS] = {id, id + 1};
		uint32_t record = keyed_table_insert(table, 0, hash_of(id), key);
		assert_int_not_equal(record, 0);
		((uint64_t *)keyed_table_value(table, record))[1] = id * 3;
	}
	struct file file = save_keys(table);
	struct state_reader reader;
	struct state_item item;
	assert_int_equal(state_reader_init(&reader, file.data, file.size, LAYOUT, NULL), 0);
	while (state_next(&reader, &item) == 1)
		assert_int_not_equal(keyed_state_restore_key(other, &item), 0);
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		keyed_table_enter(other, group % PARTS, group, NULL);
	for (uint64_t id = 0; id < KEYS; id++) {
		uint64_t key[WORDS] = {id, id + 1};
		uint32_t record = keyed_table_lookup(other, hash_of(id), key);
		assert_int_not_equal(record, 0);
		assert_int_equal(((uint64_t *)keyed_table_value(other, record))[1], id * 3);
		assert_int_equal(other->owners[key_group(hash_of(id))], 1 + key_group(hash_of(id)) % PARTS);
	}
	assert_int_equal(keyed_state_restore_key(other, &item), 0); // it is full
	struct keyed_table *wider = new_table(WORDS + 1, 16, 1);
	assert_int_equal(keyed_state_restore_key(wider, &item), 0);
	keyed_table_free(wider);
	keyed_table_free(table);
	keyed_table_free(other);
	free(file.data);
}

static json_t *make_manifest(void) {
	return json_pack("{si ss}", "weir_snapshot", SNAPSHOT_FORMAT, "node", "edge");
}

static void test_a_directory_is_whole_or_not_there(void **state) {
	char folder[] = "/tmp/weir-state-XXXXXX", path[64], file[80], error[700];
	struct snapshot_dir dir;
	json_t *manifest = NULL;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/saved", folder);
	assert_int_equal(snapshot_dir_new(&dir, path, error, sizeof(error)), 0);
	snapshot_dir_close(&dir); // it was not finished: nothing is left
	assert_int_equal(snapshot_dir_read(path, &manifest, error, sizeof(error)), -ENOENT);
	assert_int_equal(snapshot_dir_new(&dir, path, error, sizeof(error)), 0);
	manifest = make_manifest();
	assert_int_equal(snapshot_dir_finish(&dir, manifest, error, sizeof(error)), 0);
	json_decref(manifest);
	snapshot_dir_close(&dir);
	assert_int_equal(snapshot_dir_read(path, &manifest, error, sizeof(error)), 0);
	assert_string_equal(json_string_value(json_object_get(manifest, "node")), "edge");
	json_decref(manifest);
	assert_int_equal(snapshot_dir_new(&dir, path, error, sizeof(error)), -EEXIST);
	snprintf(file, sizeof(file), "%s/manifest.json", path);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

// Each byte of a manifest, one after the other, is another one.
static void test_a_damaged_manifest_is_refused(void **state) {
	char folder[] = "/tmp/weir-state-XXXXXX", path[64], file[80], error[700], text[4096];
	struct snapshot_dir dir;
	json_t *manifest = make_manifest();
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/saved", folder);
	snprintf(file, sizeof(file), "%s/manifest.json", path);
	assert_int_equal(snapshot_dir_new(&dir, path, error, sizeof(error)), 0);
	assert_int_equal(snapshot_dir_finish(&dir, manifest, error, sizeof(error)), 0);
	json_decref(manifest);
	snapshot_dir_close(&dir);
	FILE *in = fopen(file, "r+");
	assert_non_null(in);
	long size = (long)fread(text, 1, sizeof(text), in);
	for (long at = 0; at < size; at++) {
		if (text[at] == ' ' || text[at] == '\n')
			continue;
		const char other = text[at] == '0' ? '1' : '0';
		assert_true(fseek(in, at, SEEK_SET) == 0 && fwrite(&other, 1, 1, in) == 1 && fflush(in) == 0);
		assert_int_equal(snapshot_dir_read(path, &manifest, error, sizeof(error)), -EINVAL);
		assert_true(fseek(in, at, SEEK_SET) == 0 && fwrite(&text[at], 1, 1, in) == 1 && fflush(in) == 0);
	}
	assert_int_equal(snapshot_dir_read(path, &manifest, error, sizeof(error)), 0);
	json_decref(manifest);
	fclose(in);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_put_comes_back),
		cmocka_unit_test(test_a_file_that_ends_early_is_refused),
		cmocka_unit_test(test_any_bytes_are_read_or_refused),
		cmocka_unit_test(test_keys_of_a_full_table_come_back),
		cmocka_unit_test(test_a_directory_is_whole_or_not_there),
		cmocka_unit_test(test_a_damaged_manifest_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
