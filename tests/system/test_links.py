# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Pipelines over two nodes on loopback, two real processes: every record exactly once whatever the grouping, across
connections that are cut and links that go down; what strangers send; a receiver that stops; a node that dies."""
import collections
import json
import os
import random
import signal
import socket
import struct
import subprocess
import threading

import pytest

from conftest import PATIENCE_S, free_port, wait_for
from node import Node, assert_accounts_hold, settings

PIPELINE = """
nodes: {{a: "tcp://{host}:{a}", b: "tcp://{host}:{b}"}}
pipeline: two
operators:
  - {{name: made,  type: generate, node: a, parallelism: {senders}, count: {count}, rate: {rate},
     fields: [number u64 sequence, "user string 20 {users}", at time]}}
  - {{name: tally, type: map, node: b, parallelism: {receivers}, fields: [number, user, double = number * 2]}}
  - {{name: out,   type: json, node: b, path: {out}}}
streams:
  - {{from: made,  to: tally, {grouping}}}
  - {{from: tally, to: out, grouping: global}}
"""


class Pair:
    """Nodes a, which makes records, and b, which writes them. `via`: the port that a reaches b by, a proxy's."""

    def __init__(self, folder, via=None, before=(), **values):
        self.folder, self.before = folder, before
        self.ports = {"a": free_port(False), "b": free_port(False)}
        self.via = via
        self.values = {"senders": 1, "receivers": 1, "count": 20000, "rate": 0, "grouping": "grouping: shuffle",
                       "out": folder / "out.jsonl", "host": "127.0.0.1",
                       "users": "zipf 1.2 40"} | values
        self.nodes = {}

    def config(self, node):
        ports = dict(self.ports)
        if node == "a" and self.via is not None:
            ports["b"] = self.via
        path = self.folder / f"{node}.yaml"
        path.write_text(PIPELINE.format(**ports, **self.values), encoding="utf-8")
        return path

    def start(self, *nodes, extra=()):
        for node in nodes or "ab":
            arguments = ["--config", self.config(node), "--node", node, *extra]
            self.nodes[node] = Node(self.folder, arguments, name=node, before=self.before)
        return self

    def wait(self):
        """Both end by themselves; their exit codes."""
        return [self.nodes[node].process.wait() for node in "ab"]

    def errors(self):
        return "".join(self.nodes[node].process.err() for node in self.nodes)

    def records(self):
        return [json.loads(line) for line in self.values["out"].read_text().splitlines()]

    def channel(self, node, index=0):
        return self.nodes[node].ask(f"/weir/remote_channel,{index}")

    def assert_exactly_once(self):
        numbers = [record["number"] for record in self.records()]
        assert len(numbers) == self.values["count"]
        assert sorted(numbers) == list(range(self.values["count"]))

    def assert_no_gap_once_stopped(self):
        """Stop from the source on: all that it made gets there, once."""
        assert self.nodes["a"].process.stop() == 0, self.errors()
        assert self.nodes["b"].process.wait() == 0, self.errors()
        numbers = sorted(record["number"] for record in self.records())
        assert numbers == list(range(len(numbers)))

    def close(self):
        for node in self.nodes.values():
            node.close()


@pytest.fixture(name="pair")
def fixture_pair(tmp_path):
    made = []

    def make(**arguments):
        made.append(Pair(tmp_path, **arguments))
        return made[-1]
    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("grouping, senders, receivers", [
    ("grouping: shuffle", 1, 3),
    ("grouping: key, key: [user]", 2, 3),
    ("grouping: global", 2, 1),
    ("grouping: forward", 3, 3),
])
def test_each_record_once(pair, grouping, senders, receivers):
    two = pair(grouping=grouping, senders=senders, receivers=receivers).start()
    assert two.wait() == [0, 0], two.errors()
    two.assert_exactly_once()


def test_all_reaches_every_instance(pair):
    two = pair(grouping="grouping: all", receivers=3, count=5000).start()
    assert two.wait() == [0, 0], two.errors()
    counts = collections.Counter(record["number"] for record in two.records())
    assert counts == {number: 3 for number in range(5000)}


@pytest.mark.parametrize("connections", ("4", "per-channel"))
def test_several_connections(pair, connections):
    two = pair(senders=3, receivers=2).start(extra=settings(f"connections={connections}"))
    assert two.wait() == [0, 0], two.errors()
    two.assert_exactly_once()


