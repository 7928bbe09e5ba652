# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The operators map, filter, union, split and null: what they give is what a few lines of Python give, under every
plan, and all of it is accounted for; and what they refuse."""
import json
import re
import subprocess

import pytest

import captures
from conftest import ROOT
from node import run_file
from test_anonymize import PLANS
from test_bad_config import assert_refused, assert_view_refused, dataplane

COUNT = 700
TEXT = "the quick brown fox jumps over the lazy dog and  runs\taway from a very_long_word_that_is_cut. " * 6
SOURCE = "  - {name: source,  type: pcap}\n  - {name: flow_id, type: flow_id}\n"


def packet(number):
    """Size, source port, destination port, source address of packet `number`."""
    address = f"10.{number % 4}.{number // 256}.{number % 256}"
    return 60 + number * 37 % 900, 1024 + number, [53, 80, 443][number % 3], address


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "in.pcap"
    frames = [captures.ethernet(captures.ipv4_udp(*packet(number))) for number in range(COUNT)]
    path.write_bytes(captures.pcap(frames))
    return path


def run(folder, capture, operators, streams="", plan="chained"):
    """The lines on standard output, and the report."""
    text = "pipeline: test\noperators:\n" + SOURCE + operators + ("streams:\n" + streams if streams else "")
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    eal, arguments = PLANS[plan]
    done = run_file(["--config", folder / "pipeline.yaml", "--set", f"source.path={capture}", *arguments], eal=eal)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def in_order(records):
    """JSON writes 228.0 as 228: real numbers that are whole count as such."""
    plain = [{name: int(value) if isinstance(value, float) and value.is_integer() else value
              for name, value in record.items()} for record in records]
    return sorted(json.dumps(record, sort_keys=True) for record in plain)


MAP = """\
  - {name: dns,  type: filter, where: "dst_port == 53 and bytes > 100 and src_ip in [10.0.0.0/16, 10.2.0.0/15]"}
  - name: view
    type: map
    fields: [src_ip, "port = src_port", "half = bytes / 2", "left = bytes - 500", "big = bytes > 400",
             "net = prefix(src_ip, 16)", "name = concat(src_ip, ':', src_port)", "odd = 100 // (src_port % 2)"]
  - {name: sink, type: json}
"""


def viewed(number):
    size, source_port, _, source = packet(number)
    record = {"src_ip": source, "port": source_port, "half": size / 2, "left": size - 500, "big": size > 400,
              "net": ".".join(source.split(".")[:2]) + ".0.0", "name": f"{source}:{source_port}"}
    if source_port % 2:
        record["odd"] = 100
    return record


def is_viewed(number):
    size, _, port, source = packet(number)
    return port == 53 and size > 100 and source.split(".")[1] != "1"


@pytest.mark.parametrize("plan", PLANS)
def test_map_and_filter(tmp_path, capture, plan):
    records, report = run(tmp_path, capture, MAP, plan=plan)
    expected = [viewed(number) for number in range(COUNT) if is_viewed(number)]
    assert in_order(records) == in_order(expected)
    assert re.search(r"dns dropped not_matched (\d+)", report)[1] == str(COUNT - len(expected))


def test_all_fields_and_changes(tmp_path, capture):
    operators = """\
  - {name: view, type: map, fields: ["*", "bytes = bytes * 2", "late = late_ms"], remove: [late_ms, ttl, tos]}
  - {name: sink, type: json}
"""
    records, _ = run(tmp_path, capture, operators)
    assert len(records) == COUNT
    size, source_port, port, source = packet(5)
    assert records[5] == {
        "src_ip": source, "dst_ip": "10.0.0.2", "src_port": source_port, "dst_port": port, "protocol": 17,
        "ip_version": 4, "bytes": 2 * size, "payload_bytes": size - 28,
        "timestamp_ns": captures.START * 10**9 + 5_000_000, "tcp_flags": 0, "late": 0}
    assert list(records[5])[6] == "bytes", "a field that is changed keeps its place"


def test_rest(tmp_path, capture):
    operators = f"""\
  - {{name: web,  type: filter, where: "dst_port in [80, 443]"}}
  - {{name: sink, type: json}}
  - {{name: rest, type: json, path: {tmp_path}/rest.jsonl}}
"""
    streams = """\
  - {from: source, to: flow_id}
  - {from: flow_id, to: web}
  - {from: web, to: sink}
  - {from: web.rest, to: rest}
