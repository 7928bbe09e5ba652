# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A wall clock that is set by an hour, either way, while the controller or a node runs: it is reported, nothing is
counted twice or alerted, and histories keep ids that go forward and times that are true."""
import json
import time

import pytest
from clock import Clock
from conftest import ROOT, wait_for
from network import Network, Node, unique_name

HOUR_S = 3600


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def entries(redis, key="weir:1:history"):
    """[(id in ms, end of the interval in ms, fields)]; a history's gaps are left out."""
    result = []
    for entry_id, words in json.loads(redis.run("--json", "XRANGE", key, "-", "+")):
        fields = dict(zip(words[::2], words[1::2]))
        id_ms = int(entry_id.split("-")[0])
        if "gap_from_ms" not in fields:
            result.append((id_ms, int(fields.get("time_ms", id_ms)), fields))
    return result


def wait_for_entries(redis, more, key="weir:1:history"):
    before = len(entries(redis, key))
    wait_for(lambda: len(entries(redis, key)) >= before + more, f"{more} more entries of {key}")


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_clock_of_the_controller(tmp_path, make_controller, make_node, redis, clock, step_s):
    controller = make_controller(redis=redis.endpoint, alerts=ROOT / "conf/alerts.yaml", start=False)
    controller.arguments = clock.wrap(controller.arguments)
    controller.start()
    node = make_node(controller)
    node.register()
    node.start_beating()

    def go_on(summaries):
        for _ in range(summaries):
            node.summary(packets=10)
            node.wait_ack(node.sequence)

    go_on(2)
    wait_for_entries(redis, 1, "weir:1:node:a:history")
    clock.set_ahead(step_s)
    wait_for(lambda: "the clock was set" in controller.process.err(), "the step is reported")
    go_on(3)
    for key in ("weir:1:history", "weir:1:node:a:history"):
        wait_for_entries(redis, 2, key)
    clock.set_ahead(0)
    wait_for(lambda: controller.ask("status")["controller"]["clock_steps"] == 2)
    go_on(2)
    for key in ("weir:1:history", "weir:1:node:a:history"):
        wait_for_entries(redis, 2, key)
        seen = entries(redis, key)
        ids = [id_ms for id_ms, _, _ in seen]
        assert ids == sorted(set(ids))
        packets = [int(fields["packets"]) for _, _, fields in seen]
        assert packets == sorted(packets)
        times = [time_ms for _, time_ms, _ in seen]
        steps_s = [round((b - a) / 1000) for a, b in zip(times, times[1:]) if not 0 < b - a < 60000]
        assert len(steps_s) == 2 and all(abs(abs(s) - HOUR_S) < 60 for s in steps_s) and steps_s[0] * step_s > 0, times
    seen = controller.node("a")
    assert seen["state"] == "up" and seen["totals"]["packets"] == 70
    assert seen["gaps"]["missing"] == 0 and seen["unknown"]["count"] == 0 and seen["duplicates"] == 0
    assert controller.ask("alerts", "--all")["history"] == []
    assert "is lost" not in controller.process.err()


def test_restart_after_the_clock_was_set_back(make_controller, make_node, redis, clock):
    """The history of the hour that is to come is there already: ids go on behind it."""
    clock.set_ahead(HOUR_S)
    controller = make_controller(redis=redis.endpoint, start=False)
    controller.arguments = clock.wrap(controller.arguments)
    controller.start()
    wait_for_entries(redis, 2)
    controller.kill()
    clock.set_ahead(0)
    ahead = entries(redis)
    controller.start()
    wait_for_entries(redis, 2)
    new = entries(redis)[len(ahead):]
    assert [id_ms for id_ms, _, _ in new] == [ahead[-1][0] + 1 + i for i in range(len(new))]
    assert all(ahead[-1][0] - time_ms > 3000 * 1000 for _, time_ms, _ in new)


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_time_of_a_node(controller, make_node, redis, step_s):
    """The time in its summaries steps: what it sends is shown again a few seconds later, and all of it is counted."""
    node = make_node(controller)
    node.register()
    node.start_beating()

    def rate():
        return (controller.node("a").get("rates") or {}).get("packets_per_s", 0)

    def is_shown(ahead_s):
        node.summary(packets=1000, end_ns=time.time_ns() + ahead_s * 10**9)
        time.sleep(0.25)  # a node's pace, four times over
        return rate() > 0

    wait_for(lambda: is_shown(0), "traffic is shown")
    seen = entries(redis)[-1][0]
    wait_for(lambda: rate() == 0, "the window is empty")
    wait_for(lambda: is_shown(step_s), "traffic is shown again")
    assert entries(redis)[-1][0] - seen < 60000
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 1000 * node.sequence, "all of it is counted")
    assert controller.node("a")["gaps"]["missing"] == 0


def test_clock_of_a_node(tmp_path, make_controller, redis, clock):
    """Its packets' time stamps are the kernel's, all other time is set back. Its traffic is shown again a few seconds
    after the step, and nothing of it is lost."""
    controller = make_controller(redis=redis.endpoint, listen=f"ipc://{tmp_path}/controller.sock",
                                 alerts=ROOT / "conf/alerts.yaml")
    network = Network(tmp_path, unique_name())
    try:
        network.up()
        node = Node(network, controller)
        node.before = clock.wrap([])
        node.start().wait_until_up()
        sender = network.send_datagrams()

        def rate():
            return (controller.node("edge").get("rates") or {}).get("packets_per_s", 0)

        wait_for(lambda: rate() > 100, "traffic is shown")
        clock.set_ahead(-HOUR_S)
        before = controller.node("edge")["totals"]["packets"]
        wait_for(lambda: controller.node("edge")["totals"]["packets"] > before + 3500,
                 "the total goes on, for longer than rates are over")
        wait_for(lambda: rate() > 100, "traffic is shown again")
        assert controller.ask("top", "flows", "--window", "10")["entries"]
        sender.kill()
        node.stop()
        recorded = node.recorded_packets()
        wait_for(lambda: controller.node("edge")["totals"]["packets"] >= recorded, "the last summaries are in")
        assert controller.node("edge")["totals"]["packets"] == recorded
        assert controller.node("edge")["gaps"]["missing"] == 0
        started = [a["alert"]["rule"] for a in controller.ask("alerts", "--all")["history"] if a["event"] == "start"]
        assert started in ([], ["node_lost"]), started
    finally:
        network.down()
