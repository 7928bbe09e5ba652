# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The source replay: frames made up, or of a file, once, repeated and at a rate."""
import re

import pytest

import captures
from conftest import Process, wait_for
from file_runs import EAL, PACKETS, REPLAY, WEIR, flow_frames, run  # noqa: F401 (a fixture)


def test_replay_made_up(run):
    done = run(None, REPLAY.replace("- {name: sink", "- {name: stats, type: flow_stats}\n  - {name: sink"),
               ["source.loops=3", "source.interval=1ms"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 10
    assert sum(r["fwd"]["packets"] + r.get("rev", {"packets": 0})["packets"] for r in done.records) == 300
    assert {record["protocol"] for record in done.records} == {6, 17}
    assert max(r["end_ns"] for r in done.records) - min(r["start_ns"] for r in done.records) == 299_000_000


STATS = REPLAY.replace("- {name: sink", "- {name: stats, type: flow_stats}\n  - {name: sink").replace(
    "flows: 10,", "flows: 10, protocols: tcp,")


def test_replay_conversation(run):
    """Each round answers the one before: nothing is sent twice, and what is sent is acknowledged."""
    done = run(None, STATS, ["source.loops=8", "source.rounds=converse"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 10
    assert sum(r["fwd"]["packets"] + r["rev"]["packets"] for r in done.records) == 800
    for record in done.records:
        for side, figures in (("fwd", record["tcp"]["fwd"]), ("rev", record["tcp"]["rev"])):
            assert figures["retransmitted_packets"] == figures["out_of_order_packets"] == 0
            assert figures["unique_bytes"] == record[side]["payload_bytes"] == 10 * record[side]["packets"]
            assert figures["rtt_samples"] > 0


def test_replay_renewal(run):
    """Each round has flows of its own."""
    done = run(None, STATS, ["source.loops=4", "source.rounds=renew"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 40
    assert len({(r["src_ip"], r["dst_ip"], r["src_port"], r["dst_port"]) for r in done.records}) == 40


@pytest.mark.parametrize("steer", ["flow", "group"])
def test_replay_steered(run, steer):
    """Several instances share the frames flow by flow, and the conversations stay whole."""
    done = run(None, STATS.replace("type: replay,", "type: replay, parallelism: 3,"),
               ["source.loops=5", "source.rounds=converse", f"source.steer={steer}"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 10
    assert sum(r["fwd"]["packets"] + r["rev"]["packets"] for r in done.records) == 500
    assert not any(r["tcp"][side]["retransmitted_packets"] for r in done.records for side in ("fwd", "rev"))


@pytest.mark.parametrize("settings,message", [
    (["source.rounds=renew", "source.path=x.pcap"], "rounds: renew: expected repeat: only made-up frames change"),
    (["source.rounds=converse", "source.frame_size=60"],
     "frame_size: 60: expected at least 62 where rounds is converse"),
])
def test_replay_refused(run, settings, message):
    done = run(None, STATS, settings)
    assert done.returncode != 0
    assert message in done.stderr


def test_replay_capture(run):
    """Rounds follow each other in time, with the gaps of the file."""
    done = run(captures.pcap(flow_frames(3)), PACKETS.replace("type: pcap", "type: replay, loops: 2"))
    assert done.returncode == 0, done.stderr
    times = [record["timestamp_ns"] - captures.START * 10**9 for record in done.records]
    assert times == [0, 1_000_000, 2_000_000, 2_000_001, 3_000_001, 4_000_001]


def test_replay_until_stopped(tmp_path):
    """Frames come back and are sent again, through rings as well; a stop at any moment balances the account."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(REPLAY)
    settings = [f"sink.path={tmp_path}/out", "source.loops=0", "source.rate=20k", "channels=ring"]
    words = [word for setting in settings for word in ("--set", setting)]
    node = Process("node", [WEIR, "--lcores", "0@0,1@0", *EAL[2:], "--config", config, *words], tmp_path)
    try:
        wait_for(lambda: (tmp_path / "out").exists() and (tmp_path / "out").stat().st_size > 100_000, "records")
        assert node.stop() == 0
    finally:
        node.kill()
    content = (tmp_path / "out").read_text()
    assert content.endswith("\n")
    sent = int(re.search(r": (\d+) packets, ", node.err()).group(1))
    assert len(content.splitlines()) == sent
