# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""End-to-end latency: chained pipelines on one worker at half of the rate they can do, as `weirctl operators` shows it.

The full rate is found first, without a limit. Then the source sends half of it, evenly; a tuple's latency counts from
when it was due by that rate, so that what waits because the worker is late is not left out. The figures of an instance
are of each second; medians over the seconds.
"""
import statistics
import time

from control import Controller
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


def told(controller, operator):
    """The latency that `weirctl operators` shows, of the last second; None: nothing is known yet."""
    for node in controller.request("operators")["nodes"]:
        for instance in node["operators"] or ():
            if instance["operator"] == operator:
                return instance["latency"]
    return None


def half_rate(bench, controller, text, settings, rate):
    """Latencies of the seconds at that rate."""
    settings = {**settings, "source.rate": rate}
    with bench.node(text, f"0@{bench.last}", settings, words=controller.words) as node:
        node.warm_up(2 * rate, "end")
        seconds, last, end = [], None, time.monotonic() + 60
        while len(seconds) < (3 if bench.quick else 10):
            found = told(controller, "end")
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
        with Controller(bench.weir) as controller:
            seconds = half_rate(bench, controller, text, settings, int(full / 2))
        took = {figure: round(statistics.median(second[f"{figure}_ns"] for second in seconds) / 1e3, 1)
                for figure in ("p50", "p99", "max")}
        yield {"job": "latency", "sink": name, "full_mpps": round(full / 1e6, 2), "seconds": len(seconds),
               **{f"{figure}_us": value for figure, value in took.items()}, "goal": GOAL}