def test_accounts_hold_while_it_runs(pair):
    two = pair(count=0, rate=2000).start()
    for node in "ab":
        two.nodes[node].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 1000, "records cross")
    for node in "ab":
        for instance in two.nodes[node].instances():
            assert_accounts_hold(instance)
    sender, receiver = two.channel("a"), two.channel("b")
    assert (sender["end"], sender["node"], sender["stream"]) == ("sender", "b", "made>tally")
    assert (receiver["end"], receiver["node"], receiver["stream"]) == ("receiver", "a", "made>tally")
    assert sender["handed"] >= sender["sent"] >= sender["acknowledged"] > 0
    wait_for(lambda: two.channel("a")["interval_volume_bytes"] > 0, "an interval is measured")
    two.assert_no_gap_once_stopped()
    assert len(two.records()) > 1000


def test_a_rate_holds_a_channel_back_and_loses_nothing(pair):
    two = pair(grouping="grouping: shuffle, rate: 4M", count=0).start(extra=settings("link_queue=64KiB"))
    two.nodes["a"].wait_until_up()
    wait_for(lambda: two.channel("a")["blocked_ns"] > 0, "the source waits")
    assert two.channel("a")["rate_bps"] == 4000000
    wait_for(lambda: two.channel("a")["acknowledged"] > 0, "records cross all the same")
    two.assert_no_gap_once_stopped()


def test_a_queue_that_spills_holds_nobody_back(pair):
    """What its limit has no room for is dropped by name, the rest arrives once, and its time in the queue counts."""
    two = pair(grouping="grouping: shuffle, rate: 2M, queue: spill, queue_size: 256KiB", count=0, rate=50000).start()
    for node in "ab":
        two.nodes[node].wait_until_up()
    link = wait_for(lambda: (found := two.nodes["a"].instance("made>tally"))["drop_overflow"] > 1000 and found, "drops")
    assert_accounts_hold(link)
    assert two.channel("a")["blocked_ns"] == 0
    # 256 KiB at 2 Mbit/s are a second.
    wait_for(lambda: slow_tuples(two.nodes["b"], "out", 500_000_000) > 0, "they were on the way for long")
    wait_for(lambda: two.channel("a")["offered_bps"] > 4_000_000, "what was dropped was offered")
    assert two.nodes["a"].process.stop() == 0, two.errors()
    assert two.nodes["b"].process.wait() == 0, two.errors()
    numbers = [record["number"] for record in two.records()]
    assert len(set(numbers)) == len(numbers) and max(numbers) > len(numbers)


def slow_tuples(node, operator, least_ns):
    """How many took that long from source to sink."""
    numbers = {node.ask(f"/weir/instance,{number}")["operator"]: number for number in node.ask("/weir/instances")}
    counts = node.ask(f"/weir/latency,{numbers[operator]}")
    return sum(count for bucket, count in enumerate(counts) if 1024 * 2 ** (bucket / 16) > 1.1 * least_ns)


class Proxy:
    """Between a and b: passes bytes on, and cuts connections in the middle of what passes, or stops passing."""

    def __init__(self, to_port):
        self.to_port, self.cuts, self.alive = to_port, 0, True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.watch = None  # called with what passes
        self.piece = 4099  # bytes at most at once
        self.pairs, self.lock = [], threading.Lock()
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while self.alive:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to_port))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.pairs.append((near, far))
            for one, other in ((near, far), (far, near)):
                thread = threading.Thread(target=self.pass_on, args=(one, other), daemon=True)
                thread.start()
                self.threads.append(thread)

    def pass_on(self, one, other):
        try:
            while data := one.recv(self.piece):
                if self.watch is not None:
                    self.watch(data)
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Reset what is there, whatever is on the way."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            self.cuts += 1
            for end in pair:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RDWR)
                    end.close()
                except OSError:
                    pass

    def close(self):
        self.alive = False
        self.listener.close()
        self.cut()


@pytest.fixture(name="proxied")
def fixture_proxied(pair):
    proxies = []

    def make(**arguments):
        two = pair(**arguments)
        proxies.append(Proxy(two.ports["b"]))
        two.via = proxies[-1].port
        return two, proxies[-1]
    yield make
    for proxy in proxies:
        proxy.close()


