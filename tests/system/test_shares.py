# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Pipelines on one worker share its time by their weights, which change while they run."""
import pytest

from conftest import wait_for
from node import Node, run_file

PIPELINE = """
pipeline: NAME
weight: WEIGHT
operators:
  - {name: source, type: generate, rate: RATE, fields: [n u64 sequence], parallelism: 1}
  - {name: sink,   type: 'null'}
"""
MANY = 4_000_000


def pipeline(name, weight, rate=0):
    return PIPELINE.replace("NAME", name).replace("WEIGHT", str(weight)).replace("RATE", str(rate))


def test_by_weight(make_controller, tmp_path):
    def write(name, weight):
        path = tmp_path / f"{name}{weight}.yaml"
        path.write_text(pipeline(name, weight))
        return path

    def counts():
        return {one["pipeline"]: one["in"] for one in node.instances() if one["operator"] == "sink"}

    def shared():
        """How often one got a tuple for each of the other, over some seconds."""
        before = counts()
        wait_for(lambda: sum(counts().values()) > sum(before.values()) + MANY, "both run")
        after = counts()
        return (after["heavy"] - before["heavy"]) / (after["light"] - before["light"])

    (tmp_path / "slow.yaml").write_text(pipeline("slow", 1, 1000))
    controller = make_controller()
    configs = [word for path in (write("heavy", 3), write("light", 1), tmp_path / "slow.yaml")
               for word in ("--config", path)]
    node = Node(tmp_path, ["--node", "edge", "--controller", controller.endpoint, *configs], eal=("-l", "0"))
    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
        assert shared() == pytest.approx(3, rel=0.25)
        result = controller.ctl("apply", "edge", write("light", 3))
        assert result.returncode == 0 and "light: sets weight 3 (was 1); workers for" in result.stdout, result
        assert shared() == pytest.approx(1, rel=0.25)
        before = counts()["slow"]
        wait_for(lambda: counts()["slow"] > before + 500, "one with little to do gets all of it done")
        # Alone it has the worker, whatever its weight.
        assert controller.ctl("remove", "edge", "heavy").returncode == 0
        before = counts()["light"]
        wait_for(lambda: counts()["light"] > before + MANY, "the other goes on")
    finally:
        node.close()


@pytest.mark.parametrize("weight", ("0", "1001", "-1", "much", "[1]"))
def test_what_is_no_weight(tmp_path, weight):
    (tmp_path / "a.yaml").write_text(pipeline("p", weight))
    result = run_file(["--config", tmp_path / "a.yaml", "--check"])
    assert result.returncode == 1 and "a.yaml:3: weight: " in result.stderr, result.stderr
