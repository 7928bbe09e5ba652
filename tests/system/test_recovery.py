# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Kill -9 of Redis, of the controller and of the node, under real traffic: the others recover by themselves,
nothing is counted twice, and the interval that can't be known is shown."""
import pytest

from conftest import ROOT, wait_for
from network import Node, network  # noqa: F401  a fixture
from test_faults import entries


@pytest.fixture
def controller(make_controller, redis, tmp_path):
    return make_controller(redis=redis.endpoint, listen=f"ipc://{tmp_path}/controller.sock",
                           alerts=ROOT / "conf" / "alerts.yaml")


@pytest.fixture
def node(network, controller):
    return Node(network, controller).start().wait_until_up()


def test_totals_are_exactly_the_packets_seen(network, controller, node):
    tries = 0

    def is_captured():
        nonlocal tries
        tries += network.ping(1)
        return node.packets() > 0

    wait_for(is_captured, "the first packets are counted")
    assert network.ping(50) == 50
    node.stop()
    recorded = node.recorded_packets()
    assert 102 <= recorded <= 100 + 2 * tries
    assert node.packets() == recorded
    assert controller.node("edge")["state"] == "ended"


def test_redis_killed_and_restarted_empty(network, controller, node, redis):
    sender = network.send_datagrams()
    node.wait_for_more()
    redis.kill()
    node.wait_for_more()  # the controller goes on from memory
    wait_for(lambda: controller.ask("status")["redis"]["state"] == "away", "the loss is noticed")
    redis.start()
    wait_for(lambda: controller.ask("status")["redis"]["state"] == "connected", "Redis is taken up again")
    wait_for(lambda: redis.run("DBSIZE") != "0", "the state is written again")
    node.wait_for_more()
    node.end_and_compare(sender)
    assert controller.node("edge")["unknown"]["count"] == 0


def test_controller_and_redis_killed_together(network, controller, node, redis):
    sender = network.send_datagrams()
    node.wait_for_more()
    controller.kill()
    redis.kill()
    redis.start()
    controller.start()
    wait_for(lambda: controller.node("edge").get("state") == "up", "the node is back")
    node.wait_for_more()
    node.end_and_compare(sender)  # the node's own sums are cumulative: nothing was lost with Redis


def test_node_killed_and_restarted(network, controller, node, redis):
    sender = network.send_datagrams()
    node.wait_for_more()
    node.process.kill()
    wait_for(lambda: controller.node("edge")["state"] == "lost", "the node is lost")
    lost = controller.node("edge")
    assert lost["rates"] is None  # not an old figure
    assert lost["unknown"]["since_ns"] > 0
    reported = node.packets()
    key = "weir:1:node:edge:history"
    before = entries(redis, key)[-1]
    wait_for(lambda: [fields.get("nodes_up") for _, fields in entries(redis, "weir:1:history")][-2:] == ["0", "0"],
             "two seconds without it")
    assert entries(redis, key)[-1] == before, "no figure is invented for it"
    node.start().wait_until_up()
    wait_for(lambda: node.packets() > reported, "the new incarnation is counted")
    sender.kill()
    node.stop()
    recorded = node.recorded_packets()
    wait_for(lambda: node.packets() >= reported + recorded, "the last summaries are in")
    assert node.packets() == reported + recorded
    seen = controller.node("edge")
    assert seen["incarnations"] == 2
    assert seen["unknown"]["count"] == 1 and seen["unknown"]["duration_ns"] > 0
    after = next(ms for ms, _ in entries(redis, key) if ms > before[0])
    assert after - before[0] > 2000, "the gap is a gap"


def test_controller_absent_at_start(network, make_controller, tmp_path):
    controller = make_controller(start=False, listen=f"ipc://{tmp_path}/controller.sock")
    node = Node(network, controller).start()
    sender = network.send_datagrams()
    wait_for(lambda: node.process.is_running() and node.sink.exists(), "the node runs without a controller")
    controller.start()
    node.wait_until_up()
    node.wait_for_more()
    node.end_and_compare(sender)


def test_second_node_of_the_name_is_refused(network, controller, node):
    second = Node(network, controller)
    second.starts = 10
    second.start()
    wait_for(lambda: "in use" in second.process.err(), "the second node is told")
    assert controller.node("edge")["pid"] == node.process.pid
    assert node.process.is_running()
