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

from conftest import BUILD, ROOT, free_port, wait_for
from node import Node, assert_accounts_hold, run_file

CAPTURE = ROOT / "tests/pipeline/network_layers.pcap"
TOPIC = "flows"
PIPELINE = """
pipeline: test
operators:
  - {name: source,  type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: json,    type: json}
  - {name: kafka,   type: kafka, topic: flows}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: json,  grouping: global}
  - {from: stats,   to: kafka, grouping: global}
"""
# A record a packet, at a rate, until told to stop.
LIVE = """
pipeline: test
operators:
  - {name: source,  type: replay, flows: 10, frames: 100, loops: 0, rate: 2k}
  - {name: flow_id, type: flow_id}
  - {name: kafka,   type: kafka, topic: flows, key: src_port, when_full: drop, queue_size: 256}
"""


class Cluster:
    """kafka_cluster and what its consumer got: (key, value) each."""

    def __init__(self, folder):
        self.path = folder / "cluster.out"
        with open(self.path, "wb") as out:
            self.child = subprocess.Popen([BUILD / "tests/system/kafka_cluster", TOPIC], stdin=subprocess.PIPE,
                                          stdout=out, text=True)
        self.brokers = wait_for(lambda: self.lines(), "the cluster's address")[0]

    def lines(self):
        whole, _, _ = self.path.read_text().rpartition("\n")
        return whole.split("\n") if whole else []

    def messages(self):
        pairs = (line.split(" ") for line in self.lines()[1:])
        return [(None if key == "-" else bytes.fromhex(key), bytes.fromhex(value)) for key, value in pairs]

    def tell(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()

    def close(self):
        self.child.stdin.close()
        self.child.wait(30)


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def flow_messages(tmp_path_factory):
    """The Python module of api/flow.proto."""
    folder = tmp_path_factory.mktemp("flow-proto")
    subprocess.run(["protoc", f"--proto_path={ROOT / 'api'}", f"--python_out={folder}", "flow.proto"], check=True)
    sys.path.insert(0, str(folder))
    import flow_pb2
    return flow_pb2


def export(folder, brokers, *settings, capture=CAPTURE):
    """Run a file; the records that the json sink wrote of it."""
    config = folder / "pipeline.yaml"
    config.write_text(PIPELINE)
    words = [f"source.path={capture}", f"json.path={folder}/flows.jsonl", "json.append=no", f"kafka.brokers={brokers}",
             *settings]
    done = run_file(["--config", config, *(word for setting in words for word in ("--set", setting))])
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / "flows.jsonl").read_text().splitlines()]


def in_order(records):
    return sorted(records, key=lambda record: json.dumps(record, sort_keys=True))


def test_json(cluster, tmp_path):
    expected = export(tmp_path, cluster.brokers, "kafka.key=src_ip", "kafka.compression=gzip")
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
    expected = export(tmp_path, cluster.brokers, "kafka.format=protobuf", "flow_id.tunnels=inner",
                      capture=ROOT / f"tests/pipeline/{name}.pcap")
    wait_for(lambda: len(cluster.messages()) >= len(expected), "all messages")
    assert {key for key, _ in cluster.messages()} == {None}
    assert in_order(as_record(flow_messages.Flow.FromString(value)) for _, value in cluster.messages()) == (
        in_order(expected))


@pytest.fixture
def live(tmp_path):
    made = []

    def start(brokers, *settings):
        config = tmp_path / "live.yaml"
        config.write_text(LIVE)
        words = [f"kafka.brokers={brokers}", *settings]
        made.append(Node(tmp_path, ["--config", config, *(w for s in words for w in ("--set", s))]))
        return made[-1].wait_until_up()

    yield start
    for node in made:
        node.close()


def numbers(cluster):
    """Which packets' records arrived."""
    return [json.loads(value)["timestamp_ns"] for _, value in cluster.messages()]


def test_broker_comes_back(cluster, live):
    """Workers go on meanwhile; what the queues held arrives later, once, and the rest is counted."""
    node = live(cluster.brokers, "kafka.properties=reconnect.backoff.max.ms=200")
    wait_for(lambda: node.instance("kafka")["gauge_sent"] > 100, "records are sent")
    cluster.tell("down")
    wait_for(lambda: node.instance("kafka")["drop_queue_full"] > 100, "records are dropped")
    before = node.instance("source")["in"]
    wait_for(lambda: node.instance("source")["in"] > before + 1000, "the source goes on")
    for instance in node.instances():
        assert_accounts_hold(instance)
    cluster.tell("up")
    sent = node.instance("kafka")["gauge_sent"]
    wait_for(lambda: node.instance("kafka")["gauge_sent"] > sent + 1000, "records are sent again")
    kafka = node.instance("kafka")
    assert kafka["gauge_reconnects"] >= 1 and kafka["drop_send_error"] == 0
    assert node.process.stop() == 0, node.process.err()
    written = int(re.search(r"(\d+) records to kafka", node.process.err()).group(1))
    wait_for(lambda: len(cluster.messages()) >= written, "all that counted as sent")
    assert len(cluster.messages()) == written
    assert len(set(numbers(cluster))) == written, "each record once"


def test_slow_broker(cluster, live):
    cluster.tell("slow 300")
    node = live(cluster.brokers)
    wait_for(lambda: node.instance("kafka")["drop_queue_full"] > 100, "records are dropped")
    wait_for(lambda: node.instance("kafka")["gauge_sent"] > 300, "records are sent")
    assert_accounts_hold(node.instance("kafka"))
    assert node.process.stop() == 0, node.process.err()
    assert "unsent" not in node.process.err()


def test_absent_broker(live):
    """The end comes in time, and says what nobody took."""
    node = live(f"127.0.0.1:{free_port(pair=False)}", "kafka.drain_timeout=200ms")
    wait_for(lambda: node.instance("kafka")["drop_queue_full"] > 100, "records are dropped")
    node.process.child.send_signal(signal.SIGTERM)
    assert node.process.child.wait(60) == 1
    report = node.process.err()
    sent, full, unsent = (int(re.search(pattern, report).group(1)) for pattern in (
        r"(\d+) records to kafka", r"queue_full (\d+)", r"unsent (\d+)"))
    assert (sent, unsent) == (0, 512) and full > 100  # both queues
    assert sent + full + unsent == int(re.search(r": (\d+) packets, ", report).group(1))


@pytest.mark.parametrize("setting, message", [
    ("kafka.properties=acks", 'properties: "acks": expected NAME=VALUE'),
    ("kafka.properties=acks=banana", "acks: "),
    ("kafka.properties=no.such.thing=1", 'no.such.thing: No such configuration property: "no.such.thing"'),
    ("kafka.key=banana", 'key: "banana": expected a field of flow'),
])
def test_refused(tmp_path, setting, message):
    config = tmp_path / "pipeline.yaml"
    config.write_text(PIPELINE)
    done = run_file(["--config", config, "--set", f"source.path={CAPTURE}", "--set", "kafka.brokers=127.0.0.1:9",
                     "--set", setting, "--set", "json.path=/dev/null"])
    assert done.returncode == 1
    assert message in done.stderr
