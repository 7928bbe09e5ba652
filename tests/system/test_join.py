# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The operator join between two windows over the same packets, against a computation in Python, under every plan."""
import collections
import json

import pytest

from node import PLANS, run_pipeline
from test_windows import SECOND, make_packets, ordered, write

PIPELINE = """
pipeline: joined
operators:
  - {{name: source,  type: pcap}}
  - {{name: flow_id, type: flow_id}}
  - {{name: sent,    type: window, key: [src_ip], size: 1s, compute: [sent = sum(bytes)]}}
  - {{name: got,     type: window, key: [dst_ip], size: 1s, compute: [got = count()]}}
  - {{name: step,    type: join, key: [src_ip], right_key: [dst_ip], time: window_end_ns, {options}}}
  - {{name: sink,    type: json}}
streams:
  - {{from: source,  to: flow_id}}
  - {{from: flow_id, to: sent}}
  - {{from: flow_id, to: got}}
  - {{from: sent,    to: step.left}}
  - {{from: got,     to: step.right}}
  - {{from: step,    to: sink}}
"""


@pytest.fixture(scope="module", name="packets")
def fixture_packets():
    return make_packets(5000)


@pytest.fixture(scope="module", name="capture")
def fixture_capture(tmp_path_factory, packets):
    path = tmp_path_factory.mktemp("join") / "in.pcap"
    write(path, packets)
    return path


def run(folder, capture, options, plan="one worker, chained"):
    return run_pipeline(folder, PIPELINE.format(options=options), f"source.path={capture}", plan=plan)


def joined(packets, within):
    """Each second in which a host sent with each one, at most `within` seconds off, in which it got packets."""
    sent, got = collections.Counter(), collections.defaultdict(collections.Counter)
    for p in packets:
        sent[p.src, p.time // SECOND] += p.bytes
        got[p.dst][p.time // SECOND] += 1
    return [{"src_ip": host, "window_start_ns": second * SECOND, "window_end_ns": (second + 1) * SECOND, "sent": size,
             "right_window_start_ns": other * SECOND, "right_window_end_ns": (other + 1) * SECOND, "got": count}
            for (host, second), size in sent.items() for other, count in got[host].items()
            if abs(other - second) <= within]


@pytest.mark.parametrize("within", (0, 3))
@pytest.mark.parametrize("plan", PLANS)
def test_intervals_are_those_of_the_definition(tmp_path, packets, capture, plan, within):
    done = run(tmp_path, capture, f"within: {within}s", plan)
    assert done.returncode == 0, done.stderr
    expected = joined(packets, within)
    assert len(expected) > 100
    assert ordered(map(json.loads, done.stdout.splitlines())) == ordered(expected)
    assert "step dropped" not in done.stderr


def test_the_latest_is_there_or_left_out(tmp_path, packets, capture):
    done = run(tmp_path, capture, "kind: latest, unmatched: pass")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == len({(p.src, p.time // SECOND) for p in packets})
    counts = collections.Counter((p.dst, p.time // SECOND * SECOND) for p in packets)
    matched = [r for r in records if "got" in r]
    assert 0 < len(matched)
    for r in matched:
        assert counts[r["src_ip"], r["right_window_start_ns"]] == r["got"]


@pytest.mark.parametrize("options, message", (
    ("kind: latest, within: 1s", "step: within: kind latest has none; expected kind: interval"),
    ("right_time: dst_ip", 'time: "dst_ip": ip of schema got; expected a field of type u64 or i64'),
    ("per_key: 0", "step.per_key"),
))
def test_wrong_options_are_refused(tmp_path, capture, options, message):
    done = run(tmp_path, capture, options)
    assert done.returncode != 0
    assert message in done.stderr
