# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""TCP figures against the truth of a model, tcptrace and tshark; docs/conformance.md tells the reasons."""
import collections
import os
import pathlib
import random
import sys

import pytest

import tcptrace_figures
import tshark_tcp
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "captures"))
import bad_link
import tcp_captures
from tcp_model import MS, S, Conversation, Hop, Settings, conversation_frames, transfer

TRACES = pathlib.Path(os.environ.get("WEIR_TRACES", ROOT.parent / "shared" / "traces"))
COMPARED = [name for name, (kind, _) in tcp_captures.KIND.items() if kind != "noise"]
# capture -> the connections, by the client's port, of which tcptrace has other figures, for a reason in the document.
# Nothing else may differ.
EXPLAINED = {
    "from_the_middle": {46003},  # more than 12 segments in flight where the start was not seen
    "many_at_random": {52011, 52068},  # a SYN's window, told again after scaled ones
    "resets": {50006},  # sent again more than 5 s after the end
    "sequence_wrap": {43010, 43011, 43012},  # a SYN at the border of tcptrace's quadrants
    "impossible": {53402, 53403, 53406, 53408, 53409, 53411, 53414},
}


def compare(capture):
    return tcptrace_figures.compare(tcptrace_figures.connections(capture), tcptrace_figures.records(capture))


@pytest.mark.parametrize("name", COMPARED)
def test_agrees_with_tcptrace(made_captures, name):
    compared, differences = compare(made_captures[name])
    assert compared.total() > 100
    assert not [str(difference) for difference in differences
                if max(port for _, port in difference.ends) not in EXPLAINED.get(name, ())]


def test_agrees_in_99_percent(made_captures, tmp_path):
    """Of all values, over the captures made here and over a real trace where there is one."""
    total = differing = 0
    for name in COMPARED:
        compared, differences = compare(made_captures[name])
        total, differing = total + compared.total(), differing + len(differences)
    assert differing <= 0.01 * total and total > 9_000
    if (TRACES / "mix.pcap.gz").exists():
        compared, differences = compare(tcptrace_figures.survivable(TRACES / "mix.pcap.gz", tmp_path))
        assert len(differences) <= 0.01 * compared.total() and compared.total() > 150_000


def test_noise_ends_in_sound_figures(made_captures):
    """Segments at random: nothing to agree upon, but no figure contradicts another."""
    records = tcptrace_figures.records(made_captures["noise"])
    sides = [tcptrace_figures.figures(record, side) for record in records for side in ("fwd", "rev") if side in record]
    assert sum(side["packets"] for side in sides) == 1800
    for side in sides:
        assert side["unique_bytes"] <= side["payload_bytes"], side
        assert side["retransmitted_packets"] + side["pure_acks"] <= side["packets"], side
        assert side["out_of_order_packets"] <= side["packets"], side
        if side["rtt_samples"]:
            assert side["rtt_min_ns"] <= side["rtt_avg_ns"] <= side["rtt_max_ns"], side


def recorded(conversation, folder):
    """weir's only record of a conversation."""
    record, = tcptrace_figures.records(tcp_captures.write(folder / "one.pcap", conversation_frames(conversation)))
    return record


@pytest.mark.parametrize("near_ms, far_ms", [(1, 1), (10, 30), (0, 250)])
def test_round_trip_times_are_those_of_the_network(tmp_path, near_ms, far_ms):
    """Without queues, what comes back at once comes back after twice the delay between the observer and that end."""
    hops = {"client_up": Hop(near_ms * MS), "server_up": Hop(far_ms * MS), "server_down": Hop(far_ms * MS),
            "client_down": Hop(near_ms * MS)}
    ends = [Settings(isn=isn, delayed_ack_ns=0, rto_ns=2 * S) for isn in (7, 11)]
    tcp = recorded(transfer(Conversation(random.Random(1), *ends, hops), 3_000, 3_000), tmp_path)["tcp"]
    assert tcp["handshake_syn_ns"] == tcp["fwd"]["rtt_min_ns"] == 2 * far_ms * MS
    assert tcp["handshake_ack_ns"] == tcp["rev"]["rtt_min_ns"] == 2 * near_ms * MS
    assert tcp["handshake_rtt_ns"] == 2 * (near_ms + far_ms) * MS
    for side in ("fwd", "rev"):
        assert tcp[side]["rtt_samples"] == 5  # the SYN, three segments, the FIN
        assert tcp[side]["rtt_max_ns"] - tcp[side]["rtt_min_ns"] < 1 * MS


@pytest.mark.parametrize("sack", [False, True], ids=["no SACK", "SACK"])
@pytest.mark.parametrize("seed", range(4))
def test_retransmissions_are_those_of_the_sender(tmp_path, seed, sack):
    """Lost behind the observer: all that the sender sent, and sent again, was seen. Lost before: none of it twice."""
    settings = [Settings(isn=isn, sack=sack) for isn in (100, 2**32 - 9_000)]
    for place, is_seen in (("server_up", True), ("client_up", False)):
        lossy = Hop(10 * MS, loss=0.05, carried=-3)
        lossy.script = {number: [0] for number in range(-3, 0)}  # the handshake comes through
        made = Conversation(random.Random(seed), *settings, {place: lossy})
        transfer(made, 60_000, 1_000, close_ns=30 * S)
        assert made.client.repeated_segments > 0
        sent = tcptrace_figures.figures(recorded(made, tmp_path), "fwd")
        assert sent["unique_bytes"] == 60_000
        if is_seen:
            assert sent["retransmitted_packets"] == made.client.repeated_segments
            assert sent["payload_bytes"] == 60_000 + made.client.repeated_bytes
            assert sent["out_of_order_packets"] == 0
        else:
            assert sent["retransmitted_packets"] < made.client.repeated_segments
            assert sent["out_of_order_packets"] > 0


def by_class(capture):
    """class -> [(stream, side, tshark's, weir's)]."""
    found = collections.defaultdict(list)
    for stream, side, name, theirs, ours in tshark_tcp.compare(capture, tcptrace_figures.records(capture)):
        found[name].append((stream.ends, side, theirs, ours))
    return found


@pytest.mark.parametrize("name", ("undisturbed", "delay_that_varies", "chunks_in_turn", "window_scales"))
def test_agrees_with_tshark_where_nothing_is_sent_again(made_captures, name):
    """Every acknowledgement that tshark takes a time from and that ends at a segment's end is a sample here."""
    found = by_class(made_captures[name])
    assert len(found["packets"]) >= 12
    for kind in ("packets", "sent again", "out of order", "zero windows", "least RTT, us", "greatest RTT, us"):
        assert not [entry for entry in found[kind] if entry[2] != entry[3]], kind


@pytest.mark.parametrize("name", ("loss_behind_the_observer", "retransmission_by_time_out_and_fast"))
def test_what_is_sent_again_is_so_for_tshark(made_captures, name):
    """tshark calls some of them out of order, by their time, and weir none: the observer saw them before."""
    found = by_class(made_captures[name])
    assert sum(entry[2] for entry in found["sent again or out of order"]) > 10
    assert not [entry for entry in found["sent again or out of order"] if entry[2] != entry[3]]


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.parametrize("name", ("lossy", "reordering", "everything"))
def test_real_tcp_over_a_bad_link(tmp_path, name):
    """The kernels' TCP, as seen in the middle and at one end."""
    for capture in bad_link.carry(tmp_path, name):
        compared, differences = compare(capture)
        assert compared.total() > 300
        assert len(differences) <= 0.01 * compared.total(), [str(difference) for difference in differences]