"""
    records, report = run(tmp_path, capture, operators, streams)
    rest = [json.loads(line) for line in (tmp_path / "rest.jsonl").read_text().splitlines()]
    assert {record["dst_port"] for record in records} == {80, 443}
    assert {record["dst_port"] for record in rest} == {53}
    assert len(records) + len(rest) == COUNT and "not_matched" not in report


CAPTURES = sorted((ROOT / "tests/pipeline").glob("*.pcap"))
PCAP_EXPRESSIONS = ["tcp", "udp port 53", "ip6", "net 10.0.0.0/8 and not icmp", "vlan", "greater 200",
                    "tcp[tcpflags] & tcp-syn != 0", "ether host 02:00:00:00:00:01"]


@pytest.mark.parametrize("expression", PCAP_EXPRESSIONS)
def test_pcap_expressions(tmp_path, expression):
    """Of each capture the packets that tcpdump chooses with the same expression."""
    for path in CAPTURES:
        (tmp_path / "pipeline.yaml").write_text(f"""
pipeline: test
operators:
  - {{name: source, type: pcap, path: {path}}}
  - {{name: chosen, type: filter, pcap: "{expression}"}}
  - {{name: sink,   type: "null"}}
""")
        done = run_file(["--config", tmp_path / "pipeline.yaml"])
        assert done.returncode == 0, done.stderr
        counted = re.search(r"(\d+) (?:packets|tuples|records) to sink|chosen dropped not_matched (\d+)", done.stderr)
        dropped = re.search(r"chosen dropped not_matched (\d+)", done.stderr)
        chosen = subprocess.run(["tcpdump", "-r", path, "-w", "-", expression], capture_output=True, check=False)
        if chosen.returncode != 0:  # makes no sense for the capture's link type
            expected = 0
        else:
            expected = count_packets(chosen.stdout)
        total = count_packets(subprocess.run(["tcpdump", "-r", path, "-w", "-"], capture_output=True,
                                             check=True).stdout)
        assert total - (int(dropped[1]) if dropped else 0) == expected, (path.name, counted)


def count_packets(pcap):
    count, at = 0, 24
    while at < len(pcap):
        at += 16 + int.from_bytes(pcap[at + 8:at + 12], "little")
        count += 1
    return count


BPF = """
typedef unsigned char uint8_t;
typedef unsigned long long uint64_t;
__attribute__((section("even"))) uint64_t is_even(const uint8_t *frame) { return (frame[35] & 1) == 0; }
__attribute__((section("far"))) uint64_t is_far(const uint8_t *frame) { return frame[200]; }
"""


@pytest.fixture
def bpf_object(tmp_path):
    (tmp_path / "filter.c").write_text(BPF)
    subprocess.run(["clang-14", "-target", "bpf", "-O2", "-c", tmp_path / "filter.c", "-o", tmp_path / "filter.o"],
                   check=True)
    return tmp_path / "filter.o"


def test_bpf_object(tmp_path, capture, bpf_object):
    """By the lower byte of the source port, at 35 of the frame."""
    operators = f"  - {{name: even, type: filter, bpf: {bpf_object}, section: even}}\n  - {{name: sink, type: json}}\n"
    records, _ = run(tmp_path, capture, operators)
    expected = [packet(number)[1] for number in range(COUNT) if packet(number)[1] % 2 == 0]
    assert [record["src_port"] for record in records] == expected


def test_bpf_object_that_reads_too_far(tmp_path, capture, bpf_object):
    text = f"""
pipeline: test
operators:
  - {{name: source, type: pcap, path: {capture}}}
  - {{name: chosen, type: filter, bpf: {bpf_object}, section: far}}
  - {{name: sink,   type: "null"}}
"""
    (tmp_path / "far.yaml").write_text(text)
    done = run_file(["--config", tmp_path / "far.yaml"])
    assert done.returncode == 1
    assert (f"test/chosen: bpf: {bpf_object}: section far: Invalid argument; expected eBPF without maps, loops and "
            "calls, that reads 128 bytes at most") in done.stderr
    done = run_file(["--config", tmp_path / "far.yaml", "--set", "chosen.bpf_bytes=201"])
    assert done.returncode == 0, done.stderr
    assert f"chosen dropped not_matched {COUNT}" in done.stderr


SPLIT = """\
  - name: text
    type: map
    fields: [src_port, "text = slice('%s', 0, src_port %% 500)"]
  - {name: words, type: split, field: text, keep: [src_port], lower: true, max_length: 12}
  - {name: sink, type: json}
