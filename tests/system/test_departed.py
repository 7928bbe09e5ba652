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


def crowd_out(controller, make_node, count=257):
    """So many nodes come and go, one after the other, that the books of all before them are gone."""
    crowd = make_node(controller, "crowd")
    for number in range(count):
        crowd.name, crowd.incarnation = f"crowd-{number}", crowd.incarnation + 1
        assert crowd.register().accepted
        crowd.goodbye()


def test_who_comes_back_when_its_books_are_gone_counts_once(make_controller, redis, make_node, tmp_path):
    controller = make_controller(redis=redis.endpoint, config=nodes_max(tmp_path, 1))
    back, fresh = make_node(controller, "n0"), make_node(controller, "n0")
    assert back.register().accepted
    back.summary(packets=9)
    back.wait_ack(1)
    back.goodbye()
    crowd_out(controller, make_node)
    back.epoch = 1
    assert "restart it" in back.register().reason
    assert packets(controller) == 9
    wait_for(lambda: redis.hash("weir:1:total").get("departed.forgotten_ns") == str(back.incarnation), "it is stored")

    for is_redis_late in (False, True):
        controller.kill()
        if is_redis_late:
            redis.process.child.send_signal(signal.SIGSTOP)
        controller.start()
        back.epoch = 1
        if is_redis_late:
            assert back.register().accepted
            back.summary(packets=4)
            wait_for(lambda: packets(controller) == 13, "who it is, Redis alone knows")
            redis.process.child.send_signal(signal.SIGCONT)
            wait_for(lambda: getattr(back.beat(), "code", 0) == back.pb.ERROR_UNREGISTERED, "it has to register again")
        wait_for(lambda: not back.register().accepted)
        assert packets(controller) == 9

    fresh.incarnation = back.incarnation + 1
    wait_for(lambda: fresh.register().accepted, "a new process is welcome")
    fresh.summary(packets=5)
    fresh.wait_ack(1)
    assert packets(controller) == 14 and redis.hash("weir:1:total")["packets"] == "14"


def test_a_predecessor_of_long_ago_counts_once(make_controller, make_node):
    controller = make_controller()
    nodes = [make_node(controller) for _ in range(11)]
    for number, node in enumerate(nodes):
        node.incarnation = nodes[0].incarnation + number
        assert node.register().accepted
        node.summary(packets=3)
        node.wait_ack(1)
        node.goodbye()
        wait_for(lambda: controller.node("a")["state"] == "ended")
    for node in nodes[:-1]:
        node.epoch = 1
        assert "restart" in node.register().reason
    assert packets(controller) == 33
    nodes[-1].epoch = 1
    assert nodes[-1].register().accepted


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
