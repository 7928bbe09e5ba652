# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A flow monitor is killed some time after a snapshot and goes on from it: each record of a flow is the one that a
monitor makes that nothing happened to, with all that TCP analysis found."""
import collections
import json
import random
import shutil

import pytest

import captures
from conftest import wait_for
from node import run_file
from test_manuals import OPERATORS

PIPELINE = """
pipeline: monitor
operators:
  - {{name: source,  type: pcap, path: {folder}/in.pcap}}
  - {{name: flow_id, type: flow_id}}
  - {{name: slow,    type: json, path: {pipe}, queue_size: 128}}
  - {{name: stats,   type: flow_stats, idle_timeout: 1500ms, active_timeout: 2500ms, tcp_linger: 200ms,
     update_interval: 200ms}}
  - {{name: flows,   type: json, path: {folder}/flows.jsonl}}
  - {{name: updates, type: json, path: {folder}/updates.jsonl}}
streams:
  - {{from: source,  to: flow_id}}
  - {{from: flow_id, to: slow}}
  - {{from: flow_id, to: stats}}
  - {{from: stats,   to: flows}}
  - {{from: stats.updates, to: updates}}
"""
ONE, TWO, RINGS = ("-l", "0"), ("-l", "0-1"), ("--set", "channels=ring")
ALONE, PAIR, THREE = (("--set", f"stats.parallelism={count}") for count in (1, 2, 3))
# The plan of the node that is killed, and of the one that goes on.
PLANS = {
    "one": ((ONE, ALONE), (ONE, ALONE)),
    "two": ((TWO, PAIR), (TWO, PAIR)),
    "two ringed": ((TWO, PAIR + RINGS), (TWO, PAIR + RINGS)),
    "one then three": ((ONE, ALONE + RINGS), (TWO, THREE)),
    "two then one": ((TWO, PAIR + RINGS), (ONE, ALONE)),
}


def gauge(node, operator, name):
    """Of all its instances."""
    return sum(instance[f"gauge_{name}"] for instance in node.instances() if instance["operator"] == operator)


def packets_read(node):
    """By its source; None: it has ended."""
    try:
        instances = [node.ask(f"/weir/instance,{number}") for number in node.ask("/weir/instances") or ()]
    except (OSError, json.JSONDecodeError):
        return None
    return next((one["in"] for one in instances if one and one["operator"] == "source"), None)


def cut(make_run, pipeline, capture, plan, is_time):
    """A run that is killed after a snapshot which was taken when it was time, and a node that goes on from that."""
    (eal, settings), (restored_eal, restored_settings) = PLANS[plan]
    run = make_run("cut", pipeline, eal=eal)
    shutil.copy(capture, run.folder / "in.pcap")
    node, directory = run.start(*settings).wait_until_up(), run.folder / "snapshot"
    wait_for(lambda: is_time(node), "flows have come and gone")
    if eal == TWO:
        assert run.controller.ctl("move", "edge", "stats", "0-300", 0).returncode == 0
    run.saved(directory)
    before = packets_read(node)
    wait_for(lambda: (now := packets_read(node)) is None or now > before, "the node has gone on, or to its end")
    node.process.kill()
    node.close()
    return run, run.start("--restore", directory, *restored_settings, eal=restored_eal)


def undisturbed(folder, pipeline, capture):
    """The files of a run that nothing happened to."""
    shutil.copy(capture, folder / "in.pcap")
    (folder / "pipeline.yaml").write_text(pipeline.format(folder=folder, pipe="/dev/null"))
    done = run_file(["--config", folder / "pipeline.yaml"])
    assert done.returncode == 0, done.stderr
    return folder


def ends(flow):
    return tuple(sorted((flow[f"{side}_ip"], flow[f"{side}_port"]) for side in ("src", "dst")))


def flows_of(folder):
    return sorted((folder / "flows.jsonl").read_text().splitlines())


def sums_of_updates(folder):
    """Of each pair of ends what its updates add up to: when they are told is another matter."""
    sums = collections.defaultdict(collections.Counter)
    for line in (folder / "updates.jsonl").read_text().splitlines():
        update = json.loads(line)
        for side in ("fwd", "rev"):
            for figure in ("packets", "bytes"):
                sums[ends(update)][figure] += update.get(f"{side}_{figure}", 0)
    return sums


@pytest.fixture(scope="module", name="whole")
def fixture_whole(tmp_path_factory, made_captures):
    return undisturbed(tmp_path_factory.mktemp("whole"), PIPELINE, made_captures["all"])


@pytest.mark.parametrize("plan", PLANS)
def test_records_are_those_of_an_undisturbed_run(make_run, made_captures, whole, plan):
    run, node = cut(make_run, PIPELINE, made_captures["all"], plan,
                    lambda node: gauge(node, "stats", "ended_idle") > 50)
    run.finish(node)
    kept = json.loads((run.folder / "snapshot" / "manifest.json").read_text())["operators"]
    saved = next(operator for operator in kept if operator["name"] == "stats")
    assert int(saved["file"]["items"]) > 20, "few flows were open"
    assert flows_of(run.folder) == flows_of(whole)
    assert sums_of_updates(run.folder) == sums_of_updates(whole)


QUERY = bytes.fromhex("1234010000010000000000000765 78616d706c65036e6574 0000010001")
FLOWS, PACKETS_EACH = 450, 30


def datagrams():
    """Flows of 30 packets in a second, 50 at once: DNS, noise, and a query before noise."""
    dice, frames = random.Random(3), []
    for flow in range(FLOWS):
        for number in range(PACKETS_EACH):
            is_query = flow % 3 == 0 or (flow % 3 == 1 and number == 0)
            payload = QUERY if is_query else dice.randbytes(60)
            header = captures.ipv4_udp(28 + len(payload), 20000 + flow, 53 if flow % 3 < 2 else 9)[:28]
            frame = captures.ethernet(header + payload)
            at_us = flow * 20_000 + number * 33_000
            frames.append((captures.START + at_us // 1_000_000, at_us % 1_000_000, len(frame), frame))
    return captures.pcap(sorted(frames))


@pytest.mark.skipif("application" not in OPERATORS, reason="built without libndpi")
@pytest.mark.parametrize("plan", ("one", "two then one"))
def test_applications(make_run, tmp_path, plan):
    """What was recognised stays so; what was being looked at is looked at anew, and counted."""
    (tmp_path / "datagrams.pcap").write_bytes(datagrams())
    pipeline = PIPELINE.replace("  - {{from: flow_id, to: stats}}",
                                "  - {{from: flow_id, to: names}}\n  - {{from: names, to: stats}}")
    pipeline = pipeline.replace("streams:", "  - {{name: names,   type: application}}\nstreams:")
    (tmp_path / "whole").mkdir()
    whole = undisturbed(tmp_path / "whole", pipeline, tmp_path / "datagrams.pcap")
    run, node = cut(make_run, pipeline, tmp_path / "datagrams.pcap", plan,
                    lambda node: gauge(node, "names", "unclassified") > 10)
    node.wait_until_up()
    assert gauge(node, "names", "begun_anew") > 0
    run.finish(node)
    lines = flows_of(run.folder)
    assert lines == flows_of(whole)
    assert sum(json.loads(line).get("application") == "DNS" for line in lines) >= FLOWS * 2 // 3
