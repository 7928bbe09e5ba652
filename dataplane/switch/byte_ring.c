// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/byte_ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int map_twice(struct byte_ring *ring, int fd) {
	uint8_t *bytes = mmap(NULL, 2 * ring->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	for (unsigned i = 0; i < 2; i++)
		if (mmap(bytes + i * ring->size, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
			MAP_FAILED) {
			int code = -errno;
			munmap(bytes, 2 * ring->size);
			return code;
		}
	ring->bytes = bytes;
	return 0;
}

int byte_ring_init(struct byte_ring *ring, size_t size) {
	*ring = (struct byte_ring){.size = (size_t)sysconf(_SC_PAGESIZE)};
	while (ring->size < size)
		ring->size *= 2;
	int fd = memfd_create("weir-link", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = ftruncate(fd, (off_t)ring->size) == 0 ? map_twice(ring, fd) : -errno;
	close(fd);
	return rc;
}

uint64_t byte_ring_release(const struct byte_ring *ring, uint64_t from, uint64_t to) {
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t begin = (from + page - 1) & ~(page - 1), end = to & ~(page - 1);
	if (end <= begin)
		return from;
	// Where it can't be, the memory stays: it is used again.
	return madvise(byte_ring_at(ring, begin), end - begin, MADV_REMOVE) == 0 ? end : to;
}

void byte_ring_fini(struct byte_ring *ring) {
	if (ring->bytes != NULL)
		munmap(ring->bytes, 2 * ring->size);
	ring->bytes = NULL;
}
