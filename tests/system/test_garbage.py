# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""10,000 messages of garbage a second on both sockets, damaged, truncated, replayed, of another version, with forged
epochs, too large: refused and counted one by one, while a real node's summaries stay complete."""
import json
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
COUNT, DAMAGED, RATE = 30_000, 10_000, 10_000
REFUSALS = ("malformed", "refused", "unregistered")
# Of the controller; what a sanitizer takes for itself is in it.
IS_SANITIZED = b"__asan_init" in (BUILD / "weir-controller").read_bytes()
GROWTH_MAX_KB = (512 if IS_SANITIZED else 32) << 10


def memory_kb(pid):
    return int(re.search(r"VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def genuine(messages, node, incarnation):
    """[(message, what it is on the socket for commands, and on that for summaries)]: right, or nearly so."""
    summary = dict(pipeline="p", operator="r", sequence=1, start_ns=1, end_ns=2)
    bodies = [
        (dict(summary=messages.Summary(node="replayed", incarnation=7, interval=messages.Totals(packets=1),
                                       cumulative=messages.Totals(packets=1), **summary)), "malformed", "taken"),
        # Refused, so that the epoch, which could be, is not taken over.
        (dict(register=messages.Register(node=node, incarnation=incarnation ^ 0xffff, epoch=5)), "refused",
         "malformed"),
        (dict(register=messages.Register(node="other", incarnation=0, epoch=5)), "refused", "malformed"),
        (dict(register=messages.Register(node="not/valid", incarnation=7, epoch=5)), "refused", "malformed"),
        (dict(summary=messages.Summary(node=node, incarnation=incarnation ^ 0xffff,
                                       cumulative=messages.Totals(packets=10**9), **summary)), "malformed",
         "unregistered"),
        (dict(heartbeat=messages.Heartbeat(node=node, incarnation=incarnation, sequence=2**60)), "unregistered",
         "malformed"),
        (dict(goodbye=messages.Goodbye(node=node, incarnation=incarnation)), "unregistered", "malformed"),
        (dict(command_result=messages.CommandResult(id="c1-1", status=messages.COMMAND_DONE)), "unregistered",
         "malformed"),
        (dict(registered=messages.Registered(accepted=True, epoch=2**62)), "malformed", "malformed"),
    ]
    made = [(messages.Message(version=1, **body), *classes) for body, *classes in bodies]
    made.append((messages.Message(version=2**31, goodbye=messages.Goodbye(node=node)), "malformed", "malformed"))
    return made


def send_all(controller, folder, name, kinds, made, count=COUNT):
    """Send garbage to both sockets; returns what each sender told."""
    words = [message.SerializeToString().hex() for message in made]
    senders = [Process(f"{name}{seed}", [sys.executable, ROOT / "tests/system/garbage.py", endpoint, count, RATE, seed,
                                         kinds, *words], folder)
               for seed, endpoint in enumerate((controller.endpoint, summary_endpoint(controller.endpoint)))]
    try:
        for sender in senders:
            assert sender.wait() == 0, sender.err()
        return [json.loads(sender.out()) for sender in senders]
    finally:
        for sender in senders:
            sender.kill()


def counts(controller):
    """The counters of messages; each message is counted once."""
    found = controller.ask("status")["controller"]["messages"]
    assert found["received"] == sum(found[name] for name in ("taken", *REFUSALS)), found
    return found


def test_garbage_harms_nobody(make_controller, make_node, messages, tmp_path):
    controller = make_controller()
    config = tmp_path / "made-up.yaml"
    config.write_text(PIPELINE)
    node = Node(tmp_path, ["--config", config, "--node", "edge", "--controller", controller.endpoint])
    replayed = make_node(controller, "replayed", incarnation=7)
    try:
        replayed.register()
        replayed.start_beating()
        wait_for(lambda: controller.node("edge").get("totals", {}).get("packets", 0) > 0, "node edge reports")
        before, before_kb = counts(controller), memory_kb(controller.process.pid)
        epoch = controller.ask("status")["controller"]["epoch"]
        made = genuine(messages, "edge", controller.node("edge")["incarnation"])
        told = send_all(controller, tmp_path, "garbage", "random,cut,version,whole", [m[0] for m in made])
        expected = dict.fromkeys(REFUSALS, 0)
        for socket, sent in enumerate(told):
            expected["malformed"] += sum(sent["kinds"][kind] for kind in ("random", "cut", "version"))
            expected["refused"] += sent["kinds"]["oversized"]
            for number, kind in zip(sent["whole"], (m[1 + socket] for m in made)):
                if kind != "taken":
                    expected[kind] += number

        def counted():
            now = counts(controller)
            return {name: now[name] - before[name] for name in REFUSALS}

        wait_for(lambda: sum(counted().values()) >= sum(expected.values()), "all of it was looked at")
        assert counted() == expected
        told_of = controller.ask("status")["controller"]
        assert told_of["refused_connections"]["oversized"] == sum(sent["kinds"]["oversized"] for sent in told) > 0
        assert sum(told_of["refused_connections"].values()) == told_of["refused_connections"]["oversized"]
        # Damage may spare a message, and one that was taken over tells a made-up epoch: who knows how many those are.
        forged = messages.Message(version=1, register=messages.Register(node="replayed", incarnation=7, epoch=2**62))
        received = counts(controller)["received"]
        send_all(controller, tmp_path, "damaged", "damaged", [m[0] for m in made[4:]], DAMAGED)
        send_all(controller, tmp_path, "forged", "whole", [forged], 100)
        wait_for(lambda: counts(controller)["received"] >= received + 2 * (DAMAGED + 100), "all of it was looked at")
        wait_for(lambda: counts(controller)["forged_epochs"] > before["forged_epochs"], "made-up epochs are noticed")
        assert controller.ask("status")["controller"]["epoch"] == epoch
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
        node.close()
