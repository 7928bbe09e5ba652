# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Key groups of the keyed operators move between workers under load: what each gives is what an unmoved run gives."""
import itertools

import pytest

from conftest import wait_for
from node import Node, run_file

FLOW = "[src_ip, dst_ip, src_port, dst_port, protocol]"
BEGINNING = """
pipeline: moved
placement: chained
operators:
  - {name: source,  type: replay, flows: 3000, frames: 32768, loops: 60, interval: 2us, parallelism: 1}
  - {name: flow_id, type: flow_id}
"""
LOADS = f"  - {{name: loads, type: window, parallelism: 2, size: 100ms, key: {FLOW}, compute: [packets = count()]}}\n"
LINE = {
    "window": f"  - {{name: step, type: window, parallelism: 2, kind: sliding, size: 200ms, slide: 50ms, key: {FLOW},"
              " compute: [packets = count(), bytes = sum(bytes), last(timestamp_ns)]}\n",
    "reduce": f"  - {{name: step, type: reduce, parallelism: 2, every: 20, key: {FLOW},"
              " compute: [packets = count(), last(timestamp_ns)]}\n",
    "dedup": f"  - {{name: step, type: dedup, parallelism: 2, within: 30ms, renew: yes, key: {FLOW}}}\n",
    "threshold": LOADS + f"  - {{name: step, type: threshold, parallelism: 2, value: packets, above: 10, clear: 7,"
                 f" key: {FLOW}}}\n",
    "join": LOADS +
            f"  - {{name: more, type: window, parallelism: 2, size: 200ms, key: {FLOW},"
            " compute: [bytes = sum(bytes)]}\n"
            f"  - {{name: step, type: join, parallelism: 2, key: {FLOW}, time: window_end_ns, within: 400ms,"
            " lateness: 10s, per_key: 1000}\n",
}
STREAMS = {"join": ("source flow_id", "flow_id loads", "flow_id more", "loads step.left", "more step.right",
                    "step sink")}


def write(tmp_path, kind, name):
    text = BEGINNING + LINE[kind] + f"  - {{name: sink, type: json, path: {tmp_path / name}.jsonl}}\n"
    if kind in STREAMS:
        text += "streams:\n" + "".join("  - {{from: {}, to: {}}}\n".format(*pair.split()) for pair in STREAMS[kind])
    config = tmp_path / f"{name}.yaml"
    config.write_text(text)
    return config


def records(tmp_path, name):
    return sorted((tmp_path / f"{name}.jsonl").read_text().splitlines())


@pytest.mark.parametrize("kind", LINE)
def test_records_are_those_of_an_unmoved_run(make_controller, tmp_path, kind):
    still = run_file(["--config", write(tmp_path, kind, "still")], eal=("-l", "0-1"))
    assert still.returncode == 0, still.stderr
    controller = make_controller()
    node = Node(tmp_path, ["--config", write(tmp_path, kind, "moving"), "--node", "edge",
                           "--controller", controller.endpoint], eal=("-l", "0-1"))
    moved = 0
    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
        for i in itertools.count():
            if not node.process.is_running():
                break
            first = i * 97 % 900
            result = controller.ctl("move", "edge", "step", f"{first}-{first + 120}", i % 2, timeout=2)
            moved += result.returncode == 0 and "moved in" in result.stdout
        assert node.process.wait() == 0
    finally:
        node.close()
    assert moved >= 1
    assert len(records(tmp_path, "still")) > 1000
    assert records(tmp_path, "moving") == records(tmp_path, "still")
