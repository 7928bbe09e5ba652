# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The source kafka_source against librdkafka's mock cluster: what becomes of each message, where it goes on, and what
it does while the brokers are away."""
import collections
import json

import pytest

from conftest import free_port, wait_for
from kafka_mock import PARTITIONS, TOPIC, cluster  # noqa: F401 (a fixture)
from node import Node, assert_accounts_hold, run_file, settings

PIPELINE = """
pipeline: messages
operators:
  - {name: source, type: kafka_source, topics: [flows], fields: [user string 8, count u32], metadata: yes,
     message_max: 64, long_strings: drop, stop_at_end: yes, queue_bytes: 1MiB}
  - {name: sink, type: json, append: no}
  - {name: dead, type: json, append: no}
streams:
  - {from: source, to: sink, grouping: global}
  - {from: source.dead, to: dead, grouping: global}
"""
LIVE = """
pipeline: messages
operators:
  - {name: source, type: kafka_source, topics: [flows], fields: [number u32],
     properties: [reconnect.backoff.max.ms=200]}
  - {name: sink, type: json, append: no}
streams:
  - {from: source, to: sink, grouping: global}
"""


def record(user, count):
    return json.dumps({"user": user, "count": count}).encode()


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def consume(folder, brokers, *pairs, pipeline=PIPELINE, eal=("-l", "0")):
    """Run to the end of the topic; the records, the dead letters and standard error."""
    (folder / "messages.yaml").write_text(pipeline)
    done = run_file(["--config", folder / "messages.yaml", *settings(
        f"source.brokers={brokers}", f"sink.path={folder}/records.jsonl", f"dead.path={folder}/dead.jsonl", *pairs)],
        eal=eal)
    assert done.returncode == 0, done.stderr
    return read_lines(folder / "records.jsonl"), read_lines(folder / "dead.jsonl"), done.stderr


BAD = {b"not json": "malformed", b"{" + b" " * 70 + b"}": "oversized", None: "empty",
       record("much too long", 1): "too_long", b'{"count":-1}': "malformed"}


@pytest.mark.parametrize("instances", [1, 2, 3])
def test_every_message_becomes_what_it_is(cluster, tmp_path, instances):
    sent = [(n % PARTITIONS, b"key%d" % n if n % 3 else None, record(f"u{n % 7}", n)) for n in range(1000)]
    for n, bad in enumerate(BAD):
        sent.insert(100 * n, (n % PARTITIONS, None, bad))
    cluster.send(sent)
    records, dead, _ = consume(tmp_path, cluster.brokers, f"source.parallelism={instances}", eal=("-l", "0-1"))
    offsets, wanted, wanted_dead = collections.Counter(), {}, {}
    for partition, key, value in sent:
        place = (partition, offsets[partition])
        offsets[partition] += 1
        if value in BAD:
            wanted_dead[place] = (BAD[value], (value or b"").decode())
        else:
            wanted[place] = json.loads(value) | {"key": key.decode() if key else None}
    got = {(r["kafka"]["partition"], r["kafka"]["offset"]):
           {"user": r["user"], "count": r["count"], "key": r["kafka"].get("key")} for r in records}
    assert got == wanted and len(records) == len(wanted)
    assert {(d["partition"], d["position"]): (d["reason"], d["text"]) for d in dead} == wanted_dead
    assert {d["operator"] for d in dead} == {"source"} and len(dead) == len(BAD)
    assert {r["kafka"]["topic"] for r in records} == {TOPIC}
    in_partition = collections.defaultdict(list)
    for r in records:
        in_partition[r["kafka"]["partition"]].append(r["kafka"]["offset"])
    assert all(offsets == sorted(offsets) for offsets in in_partition.values())


def test_offsets(cluster, tmp_path):
    """Where a record says it lay is where the next run goes on."""
    cluster.send([(n % PARTITIONS, None, record("u", n)) for n in range(100)])
    first, _, _ = consume(tmp_path, cluster.brokers)
    behind = [max(r["kafka"]["offset"] for r in first if r["kafka"]["partition"] == p) + 1 for p in range(PARTITIONS)]
    cluster.send([(n % PARTITIONS, None, record("u", n)) for n in range(100, 150)])
    again, _, _ = consume(tmp_path, cluster.brokers, "source.offsets=" + ",".join(
        f"{TOPIC}:{partition}:{offset}" for partition, offset in enumerate(behind)))
    assert sorted(r["count"] for r in first) == list(range(100))
    assert sorted(r["count"] for r in again) == list(range(100, 150))


def test_csv_and_text(cluster, tmp_path):
    cluster.send([(0, None, b'ann;"3"'), (1, None, b"bob;4"), (2, None, b"eve")])
    records, dead, _ = consume(tmp_path, cluster.brokers, "source.format=csv", "source.separator=;",
                               "source.metadata=no")
    assert sorted((r["user"], r["count"]) for r in records) == [("ann", 3), ("bob", 4)]
    assert [d["text"] for d in dead] == ["eve"]
    records, _, _ = consume(tmp_path, cluster.brokers, "source.format=text", "source.fields=all string 16")
    assert sorted(r["all"] for r in records) == ["ann;\"3\"", "bob;4", "eve"]


# Event time waits for the partition that is furthest behind.
WINDOWS = """
pipeline: messages
operators:
  - {name: source, type: kafka_source, topics: [flows], fields: [at time ms, count u32], time: at, out_of_order: 2s,
     stop_at_end: yes, parallelism: 2}
  - {name: window, type: window, size: 10s, time: at, compute: [total = sum(count), n = count()]}
  - {name: sink, type: json, append: no}
  - {name: dead, type: json, append: no}
