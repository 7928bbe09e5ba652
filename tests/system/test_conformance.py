# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Packets and bytes of each flow, as weir and as tshark have them: equal, packet for packet and byte for byte.

Captures are made here, with the headers and the damage that docs/conformance.md defines. Those in the folder
$WEIR_TRACES (default: traces in a folder `shared` beside the project), packed with gzip or not, are compared as well.
"""
import collections
import gzip
import ipaddress
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, fragment
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, IPv6, IPv6ExtHdrDestOpt,
                                IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, fragment6)
from scapy.layers.l2 import ARP, LLC, SNAP, CookedLinux, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Raw

import tshark_flows
from node import PLANS

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
TRACES = pathlib.Path(os.environ.get("WEIR_TRACES", ROOT.parent / "shared" / "traces"))
NO_EXPIRY = ("stats.idle_timeout=24h", "stats.active_timeout=24h")
ETHERNET, RAW, COOKED = 1, 101, 113
CLIENT, SERVER = "10.0.0.1", "10.255.0.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8:ff::2"
NETWORKS = ((IP(src=CLIENT, dst=SERVER), IP(src=SERVER, dst=CLIENT)),
            (IPv6(src=CLIENT6, dst=SERVER6), IPv6(src=SERVER6, dst=CLIENT6)))


def ethernet():
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def tcp_session(there, back, port, size):
    """A handshake, `size` bytes each way, and the end."""
    ends = {"sport": port, "dport": 80}, {"sport": 80, "dport": port}
    yield there / TCP(**ends[0], flags="S", options=[("MSS", 1460), ("WScale", 7)])
    yield back / TCP(**ends[1], flags="SA", options=[("MSS", 1460)])
    yield there / TCP(**ends[0], flags="A")
    yield there / TCP(**ends[0], flags="PA") / Raw(b"q" * size)
    yield back / TCP(**ends[1], flags="PA") / Raw(b"r" * size)
    yield there / TCP(**ends[0], flags="FA")
    yield back / TCP(**ends[1], flags="FA")
    yield there / TCP(**ends[0], flags="A")


def datagrams(there, back, port, size):
    yield there / UDP(sport=port, dport=5353) / Raw(b"q" * size)
    yield back / UDP(sport=5353, dport=port) / Raw(b"r" * (size + 1))


def traffic(make_link):
    """TCP, UDP and echo over IPv4 and IPv6, behind the given link headers."""
    for there, back in NETWORKS:
        for packet in (*tcp_session(there, back, 40000, 700), *datagrams(there, back, 40001, 3)):
            yield make_link(packet.version) / packet
    there, back = NETWORKS[0]
    yield make_link(4) / there / ICMP(type=8, id=7) / Raw(b"ping")
    yield make_link(4) / back / ICMP(type=0, id=7) / Raw(b"ping")
    there, back = NETWORKS[1]
    yield make_link(6) / there / ICMPv6EchoRequest(id=7)
    yield make_link(6) / back / ICMPv6EchoReply(id=7)


def plain():
    yield from traffic(lambda version: ethernet())


def vlan_and_qinq():
    yield from traffic(lambda version: ethernet() / Dot1Q(vlan=5))
    yield from traffic(lambda version: ethernet() / Dot1AD(vlan=6) / Dot1Q(vlan=7))
    yield from traffic(lambda version: ethernet() / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / Dot1Q(vlan=4))


def mpls():
    yield from traffic(lambda version: ethernet() / MPLS(label=17, s=0) / MPLS(label=305, s=1))
    yield from traffic(lambda version: ethernet() / Dot1Q(vlan=9) / MPLS(label=3, s=1))


def pppoe():
    yield from traffic(lambda version: ethernet() / PPPoE(sessionid=1) / PPP(proto=0x21 if version == 4 else 0x57))


def icmp():
    for kind, reply in ((13, 14), (15, 16), (10, 9), (17, 18)):
        yield ethernet() / NETWORKS[0][0] / ICMP(type=kind)
        yield ethernet() / NETWORKS[0][1] / ICMP(type=reply)
    for kind, code in ((3, 3), (3, 1), (11, 0), (5, 1)):
        for network in NETWORKS[0]:
            yield ethernet() / network / ICMP(type=kind, code=code) / NETWORKS[0][0] / UDP(sport=1, dport=2)
    yield ethernet() / NETWORKS[1][0] / ICMPv6ND_NS(tgt=SERVER6)
    yield ethernet() / NETWORKS[1][1] / ICMPv6ND_NA(tgt=SERVER6)


def headers_of_ip():
    """Options, extension headers, other protocols, and tunnels, which stay closed."""
    for network in NETWORKS[0]:
        yield ethernet() / IP(src=network.src, dst=network.dst, options=IPOption(b"\x01" * 8)) / UDP(sport=1, dport=2)
        for protocol in (2, 47, 50, 51, 89, 132):
            yield ethernet() / IP(src=network.src, dst=network.dst, proto=protocol) / Raw(bytes(64))
        yield ethernet() / network / IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=1, dport=2)
    authentication = bytes([17, 4]) + bytes(22) + bytes(UDP(sport=8, dport=9, len=8))
    for network in NETWORKS[1]:
        ends = {"src": network.src, "dst": network.dst}
        chain = IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(addresses=["2001:db8::9"], segleft=0)
        yield ethernet() / IPv6(**ends) / chain / UDP(sport=1, dport=2) / Raw(b"x")
        yield ethernet() / IPv6(**ends) / chain / TCP(sport=1, dport=2, flags="S")
        yield ethernet() / IPv6(**ends, nh=51) / Raw(authentication)
        yield ethernet() / IPv6(**ends, nh=59)
        yield ethernet() / IPv6(**ends, nh=50) / Raw(bytes(32))
        yield ethernet() / IPv6(**ends) / IPv6ExtHdrFragment(id=1) / UDP(sport=1, dport=2)
        yield ethernet() / network / IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=1, dport=2)


def fragments():
    """In order, with others between, the first one last, one never seen, a name used again, a header in two parts."""
    def cut(identification, port, size=100):
        whole = IP(src=CLIENT, dst=SERVER, id=identification) / UDP(sport=port, dport=53, chksum=1) / Raw(bytes(300))
        return [ethernet() / part for part in fragment(whole, size)]

    yield from cut(1, 1001)
    for pair in zip(cut(2, 1002), cut(3, 1003)):
        yield from pair
    yield from reversed(cut(4, 1004))
    yield from cut(5, 1005)[1:]
    yield from cut(1, 1006)
    header_in_two = IP(src=CLIENT, dst=SERVER, id=6) / TCP(sport=1007, dport=80, chksum=1) / Raw(bytes(64))
    yield from (ethernet() / part for part in fragment(header_in_two, 16))
    whole = IPv6(src=CLIENT6, dst=SERVER6) / IPv6ExtHdrFragment(id=9) / UDP(sport=1008, dport=53) / Raw(bytes(3000))
    yield from (ethernet() / part for part in fragment6(whole, 1280))


def padding():
    """Short packets in frames of 60 bytes and more: what follows the IP packet is none of it."""
    for packet in traffic(lambda version: ethernet()):
        yield Raw(bytes(packet) + b"\xff" * 40)


def offload():
    """Captured on the sender before its card cut them up: the IP length is not filled in."""
    for size in (100, 3000, 20000):
        yield ethernet() / IP(src=CLIENT, dst=SERVER, len=0) / TCP(sport=1, dport=2) / Raw(bytes(size))
        yield ethernet() / IP(src=SERVER, dst=CLIENT, len=0) / UDP(sport=2, dport=1) / Raw(bytes(size))


def without_flows():
    """Frames that have no flow, among some that do."""
    yield from plain()
    yield ethernet() / ARP(pdst=SERVER)
    yield ethernet() / Dot1Q(vlan=3) / ARP(pdst=SERVER)
    yield Ether(dst="01:80:c2:00:00:00", type=38) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(35))
    yield Ether(type=0x88cc) / Raw(bytes(46))
    for byte in (0x15, 0x44, 0x95):
        damaged = bytearray(bytes(ethernet() / NETWORKS[0][0] / UDP(sport=1, dport=2)))
        damaged[14] = byte
        yield Raw(bytes(damaged))
    yield ethernet() / IP(src=CLIENT, dst=SERVER, len=19) / UDP(sport=1, dport=2)
    yield ethernet() / NETWORKS[0][0] / TCP(sport=1, dport=2, dataofs=4)
    yield ethernet() / NETWORKS[0][0] / TCP(sport=1, dport=2, dataofs=15)
    yield ethernet() / NETWORKS[0][0] / UDP(sport=1, dport=2, len=7)


def random_conversations():
    """Many flows that share addresses or ports, both directions mixed."""
    source = random.Random(5)
    for _ in range(3000):
        ends = [f"10.0.0.{source.randrange(4)}", f"10.0.0.{source.randrange(4)}"]
        ports = {"sport": source.randrange(1, 6), "dport": source.randrange(1, 6)}
        transport = source.choice((UDP, TCP))(**ports)
        yield ethernet() / IP(src=ends[0], dst=ends[1]) / transport / Raw(bytes(source.randrange(20)))


MADE = {make.__name__: (make, ETHERNET) for make in (
    plain, vlan_and_qinq, mpls, pppoe, icmp, headers_of_ip, fragments, padding, offload, without_flows,
    random_conversations)}
MADE["cooked"] = lambda: traffic(lambda version: CookedLinux(proto=0x800 if version == 4 else 0x86dd)), COOKED
MADE["raw"] = lambda: (packet.payload for packet in plain()), RAW


def write(path, packets, link, snap_length=65535):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snap_length, link))
        for count, packet in enumerate(packets):
            data = bytes(packet)
            kept = data[:snap_length]
            out.write(struct.pack("<IIII", 1_700_000_000, count, len(kept), len(data)) + kept)
    return path


def weir_flows(capture, folder):
    """Directed 5-tuple -> [packets, bytes], summed over the records of a run over the capture."""
    out = folder / "flows.jsonl"
    command = [str(BUILD / "weir-dataplane"), "--no-huge", "--no-shconf", "--no-pci", "--log-level", "error", "--",
               "--config", str(ROOT / "conf" / "flow-file.yaml"), "--set", f"source.path={capture}",
               "--set", f"sink.path={out}"]
    for setting in NO_EXPIRY:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    directed = collections.defaultdict(lambda: [0, 0])
    for line in out.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "src_ip" not in record:
            continue
        ends = [str(ipaddress.ip_address(record[name])) for name in ("src_ip", "dst_ip")]
        ports = [record.get(name, 0) for name in ("src_port", "dst_port")]
        for side, turn in (("fwd", 1), ("rev", -1)):
            if side in record:
                total = directed[(*ends[::turn], *ports[::turn], record["protocol"])]
                total[0] += record[side]["packets"]
                total[1] += record[side]["bytes"]
    return directed


def assert_agree(capture, folder):
    expected = tshark_flows.flows(capture)
    assert sum(packets for packets, _ in expected.directed.values()) + sum(expected.without.values()) == expected.frames
    got = weir_flows(capture, folder)
    differing = {key: (got.get(key), expected.directed.get(key)) for key in {*got, *expected.directed}
                 if got.get(key) != expected.directed.get(key)}
    assert not differing, f"{len(differing)} flows differ (weir, tshark): {sorted(differing.items())[:5]}"
    return expected


@pytest.mark.parametrize("name", MADE)
def test_made_captures(name, tmp_path):
    make, link = MADE[name]
    found = assert_agree(write(tmp_path / "capture.pcap", make(), link), tmp_path)
    assert len(found.directed) > 1
    assert bool(found.without) == (name == "without_flows")
    assert (found.orphans > 0) == (name == "fragments")


# None of these cuts an ICMP header shortly before its eighth byte, where tshark still names the type and weir does not.
@pytest.mark.parametrize("snap_length", (14, 33, 34, 38, 42, 46, 50, 53, 54, 60, 74, 90, 100))
def test_cut_captures(snap_length, tmp_path):
    packets = (*plain(), *headers_of_ip(), *vlan_and_qinq())
    assert_agree(write(tmp_path / "capture.pcap", packets, ETHERNET, snap_length), tmp_path)


@pytest.mark.parametrize("kind, protocol", (("tcp", 6), ("udp", 17)))
def test_conversations(kind, protocol, tmp_path):
    """tshark's own table of conversations, without the help of tshark_flows' sums."""
    capture = write(tmp_path / "capture.pcap", random_conversations(), ETHERNET)
    got = collections.Counter()
    for (src, dst, src_port, dst_port, number), (packets, _) in weir_flows(capture, tmp_path).items():
        if number == protocol:
            got[frozenset((f"{src}:{src_port}", f"{dst}:{dst_port}"))] += packets
    expected = tshark_flows.conversations(capture, kind)
    assert len(expected) > 100
    assert got == expected


def test_biflows(tmp_path):
    """Both directions of each conversation are in one record."""
    capture = write(tmp_path / "capture.pcap", (*plain(), *icmp()), ETHERNET)
    weir_flows(capture, tmp_path)
    records = [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text(encoding="utf-8").splitlines()]
    lonely = [record for record in records if "rev" not in record]
    # What no ICMP type answers is a flow of one direction.
    assert sorted((record["src_ip"], record["src_port"], record["dst_port"]) for record in lonely) == sorted(
        (src, kind, code) for src in (CLIENT, SERVER) for kind, code in ((3, 3), (3, 1), (11, 0), (5, 1)))
    assert len(records) - len(lonely) == 2 * 3 + 4 + 1


def pseudowire():
    """The maker must be a known one: tshark takes what follows a zero word for Ethernet only then."""
    inside = Ether(src="00:1b:21:00:00:01", dst="00:1b:21:00:00:02") / NETWORKS[0][0] / UDP(sport=1, dport=2)
    return ethernet() / MPLS(label=16, s=1) / Raw(bytes(4)) / inside


def llc_snap():
    packet = NETWORKS[0][0] / UDP(sport=1, dport=2)
    return Ether(type=8 + len(packet)) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(code=0x800) / packet


def fabric_path():
    return Ether(type=0x8903) / Raw(bytes(2)) / ethernet() / NETWORKS[0][0] / UDP(sport=1, dport=2)


@pytest.mark.parametrize("make", (pseudowire, llc_snap, fabric_path))
def test_documented_differences(make, tmp_path):
    """tshark opens these, weir counts them as not_ip: docs/conformance.md names them."""
    capture = write(tmp_path / "capture.pcap", [make(), *plain()], ETHERNET)
    assert sum(frame["udp.srcport"] == ["1"] for frame in tshark_flows.frames(capture)) == 1
    assert sum(assert_agree(capture, tmp_path).without.values()) == 1


FLOWTEST = TRACES.parent / "conformance" / "flowtest.py"


@pytest.mark.skipif(not FLOWTEST.exists(), reason="no FlowTest beside the project")
def test_flowtest(tmp_path):
    """Every hand-annotated case passes with two workers and rings; test_node says that all plans give these records."""
    eal, settings = PLANS["two workers, ringed"]
    weir = tmp_path / "weir"
    weir.write_text(f'#!/bin/sh\nexec {BUILD}/weir-dataplane {" ".join(eal)} "$@" {" ".join(settings)}\n')
    weir.chmod(0o755)
    done = subprocess.run([sys.executable, FLOWTEST, "--weir", weir], cwd=ROOT, capture_output=True, text=True,
                          timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout


TRACE_FILES = sorted(path for path in TRACES.rglob("*.pcap*") if path.is_file()) if TRACES.is_dir() else []
if TRACE_FILES:
    @pytest.mark.parametrize("path", TRACE_FILES, ids=lambda path: path.name)
    def test_traces(path, tmp_path):
        if path.suffix == ".gz":
            plain_path = tmp_path / path.stem
            with gzip.open(path) as packed, open(plain_path, "wb") as out:
                shutil.copyfileobj(packed, out)
            path = plain_path
        assert_agree(path, tmp_path)
