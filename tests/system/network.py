# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Two network namespaces joined by veth, made and removed by the test that uses them, and nodes that watch them."""
import json
import os
import re
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, Process, remove_runtime, wait_for

SENDER = """
import socket, sys, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to = (sys.argv[1], int(sys.argv[2]))
period, due = 1 / float(sys.argv[3]), time.monotonic()
while True:
    out.sendto(b"x" * 100, to)
    due += period
    time.sleep(max(0, due - time.monotonic()))
"""


class Network:
    """Namespaces NAME-a (10.78.1.1, watched, port `wa`) and NAME-b (10.78.1.2)."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.processes = []

    def run(self, *words):
        subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=60)

    def up(self):
        for end in "ab":
            self.run("ip", "netns", "add", f"{self.name}-{end}")
            self.run("ip", "-n", f"{self.name}-{end}", "link", "set", "lo", "up")
        self.run("ip", "link", "add", "wa", "netns", f"{self.name}-a", "type", "veth", "peer", "name", "wb", "netns",
                 f"{self.name}-b")
        for end, address in (("a", 1), ("b", 2)):
            space, port = f"{self.name}-{end}", f"w{end}"
            # No IPv6: its neighbour and router messages come when they like, and these tests count packets.
            self.run("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
            self.run("ip", "netns", "exec", space, "ethtool", "-K", port, "tx", "off", "rx", "off", "gso", "off",
                     "gro", "off", "tso", "off")
            self.run("ip", "-n", space, "addr", "add", f"10.78.1.{address}/24", "dev", port)
            self.run("ip", "-n", space, "link", "set", port, "up")
        return self

    def start(self, name, end, *words):
        process = Process(name, ["ip", "netns", "exec", f"{self.name}-{end}", *words], self.folder)
        self.processes.append(process)
        return process

    def send_datagrams(self, port=9, per_s=500):
        """Datagrams from b to a until the returned process is killed."""
        return self.start(f"sender{port}", "b", sys.executable, "-c", SENDER, "10.78.1.1", port, per_s)

    def ping(self, count):
        """Echo requests from b to a, and their replies; returns how many were answered."""
        ping = ["ping", "-c", str(count), "-i", "0.01", "-W", "5", "10.78.1.1"]
        out = subprocess.run(["ip", "netns", "exec", f"{self.name}-b", *ping], capture_output=True, text=True,
                             timeout=60, check=False).stdout
        return int(re.search(r"(\d+) received", out).group(1))

    def is_watched(self):
        """Somebody captures in namespace a: what comes from now on lies in a ring for it."""
        show = ["ip", "netns", "exec", f"{self.name}-a", "ss", "--packet", "--extended", "--numeric"]
        out = subprocess.run(show, check=True, capture_output=True, text=True, timeout=60).stdout
        return "ring_rx(" in out

    def down(self):
        for process in self.processes:
            process.kill()
        for end in "ab":
            subprocess.run(["ip", "netns", "del", f"{self.name}-{end}"], check=False, capture_output=True)
        remove_runtime(self.name)


class Node:
    """weir-dataplane with conf/flow-monitor.yaml on port `wa` of a network; each start has its own sink file."""

    def __init__(self, network, controller, name="edge", settings=()):
        self.network, self.controller, self.name = network, controller, name
        self.settings = settings
        self.starts = 0
        self.before = ()  # words before the command: an environment
        self.process = None

    def start(self):
        self.starts += 1
        self.sink = self.network.folder / f"{self.name}-{self.starts}.jsonl"
        settings = [word for setting in (f"sink.path={self.sink}", *self.settings) for word in ("--set", setting)]
        self.process = self.network.start(
            f"{self.name}-{self.starts}", "a", *self.before, BUILD / "weir-dataplane", "--no-huge", "--no-shconf",
            "--no-pci", "--log-level=error", "--file-prefix", f"{self.network.name}-{self.name}-{self.starts}",
            "-l", "0", "--vdev", "net_pcap0,iface=wa", "--", "--config", ROOT / "conf" / "flow-monitor.yaml",
            "--node", self.name,
            "--controller", self.controller.endpoint, *settings)
        return self

    def wait_until_up(self):
        def is_up():
            assert self.process.is_running(), self.process.err()
            seen = self.controller.node(self.name)
            return seen.get("state") == "up" and seen["pid"] == self.process.pid
        wait_for(is_up, f"node {self.name} is up")
        return self

    def stop(self):
        """SIGTERM: drains, exports, exits 0."""
        code = self.process.stop()
        assert code == 0, self.process.err()

    def recorded_packets(self):
        """What the flow records of the present start add up to."""
        total = 0
        for line in self.sink.read_text().splitlines():
            record = json.loads(line)
            total += record["fwd"]["packets"] + record.get("rev", {}).get("packets", 0)
        return total


    def packets(self):
        """What the controller has of this node in all."""
        return self.controller.node(self.name).get("totals", {}).get("packets", 0)

    def wait_for_more(self, by=100):
        """Wait until the controller's total grows; returns it."""
        before = self.packets()
        wait_for(lambda: self.packets() >= before + by, "the controller's total grows")
        return self.packets()

    def end_and_compare(self, sender):
        """Stop the traffic and the node; what the controller was told is then exactly what the flow records hold."""
        sender.kill()
        self.stop()
        recorded = self.recorded_packets()
        wait_for(lambda: self.packets() >= recorded, "the last summaries are in")
        assert self.packets() == recorded


def unique_name():
    return f"weir-t{os.getpid()}-{os.urandom(2).hex()}"


@pytest.fixture
def network(tmp_path):
    made = Network(tmp_path, unique_name())
    try:
        yield made.up()
    finally:
        made.down()
