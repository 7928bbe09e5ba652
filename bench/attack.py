# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""What keys cost that were chosen to collide, compared with random ones."""
import concurrent.futures
import os
import statistics
import struct
import tempfile

import collisions
from jobs import pipeline, row
from machine import note

COUNT, QUICK_COUNT = 1 << 20, 1 << 15
KINDS = len(collisions.KINDS)
FILE_HEADER = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
RECORD = struct.Struct("<IIII")
ETHERNET = bytes.fromhex("020000000001020000000000") + b"\x08\x00"
IPV4 = struct.pack(">BBHHHBBH", 0x45, 0, 46, 0, 0x4000, 64, collisions.PROTOCOL, 0)
TCP_REST = struct.pack(">IIBBHHH", 1, 1, 0x50, 0x10, 512, 0, 0) + bytes(6)


def write_capture(folder, kind, count):
    """A frame of 60 bytes for each key of a kind."""
    ends = struct.Struct(">IIHH")
    with open(os.path.join(folder, kind), "wb") as out:
        out.write(FILE_HEADER)
        for i, key in enumerate(collisions.keys(kind, count)):
            out.write(RECORD.pack(1767225600, i // 2, 60, 60) + ETHERNET + IPV4 + ends.pack(*key) + TCP_REST)


def measure(bench):
    """1 M keys of a kind, each in turn, again and again. The kinds take turns, so that none has the quieter minutes."""
    count = QUICK_COUNT if bench.quick else COUNT
    settings = {"source.loops": 0, "stats.max_flows": count, "stats.tcp": "false"}
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        note(f"attack: making {count} keys of each kind")
        with concurrent.futures.ProcessPoolExecutor(len(bench.cpus)) as makers:
            list(makers.map(write_capture, [folder] * KINDS, collisions.KINDS, [count] * KINDS))
        taken = {kind: [] for kind in collisions.KINDS}
        for _ in range(1 if bench.quick else 5):
            for kind, figures in taken.items():
                path = {"source.path": os.path.join(folder, kind)}
                with bench.node(pipeline(), f"0@{bench.last}", {**settings, **path}) as node:
                    node.warm_up(2 * count)
                    figures.append(node.rates(bench.windows, bench.window_s))
                    assert node.total("stats", "gauge_flows") == count
    for kind, figures in taken.items():
        ns = [statistics.median(column) for column in zip(*figures)]
        # By processor time: other work on the machine makes neither slower.
        of_random = statistics.median(ours[1] / theirs[1] for ours, theirs in zip(figures, taken["random"]))
        yield row("attack", count, ns, keys=kind, of_random=round(of_random, 3), goal=1.1)
