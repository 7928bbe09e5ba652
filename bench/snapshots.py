# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Snapshots of a million live keys under full load: what is left of the throughput of 100 ms when one is taken, and
whether a node that was killed and goes on from one ends with what each key has in a run left alone.
"""
import re
import statistics
import tempfile
import threading
import time

from control import NODE, Controller

KEYS = 1_000_000
RECORD_TUPLES = 64 # of each key, in the runs that are compared
WINDOW_S, LOOK_S, LEAD_S, TAIL_S = 0.1, 0.004, 1.0, 0.5
PIPELINE = """\
pipeline: bench
operators:
  - {{name: source, type: generate, count: {count}, fields: [key u32 uniform 1 {keys}, size u32 uniform 64 1500]}}
  - {{name: sums,   type: reduce, key: [key], every: 4000000000, compute: [count(), sum(size)]}}
  - {{name: sink,   type: csv, path: {path}}}
"""
SAID = re.compile(r"saved (\d+) items, (\d+) bytes in (\d+) ms; sources held still for (\d+) us, workers for (\d+) us")


def measure(bench):
    keys = KEYS // 10 if bench.quick else KEYS
    yield from cost(bench, keys)
    yield restored(bench, keys)


class Taken(threading.Thread):
    """A snapshot that is being taken while others look at the node."""

    def __init__(self, controller, path):
        super().__init__()
        self.controller, self.path, self.done = controller, path, None
        self.start()

    def run(self):
        self.done = self.controller.run("snapshot", NODE, self.path)

    def figures(self):
        """What weirctl said: items, bytes, ms, us that sources and workers held still."""
        self.join()
        found = SAID.search(self.done.stdout)
        if not found:
            raise AssertionError(f"snapshot: {self.done.stdout}{self.done.stderr}")
        return tuple(map(int, found.groups()))


class Looks:
    """What was seen of a node: (when, tuples so far, seconds so far that its worker waited for its core)."""

    def __init__(self, node):
        self.node, self.all = node, []
        self.source = next(i for i in node.ask("/weir/instances")
                           if node.ask(f"/weir/instance,{i}")["operator"] == "source")

    def look(self):
        count = self.node.ask(f"/weir/instance,{self.source}")["in"]
        self.all.append((time.monotonic(), count, self.node.waited_ns() / 1e9))
        return self.all[-1][0]

    def windows(self):
        """Of each window its begin and end, tuples a second by the clock, and in the time that the worker had its core.
        One begins with each look, so that none is missed."""
        found, end = [], 0
        for when, count, waited in self.all:
            while end < len(self.all) and self.all[end][0] - when < WINDOW_S:
                end += 1
            if end == len(self.all):
                break
            seconds, tuples = self.all[end][0] - when, self.all[end][1] - count
            had = max(seconds - (self.all[end][2] - waited), LOOK_S)
            found.append((when, self.all[end][0], tuples / seconds, tuples / had))
        return found


def one_snapshot(node, controller, path):
    """Look at the node before, during and after a snapshot. Returns its figures, and of the windows that ended before
    it was asked for, and of those since, the rates as pairs."""
    looks, taken, asked, ended = Looks(node), None, None, None
    begun = last = looks.look()
    while ended is None or last < ended + TAIL_S:
        if taken is None and last - begun > LEAD_S:
            asked, taken = time.monotonic(), Taken(controller, path)
        elif taken and ended is None and not taken.is_alive():
            ended = time.monotonic()
        time.sleep(LOOK_S)
        last = looks.look()
    windows = looks.windows()
    return taken.figures(), [one[2:] for one in windows if one[1] < asked], [one[2:] for one in windows
                                                                            if one[1] >= asked]


def spread(name, runs):
    """Rows of how windows are spread, in percent of the median of those without a snapshot beside them."""
    for which, time_by in enumerate(("clock", "worker's core")):
        for when, place in (("without", 0), ("with", 1)):
            shares, worst = [], []
            for run in runs:
                usual = statistics.median(rates[which] for rates in run[0])
                shares += [100 * rates[which] / usual for rates in run[place]]
                worst.append(100 * min(rates[which] for rates in run[place]) / usual)
            shares.sort()
            yield {"job": name, "snapshot": when, "time_by": time_by, "windows": len(shares),
                   "worst_percent": round(shares[0], 1), "median_of_worst_percent": round(statistics.median(worst), 1),
                   **{f"p{percent}_percent": round(shares[len(shares) * percent // 100], 1) for percent in (1, 5, 50)},
                   "goal_worst_percent": 80}


def cost(bench, keys):
    figures, runs = [], []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, bench.aside(), \
            Controller(bench.weir) as controller, \
            bench.node(PIPELINE.format(count=0, keys=keys, path="/dev/null"), f"0@{bench.last}", {},
                       words=controller.words) as node:
        controller.wait_for_node()
        node.wait_until(lambda all: node.total("sums", "gauge_keys", all) >= 0.999 * keys, "all keys")
        for number in range(3 if bench.quick else 10):
            done, *rates = one_snapshot(node, controller, f"{folder}/{number}")
            figures.append(done)
            runs.append(rates)
        kept = node.total("sums", "gauge_keys")
    _, sizes, took_ms, sources_us, workers_us = zip(*figures)
    usual = statistics.median(rates[0] for run in runs for rates in run[0])
    yield {"job": "snapshot", "keys": kept, "snapshots": len(figures), "mtuples_per_s": round(usual / 1e6, 2),
           "took_ms": round(statistics.median(took_ms)),
           "sources_held_p50_ms": round(statistics.median(sources_us) / 1e3, 1),
           "sources_held_max_ms": round(max(sources_us) / 1e3, 1),
           "workers_held_p50_ms": round(statistics.median(workers_us) / 1e3, 1),
           "workers_held_max_ms": round(max(workers_us) / 1e3, 1), "mbytes": round(max(sizes) / 1e6, 1)}
    yield from spread("throughput of 100 ms beside a snapshot", runs)


def started(node):
    """Milliseconds until its source has sent something."""
    begun = time.monotonic()
    node.wait_until(lambda all: node.total("source", "in", all) > 0, "first tuple")
    return 1e3 * (time.monotonic() - begun)


def keys_told(path):
    told, lines = {}, 0
    with open(path, encoding="ascii") as file:
        next(file) # names of the columns
        for line in file:
            key, _, rest = line.partition(",")
            told[key] = rest
            lines += 1
    return told, lines - len(told)


def restored(bench, keys):
    """A run that is killed after a snapshot in its middle and goes on from that, beside one that nothing happens to."""
    count, lcores = keys * RECORD_TUPLES, f"0@{bench.last}"
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        texts = [PIPELINE.format(count=count, keys=keys, path=f"{folder}/{name}.csv") for name in ("still", "cut")]
        with bench.node(texts[0], lcores, {}) as node:
            start_ms = started(node)
            node.wait_for_end()
        with Controller(bench.weir) as controller, \
                bench.node(texts[1], lcores, {}, words=controller.words) as node:
            controller.wait_for_node()
            node.warm_up(count // 4, "source")
            items = Taken(controller, f"{folder}/saved").figures()[0]
            at = node.total("source", "in")
            node.warm_up(at + count // 20, "source")
        with bench.node(texts[1], lcores, {}, words=["--restore", f"{folder}/saved"]) as node:
            restored_ms = started(node)
            node.wait_for_end()
        still, _ = keys_told(f"{folder}/still.csv")
        told, doubled = keys_told(f"{folder}/cut.csv")
    return {"job": "restore of a snapshot", "keys": len(told), "items": items, "tuples": count,
            "differing": sum(told.get(key) != line for key, line in still.items()),
            "doubled": doubled + len(told.keys() - still.keys()), "goal_differing": 0,
            "start_ms": round(start_ms), "restored_start_ms": round(restored_ms)}
