#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""What tshark's TCP analysis says of each connection and direction, beside weir's records.

    python3 tests/system/tshark_tcp.py CAPTURE...      the sums of both, and in how many directions they are equal

tshark judges a segment when it comes, and by time: one that fills a hole is out of order, or sent again, by how long
ago the newest one was. Its round-trip times are those of every acknowledgement that it can lay to a segment.
"""
import collections
import dataclasses
import ipaddress
import pathlib
import subprocess
import sys

import tcptrace_figures

FLAGS = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "keep_alive",
         "duplicate_ack", "zero_window", "zero_window_probe")
FIELDS = ["tcp.stream", "frame.time_epoch", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "tcp.analysis.ack_rtt", *(f"tcp.analysis.{flag}" for flag in FLAGS)]


@dataclasses.dataclass
class Stream:
    """One of tshark's TCP streams; side 0 sent its first segment. Round-trip times are those of what a side sent."""

    ends: tuple
    start_s: float
    counts: tuple = dataclasses.field(default_factory=lambda: (collections.Counter(), collections.Counter()))
    rtts_s: tuple = dataclasses.field(default_factory=lambda: ([], []))


def streams(capture):
    words = ["tshark", "-n", "-r", str(capture), "-o", "tcp.desegment_tcp_streams:FALSE", "-Y", "tcp", "-T", "fields",
             "-E", "occurrence=f"]
    for field in FIELDS:
        words += ["-e", field]
    made = {}
    for line in subprocess.run(words, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines():
        row = dict(zip(FIELDS, line.split("\t")))
        ends = tuple((str(ipaddress.ip_address(row[f"ip.{end}"] or row[f"ipv6.{end}"])), int(row[f"tcp.{end}port"]))
                     for end in ("src", "dst"))
        stream = made.setdefault(row["tcp.stream"], Stream(ends, float(row["frame.time_epoch"])))
        side = 0 if ends == stream.ends else 1
        stream.counts[side]["packets"] += 1
        stream.counts[side].update(flag for flag in FLAGS if row[f"tcp.analysis.{flag}"])
        if row["tcp.analysis.ack_rtt"]:
            stream.rtts_s[1 - side].append(float(row["tcp.analysis.ack_rtt"]))
    return sorted(made.values(), key=lambda stream: stream.start_s)


def tsharks(stream, side):
    """tshark's figures of a side, by the name of the class; a fast or a spurious one is a retransmission as well."""
    counts, rtts_s = stream.counts[side], stream.rtts_s[side]
    return {"packets": counts["packets"],
            "sent again": counts["retransmission"], "out of order": counts["out_of_order"],
            "sent again or out of order": counts["retransmission"] + counts["out_of_order"],
            "duplicate ACKs": counts["duplicate_ack"], "zero windows": counts["zero_window"],
            "RTT samples": len(rtts_s), "least RTT, us": round(min(rtts_s, default=0) * 1e6),
            "greatest RTT, us": round(max(rtts_s, default=0) * 1e6)}


def weirs(mine, peers):
    """The same from a record; the duplicate acknowledgements that a side sent are those of its peer's data."""
    again, early = (mine.get(f"{name}_packets", 0) for name in ("retransmitted", "out_of_order"))
    return {"packets": mine.get("packets", 0), "sent again": again, "out of order": early,
            "sent again or out of order": again + early, "duplicate ACKs": peers.get("duplicate_acks", 0),
            "zero windows": mine.get("zero_windows", 0), "RTT samples": mine.get("rtt_samples", 0),
            "least RTT, us": mine.get("rtt_min_ns", 0) // 1000, "greatest RTT, us": mine.get("rtt_max_ns", 0) // 1000}


def compare(capture, records):
    """Yield (stream, side, class, tshark's, weir's) of every stream that has a record."""
    for stream, record in tcptrace_figures.paired(streams(capture), records):
        if record is None:
            continue
        turn = 1 if tcptrace_figures.ends_of(record) == stream.ends else -1
        both = [tcptrace_figures.figures(record, side) for side in ("fwd", "rev")][::turn]
        for side in (0, 1):
            ours = weirs(both[side], both[1 - side])
            for name, value in tsharks(stream, side).items():
                yield stream, side, name, value, ours[name]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    table = collections.defaultdict(collections.Counter)
    for capture in sys.argv[1:]:
        for _, _, name, theirs, ours in compare(pathlib.Path(capture), tcptrace_figures.records(capture)):
            table[name].update({"tshark": theirs, "weir": ours,
                                "equal" if theirs == ours else "tshark more" if theirs > ours else "weir more": 1})
    print(f"{'class':28}{'tshark':>13}{'weir':>13}{'equal':>13}{'tshark more':>13}{'weir more':>13}")
    for name, row in table.items():
        counts = [row[column] for column in ("tshark", "weir", "equal", "tshark more", "weir more")]
        print(f"{name:28}" + "".join(f"{count:13}" for count in counts))


if __name__ == "__main__":
    main()
