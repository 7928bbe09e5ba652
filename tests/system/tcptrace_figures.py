#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""TCP figures of each connection, as tcptrace has them, beside those of weir's records.

    python3 tests/system/tcptrace_figures.py CAPTURE...            what differs, and how many values of each field agree
    python3 tests/system/tcptrace_figures.py --frames CAPTURE...   and which frame brings each difference about

tcptrace writes them as comma-separated values (`tcptrace -lnrW --csv`): one line a connection, `_a2b` and `_b2a` behind
the name of each figure. Counts must be equal; times agree within 0.1 ms (its last digit) or 1 %.
"""
import collections
import dataclasses
import gzip
import ipaddress
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
# The reference never ends a connection for want of packets; neither does a run that is compared with it.
NO_EXPIRY = ("stats.idle_timeout=24h", "stats.active_timeout=24h")
COUNTS = {
    "total_packets": "packets", "actual_data_bytes": "payload_bytes", "resets_sent": "rst",
    "pure_acks_sent": "pure_acks", "unique_bytes_sent": "unique_bytes", "rexmt_data_pkts": "retransmitted_packets",
    "rexmt_data_bytes": "retransmitted_bytes", "outoforder_pkts": "out_of_order_packets",
    "duplicate_acks": "duplicate_acks", "zero_win_adv": "zero_windows", "mss_requested": "mss",
    "max_win_adv": "max_window", "RTT_samples": "rtt_samples",
}
TIMES = {"RTT_min": "rtt_min_ns", "RTT_avg": "rtt_avg_ns", "RTT_max": "rtt_max_ns", "RTT_stdev": "rtt_stddev_ns"}
FIELDS = {**COUNTS, **TIMES}


@dataclasses.dataclass
class Connection:
    ends: tuple  # ((address, port), (address, port)), the first is a
    start_us: int
    sides: tuple  # figures by weir's name, of a and of b


@dataclasses.dataclass(frozen=True)
class Difference:
    ends: tuple
    start_us: int
    side: int  # 0 for what a sent
    field: str
    theirs: float
    ours: float | None

    def __str__(self):
        there, back = (":".join(map(str, end)) for end in (self.ends, self.ends[::-1])[self.side])
        return f"{self.start_us / 1e6:.6f} {there} > {back} {self.field}: {self.ours} for {self.theirs}"


def connections(capture):
    """What tcptrace makes of a capture; it must not have crashed on it."""
    done = subprocess.run(["tcptrace", "-lnrW", "--csv", str(capture)], capture_output=True, text=True,
                          errors="replace", timeout=300, check=True)
    lines = [re.split(r"\s*,\s*", line) for line in done.stdout.splitlines() if "," in line and line[0] != "#"]
    made = []
    for line in lines[1:]:
        row = dict(zip(lines[0], line))
        ends = tuple((str(ipaddress.ip_address(row[f"host_{end}"])), int(row[f"port_{end}"])) for end in "ab")
        sides = tuple({ours: float(row[f"{theirs}_{way}"]) for theirs, ours in FIELDS.items()
                       if re.fullmatch(r"[\d.]+", row[f"{theirs}_{way}"])} for way in ("a2b", "b2a"))
        for side in sides:
            side["mss"] %= 1 << 16  # it is kept in a short and printed as a long
        made.append(Connection(ends, round(float(row["first_packet"]) * 1e6), sides))
    return made


def unpacked(capture, folder):
    if capture.suffix != ".gz":
        return capture
    plain = pathlib.Path(folder) / capture.stem
    with gzip.open(capture, "rb") as packed, open(plain, "wb") as out:
        shutil.copyfileobj(packed, out)
    return plain


def survivable(capture, folder):
    """A capture without what tcptrace crashes on: unfragmented TCP straight over IP alone."""
    kept = pathlib.Path(folder) / "survivable.pcap"
    subprocess.run(["tcpdump", "-r", str(unpacked(capture, folder)), "-w", str(kept),
                    "(ip proto 6 and ip[6:2] & 0x3fff = 0) or (ip6 and ip6[6] = 6)"],
                   capture_output=True, timeout=120, check=True)
    return kept


def records(capture, *settings, eal=()):
    """weir's TCP records of a capture."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "flows.jsonl"
        words = [BUILD / "weir-dataplane", *eal, "--no-huge", "--no-shconf", "--no-pci", "--log-level=error", "--",
                 "--config", ROOT / "conf" / "flow-file.yaml"]
        for setting in (f"source.path={capture}", f"sink.path={out}", *NO_EXPIRY, *settings):
            words += ["--set", setting]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        lines = out.read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record.get("protocol") == 6]


