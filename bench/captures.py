# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A capture file in the page cache to records, by the clock: weir to JSON and to IPFIX, and softflowd."""
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from machine import note
from node import NodeFailed

MEGABYTES, QUICK_MEGABYTES = 3000, 300
LIMIT_S = 100
FLOWS = 8000  # fits what softflowd keeps unless told otherwise
PIPELINE = """\
pipeline: file
operators:
  - {{name: source,  type: pcap, path: "{capture}"}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats,   type: flow_stats, tcp: {tcp}}}
  - {{name: sink,    {sink}}}
"""


def seconds(command):
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise NodeFailed(f"{' '.join(command)}: not done in {LIMIT_S} s") from error
    if done.returncode != 0:
        raise NodeFailed(f"{' '.join(command)}: exit {done.returncode}: {done.stderr[-400:].strip()}")
    return time.monotonic() - start


class Files:
    """The capture, a collector that takes what it is sent, and where configurations and records go."""

    def __init__(self, bench, folder, collector):
        self.bench, self.folder = bench, pathlib.Path(folder)
        self.port = collector.getsockname()[1]
        self.capture = self.folder / "capture.pcap"
        maker = pathlib.Path(bench.weir).resolve().parent / "bench/capture"
        megabytes = QUICK_MEGABYTES if bench.quick else MEGABYTES
        made = subprocess.run([maker, self.capture, str(megabytes), str(FLOWS)], capture_output=True, text=True,
                              check=True)
        self.packets = json.loads(made.stdout)["packets"]
        with open(self.capture, "rb") as whole:  # into the page cache, if it isn't there
            while whole.read(1 << 24):
                pass

    def weir(self, sink, tcp, workers):
        sinks = {"json": f"type: json, path: \"{self.folder}/records.json\"",
                 "ipfix": f"type: ipfix, collector: \"127.0.0.1:{self.port}\""}
        config = self.folder / "file.yaml"
        config.write_text(PIPELINE.format(capture=self.capture, tcp="yes" if tcp else "no", sink=sinks[sink]),
                          encoding="utf-8")
        cpus = self.bench.cpus[-workers:]
        lcores = ",".join(f"{i}@{cpu}" for i, cpu in enumerate(cpus))
        return seconds([str(self.bench.weir), "--lcores", lcores, "--no-huge", "--no-shconf", "--no-pci",
                        "--log-level=error", "--", "--config", str(config)])

    def softflowd(self):
        return seconds(["softflowd", "-d", "-r", str(self.capture), "-m", str(2 * FLOWS), "-v", "10",
                        "-n", f"127.0.0.1:{self.port}", "-p", f"{self.folder}/softflowd.pid", "-c", "none"])


def measure(bench):
    if shutil.which("softflowd") is None:
        note("file: softflowd is not installed: no comparison")
    kinds = [(sink, tcp, workers) for sink in ("json", "ipfix") for tcp in (False, True)
             for workers in range(1, min(2, len(bench.cpus)) + 1)]
    taken, softflowd = {kind: [] for kind in kinds}, []
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        files = Files(bench, folder, collector)
        for _ in range(1 if bench.quick else 3):
            if shutil.which("softflowd"):
                softflowd.append(files.softflowd())
            for kind, figures in taken.items():
                figures.append(files.weir(*kind))
        size_gb = files.capture.stat().st_size / 1e9
    common = {"job": "capture file", "gb": round(size_gb, 2), "packets": files.packets}
    if softflowd:
        yield {**common, "program": "softflowd", "mpps": round(files.packets / statistics.median(softflowd) / 1e6, 2)}
    for (sink, tcp, workers), figures in taken.items():
        row = {**common, "program": "weir", "sink": sink, "tcp": tcp, "workers": workers,
               "mpps": round(files.packets / statistics.median(figures) / 1e6, 2)}
        if softflowd:
            row["times_softflowd"] = round(statistics.median(a / b for a, b in zip(softflowd, figures)), 2)
            row["goal"] = 4
        yield row
