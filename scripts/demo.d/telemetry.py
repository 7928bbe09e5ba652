#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Traffic in which each telemetry task of conf/sonata finds something, and something that is just not it.

    telemetry.py CAPTURE        write it as a pcap file

Nine seconds from START on, which begins a window of three seconds. As a module: packets() is the same as a list, from
which tests/system/test_sonata.py computes what the pipelines should find.
"""
import random
import struct
import sys
from typing import NamedTuple

START = 1_700_000_001
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
TCP, UDP = 6, 17
ANY = 255


class Packet(NamedTuple):
    time_ns: int
    src: str
    dst: str
    sport: int
    dport: int
    protocol: int = TCP
    flags: int = 0
    payload: bytes = b""

    @property
    def size(self):
        """Of the IP packet."""
        return 20 + (20 if self.protocol == TCP else 8) + len(self.payload)

    def frame(self):
        if self.protocol == TCP:
            above = struct.pack(">HHIIBBHHH", self.sport, self.dport, 1, 1, 5 << 4, self.flags, 8192, 0, 0)
        else:
            above = struct.pack(">HHHH", self.sport, self.dport, 8 + len(self.payload), 0)
        addresses = b"".join(bytes(map(int, ip.split("."))) for ip in (self.src, self.dst))
        ip = struct.pack(">BBHHHBBH", 0x45, 0, self.size, 1, 0, 64, self.protocol, 0)
        return bytes.fromhex("020000000002 020000000001 0800") + ip + addresses + above + self.payload


def dns(name, kind=1, response=False, number=1):
    """A DNS message with one question."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x8180 if response else 0x0100, 1, int(response), 0, 0) + labels + \
        b"\0" + struct.pack(">HH", kind, 1)


def at(seconds):
    return START * 1_000_000_000 + round(seconds * 1_000_000) * 1000


def connection(begin, client, server, sport, dport, sizes=(100, 1000), ends=True):
    """A TCP connection: handshake, request and answer, and its end from both sides."""
    there = {"src": client, "dst": server, "sport": sport, "dport": dport}
    back = {"src": server, "dst": client, "sport": dport, "dport": sport}
    yield Packet(at(begin), flags=SYN, **there)
    yield Packet(at(begin + 0.001), flags=SYN | ACK, **back)
    yield Packet(at(begin + 0.002), flags=ACK, **there)
    yield Packet(at(begin + 0.003), flags=PUSH | ACK, payload=b"q" * sizes[0], **there)
    yield Packet(at(begin + 0.004), flags=PUSH | ACK, payload=b"a" * sizes[1], **back)
    yield Packet(at(begin + 0.005), flags=ACK, **there)
    if ends:
        yield Packet(at(begin + 0.006), flags=FIN | ACK, **there)
        yield Packet(at(begin + 0.007), flags=FIN | ACK, **back)
        yield Packet(at(begin + 0.008), flags=ACK, **there)


def everyday(chance):
    """Two hundred ordinary connections, and look-ups before them."""
    for i in range(200):
        begin, client = chance.uniform(0, 8.9), f"10.0.{i % 7}.{i % 50 + 1}"
        name = f"{chance.choice(['www', 'mail', 'cdn'])}.site{i % 20}.example"
        yield Packet(at(begin), client, "10.0.9.53", 20000 + i, 53, UDP,
                     payload=dns(name))
        yield Packet(at(begin + 0.0005), "10.0.9.53", client, 53, 20000 + i, UDP, payload=dns(name, response=True))
        yield from connection(begin + 0.01, client, f"10.1.0.{i % 20 + 1}", 30000 + i,
                              chance.choice([80, 443, 22, 25]), (chance.randrange(50, 500), chance.randrange(1400)))


def many(count, begin, span, make):
    """`count` packets over a span; make(i) gives what they have besides the time."""
    for i in range(count):
        yield Packet(at(begin + span * i / count), **make(i))


def scans_and_floods():
    # Newly opened connections: 60 in one window, which end; 40 + 40 on both sides of a window's border.
    for i in range(60):
        yield from connection(0.5 + i * 0.02, f"10.2.0.{i % 30 + 1}", "10.3.0.1", 4000 + i, 80)
    yield from many(80, 2.2, 1.6, lambda i: {
        "src": f"10.2.1.{i % 30 + 1}", "dst": "10.3.0.2", "sport": 4000 + i, "dport": 80, "flags": SYN})
    # SYN flood: answered, never acknowledged.
    for i in range(150):
        there = {"src": f"10.2.2.{i + 1}", "dst": "10.3.0.3", "sport": 1024 + i, "dport": 443}
        back = {"src": "10.3.0.3", "dst": f"10.2.2.{i + 1}", "sport": 443, "dport": 1024 + i}
        yield Packet(at(3.5 + i * 0.01), flags=SYN, **there)
        yield Packet(at(3.501 + i * 0.01), flags=SYN | ACK, **back)
    # Connections that never end.
    for i in range(90):
        yield from connection(6.1 + i * 0.02, f"10.2.3.{i + 1}", "10.3.0.4", 5000 + i, 8080, ends=False)
    # A superspreader; one that speaks often, with few.
    yield from many(90, 3.2, 2.5, lambda i: {
        "src": "10.2.4.1", "dst": f"10.4.{i % 80}.1", "sport": 53000, "dport": 123, "protocol": UDP,
        "payload": b"x" * 48})
    yield from many(90, 3.2, 2.5, lambda i: {
        "src": "10.2.4.2", "dst": f"10.4.{i % 9}.2", "sport": 53000, "dport": 123, "protocol": UDP,
        "payload": b"x" * 48})
    # A port scan: each port twice; and half as many ports.
    yield from many(160, 6.3, 2.0, lambda i: {
        "src": "10.2.5.1", "dst": "10.3.0.5", "sport": 40000, "dport": 1 + i % 80, "flags": SYN})
    yield from many(40, 6.3, 2.0, lambda i: {
        "src": "10.2.5.2", "dst": "10.3.0.6", "sport": 40000, "dport": 1 + i, "flags": SYN})
    # Denial of service, from 120 senders.
    yield from many(240, 0.2, 2.5, lambda i: {
        "src": f"10.5.{i % 120}.7", "dst": "10.3.0.7", "sport": 9, "dport": 9999, "protocol": UDP,
        "payload": b"d" * 200})


