# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The node's promises: every tuple accounted for, under load and at the end; the same records from any plan."""
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from conftest import ROOT, Process, wait_for
from node import NO_DEVICES, PLANS, WEIR, Node, assert_accounts_hold, run_file

TRACES = pathlib.Path(os.environ.get("WEIR_TRACES", ROOT.parent / "shared" / "traces"))
SMALL = ROOT / "tests" / "pipeline" / "tcp_end.pcap"

ENDLESS = """
pipeline: endless
ring_size: 64
operators:
  - {name: source,  type: replay, loops: 0, frames: 4096, flows: 1000}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats, max_flows: 500, idle_timeout: 1ms, active_timeout: 5ms}
  - {name: sink,    type: json, path: /dev/null}
"""


@pytest.fixture
def make_node_process(tmp_path):
    made = []

    def make(arguments, **options):
        made.append(Node(tmp_path, arguments, **options))
        return made[-1]

    yield make
    for node in made:
        node.close()


@pytest.fixture
def endless(tmp_path):
    """A configuration that never ends, written once: a node that has just been started may still be reading it."""
    path = tmp_path / "endless.yaml"
    path.write_text(ENDLESS, encoding="utf-8")
    return path


def run_plan(capture, plan, out, tunnels):
    eal, settings = PLANS[plan]
    done = run_file([capture, "--set", f"sink.path={out}", "--set", f"flow_id.tunnels={tunnels}", *settings], eal=eal)
    assert done.returncode == 0, done.stderr
    packets = int(re.search(r"(\d+) packets", done.stderr).group(1))
    drops = re.search(r"flow_id dropped ([^;\n]*)", done.stderr)
    dropped = sum(int(n) for n in re.findall(r"\d+", drops.group(1))) if drops else 0
    return packets, dropped, sorted(out.read_text(encoding="utf-8").splitlines())


def assert_plans_agree(capture, tmp_path, expected_packets, tunnels="outer"):
    reference = None
    for number, plan in enumerate(PLANS):
        packets, dropped, records = run_plan(capture, plan, tmp_path / f"{number}.jsonl", tunnels)
        assert packets == expected_packets, plan
        flows = [json.loads(record) for record in records]
        counted = sum(f[side]["packets"] for f in flows for side in ("fwd", "rev") if side in f)
        assert counted + dropped == packets, plan
        reference = reference or records
        assert records == reference, plan


def test_plans_agree_on_a_small_capture(tmp_path):
    assert_plans_agree(SMALL, tmp_path, 18)


def test_plans_agree_on_tcp_with_troubles(tmp_path, made_captures):
    """What the records say of round-trip times and retransmissions depends on the order of a flow's packets alone."""
    assert_plans_agree(made_captures["all"], tmp_path, 26062)


@pytest.mark.skipif(not (TRACES / "flowtest").is_dir(), reason="no FlowTest beside the project")
def test_plans_agree_on_flowtest(tmp_path):
    """All of its captures in one; that the records are right is test_conformance's to say."""
    capture = tmp_path / "flowtest.pcap"
    parts = sorted((TRACES / "flowtest").glob("*.pcap"))
    subprocess.run(["mergecap", "-F", "pcap", "-w", capture, *parts], check=True, timeout=60)
    assert_plans_agree(capture, tmp_path, 1310, "inner")


@pytest.mark.parametrize("tunnels", ["outer", "inner"])
@pytest.mark.skipif(not (TRACES / "mix.pcap.gz").exists(), reason="no real trace beside the project")
def test_plans_agree_on_real_traffic(tmp_path, tunnels):
    capture = tmp_path / "mix.pcap"
    with gzip.open(TRACES / "mix.pcap.gz") as packed, open(capture, "wb") as plain:
        shutil.copyfileobj(packed, plain)
    assert_plans_agree(capture, tmp_path, 102018, tunnels)


@pytest.mark.parametrize("eal", [["-l", "0"], ["--lcores", "0@0,1@0"]], ids=["one worker", "two workers"])
@pytest.mark.parametrize("channels", ["auto", "ring"])
def test_accounts_hold_under_overload(endless, make_node_process, eal, channels):
    node = make_node_process(["--config", endless, "--set", f"channels={channels}"], eal=eal)
    node.wait_until_up()
    for target in (100_000, 200_000, 300_000):
        wait_for(lambda t=target: node.instance("source")["in"] > t, f"{target} packets")
        for instance in node.instances():
            assert_accounts_hold(instance)
    assert node.instance("stats")["created"] > 0
    for channel in node.channels():
        assert channel["sent"] >= channel["received"]
    assert node.process.stop() == 0, node.process.err()


