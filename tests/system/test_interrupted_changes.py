# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A change during which the controller, or the node, is killed, or another controller comes: the node runs all of the
new pipeline or all of the old one, and each record arrives once."""
import json
import os
import select
import threading

import pytest

from conftest import wait_for
from fake_controller import FakeController
from node import Node, assert_accounts_hold

COUNT = 300_000
PIPELINE = f"""
change_limit: LIMIT
pipeline: numbers
placement: chained
channels: ring
operators:
  - {{name: source, type: generate, count: {COUNT}, rate: 100000, fields: [n u64 sequence],
     parallelism: 2}}
MORE
  - {{name: sink,   type: json, path: PATH}}
"""
MORE = """\
  - {name: first,  type: filter, where: n >= 0, parallelism: 2}
  - {name: second, type: map, fields: [n], parallelism: 2}
"""
OLD, NEW = {"source", "sink"}, {"source", "first", "second", "sink"}


class Reader:
    """Of a pipe; it reads nothing until it is told to."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path, self.data, self.begins, self.is_done = path, b"", threading.Event(), False
        self.descriptor = os.open(path, os.O_RDWR)  # its own other end: a writer may come and go
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        self.begins.wait()
        while not self.is_done:
            if select.select([self.descriptor], [], [], 0.05)[0]:
                self.data += os.read(self.descriptor, 1 << 20)

    def close(self):
        self.is_done = True
        self.begins.set()
        self.thread.join()
        os.close(self.descriptor)

    def numbers(self):
        return sorted(json.loads(line)["n"] for line in self.data.decode().splitlines())

    def has_all(self):
        return self.data.count(b"\n") >= COUNT


@pytest.fixture
def reader(tmp_path):
    reader = Reader(tmp_path / "pipe")
    yield reader
    reader.close()


def write(folder, reader, more, limit="60s"):
    config = folder / f"{'new' if more else 'old'}.yaml"
    config.write_text(PIPELINE.replace("LIMIT", limit).replace("MORE\n", more).replace("PATH", str(reader.path)))
    return config


def start_node(folder, endpoint, config, name="node"):
    return Node(folder, ["--node", "edge", "--controller", endpoint, "--config", config], name=name, eal=("-l", "0-1"))


def operators(node):
    instances = node.instances()
    for one in instances:
        assert_accounts_hold(one)
    return {one["operator"] for one in instances}


def wait_until_it_waits(node):
    seen = [-1] * 20

    def stands_still():
        seen.append(node.instance("source")["in"])
        return len(set(seen[-20:])) == 1

    wait_for(stands_still, "the source waits for the reader")


def begin_change(controller, node, new):
    """Have the node begin a change that can't end before somebody reads; returns the list that weirctl's result comes
    to be in."""
    wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
    wait_until_it_waits(node)
    results = []
    threading.Thread(target=lambda: results.append(controller.ctl("apply", "edge", new, timeout=30)),
                     daemon=True).start()
    wait_for(lambda: "another change is under way" in controller.ctl("remove", "edge", "nothing").stdout,
             "the change is under way")
    return results


def end_with_all(node, reader):
    reader.begins.set()
    assert node.process.wait() == 0, node.process.err()
    wait_for(reader.has_all, "all has been read")
    assert reader.numbers() == list(range(COUNT))


def test_the_controller_is_killed_and_the_change_comes(make_controller, tmp_path, reader):
    controller = make_controller()
    old, new = write(tmp_path, reader, ""), write(tmp_path, reader, MORE)
    node = start_node(tmp_path, controller.endpoint, old)
    try:
        node.wait_until_up()
        begin_change(controller, node, new)
        controller.kill()
        assert operators(node) == OLD
        reader.begins.set()
        wait_for(lambda: operators(node) == NEW, "the change is made without the controller")
        controller.start()
        wait_for(lambda: not node.process.is_running() or controller.node("edge").get("state") in ("up", "ended"),
                 "the node is known again")
        end_with_all(node, reader)
    finally:
        node.close()


def test_the_controller_is_killed_and_the_change_can_not_come(make_controller, tmp_path, reader):
    controller = make_controller()
    old, new = write(tmp_path, reader, "", "1s"), write(tmp_path, reader, MORE, "1s")
    node = start_node(tmp_path, controller.endpoint, old)
    try:
        node.wait_until_up()
        begin_change(controller, node, new)
        controller.kill()
        controller.start()
        wait_for(lambda: controller.node("edge").get("state") == "up", "the node is known again")

        def asked_again():
            result = controller.ctl("apply", "edge", new)
            assert result.returncode == 1, result
            return "nothing was changed: what was on its way was not handled in 1000 ms" in result.stdout

        wait_for(asked_again, "the change that was given up makes room for another one")
        assert operators(node) == OLD
        end_with_all(node, reader)
    finally:
        node.close()


def test_a_later_controller_comes(messages, tmp_path, reader):
    """What the older one began is carried out; what else it says is stale, what the later one says is not."""
    fake = FakeController(messages, f"ipc://{tmp_path}/fake", epoch=7)
    old, new = write(tmp_path, reader, ""), write(tmp_path, reader, MORE)
    node = start_node(tmp_path, f"ipc://{tmp_path}/fake", old)
    apply = {"verb": "apply", "target": "new.yaml", "document": new.read_text()}
    try:
        fake.await_body("register")
        node.wait_until_up()
        wait_until_it_waits(node)
        fake.await_body("heartbeat")  # it is registered
        other = {"verb": "remove", "target": "nothing"}
        numbers = iter(range(2, 1000))

        def is_under_way():
            fake.send(command=messages.Command(id="c7-1", epoch=7, **apply))
            return "another change is under way" in fake.command(id=f"c7-{next(numbers)}", **other).text

        wait_for(is_under_way, "the change is under way")
        fake.epoch = 8
        result = fake.command(id="c8-1", **other)
        assert result.status == messages.COMMAND_REFUSED and "another change is under way" in result.text
        for one in ({"id": "c7-1", **apply}, {"id": "c7-1000", **other}):
            fake.epoch = 7
            result = fake.command(**one)
            assert result.status == messages.COMMAND_STALE and "there is a controller of epoch 8" in result.text
        assert operators(node) == OLD
        fake.epoch = 8
        reader.begins.set()
        wait_for(lambda: operators(node) == NEW, "what the older one began is there as a whole")
        result = fake.command(id="c8-2", value="dry-run", **apply)
        assert result.status == messages.COMMAND_DONE and "no difference" in result.text, result
        end_with_all(node, reader)
    finally:
        node.close()
        fake.close()


def test_the_node_is_killed_and_comes_back(make_controller, tmp_path, reader):
    controller = make_controller()
    node = start_node(tmp_path, controller.endpoint, write(tmp_path, reader, ""))
    second = Reader(tmp_path / "pipe2")
    try:
        node.wait_until_up()
        results = begin_change(controller, node, write(tmp_path, reader, MORE))
        reader.begins.set()
        node.close()  # kill -9, wherever the change is
        again = start_node(tmp_path, controller.endpoint, write(tmp_path, second, ""), name="again")
        try:
            again.wait_until_up()
            wait_for(lambda: controller.node("edge").get("state") == "up", "it is back")
            wait_for(lambda: results, "weirctl has an answer")
            assert operators(again) in (OLD, NEW)
            end_with_all(again, second)
        finally:
            again.close()
    finally:
        node.close()
        second.close()
    # Of the first life, nothing is missing before the end and nothing is there twice.
    lines = reader.data.decode().splitlines()[:-1]
    numbers = sorted(json.loads(line)["n"] for line in lines)
    assert len(set(numbers)) == len(numbers)
