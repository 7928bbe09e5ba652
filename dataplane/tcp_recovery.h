// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Why segments came again or out of order: sent again by their end, for a reason or for nothing, or copied or overtaken
// by the network. Time stamps and D-SACK tell; where they are missing, how soon it was. Figures that tcptrace defines
// are not touched. What is remembered of a direction is the sender's newest time stamp, and the last repeats until
// they are acknowledged (struct tcp_recovery).
//
//   source  RFC 7323 (time stamps), 3522 (Eifel detection), 2883 and 3708 (D-SACK); Mellia, Meo, Muscariello, Rossi
//           2008, "Passive analysis of TCP anomalies" (Tstat), for repeats that come sooner than a round trip
#pragma once

#include "dataplane/tcp_flow.h"
#include "dataplane/tcp_space.h"

// Whether a segment that repeats, or fills a gap, left its sender before what was seen earlier.
//   sent          with since_ns
//   least_rtt_ns  from here to the receiver and back; infinite: not known
bool tcp_recovery_is_late(const struct tcp_recovery *recovery, const struct tcp_segment *segment,
	const struct tcp_sent *sent, float least_rtt_ns);

// Whether the time stamp of a segment that repeats is newer than all up to when that was sent before.
//   sent  as above; not known when: yes
bool tcp_recovery_is_newer(
	const struct tcp_recovery *recovery, const struct tcp_segment *segment, const struct tcp_sent *sent);

// Remember a segment that was sent again.
void tcp_recovery_note_repeat(
	struct tcp_recovery *recovery, struct tcp_lender *lender, const struct tcp_repeat *repeat);

// Remember the sender's newest time stamp.
void tcp_recovery_note_stamp(struct tcp_recovery *recovery, const struct tcp_segment *segment);

// Take what an ACK of the other end says of the repeats.
void tcp_recovery_take_ack(
	struct tcp_recovery *recovery, const struct tcp_lender *lender, const struct tcp_segment *segment);

// How many repeats wait for their ACK.
unsigned tcp_recovery_open(const struct tcp_recovery *recovery, const struct tcp_lender *lender);

// A record is out: its figures restart. Its repeats are forgotten, so that no record judges more than it counts.
void tcp_recovery_cut(struct tcp_recovery *recovery, const struct tcp_lender *lender);

// Give back the blocks of repeats.
void tcp_recovery_clear(struct tcp_recovery *recovery, struct tcp_lender *lender);
