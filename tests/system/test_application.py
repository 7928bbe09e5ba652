# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The operator application in a pipeline: names on the records of conversations that are made here, under every plan,
through tunnels and over IPv6; and a flood that its pool can't hold."""
import collections
import gzip
import json
import os
import pathlib
import random
import re
import subprocess

import pytest
from scapy.all import DNS, DNSQR, IP, TCP, UDP, VXLAN, Dot1Q, Ether, IPv6, Raw
from scapy.utils import wrpcap

from conftest import ROOT
from node import run_file
from test_anonymize import PLANS
from test_manuals import OPERATORS

MIX = pathlib.Path(os.environ.get("WEIR_TRACES", ROOT.parent / "shared" / "traces")) / "mix.pcap.gz"
PIPELINE = """
pipeline: applications
operators:
  - {name: source,      type: pcap}
  - {name: flow_id,     type: flow_id, tunnels: inner}
  - {name: application, type: application}
  - {name: stats,       type: flow_stats}
  - {name: sink,        type: json}
"""
HELLO = b"GET /index.html HTTP/1.1\r\nHost: example.net\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"
SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
NOISE = bytes([0xc3, 0x91, 7, 0xee, 0x5a, 0x13, 0x88, 0xf1, 0x42, 0xd9]) * 6


ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def client_hello(name):
    """A TLS 1.2 ClientHello for a server of that name."""
    host = name.encode()
    entry = b"\0" + len(host).to_bytes(2, "big") + host
    sni = b"\0\0" + (len(entry) + 2).to_bytes(2, "big") + len(entry).to_bytes(2, "big") + entry
    body = (b"\3\3" + bytes(range(32)) + b"\0" + b"\0\4\xc0\x2f\xc0\x30" + b"\1\0" + len(sni).to_bytes(2, "big") + sni)
    shake = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(shake).to_bytes(2, "big") + shake


def tcp(below, client, server, segments):
    """A connection on top of the headers that below(is_from_client) gives; segments are (is_from_client, payload)."""
    def packet(is_from_client, flags, payload=b""):
        ports = (client, server) if is_from_client else (server, client)
        mine, other = sent[is_from_client], sent[not is_from_client]
        sent[is_from_client] += len(payload) + ("S" in flags or "F" in flags)
        return below(is_from_client) / TCP(sport=ports[0], dport=ports[1], flags=flags, seq=mine, ack=other) / payload

    sent = {True: 1000, False: 5000}
    yield packet(True, "S")
    yield packet(False, "SA")
    yield packet(True, "A")
    for is_from_client, payload in segments:
        yield packet(is_from_client, "PA", payload)
    yield packet(True, "FA")
    yield packet(False, "FA")


def udp(below, client, server, payloads):
    for is_from_client, payload in payloads:
        ports = (client, server) if is_from_client else (server, client)
        yield below(is_from_client) / UDP(sport=ports[0], dport=ports[1]) / payload


def ipv4(is_from_client):
    return ETHERNET / (IP(src="10.0.0.1", dst="10.0.0.2") if is_from_client else IP(src="10.0.0.2", dst="10.0.0.1"))


def ipv6(is_from_client):
    ends = ("2001:db8::1", "2001:db8::2") if is_from_client else ("2001:db8::2", "2001:db8::1")
    return ETHERNET / Dot1Q(vlan=7) / IPv6(src=ends[0], dst=ends[1])


def tunnel(is_from_client):
    outer = ETHERNET / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=5555, dport=4789)
    return outer / VXLAN(vni=1, flags="Instance") / ipv4(is_from_client)


def query(name):
    return bytes(DNS(rd=1, qd=DNSQR(qname=name)))


# By the client's port: the packets, and what is to be found.
CONVERSATIONS = {
    1001: (list(tcp(ipv4, 1001, 443, [(True, client_hello("www.google.com"))])), ("TLS.Google", "Web")),
    1002: (list(tcp(ipv4, 1002, 80, [(True, HELLO), (False, ANSWER)])), ("HTTP", "Web")),
    1003: (list(tcp(ipv4, 1003, 2222, [(False, SSH), (True, SSH)])), ("SSH", "RemoteAccess")),
    1004: (list(udp(ipv4, 1004, 53, [(True, query("example.net"))])), ("DNS", "Network")),
    1005: (list(tcp(ipv6, 1005, 8443, [(True, client_hello("www.wikipedia.org"))])), ("TLS.Wikipedia", "Web")),
    1006: (list(tcp(tunnel, 1006, 80, [(True, HELLO), (False, ANSWER)])), ("HTTP", "Web")),
    1007: (list(tcp(ipv4, 1007, 80, [(True, NOISE), (False, NOISE)])), None),
    1008: (list(udp(ipv4, 1008, 9, [(True, NOISE), (False, NOISE)])), None),
    1009: (list(tcp(ipv4, 1009, 443, [])), None),
}

