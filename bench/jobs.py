# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The jobs that bench/run measures on made-up traffic. Each gives rows: dictionaries with the job's name, what was
varied, and figures. `ratio` says how many times the cost per packet of the limit, measured just before on the
same core, the cost of the pipeline is; `goal` what it should be.
"""
import contextlib
import os
import statistics

from machine import note
from node import Node

STATS = """\
pipeline: bench
operators:
  - {{name: source,  type: replay{source}}}
  - {{name: flow_id, type: flow_id{source}}}
  - {{name: stats,   type: flow_stats{stats}}}
  - {{name: sink,    type: json, path: /dev/null{sink}}}
"""
MILLION = 1_000_000
FLOWS = (1000, 65_536, MILLION, 10 * MILLION, 20 * MILLION)


def pipeline(source="", stats="", sink=""):
    """The pipeline of all jobs; arguments: where the instances of its parts run."""
    return STATS.format(source=source, stats=stats, sink=sink)


def frame_count(flows):
    """As many frames as the limit takes."""
    frames = 1 << 20
    while frames < flows:
        frames *= 2
    return frames


def traffic(flows, tcp):
    return {"source.flows": flows, "source.frames": frame_count(flows), "source.loops": 0, "source.protocols": "tcp",
            "source.rounds": "converse" if tcp else "repeat", "stats.max_flows": max(flows, 1 << 16),
            "stats.tcp": "true" if tcp else "false"}


def row(job, flows, ns, **more):
    """What is known of a measurement in nanoseconds by the clock and of processor time."""
    return {"job": job, "flows": flows, "mpps": round(1e3 / ns[0], 2), "ns": round(ns[0], 2),
            "cpu_ns": round(ns[1], 2), **more}


class Bench:
    """What jobs share: the program under measurement, the cores, and how thorough to be."""

    def __init__(self, weir, limit, cpus, quick):
        self.weir, self.limit, self.cpus, self.quick = weir, limit, cpus, quick
        self.last = cpus[-1] # cores below it have the interrupts
        self.windows, self.window_s = (3, 0.3) if quick else (5, 0.5)

    def repeats(self, flows):
        """Where there are many flows most of the time goes into making them."""
        return 1 if self.quick or flows > 10 * MILLION else 2 if flows > MILLION else 3

    @contextlib.contextmanager
    def aside(self):
        """What is started in it, and this program, keep off the last core, where there is another; workers are put
        where their --lcores say."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cpus[:-1] or before)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def node(self, config, lcores, settings, eal=(), words=()):
        return Node(self.weir, config, lcores, settings, eal, words)

    def one_worker(self, flows, tcp, config=None, lcores=None):
        """Nanoseconds per packet, and the node's memory."""
        with self.node(config or pipeline(), lcores or f"0@{self.last}", traffic(flows, tcp)) as node:
            node.warm_up(2 * frame_count(flows))
            return *node.rates(self.windows, self.window_s), node.rss_bytes()

    # The curve over the number of flows.

    def curve(self):
        for flows in FLOWS[:3] if self.quick else FLOWS:
            yield from self.curve_point(flows)

    def curve_point(self, flows):
        figures = {False: [], True: []}
        limits, ratios = [], {False: [], True: []}
        for _ in range(self.repeats(flows)):
            limit_ns = self.limit.ns_per_packet(flows, self.last)
            limits.append(limit_ns)
            for tcp, taken in figures.items():
                taken.append(self.one_worker(flows, tcp))
                if limit_ns:
                    ratios[tcp].append(taken[-1][0] / limit_ns)
        for tcp, taken in figures.items():
            ns = [statistics.median(column) for column in zip(*taken)]
            result = row("tcp" if tcp else "counters", flows, ns, goal=2.2 if tcp else 1.5)
            if ratios[tcp]:
                result["limit_ns"] = round(statistics.median(limits), 2)
                result["ratio"] = round(statistics.median(ratios[tcp]), 2)
            yield result

    # Two workers on two cores.

    def two_workers(self):
        if len(self.cpus) < 2:
            note("two_workers: needs two cores")
            return
        lcores = f"0@{self.cpus[0]},1@{self.cpus[1]}"
        for tcp in (False, True):
            for steer in ("group", "flow"):
                one, two = [], []
                for _ in range(1 if self.quick else 2):
                    one.append(self.one_worker(65_536, tcp)[0])
                    with self.node(pipeline(), lcores, {**traffic(65_536, tcp), "source.steer": steer}) as node:
                        node.warm_up(4 << 20)
                        two.append(node.rates(self.windows, self.window_s))
                ns = [statistics.median(column) for column in zip(*two)]
                yield row("two workers", 65_536, ns, tcp=tcp, steer=steer, goal=1.85,
                          speedup=round(statistics.median(a / b[0] for a, b in zip(one, two)), 2))

    # One core that captures, one that counts.

    def split(self, workers, captures, flows=65_536):
        """Workers 0..captures-1 send and parse, the others count; captures 0: each does both."""
        lcores = ",".join(f"{i}@{self.cpus[i % len(self.cpus)]}" for i in range(workers))
        first, others = list(range(captures)), list(range(captures, workers))
        config = pipeline(f", workers: {first}, parallelism: {captures}",
                          f", workers: {others}, parallelism: {len(others)}",
                          f", workers: [{workers - 1}]") if captures else pipeline()
        with self.node(config, lcores, traffic(flows, False)) as node:
            node.warm_up(2 << 20)
            return node.rates(self.windows, self.window_s)

    def ring(self):
        if len(self.cpus) < 2:
            note("ring: needs two cores")
            return
        taken = [self.split(2, 1) for _ in range(self.repeats(0))]
        ns = [statistics.median(column) for column in zip(*taken)]
        yield row("source -> ring -> statistics", 65_536, ns, goal_mpps=20)

    def splits(self):
        for workers in (2, 3, 4):
            for captures in range(workers):
                ns = self.split(workers, captures)
                yield row("split", 65_536, ns, workers=workers, captures=captures,
                          statistics=workers - captures if captures else workers)

    # Flows that come and go.

    def new_flows(self):
        """2 M flows begin in each second of event time and live 10 s; how much faster than that can it go?"""
        per_round, live = (MILLION // 8, 5 * MILLION // 2) if self.quick else (MILLION, 20 * MILLION)
        interval_ns = 500
        settings = {"source.flows": per_round, "source.frames": per_round, "source.rounds": "renew",
                    "source.loops": 0, "source.protocols": "tcp", "source.interval": f"{interval_ns}ns",
                    "stats.max_flows": live + 2 * MILLION, "stats.idle_timeout": f"{live * interval_ns // MILLION}ms",
                    "stats.tcp": "false"}
        with self.node(pipeline(), f"0@{self.last}", settings) as node:
            node.warm_up(live + MILLION)
            before, beside_ns = node.total("stats", "gauge_created"), node.other_cpu_ns()
            ns = node.rates(4 if self.quick else 20, 0.5, counter="gauge_created")
            instances = node.instances()
            beside_ns = (node.other_cpu_ns() - beside_ns) / (node.total("stats", "gauge_created", instances) - before)
            alive = node.total("stats", "gauge_flows", instances)
            yield row("new flows", alive, ns, goal_mpps=2, new_flows_per_s=round(1e9 / ns[0]),
                      beside_ns=round(beside_ns, 1),
                      unaccounted=unaccounted(instances))

    # Expiry: how late flows end by event time, at packet rates from 10 M/s to 10 k/s, and what that costs.

    def expiry(self):
        live = MILLION // 8 if self.quick else MILLION
        for interval_ns in (100, 1000, 10_000, 100_000):
            settings = {"source.flows": live // 4, "source.frames": live // 4, "source.rounds": "renew",
                        "source.loops": 0, "source.protocols": "tcp", "source.interval": f"{interval_ns}ns",
                        "stats.max_flows": 2 * live, "stats.idle_timeout": f"{live * interval_ns // MILLION}ms"}
            with self.node(pipeline(), f"0@{self.last}", settings) as node:
                node.warm_up(3 * live)
                late = {name: node.total("stats", f"gauge_late_{name}") for name in ("100ms", "1s", "more", "max_ms")}
            ended = late["100ms"] + late["1s"] + late["more"]
            yield {"job": "expiry: lateness", "flows": live, "event_mpps": 1000 / interval_ns, "ended": ended,
                   "later_than_100ms": late["1s"] + late["more"], "later_than_1s": late["more"],
                   "max_ms": late["max_ms"], "goal": "1 % later than 1 s"}
        yield from self.expiry_cost(live)

    def expiry_cost(self, flows):
        """The same traffic, 10 M packets in a second of event time, with time-outs that are far away, and with some
        that have each flow looked at every 5 s and every second."""
        looked_s = {"7d": 0, "5s": 5, "1s": 1}
        taken = {timeout: [] for timeout in looked_s}
        for _ in range(self.repeats(flows)):
            for timeout, seconds in looked_s.items():
                with self.node(pipeline(), f"0@{self.last}",
                               {**traffic(flows, False), "stats.idle_timeout": timeout}) as node:
                    node.warm_up(2 * frame_count(flows) + 11 * MILLION * seconds)
                    times = node.rates(self.windows, self.window_s)
                    taken[timeout].append(times[1])
        ns = {timeout: statistics.median(times) for timeout, times in taken.items()}
        for timeout, seconds in looked_s.items():
            if seconds:
                yield {"job": "expiry: cost", "flows": flows, "idle_timeout": timeout, "packets_per_flow_and_timeout":
                       round(10 * MILLION * seconds / flows), "cpu_ns_without": round(ns["7d"], 2),
                       "cpu_ns": round(ns[timeout], 2), "cost_percent": round(100 * (ns[timeout] / ns["7d"] - 1), 1),
                       "goal_percent": 5}

    # Memory.

    def memory(self):
        flows = MILLION if self.quick else 10 * MILLION
        for tcp in (False, True):
            rss = []
            for count in (1000, flows):
                settings = {**traffic(count, tcp), "source.frames": frame_count(flows)}
                with self.node(pipeline(), f"0@{self.last}", settings) as node:
                    node.warm_up(2 * frame_count(flows))
                    rss.append(node.rss_bytes())
            yield {"job": "memory", "flows": flows, "tcp": tcp, "goal_bytes": 256 if tcp else 128,
                   "bytes_per_flow": round((rss[1] - rss[0]) / (flows - 1000), 1)}


def unaccounted(instances):
    """Packets that came in and of which no counter says what became of them."""
    missing = 0
    for one in instances:
        drops = sum(value for name, value in one.items() if name.startswith("drop_"))
        missing += abs(one["in"] - one["forwarded"] - one["absorbed"] - drops - one["held"])
    return missing + sum(value for one in instances for name, value in one.items() if name == "drop_table_full")
