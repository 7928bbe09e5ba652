# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Commands to nodes: carried out once, answered, explained; refused where they make no sense or are of the past."""
import json
import subprocess
import threading

from conftest import wait_for
from fake_controller import FakeController
from node import Node

PIPELINE = """
pipeline: made-up
operators:
  - {name: source, type: replay, flows: 100, loops: 0, rate: 1000, parallelism: 1}
  - {name: sampled, type: sample, one_in: 4, parallelism: 1}
  - {name: flow_id, type: flow_id, parallelism: 1}
  - {name: stats, type: flow_stats, parallelism: 1, idle_timeout: 60s}
  - {name: sink, type: json, path: PATH}
"""


def in_background(function, *words):
    """Call it on another thread; returns a list that its result is in after `wait_for(lambda: …)`."""
    results = []
    threading.Thread(target=lambda: results.append(function(*words)), daemon=True).start()
    return results


def decision(controller, number):
    return controller.ask("explain", number)["decisions"][0]


def test_a_real_node_obeys(make_controller, tmp_path):
    controller = make_controller()
    config = tmp_path / "made-up.yaml"
    config.write_text(PIPELINE.replace("PATH", str(tmp_path / "flows.jsonl")))
    node = Node(tmp_path, ["--config", config, "--node", "edge", "--controller", controller.endpoint])
    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
        assert node.instance("sampled")["gauge_one_in"] == 4
        result = controller.ctl("set", "edge", "sampled.one_in=2")
        assert result.returncode == 0 and "made-up/sampled.one_in: 2, was 4" in result.stdout
        assert node.instance("sampled")["gauge_one_in"] == 2
        assert controller.ctl("set", "edge", "made-up/stats.idle_timeout=10s").returncode == 0
        assert controller.ctl("set", "edge", "source.rate=0").returncode == 0
        taken = node.instance("source")["in"]
        wait_for(lambda: node.instance("source")["in"] > taken + 50_000, "the source is no longer held to 1000/s")
        for setting, message in {"sampled.one_in=0": "expected a whole number", "stats.max_flows=5": "can't change",
                                 "stats.none=1": "no such option", "nobody.x=1": "no such operator",
                                 "other/stats.idle_timeout=1s": "no such operator",
                                 "stats.idle_timeout=banana": "expected a duration"}.items():
            result = controller.ctl("set", "edge", setting)
            assert result.returncode == 1 and message in result.stdout and "refused" in result.stdout, result
        assert controller.ctl("log", "edge", "from afar").returncode == 0
        assert "from afar" in node.process.err()
        first = controller.ask("explain")["decisions"][-1]
        assert first["status"] == "done" and first["kind"] == "user" and first["tries"] == 1
        assert first["decided_ns"] <= first["sent_ns"] <= first["ended_ns"]
        assert "asked for by weirctl" in controller.ctl("explain").stdout
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
        assert (tmp_path / "flows.jsonl").read_text()
        wait_for(lambda: controller.node("edge")["state"] == "ended")
    finally:
        node.close()


def test_what_can_not_be_asked(make_controller, make_node):
    controller = make_controller()
    make_node(controller, "a").register()
    for words, code, message in ((["set", "nobody", "a.b=c"], 1, "not known"), (["set", "a", "b=c"], 1, "expected"),
                                 (["set", "a", "nonsense"], 64, "expected NODE"), (["log", "a"], 64, "expected NODE"),
                                 (["log", "a", ""], 1, "expected a text"),
                                 (["log", "a", "x" * 300], 1, "longer than"), (["explain", "c9-9"], 1, "none of the")):
        result = controller.ctl(*words)
        assert result.returncode == code and message in result.stderr, (words, result)
    assert controller.ctl("explain").stdout == "no decisions yet\n"


def test_sent_again_until_answered_and_done_once(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller, "a")
    node.register()
    results = in_background(controller.ctl, "log", "a", "hello")
    command = node.receive(node.commands, "command")
    assert (command.verb, command.value, command.epoch) == ("log", "hello", 1)
    again = node.receive(node.commands, "command")
    assert again.id == command.id
    # What another node, or nobody, answers counts for nothing.
    other = make_node(controller, "b")
    other.register()
    other.send(other.commands, command_result=messages.CommandResult(id=command.id, status=messages.COMMAND_DONE))
    node.send(node.commands, command_result=messages.CommandResult(id="c1-99", status=messages.COMMAND_DONE))
    other.beat()
    assert decision(controller, command.id)["status"] == "sent" and not results
    node.send(node.commands, command_result=messages.CommandResult(
        id=command.id, status=messages.COMMAND_REFUSED, text="no \033[31m"))
    wait_for(lambda: results, "weirctl has its answer")
    assert results[0].returncode == 1 and "refused: no ?[31m" in results[0].stdout
    node.send(node.commands, command_result=messages.CommandResult(id=command.id, status=messages.COMMAND_DONE))
    node.beat()
    assert decision(controller, command.id)["status"] == "refused"