pytestmark = pytest.mark.skipif("application" not in OPERATORS, reason="built without libndpi")


def run(folder, frames, plan, *settings):
    eal, arguments = PLANS[plan]
    for number, frame in enumerate(frames):
        frame.time = 1700000000 + number / 1000
    wrpcap(str(folder / "in.pcap"), frames)
    (folder / "applications.yaml").write_text(PIPELINE, encoding="utf-8")
    for setting in settings:
        arguments = [*arguments, "--set", setting]
    done = run_file(["--config", folder / "applications.yaml", "--set", f"source.path={folder / 'in.pcap'}",
                     *arguments], eal=eal)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


def found(records):
    return {record["src_port"]: (record["application"], record["category"]) if "application" in record else None
            for record in map(json.loads, records)}


def in_turn(conversations):
    """All conversations at once, a packet of each in turn."""
    waiting = [list(packets) for packets in conversations]
    while any(waiting):
        for packets in waiting:
            if packets:
                yield packets.pop(0)


def test_conversations_are_recognised_under_every_plan(tmp_path):
    frames = list(in_turn([packets for packets, _ in CONVERSATIONS.values()]))
    results = {plan: run(tmp_path, frames, plan) for plan in PLANS}
    assert found(results["chained"]) == {port: names for port, (_, names) in CONVERSATIONS.items()}
    for plan, records in results.items():
        assert records == results["chained"], plan


def test_a_flood_that_the_pool_cannot_hold(tmp_path):
    dice = random.Random(1)
    flood = [frame for i in range(2000)
             for frame in udp(ipv4, 20000 + i, 9, [(True, dice.randbytes(64))])]
    frames = [*flood, *CONVERSATIONS[1004][0], *CONVERSATIONS[1002][0]]
    small = found(run(tmp_path, frames, "chained", "application.pool=8"))
    assert len(small) == 2002
    assert small[1004] is None and small[1002] is None
    large = found(run(tmp_path, frames, "chained"))
    assert large[1004] == ("DNS", "Network") and large[1002] == ("HTTP", "Web")
    # Places are free again after a while of the packets' time: here, of a tenth of a second.
    late = found(run(tmp_path, frames, "chained", "application.pool=200", "application.give_up=100ms"))
    assert late[1004] == ("DNS", "Network") and late[1002] == ("HTTP", "Web")


@pytest.mark.skipif(not MIX.exists(), reason="no ../shared/traces/mix.pcap.gz")
def test_shares_are_those_of_ndpi_s_own_reader(tmp_path):
    """Flow by flow they can't be the same: weir begins new records where a connection does, and uses nothing that
    was learnt from other flows. As shares of all flows they have to agree."""
    capture = tmp_path / "mix.pcap"
    capture.write_bytes(gzip.decompress(MIX.read_bytes()))
    reader = subprocess.run(["ndpiReader", "-d", "-i", capture], capture_output=True, text=True, timeout=120,
                            check=True).stdout
    theirs = {name: int(flows) for name, flows in re.findall(r"^\t(\S+) +packets:.* flows: (\d+)", reader, re.M)}
    (tmp_path / "applications.yaml").write_text(PIPELINE.replace(", tunnels: inner", ""), encoding="utf-8")
    runs = [run_file(["--config", tmp_path / "applications.yaml", "--set", f"source.path={capture}", *arguments],
                     eal=eal) for eal, arguments in PLANS.values()]
    assert all(done.returncode == 0 for done in runs)
    assert len({tuple(sorted(done.stdout.splitlines())) for done in runs}) == 1
    ours = collections.Counter(json.loads(line).get("application", "Unknown").split(".")[-1]
                               for line in runs[0].stdout.splitlines())
    assert sum(theirs.values()) > 8000
    shared = sum(min(theirs[name], ours[name]) for name in theirs)
    assert shared >= 0.97 * sum(theirs.values()), {name: (theirs[name], ours[name]) for name in theirs}
