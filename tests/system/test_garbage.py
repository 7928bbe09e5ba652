# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""10,000 messages of garbage a second on both sockets, damaged, truncated, replayed, of another version, with forged
epochs, too large: refused and counted, while a real node's summaries stay complete."""
import pathlib
import re
import sys

from conftest import BUILD, ROOT, Process, wait_for
from fake_node import summary_endpoint
from node import Node

PIPELINE = """
pipeline: made-up
operators:
  - {name: source, type: replay, flows: 1000, loops: 0, rate: 5000, parallelism: 1}
  - {name: flow_id, type: flow_id, parallelism: 1}
  - {name: stats, type: flow_stats, parallelism: 1, update_interval: 200ms}
  - {name: report, type: summary, parallelism: 1, interval: 250ms}
"""
COUNT, RATE = 30_000, 10_000
WHOLE = 5
# Of the controller; what a sanitizer takes for itself is in it.
IS_SANITIZED = b"__asan_init" in (BUILD / "weir-controller").read_bytes()
GROWTH_MAX_KB = (512 if IS_SANITIZED else 32) << 10


def memory_kb(pid):
    return int(re.search(r"VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def genuine(messages, node, incarnation):
    """Messages that are right, or nearly: of the node that is there, of others, of other versions and epochs. The first
    WHOLE of them, cut or damaged, could be of a node that is right."""
    summary = dict(pipeline="p", operator="r", sequence=1, start_ns=1, end_ns=2)
    bodies = [
        dict(summary=messages.Summary(node="replayed", incarnation=7, interval=messages.Totals(packets=1),
                                      cumulative=messages.Totals(packets=1), **summary)),
        # Refused, so that the epoch, which could be, is not taken over; taken, but the epoch is not.
        dict(register=messages.Register(node=node, incarnation=incarnation ^ 0xffff, epoch=5)),
        dict(register=messages.Register(node="other", incarnation=0, epoch=5)),
        dict(register=messages.Register(node="not/valid", incarnation=7, epoch=5)),
        dict(register=messages.Register(node="replayed", incarnation=7, epoch=2**62)),
        dict(summary=messages.Summary(node=node, incarnation=incarnation ^ 0xffff,
                                      cumulative=messages.Totals(packets=10**9), **summary)),
        dict(heartbeat=messages.Heartbeat(node=node, incarnation=incarnation, sequence=2**60)),
        dict(goodbye=messages.Goodbye(node=node, incarnation=incarnation)),
        dict(command_result=messages.CommandResult(id="c1-1", status=messages.COMMAND_DONE)),
        dict(registered=messages.Registered(accepted=True, epoch=2**62)),
    ]
    made = [messages.Message(version=1, **body) for body in bodies]
    made.append(messages.Message(version=2**31, goodbye=messages.Goodbye(node=node)))
    return [message.SerializeToString().hex() for message in made]


def test_garbage_harms_nobody(make_controller, make_node, messages, tmp_path):
    controller = make_controller()
    config = tmp_path / "made-up.yaml"
    config.write_text(PIPELINE)
    node = Node(tmp_path, ["--config", config, "--node", "edge", "--controller", controller.endpoint])
    replayed = make_node(controller, "replayed", incarnation=7)
    senders = []
    try:
        replayed.register()
        replayed.start_beating()
        wait_for(lambda: controller.node("edge").get("totals", {}).get("packets", 0) > 0, "node edge reports")
        before, before_kb = controller.ask("status")["controller"], memory_kb(controller.process.pid)
        words = genuine(messages, "edge", controller.node("edge")["incarnation"])
        for seed, endpoint in enumerate((controller.endpoint, summary_endpoint(controller.endpoint))):
            senders.append(Process(f"garbage{seed}", [sys.executable, ROOT / "tests/system/garbage.py", endpoint, COUNT,
                                                      RATE, seed, WHOLE, *words], tmp_path))
        for sender in senders:
            assert sender.wait() == 0, sender.err()
        wait_for(lambda: controller.ask("status")["controller"]["messages"]["received"] >=
                 before["messages"]["received"] + 2 * COUNT, "all of it was looked at")
        after = controller.ask("status")["controller"]
        counted = sum(after["messages"][name] - before["messages"][name] for name in
                      ("malformed", "unregistered", "refused"))
        # All but what is right as it is, and what damage spares: measured, 93 in 100.
        assert counted > 2 * COUNT * 0.9, after["messages"]
        assert after["epoch"] == before["epoch"]
        assert after["messages"]["forged_epochs"] > before["messages"]["forged_epochs"]
        growth_kb = memory_kb(controller.process.pid) - before_kb
        assert growth_kb < GROWTH_MAX_KB
        # The one summary that was right counts once, however often it came.
        assert controller.node("replayed")["totals"]["packets"] == 1
        node.process.stop()
        wait_for(lambda: controller.node("edge")["state"] == "ended")
        edge = controller.node("edge")
        assert edge["gaps"]["missing"] == 0 and edge["unknown"]["duration_ns"] == 0 and edge["incarnations"] == 1
        source = next(o for n in controller.ask("operators")["nodes"] if n["name"] == "edge"
                      for o in n["operators"] if o["operator"] == "source")
        assert edge["totals"]["packets"] == source["in"] > 0
        assert edge["uplink"]["discarded"] == 0
        names = {n["name"] for n in controller.ask("status")["nodes"]}
        assert names == {"edge", "replayed"}
    finally:
        for sender in senders:
            sender.kill()
        node.close()