def test_drains_on_a_signal(tmp_path, endless, make_node_process):
    """What was taken in before the signal is exported, and the exit is 0; two signals at once are one."""
    out = tmp_path / "flows.jsonl"
    node = make_node_process(["--config", endless, "--set", f"sink.path={out}",
                              "--set", "stats.idle_timeout=1h", "--set", "stats.active_timeout=1h",
                              "--set", "stats.max_flows=4096", "--set", "channels=ring"])
    node.wait_until_up()
    wait_for(lambda: node.instance("source")["in"] > 10_000, "packets")
    node.process.child.send_signal(signal.SIGINT)
    node.process.child.send_signal(signal.SIGTERM)
    assert node.process.wait() == 0
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {r["end_reason"] for r in records} == {"shutdown"}
    packets = int(re.search(r"(\d+) packets", node.process.err()).group(1))
    assert sum(r[side]["packets"] for r in records for side in ("fwd", "rev") if side in r) == packets


@pytest.mark.parametrize("before, ends", [(["env", "--default-signal=HUP"], True), (["nohup"], False)],
                         ids=["terminal", "nohup"])
def test_hangup(endless, make_node_process, before, ends):
    """The terminal goes: the node drains and ends, unless it was told to outlive it (the tests may have been, too)."""
    node = make_node_process(["--config", endless], before=before).wait_until_up()
    node.process.child.send_signal(signal.SIGHUP)
    if not ends:
        seen = node.instance("source")["in"]
        wait_for(lambda: node.instance("source")["in"] > seen + 10_000, "packets after it")
        node.process.child.send_signal(signal.SIGTERM)
    assert node.process.wait() == 0, node.process.err()
    assert "packets, " in node.process.err()


def test_several_nodes_on_one_machine(endless, make_node_process):
    nodes = [make_node_process(["--config", endless], name=f"n{i}") for i in range(3)]
    for node in nodes:
        node.wait_until_up()
    for node in nodes:
        wait_for(lambda n=node: n.instance("source")["in"] > 1000, "packets")
    for node in nodes:
        assert node.process.stop() == 0, node.process.err()


def test_telemetry_describes_the_plan(endless, make_node_process):
    arguments = ["--config", endless, "--node", "n"]
    node = make_node_process(arguments, eal=("--lcores", "0@0,1@0")).wait_until_up()
    info = node.ask("/weir/info")
    assert (info["node"], info["workers"]) == ("n", 2)
    plan = "\n".join(node.ask("/weir/plan"))
    assert "endless/stats[1]  type flow_stats" in plan
    kinds = {(c["from"], c["to"]): c["kind"] for c in node.channels()}
    assert kinds["flow_id[0]", "stats[0]"] == "call"
    assert kinds["flow_id[0]", "stats[1]"] == "ring"
    assert node.ask("/weir/instance,99") is None


def test_empty_node_waits_for_its_part(tmp_path):
    """Only a controller is named, and it is not there: the node waits, says so once, and ends when told."""
    arguments = [WEIR, *NO_DEVICES, "--no-shconf", "--", "--controller", f"ipc://{tmp_path}/none"]
    process = Process("empty", arguments, tmp_path)
    wait_for(lambda: "no answer" in process.err(), "it says that nobody answers")
    assert process.is_running()
    assert process.stop() == 0


def test_no_huge_with_in_memory_is_mended(tmp_path):
    done = run_file([SMALL], eal=["-l", "0", "--in-memory"])
    assert done.returncode == 0
    assert "--no-huge with --in-memory" in done.stderr


def test_default_arguments_need_no_root_nor_huge_pages(tmp_path):
    """The simplest use, as nobody: a file in, JSON lines out."""
    capture = tmp_path / "c.pcap"
    shutil.copy(SMALL, capture)
    tmp_path.chmod(0o755)
    done = os.popen(f"setpriv --reuid=65534 --regid=65534 --clear-groups {WEIR} < {capture} - 2>&1 >/dev/null")
    assert "18 packets" in done.read()
    assert done.close() is None
