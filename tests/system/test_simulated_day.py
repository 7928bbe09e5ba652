# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A long time with many alerts, in little: the controller's clocks run many times faster, and its node's with them. The
memory of controller and Redis stays flat. WEIR_DAY_HOURS, WEIR_DAY_SPEED and WEIR_DAY_ALERTS (an hour) make it longer:
scripts/soak."""
import json
import os
import pathlib
import sys
import time

from clock import Clock
from conftest import wait_for

HOURS = float(os.environ.get("WEIR_DAY_HOURS", "0.25"))
SPEED = int(os.environ.get("WEIR_DAY_SPEED", "60"))
ALERTS_PER_HOUR = float(os.environ.get("WEIR_DAY_ALERTS", "3600"))

RULES = """
rules:
  - {name: loud, over: hosts, field: sent_bytes, aggregate: sum, window: 30s, threshold: 1M, hold_down: 0s}
"""
# Bounds that are reached within a third of the time.
CONFIG = "redis_timeout: 60s\nhistory_length: 100\nhistory_minutes: 5\nhistory_hours: 2\nwindows: [30s]\n"


def resident_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.split("\n") if line.startswith("VmRSS")))


class Day:
    """A controller whose time runs SPEED times as fast as ours, and a node of the same time."""

    def __init__(self, controller, redis, node):
        self.controller, self.redis, self.node = controller, redis, node
        node.register()
        # Its ZeroMQ gives a connection 30 s of its own time to shake hands: on a busy machine that may be too short.
        answer = wait_for(lambda: controller.ctl("--json", "status").stdout, "an answer")
        self.ours_ns = time.monotonic_ns()
        self.theirs_ns = json.loads(answer)["controller"]["now_ns"]
        self.alerts = 0

    def now_ns(self):
        return self.theirs_ns + int(SPEED * (time.monotonic_ns() - self.ours_ns))

    def second(self):
        """The node's next second: one host is loud in as many of them as there shall be alerts."""
        is_loud = self.node.sequence * ALERTS_PER_HOUR / 3600 >= self.alerts
        number = self.alerts % (1 << 24)
        self.alerts += is_loud
        self.node.beat()
        ip = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self.node.summary(end_ns=self.now_ns(), hosts=[self.node.host(ip, sent_bytes=2_000_000)] if is_loud else [])
        while self.node.has_ack():
            self.node.summaries.recv()

    def run_until(self, hours):
        """Go on to so many hours after the beginning."""
        while (passed_s := SPEED * (time.monotonic_ns() - self.ours_ns) / 1e9) < 3600 * hours:
            behind_s = passed_s - self.node.sequence
            if behind_s > 0:
                self.second()
            else:
                time.sleep(-behind_s / SPEED)

    def memory_kb(self):
        redis = self.redis.run("INFO", "memory").split("used_memory:")[1].split()[0]
        return resident_kb(self.controller.process.pid), int(redis) // 1024

    def progress(self, hours):
        kb = self.memory_kb()
        print(f"simulated {hours:5.2f} of {HOURS:g} h, {self.alerts} alerts: controller {kb[0]} kB, Redis {kb[1]} kB",
              file=sys.stderr, flush=True)
        return kb


def test_memory_is_flat(tmp_path, redis, make_controller, make_node):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "controller.yaml").write_text(CONFIG)
    controller = make_controller(redis=redis.endpoint, alerts=tmp_path / "rules.yaml",
                                 config=tmp_path / "controller.yaml", start=False)
    controller.arguments = Clock(tmp_path, speed=SPEED).wrap(controller.arguments)
    day = Day(controller.start(), redis, make_node(controller))
    steps = max(6, int(HOURS * 2))
    kb = []
    for step in range(1, steps + 1):
        day.run_until(HOURS * step / steps)
        kb.append(day.progress(HOURS * step / steps))
    # Of the last two thirds, when all bounds are reached: what the second half has more than the first.
    kept = kb[steps // 3:]
    for index, name in enumerate(("controller", "redis")):
        halves = [max(values[index] for values in half)
                  for half in (kept[:len(kept) // 2], kept[len(kept) // 2:])]
        assert halves[1] <= 1.1 * halves[0] + 512, f"{name}: {[values[index] for values in kb]} kB"
    wait_for(lambda: int(redis.run("XLEN", "weir:1:alerts:history")) > 0)
    assert int(redis.run("XLEN", "weir:1:alerts:history")) <= 1100
    assert int(redis.run("XLEN", "weir:1:history")) <= 200
    started = controller.process.err().count(" started: ")
    assert started >= 0.5 * ALERTS_PER_HOUR * HOURS, f"{started} alerts of {day.alerts}"
