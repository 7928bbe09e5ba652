# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Alert rules: the shipped ones fire on what they are for and on nothing else, and end; bad rule files are refused."""
import json
import subprocess
import time

import pytest
from conftest import BUILD, ROOT, wait_for
from fake_node import sketch

SHIPPED = ROOT / "conf" / "alerts.yaml"


@pytest.fixture
def fast_rules(tmp_path):
    """The shipped rules with their hold-downs cut to 1 s."""
    path = tmp_path / "alerts.yaml"
    path.write_text(SHIPPED.read_text().replace("hold_down: 10s", "hold_down: 1s"))
    return path


def active(controller):
    return {(a["rule"], a["subject"]): a for a in controller.ask("alerts")["active"]}


def test_port_scan_starts_and_ends(make_controller, make_node, redis, fast_rules):
    controller = make_controller(redis=redis.endpoint, alerts=fast_rules)
    node = make_node(controller)
    node.register()
    node.start_beating()
    node.summary(hosts=[
        node.host("10.0.0.66", sent_packets=1000, sent_bytes=60000, flows_out=1000, endpoints_out=sketch(1000)),
        node.host("10.0.0.7", sent_packets=9000, sent_bytes=900000, flows_out=60, endpoints_out=sketch(30, 2))])
    alert = wait_for(lambda: active(controller).get(("port_scan", "10.0.0.66")), "the scan is seen")
    assert len(active(controller)) == 1
    assert alert["value"] == pytest.approx(1000, rel=0.25) and alert["threshold"] == 200
    assert alert["start_ns"] <= alert["last_ns"] and alert["end_ns"] is None
    wait_for(lambda: alert["id"] in redis.hash("weir:1:alerts:active"))
    head, row = controller.ctl("alerts").stdout.splitlines()
    assert "MEASURE" in head and "10.0.0.66" in row and "distinct endpoints_out in 5 s" in row
    wait_for(lambda: not active(controller), "the scan is over")
    wait_for(lambda: redis.run("HLEN", "weir:1:alerts:active") == "0")
    events = controller.ask("alerts", "--all")["history"]
    assert [e["event"] for e in events] == ["end", "start"] and events[0]["alert"]["id"] == alert["id"]
    entries = redis.run("XRANGE", "weir:1:alerts:history", "-", "+").split("\n")
    assert [entries[2], entries[7]] == ["start", "end"] and json.loads(entries[9])["end_ns"] > alert["start_ns"]
    log = controller.process.err()
    assert f"alert {alert['id']} started: port_scan" in log and f"alert {alert['id']} ended: port_scan" in log


def test_scan_spread_over_intervals_and_instances_is_one_scan(make_controller, make_node):
    controller = make_controller(alerts=SHIPPED)
    node = make_node(controller)
    node.register()
    for seed in range(4):  # 100 different endpoints each: below the threshold alone
        node.summary(hosts=[node.host("10.0.0.66", sent_packets=100, sent_bytes=1, flows_out=100,
                                      endpoints_out=sketch(100, seed))])
    wait_for(lambda: ("port_scan", "10.0.0.66") in active(controller))


def test_syn_flood_elephant_and_their_subjects(make_controller, make_node):
    controller = make_controller(alerts=SHIPPED)
    node = make_node(controller)
    node.register()
    node.summary(size=100_000_000, flows=[node.flow("10.0.0.1", "10.0.0.2", size=100_000_000),
                                          node.flow("10.0.0.1", "10.0.0.3", size=1000)],
                 targets=[node.host("2001:db8::1", syn_in=2000), node.host("10.0.0.9", syn_in=20)])
    wait_for(lambda: set(active(controller)) == {
        ("elephant_flow", "tcp 10.0.0.1:40000 > 10.0.0.2:80"), ("syn_flood", "2001:db8::1")})


def test_a_host_listed_twice_is_counted_once(make_controller, make_node):
    controller = make_controller(alerts=SHIPPED)
    node = make_node(controller)
    node.register()
    host = node.host("10.0.0.9", received_packets=1000, received_bytes=60000, syn_in=1000)  # 200 a second
    node.summary(hosts=[host], targets=[host])
    node.wait_ack(1)
    node.summary(flows=[node.flow("10.0.0.1", "10.0.0.2", size=100_000_000)])
    wait_for(lambda: active(controller))
    assert {rule for rule, _ in active(controller)} == {"elephant_flow"}


def test_lost_node_is_an_alert_until_it_is_back(make_controller, make_node):
    controller = make_controller(alerts=SHIPPED)
    node = make_node(controller)
    node.register()
    wait_for(lambda: ("node_lost", "a") in active(controller))
    node.start_beating()
    wait_for(lambda: not active(controller))


