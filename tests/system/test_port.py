# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Live capture: two network namespaces joined by veth, exact counts, and every way in which there is no port."""
import json
import os
import re
import signal
import subprocess

import pytest

import captures
from conftest import BUILD, Process, wait_for

WEIR = BUILD / "weir-dataplane"
EAL = ["--no-huge", "--no-shconf", "--no-pci", "--log-level=error"]
FLOWS = """
pipeline: test
operators:
  - {name: source, type: port}
  - {name: flow_id, type: flow_id}
  - {name: stats, type: flow_stats}
  - {name: sink, type: json, path: "-"}
"""
PACKETS = FLOWS.replace("  - {name: stats, type: flow_stats}\n", "")
SENDER = """
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind(("10.201.0.1", 4000))
for i in range(int(sys.argv[1])):
    out.sendto(b"x" * int(sys.argv[2]), ("10.201.0.2", int(sys.argv[3])))
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=60)


class Network:
    """Namespace `near` with interface near, 10.201.0.1; namespace `far` with interface far, 10.201.0.2."""

    def __init__(self):
        self.near, self.far = (f"weir-test-{os.getpid()}-{end}" for end in ("near", "far"))

    def make(self):
        for name in (self.near, self.far):
            ip("netns", "add", name)
            # No neighbour discovery, no router solicitations: no packets but the test's.
            self.inside(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                        "net.ipv6.conf.default.disable_ipv6=1")
        ip("link", "add", "near", "netns", self.near, "type", "veth", "peer", "name", "far", "netns", self.far)
        for name, link, address in ((self.near, "near", "10.201.0.1/24"), (self.far, "far", "10.201.0.2/24")):
            ip("-n", name, "addr", "add", address, "dev", link)
            ip("-n", name, "link", "set", link, "up", "mtu", "9000")
            self.inside(name, "ethtool", "-K", link, "tso", "off", "gso", "off", "gro", "off")
        return self

    def inside(self, name, *words, **arguments):
        return subprocess.run(["ip", "netns", "exec", name, *map(str, words)], check=True, timeout=60,
                              capture_output=True, text=True, **arguments)

    def send(self, packets, size=100, port=5000):
        self.inside(self.near, "/usr/bin/python3", "-c", SENDER, packets, size, port)

    def remove(self):
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", name], check=False, timeout=60)


@pytest.fixture
def network():
    made = Network()
    try:
        yield made.make()
    finally:
        made.remove()


@pytest.fixture
def start(network, tmp_path):
    """start(setting, …, pipeline=…, lcores=…): a node in namespace far."""
    nodes = []

    def start_node(*settings, pipeline=FLOWS, lcores="0", eal=()):
        config = tmp_path / "pipeline.yaml"
        config.write_text(pipeline)
        words = ["ip", "netns", "exec", network.far, WEIR, "--lcores", lcores, *EAL, *eal, "--", "--config", config]
        for setting in settings:
            words += ["--set", setting]
        nodes.append(Process("node", words, tmp_path))
        return nodes[-1]

    yield start_node
    for node in nodes:
        node.kill()


def records(node):
    return [json.loads(line) for line in node.out().splitlines()]


def start_capturing(network, node):
    """Send single packets, to a port of their own, until one comes out: from then on everything is captured."""
    def is_captured():
        assert node.is_running(), node.err()
        network.send(1, port=4999)
        return node.out()
    wait_for(is_captured, "the first packet is captured")


def to_port(node, port):
    return [record for record in records(node) if record.get("dst_port") == port]


def lost_before_capture(node):
    """What the node says the kernel had no room for."""
    found = re.search(r"(\d+) lost before capture", node.err())
    return int(found[1]) if found else 0


# af_packet wouldn't say what it lost.
@pytest.mark.parametrize("driver, packets", [("pcap", 2000), ("af_packet", 500)])
@pytest.mark.parametrize("lcores", ["0", "0@0,1@0"])
def test_exact_count(network, start, driver, packets, lcores):
    node = start("source.interface=far", f"source.driver={driver}", pipeline=PACKETS, lcores=lcores)
    start_capturing(network, node)
    network.send(packets)
    network.send(1, port=4998)
    wait_for(lambda: to_port(node, 4998), "the last packet is captured")
    assert node.stop() == 0
    # On a busy machine the node may be away for longer than the kernel's buffer lasts: that is counted.
    assert packets - lost_before_capture(node) <= len(to_port(node, 5000)) <= packets


def away_while(network, node, packets):
    """The node is stopped as a process while so many packets of 1,000 bytes come; how many it sees, and loses."""
    start_capturing(network, node)
    os.kill(node.pid, signal.SIGSTOP)
    network.send(packets, size=1000)
    os.kill(node.pid, signal.SIGCONT)
    wait_for(lambda: network.send(1, port=4998) or to_port(node, 4998), "what comes later is captured")
    assert node.stop() == 0
    return len(to_port(node, 5000)), lost_before_capture(node)


@pytest.mark.parametrize("driver, packets", [("pcap", 20000), ("af_packet", 8000)])
def test_the_buffer_holds_what_comes_while_nobody_reads(network, start, driver, packets):
    node = start("source.interface=far", f"source.driver={driver}", pipeline=PACKETS)
    assert away_while(network, node, packets) == (packets, 0)


def test_a_small_buffer_loses_and_counts(network, start):
    node = start("source.interface=far", "source.buffer=1MiB", pipeline=PACKETS)
    seen, lost = away_while(network, node, 20000)
    assert 100 < seen < 2000 and seen + lost >= 20000  # those of 4998 may be lost too


def test_devices_of_the_eal_have_that_buffer(network, start):
    node = start("source.ports=net_pcap0", pipeline=PACKETS, eal=["--vdev", "net_pcap0,iface=far"])
    assert away_while(network, node, 20000) == (20000, 0)


def test_stop_takes_what_was_captured(network, start):
    """What the kernel captured before the stop is in the records, whenever the stop comes."""
    node = start("source.interface=far", pipeline=PACKETS)
    start_capturing(network, node)
    network.send(500)
    assert node.stop() == 0
    assert len(to_port(node, 5000)) == 500


def test_frames_of_many_segments(network, start):
    node = start("source.interface=far", pipeline=PACKETS)
    start_capturing(network, node)
    network.send(20, size=8900)
    network.send(1, port=4998)
    wait_for(lambda: to_port(node, 4998), "the last packet is captured")
    assert node.stop() == 0
    assert [record["payload_bytes"] for record in to_port(node, 5000)] == [8900] * 20


def test_interface_goes_and_node_stays(network, start):
    """An interface that goes down or away costs its packets, not the node, and is not counted as a loss of packets."""
    node = start("source.interface=far", pipeline=PACKETS)
    start_capturing(network, node)
    ip("-n", network.far, "link", "set", "far", "down")
    ip("-n", network.far, "link", "set", "far", "up")
    wait_for(lambda: network.send(1, port=4997) or to_port(node, 4997), "capture goes on")
    ip("-n", network.far, "link", "del", "far")
    wait_for(lambda: "far: the interface is gone: nothing is captured any more" in node.err(), "a warning")
    assert node.is_running()
    assert node.stop() == 0
    assert node.err().count("is gone") == 1


def expect_refusal(node, *texts):
    assert node.wait() == 1
    assert node.out() == ""
    lines = [line for line in node.err().splitlines() if "test/source" in line]
    assert len(lines) == 1, node.err()
    for text in texts:
        assert text in lines[0]


def test_no_such_interface(start):
    expect_refusal(start("source.interface=nope"), "nope: no such network interface: expected one of lo, far")


def test_no_such_port(start):
    expect_refusal(start("source.ports=7", eal=["--vdev", "net_null0"]),
                   "7: no such port: expected all, or one of 0 (net_null0)")


def test_no_port_at_all(start):
    expect_refusal(start(), "ports: all: there is no port: expected interface: NAME, or devices given to the EAL")


def test_not_permitted(network, tmp_path):
    config = tmp_path / "pipeline.yaml"
    config.write_text(FLOWS)
    node = Process("node", ["ip", "netns", "exec", network.far, "setpriv", "--bounding-set=-net_raw",
                            "--inh-caps=-net_raw", WEIR, "-l", "0", *EAL, "--", "--config", config,
                            "--set", "source.interface=far"], tmp_path)
    expect_refusal(node, "far: capturing is not permitted (Operation not permitted): expected root or CAP_NET_RAW")


def test_ports_and_interface(start):
    node = start("source.interface=far", "source.ports=all")
    assert node.wait() != 0
    assert "ports and interface are both given" in node.err()


def test_two_operators_on_one_port(start):
    node = start(pipeline=FLOWS + "---" + FLOWS.replace("pipeline: test", "pipeline: again"),
                 eal=["--vdev", "net_null0"])
    assert node.wait() == 1
    assert "again/source: 0: another operator polls this port already" in node.err()


def test_offloads_are_told(network, start):
    network.inside(network.far, "ethtool", "-K", "far", "tso", "on", "gso", "on")
    node = start("source.interface=far")
    wait_for(lambda: "test/source: far: tso, gso on" in node.err(), "a warning")
    assert "ethtool -K far tso off gso off gro off lro off" in node.err()
    assert node.stop() == 0


def test_port_of_the_eal(start, tmp_path):
    """A device that the EAL was given: net_pcap over a file, so that what comes is known."""
    frames = [captures.ethernet(captures.ipv4_udp(60, source_port=1 + i)) for i in range(300)]
    (tmp_path / "in.pcap").write_bytes(captures.pcap(frames))
    node = start("source.ports=net_pcap0", pipeline=PACKETS,
                 eal=["--vdev", f"net_pcap0,rx_pcap={tmp_path}/in.pcap,tx_pcap=/dev/null"])
    wait_for(lambda: len(node.out().splitlines()) == 300, "all packets")
    assert node.stop() == 0
    assert sorted(record["src_port"] for record in records(node)) == list(range(1, 301))
