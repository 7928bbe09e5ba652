// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A process made by fork finds each table where it was, as it was when the copy was made, whatever is written to it
// since; copied or shared. Afterwards all is as before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/huge_memory.h"
#include "dataplane/memory_copy.h"

enum { TABLES = 4, MEBI = 1 << 20, BEFORE = 3, AFTER = 5 };
static const size_t sizes[TABLES] = {100, 10000, 3 * MEBI, 9 * MEBI};

struct tables {
	uint8_t *memory[TABLES], *unsaved;
};

// Every seventh page; of the last table none beyond its middle.
static size_t next_used(size_t at) {
	return at + 7 * 4096;
}

static size_t end_of(unsigned table) {
	return table == TABLES - 1 ? sizes[table] / 2 : sizes[table];
}

static void fill(struct tables *tables, uint8_t value) {
	for (unsigned t = 0; t < TABLES; t++)
		for (size_t at = 0; at < end_of(t); at = next_used(at))
			tables->memory[t][at] = (uint8_t)(value + t);
	memset(tables->unsaved, value, MEBI);
}

static bool have(const struct tables *tables, uint8_t value) {
	bool all = true;
	for (unsigned t = 0; t < TABLES; t++) {
		for (size_t at = 0; at < end_of(t); at = next_used(at))
			all &= tables->memory[t][at] == (uint8_t)(value + t) && tables->memory[t][at + 1] == 0;
		all &= tables->memory[t][sizes[t] - 1] == 0;
	}
	return all;
}

static void make(struct tables *tables) {
	for (unsigned t = 0; t < TABLES; t++) {
		tables->memory[t] = huge_memory_new(sizes[t]);
		assert_non_null(tables->memory[t]);
	}
	tables->unsaved = huge_memory_new_unsaved(MEBI);
	assert_non_null(tables->unsaved);
	fill(tables, BEFORE);
}

static void release(struct tables *tables) {
	for (unsigned t = 0; t < TABLES; t++)
		huge_memory_free(tables->memory[t], sizes[t]);
	huge_memory_free(tables->unsaved, MEBI);
}

// Whether a process made now, once this one has written to the tables, finds what they had before.
static bool is_seen_by_fork(struct tables *tables, const struct memory_copy *copy, uint8_t before, uint8_t after) {
	int go_on[2], status;
	uint8_t page, sent = 1;
	assert_int_equal(pipe(go_on), 0);
	pid_t child = fork();
	if (child == 0) {
		bool is = memory_copy_enter(copy) && read(go_on[0], &sent, 1) == 1 && have(tables, before) &&
			  mincore(tables->unsaved, 1, &page) != 0;
		_exit(is ? 0 : 1);
	}
	assert_true(child > 0);
	fill(tables, after);
	assert_int_equal(write(go_on[1], &sent, 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(go_on[0]);
	close(go_on[1]);
	return have(tables, after) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// With room for copies of all tables, of the small ones, of none.
static void test_a_fork_has_what_was_there(void **state) {
	static const size_t limits[] = {64 * MEBI, 20000, 0};
	for (unsigned i = 0; i < 3; i++) {
		struct memory_copy copy;
		struct tables tables;
		make(&tables);
		memory_copy_init(&copy, limits[i]);
		assert_true(i == 0 ? copy.count == TABLES : i == 1 ? copy.count == 2 : copy.count == 0);
		memory_copy_make(&copy);
		assert_true(is_seen_by_fork(&tables, &copy, BEFORE, AFTER));
		memory_copy_fini(&copy);
		assert_true(is_seen_by_fork(&tables, &copy, AFTER, BEFORE));
		release(&tables);
	}
}

// What a table got since the memory was taken is copied too.
static void test_a_table_that_grew_is_copied_whole(void **state) {
	struct memory_copy copy;
	struct tables tables;
	make(&tables);
	memory_copy_init(&copy, 64 * MEBI);
	uint8_t *late = tables.memory[TABLES - 1] + sizes[TABLES - 1] - 1;
	*late = BEFORE;
	memory_copy_make(&copy);
	pid_t child = fork();
	if (child == 0)
		_exit(memory_copy_enter(&copy) && *late == BEFORE ? 0 : 1);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	memory_copy_fini(&copy);
	release(&tables);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fork_has_what_was_there),
		cmocka_unit_test(test_a_table_that_grew_is_copied_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
