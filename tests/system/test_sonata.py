# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The telemetry tasks of conf/sonata over made traffic find what a few lines of Python find in the list of packets that
the capture was made from. Windows are exact on event time, so the answer is the same under every plan."""
import json
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from conftest import BUILD, ROOT

sys.path.insert(0, str(ROOT / "scripts/demo.d"))
import telemetry  # noqa: E402
from telemetry import ACK, FIN, SYN, TCP, UDP  # noqa: E402

CONF = ROOT / "conf/sonata"
SECOND = 1_000_000_000
PLANS = {
    "one worker": (["-l", "0"], []),
    "two workers": (["--lcores", "0@0,1@0"], []),
    "two workers, chained": (["--lcores", "0@0,1@0", "-m", "256"], ["--set", "placement=chained"]),
}


def window(packet, seconds=3):
    """Where the packet's window begins."""
    return packet.time_ns // (seconds * SECOND) * seconds * SECOND


def above(limit, keys):
    """Of keys (the window first), those that come more often, with how often."""
    return {(*key, times) for key, times in Counter(keys).items() if times > limit}


def sums(pairs):
    total = Counter()
    for key, value in pairs:
        total[key] += value
    return total


def newly_opened_tcp(packets):
    return above(50, ((window(p), p.dst) for p in packets if p.flags & (SYN | ACK) == SYN))


def ssh_brute_force(packets):
    return above(50, ((w, dst, size) for w, dst, src, size in {
        (window(p), p.dst, p.src, p.size) for p in packets if p.protocol == TCP and p.dport == 22}))


def superspreader(packets):
    return above(60, ((w, src) for w, src, dst in {(window(p), p.src, p.dst) for p in packets}))


def port_scan(packets):
    return above(60, ((w, src) for w, src, port in {
        (window(p), p.src, p.dport) for p in packets if p.flags & (SYN | ACK) == SYN}))


def ddos(packets):
    return above(100, ((w, dst) for w, dst, src in {(window(p), p.dst, p.src) for p in packets}))


def syn_flood(packets):
    left = sums(((window(p), p.dst), {SYN: 1, ACK: -1}.get(p.flags, 0)) for p in packets)
    return {(*key, n) for key, n in left.items() if n > 100}


def incomplete_flows(packets):
    left = sums(((window(p), p.dst), (p.flags == SYN) - bool(p.flags & FIN)) for p in packets)
    return {(*key, n) for key, n in left.items() if n > 80}


def slowloris(packets):
    clients, volume = defaultdict(set), Counter()
    for p in packets:
        if p.protocol == TCP:
            clients[window(p), p.dst].add((p.src, p.sport))
            volume[window(p), p.dst] += p.size
    return {(*key, len(found), volume[key]) for key, found in clients.items()
            if len(found) > 50 and volume[key] / len(found) < 200}


def dns_names(packet):
    """The name that is asked for, in lower case."""
    labels, rest = [], packet.payload[12:]
    while rest[0]:
        labels.append(rest[1:1 + rest[0]].decode().lower())
        rest = rest[1 + rest[0]:]
    return labels


def dns_tunnelling(packets):
    asked = {(window(p), p.src, ".".join(dns_names(p)[-2:]), ".".join(dns_names(p)))
             for p in packets if p.protocol == UDP and p.dport == 53}
    return above(50, (key[:3] for key in asked))


def dns_reflection(packets):
    def kind(p):
        return p.payload[12 + sum(len(label) + 1 for label in dns_names(p)) + 2]
    return above(40, ((w, dst) for w, dst, src in {
        (window(p), p.dst, p.src) for p in packets
        if p.protocol == UDP and p.sport == 53 and kind(p) in (46, 255)}))


def zorro(packets):
    telnet = [p for p in packets if p.protocol == TCP and p.dport == 23 and p.payload]
    alike = above(50, ((window(p), p.dst, len(p.payload) // 10) for p in telnet))
    said = Counter((window(p), p.dst) for p in telnet if b"zorro" in p.payload)
    return {(w, dst, times, said[w, dst]) for w, dst, _, times in alike if said[w, dst]}


def heavy_hitters(packets):
    volume = sums(((window(p, 1), p.src, p.dst, p.sport, p.dport, p.protocol), p.size) for p in packets)
    return {(*key, n) for key, n in volume.items() if n > 1_000_000}


# Task -> what finds the same, and the fields of its records in that order.
TASKS = {
    newly_opened_tcp: ["window_start_ns", "dst_ip", "connections"],
    ssh_brute_force: ["window_start_ns", "dst_ip", "bytes", "clients"],
    superspreader: ["window_start_ns", "src_ip", "receivers"],
    port_scan: ["window_start_ns", "src_ip", "ports"],
    ddos: ["window_start_ns", "dst_ip", "senders"],
    syn_flood: ["window_start_ns", "dst_ip", "half_open"],
    incomplete_flows: ["window_start_ns", "dst_ip", "incomplete"],
    slowloris: ["window_start_ns", "dst_ip", "connections", "bytes"],
    dns_tunnelling: ["window_start_ns", "src_ip", "domain", "names"],
    dns_reflection: ["window_start_ns", "dst_ip", "resolvers"],
    zorro: ["window_start_ns", "dst_ip", "alike", "words"],
    heavy_hitters: ["window_start_ns", "src_ip", "dst_ip", "src_port", "dst_port", "protocol", "bytes"],
}
NAMES = {task.__name__: task for task in TASKS}


@pytest.fixture(scope="module")
def packets():
    return telemetry.packets()


@pytest.fixture(scope="module")
def capture(packets, tmp_path_factory):
    path = tmp_path_factory.mktemp("telemetry") / "traffic.pcap"
    telemetry.write(path, packets)
    return path


def run(plan, name, capture, cwd):
    lcores, settings = PLANS[plan]
    done = subprocess.run(
        [BUILD / "weir-dataplane", *lcores, "--no-huge", "--no-shconf", "--no-pci", "--log-level=error", "--",
         "--config", CONF / f"{name}.yaml", "--set", f"source.path={capture}", *settings],
        cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(text, fields):
    return sorted(tuple(json.loads(line)[field] for field in fields) for line in text.splitlines())


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", NAMES)
def test_task(packets, capture, tmp_path, name, plan):
    task = NAMES[name]
    expected = sorted(task(packets))
    assert expected, "the traffic has something to find"
    assert rows(run(plan, name, capture, tmp_path), TASKS[task]) == expected


@pytest.mark.parametrize("plan", PLANS)
def test_all_tasks_in_one_pass(packets, capture, tmp_path, plan):
    run(plan, "all", capture, tmp_path)
    for task, fields in TASKS.items():
        found = (tmp_path / f"{task.__name__}.jsonl").read_text()
        assert rows(found, fields) == sorted(task(packets)), task.__name__


def test_the_demo_shows_a_pipeline(tmp_path):
    shown = subprocess.run([ROOT / "scripts/demo.d/pipeline.py", "ddos", BUILD / "weir-dataplane", tmp_path], text=True,
                           capture_output=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "found: 2 records" in shown.stdout and "dst_ip=10.3.0.7" in shown.stdout


def test_every_task_is_there():
    assert sorted(path.stem for path in CONF.glob("*.yaml")) == sorted([*NAMES, "all"])
