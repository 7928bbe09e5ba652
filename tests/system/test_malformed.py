# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Frames that are damaged in every way the parser knows: what tshark calls malformed is a drop of that name here.

Each case says what flow_id does with the frame (None: it has a flow) and whether tshark calls it malformed. Where the
two differ, `why` says so; docs/conformance.md has the same list for people.
"""
import collections
import os
import pathlib
import re
import struct
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
EAL = ["--no-huge", "--no-shconf", "--no-pci", "--log-level=error"]

Case = collections.namedtuple("Case", "name drop malformed frame why", defaults=[None])

V4, V6 = {"src": "10.0.0.1", "dst": "10.0.0.2"}, {"src": "2001:db8::1", "dst": "2001:db8::2"}
NOT_COMPARED = "tshark does not compare this length with the packet's"
SAYS_WHY = "tshark has a warning of its own for it (expert information), and does not call it malformed"
ABOVE = "tshark follows the protocol above, which is none of the parser's"


def ether(payload, kind=None):
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **({"type": kind} if kind else {})) / payload)


def v4(protocol, payload, **fields):
    return ether(IP(proto=protocol, **V4, **fields) / Raw(payload))


def v6(following, payload, **fields):
    return ether(IPv6(nh=following, **V6, **fields) / Raw(payload))


def to(port, payload):
    return v4(17, bytes(UDP(sport=50000, dport=port, len=8 + len(payload), chksum=0)) + payload)


TCP_20 = bytes(TCP(sport=50000, dport=50001, chksum=1))
UDP_9 = bytes(UDP(sport=50000, dport=50001, len=9, chksum=0)) + b"x"
INNER = bytes(IP(src="10.1.0.1", dst="10.1.0.2") / UDP(sport=50000, dport=50001) / Raw(b"x"))
BRIDGED = ether(Raw(INNER), 0x0800)

CASES = [
    Case("whole", None, False, ether(IP(**V4) / UDP(sport=50000, dport=50001) / Raw(b"x"))),
    Case("ethernet cut", "truncated_link", True, ether(Raw(b""), 0x0800)[:10]),
    Case("tag cut", "truncated_link", True, ether(Dot1Q(vlan=5) / Raw(b""))[:16]),
    Case("arp", "arp", False, ether(ARP(psrc="10.0.0.1", pdst="10.0.0.2"))),
    Case("arp cut", "arp", True, ether(ARP(psrc="10.0.0.1", pdst="10.0.0.2"))[:20], ABOVE),
    Case("labels cut", "truncated_link", True, ether(Raw(b"\0\1"), 0x8847)),
    Case("PPPoE cut", "truncated_link", True, ether(Raw(b"\x11\0\0"), 0x8864)),
    Case("IPv4 header cut", "truncated_ip", True, v4(17, UDP_9)[:14 + 12]),
    Case("IPv4 options cut", "truncated_ip", False, v4(17, b"", ihl=7)[:14 + 22], SAYS_WHY),
    Case("IPv4 header length 16", "malformed_ip", False, v4(17, UDP_9, ihl=4), SAYS_WHY),
    Case("IPv4 length below its header", "malformed_ip", False, v4(17, UDP_9, len=12), SAYS_WHY),
    Case("IPv4 of version 7", "malformed_ip", False, v4(17, UDP_9, version=7), SAYS_WHY),
    Case("IPv6 header cut", "truncated_ip", True, v6(17, UDP_9)[:14 + 30]),
    Case("IPv6 of version 4", "malformed_ip", True, v6(17, UDP_9, version=4)),
    Case("extension header cut", "truncated_ip", True, v6(0, bytes([17, 3]) + bytes(20), plen=40)),
    Case("extension header past the end", "malformed_ip", True, v6(0, bytes([17, 9]) + bytes(14))),
    Case("TCP header cut", "truncated_transport", True, v4(6, TCP_20)[:14 + 20 + 12]),
    Case("TCP header past the packet", "malformed_transport", True, v4(6, TCP_20[:12] + b"\xf0" + TCP_20[13:])),
    Case("TCP header below 20", "malformed_transport", False, v4(6, TCP_20[:12] + b"\x40" + TCP_20[13:]), SAYS_WHY),
    Case("TCP, too little of it", "malformed_transport", True, v4(6, TCP_20[:12])),
    Case("UDP header cut", "truncated_transport", True, v4(17, UDP_9)[:14 + 20 + 5]),
    Case("UDP, too little of it", "malformed_transport", True, v4(17, UDP_9[:5])),
    Case("UDP length below 8", "malformed_transport", True, v4(17, UDP_9[:5] + b"\x07" + UDP_9[6:])),
    Case("ICMP, too little of it", "malformed_transport", True, v4(1, bytes(ICMP())[:3])),
    Case("ICMPv6, too little of it", "malformed_transport", True, v6(58, bytes([128, 0]))),
    Case("GRE, too little of it", "malformed_tunnel", True, v4(47, b"\0\0")),
    Case("GRE without its key", "malformed_tunnel", True, v4(47, bytes.fromhex("20000800"))),
    Case("PPTP, length past the packet", "malformed_tunnel", False,
         v4(47, bytes.fromhex("3001880b 0100 0001 00000001 ff030021") + INNER), NOT_COMPARED),
    Case("ERSPAN, too little of it", "malformed_tunnel", True, v4(47, bytes.fromhex("100088be 00000001 1001"))),
    Case("VXLAN, too little of it", "malformed_tunnel", True, to(4789, bytes.fromhex("08000000"))),
    Case("VXLAN, frame ends early", "malformed_tunnel", True,
         to(4789, bytes.fromhex("0800000000007b00") + BRIDGED[:9])),
    Case("GENEVE, options past the packet", "malformed_tunnel", True, to(6081, bytes.fromhex("3f00655800007b00"))),
    Case("GTP-U, too little of it", "malformed_tunnel", True, to(2152, bytes.fromhex("30ff0021"))),
    Case("GTP-U, extension of length 0", "malformed_tunnel", True,
         to(2152, bytes.fromhex("34ff0008 00000001 00000085 00000000"))),
    Case("inner IPv4 ends early", "malformed_ip", True, v4(4, INNER[:12])),
    Case("inner UDP ends early", "malformed_transport", True, v4(47, bytes.fromhex("00000800") + INNER[:24])),
    Case("inner IPv4 header length 16", "malformed_ip", False, v4(4, b"\x44" + INNER[1:]), SAYS_WHY),
]


def tshark_verdicts(capture):
    command = ["tshark", "-n", "-r", str(capture), "-o", "ip.defragment:FALSE", "-T", "fields", "-e", "_ws.malformed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [bool(line.strip()) for line in done.stdout.split("\n")[:-1]]


def drops(capture):
    done = subprocess.run(
        [BUILD / "weir-dataplane", "-l", "0", *EAL, "--", "--config", ROOT / "conf/flow-file.yaml",
         "--set", "flow_id.tunnels=inner", "--set", f"source.path={capture}"],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    counted = re.search(r"flow_id dropped ([^;]*)", done.stderr)
    pairs = (pair.rsplit(" ", 1) for pair in counted[1].split(", ")) if counted else ()
    return {name: int(count) for name, count in pairs}


def write(path, cases):
    records = [struct.pack("<IIII", 1_700_000_000, 0, len(case.frame), len(case.frame)) + case.frame for case in cases]
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + b"".join(records))
    return path


def test_tshark_agrees(tmp_path):
    verdicts = tshark_verdicts(write(tmp_path / "all.pcap", CASES))
    assert {case.name: seen for case, seen in zip(CASES, verdicts)} == {case.name: case.malformed for case in CASES}
    for case in CASES:
        assert case.drop or not case.malformed, case.name
        assert case.why or bool(case.drop) == case.malformed or case.drop == "arp", f"{case.name}: no reason given"


@pytest.mark.parametrize("drop", sorted({case.drop for case in CASES if case.drop}))
def test_drop_has_a_name(tmp_path, drop):
    cases = [case for case in CASES if case.drop == drop]
    assert drops(write(tmp_path / "some.pcap", cases)) == {drop: len(cases)}


def test_whole_frames_have_a_flow(tmp_path):
    assert drops(write(tmp_path / "whole.pcap", [case for case in CASES if case.drop is None])) == {}
