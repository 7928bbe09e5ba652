# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Streams that share tuples: every receiver sees every packet, and every mbuf goes back once."""
import json
import struct

import pytest

from node import run_file

FRAMES, FLOWS, IP_BYTES = 400, 4, 6000

TWINS = """
pipeline: twins
operators:
  - {name: source,  type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: twin,    type: flow_stats}
  - {name: sink,    type: json}
streams:
  - {from: source,  to: flow_id, grouping: forward}
  - {from: flow_id, to: stats,   grouping: key}
  - {from: flow_id, to: twin,    grouping: key}
  - {from: stats,   to: sink,    grouping: global}
  - {from: twin,    to: sink,    grouping: global}
"""


def write_capture(path):
    """Frames that need three mbufs each, as those of offloads and jumbo frames do."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for i in range(FRAMES):
        udp = struct.pack("!HHHH", 5000 + i % FLOWS, 53, IP_BYTES - 20, 0)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, IP_BYTES, i, 0, 64, 17, 0, b"\x0a\0\0\x01", b"\x0a\0\0\x02")
        frame = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0" + ip + udp + b"x" * (IP_BYTES - 28)
        out += struct.pack("<IIII", 1700000000 + i // 100, i % 100 * 10000, len(frame), len(frame)) + frame
    path.write_bytes(out)


@pytest.mark.parametrize("eal", [["-l", "0"], ["--lcores", "0@0,1@0"]], ids=["one worker", "two workers"])
def test_large_frames_are_shared_whole(tmp_path, eal):
    write_capture(tmp_path / "large.pcap")
    (tmp_path / "twins.yaml").write_text(TWINS, encoding="utf-8")
    done = run_file(["--config", tmp_path / "twins.yaml", "--set", f"source.path={tmp_path / 'large.pcap'}",
                     "--set", f"sink.path={tmp_path / 'out.jsonl'}"], eal=eal)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    counted = sorted((r["src_port"], r["fwd"]["packets"], r["fwd"]["bytes"]) for r in records)
    each = FRAMES // FLOWS
    assert counted == sorted(2 * [(5000 + flow, each, each * IP_BYTES) for flow in range(FLOWS)]), done.stderr