""" % TEXT.replace("\t", "\\\\t")


@pytest.mark.parametrize("plan", PLANS)
def test_split(tmp_path, capture, plan):
    """One tuple gives up to 80 words: more than the rings of the small plan have room for."""
    records, report = run(tmp_path, capture, SPLIT, plan=plan)
    expected, empty = [], 0
    for number in range(COUNT):
        port = packet(number)[1]
        words = TEXT[:port % 500].split()
        empty += not words
        expected += [{"word": word[:12], "src_port": port} for word in words]
    assert in_order(records) == in_order(expected)
    assert [record["word"] for record in records if record["src_port"] == 1400] == [
        word[:12] for word in TEXT[:400].split()], "words in their order"
    assert re.search(r"words dropped empty (\d+)", report)[1] == str(empty)


UNION = """\
  - {name: dns,  type: filter, where: "dst_port == 53"}
  - {name: name, type: map, fields: [src_ip, "size = bytes", "who = 'dns'"]}
  - {name: rest, type: map, fields: ["who = 'web'", src_ip, src_port, "size = bytes"]}
  - {name: both, type: union, from: input}
  - {name: sink, type: json}
"""
UNION_STREAMS = """\
  - {from: source, to: flow_id}
  - {from: flow_id, to: dns}
  - {from: dns.passed, to: name}
  - {from: dns.rest, to: rest}
  - {from: name, to: both.first}
  - {from: rest, to: both.second}
  - {from: both, to: sink}
"""


@pytest.mark.parametrize("plan", PLANS)
def test_union_of_schemas(tmp_path, capture, plan):
    records, _ = run(tmp_path, capture, UNION, UNION_STREAMS, plan=plan)
    expected = []
    for number in range(COUNT):
        size, _, port, source = packet(number)
        expected.append({"src_ip": source, "size": size, "who": "dns" if port == 53 else "web",
                         "input": "first" if port == 53 else "second"})
    assert in_order(records) == in_order(expected)


def test_union_of_one_schema(tmp_path, capture):
    operators = UNION.replace(", from: input", "")
    operators = re.sub(r"  - \{name: (name|rest).*\n", "", operators)
    streams = """\
  - {from: source, to: flow_id}
  - {from: flow_id, to: dns}
  - {from: dns.passed, to: both}
  - {from: dns.rest, to: both}
  - {from: both, to: sink}
"""
    records, _ = run(tmp_path, capture, operators, streams)
    assert sorted(record["src_port"] for record in records) == [packet(number)[1] for number in range(COUNT)]


REFUSED = {
    "map without fields": ("type: map", "view.fields: missing; expected"),
    "map of an unknown field": ('type: map, fields: [src_ip, "x = byts + 1"]',
                                'view: fields: "x = byts + 1": column 2: "byts": no field of packet, did you mean '
                                '"bytes"?'),
    "map without a name": ('type: map, fields: ["bytes + 1"]',
                           'view: fields: "bytes + 1": expected a field, *, or NAME = EXPRESSION'),
    "map removes nothing": ('type: map, fields: ["*"], remove: [colour]',
                            'view: remove: "colour": no field of what comes in'),
    "filter without a condition": ("type: filter", "view: no condition; expected where, pcap or bpf"),
    "filter by a number": ('type: filter, where: "bytes + 1"',
                           "view: where: expected a condition, this is a number"),
    "filter with half a condition": ('type: filter, where: "bytes >"',
                                     "view: where: column 8: the text ends: expected a field or a value"),
    "filter by what is no pcap expression": ('type: filter, pcap: "tcp prot 80"', "view: pcap: "),
    "filter by an object that is not there": ("type: filter, bpf: /nowhere/x.o",
                                              "view: bpf: /nowhere/x.o: No such file or directory; expected an eBPF "
                                              "object"),
    "split of a number": ("type: split, field: bytes",
                          'view: field: "bytes": another kind of field of packet; expected a text or a list'),
    "split of nothing": ("type: split, field: text",
                         'view: field: "text": no field of packet; expected a text or a list'),
    "union by a taken name": ("type: union, from: src_ip",
                              'view: from: "src_ip": expected a name that no field has'),
    "union of an unknown field": ("type: union, fields: [colour]",
                                  'view: fields: "colour": expected a field that all inputs have'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, name):
    what, message = REFUSED[name]
    assert_view_refused(tmp_path, "pipeline: test\noperators:\n" + SOURCE.replace("pcap}", "pcap, path: x}"), what,
                        message)


def test_pcap_filter_of_records(tmp_path):
    text = "pipeline: test\noperators:\n" + SOURCE.replace("pcap}", "pcap, path: x}")
    text += "  - {name: stats, type: flow_stats}\n  - {name: view, type: filter, pcap: tcp}\n"
    text += "  - {name: s, type: json}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert_refused(dataplane("--config", "a.yaml", "--check", cwd=tmp_path),
                   ["a.yaml:6: ", "view: pcap: for packets only, and flow comes in; expected where"])
