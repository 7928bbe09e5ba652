# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A pipeline that changes all the time under full load: an operator is put behind its source and taken out again. How
long sources and workers hold still, the latency of tuples beside that of a run left alone, and whether each flow is
told as in that run.
"""
import pathlib
import re
import statistics
import tempfile
import time

from control import NODE, Controller
from latency import told
from moves import flows_told, two_workers

FLOWS, FRAMES = 65_536, 1 << 20
CHANGES = 1000
PIPELINE = """\
pipeline: bench
placement: chained
operators:
  - {{name: source,  type: replay, flows: {flows}, frames: {frames}, loops: {loops}, interval: 100ns, rounds: converse,
     parallelism: 1}}
{more}  - {{name: flow_id, type: flow_id, parallelism: 1}}
  - {{name: stats,   type: flow_stats, parallelism: 2, max_flows: 131072, idle_timeout: 7d, active_timeout: 7d}}
  - {{name: sink,    type: csv, path: {path}}}
"""
MORE = "  - {name: more,    type: filter, where: protocol >= 0, parallelism: 1}\n"
PAUSED = re.compile(r"sources held still for (\d+) us, workers for (\d+) us")


class Latency:
    """The p99 of each second that `weirctl operators` shows, of the statistics' first instance."""

    def __init__(self, controller):
        self.controller, self.seconds, self.last = controller, [], None

    def look(self):
        found = told(self.controller, "stats")
        if found is not None and found != self.last:
            self.seconds.append(found["p99_ns"])
            self.last = found

    @property
    def p99_us(self):
        return round(statistics.median(self.seconds) / 1e3, 1) if self.seconds else None


def left_alone(bench, lcores, text):
    with Controller(bench.weir) as controller, \
            bench.node(text, lcores, {}, words=controller.words) as node:
        controller.wait_for_node()
        node.warm_up(4 << 20)
        latency, end = Latency(controller), time.monotonic() + (3 if bench.quick else 15)
        while time.monotonic() < end and node.is_running():
            latency.look()
            time.sleep(0.2)
        node.wait_for_end()
    return latency


def change(controller, node, documents, source_ended):
    """Apply one document, then the other, while there is input.

    Returns the latency meanwhile, and of each change the microseconds that sources and workers held still."""
    latency, pauses, start = Latency(controller), [], time.monotonic()
    while len(pauses) < CHANGES and node.is_running() and node.total("stats", "in") < source_ended:
        done = controller.run("apply", NODE, documents[len(pauses) % 2])
        found = PAUSED.search(done.stdout)
        if done.returncode != 0 or not found:
            raise AssertionError(f"change {len(pauses)}: {done.stdout}{done.stderr}")
        pauses.append(tuple(map(int, found.groups())))
        if len(pauses) % 10 == 0:
            latency.look()
    return latency, pauses, time.monotonic() - start


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(bench):
    lcores = two_workers(bench, "changes")
    if not lcores:
        return
    loops = 20 if bench.quick else 400
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        paths = [f"{folder}/{name}.csv" for name in ("still", "changed")]
        plain, other = pathlib.Path(folder, "plain.yaml"), pathlib.Path(folder, "more.yaml")
        for path, more in ((plain, ""), (other, MORE)):
            path.write_text(PIPELINE.format(flows=FLOWS, frames=FRAMES, loops=loops, path=paths[1], more=more),
                            encoding="utf-8")
        still = left_alone(bench, lcores, PIPELINE.format(flows=FLOWS, frames=FRAMES, loops=loops, path=paths[0],
                                                          more=""))
        with Controller(bench.weir) as controller, \
                bench.node(plain.read_text(encoding="utf-8"), lcores, {}, words=controller.words) as node:
            controller.wait_for_node()
            node.warm_up(4 << 20)
            latency, pauses, seconds = change(controller, node, (other, plain), 0.95 * loops * FRAMES)
            node.wait_for_end()
        expected, _ = flows_told(paths[0])
        found, doubled = flows_told(paths[1])
    sources, workers = zip(*pauses)
    yield {"job": "operator put in and taken out", "flows": FLOWS, "packets": loops * FRAMES, "changes": len(pauses),
           "ms_each": round(seconds * 1e3 / len(pauses), 1),
           **{f"pause_{name}_us": percentile(sources, share)
              for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
           "workers_p99_us": percentile(workers, 0.99), "flows_told": len(found),
           "differing": sum(found.get(key) != line for key, line in expected.items()),
           "doubled": doubled + len(found.keys() - expected.keys()), "goal_differing": 0,
           "latency_p99_still_us": still.p99_us, "latency_p99_us": latency.p99_us, "goal_latency": "within 2 x"}
