# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A node that is started empty gets its pipelines from the controller, and gives them back."""
from conftest import wait_for
from node import Node, assert_accounts_hold

PIPELINE = """pipeline: {name}
operators:
  - {{name: source,  type: replay, flows: 500, frames: 4096, loops: {loops}, rate: {rate}, parallelism: 1}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats,   type: flow_stats, parallelism: 2}}
  - {{name: sink,    type: json, path: {path}}}
"""


def write(tmp_path, name, loops=0, rate=20000):
    config = tmp_path / f"{name}.yaml"
    config.write_text(PIPELINE.format(name=name, loops=loops, rate=rate, path=tmp_path / f"{name}.jsonl"))
    return config


def empty_node(controller, tmp_path):
    node = Node(tmp_path, ["--node", "edge", "--controller", controller.endpoint], eal=("-l", "0-1"))
    node.wait_until_up()
    wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
    return node


def pipelines(controller):
    return {line.split()[1] for line in controller.ctl("list").stdout.splitlines() if line.startswith("edge")}


def described(controller):
    """What the node said of its operators."""
    (edge,) = controller.ask("operators")["nodes"]
    return (edge["topology"] or {}).get("operators") or ()


def test_applied_and_removed_again_and_again(make_controller, tmp_path):
    controller = make_controller()
    node = empty_node(controller, tmp_path)
    try:
        for name in ("first", "second", "first"):
            config = write(tmp_path, name)
            result = controller.ctl("--dry-run", "apply", "edge", config)
            assert result.returncode == 0 and "it would run" in result.stdout, result
            assert node.ask("/weir/info")["instances"] == 0
            result = controller.ctl("apply", "edge", config)
            assert result.returncode == 0 and f"runs {name}: new, 4 operators" in result.stdout, result
            before = node.instance("stats")["in"]  # of the last time
            wait_for(lambda: node.instance("stats")["in"] > before + 2000, "packets are counted")
            wait_for(lambda: pipelines(controller) == {name}, "the controller knows of it")
            wait_for(lambda: {one["type"] for one in described(controller)} == {
                "replay", "flow_id", "flow_stats", "json"}, "the controller knows what its operators are")
            assert controller.ctl("move", "edge", "stats", "0-99", 1).returncode == 0
            assert controller.ctl("set", "edge", "source.rate=30000").returncode == 0
            for instance in node.instances():
                assert_accounts_hold(instance)
            result = controller.ctl("remove", "edge", name)
            assert result.returncode == 0 and f"drained and removed: {name}" in result.stdout, result
            assert node.ask("/weir/info")["instances"] == 0
            records = (tmp_path / f"{name}.jsonl").read_text().splitlines()
            assert records and all("shutdown" in line for line in records)
            wait_for(lambda: pipelines(controller) == set(), "the controller knows that it is gone")
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
    finally:
        node.close()


def test_one_that_ends_by_itself_leaves_the_node(make_controller, tmp_path):
    controller = make_controller()
    node = empty_node(controller, tmp_path)
    try:
        assert controller.ctl("apply", "edge", write(tmp_path, "short", loops=3, rate=0)).returncode == 0
        wait_for(lambda: node.instance("sink")["finished"] == 1, "the pipeline has ended")
        assert node.instance("source")["in"] == 3 * 4096
        assert controller.ctl("remove", "edge", "short").returncode == 0
        assert controller.ctl("apply", "edge", write(tmp_path, "next", loops=3, rate=0)).returncode == 0
        wait_for(lambda: node.instance("sink")["finished"] == 1, "the next one has ended")
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
    finally:
        node.close()


def test_what_does_not_work_is_refused_whole(make_controller, tmp_path):
    controller = make_controller()
    node = empty_node(controller, tmp_path)
    good = write(tmp_path, "good")
    bad = tmp_path / "bad.yaml"

    def refused(text, message):
        bad.write_text(text)
        for words in (["--dry-run", "apply"], ["apply"]):
            result = controller.ctl(*words, "edge", bad)
            assert result.returncode == 1 and message in result.stdout, result

    try:
        refused(good.read_text().replace("rate: 20000", "rate: banana"), "bad.yaml:3: source.rate: \"banana\"")
        refused(good.read_text().replace("type: json", "type: jason"), "bad.yaml:6: ")
        refused(good.read_text().replace("parallelism: 2", "workers: [7]"), "this node has 2 workers")
        refused("ring_size: 128\n", "no pipeline is in it")
        # What only opening it shows.
        bad.write_text(good.read_text().replace("good.jsonl", "nowhere/good.jsonl"))
        result = controller.ctl("apply", "edge", bad)
        assert result.returncode == 1 and "could not be opened: sink: " in result.stdout, result
        assert node.ask("/weir/info")["instances"] == 0
        assert "this node runs none" in controller.ctl("remove", "edge", "good").stdout

        assert controller.ctl("apply", "edge", good).returncode == 0
        assert "this node runs good" in controller.ctl("remove", "edge", "bad").stdout
        before = node.instance("stats")["in"]
        wait_for(lambda: node.instance("stats")["in"] > before, "the first goes on")
        missing = controller.ctl("apply", "edge", tmp_path / "missing.yaml")
        assert missing.returncode == 64 and "No such file" in missing.stderr
        # A pipeline that it was given is drained with the node, too.
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
        assert (tmp_path / "good.jsonl").read_text()
    finally:
        node.close()