@pytest.mark.parametrize("connections", ("1", "per-channel"))
def test_connections_reset_in_mid_batch(proxied, connections):
    two, proxy = proxied(senders=2, receivers=2, count=300000, grouping="grouping: key, key: [user], rate: 10M")
    two.start(extra=settings(f"connections={connections}"))
    two.nodes["b"].wait_until_up()
    chance = random.Random(1)
    for _ in range(20):
        reached = two.channel("b")["processed"] + chance.randrange(1000, 3000)
        wait_for(lambda: two.channel("b")["processed"] > reached, "records cross again")
        proxy.cut()
    assert two.channel("b")["reconnects"] > 5
    assert two.wait() == [0, 0], two.errors()
    assert proxy.cuts >= 20
    two.assert_exactly_once()


def test_link_down_for_seconds(pair):
    space = f"weir-links-{os.getpid()}"
    run = ["ip", "netns", "exec", space]
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        subprocess.run([*run, "ip", "link", "set", "lo", "up"], check=True)
        two = pair(before=run, count=0, rate=20000)
        two.start(extra=settings("link_queue=256KiB"))
        two.nodes["b"].wait_until_up()
        wait_for(lambda: two.channel("b")["processed"] > 2000, "records cross")
        subprocess.run([*run, "ip", "link", "set", "lo", "down"], check=True)
        before = two.channel("b")["processed"]
        wait_for(lambda: two.channel("a")["interval_volume_bytes"] == 0, "nothing crosses")
        wait_for(lambda: two.channel("a")["blocked_ns"] > 1e9, "the source waits")
        subprocess.run([*run, "ip", "link", "set", "lo", "up"], check=True)
        wait_for(lambda: two.channel("b")["processed"] > before + 2000, "records cross again")
        two.assert_no_gap_once_stopped()
    finally:
        two.close()
        subprocess.run(["ip", "netns", "del", space], check=True)


def header(kind, size, channel=0, position=0, flags=0):
    return struct.pack("<IBBHQ", size, kind, flags, channel, position)


def hello(name=b"a", version=2, index=0, count=1, incarnation=7):
    body = struct.pack("<4sHHHQB", b"weir", version, index, count, incarnation, len(name)) + name
    return header(1, len(body), 0xffff) + body


GARBAGE = {
    "text": b"GET / HTTP/1.1\r\nHost: weir\r\n\r\n" * 10,
    "zeros": bytes(1000),
    "oversized control": header(1, 1 << 20),
    "oversized data": hello() + header(4, 0xffffffff),
    "unknown frame": hello() + header(99, 4) + b"abcd",
    "data of no channel": hello() + header(4, 24) + bytes(24),
    "ack of what was not sent": hello() + header(5, 0, 0, 1 << 40),
    "stranger": hello(b"mallory"),
    "other version": hello(version=9),
    "other count": hello(count=200, index=150),
    "cut off": hello()[:20],
}


def test_garbage(pair):
    two = pair(count=0, rate=500).start()
    for node in "ab":
        two.nodes[node].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 100, "records cross")
    for what, data in GARBAGE.items():
        with socket.create_connection(("127.0.0.1", two.ports["b"]), timeout=PATIENCE_S) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            try:
                while sock.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        reached = two.channel("b")["processed"]
        wait_for(lambda: two.channel("b")["processed"] > reached + 20, f"records cross after {what}")
    assert two.nodes["a"].process.stop() == 0, two.errors()
    assert two.nodes["b"].process.wait() == 0, two.errors()
    refused = two.nodes["b"].process.err()
    assert "sent a frame that does not fit what came before" in refused
    assert "mallory is none of the nodes of b" in refused
    assert "b speaks version 2, not 9" in refused
    assert "a has 200 connections, b 1" in refused


def test_a_receiver_that_stops_reading(pair):
    """Stopped as a process: its sender waits, its queues stay within their bounds, and nothing is lost."""
    two = pair(count=0, rate=20000).start(extra=settings("link_queue=64KiB"))
    two.nodes["b"].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 1000, "records cross")
    os.kill(two.nodes["b"].process.pid, signal.SIGSTOP)
    two.nodes["a"].wait_until_up()
    sender = wait_for(lambda: (found := two.channel("a"))["blocked_ns"] > 5e8 and found, "the source waits")
    assert sender["queued_bytes"] + sender["unacknowledged_bytes"] <= sender["queue_size"]
    os.kill(two.nodes["b"].process.pid, signal.SIGCONT)
    two.assert_no_gap_once_stopped()


