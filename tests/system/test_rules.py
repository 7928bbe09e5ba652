# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Rules of each kind fire on what they are for; what they learnt survives; storms are bounded and gaps are no news."""
import ipaddress
import json
import re

import pytest
from conftest import ROOT, wait_for


@pytest.fixture
def start(make_controller, make_node, tmp_path):
    """start("rule", …): a controller with these rules and a node that beats."""
    def make(*rules, **arguments):
        path = tmp_path / "rules.yaml"
        path.write_text("rules:\n" + "".join(f"- {{{rule}}}\n" for rule in rules))
        controller = make_controller(alerts=path, **arguments)
        node = make_node(controller)
        node.register()
        node.start_beating()
        return controller, node
    return make


def active(controller):
    return {(a["rule"], a["subject"]): a["value"] for a in controller.ask("alerts")["active"]}


def tcp_prefix(node, prefix, packets, retransmitted, rtt=b""):
    network = ipaddress.ip_network(prefix)
    return node.pb.TcpPrefixDelta(prefix=network.network_address.packed, length=network.prefixlen, packets=packets,
                                  retransmitted_packets=retransmitted, rtt=rtt)


def times(bucket, count):
    """A packed histogram (api/histogram.h) with all samples in one of the 416 buckets."""
    def varint(value):
        return bytes([value & 0x7f | 0x80]) + varint(value >> 7) if value > 0x7f else bytes([value])
    return bytes([4]) + varint(bucket) + varint(count)


def test_tcp_health_of_prefixes(start):
    controller, node = start(
        "name: loss, over: prefixes, field: retransmitted_packets, of: packets, aggregate: ratio, threshold: 0.1,"
        " minimum: 100, window: 60s",
        "name: slow, over: prefixes, field: rtt_ms, aggregate: percentile, percentile: 95, threshold: 200,"
        " minimum: 50, window: 60s",
        "name: slow_all, over: total, field: rtt_ms, aggregate: percentile, percentile: 50, threshold: 200,"
        " window: 60s",
        "name: here, over: prefixes, field: rtt_ms, aggregate: percentile, threshold: 200, window: 60s,"
        " only: {prefix: 10.3.0.0/16}")
    slow, fast = times(300, 200), times(100, 200)  # about 470 ms, 80 us
    node.summary(rtt=slow, tcp_prefixes=[
        tcp_prefix(node, "10.1.0.0/24", 1000, 200, fast), tcp_prefix(node, "10.2.0.0/24", 1000, 50, slow),
        tcp_prefix(node, "10.3.0.0/24", 50, 40, times(300, 49)), tcp_prefix(node, "2001:db8::/48", 400, 40, fast)])
    wait_for(lambda: len(active(controller)) == 5, "all that should fire")
    found = active(controller)
    assert found[("loss", "10.1.0.0/24")] == pytest.approx(0.2)
    assert found[("loss", "2001:db8::/48")] == pytest.approx(0.1)
    assert set(found) == {("loss", "10.1.0.0/24"), ("loss", "2001:db8::/48"), ("slow", "10.2.0.0/24"),
                          ("slow_all", "all"), ("here", "10.3.0.0/24")}
    assert 440 < found[("slow", "10.2.0.0/24")] < 500


def test_filters_counts_and_percentiles_of_entries(start):
    controller, node = start(
        "name: web, over: flows, field: bytes, aggregate: sum, threshold: 1, window: 60s,"
        " only: {port: 443, protocol: tcp, prefix: 10.0.0.0/30}",
        "name: elsewhere, over: flows, field: bytes, aggregate: sum, threshold: 1, window: 60s, only: {node: b}",
        "name: many, over: flows, field: bytes, aggregate: count, minimum: 300, threshold: 3, window: 60s",
        "name: median, over: flows, field: bytes, aggregate: percentile, percentile: 50, threshold: 300, window: 60s",
        "name: high, over: flows, field: bytes, aggregate: percentile, percentile: 50, threshold: 301, window: 60s")
    node.summary(flows=[node.flow(f"10.0.0.{i}", "192.0.2.1", size=100 * i, port=443 if i < 3 else 80)
                        for i in range(1, 6)])
    wait_for(lambda: ("many", "all") in active(controller))
    assert active(controller) == {
        ("web", "tcp 10.0.0.1:40000 > 192.0.2.1:443"): 100, ("web", "tcp 10.0.0.2:40000 > 192.0.2.1:443"): 200,
        ("many", "all"): 3, ("median", "all"): 300}


def test_a_storm_is_bounded_to_the_greatest(start):
    controller, node = start(
        "name: big, over: hosts, field: bytes, aggregate: sum, threshold: 1, window: 60s, at_most: 5")
    node.summary(hosts=[node.host(f"10.0.0.{i}", sent_packets=1, sent_bytes=i) for i in range(1, 51)])
    wait_for(lambda: active(controller))
    assert {subject for _, subject in active(controller)} == {f"10.0.0.{i}" for i in range(46, 51)}
    answer = controller.ask("alerts")
    assert answer["suppressed"] == [{"rule": "big", "at_most": 5, "now": 45, "ever": 45}]
    assert "rule big: 45 subjects now and 45 ever without an alert: at most 5" in controller.ctl("alerts").stdout
    assert controller.process.err().count("alert ") == 5 and "more than 5 alerts" in controller.process.err()


