#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Write the captures of the pipeline tests anew: tests/pipeline/make_captures.py. Needs python3-scapy.

Each function is one capture: what is in it, and when, stands here and nowhere else. Times are seconds from BASE.
"""
import pathlib

from scapy.all import (
    ARP, DNS, DNSQR, DNSRR, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6EchoReply, ICMPv6EchoRequest, IPv6,
    IPv6ExtHdrDestOpt, IPOption_NOP, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, conf, fragment, wrpcap)
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS
from scapy.layers.l2 import GRE, GRE_PPTP
from scapy.layers.ppp import PPPoE
from scapy.layers.vxlan import VXLAN

HERE = pathlib.Path(__file__).resolve().parent
BASE = 1_700_000_000
CLIENT, SERVER = "02:00:00:00:00:01", "02:00:00:00:00:02"
conf.verb = 0


def ether(up=True, **fields):
    return Ether(src=CLIENT if up else SERVER, dst=SERVER if up else CLIENT, **fields)


def at(seconds, packet):
    packet = packet.__class__(bytes(packet))
    packet.time = BASE + seconds
    return packet


def tcp(seconds, up, flags, size=0, port=40000, **fields):
    ip = IP(src="10.0.0.1", dst="10.0.0.2", ttl=64) if up else IP(src="10.0.0.2", dst="10.0.0.1", ttl=60)
    ports = {"sport": port, "dport": 80} if up else {"sport": 80, "dport": port}
    return at(seconds, ether(up) / ip / TCP(flags=flags, **ports, **fields) / Raw(b"x" * size))


def udp(seconds, up, size, port=5000):
    ip = IP(src="10.0.0.1", dst="10.0.0.2") if up else IP(src="10.0.0.2", dst="10.0.0.1")
    ports = {"sport": port, "dport": 53} if up else {"sport": 53, "dport": port}
    return at(seconds, ether(up) / ip / UDP(**ports) / Raw(b"x" * size))


def tcp_end():
    """A whole connection, a late segment inside the linger, the same ports again by a new SYN; a reset; a scan."""
    whole = [tcp(0.0, True, "S"), tcp(0.01, False, "SA"), tcp(0.02, True, "A"), tcp(0.03, True, "PA", 100),
             tcp(0.05, False, "A"), tcp(0.06, False, "PA", 1000), tcp(0.07, True, "FA"), tcp(0.08, False, "FA"),
             tcp(0.09, True, "A"), tcp(1.0, False, "PA", 10)]
    again = [tcp(2.0, True, "S"), tcp(2.01, False, "SA"), tcp(2.02, True, "R")]
    middle = [tcp(3.0, False, "PA", 50, port=40001), tcp(3.1, True, "A", port=40001)]
    turned = [tcp(4.0, False, "A", port=40002), tcp(4.1, True, "S", port=40002), tcp(4.2, False, "SA", port=40002)]
    return whole + again + middle + turned


def tcp_figures():
    """A connection across the wrap with a loss, a late segment, a closed window; a refused SYN, and another; a half."""
    top, base = 2**32 - 1000, 5000  # client and server: the first numbers after SYN
    scaled = {"window": 1000, "options": [("MSS", 1460), ("WScale", 7)]}

    def client(seconds, flags, seq, ack, size=0, window=500):
        return tcp(seconds, True, flags, size, 41000, seq=(top + seq) % 2**32, ack=base + ack, window=window)

    def server(seconds, flags, seq, ack, size=0, window=400):
        return tcp(seconds, False, flags, size, 41000, seq=base + seq, ack=(top + ack) % 2**32, window=window)

    whole = [
        tcp(0.000, True, "S", port=41000, seq=top - 1, **scaled),
        tcp(0.030, False, "SA", port=41000, seq=base - 1, ack=top, **scaled),
        client(0.040, "A", 0, 0),
        client(0.100, "PA", 0, 0, 500), client(0.101, "A", 500, 0, 500), client(0.102, "A", 1000, 0, 500),
        client(0.103, "PA", 1500, 0, 500),
        server(0.130, "A", 0, 500), server(0.132, "A", 0, 500), server(0.133, "A", 0, 500),  # 500..1000 was lost
        client(0.150, "A", 500, 0, 500),
        server(0.180, "A", 0, 2000),
        server(0.200, "PA", 0, 2000, 100), server(0.201, "PA", 200, 2000, 100), server(0.202, "PA", 100, 2000, 100),
        client(0.210, "A", 2000, 300, window=0),
        server(1.000, "A", 300, 2000, 1),  # a probe
        client(1.010, "A", 2000, 301),
        client(2.000, "A", 1999, 301, 1), server(2.030, "A", 301, 2000),  # a keep-alive
        client(3.000, "FA", 2000, 301), server(3.030, "FA", 301, 2001), client(3.040, "A", 2001, 302),
    ]
    refused = [packet for second in (10, 11, 13) for packet in (
        tcp(second, True, "S", port=41001, seq=7), tcp(second + 0.02, False, "RA", port=41001, ack=8, window=0))]
    another = [tcp(14, True, "S", port=41001, seq=90000), tcp(14.02, False, "RA", port=41001, ack=90001, window=0)]
    half = [tcp(20 + i / 10, False, "A", 1000, 41002, seq=1000 * n, ack=1)
            for i, n in enumerate((1, 2, 4, 3, 4, 5))]
    return whole + refused + another + half


def timeouts():
    """Idle gaps of 59 s and 61 s, and a flow that is alive past the active timeout, then dies."""
    idle = [udp(0, True, 10), udp(59, False, 20), udp(121, True, 30)]
    steady = [udp(second, second % 20 == 0, 40, port=6000) for second in range(0, 400, 10)]
    return sorted(idle + steady + [udp(600, True, 1, port=7000)], key=lambda packet: packet.time)


def link_layers():
    """VLAN, QinQ, MPLS, PPPoE: passed over and recorded."""
    inner = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(b"abc")
    return [
        at(0, ether() / Dot1Q(vlan=100) / inner),
        at(1, ether() / Dot1AD(vlan=200) / Dot1Q(vlan=101) /
           IP(src="10.0.0.3", dst="10.0.0.4") / UDP(sport=1, dport=2)),
        at(2, ether() / MPLS(label=1000, s=0, ttl=9) / MPLS(label=2000, s=1, ttl=9) /
           IP(src="10.0.0.5", dst="10.0.0.6") / UDP(sport=1, dport=2)),
        at(3, ether(type=0x8864) / PPPoE(code=0, sessionid=7) / Raw(b"\x00\x21") /
           IP(src="10.0.0.7", dst="10.0.0.8") / UDP(sport=1, dport=2)),
    ]


def network_layers():
    """IPv4 options, IPv6 extension headers, ICMP echo as one flow, another protocol, padding, no IP at all."""
    v6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
    v6_back = IPv6(src="2001:db8::2", dst="2001:db8::1")
    echo, reply = ICMP(type=8, id=7), ICMP(type=0, id=7)
    return [
        at(0, ether() / IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption_NOP()] * 4) /
           UDP(sport=9, dport=10) / Raw(b"xy")),
        at(1, ether() / v6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / TCP(sport=1234, dport=443, flags="S")),
        at(2, ether() / IP(src="10.0.0.1", dst="10.0.0.2") / echo / Raw(b"ping")),
        at(2.5, ether(False) / IP(src="10.0.0.2", dst="10.0.0.1") / reply / Raw(b"ping")),
        at(3, ether() / v6 / ICMPv6EchoRequest(id=1, data=b"ping")),
        at(3.5, ether(False) / v6_back / ICMPv6EchoReply(id=1, data=b"ping")),
        at(4, ether() / IP(src="10.0.0.1", dst="10.0.0.2", proto=89) / Raw(b"ospf")),
        at(5, ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=11, dport=12) / Raw(b"z") / Raw(b"\0" * 17)),
        at(6, ether() / ARP(psrc="10.0.0.1", pdst="10.0.0.2")),
        at(7, Ether(src=CLIENT, dst=SERVER, type=0x88cc) / Raw(b"lldp")),
    ]


def fragments():
    """A datagram in three fragments each of IPv4 and IPv6, and a later fragment whose first never comes."""
    big = IP(src="10.0.0.1", dst="10.0.0.2", id=77) / UDP(sport=1000, dport=2000) / Raw(b"f" * 3000)
    v4 = [at(i / 10, ether() / piece) for i, piece in enumerate(fragment(big, fragsize=1400))]
    orphan = at(1, ether() / IP(src="10.0.0.1", dst="10.0.0.2", id=78, frag=100, proto=17) / Raw(b"g" * 80))
    v6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
    payload = bytes(UDP(sport=1000, dport=2000, len=8 + 2000, chksum=1)) + b"h" * 2000
    pieces = [(0, 1, payload[:1024]), (128, 0, payload[1024:])]
    v6_pieces = [at(2 + i / 10, ether() / v6 / IPv6ExtHdrFragment(nh=17, id=5, offset=offset, m=more) / Raw(data))
                 for i, (offset, more, data) in enumerate(pieces)]
    return v4 + [orphan] + v6_pieces


def through(seconds, number, *layers, inner=None):
    """A packet of flow `number` inside a tunnel's layers; the link layer is there."""
    inner = inner or IP(src=f"10.1.0.{number}", dst="10.2.0.1") / UDP(sport=number, dport=9) / Raw(b"t" * number)
    packet = ether() / IP(src="192.0.2.1", dst="192.0.2.2")
    for layer in layers:
        packet /= layer
    return at(seconds, packet / inner)


