# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Stages of the configuration: lists of the user's own, summaries handed on to Kafka, and what is refused."""
import json
import re
import subprocess

import pytest
from conftest import BUILD, ROOT, wait_for
from test_kafka import cluster  # noqa: F401  a fixture

BASE = "stages:\n- {type: collect}\n- {type: lists, windows: [5s, 30s]}\n"


@pytest.fixture
def configure(tmp_path):
    """configure(text, alerts=text): the path of a configuration with these stages after collect and lists."""
    def write(stages, alerts=None):
        if alerts is not None:
            (tmp_path / "rules.yaml").write_text(alerts)
        path = tmp_path / "controller.yaml"
        path.write_text(BASE + stages)
        return path
    return write


def stage(controller, name):
    return next(s for s in controller.ask("status")["stages"] if s["name"] == name)


def test_stages_are_as_listed(make_controller, configure):
    controller = make_controller(config=configure("- {type: aggregate, name: wide, over: hosts, v4: 16}\n"))
    stages = [(s["type"], s["name"]) for s in controller.ask("status")["stages"]]
    # --redis brings its stage along.
    assert stages == [("collect", "collect"), ("lists", "lists"), ("aggregate", "wide"), ("store", "store")]
    assert "logic" not in dict(stages)


def test_aggregates_are_lists_of_their_own(make_controller, make_node, configure, redis):
    config = configure(
        "- {type: aggregate, name: by_site, over: hosts, v4: 16, v6: 32, window: 20s, list_length: 2}\n"
        "- {type: aggregate, name: web, over: flows, only: {port: [80, 443], prefix: 10.1.0.0/16}, window: 20s}\n"
        "- {type: aggregate, name: of_b, over: ports, only: {node: b}, window: 20s}\n"
        "- {type: store}\n")
    controller = make_controller(config=config, redis=redis.endpoint)
    hosts = [("10.1.0.1", 100), ("10.1.9.9", 50), ("10.2.0.1", 120), ("2001:db8::1", 30), ("2001:db8:1::1", 60)]
    nodes = [make_node(controller, name) for name in "ab"]
    for node in nodes:
        node.register()
        node.start_beating()
        node.summary(hosts=[node.host(ip, sent_packets=1, sent_bytes=size) for ip, size in hosts],
                     flows=[node.flow("10.1.0.1", "10.9.0.1", size=70, port=443),
                            node.flow("10.1.0.2", "10.9.0.1", size=60, port=22),
                            node.flow("10.3.0.1", "10.9.0.1", size=50, port=80)],
                     services=[node.pb.ServiceDelta(protocol=6, port=443, packets=3, bytes=300, flows=1)])
        node.wait_ack(1)

    answer = controller.ask("top", "by_site")
    assert [(e["prefix"], e["bytes"]) for e in answer["entries"]] == [("10.1.0.0/16", 300), ("10.2.0.0/16", 240)]
    assert answer["rest"] == {"count": 1, "packets": 4, "bytes": 180}  # 2001:db8::/32
    assert (answer["what"], answer["over"], answer["window_s"]) == ("by_site", "prefixes", 20)
    assert {e["src_ip"] for e in controller.ask("top", "web")["entries"]} == {"10.1.0.1"}
    assert [(e["port"], e["bytes"]) for e in controller.ask("top", "of_b")["entries"]] == [(443, 300)]
    shown = controller.ctl("top", "by_site").stdout
    assert shown.startswith("top by_site of the last 20 s") and "10.1.0.0/16" in shown
    stored = wait_for(lambda: redis.run("GET", "weir:1:top:by_site:20"), "the list is in Redis")
    assert json.loads(stored)["entries"][0]["prefix"] == "10.1.0.0/16"
    refused = controller.ctl("top", "by_nobody")
    assert refused.returncode == 1 and "an aggregate of the configuration" in refused.stderr


def test_rules_over_an_aggregate(make_controller, make_node, configure):
    config = configure(
        "- {type: aggregate, name: by_site, over: hosts, v4: 16}\n- {type: logic, alerts: rules.yaml}\n",
        alerts="rules: [{name: site, over: by_site, field: bytes, aggregate: sum, threshold: 150, window: 20s}]")
    controller = make_controller(config=config)
    node = make_node(controller)
    node.register()
    node.summary(hosts=[node.host(ip, sent_packets=1, sent_bytes=100) for ip in ("10.1.0.1", "10.1.0.2", "10.2.0.1")])
    alert = wait_for(lambda: controller.ask("alerts")["active"])[0]
    assert (alert["subject"], alert["value"]) == ("10.1.0.0/16", 200)


BAD_STAGES = {
    "2: stage.type: \"sink\": expected one of aggregate, balance, bandwidth, collect": "stages:\n- {type: sink}",
    "stage: expected a mapping with a type": "stages: [collect]",
    "expected collect first, then lists": "stages: [{type: lists}, {type: collect}]",
    "expected collect first": "stages: []",
    "stage collect: there are two of this type": "stages: [{type: collect}, {type: collect}]",
    "4: aggregate.over: missing": BASE + "- {type: aggregate, name: a}",
    "5: stage a: there are two of this name":
        BASE + "- {type: aggregate, name: a, over: hosts}\n- {type: aggregate, name: a, over: ports}",
    "aggregate.name: \"hosts\": is there already": BASE + "- {type: aggregate, name: hosts, over: hosts}",
    "go with over hosts or prefixes": BASE + "- {type: aggregate, name: a, over: ports, v4: 8}",
    "prefixes come as /24": BASE + "- {type: aggregate, name: a, over: prefixes, v4: 25}",
    "aggregate.only.port: \"x\": expected ports": BASE + "- {type: aggregate, name: a, over: ports, only: {port: x}}",
    "\"listen\": expected one of interval, stages": BASE + "listen: ipc://x",
    "kafka.brokers: missing": BASE + "- {type: kafka, topic: a}",
    "no.such=1: No such configuration property":
        BASE + "- {type: kafka, brokers: 'a:1', topic: a, properties: no.such=1}",
    "expected NAME=VALUE": BASE + "- {type: kafka, brokers: 'a:1', topic: a, properties: [acks]}",
}