def test_time_out_and_an_answer_after_it(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller, "a")
    node.register()
    result = controller.ctl("stop", "a", timeout=0.3)
    assert result.returncode == 1 and "timed_out: the node did not answer" in result.stdout
    command = node.receive(node.commands, "command")
    node.send(node.commands, command_result=messages.CommandResult(id=command.id, status=messages.COMMAND_DONE))
    wait_for(lambda: decision(controller, command.id)["status"] == "done")
    node.goodbye()
    wait_for(lambda: controller.node("a")["state"] == "ended")
    result = controller.ctl("stop", "a", timeout=0.3)
    assert result.returncode == 1 and "the node was not connected" in result.stdout


def test_nobody_waits_for_a_node_that_ended(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller, "a")
    node.register()
    results = in_background(controller.ctl, "--timeout", "3000", "stop", "a")
    node.receive(node.commands, "command")
    node.goodbye()
    wait_for(lambda: results, "weirctl has its answer")
    assert results[0].returncode == 1 and "timed_out: the node ended before it answered" in results[0].stdout
    result = controller.ctl("--timeout", "3000", "stop", "a")
    assert result.returncode == 1 and "timed_out: the node has ended" in result.stdout


def test_decisions_are_in_redis_and_survive_the_controller(make_controller, make_node, messages, redis):
    controller = make_controller(redis=redis.endpoint)
    node = make_node(controller, "a")
    node.register()
    results = in_background(controller.ctl, "log", "a", "hello")
    command = node.receive(node.commands, "command")
    node.send(node.commands, command_result=messages.CommandResult(
        id=command.id, status=messages.COMMAND_DONE, text="written"))
    wait_for(lambda: results and "done" in redis.run("XREVRANGE", "weir:1:decisions", "+", "-"))
    words = redis.run("XRANGE", "weir:1:decisions", "-", "+").split("\n")
    statuses = [after for word, after in zip(words, words[1:]) if word == "status"]
    assert statuses == ["waiting", "sent", "done"]
    controller.kill()
    controller.start()
    seen = wait_for(lambda: controller.ask("explain")["decisions"], "decisions of the earlier controller")
    assert len(seen) == 1 and seen[0]["id"] == command.id and seen[0]["answer"] == "written"
    json_line = controller.ctl("explain", command.id, "--json")
    assert json.loads(json_line.stdout)["decisions"] == seen


def test_a_later_controller_takes_a_greater_epoch(make_controller, tmp_path):
    first = make_controller()
    node = Node(tmp_path, ["--node", "edge", "--controller", first.endpoint])
    try:
        wait_for(lambda: first.node("edge").get("state") == "up")
        first.kill()
        second = make_controller(listen=first.endpoint)
        wait_for(lambda: second.node("edge").get("state") == "up" and
                 second.ask("status")["controller"]["epoch"] == 2, "the later controller takes a greater epoch")
        result = second.ctl("log", "edge", "hello")
        assert result.returncode == 0 and result.stdout.startswith("c2-1: ")
    finally:
        node.close()


def test_a_node_that_saw_a_later_controller_refuses(messages, tmp_path):
    """One that was replaced and does not know it: its commands are stale, whatever they are."""
    endpoint = f"ipc://{tmp_path}/fake"
    fake = FakeController(messages, endpoint)
    node = Node(tmp_path, ["--node", "edge", "--controller", endpoint])
    try:
        fake.await_body("register")
        fake.send(registered=messages.Registered(accepted=True, epoch=7))
        for number, (epoch, status) in enumerate(((6, messages.COMMAND_STALE), (7, messages.COMMAND_DONE))):
            fake.send(command=messages.Command(id=f"c{epoch}-{number}", epoch=epoch, verb="log", value=f"of {epoch}"))
            result = fake.await_body("command_result")
            assert (result.id, result.status) == (f"c{epoch}-{number}", status)
        assert "of 7" in node.process.err() and "of 6" not in node.process.err()
    finally:
        node.close()
        fake.close()


def test_a_stale_command_is_refused(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller, "a")
    node.register()
    results = in_background(controller.ctl, "log", "a", "hello")
    command = node.receive(node.commands, "command")
    node.send(node.commands, command_result=messages.CommandResult(
        id=command.id, status=messages.COMMAND_STALE, text="epoch 1, seen 2"))
    wait_for(lambda: results, "weirctl has its answer")
    assert results[0].returncode == 1 and "refused: epoch 1, seen 2" in results[0].stdout


def test_a_forged_epoch_is_not_believed(make_controller, make_node):
    controller = make_controller()
    forger = make_node(controller, "forger", epoch=2**63)
    assert forger.register().accepted
    status = controller.ask("status")["controller"]
    assert status["epoch"] == 1 and status["messages"]["forged_epochs"] == 1
    honest = make_node(controller, "honest", epoch=7)
    assert honest.register().epoch == 8