def tunnels():
    """One packet in each tunnel, and one way back; tunnels in each other; what is no IP inside; what is damaged."""
    v6 = IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=40, dport=9) / Raw(b"t" * 40)
    ppp = Raw(bytes.fromhex("ff030021"))
    vxlan = UDP(sport=49152, dport=4789) / VXLAN(vni=123)
    pptp = IP(src="10.1.0.9", dst="10.2.0.1") / UDP(sport=9, dport=9) / Raw(b"t" * 9)
    one_of_each = [
        through(1, 1),
        through(2, 40, inner=v6),
        through(3, 3, GRE()),
        through(4, 4, GRE(chksum_present=1, key_present=1, key=5, seqnum_present=1, seqence_number=6)),
        through(5, 5, GRE(), MPLS(label=77, s=1)),
        through(6, 6, GRE(key_present=1, key=0x123400, proto=0x6558), ether()),
        through(7, 7, GRE(proto=0x88be, seqnum_present=1) / Raw(bytes.fromhex("1001000100000000")), ether()),
        through(8, 8, GRE(proto=0x22eb, seqnum_present=1) / Raw(bytes.fromhex("200100010000000000000000")), ether()),
        through(9, 9, GRE_PPTP(seqnum_present=1, seqence_number=1, payload_len=4 + len(pptp)) / ppp, inner=pptp),
        through(10, 10, vxlan, ether(), Dot1Q(vlan=6)),
        through(11, 11, UDP(sport=49152, dport=8472) / VXLAN(vni=124), ether()),
        through(12, 12, UDP(sport=49152, dport=6081) / GENEVE(vni=125, proto=0x0800)),
        through(13, 13, UDP(sport=2152, dport=2152) / GTP_U_Header(teid=9)),
        through(14, 14, UDP(sport=2152, dport=2152) / GTP_U_Header(
            teid=9, E=1, next_ex=0x85) / GTPPDUSessionContainer(type=1, QFI=5)),
    ]
    back = at(15, ether(False) / IP(src="192.0.2.2", dst="192.0.2.1") / GRE() /
              IP(src="10.2.0.1", dst="10.1.0.3") / UDP(sport=9, dport=3) / Raw(b"back"))
    deep = [through(16, 16, GRE(), IP(src="198.51.100.1", dst="198.51.100.2"), vxlan, ether()),
            through(17, 17, *[IP(src=f"198.51.100.{level}", dst="198.51.100.9") for level in range(1, 5)])]
    closed = [through(18, 0, GRE(), inner=Raw(b"")),
              through(19, 0, vxlan, ether(), inner=ARP(psrc="10.0.0.1", pdst="10.0.0.2")),
              through(20, 0, UDP(sport=2152, dport=2152), inner=GTP_U_Header(gtp_type=1, seq=1))]
    cut = [through(21, 0, GRE(proto=0x0800), inner=Raw(bytes(IP(src="10.0.0.1", dst="10.0.0.2", len=40))[:12])),
           through(22, 0, UDP(sport=1, dport=6081), inner=Raw(bytes.fromhex("3f006558")))]
    whole = IP(src="192.0.2.1", dst="192.0.2.2", id=9) / GRE() / IP(
        src="10.1.0.23", dst="10.2.0.1", id=10) / UDP(sport=23, dport=9) / Raw(b"f" * 2000)
    outside = [at(23 + i / 10, ether() / piece) for i, piece in enumerate(fragment(whole, fragsize=1000))]
    inside = [at(24 + i / 10, ether() / IP(src="192.0.2.1", dst="192.0.2.2") / GRE() / piece)
              for i, piece in enumerate(fragment(whole[GRE].payload, fragsize=1000))]
    return one_of_each + [back] + deep + closed + cut + outside + inside


