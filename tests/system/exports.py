# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Sinks that send records to a server: what was sent of a file, beside what the json sink wrote of it; and a node that
sends a record a packet until it is told to stop."""
import json

import pytest

from conftest import ROOT
from node import Node, run_file, settings

CAPTURE = ROOT / "tests/pipeline/network_layers.pcap"
FLOWS = """
pipeline: test
operators:
  - {{name: source,  type: pcap}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats,   type: flow_stats}}
  - {{name: json,    type: json, append: no}}
  - {{name: sink,    {sink}}}
streams:
  - {{from: source,  to: flow_id}}
  - {{from: flow_id, to: stats}}
  - {{from: stats,   to: json, grouping: global}}
  - {{from: stats,   to: sink, grouping: global}}
"""
# Each record has a time of its own.
PACKETS = """
pipeline: test
operators:
  - {{name: source,  type: replay, flows: 10, frames: 100, loops: 0, rate: 2k}}
  - {{name: flow_id, type: flow_id}}
  - {{name: sink,    {sink}, when_full: drop, queue_size: 256}}
"""


def run_flows(folder, sink, *pairs, capture=CAPTURE):
    """The finished process. `sink` is its options as written in a pipeline."""
    (folder / "pipeline.yaml").write_text(FLOWS.format(sink=sink))
    return run_file(["--config", folder / "pipeline.yaml", *settings(
        f"source.path={capture}", f"json.path={folder}/flows.jsonl", *pairs)])


def export(folder, sink, *pairs, capture=CAPTURE):
    """The records that the json sink wrote."""
    done = run_flows(folder, sink, *pairs, capture=capture)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / "flows.jsonl").read_text().splitlines()]


def in_order(records):
    return sorted(json.dumps(record, sort_keys=True) for record in records)


@pytest.fixture
def live(tmp_path):
    """live(sink, setting…): a node that sends packets."""
    made = []

    def start(sink, *pairs):
        (tmp_path / "live.yaml").write_text(PACKETS.format(sink=sink))
        made.append(Node(tmp_path, ["--config", tmp_path / "live.yaml", *settings(*pairs)]))
        return made[-1].wait_until_up()

    yield start
    for node in made:
        node.close()