streams:
  - {from: source, to: window}
  - {from: window, to: sink, grouping: global}
  - {from: source.dead, to: dead, grouping: global}
"""


def test_event_time_over_partitions(cluster, tmp_path):
    start = 1_767_225_600_000
    sent, late = [], 0
    for partition, ahead_s in enumerate([0, 500, 1000, 90]):
        for n in range(400):
            is_late = n in (100, 300)
            at = start + (ahead_s + n - (5 if is_late else 0)) * 1000
            late += is_late
            sent.append((partition, None, json.dumps({"at": at, "count": n, "late": is_late}).encode()))
    cluster.send(sent)
    records, dead, _ = consume(tmp_path, cluster.brokers, pipeline=WINDOWS, eal=("-l", "0-1"))
    wanted = collections.defaultdict(lambda: [0, 0])
    for _, _, value in sent:
        message = json.loads(value)
        if not message["late"]:
            total = wanted[message["at"] // 10_000 * 10_000_000_000]
            total[0] += message["count"]
            total[1] += 1
    assert {r["window_start_ns"]: [r["total"], r["n"]] for r in records} == wanted
    assert [d["reason"] for d in dead] == ["late"] * late


@pytest.fixture
def live(tmp_path):
    made = []

    def start(brokers, *pairs):
        (tmp_path / "live.yaml").write_text(LIVE)
        made.append(Node(tmp_path, ["--config", tmp_path / "live.yaml", *settings(
            f"source.brokers={brokers}", f"sink.path={tmp_path}/live{len(made)}.jsonl", *pairs)],
            name=f"node{len(made)}"))
        return made[-1].wait_until_up()

    yield start
    for node in made:
        node.close()


IMPATIENT = "source.properties=[reconnect.backoff.max.ms=200, session.timeout.ms=3000, heartbeat.interval.ms=100]"


def numbered(first, end):
    return [(n % PARTITIONS, None, b'{"number":%d}' % n) for n in range(first, end)]


def numbers(path):
    return sorted(line["number"] for line in read_lines(path))


def test_group_goes_on(cluster, live, tmp_path):
    """What a node of the group has read, the next one does not read again."""
    cluster.send(numbered(0, 500))
    node = live(cluster.brokers, "source.group=readers", IMPATIENT)
    wait_for(lambda: node.instance("source")["in"] == 500, "all messages")
    source = node.instance("source")
    assert_accounts_hold(source)
    assert source["gauge_partitions"] == PARTITIONS
    assert node.process.stop() == 0, node.process.err()
    cluster.send(numbered(500, 700))
    node = live(cluster.brokers, "source.group=readers", IMPATIENT)
    wait_for(lambda: node.instance("source")["in"] >= 200, "the messages since")
    assert node.process.stop() == 0, node.process.err()
    assert numbers(tmp_path / "live0.jsonl") == list(range(500))
    assert numbers(tmp_path / "live1.jsonl") == list(range(500, 700))


def test_group_of_two(cluster, live, tmp_path):
    """Two nodes of a group share the partitions out; one that leaves hands its own to the other. What the group did not
    yet know to be read when partitions changed hands may come twice at the node that keeps them; none is lost."""
    two = [live(cluster.brokers, "source.group=readers", IMPATIENT) for _ in range(2)]

    def partitions():
        return [node.instance("source")["gauge_partitions"] for node in two]

    wait_for(lambda: sum(partitions()) == PARTITIONS and all(partitions()), "both have partitions")
    cluster.send(numbered(0, 1000))
    wait_for(lambda: sum(node.instance("source")["in"] for node in two) == 1000, "all messages")
    assert all(node.instance("source")["in"] for node in two)
    assert two[0].process.stop() == 0, two[0].process.err()
    wait_for(lambda: two[1].instance("source")["gauge_partitions"] == PARTITIONS, "the other one has all")
    cluster.send(numbered(1000, 1300))
    wait_for(lambda: set(range(1000, 1300)) <= {*numbers(tmp_path / "live1.jsonl")}, "the messages since")
    assert two[1].process.stop() == 0, two[1].process.err()
    first, second = {*numbers(tmp_path / "live0.jsonl")}, {*numbers(tmp_path / "live1.jsonl")}
    assert first | second == set(range(1300)) and not first & second


def test_broker_comes_back(cluster, live, tmp_path):
    """The worker goes on meanwhile; afterwards each message comes once."""
    node = live(cluster.brokers)
    cluster.send(numbered(0, 100))
    wait_for(lambda: node.instance("source")["in"] == 100, "the first messages")
    cluster.tell("down")
    wait_for(lambda: node.instance("source")["gauge_errors"] > 0, "the broker is missed")
    cluster.tell("up")
    cluster.send(numbered(100, 200))
    wait_for(lambda: node.instance("source")["in"] == 200, "the messages since")
    assert node.process.stop() == 0, node.process.err()
    assert numbers(tmp_path / "live0.jsonl") == list(range(200))


def test_absent_broker(live):
    """Nobody is there: the node tells so, answers, and stops when it is told to."""
    node = live(f"127.0.0.1:{free_port(pair=False)}")
    wait_for(lambda: node.instance("source")["gauge_errors"] > 0, "the broker is missed")
    assert node.instance("source")["gauge_partitions"] == 0
    assert node.process.stop() == 0, node.process.err()
    assert "waiting for it" in node.process.err()


COUNTED = """
pipeline: messages
operators:
  - {name: source, type: kafka_source, topics: [flows], fields: [number u32]}
  - {name: odd, type: map, fields: [odd = number % 2, number]}
  - {name: counts, type: reduce, key: [odd], every: 1, compute: [messages = count(), sum(number)]}
  - {name: sink, type: json, append: no}
