# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Capture files into JSON lines, through the real program: good files, bad files, several files."""
import gzip
import json
import os
import subprocess

import pytest

import captures
from conftest import wait_for
from file_runs import EAL, PACKETS, WEIR, blocks_sigterm, dropped, flow_frames, messages, run  # noqa: F401 (a fixture)


def test_missing_file(run, tmp_path):
    done = run(settings=[f"source.path={tmp_path}/none.pcap"])
    assert (done.returncode, done.stdout) == (1, "")
    assert messages(done) == [f"weir-dataplane: test/source: {tmp_path}/none.pcap: No such file or directory"]


@pytest.mark.parametrize("content, reason", [
    (b"", "the file is empty"),
    (b"GIF89a" * 20, "unknown file format: expected a pcap or pcapng capture"),
    (b"\0" * 4096, "unknown file format"),
    (captures.pcap([])[:20], "truncated dump file"),
    (captures.pcapng([])[:20], "truncated"),
    (captures.pcap(flow_frames(1), link=captures.IEEE802_11), "link type IEEE802_11: expected EN10MB, RAW, IPV4, "),
])
def test_not_a_capture(run, tmp_path, content, reason):
    done = run(content)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(messages(done)) == 1
    assert messages(done)[0].startswith(f"weir-dataplane: test/source: {tmp_path}/in.pcap: ")
    assert reason in messages(done)[0]


def test_directory_as_file(run, tmp_path):
    done = run(settings=[f"source.path={tmp_path}"])
    assert done.returncode == 1
    assert len(messages(done)) == 1 and "Is a directory" in done.stderr


@pytest.mark.parametrize("cut", [1, 8, 16, 30, 75])
def test_truncated_in_the_middle(run, tmp_path, cut):
    whole = captures.pcap(flow_frames(5))
    done = run(whole[:len(whole) - cut])
    assert done.returncode == 1
    assert sorted(record["src_port"] for record in done.records) == [1, 2, 3, 4]
    assert len(messages(done)) == 1
    assert f"{tmp_path}/in.pcap: truncated dump file" in done.stderr
    assert "after 4 whole packets" in done.stderr


def test_damaged_packet_header(run):
    damaged = bytearray(captures.pcap(flow_frames(3)))
    at = 24 + 2 * (16 + 74) + 8
    damaged[at:at + 4] = b"\xff\xff\xff\xff"  # the third packet's captured length
    done = run(bytes(damaged))
    assert done.returncode == 1
    assert len(done.records) == 2
    assert "after 2 whole packets" in done.stderr


@pytest.mark.parametrize("make, link, wrap", [
    (captures.pcap, captures.ETHERNET, captures.ethernet),
    (lambda f, link: captures.pcap(f, link, nanoseconds=True), captures.ETHERNET, captures.ethernet),
    (captures.pcapng, captures.ETHERNET, captures.ethernet),
    (captures.pcap, captures.RAW, bytes),
    (captures.pcap, captures.LINUX_SLL, lambda packet: bytes(14) + b"\x08\x00" + packet),
])
def test_formats(run, make, link, wrap):
    packets = [captures.ipv4_udp(100), captures.ipv4_udp(200), captures.ipv4_udp(300)]
    done = run(make([wrap(packet) for packet in packets], link))
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 1
    record = done.records[0]
    assert record["start_ns"] == captures.START * 10**9
    assert record["duration_ns"] == 2_000_000
    assert record["fwd"]["packets"] == 3
    assert record["fwd"]["bytes"] == 600


def test_compressed(run, tmp_path):
    content = captures.pcap(flow_frames(300))
    done = run(gzip.compress(content))
    assert (done.returncode, messages(done)) == (0, [])
    assert done.records == run(content).records
    done = run(gzip.compress(content)[:-200])  # cut: what is there counts
    assert done.returncode == 1
    assert f"{tmp_path}/in.pcap: " in done.stderr and "whole packets" in done.stderr
    assert 0 < sum(record["fwd"]["packets"] for record in done.records) < 300
    done = run(gzip.compress(b"no capture at all"))
    assert done.returncode == 1 and "expected a pcap or pcapng capture" in done.stderr


def test_standard_input(run):
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        cat.stdin.write(captures.pcap(flow_frames(3)))
        cat.stdin.close()
        done = run(settings=["source.path=-"], stdin=cat.stdout)
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 3