def test_low_is_not_what_is_not_known(start):
    controller, node = start("name: low, over: node, field: packets, aggregate: sum, below: 5, window: 2s")
    looked = wait_for(lambda: controller.ask("status")["nodes"])  # a node that has reported nothing
    assert looked and not active(controller)
    second = 1000
    for _ in range(20):
        second += 1
        node.summary(packets=100, end_ns=second * 10**9)
    second += 10  # a gap: nothing is known of these seconds
    for _ in range(3):
        second += 1
        node.summary(packets=100, end_ns=second * 10**9)
    node.wait_ack(23)
    assert not controller.ask("alerts", "--all")["history"]
    for _ in range(6):
        second += 1
        node.summary(packets=1, end_ns=second * 10**9)
    node.wait_ack(29)
    events = wait_for(lambda: controller.ask("alerts", "--all")["history"], "what is low is seen")
    assert events[-1]["alert"]["value"] == 2


def report(node, seconds, packets):
    for second in seconds:
        node.summary(packets=packets, end_ns=second * 10**9)
    node.wait_ack(node.sequence)


def test_what_was_learnt_survives_the_controller(start, redis):
    rule = "name: odd, over: node, field: packets, aggregate: deviation, window: 1s, baseline: 60s, threshold: 8"
    controller, node = start(rule, redis=redis.endpoint)
    report(node, range(1000, 1200), 100)
    stored = json.loads(wait_for(lambda: redis.hash("weir:1:baselines").get("odd/a"), "what was learnt is stored"))
    assert set(stored) == {"rule", "subject", "measure", "bins", "bin", "length", "window", "samples", "sum"}
    assert stored["bins"][-1] == 100
    assert not controller.ask("alerts", "--all")["history"]
    controller.kill()
    controller.start()
    wait_for(lambda: node.beat().__class__.__name__ == "HeartbeatReply", "the node is back")
    report(node, range(1200, 1210), 100)
    report(node, range(1210, 1215), 5000)
    event = wait_for(lambda: controller.ask("alerts", "--all")["history"], "the deviation is seen")[-1]
    # A standard deviation of a tenth of the median, 10: 4900 above it.
    assert (event["alert"]["rule"], event["alert"]["subject"], event["alert"]["value"]) == ("odd", "a", 490)


def test_applications_by_name(start):
    controller, node = start(
        "name: sharing, over: applications, field: bytes, aggregate: sum, threshold: 500, window: 60s,"
        " only: {application: [BitTorrent, '*.BitTorrent']}",
        "name: web, over: applications, field: bytes, aggregate: sum, threshold: 1, window: 60s,"
        " only: {application: TLS.*}")
    node.summary(applications=[node.pb.ApplicationDelta(name=name, packets=1, bytes=size, flows=1) for name, size in (
        ("TLS.Google", 900), ("TLS", 700), ("BitTorrent", 600), ("UDP.BitTorrent", 400), ("DNS", 300))])
    wait_for(lambda: len(active(controller)) == 2, "one of each rule")
    assert active(controller) == {("sharing", "BitTorrent"): 600, ("web", "TLS.Google"): 900}


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/alerts.md").read_text(), re.S))
def test_examples_of_the_document_are_taken(make_controller, tmp_path, example):
    path = tmp_path / "rules.yaml"
    path.write_text(example)
    make_controller(alerts=path)


def test_a_node_that_loses(start, messages):
    controller, node = start(
        "name: outside, over: node, field: lost_outside, of: packets, aggregate: ratio, threshold: 0.5, window: 60s",
        "name: dropped, over: total, field: dropped, aggregate: sum, threshold: 8, window: 60s",
        "name: none, over: node, field: dropped, aggregate: sum, threshold: 9, window: 60s")

    def lose(dropped, outside):
        node.beat(instances=[messages.InstanceCounters(
            pipeline="p", operator="o", lost_outside=outside, drops=[messages.Named(name="full", value=dropped)])])

    node.summary(packets=100)
    lose(0, 0)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 100)
    assert active(controller) == {}
    lose(8, 60)
    wait_for(lambda: len(active(controller)) == 2, "both that should fire")
    assert active(controller) == {("outside", "a"): 0.6, ("dropped", "all"): 8}


def test_a_condition_must_last(start):
    controller, node = start(
        "name: brief, over: hosts, field: bytes, aggregate: sum, threshold: 1, window: 1s, for: 1min",
        "name: lasting, over: hosts, field: bytes, aggregate: sum, threshold: 1, window: 60s, for: 2s")
    node.summary(hosts=[node.host("10.0.0.1", sent_packets=1, sent_bytes=5)])
    wait_for(lambda: active(controller))
    assert set(active(controller)) == {("lasting", "10.0.0.1")}


def test_an_alert_commands_a_node(make_controller, make_node, redis, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("actions: [{name: tell, type: command, node: subject, command: log, value: too much, on: start}]\n"
                    "rules: [{name: r, over: node, field: packets, aggregate: sum, threshold: 5, actions: tell}]\n")
    controller = make_controller(alerts=path, redis=redis.endpoint)
    node = make_node(controller)
    node.register()
    node.summary(packets=9)
    alert = wait_for(lambda: controller.ask("alerts")["active"])[0]
    words = wait_for(lambda: redis.run("XRANGE", "weir:1:decisions", "-", "+").split("\n")[1:], "a decision")
    decision = dict(zip(words[::2], words[1::2]))
    assert decision.items() >= {"kind": "alert", "cause": alert["id"], "node": "a", "command": "log",
                                "value": "too much", "reason": "alert r: a"}.items()
