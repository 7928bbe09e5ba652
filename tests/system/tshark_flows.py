# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Flows as tshark sees them: its fields, packet by packet, summed by docs/conformance.md's definition of a flow.

    tshark_flows.py CAPTURE...      the causes for which frames have no flow there, counted

tshark says where headers begin and what their fields hold; nothing of weir's parser is used. It must not put fragments
together, since a flow's packets are those on the wire.
"""
import collections
import ipaddress
import subprocess
import sys

FRAGMENT_LIFETIME_S = 30
EXTENSIONS = {0: "ipv6.hopopts.nxt", 43: "ipv6.routing.nxt", 44: "ipv6.fraghdr.nxt", 51: "ah.next_header",
              60: "ipv6.dstopts.nxt", 135: "mip6.proto", 139: "hip.proto", 140: "shim6.nxt"}
FIELDS = ["frame.time_epoch", "frame.protocols",
          "ip.src", "ip.dst", "ip.proto", "ip.len", "ip.hdr_len", "ip.id", "ip.frag_offset", "ip.flags.mf",
          "ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.plen",
          "ipv6.fraghdr.offset", "ipv6.fraghdr.more", "ipv6.fraghdr.ident",
          "tcp.srcport", "tcp.dstport", "tcp.hdr_len", "tcp.urgent_pointer",
          "udp.srcport", "udp.dstport", "udp.length", "udp.checksum",
          "icmp.type", "icmp.code", "icmp.checksum", "icmpv6.type", "icmpv6.code", "icmpv6.checksum",
          *EXTENSIONS.values()]
COUNTERPARTS = {1: {8: 0, 13: 14, 15: 16, 10: 9, 17: 18},
                58: {128: 129, 130: 131, 133: 134, 135: 136, 139: 140, 144: 145}}
for pairs in COUNTERPARTS.values():
    pairs.update({reply: request for request, reply in list(pairs.items())})


class NoFlow(Exception):
    """This frame has no flow; its text is the cause."""


def run_tshark(capture, *arguments):
    command = ["tshark", "-n", "-r", str(capture), "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
               "-o", "tcp.desegment_tcp_streams:FALSE", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 and "cut short" not in done.stderr:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def frames(capture):
    """Yield each frame's fields: name -> the values in order of occurrence, outermost first."""
    arguments = ["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
    for name in FIELDS:
        arguments += ["-e", name]
    for line in run_tshark(capture, *arguments):
        yield dict(zip(FIELDS, ([value for value in text.split(",") if value] for text in line.split("\t"))))


def number(frame, name):
    """The outermost value of a field, or None."""
    return int(frame[name][0], 0) if frame[name] else None


def network(frame):
    """The outermost IP header: 4 or 6."""
    protocols = frame["frame.protocols"][0].split(":")
    name = next((name for name in protocols if name in ("ip", "ipv6")), None)
    below = protocols[:protocols.index(name)] if name else []
    if "pwethheuristic" in below or "pweth" in below:
        raise NoFlow("Ethernet inside MPLS")
    if "cfp" in below:
        raise NoFlow("Ethernet inside FabricPath")
    if "llc" in below:
        raise NoFlow("IP behind an LLC header")
    if name == "ip" and not frame["ip.dst"]:
        raise NoFlow("IPv4 header cut or malformed")
    if name == "ipv6" and not frame["ipv6.dst"]:
        raise NoFlow("IPv6 header cut or malformed")
    if not name:
        raise NoFlow("no IP")
    return 4 if name == "ip" else 6


def follow_extensions(frame):
    """The protocol above IPv6's extension headers, and whether it is known only from a later fragment."""
    protocol, passed = number(frame, "ipv6.nxt"), collections.Counter()
    while protocol in EXTENSIONS:
        name = EXTENSIONS[protocol]
        values = frame[name]
        if passed[name] >= len(values):
            raise NoFlow("cut inside an IP header")
        is_later = protocol == 44 and number(frame, "ipv6.fraghdr.offset")
        protocol = int(values[passed[name]], 0)
        passed[name] += 1
        if is_later:
            break
    return protocol


def transport(frame, protocol, payload_size, is_first):
    """The ports; payload_size is what IP says, or None where that takes knowledge of all extension headers."""
    cut = NoFlow("cut inside the transport header")
    if protocol == 6:
        header_size = number(frame, "tcp.hdr_len")
        if is_first and frame["tcp.dstport"]:  # the rest of the header may be in the next fragment
            return number(frame, "tcp.srcport"), number(frame, "tcp.dstport")
        if payload_size is not None and (payload_size < 20 or (header_size or 20) > payload_size):
            raise NoFlow("TCP header longer than its packet")
        if header_size is None or not frame["tcp.urgent_pointer"]:
            raise cut
        if header_size < 20:
            raise NoFlow("TCP header shorter than 20 bytes")
        return number(frame, "tcp.srcport"), number(frame, "tcp.dstport")
    if protocol == 17:
        if not frame["udp.checksum"]:
            raise cut
        if 0 < number(frame, "udp.length") < 8:
            raise NoFlow("UDP length below 8")
        return number(frame, "udp.srcport"), number(frame, "udp.dstport")
    if protocol in COUNTERPARTS:
        name = "icmp" if protocol == 1 else "icmpv6"
        kind, code = number(frame, f"{name}.type"), number(frame, f"{name}.code")
        if code is None or not frame[f"{name}.checksum"]:
            raise cut
        return kind, COUNTERPARTS[protocol].get(kind, code)
    return 0, 0


class Flows:
    """What `add` found: directed 5-tuple -> [packets, bytes], and cause -> frames without a flow."""

    def __init__(self):
        self.directed = collections.defaultdict(lambda: [0, 0])
        self.without = collections.Counter()
        self.frames = 0
        self.orphans = 0
        self.datagrams = {}

    def add(self, frame):
        self.frames += 1
        try:
            key, size = self.identify(frame)
        except NoFlow as cause:
            self.without[str(cause)] += 1
            return
        self.directed[key][0] += 1
        self.directed[key][1] += size

    def identify(self, frame):
        if network(frame) == 4:
            ends = frame["ip.src"][0], frame["ip.dst"][0]
            protocol, size = number(frame, "ip.proto"), number(frame, "ip.len")
            payload_size = size - number(frame, "ip.hdr_len")
            datagram = (*ends, protocol, number(frame, "ip.id"))
            is_later, more = number(frame, "ip.frag_offset") != 0, frame["ip.flags.mf"][0] in ("1", "True")
        else:
            ends = frame["ipv6.src"][0], frame["ipv6.dst"][0]
            protocol, payload_size = follow_extensions(frame), None
            size = number(frame, "ipv6.plen") + 40
            datagram = (*ends, number(frame, "ipv6.fraghdr.ident"))
            is_later = bool(number(frame, "ipv6.fraghdr.offset"))
            more = bool(frame["ipv6.fraghdr.more"]) and frame["ipv6.fraghdr.more"][0] in ("1", "True")
        now = float(frame["frame.time_epoch"][0])
        if is_later:
            ports, protocol = self.recall(datagram, now, protocol)
        else:
            ports = transport(frame, protocol, payload_size, more)
            if more:
                self.datagrams[datagram] = now, ports, protocol
        return (*(str(ipaddress.ip_address(end)) for end in ends), *ports, protocol), size

    def recall(self, datagram, now, protocol):
        seen, ports, known = self.datagrams.get(datagram, (float("-inf"), None, None))
        if now - seen <= FRAGMENT_LIFETIME_S:
            return ports, known
        self.orphans += 1
        return (0, 0), protocol


def flows(capture):
    found = Flows()
    for frame in frames(capture):
        found.add(frame)
    return found


def conversations(capture, kind):
    """Packets per pair of ends, as `-z conv,tcp` or `-z conv,udp` counts them."""
    totals = collections.Counter()
    for line in run_tshark(capture, "-q", "-z", f"conv,{kind}"):
        words = line.split()
        if len(words) > 3 and words[1] == "<->":
            # the last columns are frames and bytes (two words) of ←, → and both, then start and duration
            totals[frozenset((words[0], words[2]))] += int(words[-5])
    return totals


if __name__ == "__main__":
    for path in sys.argv[1:]:
        found = flows(path)
        print(f"{path}: {found.frames} frames, {found.orphans} orphaned fragments, {dict(found.without)}")
