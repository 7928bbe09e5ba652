# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Nodes that had to make room (nodes_max): what they reported counts once, whoever restarts and whoever comes back."""
import json
import signal

from conftest import wait_for
from test_redis_document import described_fields, flatten


def nodes_max(folder, number):
    path = folder / "controller.yaml"
    path.write_text(f"nodes_max: {number}")
    return path


def let_depart(controller, redis, make_node):
    """n0 reports 9 packets and makes room for n2; returns it."""
    nodes = [make_node(controller, f"n{i}") for i in range(3)]
    for node in nodes[:2]:
        assert node.register().accepted
    nodes[0].summary(packets=9)
    nodes[0].wait_ack(1)
    nodes[0].goodbye()
    wait_for(lambda: nodes[2].register().accepted)
    wait_for(lambda: redis.hash("weir:1:total").get("departed.nodes") == "1", "the departure is stored")
    return nodes[0]


def packets(controller):
    return controller.ask("status")["totals"]["packets"]


def test_who_comes_back_after_a_restart_counts_once(make_controller, redis, make_node, tmp_path):
    controller = make_controller(redis=redis.endpoint, config=nodes_max(tmp_path, 2))
    back = let_depart(controller, redis, make_node)
    stored, = (json.loads(value) for value in redis.hash("weir:1:departed").values())
    assert stored.pop("series")["p/report/0"]["cumulative"]["packets"] == 9
    assert flatten(stored) | {"series"} == described_fields()["weir:1:departed"]

    for restart in range(2):
        controller.kill()
        controller.start()
        assert packets(controller) == 9
    back.epoch = controller.ask("status")["controller"]["epoch"] - 1
    wait_for(lambda: back.register().accepted)
    back.summary(packets=4)
    back.wait_ack(2)
    seen = controller.node("n0")
    assert seen["totals"]["packets"] == 13 and seen["gaps"]["missing"] == 0 and seen["incarnations"] == 1
    assert packets(controller) == 13
    wait_for(lambda: redis.hash("weir:1:total")["departed.packets"] == "0", "its share is its own again")
    assert redis.hash("weir:1:total")["packets"] == "13"
    left, = redis.hash("weir:1:departed")
    assert left.split("/")[0] in ("n1", "n2")


def test_who_comes_back_before_redis_counts_once(make_controller, redis, make_node, tmp_path):
    controller = make_controller(redis=redis.endpoint, config=nodes_max(tmp_path, 2))
    back = let_depart(controller, redis, make_node)
    controller.kill()
    redis.process.child.send_signal(signal.SIGSTOP)
    controller.start()
    back.epoch = 1
    assert back.register().accepted
    back.summary(packets=4)
    wait_for(lambda: controller.node("n0")["totals"]["packets"] == 13)
    redis.process.child.send_signal(signal.SIGCONT)
    back.wait_ack(2)
    assert controller.node("n0")["totals"]["packets"] == packets(controller) == 13
    assert redis.hash("weir:1:total")["packets"] == "13"


def test_a_lesser_nodes_max_takes_nothing_from_the_sums(make_controller, redis, make_node, tmp_path):
    config = nodes_max(tmp_path, 3)
    controller = make_controller(redis=redis.endpoint, config=config)
    nodes = [make_node(controller, f"n{i}") for i in range(3)]
    for node in nodes:
        node.register()
        node.summary(packets=5)
        node.wait_ack(1)
    controller.kill()
    nodes_max(tmp_path, 1)
    controller.start()
    assert packets(controller) == 15
    assert controller.ask("status")["departed_nodes"] == 2


def test_an_emptied_redis_has_the_books_again(make_controller, redis, make_node, tmp_path):
    controller = make_controller(redis=redis.endpoint, config=nodes_max(tmp_path, 2))
    let_depart(controller, redis, make_node)
    redis.run("FLUSHALL")
    wait_for(lambda: redis.hash("weir:1:departed"), "they are written again")
