// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Flow records as protobuf: every field of the schema has its place in api/flow.proto, and what does not apply is not
// in the message.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/flow.pb-c.h"
#include "api/flow_record.h"
#include "dataplane/record_message.h"

static struct record_message *message;

static int join(void **state) {
	const char *missing = NULL;
	int ret = record_message_new(&message, &flow_schema, &weir__flow__descriptor, &missing);
	if (ret < 0)
		fail_msg("api/flow.proto: %s: no field of that name and type", missing);
	return ret;
}

static int forget(void **state) {
	record_message_free(message);
	return 0;
}

// Through the wire and back.
static Weir__Flow *send(const struct flow_record *record) {
	const ProtobufCMessage *filled = record_message_fill(message, record);
	size_t size = protobuf_c_message_get_packed_size(filled);
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	assert_int_equal(protobuf_c_message_pack(filled, bytes), size);
	Weir__Flow *flow = weir__flow__unpack(NULL, size, bytes);
	assert_non_null(flow);
	free(bytes);
	return flow;
}

static void test_values(void **state) {
	struct flow_record record = {
		.present = 1 << FLOW_HAS_PORTS | 1 << FLOW_HAS_VLAN | 1 << FLOW_HAS_TCP | 1 << FLOW_HAS_FWD_MSS |
			   UINT64_C(1) << FLOW_HAS_TUNNEL,
		.src_ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1},
		.dst_ip = {0x20, 1},
		.src_port = 0,
		.protocol = 6,
		.vlan_count = 2,
		.vlan = {10, 4094},
		.end_reason = FLOW_END_SHUTDOWN,
		.start_ns = UINT64_MAX,
		.fwd = {.packets = 7, .ttl = 64},
		.tcp = {.state = FLOW_TCP_CLOSING, .fwd = {.mss = 1460, .unique_bytes = UINT64_C(1) << 40}},
	};
	memset(record.tunnel, 'x', sizeof(record.tunnel)); // without an end
	Weir__Flow *flow = send(&record);
	assert_int_equal(flow->src_ip.len, 4);
	assert_memory_equal(flow->src_ip.data, ((uint8_t[]){192, 0, 2, 1}), 4);
	assert_int_equal(flow->dst_ip.len, 16);
	assert_true(flow->has_src_port && flow->src_port == 0);
	assert_int_equal(flow->n_vlan, 2);
	assert_int_equal(flow->vlan[1], 4094);
	assert_int_equal(flow->end_reason, WEIR__FLOW_END_REASON__FLOW_END_SHUTDOWN);
	assert_true(flow->start_ns == UINT64_MAX);
	assert_int_equal(strlen(flow->tunnel), sizeof(record.tunnel));
	assert_int_equal(flow->fwd->packets, 7);
	assert_int_equal(flow->tcp->state, WEIR__FLOW_TCP_STATE__FLOW_TCP_CLOSING);
	assert_int_equal(flow->tcp->fwd->mss, 1460);
	assert_true(flow->tcp->fwd->unique_bytes == UINT64_C(1) << 40);
	assert_null(flow->rev);
	assert_null(flow->tcp->rev);
	assert_false(flow->has_src_mac || flow->fwd->has_tcp_flags || flow->tcp->fwd->has_window_scale);
	weir__flow__free_unpacked(flow, NULL);
}

// What one record had is not in the next.
static void test_nothing_stays(void **state) {
	struct flow_record record = {.present = 1 << FLOW_HAS_REV | 1 << FLOW_HAS_MPLS, .mpls_count = 8};
	weir__flow__free_unpacked(send(&record), NULL);
	record.present = 0;
	Weir__Flow *flow = send(&record);
	assert_null(flow->rev);
	assert_null(flow->tcp);
	assert_int_equal(flow->n_mpls, 0);
	weir__flow__free_unpacked(flow, NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_nothing_stays),
	};
	return cmocka_run_group_tests(tests, join, forget);
}