def logins_and_slow_clients():
    # SSH: 70 hosts send attempts of one size; a file copy has many sizes.
    yield from many(140, 3.1, 2.6, lambda i: {
        "src": f"10.2.6.{i % 70 + 1}", "dst": "10.3.0.8", "sport": 50000 + i, "dport": 22, "flags": PUSH | ACK,
        "payload": b"p" * 64})
    yield from many(140, 3.1, 2.6, lambda i: {
        "src": f"10.2.6.{i % 70 + 1}", "dst": "10.3.0.9", "sport": 50000 + i, "dport": 22, "flags": PUSH | ACK,
        "payload": b"p" * (10 + i)})
    # Slowloris: 100 connections that say next to nothing; 100 that say much.
    for i in range(100):
        common = {"sport": 10000 + i, "dport": 80, "flags": PUSH | ACK}
        for repeat in range(2):
            when = at(6.2 + i * 0.01 + repeat * 1.2)
            yield Packet(when, f"10.2.7.{i % 5 + 1}", "10.3.0.10", payload=b"X-a: b\r\n", **common)
            yield Packet(when, f"10.2.7.{i % 5 + 1}", "10.3.0.11", payload=b"y" * 1200, **common)
    # Telnet: commands of one size from many hosts, and after them the word.
    yield from many(120, 0.3, 1.5, lambda i: {
        "src": f"10.2.8.{i % 60 + 1}", "dst": "10.3.0.12", "sport": 6000 + i, "dport": 23, "flags": PUSH | ACK,
        "payload": b"cat /proc/cpuinfo\r\n" + b" " * (i % 2)})
    yield from many(3, 2.0, 0.5, lambda i: {
        "src": "10.2.8.1", "dst": "10.3.0.12", "sport": 6500, "dport": 23, "flags": PUSH | ACK,
        "payload": b"./zorro.arm\r\n"})
    yield from many(120, 0.3, 1.5, lambda i: {
        "src": f"10.2.8.{i % 60 + 1}", "dst": "10.3.0.13", "sport": 6000 + i, "dport": 23, "flags": PUSH | ACK,
        "payload": b"cat /proc/cpuinfo\r\n"})
    yield Packet(at(2.1), "10.2.8.9", "10.3.0.14", 6600, 23, flags=PUSH | ACK, payload=b"echo zorro\r\n")


def names(chance):
    # A tunnel: 100 names of one domain from one client; a client that asks the same few names often.
    def letters(length):
        return "".join(chance.choice("abcdefghijklmnop234567") for _ in range(length))
    for i in range(100):
        yield Packet(at(3.05 + i * 0.025), "10.2.9.1", "10.0.9.53", 25000 + i, 53, UDP,
                     payload=dns(f"{letters(50)}.{letters(40)}.tunnel.example", 16, number=i))
        yield Packet(at(3.06 + i * 0.025), "10.2.9.2", "10.0.9.53", 25000 + i, 53, UDP,
                     payload=dns(f"host{i % 4}.Busy.Example", number=i))
    # Reflection: 60 open resolvers answer to one victim; one resolver answers often.
    for i in range(120):
        yield Packet(at(0.1 + i * 0.02), f"10.6.{i % 60}.53", "10.3.0.15", 53, 3333, UDP,
                     payload=dns("big.example", ANY, True, i) + b"r" * 900)
        yield Packet(at(0.1 + i * 0.02), "10.6.0.54", "10.3.0.16", 53, 3333, UDP,
                     payload=dns("big.example", ANY, True, i) + b"r" * 900)


def heavy_flows():
    """A flow of 1.2 MB within a second, and one of as much that takes four."""
    yield from many(1000, 4.05, 0.9, lambda i: {
        "src": "10.2.10.1", "dst": "10.3.0.17", "sport": 7000, "dport": 5201, "protocol": UDP, "payload": b"h" * 1200})
    yield from many(1000, 4.05, 3.9, lambda i: {
        "src": "10.2.10.2", "dst": "10.3.0.18", "sport": 7000, "dport": 5201, "protocol": UDP, "payload": b"h" * 1200})


def packets(seed=1):
    """All of it, in order of time."""
    chance = random.Random(seed)
    made = [*everyday(chance), *scans_and_floods(), *logins_and_slow_clients(), *names(chance), *heavy_flows()]
    return sorted(made, key=lambda packet: packet.time_ns)


def write(path, made):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        for packet in made:
            frame = packet.frame()
            file.write(struct.pack("<IIII", packet.time_ns // 10**9, packet.time_ns % 10**9, len(frame), len(frame)))
            file.write(frame)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("telemetry.py: expected one path, of the capture file to write")
    write(sys.argv[1], packets())