@pytest.mark.parametrize("written, records", [(b"", 0), (captures.pcap(flow_frames(3)), 3)])
def test_standard_input_that_falls_silent(tmp_path, written, records):
    """A pipe whose writer writes no more holds neither the node nor its end."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(PACKETS)
    reader, writer = os.pipe()
    os.write(writer, written)
    with subprocess.Popen([WEIR, *EAL, "--config", config, "--set", "source.path=-"], stdin=reader,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as node:
        try:
            seen = [node.stdout.readline() for _ in range(records)]
            if not records:
                wait_for(lambda: blocks_sigterm(node.pid), "it takes signals in its own time")
            node.terminate()
            out, err = node.communicate(timeout=20)
        finally:
            node.kill()
    os.close(reader)
    os.close(writer)
    assert [json.loads(line)["src_port"] for line in seen] == list(range(1, records + 1))
    assert out == ""
    assert node.returncode == (0 if records else 1), err
    assert ("standard input: stopped before a capture came" in err) == (not records)


def test_frames_of_many_segments(run):
    """Larger than an mbuf, larger than the pool's segments, and as large as IPv4 allows."""
    sizes = [1500, 2034, 2035, 9000, 40000, 65535]
    done = run(captures.pcap([captures.ethernet(captures.ipv4_udp(size)) for size in sizes]))
    assert done.returncode == 0, done.stderr
    assert done.records[0]["fwd"]["packets"] == len(sizes)
    assert done.records[0]["fwd"]["payload_bytes"] == sum(sizes) - 28 * len(sizes)


def test_nothing_captured_of_a_frame(run):
    done = run(captures.pcap([(captures.START, 0, 60, b"")] * 3 + flow_frames(1)))
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 1
    assert dropped(done, "empty") == 3


def test_time_runs_back(run):
    """Packets keep their own time stamps, and one flow stays one record."""
    frame = captures.ethernet(captures.ipv4_udp(60))
    done = run(captures.pcap([(captures.START + s, 5, 74, frame) for s in (10, 3, 10, 7, 11)]))
    assert done.returncode == 0, done.stderr
    assert [record["fwd"]["packets"] for record in done.records] == [5]
    assert done.records[0]["duration_ns"] == 8 * 10**9


def split(frames, files):
    """Captures of the frames, dealt out in turn, each with its time stamp of the whole."""
    stamped = [(captures.START, number * 1000, len(frame), frame) for number, frame in enumerate(frames)]
    return [captures.pcap(stamped[number::files]) for number in range(files)]


@pytest.mark.parametrize("placement", ["chained", "pipeline"])
def test_several_files_are_one(run, tmp_path, placement):
    """Two files that hold every other packet, and a third of another time precision that is over at once."""
    frames = [captures.ethernet(captures.ipv4_udp(60 + number, source_port=1 + number % 3)) for number in range(200)]
    whole = run(captures.pcap(frames))
    first, second = split(frames, 2)
    (tmp_path / "second.pcap").write_bytes(second)
    (tmp_path / "third.pcap").write_bytes(captures.pcap([], nanoseconds=True))
    merged = run(first, settings=[f"source.more_paths={tmp_path}/second.pcap,{tmp_path}/third.pcap",
                                  f"placement={placement}"])
    assert merged.returncode == 0, merged.stderr
    assert len(whole.records) == 3
    assert sorted(map(str, merged.records)) == sorted(map(str, whole.records))


def test_order_of_several_files(run, tmp_path):
    frames = flow_frames(50)
    first, second = split(frames, 2)
    (tmp_path / "second.pcap").write_bytes(second)
    done = run(first, pipeline=PACKETS, settings=[f"source.more_paths={tmp_path}/second.pcap"])
    assert [record["src_port"] for record in done.records] == list(range(1, 51))


def test_one_of_several_files_is_cut(run, tmp_path):
    first, second = split(flow_frames(10), 2)
    (tmp_path / "second.pcap").write_bytes(second)
    done = run(first[:-1], pipeline=PACKETS, settings=[f"source.more_paths={tmp_path}/second.pcap"])
    assert done.returncode == 1
    assert "in.pcap: truncated dump file" in done.stderr and "after 4 whole packets" in done.stderr
    assert sorted(record["src_port"] for record in done.records) == [1, 2, 3, 4, 5, 6, 7, 8, 10]


def test_files_in_parallel(run, tmp_path):
    """An instance for each file, and one that has none."""
    (tmp_path / "second.pcap").write_bytes(captures.pcap(flow_frames(80)[40:]))
    done = run(captures.pcap(flow_frames(40)), settings=[
        f"source.more_paths={tmp_path}/second.pcap", "source.parallelism=3", "flow_id.parallelism=3"])
    assert done.returncode == 0, done.stderr
    assert sorted(record["src_port"] for record in done.records) == list(range(1, 81))


def test_missing_further_file(run, tmp_path):
    done = run(captures.pcap([]), settings=[f"source.more_paths={tmp_path}/none.pcap"])
    assert done.returncode == 1
    assert messages(done) == [f"weir-dataplane: test/source: {tmp_path}/none.pcap: No such file or directory"]
