# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Runs of the real program over a capture file, from its bytes to its records."""
import json
import re
import subprocess

import pytest

import captures
from conftest import BUILD

WEIR = BUILD / "weir-dataplane"
EAL = ["-l", "0", "--no-huge", "--no-shconf", "--no-pci", "--log-level=error", "--"]
FLOWS = """
pipeline: test
operators:
  - {name: source, type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats, type: flow_stats}
  - {name: sink, type: json, path: "-"}
"""
# As many records as packets, without the flow table's doing.
PACKETS = FLOWS.replace("  - {name: stats, type: flow_stats}\n", "")
REPLAY = PACKETS.replace("type: pcap", "type: replay, flows: 10, frames: 100")


def flow_frames(count, size=60):
    """`count` frames, each a flow of its own."""
    return [captures.ethernet(captures.ipv4_udp(size, source_port=1 + i)) for i in range(count)]


@pytest.fixture
def run(tmp_path):
    """run(content of a capture, pipeline=…, settings=[…], before=[…], …): the node's exit status, records, messages."""

    def run_node(content=None, pipeline=FLOWS, settings=(), before=(), **arguments):
        config = tmp_path / "pipeline.yaml"
        config.write_text(pipeline)
        if content is not None:
            (tmp_path / "in.pcap").write_bytes(content)
            settings = [f"source.path={tmp_path / 'in.pcap'}", *settings]
        words = [*before, WEIR, *EAL, "--config", config]
        for setting in settings:
            words += ["--set", setting]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **arguments)
        done.records = [json.loads(line) for line in done.stdout.splitlines()]
        return done

    return run_node


def messages(done):
    """What the node said, without its closing line about packets."""
    return [line for line in done.stderr.splitlines() if not re.search(r": \d+ packets, ", line)]


def dropped(done, reason):
    found = re.search(rf"\b{reason} (\d+)", done.stderr)
    return int(found.group(1)) if found else 0


def blocks_sigterm(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return any(int(line.split()[1], 16) & 1 << 14 for line in status if line.startswith("SigBlk:"))