"""


class Counting:
    """Nodes that count messages, under a controller, one after the other."""

    def __init__(self, folder, controller, brokers, pairs):
        self.folder, self.controller, self.nodes, self.brokers, self.pairs = folder, controller, [], brokers, pairs
        (folder / "counted.yaml").write_text(COUNTED)

    def start(self, *arguments):
        self.nodes.append(Node(self.folder, [
            "--config", self.folder / "counted.yaml", "--node", "edge", "--controller", self.controller.endpoint,
            *settings(f"source.brokers={self.brokers}", f"sink.path={self.folder}/counts.jsonl", IMPATIENT,
                      *self.pairs),
            *arguments], name=f"node{len(self.nodes)}"))
        return self.nodes[-1].wait_until_up()

    def taken(self):
        return sum(instance["in"] for instance in self.nodes[-1].instances() if instance["operator"] == "source")

    def wait(self, count):
        wait_for(lambda: self.taken() >= count, f"{count} messages")

    def gauge(self, name):
        return sum(instance[f"gauge_{name}"] for instance in self.nodes[-1].instances()
                   if instance["operator"] == "source")

    def snapshot(self, directory):
        wait_for(lambda: self.controller.node("edge").get("state") == "up", "node edge is up")
        result = self.controller.ctl("snapshot", "edge", directory)
        assert result.returncode == 0, result


@pytest.fixture
def counting(cluster, make_controller, tmp_path):
    made = []

    def make(*pairs):
        made.append(Counting(tmp_path, make_controller(), cluster.brokers, pairs))
        return made[-1]

    yield make
    for each in made:
        for node in each.nodes:
            node.close()


def assert_each_was_counted_once(path, first, end):
    """Of both kinds each count is told once, and the last has all of the numbers."""
    lines = read_lines(path)
    for odd in (0, 1):
        mine, expected = [line for line in lines if line["odd"] == odd], [n for n in range(first, end) if n % 2 == odd]
        assert sorted(line["messages"] for line in mine) == list(range(1, len(expected) + 1))
        assert max(line["sum_number"] for line in mine) == sum(expected)


@pytest.mark.parametrize("pairs, last", [
    ((), ("source.parallelism=2",)),
    (("source.parallelism=3",), ("source.parallelism=1",)),
    (("source.group=readers",), ()),
], ids=["one", "three", "group"])
def test_goes_on_from_a_snapshot(cluster, counting, tmp_path, pairs, last):
    """From the offsets of the snapshot, though the group's are further on by then, and in other instances at last."""
    run = counting(*pairs)
    cluster.send(numbered(0, 400))
    run.start()
    run.wait(400)
    run.snapshot(tmp_path / "first")
    cluster.send(numbered(400, 700))
    run.wait(700)
    assert run.nodes[-1].process.stop() == 0, run.nodes[-1].process.err()  # a group knows now what was read
    run.start("--restore", tmp_path / "first")
    run.snapshot(tmp_path / "second")  # be there messages yet or not
    run.wait(300)
    run.nodes[-1].process.kill()
    run.nodes[-1].close()
    cluster.send(numbered(700, 900))
    run.start("--restore", tmp_path / "second", *settings(*last))
    wait_for(lambda: sum(1 for line in read_lines(tmp_path / "counts.jsonl")) >= 900, "all were counted")
    assert run.nodes[-1].process.stop() == 0, run.nodes[-1].process.err()
    assert_each_was_counted_once(tmp_path / "counts.jsonl", 0, 900)


