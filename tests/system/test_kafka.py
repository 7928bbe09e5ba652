# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The sink kafka against librdkafka's mock cluster: what arrives, and what happens while the broker is away or slow."""
import ipaddress
import json
import re
import signal
import subprocess
import sys

import pytest

from conftest import ROOT, free_port, wait_for
from exports import export, in_order, live, run_flows  # noqa: F401 (a fixture)
from kafka_mock import cluster  # noqa: F401 (a fixture)
from node import assert_accounts_hold

SINK = "type: kafka, topic: flows"


def at(cluster):
    return f"sink.brokers={cluster.brokers}"


@pytest.fixture(scope="session")
def flow_messages(tmp_path_factory):
    """The Python module of api/flow.proto."""
    folder = tmp_path_factory.mktemp("flow-proto")
    subprocess.run(["protoc", f"--proto_path={ROOT / 'api'}", f"--python_out={folder}", "flow.proto"], check=True)
    sys.path.insert(0, str(folder))
    import flow_pb2
    return flow_pb2


def test_json(cluster, tmp_path):
    expected = export(tmp_path, SINK, at(cluster), "sink.key=src_ip", "sink.compression=gzip")
    wait_for(lambda: len(cluster.messages()) >= len(expected), "all messages")
    messages = [(key.decode(), json.loads(value)) for key, value in cluster.messages()]
    assert in_order([value for _, value in messages]) == in_order(expected)
    assert all(key == value["src_ip"] for key, value in messages)


def as_record(message):
    """A weir.Flow as the json sink writes the record."""
    record = {}
    for field, value in message.ListFields():
        if field.message_type:
            value = as_record(value)
        elif field.label == field.LABEL_REPEATED:
            value = list(value)
        elif field.enum_type:
            value = re.sub(r"^FLOW_(END|TCP)_(?=.)", "", field.enum_type.values_by_number[value].name).lower()
            value = {"tcp": "tcp_end"}.get(value, value)
            value = "end_of_input" if value == "of_input" else value
        elif field.name.endswith("_ip"):
            value = str(ipaddress.ip_address(value))
        elif field.name.endswith("_mac"):
            value = value.hex(":")
        record[field.name] = value
    return record


@pytest.mark.parametrize("name", ["network_layers", "link_layers", "tcp_end", "tunnels"])
def test_protobuf(cluster, flow_messages, tmp_path, name):
    expected = export(tmp_path, SINK, at(cluster), "sink.format=protobuf", "flow_id.tunnels=inner",
                      capture=ROOT / f"tests/pipeline/{name}.pcap")
    wait_for(lambda: len(cluster.messages()) >= len(expected), "all messages")
    assert {key for key, _ in cluster.messages()} == {None}
    records = [as_record(flow_messages.Flow.FromString(value)) for _, value in cluster.messages()]
    assert in_order(records) == in_order(expected)


def numbers(cluster):
    """Which packets' records arrived."""
    return [json.loads(value)["timestamp_ns"] for _, value in cluster.messages()]


def test_broker_comes_back(cluster, live):
    """Workers go on meanwhile; what the queues held arrives later, once, and the rest is counted."""
    node = live(SINK, at(cluster), "sink.key=src_port", "sink.properties=reconnect.backoff.max.ms=200")
    wait_for(lambda: node.instance("sink")["gauge_sent"] > 100, "records are sent")
    cluster.tell("down")
    wait_for(lambda: node.instance("sink")["drop_queue_full"] > 100, "records are dropped")
    before = node.instance("source")["in"]
    wait_for(lambda: node.instance("source")["in"] > before + 1000, "the source goes on")
    for instance in node.instances():
        assert_accounts_hold(instance)
    cluster.tell("up")
    sent = node.instance("sink")["gauge_sent"]
    wait_for(lambda: node.instance("sink")["gauge_sent"] > sent + 1000, "records are sent again")
    kafka = node.instance("sink")
    assert kafka["gauge_reconnects"] >= 1 and kafka["drop_send_error"] == 0
    assert node.process.stop() == 0, node.process.err()
    written = int(re.search(r"(\d+) records to sink", node.process.err()).group(1))
    wait_for(lambda: len(cluster.messages()) >= written, "all that counted as sent")
    assert len(cluster.messages()) == written
    assert len(set(numbers(cluster))) == written, "each record once"


def test_slow_broker(cluster, live):
    cluster.tell("slow 300")
    node = live(SINK, at(cluster))
    wait_for(lambda: node.instance("sink")["drop_queue_full"] > 100, "records are dropped")
    wait_for(lambda: node.instance("sink")["gauge_sent"] > 300, "records are sent")
    assert_accounts_hold(node.instance("sink"))
    assert node.process.stop() == 0, node.process.err()
    assert "unsent" not in node.process.err()


def test_absent_broker(live):
    """The end comes in time, and says what nobody took."""
    node = live(SINK, f"sink.brokers=127.0.0.1:{free_port(pair=False)}", "sink.drain_timeout=200ms")
    wait_for(lambda: node.instance("sink")["drop_queue_full"] > 100, "records are dropped")
    node.process.child.send_signal(signal.SIGTERM)
    assert node.process.child.wait(60) == 1
    report = node.process.err()
    sent, full, unsent = (int(re.search(pattern, report).group(1)) for pattern in (
        r"(\d+) records to sink", r"queue_full (\d+)", r"unsent (\d+)"))
    assert (sent, unsent) == (0, 512) and full > 100  # both queues
    assert sent + full + unsent == int(re.search(r": (\d+) packets, ", report).group(1))


def test_queue_is_bounded_in_bytes(live):
    """Long before librdkafka's queue has as many messages as it may, it has as many bytes."""
    node = live(SINK, f"sink.brokers=127.0.0.1:{free_port(pair=False)}", "sink.drain_timeout=200ms", "source.rate=200k",
                "sink.queue_size=16384", "sink.queue_bytes=1MiB", "sink.key=src_port")
    wait_for(lambda: node.instance("sink")["drop_queue_full"] > 0, "records are dropped")
    beside = node.instance("sink")["held"] - 16384  # in librdkafka's, of more than 128 bytes each
    assert 100 < beside < (1 << 20) / 128
    node.process.child.send_signal(signal.SIGTERM)
    assert node.process.child.wait(60) == 1


@pytest.mark.parametrize("setting, message", [
    ("sink.properties=acks", 'properties: "acks": expected NAME=VALUE'),
    ("sink.properties=acks=banana", "acks: "),
    ("sink.properties=no.such.thing=1", 'no.such.thing: No such configuration property: "no.such.thing"'),
    ("sink.key=banana", 'key: "banana": expected a field of flow'),
])
def test_refused(tmp_path, setting, message):
    done = run_flows(tmp_path, SINK, "sink.brokers=127.0.0.1:9", setting)
    assert done.returncode == 1
    assert message in done.stderr
