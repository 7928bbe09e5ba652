# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""More than the controller can work off: lists are left out, sums are not, and nobody sends anything twice."""
import json
import os
import signal
import subprocess

from conftest import BUILD, wait_for


def overload(controller, nodes):
    """All nodes send at once what waited while the controller stood still; returns how many lists were left out."""
    os.kill(controller.process.pid, signal.SIGSTOP)
    for node in nodes:
        flows = [node.flow(f"10.1.{i}.1", f"10.2.{i}.2", size=100) for i in range(150)]
        for _ in range(64):
            node.summary(packets=1500, size=15000, flows=flows)
    os.kill(controller.process.pid, signal.SIGCONT)
    for node in nodes:
        node.wait_ack(node.sequence)
    return sum(node["shed"] for node in controller.ask("status")["nodes"])


def test_overload_sheds_lists_and_keeps_sums(tmp_path, make_controller, make_node):
    config = tmp_path / "controller.yaml"
    config.write_text("shed_after: 0s\nredis: none\n")
    controller = make_controller(config=config)
    nodes = [make_node(controller, f"n{i}") for i in range(8)]
    for node in nodes:
        node.register()
        node.start_beating()
    shed = wait_for(lambda: overload(controller, nodes), "lists are left out")
    status = controller.ask("status")
    assert status["totals"]["packets"] == sum(node.totals["packets"] for node in nodes)
    assert all(node["gaps"]["missing"] == 0 and node["duplicates"] == 0 for node in status["nodes"])
    assert shed < sum(node.sequence for node in nodes)  # not all of them
    top = controller.ask("top", "flows", "--window", 60)
    assert not top["exact"] and top["error"] > 0
    repeated = top.get("repeated", {"packets": 0})["packets"]
    listed = sum(entry["packets"] for entry in top["entries"])
    assert listed + top["rest"]["packets"] + repeated == top["totals"]["packets"]
    assert "SHED" in controller.ctl("status").stdout
    # What comes when nothing waits is taken whole.
    nodes[0].summary()
    nodes[0].wait_ack(nodes[0].sequence)
    assert sum(node["shed"] for node in controller.ask("status")["nodes"]) == shed


def test_a_hundred_nodes(make_controller, redis):
    """The load generator of bench/ at a low rate: every node accepted, every summary acknowledged and counted."""
    controller = make_controller(redis=redis.endpoint)
    out = subprocess.run([BUILD / "bench/controller_load", controller.endpoint, "100", "40", "4", "2"],
                         capture_output=True, text=True, timeout=120, check=True).stdout
    sent = json.loads(out)
    assert sent["nodes"] == 100 and sent["refused"] == 0
    assert sent["acknowledged"] == sent["summaries"] > 0
    status = controller.ask("status")
    assert status["totals"]["packets"] == sent["packets"]
    assert len(status["nodes"]) == 100 and all(node["gaps"]["missing"] == 0 for node in status["nodes"])