def figures(record, side):
    return {**record.get(side, {}), **record.get("tcp", {}).get(side, {})}


def paired(theirs, ours):
    """(connection, record or None): of the same ends, in the order of their start."""
    waiting = collections.defaultdict(list)
    for record in sorted(ours, key=lambda record: record["start_ns"]):
        waiting[frozenset(ends_of(record))].append(record)
    for connection in theirs:
        candidates = waiting[frozenset(connection.ends)]
        yield connection, candidates.pop(0) if candidates else None


def ends_of(record):
    return tuple((str(ipaddress.ip_address(record[f"{end}_ip"])), record[f"{end}_port"]) for end in ("src", "dst"))


def agrees(field, theirs, ours):
    if field.endswith("_ns"):
        return abs(theirs - (ours or 0) / 1e6) <= max(0.1, 0.01 * theirs)
    return theirs == (ours or 0)


def compare(theirs, ours):
    """(field -> values compared, the Differences)."""
    compared, differences = collections.Counter(), []
    for connection, record in paired(theirs, ours):
        turn = 1 if record is None or ends_of(record) == connection.ends else -1
        for number, side in enumerate(("fwd", "rev")[::turn]):
            got = {} if record is None else figures(record, side)
            for field, value in connection.sides[number].items():
                compared[field] += 1
                if not agrees(field, value, got.get(field)) or record is None:
                    differences.append(Difference(connection.ends, connection.start_us, number, field, value,
                                                  got.get(field)))
    return compared, differences


def frames_of(capture, ends):
    """(number, bytes of the capture file) of each frame between two ends."""
    data = pathlib.Path(capture).read_bytes()
    (address, port), (other_address, other_port) = ends
    chosen = subprocess.run(
        ["tshark", "-n", "-r", str(capture), "-T", "fields", "-e", "frame.number", "-Y",
         f"tcp.port=={port} && tcp.port=={other_port} && ip{'v6' * (':' in address)}.addr=={address} && "
         f"ip{'v6' * (':' in address)}.addr=={other_address}"], capture_output=True, text=True, timeout=300, check=True)
    chosen, at = set(map(int, chosen.stdout.split())), 24
    for number in range(1, max(chosen, default=0) + 1):
        end = at + 16 + struct.unpack("<I", data[at + 8:at + 12])[0]
        if number in chosen:
            yield number, data[at:end]
        at = end


def first_frame(capture, difference, folder):
    """The number of the frame that makes this figure differ and that brings no agreement again."""
    frames = list(frames_of(capture, difference.ends))
    head, part = pathlib.Path(capture).read_bytes()[:24], pathlib.Path(folder) / "part.pcap"

    def differs(count):
        part.write_bytes(head + b"".join(frame for _, frame in frames[:count]))
        return any((other.start_us, other.side, other.field) == (difference.start_us, difference.side, difference.field)
                   for other in compare(connections(part), records(part))[1])

    low, high = 0, len(frames)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if differs(middle) else (middle, high)
    return frames[high - 1][0]


def report(capture, with_frames, folder):
    """Print what differs in one capture; returns (field -> values compared, field -> values that differ)."""
    plain = kept = unpacked(capture, folder)
    try:
        theirs = connections(plain)
    except subprocess.CalledProcessError:
        kept = survivable(plain, folder)
        theirs = connections(kept)
    compared, differences = compare(theirs, records(kept))
    for difference in differences:
        print(capture.name, difference, f"at frame {first_frame(plain, difference, folder)}" if with_frames else "")
    return compared, collections.Counter(difference.field for difference in differences)


def main():
    captures = [pathlib.Path(word) for word in sys.argv[1:] if word != "--frames"]
    if not captures:
        sys.exit(__doc__)
    compared, differing = collections.Counter(), collections.Counter()
    for capture in captures:
        with tempfile.TemporaryDirectory() as folder:
            more, different = report(capture, "--frames" in sys.argv, folder)
        compared += more
        differing += different
    for field, count in compared.items():
        print(f"{1 - differing[field] / count:7.4f}  {count - differing[field]:7d} of {count:7d}  {field}")
    print(f"{1 - differing.total() / max(1, compared.total()):.5f} of {compared.total()} values agree")


if __name__ == "__main__":
    main()
