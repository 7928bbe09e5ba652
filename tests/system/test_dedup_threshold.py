# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The operators dedup and threshold against a few lines of Python, under every plan."""
import json
import re

import pytest

import captures
from node import PLANS, run_pipeline
from test_bad_config import assert_view_refused

COUNT, HOSTS = 3000, 40
HEAD = """
pipeline: test
operators:
  - {name: source,  type: pcap, path: x}
  - {name: flow_id, type: flow_id}
"""


def packet(number):
    """Its host, and its size: each host's goes up and down, faster or slower, with some noise."""
    host = number * 7 % HOSTS
    turn = number // HOSTS
    return host, 100 + abs(turn * (host + 1) * 3 % 1200 - 600) + number * number % 50


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("keyed") / "in.pcap"
    frames = []
    for number in range(COUNT):
        host, size = packet(number)
        frames.append(captures.ethernet(captures.ipv4_udp(size, 1000, 2000, f"10.0.0.{host}")))
    path.write_bytes(captures.pcap(frames))
    return path


def run(folder, capture, operators, streams="", plan="one worker, chained"):
    done = run_pipeline(folder, HEAD + operators + (f"streams:\n{streams}" if streams else ""),
                        f"source.path={capture}", plan=plan)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def in_order(records):
    return sorted(json.dumps(record, sort_keys=True) for record in records)


def time_ns(number):
    return captures.START * 10**9 + number * 1_000_000


