#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Write ttl_watch.pcap anew. Needs python3-scapy."""
from scapy.all import IP, UDP, Ether, IPv6, Raw, wrpcap

BASE = 1_700_000_000
SENT = [  # seconds, source, TTL
    (0, "10.0.0.1", 64), (0.5, "10.0.0.2", 128), (1, "10.0.0.1", 64), (2, "10.0.0.1", 60), (3, "10.0.0.1", 60),
    (3.5, "10.0.0.2", 128), (4, "10.0.0.1", 64), (5, "2001:db8::1", 255), (6, "2001:db8::1", 254),
]


def packet(seconds, source, ttl):
    ip = IPv6(src=source, dst="2001:db8::9", hlim=ttl) if ":" in source else IP(src=source, dst="10.0.0.9", ttl=ttl)
    made = Ether(bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / ip / UDP(sport=4000, dport=5000) /
                       Raw(b"hello")))
    made.time = BASE + seconds
    return made


wrpcap("ttl_watch.pcap", [packet(*sent) for sent in SENT])
