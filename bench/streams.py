# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Pipelines of keyed operators over made-up traffic: those of conf/, but for what they read and where they write.

Packets are 64 bytes, of 65,536 flows, half TCP segments with ACK and half UDP, servers on ports below 1024: what asks
for SYN or for one port chooses few of them or none. Packets come 100 ns apart by their time stamps. Rates are those of
flow_id, which gets every packet.
"""
import re
import statistics

from machine import ROOT, note

CONF = ROOT / "conf"
SONATA = CONF / "sonata"
FLOWS, FRAMES = 65_536, 1 << 20
TRAFFIC = {"source.flows": FLOWS, "source.frames": FRAMES, "source.loops": 0}
WARM_UP = 32 * FRAMES # three windows of three seconds
EAL = ("-m", "256")
CONSUMERS = (1, 2, 4, 8, 12)
MESSAGES = "{name: source, type: generate, fields: [timestamp_ns time, text string 512 zipf 1.1 50000 times 10]}"


def from_memory(text, source="{name: source, type: replay}"):
    """A pipeline of conf/ that reads `source` and whose records go to /dev/null."""
    text = re.sub(r"\{name: source, .*\}", source, text, count=1)
    return re.sub(r'path: ("-"|\w+\.jsonl)', "path: /dev/null", text)


def packets_ns(bench, text, settings=()):
    """Nanoseconds a packet by the clock and of processor time, on one worker: medians of repeated runs."""
    taken = []
    for _ in range(1 if bench.quick else 3):
        with bench.node(text, f"0@{bench.last}", {**TRAFFIC, **dict(settings)}, EAL) as node:
            node.warm_up(WARM_UP // 8 if bench.quick else WARM_UP, "flow_id")
            taken.append(node.rates(bench.windows, bench.window_s, "flow_id"))
    return [statistics.median(column) for column in zip(*taken)]


def figures(job, ns, **more):
    return {"job": job, **more, "mpps": round(1e3 / ns[0], 2), "ns": round(ns[0], 2), "cpu_ns": round(ns[1], 2)}


def heavy_hitters(bench):
    """Its key is of one direction, so each flow has two; the table is made for twice as many."""
    text = from_memory((SONATA / "heavy_hitters.yaml").read_text(encoding="utf-8"))
    ns = packets_ns(bench, text, {"count.max_keys": 4 * FLOWS})
    yield figures("heavy hitters", ns, flows=FLOWS) | {"goal_mpps": 12}


def sonata(bench):
    for path in sorted(SONATA.glob("*.yaml"), key=lambda path: (path.stem == "all", path.stem)):
        ns = packets_ns(bench, from_memory(path.read_text(encoding="utf-8")))
        yield figures("telemetry task", ns, task=path.stem) | {"goal_mpps": 3 if path.stem == "all" else 10}


def fan_out(bench):
    """What it costs that several operators get each packet, beside the packet's own cost."""
    for consumers in CONSUMERS:
        sinks = [f"sink{i}" for i in range(consumers)]
        text = "pipeline: bench\noperators:\n  - {name: source, type: replay}\n  - {name: flow_id, type: flow_id}\n"
        text += "".join(f"  - {{name: {name}, type: 'null'}}\n" for name in sinks)
        text += "streams:\n  - {from: source, to: flow_id}\n"
        text += "".join(f"  - {{from: flow_id, to: {name}}}\n" for name in sinks)
        yield figures("fan-out", packets_ns(bench, text), consumers=consumers)


def topics(bench):
    """Words a second of trending topics: messages are made up on one worker, which splits them; the other counts."""
    if len(bench.cpus) < 2:
        note("topics: needs two cores")
        return
    text = from_memory((CONF / "trending_topics.yaml").read_text(encoding="utf-8"), MESSAGES)
    taken = []
    for _ in range(bench.repeats(0)):
        with bench.node(text, f"0@{bench.cpus[0]},1@{bench.cpus[1]}", {}, EAL) as node:
            node.wait_until(lambda all: node.total("split", "gauge_words", all) >= 4_000_000, "4 M words")
            taken.append(node.rates(bench.windows, bench.window_s, "split", "gauge_words"))
    ns = [statistics.median(column) for column in zip(*taken)]
    yield {"job": "trending topics", "workers": 2, "mwords_per_s": round(1e3 / ns[0], 2), "ns": round(ns[0], 2),
           "cpu_ns": round(ns[1], 2), "goal_mwords_per_s": 5}
