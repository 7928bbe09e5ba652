# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""End-to-end latency as the controller shows it: which instances have it, of how many tuples, and that it counts from
when tuples were due rather than from when a late worker came to them."""
import re
import signal

import pytest

from conftest import wait_for
from node import Node

STALL_NS = 100_000_000
PIPELINE = """
pipeline: timed
operators:
  - {name: source, type: generate, rate: 20000, fields: [at time, user u64 uniform 1 100, size u32 uniform 1 100]}
  - {name: small,  type: filter, where: size <= 50}
  - {name: bytes,  type: window, time: at, key: [user], size: 100ms, compute: [total = sum(size)]}
  - {name: sums,   type: 'null'}
  - {name: each,   type: 'null'}
streams:
  - {from: source, to: small}
  - {from: small,  to: bytes}
  - {from: bytes,  to: sums}
  - {from: small,  to: each}
"""


def test_latency_of_what_ends(make_controller, tmp_path):
    config = tmp_path / "timed.yaml"
    config.write_text(PIPELINE)
    controller = make_controller()
    node = Node(tmp_path, ["--node", "edge", "--controller", controller.endpoint, "--config", config], eal=("-l", "0"))

    def latencies():
        (edge,) = controller.ask("operators")["nodes"] or ({"operators": ()},)
        whole = {one["pipeline"]: one["latency"] for one in edge.get("pipelines") or ()}
        return {one["operator"]: one["latency"] for one in edge["operators"] or ()} | whole

    def is_measured():
        found = latencies()
        return all(found.get(name) for name in ("bytes", "sums", "each"))

    def has_seen_the_stall():
        node.process.child.send_signal(signal.SIGSTOP)
        stopped = clock_ns()
        wait_for(lambda: clock_ns() >= stopped + 6 * STALL_NS)
        node.process.child.send_signal(signal.SIGCONT)
        wait_for(is_measured, "what came after the stall is known")
        return latencies()["each"]["max_ns"] >= STALL_NS

    def clock_ns():
        with open("/proc/uptime", encoding="ascii") as file:
            return int(float(file.read().split()[0]) * 1e9)

    try:
        wait_for(is_measured, "the latency of what ends")
        found = latencies()
        assert found["source"] is None and found["small"] is None  # no tuple ends there
        # Half of 20,000 in about a second; the two are not read at the same time.
        assert found["each"]["tuples"] > 1000
        assert found["bytes"]["tuples"] == pytest.approx(found["each"]["tuples"], rel=0.5)
        assert found["sums"]["tuples"] <= 100 * 30
        for name in ("bytes", "sums", "each"):
            assert 0 < found[name]["p50_ns"] <= found[name]["p99_ns"] <= found[name]["max_ns"]
        assert found["timed"]["tuples"] == sum(found[name]["tuples"] for name in ("bytes", "sums", "each"))
        assert found["timed"]["max_ns"] == max(found[name]["max_ns"] for name in ("bytes", "sums", "each"))
        assert " LATENCY P50 " in controller.ctl("operators").stdout
        wait_for(lambda: re.search(r"timed +5 +5( +[0-9.]+ [µn]?m?s){3}", controller.ctl("list").stdout), "list has it")
        wait_for(has_seen_the_stall, "tuples that a stop of the process kept waiting")
    finally:
        node.close()
