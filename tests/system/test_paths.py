# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Two real nodes at the two ends of a path that delays and loses: what the controller derives is what the path did."""
import json
import re
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, Process, remove_runtime, wait_for
from network import unique_name

FLOWS, PACKETS, DELAY_US, LOSS = 20, 60, 15000, 0.02  # of each of the relay's two hops
SENDER = """
import socket, sys, time
flows, packets = int(sys.argv[1]), int(sys.argv[2])
out = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(flows)]
for i in range(packets):
    for flow, one in enumerate(out):
        one.sendto(b"x" * 200, ("10.80.2.2", 7000 + flow))
    time.sleep(0.02)
"""


class Path:
    """a (10.80.1.2) - m - relay - n - b (10.80.2.2): routers m and n, joined by TUN devices."""

    def __init__(self, folder):
        self.folder, self.name, self.processes = folder, unique_name(), []

    def run(self, *words):
        subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=60)

    def start(self, name, *words):
        self.processes.append(Process(name, words, self.folder))
        return self.processes[-1]

    def inside(self, end, *words):
        return ["ip", "netns", "exec", f"{self.name}-{end}", *words]

    def join(self, end, router, net):
        port, peer = f"w{end}", f"w{router}"
        self.run("ip", "link", "add", port, "netns", f"{self.name}-{end}", "type", "veth", "peer", "name", peer,
                 "netns", f"{self.name}-{router}")
        for space, device, host in ((end, port, 2), (router, peer, 1)):
            self.run(*self.inside(space, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1"))
            self.run(*self.inside(space, "ethtool", "-K", device, "tx", "off", "rx", "off", "gso", "off", "gro", "off"))
            self.run("ip", "-n", f"{self.name}-{space}", "addr", "add", f"10.80.{net}.{host}/24", "dev", device)
            self.run("ip", "-n", f"{self.name}-{space}", "link", "set", device, "up")
        self.run("ip", "-n", f"{self.name}-{end}", "route", "add", "default", "via", f"10.80.{net}.1")

    def up(self):
        for end in "amnb":
            self.run("ip", "netns", "add", f"{self.name}-{end}")
        self.join("a", "m", 1)
        self.join("b", "n", 2)
        self.relay = self.start("relay", BUILD / "tests/captures/relay", f"{self.name}-m", f"{self.name}-n",
                                f"delay_us={DELAY_US}", f"loss={LOSS}", "seconds=600", "seed=5")
        for router, far in (("m", "10.80.2.0/24"), ("n", "10.80.1.0/24")):
            space = f"{self.name}-{router}"
            wait_for(lambda: subprocess.run(["ip", "-n", space, "link", "show", "wire"], capture_output=True,
                                            check=False).returncode == 0, "the relay's device")
            self.run(*self.inside(router, "sysctl", "-qw", "net.ipv6.conf.wire.disable_ipv6=1",
                                  "net.ipv4.ip_forward=1"))
            self.run("ip", "-n", space, "link", "set", "wire", "up")
            self.run("ip", "-n", space, "route", "add", far, "dev", "wire")
        return self

    def down(self):
        for process in self.processes:
            process.kill()
        for end in "amnb":
            subprocess.run(["ip", "netns", "del", f"{self.name}-{end}"], check=False, capture_output=True)
        remove_runtime(self.name)

    def watch(self, end, controller):
        """A node at this end that tells of every flow, and ends one after two seconds of silence."""
        settings = ["sink.path=" + str(self.folder / f"{end}.jsonl"), "stats.idle_timeout=2s", "report.floor=200KiB",
                    "report.flows=200"]
        words = [word for setting in settings for word in ("--set", setting)]
        return self.start(f"node-{end}", *self.inside(
            end, BUILD / "weir-dataplane", "--no-huge", "--no-shconf", "--no-pci", "--log-level=error", "--file-prefix",
            f"{self.name}-{end}", "-l", "0", "--vdev", f"net_pcap0,iface=w{end}", "--", "--config",
            ROOT / "conf/flow-monitor.yaml", "--node", f"end-{end}", "--controller", controller.endpoint, *words))


@pytest.fixture
def path(tmp_path):
    made = Path(tmp_path)
    try:
        yield made.up()
    finally:
        made.down()


def records(file):
    """(source port, destination port) -> packets, from a node's own records."""
    result = {}
    for line in file.read_text().splitlines():
        record = json.loads(line)
        if record["protocol"] == 17 and 7000 <= record["dst_port"] < 7000 + FLOWS:
            key = record["src_port"], record["dst_port"]
            result[key] = result.get(key, 0) + record["fwd"]["packets"]
    return result


def test_delay_and_loss_are_those_of_the_path(tmp_path, path, make_controller):
    controller = make_controller(listen=f"ipc://{tmp_path}/controller")
    nodes = [path.watch(end, controller) for end in "ab"]
    for node, end in zip(nodes, "ab"):
        wait_for(lambda: controller.node(f"end-{end}").get("state") == "up" or not node.is_running(), "a node is up")
        assert node.is_running(), node.err()
    sender = path.start("sender", *path.inside("a", sys.executable, "-c", SENDER, FLOWS, PACKETS))
    assert sender.wait() == 0

    def joined():
        flows = controller.ask("paths", "--limit", 100)["flows"]
        return [flow for flow in flows if flow["dst_port"] >= 7000 and flow["protocol"] == "udp" and flow["ended"]]
    wait_for(lambda: len(joined()) == FLOWS, "all flows were seen by both nodes and ended")
    answer = controller.ask("paths", "--limit", 100)
    pair = next(p for p in answer["pairs"] if (p["from_node"], p["to_node"]) == ("end-a", "end-b"))
    path.relay.child.terminate()
    assert path.relay.wait() == 0
    lost = int(re.search(r"lost (\d+)", path.relay.out())[1])
    assert lost > 0
    # What the relay says it lost is what the two nodes' figures differ by.
    assert pair["flows"] == FLOWS and pair["packets"] == FLOWS * PACKETS and pair["lost_packets"] == lost
    assert all(flow["from_node"] == "end-a" and flow["packets"] == PACKETS for flow in joined())
    assert sum(flow["lost_packets"] for flow in joined()) == lost
    # The relay's delay and what it takes to forward; no flow is faster than the path.
    delay = pair["delay"]
    assert delay["samples"] == FLOWS
    assert delay["min_ns"] >= 2000 * DELAY_US * (1 - delay["relative_error"])
    assert all(flow["delay_ns"] >= 2000 * DELAY_US for flow in joined())
    assert delay["min_ns"] <= delay["p50_ns"] <= delay["p95_ns"] <= delay["max_ns"]
    assert "end-a" in controller.ctl("paths").stdout
    # Over all nodes a flow is one flow: its packets count as the node's that told of it first.
    assert answer["repeated"]["packets"] > 0
    for node in nodes:
        assert node.stop() == 0, node.err()
    sent, arrived = records(tmp_path / "a.jsonl"), records(tmp_path / "b.jsonl")
    assert sum(sent.values()) == FLOWS * PACKETS and sum(sent.values()) - sum(arrived.values()) == lost
    for flow in joined():
        key = flow["src_port"], flow["dst_port"]
        assert flow["lost_packets"] == sent[key] - arrived[key]
