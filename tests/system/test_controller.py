# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The controller and its nodes: registration, names in use, lost nodes, summaries counted once, gaps."""
from conftest import wait_for


def test_registered_node_is_shown(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller, "edge-1")
    assert node.register().accepted
    node.start_beating()
    seen = controller.node("edge-1")
    assert (seen["state"], seen["host"], seen["pid"], seen["workers"]) == ("up", "test", 4711, 2)


def test_unregistered_heartbeat_is_told_to_register(make_controller, make_node, messages):
    node = make_node(make_controller())
    assert node.beat().code == messages.ERROR_UNREGISTERED


def test_name_in_use_is_refused_until_the_holder_is_gone(make_controller, make_node):
    controller = make_controller()
    first, second = make_node(controller), make_node(controller)
    first.register()
    first.start_beating()
    answer = second.register()
    assert not answer.accepted and "in use" in answer.reason
    first.close()  # the connection closes: no beats need to be missed
    wait_for(lambda: second.register().accepted, "the name is free")
    assert "lost" not in controller.process.err()
    assert controller.node("a")["incarnation"] == second.incarnation


def test_silent_node_is_lost_and_comes_back(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    node.summary(packets=7)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 7)
    wait_for(lambda: controller.node("a")["state"] == "lost")
    seen = controller.node("a")
    assert seen["totals"]["packets"] == 7 and seen["rates"] is None
    assert seen["unknown"]["since_ns"] > 0
    node.start_beating()
    wait_for(lambda: controller.node("a")["state"] == "up")
    assert controller.node("a")["unknown"]["duration_ns"] == 0  # the same process: it reports what it did meanwhile


def test_restarted_node_adds_up_and_shows_the_unknown_interval(make_controller, make_node):
    controller = make_controller()
    first = make_node(controller)
    first.register()
    first.summary(packets=100)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 100)
    first.close()
    second = make_node(controller)
    wait_for(lambda: second.register().accepted)
    second.summary(packets=11)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 111)
    unknown = controller.node("a")["unknown"]
    assert unknown["count"] == 1 and unknown["duration_ns"] > 0 and unknown["since_ns"] is None


def test_goodbye_leaves_nothing_unknown(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    node.goodbye()
    wait_for(lambda: controller.node("a")["state"] == "ended")
    again = make_node(controller)
    assert again.register().accepted
    assert controller.node("a")["unknown"]["count"] == 0


def test_duplicate_summaries_count_once(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    message = node.summary(packets=5)
    node.wait_ack(1)
    for _ in range(3):
        node.resend(message)
    wait_for(lambda: controller.node("a")["duplicates"] == 3)
    node.wait_ack(1)  # said again: the first acknowledgement may have been lost
    assert controller.node("a")["totals"]["packets"] == 5
    assert controller.ask("top")["totals"]["packets"] == 5


def test_gap_is_derived_and_totals_are_whole(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    for _ in range(3):
        node.summary(packets=5, send=False)
    node.summary(packets=5)
    wait_for(lambda: controller.node("a")["gaps"]["missing"] == 3)
    seen = controller.node("a")
    assert seen["gaps"]["count"] == 1 and seen["gaps"]["intervals"][0]["count"] == 3
    assert seen["totals"]["packets"] == 25  # cumulative counters know what the lost summaries held
    node.wait_ack(5)


def test_late_arrival_within_reach_is_no_gap(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    early = node.summary(packets=5, send=False)
    node.summary(packets=5)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 10)
    assert not node.has_ack()
    node.resend(early)
    node.wait_ack(2)
    seen = controller.node("a")
    assert seen["gaps"]["missing"] == 0 and seen["totals"]["packets"] == 10
    assert controller.ask("top")["totals"]["packets"] == 10


def test_replaced_process_is_not_counted_again(make_controller, make_node, redis):
    controller = make_controller(redis=redis.endpoint)
    first = make_node(controller)
    first.register()
    first.summary(packets=5)
    first.wait_ack(1)
    first.close()
    second = make_node(controller)
    wait_for(lambda: second.register().accepted)
    second.summary(packets=6)
    second.wait_ack(1)
    second.goodbye()
    wait_for(lambda: controller.node("a")["state"] == "ended")
    for _ in range(2):
        late = make_node(controller, incarnation=first.incarnation)  # had only been frozen
        answer = late.register()
        assert not answer.accepted and "taken over" in answer.reason
        controller.process.stop()
        controller.start()  # remembers it, too
    assert controller.node("a")["totals"]["packets"] == 11