@pytest.mark.parametrize("message", BAD_STAGES)
def test_bad_stages_are_refused(tmp_path, message):
    config = tmp_path / "controller.yaml"
    config.write_text(BAD_STAGES[message])
    result = subprocess.run([BUILD / "weir-controller", "--config", config, "--listen", f"ipc://{tmp_path}/c",
                             "--redis", "none"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and message in result.stderr and result.stderr.count("\n") == 1, result.stderr


@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_summaries_are_handed_on_to_kafka(make_controller, make_node, configure, cluster, messages, form):  # noqa: F811
    config = configure(f"- {{type: kafka, brokers: '{cluster.brokers}', topic: flows, format: {form}}}\n")
    controller = make_controller(config=config)
    node = make_node(controller)
    node.register()
    node.start_beating()
    sent = [node.summary(packets=7, flows=[node.flow("10.0.0.1", "2001:db8::1" if form == "" else "10.0.0.2")],
                         hosts=[node.host("2001:db8::1", flows_out=3)]) for _ in range(3)]
    node.wait_ack(3)
    node.resend(sent[1])  # what was counted already is not handed on again
    node.wait_ack(3)
    node.summary(packets=9)
    wait_for(lambda: len(cluster.messages()) >= 4, "the summaries are in Kafka")
    got = cluster.messages()
    assert [key for key, _ in got] == [b"a"] * 4
    if form == "protobuf":
        assert [value for _, value in got][:3] == [m.summary.SerializeToString() for m in sent]
        return
    objects = [json.loads(value) for _, value in got]
    assert [o["sequence"] for o in objects] == [1, 2, 3, 4] and not any(o["shed"] for o in objects)
    assert objects[0]["flows"][0]["src_ip"] == "10.0.0.1" and objects[0]["flows"][0]["dst_ip"] == "10.0.0.2"
    assert objects[0]["hosts"][0]["ip"] == "2001:db8::1" and objects[0]["hosts"][0]["flows_out"] == 3
    assert objects[0]["interval"]["packets"] == 7 and objects[3]["interval"]["packets"] == 9
    assert objects[0]["end_ns"] == sent[0].summary.end_ns
    assert stage(controller, "kafka")["queue_full"] == 0


def test_kafka_away_costs_counted_summaries_and_nothing_else(
        make_controller, make_node, configure, cluster):  # noqa: F811
    config = configure(f"- {{type: kafka, brokers: '{cluster.brokers}', topic: flows, queue_size: 5,"
                       " properties: [reconnect.backoff.max.ms=200]}\n")
    controller = make_controller(config=config)
    node = make_node(controller)
    node.register()
    node.start_beating()
    node.summary()
    wait_for(lambda: cluster.messages())
    cluster.tell("down")
    wait_for(lambda: "kafka" in controller.process.err(), "the controller says that the broker is away")
    for _ in range(20):
        node.summary(packets=1)
    node.wait_ack(21)  # as soon as ever
    wait_for(lambda: stage(controller, "kafka")["queue_full"] == 15)
    assert stage(controller, "kafka")["queued"] == 5 and controller.node("a")["totals"]["packets"] == 30
    cluster.tell("up")
    wait_for(lambda: stage(controller, "kafka")["sent"] == 6, "what waited is handed on")
    wait_for(lambda: len({json.loads(value)["sequence"] for _, value in cluster.messages()}) == 6)


def test_the_queue_for_kafka_is_bounded_in_bytes(make_controller, make_node, configure, cluster):  # noqa: F811
    config = configure(f"- {{type: kafka, brokers: '{cluster.brokers}', topic: flows, queue_bytes: {1 << 20}}}\n")
    controller = make_controller(config=config)
    node = make_node(controller)
    node.register()
    node.start_beating()
    cluster.tell("down")
    flows = [node.flow(f"10.0.{i >> 8}.{i & 255}", "10.9.9.9") for i in range(512)]
    for _ in range(20):
        node.summary(packets=1, flows=flows)
    node.wait_ack(20)
    status = stage(controller, "kafka")
    assert status["queue_full"] > 0 and 0 < status["queued"] < 20, status
    assert status["queue_full"] + status["queued"] == 20


def test_help_and_manual_have_every_option():
    def run(*words):
        return subprocess.run([BUILD / "weir-controller", *words], capture_output=True, text=True, timeout=60,
                              check=True).stdout
    types = re.findall(r"^  (\w+) +\w", run("--help").split("Stages:")[1], re.M)
    assert {"aggregate", "collect", "kafka", "lists", "logic", "store"} <= set(types)
    manual = run("--manual")
    for name in types:
        assert f".SH {name}\n" in manual
        for option in re.findall(r"^  (\w+) +\S", run(f"--help={name}"), re.M):
            assert f".B {option}\n" in manual, (name, option)
    assert subprocess.run([BUILD / "weir-controller", "--help=x"], capture_output=True, timeout=60).returncode == 64
    shipped = (ROOT / "conf/controller.yaml").read_text()
    for name in ("collect", "lists", "logic", "store"):
        for option in re.findall(r"^  (\w+) +\S", run(f"--help={name}"), re.M):
            assert re.search(rf"^ +(# )?{option}:", shipped, re.M), (name, option)