def test_surge_is_measured_against_what_was_usual(make_controller, make_node, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{name: surge, over: total, field: packets, aggregate: ratio, of: baseline, window: 1s,"
                     " baseline: 10s, minimum: 50, threshold: 3}]")
    controller = make_controller(alerts=rules)
    node = make_node(controller)
    node.register()

    def report(packets, until):
        def step():
            node.summary(packets=packets)
            node.wait_ack(node.sequence)
            return until()
        wait_for(step)

    report(20, lambda: node.sequence >= 200)  # many a second: any rate will do as long as it stays
    assert not active(controller)
    # So much more that a machine on which each look takes long still reports a surge; soon it is what is usual.
    report(40000, lambda: "surge" in {e["alert"]["rule"] for e in controller.ask("alerts", "--all")["history"]})


def test_active_alert_survives_the_controller(make_controller, make_node, redis):
    controller = make_controller(redis=redis.endpoint, alerts=SHIPPED)
    node = make_node(controller)
    node.register()
    node.summary(hosts=[node.host("10.0.0.66", flows_out=1000, endpoints_out=sketch(1000))])
    alert = wait_for(lambda: active(controller).get(("port_scan", "10.0.0.66")))
    wait_for(lambda: redis.hash("weir:1:alerts:active"))
    controller.kill()
    controller.start()
    assert active(controller)[("port_scan", "10.0.0.66")]["id"] == alert["id"]
    assert alert["id"] in [e["alert"]["id"] for e in controller.ask("alerts", "--all")["history"]]


def test_scan_in_a_capture_read_at_once_is_seen(make_controller, make_node):
    controller = make_controller(alerts=SHIPPED)
    node = make_node(controller)
    node.register()
    for second in range(1, 201):  # long ago, 200 s in no time
        scan = [node.host("10.0.0.66", flows_out=1000, endpoints_out=sketch(1000))] if second == 100 else []
        node.summary(end_ns=second * 10**9, hosts=scan)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 2000)
    history = controller.ask("alerts", "--all")["history"]
    assert [(e["event"], e["alert"]["rule"], e["alert"]["subject"]) for e in history] == [
        ("start", "port_scan", "10.0.0.66")]


BAD_RULES = {
    "nothing in it": "",
    "1: \"rule\": expected one of actions, rules": "rule: []",
    "2: rule.over: \"host\": expected one of flows, hosts":
        "rules:\n- {name: a, over: host, field: bytes, aggregate: rate}",
    "1: rule.name: missing": "rules: [{over: hosts, field: bytes, aggregate: rate, threshold: 1}]",
    "expected over ports one of packets, bytes, flows, bits":
        "rules: [{name: a, over: ports, field: syn_in, aggregate: rate, threshold: 1}]",
    "distinct goes with over hosts": "rules: [{name: a, over: hosts, field: bytes, aggregate: distinct, threshold: 1}]",
    "rule a: of: missing": "rules: [{name: a, over: hosts, field: bytes, aggregate: ratio, threshold: 1}]",
    "rule a: field \"lost\": expected over hosts one of packets":
        "rules: [{name: a, over: hosts, field: bytes, aggregate: ratio, of: lost, threshold: 1}]",
    "of: goes with aggregate ratio":
        "rules: [{name: a, over: node, field: bytes, aggregate: sum, of: packets, below: 1}]",
    "percentile goes with over a list":
        "rules: [{name: a, over: node, field: bytes, aggregate: percentile, threshold: 1}]",
    "expected either threshold": "rules: [{name: a, over: node, field: bytes, aggregate: rate}]",
    "expected either threshold (fires at": "rules: [{name: a, over: node, field: bytes, aggregate: rate, below: 1,"
                                           " threshold: 1}]",
    "minimum: goes with": "rules: [{name: a, over: node, field: bytes, aggregate: rate, below: 1, minimum: 1}]",
    "percentile: goes with aggregate percentile":
        "rules: [{name: a, over: node, field: bytes, aggregate: rate, threshold: 1, percentile: 99}]",
    "baseline: goes with aggregate deviation":
        "rules: [{name: a, over: node, field: bytes, of: packets, aggregate: ratio, threshold: 1, baseline: 1h}]",
    "rule.only.prefix: \"10.0.0.0/33\": expected prefixes":
        "rules: [{name: a, over: hosts, field: bytes, aggregate: rate, below: 1, only: {prefix: 10.0.0.0/33}}]",
    "hosts has no such part":
        "rules: [{name: a, over: hosts, field: bytes, aggregate: rate, below: 1, only: {port: 1}}]",
    "rule.only: \"host\": expected one of node, prefix":
        "rules: [{name: a, over: hosts, field: bytes, aggregate: rate, below: 1, only: {host: 1}}]",
    "actions: \"mail\": expected store, log or":
        "rules: [{name: a, over: hosts, field: bytes, aggregate: rate, threshold: 1, actions: mail}]",
    "action.url: \"ftp://x\": expected http": "actions: [{name: a, type: webhook, url: 'ftp://x'}]\nrules: []",
    "action.headers: \"a b: c\": expected Name: value":
        "actions: [{name: a, type: webhook, url: 'http://x', headers: ['a b: c']}]\nrules: []",
    "rule.window: \"banana\": expected a duration":
        "rules: [{name: a, over: hosts, field: bytes, aggregate: rate, threshold: 1, window: banana}]",
    "rule.threshold: \"-5\": expected a number":
        "rules: [{name: a, over: hosts, field: bytes, aggregate: rate, threshold: -5}]",
    "two of this name": "rules: [" + 2 * "{name: a, over: hosts, field: bytes, aggregate: rate, threshold: 1}, " + "]",
    "given twice": "rules: [{name: a, name: b, over: hosts, field: bytes, aggregate: rate, threshold: 1}]",
    "3: did not find expected": "rules:\n- {name: a,\n- b",
}


@pytest.mark.parametrize("message", BAD_RULES)
def test_bad_rules_are_refused(tmp_path, message):
    rules = tmp_path / "rules.yaml"
    rules.write_text(BAD_RULES[message])
    result = subprocess.run([BUILD / "weir-controller", "--redis", "none", "--listen", f"ipc://{tmp_path}/c",
                             "--alerts", rules], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert str(rules) in result.stderr and message in result.stderr and result.stderr.count("\n") == 1