def test_receiving_node_killed_and_restarted(pair):
    two = pair(count=0, rate=20000, grouping="grouping: shuffle, rate: 4M").start()
    for node in "ab":
        two.nodes[node].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 5000, "records cross")
    os.kill(two.nodes["b"].process.pid, signal.SIGKILL)
    two.nodes["b"].process.wait()
    two.nodes["b"].close()
    two.values["out"] = two.folder / "again.jsonl"
    two.start("b")
    two.nodes["b"].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 5000, "records cross again")
    assert two.nodes["a"].process.stop() == 0, two.errors()
    assert two.nodes["b"].process.wait() == 0, two.errors()
    said = two.nodes["a"].process.err()
    assert "two/made>tally[0]: the node died: acknowledged " in said
    words = said.split("the node died: acknowledged ")[1].split()
    acknowledged, sent = int(words[0]), int(words[5])
    unknown = int(said.split(" tuples; ")[1].split()[0])
    assert sent - acknowledged == unknown > 0
    # What the second process got begins behind all that was sent to the first one, and has no gap.
    numbers = sorted(record["number"] for record in two.records())
    assert numbers[0] == sent
    assert numbers == list(range(sent, sent + len(numbers)))


def test_receiving_node_stopped_and_restarted(pair):
    """A node that is stopped, not killed, says how far it came: nothing is unknown, nothing comes twice."""
    two = pair(count=0, rate=5000).start()
    for node in "ab":
        two.nodes[node].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 2000, "records cross")
    assert two.nodes["b"].process.stop() == 0, two.errors()
    first = two.records()
    two.nodes["b"].close()
    two.values["out"] = two.folder / "again.jsonl"
    two.start("b")
    two.nodes["b"].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 2000, "records cross again")
    assert two.nodes["a"].process.stop() == 0, two.errors()
    assert two.nodes["b"].process.wait() == 0, two.errors()
    numbers = sorted(record["number"] for record in first + two.records())
    assert numbers == list(range(len(numbers)))
    assert "died" not in two.errors()


def test_sending_node_killed_and_restarted(pair):
    two = pair(count=0, rate=20000).start()
    two.nodes["b"].wait_until_up()
    wait_for(lambda: two.channel("b")["processed"] > 5000, "records cross")
    os.kill(two.nodes["a"].process.pid, signal.SIGKILL)
    two.nodes["a"].process.wait()
    two.nodes["a"].close()
    received = two.channel("b")["received"]
    wait_for(lambda: two.channel("b")["processed"] == received, "what came is processed")
    two.start("a")
    wait_for(lambda: two.channel("b")["received"] > received + 5000, "records cross again")
    two.nodes["a"].wait_until_up()
    assert two.nodes["a"].process.stop() == 0, two.errors()
    assert two.nodes["b"].process.wait() == 0, two.errors()
    assert f"two/made>tally[0]: the node died: received {received} tuples" in two.nodes["b"].process.err()
    # The first process's records from 0 on, then all of the second one's.
    counts = collections.Counter(record["number"] for record in two.records())
    counts.subtract(range(received))
    assert +counts == {number: 1 for number in range(sum(counts.values()))}


def test_a_node_that_nobody_answers_ends_when_told_to(pair):
    two = pair(count=1000).start("a")
    two.nodes["a"].wait_until_up()
    wait_for(lambda: two.channel("a")["handed"] == 1000, "all is queued")
    assert two.nodes["a"].process.stop() == 1
    assert "the end came before node b took 1000 tuples: acknowledged 0 <= processed <= sent 0" in two.errors()


def test_changes_and_snapshots_are_refused_by_name(pair, make_controller, tmp_path):
    controller = make_controller()
    two = pair(count=0, rate=1000).start(extra=["--controller", controller.endpoint])
    wait_for(lambda: all(controller.node(node).get("state") == "up" for node in "ab"), "both are known")
    for words, message in (
            (("apply", "a", two.config("a")), "two runs over several nodes"),
            (("remove", "b", "two"), "two runs over several nodes"),
            (("snapshot", "a", tmp_path / "saved"), "two/made>tally: what an operator of type link_out keeps can't")):
        result = controller.ctl(*words)
        assert result.returncode == 1 and message in result.stdout, result
    two.assert_no_gap_once_stopped()


def test_nodes_that_do_not_agree(pair):
    two = pair(count=0, rate=100)
    two.start("a")
    two.values["senders"] = 2
    two.start("b")
    wait_for(lambda: "made>tally: b expects 2 channels, not 1" in two.nodes["a"].process.err(), "a hears why not")
