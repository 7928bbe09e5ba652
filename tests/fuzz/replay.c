// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Run a fuzz target once over each file of a folder: the committed corpus as a unit test.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
// Once all were run: whether they still reach what they were made for. Of targets that have it.
void fuzz_replayed(void) __attribute__((weak));

//   return  0, or 1 after a message
static int replay_file(const char *path, size_t size) {
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);
	int failed = !file || !data || fread(data, 1, size, file) != size;
	if (failed)
		perror(path);
	else
		LLVMFuzzerTestOneInput(data, size);
	free(data);
	if (file)
		fclose(file);
	return failed;
}

int main(int argc, char **argv) {
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	DIR *folder = opendir(argv[1]);
	if (!folder) {
		perror(argv[1]);
		return 1;
	}
	unsigned count = 0;
	int failed = 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char path[4096];
		struct stat status;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
			continue;
		failed |= replay_file(path, (size_t)status.st_size);
		count++;
	}
	closedir(folder);
	printf("%u files replayed\n", count);
	if (fuzz_replayed != NULL)
		fuzz_replayed();
	if (count == 0)
		fprintf(stderr, "%s: no files to replay\n", argv[1]);
	return failed || count == 0;
}
