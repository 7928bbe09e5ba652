# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Key groups that move between the workers of a node under load: the records are those of a run without a move."""
import itertools

from conftest import wait_for
from node import Node, assert_accounts_hold, run_file

PIPELINE = """
pipeline: moved
placement: chained
operators:
  - {name: source,  type: replay, flows: 3000, frames: 32768, loops: 200, rounds: converse, interval: 2us,
     parallelism: 1}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats, parallelism: 2, idle_timeout: 300ms, active_timeout: 3s}
  - {name: sink,    type: json, path: PATH}
"""
TWO_WORKERS = ("-l", "0-1")


def write(tmp_path, name):
    config = tmp_path / f"{name}.yaml"
    config.write_text(PIPELINE.replace("PATH", str(tmp_path / f"{name}.jsonl")))
    return config


def records(tmp_path, name):
    return sorted((tmp_path / f"{name}.jsonl").read_text().splitlines())


def test_records_are_those_of_an_unmoved_run(make_controller, tmp_path):
    still = run_file(["--config", write(tmp_path, "still")], eal=TWO_WORKERS)
    assert still.returncode == 0, still.stderr
    controller = make_controller()
    node = Node(tmp_path, ["--config", write(tmp_path, "moving"), "--node", "edge",
                           "--controller", controller.endpoint], eal=TWO_WORKERS)
    moved = 0
    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
        for i in itertools.count():
            if not node.process.is_running():
                break
            first, instance = i * 97 % 900, i % 2
            result = controller.ctl("move", "edge", "stats", f"{first}-{first + 120}", instance, timeout=2)
            if result.returncode == 0:
                moved += "moved in" in result.stdout
            if i == 5:
                figures = node.ask("/weir/moves")
                assert figures["moves"] + figures["called_off"] >= moved - 1
                assert figures["pause_max_ns"] >= figures["pause_p50_ns"] // 2 > 0
                for one in node.instances():
                    assert_accounts_hold(one)
        assert node.process.wait() == 0
    finally:
        node.close()
    assert moved >= 3
    assert len(records(tmp_path, "still")) > 3000
    assert records(tmp_path, "moving") == records(tmp_path, "still")


def test_asked_shown_and_refused(make_controller, tmp_path):
    controller = make_controller()
    config = write(tmp_path, "shown")
    node = Node(tmp_path, ["--config", config, "--node", "edge", "--set", "source.loops=0",
                           "--set", "source.rate=10000",
                           "--controller", controller.endpoint], eal=TWO_WORKERS)
    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
        assert node.ask("/weir/groups") == ["moved/stats 0-511 instance 0 worker 0",
                                            "moved/stats 512-1023 instance 1 worker 1"]
        result = controller.ctl("move", "edge", "moved/stats", "0-99", 1)
        assert result.returncode == 0 and "stats: 100 groups moved in" in result.stdout, result
        assert node.ask("/weir/groups") == ["moved/stats 0-99 instance 1 worker 1",
                                            "moved/stats 100-511 instance 0 worker 0",
                                            "moved/stats 512-1023 instance 1 worker 1"]
        assert node.ask("/weir/moves")["groups"] == 100
        for words, message in ((("nobody", "1", 1), "no such operator"), (("stats", "1", 2), "instances 0..1"),
                               (("stats", "9-1024", 1), "expected 0..1023"), (("stats", "all", 1), "expected GROUP"),
                               (("sink", "1", 0), "owns no key groups")):
            result = controller.ctl("move", "edge", *words)
            assert result.returncode == 1 and message in result.stdout and "refused" in result.stdout, result
        why = controller.ask("explain")["decisions"][-1]
        assert why["command"] == "move" and why["target"] == "moved/stats" and why["value"] == "0-99 1"
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
    finally:
        node.close()
