// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/tcp_saving.h"

#include <errno.h>
#include <string.h>

#include "dataplane/tcp_flight.h"

enum {
	LIST_BLOCKS_MAX = TCP_SPANS_MAX / TCP_BLOCK_SPANS,
	SIDE_BLOCKS_MAX = LIST_BLOCKS_MAX + 3 + TCP_REPEAT_BLOCKS, // besides the spans: more, rtt, recovery
	PARTS_MAX = 2 + 2 * SIDE_BLOCKS_MAX,
	VERSION = 1, // raised where a field means something else
};

struct parts {
	const struct tcp_lender *lender;
	unsigned count;
	struct state_part list[PARTS_MAX];
};

//   index  0: there is none
static void add_block(struct parts *parts, uint32_t index) {
	if (index != 0)
		parts->list[parts->count++] =
			(struct state_part){&parts->lender->blocks[index], sizeof(union tcp_block)};
}

static void add_side(struct parts *parts, uint32_t index) {
	const union tcp_block *blocks = parts->lender->blocks;
	const struct tcp_more *more = &blocks[index].more;
	add_block(parts, index);
	add_block(parts, more->rtt);
	for (uint32_t span = more->first; span != 0; span = blocks[span].spans.next)
		add_block(parts, span);
	add_block(parts, more->recovery);
	for (unsigned i = 0; more->recovery != 0 && i < TCP_REPEAT_BLOCKS; i++)
		add_block(parts, blocks[more->recovery].recovery.repeats[i]);
}

void tcp_saving_put(const struct tcp_flow *flow, const struct tcp_told *told, const struct tcp_lender *lender,
	struct state_writer *writer, uint32_t kind) {
	struct parts parts = {.lender = lender, .count = 1};
	parts.list[0] = (struct state_part){flow, sizeof(*flow)};
	if (told != NULL)
		parts.list[parts.count++] = (struct state_part){told, sizeof(*told)};
	if (flow->more != 0) {
		add_side(&parts, flow->more);
		add_side(&parts, lender->blocks[flow->more].more.twin);
	}
	state_put_parts(writer, kind, parts.list, parts.count);
}

// What of an item has not been taken.
struct rest {
	struct tcp_lender *lender;
	const uint8_t *data;
	size_t size;
};

// Where there was a block, borrow one in its place.
//   return  false: there is none left, in the item or in the pool
static bool take_block(struct rest *rest, uint32_t *index) {
	if (*index == 0)
		return true;
	*index = rest->size >= sizeof(union tcp_block) ? tcp_borrow(rest->lender) : 0;
	if (*index == 0)
		return false;
	memcpy(&rest->lender->blocks[*index], rest->data, sizeof(union tcp_block));
	rest->data += sizeof(union tcp_block);
	rest->size -= sizeof(union tcp_block);
	return true;
}

static bool take_spans(struct rest *rest, struct tcp_more *more) {
	unsigned count = 0;
	more->last = 0;
	for (uint32_t *link = &more->first; *link != 0; count++) {
		if (count == LIST_BLOCKS_MAX || !take_block(rest, link))
			return false;
		more->last = *link;
		struct tcp_span_block *block = &rest->lender->blocks[*link].spans;
		if (block->begin >= block->end || block->end > TCP_BLOCK_SPANS)
			return false;
		link = &block->next;
	}
	return count == more->span_blocks;
}

static bool take_recovery(struct rest *rest, struct tcp_more *more) {
	if (!take_block(rest, &more->recovery))
		return false;
	if (more->recovery == 0)
		return true;
	struct tcp_recovery *recovery = &rest->lender->blocks[more->recovery].recovery;
	for (unsigned i = 0; i < TCP_REPEAT_BLOCKS; i++)
		if (!take_block(rest, &recovery->repeats[i]))
			return false;
	return recovery->at < TCP_REPEATS_MAX;
}

// What one direction borrowed.
//   index  of its first block
static bool take_side(struct rest *rest, uint32_t *index, const struct tcp_near *near) {
	if (*index == 0 || !take_block(rest, index))
		return false;
	struct tcp_more *more = &rest->lender->blocks[*index].more;
	bool has_list = (near->bits & TCP_IN_FLIGHT) == TCP_SPAN_LIST;
	return take_block(rest, &more->rtt) && take_spans(rest, more) && take_recovery(rest, more) &&
	       has_list == (more->first != 0);
}

static bool take_blocks(struct rest *rest, struct tcp_flow *flow) {
	if (flow->more == 0) {
		for (unsigned d = 0; d < 2; d++)
			if ((flow->near[d].bits & TCP_IN_FLIGHT) == TCP_SPAN_LIST)
				return false;
		return true;
	}
	return take_side(rest, &flow->more, &flow->near[0]) &&
	       take_side(rest, &rest->lender->blocks[flow->more].more.twin, &flow->near[1]);
}

int tcp_saving_take(
	struct tcp_flow *flow, struct tcp_told *told, struct tcp_lender *lender, const struct state_item *item) {
	size_t fixed = sizeof(*flow) + (told != NULL ? sizeof(*told) : 0);
	if (item->size < fixed)
		return -EINVAL;
	memcpy(flow, item->data, sizeof(*flow));
	if (told != NULL)
		memcpy(told, (const uint8_t *)item->data + sizeof(*flow), sizeof(*told));
	struct rest rest = {lender, (const uint8_t *)item->data + fixed, item->size - fixed};
	return take_blocks(&rest, flow) && rest.size == 0 ? 0 : -EINVAL;
}

uint64_t tcp_saving_layout(void) {
	static const size_t sizes[] = {sizeof(struct tcp_flow), sizeof(union tcp_block), sizeof(struct tcp_told)};
	uint64_t fold = VERSION;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		fold = state_fold(fold, sizes[i]);
	return fold;
}