def first_ones(within_ns, renew):
    """The numbers of the packets that pass."""
    since, passed = {}, []
    for number in range(COUNT):
        key = packet(number)[1] // 100
        repeats = key in since and (within_ns == 0 or time_ns(number) - since[key] < within_ns)
        if not repeats:
            passed.append(number)
        if not repeats or renew:
            since[key] = time_ns(number)
    return passed


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("within, renew", [("0s", False), ("50ms", False), ("20ms", True)])
def test_dedup(tmp_path, capture, plan, within, renew):
    operators = f"""\
  - {{name: size,  type: map, fields: [timestamp_ns, "hundreds = bytes // 100"]}}
  - {{name: dedup, type: dedup, key: [hundreds], within: {within}, renew: {renew}, time: timestamp_ns}}
  - {{name: sink,  type: json}}
"""
    records, report = run(tmp_path, capture, operators, plan=plan)
    expected = first_ones(int(within[:-2] or 0) * 1_000_000 if within.endswith("ms") else 0, renew)
    assert in_order(records) == in_order(
        {"timestamp_ns": time_ns(n), "hundreds": packet(n)[1] // 100} for n in expected)
    assert re.search(r"dedup dropped repeated (\d+)", report)[1] == str(COUNT - len(expected))


def test_repeated_and_evicted(tmp_path, capture):
    """With a place for one key, a key passes anew whenever another came between."""
    operators = f"""\
  - {{name: dedup, type: dedup, key: [src_ip], max_keys: 1, parallelism: 1}}
  - {{name: sink,  type: json}}
  - {{name: rest,  type: json, path: {tmp_path}/rest.jsonl}}
"""
    streams = """\
  - {from: source, to: flow_id}
  - {from: flow_id, to: dedup}
  - {from: dedup, to: sink}
  - {from: dedup.repeated, to: rest}
"""
    records, _ = run(tmp_path, capture, operators, streams)
    rest = (tmp_path / "rest.jsonl").read_text().splitlines()
    hosts = [packet(n)[0] for n in range(COUNT)]
    expected = sum(n == 0 or hosts[n] != hosts[n - 1] for n in range(COUNT))
    assert (len(records), len(rest)) == (expected, COUNT - expected)


@pytest.mark.parametrize("plan", PLANS)
def test_times_out_of_order(tmp_path, plan):
    """Packets up to 9 ms behind, which lateness does not forgive all; and some without a time."""
    frames, expected, late, since, newest = [], [], 0, {}, 0
    for number in range(COUNT):
        host, size = packet(number)
        time = number * 1_000_000 - number * 7 % 11 * 900_000 + 20_000_000
        frame = captures.ethernet(captures.ipv4_udp(size, 1000, 2000, f"10.0.0.{host}"))
        frames.append((captures.START + time // 10**9, time % 10**9, len(frame), frame))
        newest = max(newest, time)
        clock = time - -(newest - time) // 1_000_000 * 1_000_000  # how late it is goes in whole ms, rounded up
        if size % 2 == 0:
            continue
        if time + 5_000_000 < clock:
            late += 1
        elif host not in since or abs(time - since[host]) >= 100_000_000:
            expected.append({"src_ip": f"10.0.0.{host}", "time": captures.START * 10**9 + time})
            since[host] = time
    (tmp_path / "in.pcap").write_bytes(captures.pcap(frames, nanoseconds=True))
    operators = """\
  - {name: odd,   type: map, fields: [src_ip, "time = timestamp_ns // (bytes % 2)"]}
  - {name: dedup, type: dedup, key: [src_ip], within: 100ms, lateness: 5ms, time: time}
  - {name: sink,  type: json}
"""
    records, report = run(tmp_path, tmp_path / "in.pcap", operators, plan=plan)
    assert in_order(records) == in_order(expected)
    assert late > 100 and int(re.search(r"dedup dropped .*late (\d+)", report)[1]) == late
    even = sum(packet(n)[1] % 2 == 0 for n in range(COUNT))
    assert int(re.search(r"dedup dropped .*no_time (\d+)", report)[1]) == even


def crossings(above, clear, places=HOSTS):
    """With a place for each host or for one, whose key then makes room."""
    beyond, found = set(), []
    for number in range(COUNT):
        host, size = packet(number)
        state = None
        if host not in beyond and size > above:
            if len(beyond) == places:
                beyond.clear()
            beyond.add(host)
            state = "start"
        elif host in beyond and size <= clear:
            beyond.remove(host)
            state = "end"
        if state:
            found.append({"src_ip": f"10.0.0.{host}", "bytes": size, "timestamp_ns": time_ns(number),
                          "threshold": {"state": state, "value": size * 8}})
    return found


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("clear", [4000, 3000])
def test_threshold(tmp_path, capture, plan, clear):
    operators = f"""\
  - {{name: size,  type: map, fields: [src_ip, bytes, timestamp_ns]}}
  - {{name: alarm, type: threshold, value: bytes * 8, above: 4k, clear: {clear}, key: [src_ip]}}
  - {{name: sink,  type: json}}
"""
    records, _ = run(tmp_path, capture, operators, plan=plan)
    expected = crossings(4000 / 8, clear / 8)
    assert len(expected) > 100
    assert in_order(records) == in_order(expected)


def test_threshold_with_one_place(tmp_path, capture):
    operators = """\
  - {name: size,  type: map, fields: [src_ip, bytes, timestamp_ns]}
  - {name: alarm, type: threshold, value: bytes * 8, above: 4k, clear: 3k, key: [src_ip], max_keys: 1, parallelism: 1}
  - {name: sink,  type: json}
"""
    records, _ = run(tmp_path, capture, operators)
    expected = crossings(4000 / 8, 3000 / 8, places=1)
    assert in_order(records) == in_order(expected) != in_order(crossings(4000 / 8, 3000 / 8))


def test_threshold_below_of_packets(tmp_path, capture):
    """One figure for all packets, which is absent for those of an even size."""
    operators = """\
  - {name: alarm, type: threshold, value: bytes / (bytes % 2), below: 200, clear: 300}
  - {name: sink,  type: json}
"""
    records, report = run(tmp_path, capture, operators, plan="two workers, ringed")
    expected, is_beyond = [], False
    for number in range(COUNT):
        size = packet(number)[1]
        if size % 2 and (size >= 300 if is_beyond else size < 200):
            is_beyond = not is_beyond
            expected.append((time_ns(number), "start" if is_beyond else "end", size))
    assert len(expected) > 100
    assert [(r["timestamp_ns"], r["threshold"]["state"], r["threshold"]["value"]) for r in records] == expected
    even = sum(packet(n)[1] % 2 == 0 for n in range(COUNT))
    assert int(re.search(r"alarm dropped no_value (\d+)", report)[1]) == even


REFUSED = {
    "dedup by nothing": ("type: dedup", "view.key: missing"),
    "dedup by an unknown field": ("type: dedup, key: [colour]", '"colour"'),
    "threshold without a bound": ("type: threshold, value: bytes", "view: expected one of above and below"),
    "threshold with two": ("type: threshold, value: bytes, above: 5, below: 3",
                           "view: expected one of above and below"),
    "threshold by a text": ("type: threshold, value: bytes, above: \"'x'\"",
                            "view: above: expected a number, this is a text"),
    "threshold that clears beyond": ("type: threshold, value: bytes, above: 5, clear: 6",
                                     "view: clear: 6: expected no more than the bound"),
    "threshold of an address": ("type: threshold, value: src_ip, above: 5",
                                "view: value: expected a number, this is an IP address"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, name):
    what, message = REFUSED[name]
    assert_view_refused(tmp_path, HEAD, what, message)
