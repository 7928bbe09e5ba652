# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The operators window, reduce, top_k and heavy_hitters over packets of a file, against computations in Python that go
over the list of packets; windows and rankings under every plan."""
import collections
import ipaddress
import json
import random
import re
import struct

import pytest

import captures
from node import PLANS, run_file, run_pipeline

SECOND = 10**9
START = 1_700_000_000 * SECOND
HOSTS = [f"10.0.0.{i}" for i in range(1, 40)]

PIPELINE = """
pipeline: windows
operators:
  - {{name: source,  type: pcap}}
  - {{name: flow_id, type: flow_id}}
  - {{name: {name}, type: {type}, {options}}}
  - {{name: sink,    type: json}}
"""

Packet = collections.namedtuple("Packet", "time src dst sport dport bytes")


def make_packets(count, disorder_ns=0):
    """Hosts that send now and then, some much more than others, with silences; some packets out of order."""
    choose = random.Random(5)
    packets, clock = [], START
    for number in range(count):
        clock += choose.choice((1, 200_000, 3_000_000)) + (7 * SECOND if number % 900 == 899 else 0)
        time = clock - choose.randrange(disorder_ns) if disorder_ns and choose.random() < 0.1 else clock
        src = HOSTS[min(int(choose.expovariate(0.15)), len(HOSTS) - 1)]
        packets.append(Packet(time, src, choose.choice(HOSTS), 1000 + choose.randrange(3), 53,
                              choose.randrange(60, 1400)))
    return packets


def write(path, packets):
    """A capture with times in nanoseconds."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for p in packets:
            frame = captures.ethernet(captures.ipv4_udp(p.bytes, p.sport, p.dport, p.src, p.dst))
            out.write(struct.pack("<IIII", p.time // SECOND, p.time % SECOND, len(frame), len(frame)) + frame)


@pytest.fixture(scope="module", name="packets")
def fixture_packets():
    return make_packets(6000)


@pytest.fixture(scope="module", name="capture")
def fixture_capture(tmp_path_factory, packets):
    path = tmp_path_factory.mktemp("windows") / "in.pcap"
    write(path, packets)
    return path


def run(folder, capture, options, kind="window", plan="one worker, chained"):
    """The records, and what standard error said."""
    done = run_pipeline(folder, PIPELINE.format(name="step", type=kind, options=options), f"source.path={capture}",
                        "hash_secret=fixed", plan=plan)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def ordered(records):
    """In an order of their own; 3.0 is 3 in JSON."""
    return sorted(json.dumps({name: int(value) if isinstance(value, float) and value.is_integer() else value
                              for name, value in record.items()}, sort_keys=True) for record in records)


def dropped(stderr, name):
    found = re.search(rf"step dropped {name} (\d+)", stderr)
    return int(found[1]) if found else 0


def figures(packets):
    """What `compute` below says of some packets."""
    sizes = [p.bytes for p in packets]
    return {"packets": len(packets), "bytes": sum(sizes), "least": min(sizes), "most": max(sizes),
            "mean": sum(sizes) / len(sizes),
            "last_port": max(enumerate(packets), key=lambda e: (e[1].time, e[0]))[1].sport}


COMPUTE = ("compute: [packets = count(), bytes = sum(bytes), least = min(bytes), most = max(bytes), "
           "mean = mean(bytes), last_port = last(src_port)]")


def sliding(packets, key, size, slide):
    """Every window of every key that has any packets, straight from its definition."""
    windows = collections.defaultdict(list)
    for p in packets:
        end = p.time - p.time % slide + slide
        while end - size <= p.time:
            windows[key(p), end].append(p)
            end += slide
    return [{**dict(k), "window_start_ns": end - size, "window_end_ns": end, **figures(inside)}
            for (k, end), inside in windows.items()]


def sessions(packets, key, gap):
    times = collections.defaultdict(list)
    for p in sorted(packets, key=lambda p: p.time):
        runs = times[key(p)]
        if not runs or p.time - runs[-1][-1].time >= gap:
            runs.append([])
        runs[-1].append(p)
    return [{**dict(k), "window_start_ns": r[0].time, "window_end_ns": r[-1].time + gap, **figures(r)}
            for k, runs in times.items() for r in runs]


def by_src(p):
    return (("src_ip", p.src),)


def by_pair(p):
    return (("src_ip", p.src), ("dst_ip", p.dst))


@pytest.mark.parametrize("plan", PLANS)
def test_tumbling_windows_are_those_of_the_definition(tmp_path, packets, capture, plan):
    records, _ = run(tmp_path, capture, f"key: [src_ip, dst_ip], size: 1s, {COMPUTE}", plan=plan)
    assert ordered(records) == ordered(sliding(packets, by_pair, SECOND, SECOND))


@pytest.mark.parametrize("plan", PLANS)
def test_sliding_windows_are_those_of_the_definition(tmp_path, packets, capture, plan):
    records, _ = run(tmp_path, capture, f"key: [src_ip], kind: sliding, size: 5s, slide: 1s, {COMPUTE}", plan=plan)
    assert ordered(records) == ordered(sliding(packets, by_src, 5 * SECOND, SECOND))


@pytest.mark.parametrize("plan", PLANS)
def test_sessions_are_those_of_the_definition(tmp_path, packets, capture, plan):
    records, _ = run(tmp_path, capture, f"key: [src_ip, dst_ip], kind: session, gap: 100ms, {COMPUTE}", plan=plan)
    assert ordered(records) == ordered(sessions(packets, by_pair, SECOND // 10))


def test_windows_by_count(tmp_path, packets, capture):
    records, _ = run(tmp_path, capture, "key: [src_ip], kind: count, count: 12, every: 4, compute: [n = sum(bytes)]")
    of_host = collections.defaultdict(list)
    for p in packets:
        of_host[p.src].append(p)
    expected = []
    for src, own in of_host.items():
        ends = [*range(4, len(own) + 1, 4), *([len(own)] if len(own) % 4 else [])]
        for end in ends:
            start = max(0, (end + 3) // 4 * 4 - 12)
            expected.append({"src_ip": src, "window_start_ns": own[start].time, "window_end_ns": own[end - 1].time,
                             "n": sum(p.bytes for p in own[start:end])})
    assert ordered(records) == ordered(expected)


@pytest.mark.parametrize("plan", PLANS)
def test_late_packets_are_the_same_under_every_plan(tmp_path, plan):
    """Late by the clock: the greatest time seen before, in milliseconds rounded up (event_clock.h)."""
    size, lateness = SECOND // 5, SECOND // 20
    packets = make_packets(4000, disorder_ns=SECOND // 2)
    write(tmp_path / "in.pcap", packets)
    records, stderr = run(tmp_path, tmp_path / "in.pcap", f"key: [src_ip], size: 200ms, lateness: 50ms, {COMPUTE}",
                          plan=plan)
    clock, in_time = 0, []
    for p in packets:
        late_ms = -(-max(0, clock - p.time) // 1_000_000)
        clock = max(clock, p.time)
        if p.time - p.time % size + size + lateness > p.time + late_ms * 1_000_000:
            in_time.append(p)
    assert 0 < len(packets) - len(in_time) < len(packets) / 10
    assert dropped(stderr, "late") == len(packets) - len(in_time)
    assert ordered(records) == ordered(sliding(in_time, by_src, size, size))


def test_both_directions_are_one_key(tmp_path, packets, capture):
    text = PIPELINE.format(name="step", type="window", options="size: 1h, compute: [n = count()], key: "
                           "[src_ip, dst_ip, src_port, dst_port, protocol]") + """
streams:
  - {from: source, to: flow_id}
  - {from: flow_id, to: step, grouping: key, key: [src_ip, dst_ip, src_port, dst_port, protocol], symmetric: true}
  - {from: step, to: sink}
"""
    mirrored = [p if i % 2 else p._replace(src=p.dst, dst=p.src, sport=p.dport, dport=p.sport)
                for i, p in enumerate(packets)]
    write(tmp_path / "both.pcap", mirrored)
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    done = run_file(["--config", tmp_path / "p.yaml", "--set", f"source.path={tmp_path / 'both.pcap'}"])
    assert done.returncode == 0, done.stderr
    expected = collections.Counter()
    for p in mirrored:
        ends = frozenset(((p.src, p.sport), (p.dst, p.dport)))
        expected[ends, p.time // (3600 * SECOND)] += 1
    got = collections.Counter()
    for r in map(json.loads, done.stdout.splitlines()):
        got[frozenset(((r["src_ip"], r["src_port"]), (r["dst_ip"], r["dst_port"]))),
            r["window_start_ns"] // (3600 * SECOND)] += r["n"]
    assert len(done.stdout.splitlines()) == len(expected)
    assert got == expected


@pytest.mark.parametrize("plan", PLANS)
def test_a_window_over_windows_misses_none(tmp_path, packets, capture, plan):
    """Different destinations of each source and second, counted exactly by two windows."""
    (tmp_path / "p.yaml").write_text("""
pipeline: windows
operators:
  - {name: source,  type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: pairs,   type: window, key: [src_ip, dst_ip], size: 1s, compute: [count()]}
  - {name: step,    type: window, key: [src_ip], size: 1s, time: window_start_ns, compute: [n = count()]}
  - {name: sink,    type: json}
""", encoding="utf-8")
    eal, arguments = PLANS[plan]
    done = run_file(["--config", tmp_path / "p.yaml", "--set", f"source.path={capture}", *arguments], eal=eal)
    assert done.returncode == 0, done.stderr
    pairs = {(p.src, p.dst, p.time // SECOND) for p in packets}
    expected = collections.Counter((src, second) for src, _, second in pairs)
    records = map(json.loads, done.stdout.splitlines())
    assert {(r["src_ip"], r["window_start_ns"] // SECOND): r["n"] for r in records} == expected
    assert dropped(done.stderr, "late") == 0


def test_refused_keys_are_counted(tmp_path, packets, capture):
    records, stderr = run(tmp_path, capture, "key: [src_ip, dst_ip], size: 1h, max_keys: 100, compute: [n = count()]")
    assert len(records) >= 100
    assert sum(r["n"] for r in records) + dropped(stderr, "table_full") == len(packets)
    assert dropped(stderr, "table_full") > 0


def test_reduce_tells_every_so_many_and_the_rest_at_the_end(tmp_path, packets, capture):
    records, _ = run(tmp_path, capture, "key: [src_ip], every: 50, reset: true, "
                     "compute: [n = count(), bytes = sum(bytes)]",
                     kind="reduce")
    of_host = collections.defaultdict(list)
    for p in packets:
        of_host[p.src].append(p.bytes)
    expected = [{"src_ip": src, "n": len(own[i:i + 50]), "bytes": sum(own[i:i + 50])}
                for src, own in of_host.items() for i in range(0, len(own), 50)]
    assert ordered(records) == ordered(expected)


@pytest.mark.parametrize("plan", ("one worker, chained", "two workers, ringed"))
def test_reduce_loses_nothing_when_keys_are_evicted(tmp_path, packets, capture, plan):
    records, stderr = run(tmp_path, capture, "key: [src_ip, dst_ip], max_keys: 300, compute: [n = count()]",
                          kind="reduce", plan=plan)
    assert sum(r["n"] for r in records) + dropped(stderr, "table_full") == len(packets)
    assert len(records) > len({(p.src, p.dst) for p in packets}) > 300


def test_sketches_are_within_their_error(tmp_path, packets, capture):
    records, _ = run(tmp_path, capture, "compute: [p50(bytes), p99 = p99(bytes), hosts = distinct(dst_ip), "
                     "sd = stddev(bytes)]", kind="reduce")
    sizes = sorted(p.bytes for p in packets)
    mean = sum(sizes) / len(sizes)
    assert len(records) == 1
    assert abs(records[0]["p50_bytes"] / sizes[len(sizes) // 2] - 1) < 0.032
    assert abs(records[0]["p99"] / sizes[len(sizes) * 99 // 100] - 1) < 0.032
    assert abs(records[0]["hosts"] / len({p.dst for p in packets}) - 1) < 0.2
    assert abs(records[0]["sd"] - (sum((s - mean) ** 2 for s in sizes) / len(sizes)) ** 0.5) < 1e-6


@pytest.mark.parametrize("plan", PLANS)
def test_top_k_ranks_each_sliding_window(tmp_path, packets, capture, plan):
    records, _ = run(tmp_path, capture, "key: [src_ip], by: bytes = sum(bytes), k: 3, window: 4s, every: 1s",
                     kind="top_k", plan=plan)
    last = max(p.time for p in packets)
    expected = collections.defaultdict(list)
    for w in sliding(packets, by_src, 4 * SECOND, SECOND):
        if w["window_end_ns"] <= last - last % SECOND + SECOND:
            expected[w["window_end_ns"]].append((w["bytes"], w["src_ip"]))
    got = collections.defaultdict(list)
    for r in records:
        got[r["window_end_ns"]].append((r["rank"], r["bytes"], r["src_ip"]))
    assert set(got) == set(expected)
    for end, ranks in got.items():
        best = sorted(expected[end], key=lambda e: (-e[0], ipaddress.ip_address(e[1])))[:3]
        assert ranks == [(i + 1, size, src) for i, (size, src) in enumerate(best)], end


def test_heavy_hitters_are_within_their_error(tmp_path, packets, capture):
    records, _ = run(tmp_path, capture, "key: [src_ip], by: bytes, k: 5, width: 4096, interval: 10s",
                     kind="heavy_hitters")
    expected = collections.defaultdict(collections.Counter)
    for p in packets:
        expected[p.time // (10 * SECOND)][p.src] += p.bytes
    got = collections.defaultdict(list)
    for r in records:
        got[r["window_start_ns"] // (10 * SECOND)].append(r)
    assert set(got) == set(expected)
    for interval, hitters in got.items():
        sums = expected[interval]
        assert [r["rank"] for r in hitters] == list(range(1, min(5, len(sums)) + 1))
        for r, (_, size) in zip(hitters, sums.most_common(5)):
            assert sums[r["src_ip"]] <= r["count"] <= sums[r["src_ip"]] + r["error"]
            assert abs(r["count"] - size) <= r["error"]
            assert r["error"] == sum(sums.values()) * 4 // 4096


WRONG = {
    "window": [
        ("compute: [count()]", "step: size: missing; kind tumbling needs it"),
        ("size: 1s, gap: 1s, compute: [count()]", "step: gap: kind tumbling has none"),
        ("kind: sliding, size: 10s, slide: 3s, compute: [count()]",
         "step: slide: 3000000000 ns; expected a part of 10000000000 that divides it, at most 4096 times smaller"),
        ("size: 1s, compute: [sum(src_ip)]", "src_ip is a ip; expected a number"),
        ("size: 1s, compute: [sum(nothing)]", "schema packet has no field nothing"),
        ("size: 1s, compute: [median(bytes)]", "expected NAME = FUNCTION(FIELD) with count, sum, min, max, mean"),
        ("size: 1s, compute: [count(), count()]", 'compute: "count": a field of that name is there already'),
        ("size: 1s, time: bytes, compute: [count()]", 'time: "bytes": u32 of schema packet; expected a field of type'),
        ("size: 1s, key: [vlan], compute: [count()]", "vlan"),
        ("size: 1s", "step.compute: missing; expected a list"),
    ],
    "top_k": [
        ("key: [src_ip], window: 10s, every: 3s", "step: every: 3000000000 ns; expected a part of 10000000000 that "),
        ("key: [src_ip], by: last(dst_ip)", 'by: "last(dst_ip)": gives a ip; expected a number'),
    ],
    "heavy_hitters": [
        ("key: [src_ip], by: dst_ip", 'by: "dst_ip": ip of schema packet; expected a field of type u8'),
        ("k: 5", "step.key: missing; expected a list"),
    ],
    "reduce": [("time: nowhere, compute: [count()]", 'time: "nowhere": no field of schema packet')],
}


@pytest.mark.parametrize("kind, options, message", [(k, *case) for k, cases in WRONG.items() for case in cases])
def test_wrong_options_are_refused_with_what_is_allowed(tmp_path, capture, kind, options, message):
    done = run_pipeline(tmp_path, PIPELINE.format(name="step", type=kind, options=options), f"source.path={capture}")
    assert done.returncode != 0
    assert message in done.stderr
