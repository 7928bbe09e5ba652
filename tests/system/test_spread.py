# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Operators come to run in more or fewer instances under load: what comes out is what an unchanged run gives."""
import pytest

from conftest import wait_for
from node import Node, assert_accounts_hold, run_file

FLOW = "[src_ip, dst_ip, src_port, dst_port, protocol]"
BEGINNING = """
pipeline: spread
placement: chained
operators:
  - {name: source,  type: replay, flows: 3000, frames: 32768, loops: LOOPS, interval: 2us, rounds: converse,
     parallelism: 1}
  - {name: flow_id, type: flow_id, parallelism: COUNT}
"""
LINE = {
    "flow_stats": "  - {name: step, type: flow_stats, parallelism: COUNT, idle_timeout: 300ms, active_timeout: 1s}\n",
    "window": f"  - {{name: step, type: window, parallelism: COUNT, kind: sliding, size: 200ms, slide: 50ms,"
              f" key: {FLOW}, compute: [packets = count(), bytes = sum(bytes), last(timestamp_ns)]}}\n",
    "reduce": f"  - {{name: step, type: reduce, parallelism: COUNT, every: 20, key: {FLOW},"
              " compute: [packets = count(), last(timestamp_ns)]}\n",
    "dedup": f"  - {{name: step, type: dedup, parallelism: COUNT, within: 30ms, renew: yes, key: {FLOW}}}\n",
    "threshold": f"  - {{name: loads, type: window, parallelism: COUNT, size: 100ms, key: {FLOW},"
                 " compute: [packets = count()]}\n"
                 f"  - {{name: step, type: threshold, parallelism: COUNT, value: packets, above: 10, clear: 7,"
                 f" key: {FLOW}}}\n",
}
# The frames of a flow keep their order: one flow_id, as one source.
IN_ORDER = ("flow_stats", "window", "reduce", "dedup", "threshold")


def write(tmp_path, kind, name, count, loops=100):
    text = BEGINNING + LINE[kind] + f"  - {{name: sink, type: json, path: {tmp_path / name}.jsonl}}\n"
    if kind in IN_ORDER:
        text = text.replace("flow_id, parallelism: COUNT", "flow_id, parallelism: 1")
    config = tmp_path / f"{name}-{count}.yaml"
    config.write_text(text.replace("COUNT", str(count)).replace("LOOPS", str(loops)))
    return config


def records(tmp_path, name):
    return sorted((tmp_path / f"{name}.jsonl").read_text().splitlines())


@pytest.mark.parametrize("kind,workers", [(kind, "0-1") for kind in LINE] + [("flow_stats", "0")])
def test_records_are_those_of_an_unchanged_run(make_controller, tmp_path, kind, workers):
    still = run_file(["--config", write(tmp_path, kind, "still", 2)], eal=("-l", "0-1"))
    assert still.returncode == 0, still.stderr
    controller = make_controller()
    node = Node(tmp_path, ["--config", write(tmp_path, kind, "changing", 1), "--node", "edge",
                           "--controller", controller.endpoint], eal=("-l", workers))
    changed, before = 0, 1
    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
        for count in (2, 4, 1, 4, 2, 1) * 2:
            said = f"step.parallelism {count} (was {before})"
            result = controller.ctl("apply", "edge", write(tmp_path, kind, "changing", count), timeout=10)
            if not node.process.is_running():
                break
            if result.returncode != 0:
                continue
            assert said in result.stdout, result
            assert "stay where they were" not in result.stdout or "is ending" in result.stdout, result
            before = count
            changed += 1
            if changed == 1:
                instances = [one for one in node.instances() if one["operator"] == "step"]
                assert len(instances) == count
                for one in node.instances():
                    assert_accounts_hold(one)
        assert node.process.wait() == 0
    finally:
        node.close()
    assert changed >= 1
    assert len(records(tmp_path, "still")) > 1000
    assert records(tmp_path, "changing") == records(tmp_path, "still")
