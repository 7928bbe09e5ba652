# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A pipeline that changes all the time under full load: an operator is put behind its source and taken out again. How
long sources and workers hold still, the latency of tuples beside that of a run left alone, and whether each flow is
told as in that run.
"""
import re
import statistics
import tempfile
import time

from control import Controller
from latency import told
from moves import flows_told, two_workers
from node import NodeFailed

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


def left_alone(bench, lcores, text, document):
    """The latency of a run that is left alone, and then of one that is asked what a change would do: the controller,
    the node's manager and who asks take time of the same cores, whether anything changes or not."""
    with Controller(bench.weir) as controller, \
            bench.node(text, lcores, {}, words=controller.words) as node:
        controller.wait_for_node()
        node.warm_up(4 << 20)
        alone, asked, seconds = Latency(controller), Latency(controller), 3 if bench.quick else 10
        end = time.monotonic() + seconds
        while time.monotonic() < end and node.is_running():
            alone.look()
            time.sleep(0.2)
        end = time.monotonic() + seconds
        while time.monotonic() < end and node.is_running():
            for _ in range(10):
                controller.act("apply", "bench.yaml", "dry-run", document)
            asked.look()
        node.wait_for_end()
    return alone, asked


def change(controller, node, documents, source_ended):
    """Apply one document, then the other, while there is input.

    Returns the latency meanwhile, and of each change the microseconds that sources and workers held still."""
    latency, pauses, start = Latency(controller), [], time.monotonic()
    while len(pauses) < CHANGES and node.is_running() and node.total("stats", "in") < source_ended:
        answer = controller.act("apply", "bench.yaml", "run", documents[len(pauses) % 2])
        found = PAUSED.search(answer)
        if not found:
            raise NodeFailed(f"change {len(pauses)}: {answer}")
        pauses.append(tuple(map(int, found.groups())))
        if len(pauses) % 10 == 0:
            latency.look()
    return latency, pauses, time.monotonic() - start


def text_of(loops, path, more):
    return PIPELINE.format(flows=FLOWS, frames=FRAMES, loops=loops, path=path, more=more)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(bench):
    lcores = two_workers(bench, "changes")
    if not lcores:
        return
    loops = 20 if bench.quick else 400
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        paths = [f"{folder}/{name}.csv" for name in ("still", "changed")]
        documents = [text_of(loops, paths[1], more) for more in (MORE, "")]
        alone, asked = left_alone(bench, lcores, text_of(loops, paths[0], ""), text_of(loops, paths[0], MORE))
        with Controller(bench.weir) as controller, \
                bench.node(documents[1], lcores, {}, words=controller.words) as node:
            controller.wait_for_node()
            node.warm_up(4 << 20)
            latency, pauses, seconds = change(controller, node, documents, 0.95 * loops * FRAMES)
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
           "latency_p99_alone_us": alone.p99_us, "latency_p99_asked_us": asked.p99_us,
           "latency_p99_us": latency.p99_us, "goal_latency": "within 2 x"}