def clock_jumps():
    """Single timestamps years away, which change nothing; then the clock is set ahead by a year, and goes on."""
    year = 365 * 86400
    steady = [udp(second, True, 10) for second in range(0, 50, 10)]
    wild = [udp(30 * year, True, 1, port=5001), udp(-40 * year, True, 2, port=5002), udp(30 * year, True, 3)]
    before = steady[:2] + wild[:1] + steady[2:3] + wild[1:2] + steady[3:4] + wild[2:] + steady[4:]
    ends = [udp(120, True, 20, port=6000)]
    after = [udp(year + second, True, 30) for second in (0, 10, 20, 100)]
    return before + ends + after


def clock_back():
    """The clock is set back by an hour, then by forty years: idle flows end all the same."""
    hour_back = [udp(100 - 3600 + second, True, 10) for second in range(0, 200)]
    years_back = [udp(-40 * 365 * 86400 + second, True, 20, port=6000) for second in range(0, 130, 10)]
    return [udp(0, True, 1, port=5001), udp(100, True, 2, port=5002), *hour_back, *years_back]


def eviction():
    """Twelve flows for a table of eight."""
    return [udp(i, True, i, port=5000 + i) for i in range(12)]


def dns():
    """A question and its answer, a datagram to that port that is no message, one elsewhere; words over TCP."""
    question = DNSQR(qname="Mail.Example.ORG", qtype="MX")
    asked = at(0, ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000, dport=53) /
               DNS(id=7, rd=1, qd=question))
    answer = DNS(id=7, qr=1, rcode=0, qd=question, an=DNSRR(rrname="Mail.Example.ORG", type="A", rdata="192.0.2.1"))
    told = at(0.1, ether(False) / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=53, dport=5000) / answer)
    elsewhere = at(2, ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000, dport=54) / Raw(b"not dns"))
    said = at(3, ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=40000, dport=23, flags="PA") /
              Raw(b"run\r\n\xff\"zorro\""))
    return [asked, told, udp(1, True, 5), elsewhere, said]


CAPTURES = [tcp_end, tcp_figures, timeouts, link_layers, network_layers, fragments, tunnels, clock_jumps, clock_back,
            eviction, dns]

if __name__ == "__main__":
    for capture in CAPTURES:
        wrpcap(str(HERE / f"{capture.__name__}.pcap"), capture())
