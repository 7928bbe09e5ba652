# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Far more workers than CPUs, and little memory: slower, but nothing is lost and nothing waits for ever."""
import re
import struct

from node import run_file

FRAMES = 20_000
WORKERS = 48

PIPELINE = f"""
pipeline: many
ring_size: 64
operators:
  - {{name: source,  type: pcap}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats,   type: flow_stats, parallelism: {WORKERS}}}
"""


def write_capture(path):
    """Each frame is a flow of its own, so that each goes to another worker."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for i in range(FRAMES):
        udp = struct.pack("!HHHH", i, 53, 26, 0) + bytes(18)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, i, 0, 64, 17, 0, b"\x0a\0\0\x01", b"\x0a\0\0\x02")
        out.append(struct.pack("<IIII", 1700000000, i, 60, 60) + bytes(12) + b"\x08\0" + ip + udp)
    path.write_bytes(b"".join(out))


def test_idle_workers_do_not_keep_the_packets(tmp_path):
    write_capture(tmp_path / "many.pcap")
    (tmp_path / "many.yaml").write_text(PIPELINE, encoding="utf-8")
    done = run_file(["--config", tmp_path / "many.yaml", "--set", f"source.path={tmp_path / 'many.pcap'}"],
                    eal=["--lcores", f"(0-{WORKERS - 1})@0", "-m", "10"])
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"(\d+) packets", done.stderr).group(1)) == FRAMES
