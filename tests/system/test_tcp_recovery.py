# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Why segments came again or out of order: weir's verdicts against conversations whose truth is known."""
import collections
import random
import sys

import pytest

from conftest import ROOT
from test_tcp_figures import recorded

sys.path.insert(0, str(ROOT / "tests" / "captures"))
from tcp_model import CLIENT, MS, S, Conversation, Hop, Settings, transfer

OPTIONS = [pytest.param({"sack": False, "timestamps": True}, id="time stamps"),
           pytest.param({"sack": True, "dsack": True, "timestamps": False}, id="SACK"),
           pytest.param({"sack": True, "dsack": True, "timestamps": True}, id="both"),
           pytest.param({"sack": False, "timestamps": False}, id="neither")]


class Truth:
    """What the client's data was, by the order in which it was sent: segments are known by identity."""

    def __init__(self, made):
        order = {id(segment): number for number, (_, segment) in enumerate(made.sent)}
        first = {segment.seq: number for number, (side, segment) in reversed(list(enumerate(made.sent)))
                 if side == CLIENT and segment.size}
        numbers, newest, seen = set(), -1, set()
        self.copies = self.repeats = self.overtaken = self.filled = 0
        for _, side, segment in made.seen:
            if side != CLIENT or not segment.size:
                continue
            span = range(segment.seq, segment.seq + segment.size, 100)
            if id(segment) in seen:
                self.copies += 1
            elif numbers.issuperset(span):
                self.repeats += 1
            elif numbers and segment.seq < max(numbers):
                self.filled += 1
                self.overtaken += order[id(segment)] < newest and first[segment.seq] == order[id(segment)]
            numbers.update(span)
            seen.add(id(segment))
            newest = max(newest, order[id(segment)])


def play(seed, options, **hops):
    source = random.Random(seed)
    ends = [Settings(isn=source.randrange(2**32), **options) for _ in range(2)]
    usual = {"client_up": Hop(10 * MS), "server_up": Hop(30 * MS), "server_down": Hop(30 * MS),
             "client_down": Hop(10 * MS)}
    made = transfer(Conversation(source, *ends, usual | hops), 100_000, 1_000, close_ns=30 * S)
    return made, Truth(made)


def control(made):
    """SYNs and FINs without data that the observer saw of the client, beyond the first of each: copies, sent again."""
    copies = again = 0
    for flag in "SF":
        seen = [id(segment) for _, side, segment in made.seen
                if side == CLIENT and not segment.size and flag in segment.flags]
        copies += len(seen) - len(set(seen))
        again += max(0, len(set(seen)) - 1)
    return copies, again


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("seed", range(2))
def test_copies(tmp_path, seed, options):
    """The network makes copies before the observer; the receiver's D-SACKs of them are no fault of the sender."""
    made, truth = play(seed, options, client_up=Hop(10 * MS, duplicate=0.1))
    assert truth.copies > 3 and not truth.repeats and not truth.filled
    sent = recorded(made, tmp_path)["tcp"]["fwd"]
    assert sent["network_duplicates"] == sent["retransmitted_packets"] == truth.copies + control(made)[0]
    assert sent["spurious_retransmissions"] == 0
    assert sent["dsacks"] > 0 or not options["sack"]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("seed", (3, 4))
def test_copies_are_told_from_what_was_sent_again(tmp_path, seed, options):
    """And it loses segments behind the observer, so that both are seen twice: most copies are known, and no other."""
    made, truth = play(seed, options, client_up=Hop(10 * MS, duplicate=0.1), server_up=Hop(30 * MS, loss=0.06))
    copies, again = (data + other for data, other in zip((truth.copies, truth.repeats), control(made)))
    assert copies > 3 and again > 0
    sent = recorded(made, tmp_path)["tcp"]["fwd"]
    assert sent["retransmitted_packets"] == copies + again
    assert 0.6 * copies <= sent["network_duplicates"] <= copies


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("seed", range(2))
def test_reordering_is_told_from_loss(tmp_path, seed, options):
    """Both happen before the observer: segments fill a gap because they were overtaken, or because they were lost."""
    made, truth = play(seed, options, client_up=Hop(10 * MS, reorder=0.06, held_back_ns=300_000, loss=0.05))
    assert truth.overtaken > 0 and truth.filled > truth.overtaken
    sent = recorded(made, tmp_path)["tcp"]["fwd"]
    assert sent["out_of_order_packets"] == truth.filled
    # One that a partial ACK asks for may come sooner than a round trip after what shows the gap (RFC 6582).
    assert truth.overtaken <= sent["reordered_packets"] <= truth.overtaken + 1


@pytest.mark.parametrize("options", OPTIONS[:3])
@pytest.mark.parametrize("seed", range(2))
def test_sent_again_for_nothing(tmp_path, seed, options):
    """Segments are held back behind the observer: the client takes them for lost, and the server gets both."""
    made, truth = play(seed, options, server_up=Hop(30 * MS, reorder=0.1, held_back_ns=90 * MS, loss=0.01))
    taken = collections.Counter(segment.seq for segment in made.taken if segment.size)
    in_vain = sum(taken.values()) - len(taken)
    sent = recorded(made, tmp_path)["tcp"]["fwd"]
    assert truth.repeats >= in_vain > 0
    assert sent["network_duplicates"] == 0
    if options["sack"]:
        assert sent["spurious_retransmissions"] == in_vain
    else:  # by time stamps alone: of the first segment outstanding
        assert sent["spurious_retransmissions"] <= in_vain


@pytest.mark.parametrize("seed", range(2))
def test_time_stamps_tell_what_was_sent_for_nothing(tmp_path, seed):
    """Nothing is lost, but the acknowledgements come too late for the client's patience."""
    slow = Hop(30 * MS, script={number: [400 * MS] for number in range(3, 12)})
    made, truth = play(seed, {"sack": False, "timestamps": True}, server_down=slow)
    sent = recorded(made, tmp_path)["tcp"]["fwd"]
    assert truth.repeats > 0
    assert sent["network_duplicates"] == 0
    assert 0 < sent["spurious_retransmissions"] <= truth.repeats


@pytest.mark.parametrize("seed", range(2))
def test_round_trips_of_what_was_sent_again(tmp_path, seed):
    """Time stamps say which of the two was acknowledged, so that lossy times have samples, too."""
    made, truth = play(seed, {"timestamps": True, "delayed_ack_ns": 0}, server_up=Hop(30 * MS, loss=0.06))
    sent = recorded(made, tmp_path)["tcp"]["fwd"]
    assert truth.repeats > 0 and 0 < sent["repeat_rtt_samples"] <= truth.repeats
    assert sent["repeat_rtt_min_ns"] >= 60 * MS - 1 * MS
    assert sent["spurious_retransmissions"] == 0