def test_the_end_at_a_snapshot_is_where_it_goes_on(cluster, counting, tmp_path):
    run = counting("source.start=end")
    cluster.send(numbered(0, 100))
    run.start()
    wait_for(lambda: run.gauge("at_end") == PARTITIONS, "it has seen the end")
    run.snapshot(tmp_path / "saved")
    run.nodes[-1].process.kill()
    run.nodes[-1].close()
    cluster.send(numbered(100, 200))
    run.start("--restore", tmp_path / "saved")
    run.wait(100)
    assert run.nodes[-1].process.stop() == 0, run.nodes[-1].process.err()
    assert_each_was_counted_once(tmp_path / "counts.jsonl", 100, 200)


@pytest.mark.parametrize("setting, message", [
    ("source.offsets=flows:1", 'offsets: "flows:1": expected TOPIC:PARTITION:OFFSET'),
    ("source.offsets=flows:-1:0", "expected TOPIC:PARTITION:OFFSET"),
    ("source.group=g", "stop_at_end: expected no group with it"),
    ("source.time=kafka.offset", 'time: "kafka.offset": not a time; expected a field of type time'),
    ("source.fields=kafka.key u8", "metadata: no place for the field kafka.key: there is one of that name"),
    ("source.properties=acks", 'properties: "acks": expected NAME=VALUE'),
    ("source.properties=partition.assignment.strategy=cooperative-sticky", "expected range or roundrobin"),
    ("source.properties=no.such.thing=1", 'No such configuration property: "no.such.thing"'),
])
def test_refused(tmp_path, setting, message):
    (tmp_path / "messages.yaml").write_text(PIPELINE)
    done = run_file(["--config", tmp_path / "messages.yaml", *settings(
        "source.brokers=127.0.0.1:9", f"sink.path={tmp_path}/a", f"dead.path={tmp_path}/b", setting)])
    assert done.returncode == 1
    assert message in done.stderr
