# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Lists over several nodes: what they miss is bounded, what two nodes saw is there once, and everything adds up."""
import json

from conftest import wait_for


def adds_up(answer, ends=1):
    listed = sum(entry["packets"] for entry in answer["entries"])
    repeated = answer.get("repeated", {"packets": 0})["packets"]
    return listed + answer["rest"]["packets"] + repeated == ends * answer["totals"]["packets"]


def test_errors_are_what_nodes_may_have_left_out(controller, make_node, messages):
    a, b = make_node(controller, "a"), make_node(controller, "b")
    for node in (a, b):
        node.register()
        node.start_beating()
    a.summary(packets=30, size=1500, flows=[a.flow("10.0.0.1", "10.0.0.2", size=1000, packets=10)],
              flows_rest=messages.Remainder(count=9, packets=20, bytes=500, greatest_bytes=50))
    b.summary(packets=30, size=2500, flows=[b.flow("10.0.0.3", "10.0.0.4", size=2000, packets=10)],
              flows_rest=messages.Remainder(count=30, packets=20, bytes=500, greatest_bytes=80))
    for node in (a, b):
        node.wait_ack(1)
    top = controller.ask("top", "flows", "--window", 60)
    assert not top["exact"] and adds_up(top)
    # b may have left out 80 bytes of a's flow, a 50 of b's; each told all of its own.
    assert [(entry["bytes"], entry["error"]) for entry in top["entries"]] == [(2000, 50), (1000, 80)]
    assert top["error"] == 80
    alone = controller.ask("top", "flows", "--window", 60, "--node", "a")
    assert "error" not in alone["entries"][0] and not alone["exact"]
    assert "these are exact" in controller.ctl("top", "flows", "--window", 60, "--node", "a").stdout
    # Where nothing is left out there is no error.
    a.summary(packets=10, size=1000, hosts=[a.host("10.0.0.1", sent_packets=10, sent_bytes=1000),
                                            a.host("10.0.0.2", received_packets=10, received_bytes=1000)])
    a.wait_ack(2)
    assert controller.ask("top", "hosts", "--window", 60)["exact"]
    assert "too low by" in controller.ctl("top", "flows", "--window", 60).stdout


def test_a_flow_that_two_nodes_see_is_listed_once(controller, make_node, redis):
    a, b = make_node(controller, "a"), make_node(controller, "b")
    for node in (a, b):
        node.register()
        node.start_beating()
    shared, own = a.flow("10.0.0.1", "10.0.0.2", size=1000), b.flow("10.0.0.3", "10.0.0.4", size=400, packets=4)
    shared.total_fwd_packets = 10
    a.summary(packets=10, size=1000, flows=[shared])
    a.wait_ack(1)
    seen_later = type(shared)()
    seen_later.CopyFrom(shared)
    seen_later.start_ns += 7_000_000
    seen_later.total_fwd_packets = 9
    b.summary(packets=14, size=1400, flows=[seen_later, own])
    b.wait_ack(1)
    top = controller.ask("top", "flows", "--window", 60)
    assert {entry["src_ip"]: entry["bytes"] for entry in top["entries"]} == {"10.0.0.1": 1000, "10.0.0.3": 400}
    assert top["repeated"] == {"packets": 10, "bytes": 1000} and adds_up(top)
    # Each node by itself saw it, and sums are what nodes count.
    assert len(controller.ask("top", "flows", "--window", 60, "--node", "b")["entries"]) == 2
    status = controller.ask("status")
    assert status["totals"]["packets"] == 24 and status["repeated"]["packets"] == 10
    paths = wait_for(lambda: json.loads(redis.run("GET", "weir:1:paths") or "{}").get("flows"), "paths in Redis")
    assert [(flow["from_node"], flow["to_node"], flow["delay_ns"]) for flow in paths] == [("a", "b", 7_000_000)]


def test_applications(controller, make_node, messages, redis):
    node = make_node(controller)
    node.register()
    applications = [messages.ApplicationDelta(name="TLS.Example", packets=6, bytes=600, flows=1),
                    messages.ApplicationDelta(name="DNS", packets=1, bytes=100, flows=1)]
    for _ in range(2):
        node.summary(packets=10, size=1000, applications=applications,
                     applications_rest=messages.Remainder(packets=3, bytes=300))
    node.wait_ack(2)
    top = controller.ask("top", "applications", "--window", 60)
    assert [(entry["application"], entry["bytes"], entry["flows"]) for entry in top["entries"]] == [
        ("TLS.Example", 1200, 2), ("DNS", 200, 2)]
    assert top["rest"]["bytes"] == 600 and adds_up(top)
    assert "TLS.Example" in controller.ctl("top", "applications", "--window", 60).stdout
    wait_for(lambda: "TLS.Example" in redis.run("GET", "weir:1:top:applications:60"), "applications in Redis")


def test_names_and_histograms_that_are_none(controller, make_node, messages):
    node = make_node(controller)
    node.register()
    node.summary(packets=10, size=1000, applications=[messages.ApplicationDelta(name="", packets=5, bytes=500),
                                                      messages.ApplicationDelta(name="a\x1b[2J", packets=5, bytes=500)],
                 tcp_prefixes=[messages.TcpPrefixDelta(prefix=b"\x0a\0\0", length=24, packets=1),
                               messages.TcpPrefixDelta(prefix=b"\x0a\0\0\0", length=77, packets=1),
                               messages.TcpPrefixDelta(prefix=b"\x0a\0\1\0", length=24, packets=2, rtt=b"\xff" * 40)],
                 rtt=b"\x04", handshake=b"\x09\x00\x01")
    node.wait_ack(1)
    top = controller.ask("top", "applications", "--window", 60)
    assert [entry["application"] for entry in top["entries"]] == ["a?[2J"] and top["rest"]["packets"] == 5
    health = controller.ask("tcp", "--window", 60)
    assert health["rtt"]["samples"] == 0 and health["rtt"]["p50_ns"] is None and health["handshake"]["samples"] == 0
    assert [(entry["prefix"], entry["samples"]) for entry in health["prefixes"]] == [("10.0.1.0/24", 0)]
