# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Captures made byte by byte, so that a test can damage them where it wants."""
import struct

ETHERNET, RAW, LINUX_SLL, IEEE802_11 = 1, 101, 113, 105
START = 1_700_000_000


def ipv4_udp(size, source_port=1000, destination_port=2000, source="10.0.0.1", destination="10.0.0.2"):
    """An IPv4 packet of `size` bytes with a UDP datagram in it; checksums are 0."""
    addresses = b"".join(bytes(map(int, address.split("."))) for address in (source, destination))
    header = struct.pack(">BBHHHBBH", 0x45, 0, size, 1, 0, 64, 17, 0) + addresses
    return header + struct.pack(">HHHH", source_port, destination_port, size - 20, 0) + bytes(size - 28)


def ethernet(packet):
    return bytes.fromhex("020000000002 020000000001 0800") + packet


def pcap(frames, link=ETHERNET, nanoseconds=False):
    """A pcap file; frames are bytes, 1 ms apart, or (seconds, fraction, bytes on the wire, bytes)."""
    file = struct.pack("<IHHIIII", 0xa1b23c4d if nanoseconds else 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)
    for number, frame in enumerate(frames):
        if isinstance(frame, bytes):
            frame = (START, number * (1_000_000 if nanoseconds else 1000), len(frame), frame)
        seconds, fraction, wire, data = frame
        file += struct.pack("<IIII", seconds, fraction, len(data), wire) + data
    return file


def pcapng(frames, link=ETHERNET):
    """A pcapng file with nanoseconds; frames 1 ms apart."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = len(body) + 12
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    file = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    file += block(1, struct.pack("<HHI", link, 0, 262144) + struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0))
    for number, frame in enumerate(frames):
        time = START * 1_000_000_000 + number * 1_000_000
        file += block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xffffffff, len(frame), len(frame)) + frame)
    return file
