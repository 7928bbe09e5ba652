# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""End-to-end latency: chained pipelines on one worker at half of the rate they can do, as `weirctl operators` shows it.

The full rate is found first, without a limit. Then the source sends half of it, evenly; a tuple's latency counts from
when it was due by that rate, so that what waits because the worker is late is not left out. The figures of an instance
are of each second; medians over the seconds.
"""
import json
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

from node import NodeFailed

PACKETS = """\
pipeline: bench
operators:
  - {name: source,  type: replay}
  - {name: flow_id, type: flow_id}
  - {name: end,     type: flow_stats}
  - {name: sink,    type: json, path: /dev/null}
"""
RECORDS = """\
pipeline: bench
operators:
  - {name: source, type: generate, fields: [user u64 zipf 1.1 50000, size u32 uniform 64 1500]}
  - {name: large,  type: filter, where: size > 500}
  - {name: sums,   type: reduce, key: [user], compute: [bytes = sum(size)], every: 1}
  - {name: end,    type: 'null'}
"""
TRAFFIC = {"source.flows": 65_536, "source.frames": 1 << 20, "source.loops": 0}
WORKLOADS = (("packets to flow statistics", PACKETS, TRAFFIC), ("records to a sink", RECORDS, {}))
GOAL = "p50 <= 20 us, p99 <= 200 us"


def free_port():
    """A port with a free one behind it, which the controller takes too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            try:
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
            except (OSError, OverflowError):
                continue
            return first.getsockname()[1]


class Controller:
    """A controller without Redis, and weirctl to ask it."""

    def __init__(self, build):
        self.build, self.endpoint = pathlib.Path(build), f"tcp://127.0.0.1:{free_port()}"
        self.folder = tempfile.TemporaryDirectory(prefix="weir-bench-")
        config = pathlib.Path(self.folder.name) / "controller.yaml"
        config.write_text(f"stages:\n  - {{type: collect, listen: '{self.endpoint}'}}\n  - {{type: lists}}\n",
                          encoding="utf-8")
        self.process = subprocess.Popen([self.build / "weir-controller", "--config", config],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def latency(self, operator):
        """That of the last second; None: nothing is known yet."""
        asked = subprocess.run([self.build / "weirctl", "--controller", self.endpoint, "operators", "--json"],
                               capture_output=True, text=True, check=False)
        if asked.returncode != 0:
            return None
        for node in json.loads(asked.stdout)["nodes"]:
            for instance in node["operators"] or ():
                if instance["operator"] == operator:
                    return instance["latency"]
        return None


def half_rate(bench, controller, text, settings, rate):
    """Latencies of the seconds at that rate."""
    text = f"controller: {controller.endpoint}\n{text}"
    with bench.node(text, f"0@{bench.last}", {**settings, "source.rate": rate}) as node:
        node.warm_up(2 * rate, "end")
        seconds, last, end = [], None, time.monotonic() + 60
        while len(seconds) < (3 if bench.quick else 10):
            found = controller.latency("end")
            if found is not None and found != last:
                seconds.append(found)
                last = found
            if time.monotonic() > end:
                raise NodeFailed(f"{len(seconds)} seconds of latency within 60 s")
            time.sleep(0.2)
    return seconds


def measure(bench):
    for name, text, settings in WORKLOADS:
        with bench.node(text, f"0@{bench.last}", settings) as node:
            node.warm_up(4 << 20, "source")
            full = 1e9 / node.rates(bench.windows, bench.window_s, "source")[0]
        with Controller(pathlib.Path(bench.weir).parent) as controller:
            seconds = half_rate(bench, controller, text, settings, int(full / 2))
        took = {figure: round(statistics.median(second[f"{figure}_ns"] for second in seconds) / 1e3, 1)
                for figure in ("p50", "p99", "max")}
        yield {"job": "latency", "sink": name, "full_mpps": round(full / 1e6, 2), "seconds": len(seconds),
               **{f"{figure}_us": value for figure, value in took.items()}, "goal": GOAL}
