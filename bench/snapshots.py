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
    yield cost(bench, keys)
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


def windows(samples):
    """Tuples a second in each window, as (its end, rate): one begins with each sample, so that none is missed."""
    rates, end = [], 0
    for when, count in samples:
        while end < len(samples) and samples[end][0] - when < WINDOW_S:
            end += 1
        if end == len(samples):
            break
        rates.append((samples[end][0], (samples[end][1] - count) / (samples[end][0] - when)))
    return rates


def one_snapshot(node, controller, path):
    """Look at the node before, during and after a snapshot. Returns its figures, the usual rate, and the least share of
    that in any window before, and from its begin on."""
    source = next(i for i in node.ask("/weir/instances") if node.ask(f"/weir/instance,{i}")["operator"] == "source")
    samples, taken, begun, ended = [], None, None, None
    while ended is None or time.monotonic() < ended + TAIL_S:
        count = node.ask(f"/weir/instance,{source}")["in"]
        samples.append((time.monotonic(), count))
        if taken is None and samples[-1][0] - samples[0][0] > LEAD_S:
            taken, begun = Taken(controller, path), time.monotonic()
        elif taken and ended is None and not taken.is_alive():
            ended = time.monotonic()
        time.sleep(LOOK_S)
    rates = windows(samples)
    usual = statistics.median(rate for end, rate in rates if end < begun)
    return taken.figures(), usual, *(min(rate for end, rate in rates if (end < begun) == before) / usual
                                     for before in (True, False))


def cost(bench, keys):
    figures, usual, before, since = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, Controller(bench.weir) as controller, \
            bench.node(PIPELINE.format(count=0, keys=keys, path="/dev/null"), f"0@{bench.last}", {},
                       words=controller.words) as node:
        controller.wait_for_node()
        node.wait_until(lambda all: node.total("sums", "gauge_keys", all) >= 0.999 * keys, "all keys")
        for number in range(3 if bench.quick else 10):
            for values, value in zip((figures, usual, before, since),
                                     one_snapshot(node, controller, f"{folder}/{number}")):
                values.append(value)
    items, sizes, took_ms, sources_us, workers_us = zip(*figures)
    return {"job": "snapshot", "keys": max(items) - 2, "snapshots": len(figures),
            "mtuples_per_s": round(statistics.median(usual) / 1e6, 2),
            "worst_100ms_percent": round(100 * min(since), 1), "goal_percent": 80,
            "median_worst_percent": round(100 * statistics.median(since), 1),
            "worst_before_percent": round(100 * min(before), 1), "took_ms": round(statistics.median(took_ms)),
            "sources_held_p50_ms": round(statistics.median(sources_us) / 1e3, 1),
            "sources_held_max_ms": round(max(sources_us) / 1e3, 1),
            "workers_held_max_ms": round(max(workers_us) / 1e3, 1), "mbytes": round(max(sizes) / 1e6, 1)}


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
