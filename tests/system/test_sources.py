# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Capture files into JSON lines, through the real program: good files, bad files, bad disks, closed pipes."""
import gzip
import json
import os
import re
import signal
import subprocess

import pytest

import captures
from conftest import BUILD, Process, wait_for

WEIR = BUILD / "weir-dataplane"
EAL = ["-l", "0", "--no-huge", "--no-shconf", "--no-pci", "--log-level=error", "--"]
FLOWS = """
pipeline: test
operators:
  - {name: source, type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats, type: flow_stats}
  - {name: sink, type: json, path: "-"}
"""
# As many records as packets, without the flow table's doing.
PACKETS = FLOWS.replace("  - {name: stats, type: flow_stats}\n", "")
REPLAY = PACKETS.replace("type: pcap", "type: replay, flows: 10, frames: 100")


def flow_frames(count, size=60):
    """`count` frames, each a flow of its own."""
    return [captures.ethernet(captures.ipv4_udp(size, source_port=1 + i)) for i in range(count)]


@pytest.fixture
def run(tmp_path):
    """run(content of a capture, pipeline=…, settings=[…], before=[…], …): the node's exit status, records, messages."""

    def run_node(content=None, pipeline=FLOWS, settings=(), before=(), **arguments):
        config = tmp_path / "pipeline.yaml"
        config.write_text(pipeline)
        if content is not None:
            (tmp_path / "in.pcap").write_bytes(content)
            settings = [f"source.path={tmp_path / 'in.pcap'}", *settings]
        words = [*before, WEIR, *EAL, "--config", config]
        for setting in settings:
            words += ["--set", setting]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **arguments)
        done.records = [json.loads(line) for line in done.stdout.splitlines()]
        return done

    return run_node


def messages(done):
    """What the node said, without its closing line about packets."""
    return [line for line in done.stderr.splitlines() if not re.search(r": \d+ packets, ", line)]


def dropped(done, reason):
    found = re.search(rf"\b{reason} (\d+)", done.stderr)
    return int(found.group(1)) if found else 0


def blocks_sigterm(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return any(int(line.split()[1], 16) & 1 << 14 for line in status if line.startswith("SigBlk:"))


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


def test_disk_full(run, tmp_path):
    """The file ends at the end of a line, and every record is either in it or counted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=256k tmpfs {disk} && "$@"; status=$?; cp {disk}/out {tmp_path}/out; exit $status'
    done = run(captures.pcap(flow_frames(5000)), PACKETS, [f"sink.path={disk}/out"],
               before=["unshare", "-m", "sh", "-c", script, "sh"])
    assert done.returncode == 1
    content = (tmp_path / "out").read_text()
    assert content.endswith("\n")
    ports = [json.loads(line)["src_port"] for line in content.splitlines()]
    assert 0 < len(ports) < 5000
    assert ports == list(range(1, len(ports) + 1))
    assert dropped(done, "write_error") == 5000 - len(ports)
    assert len(messages(done)) == 1
    assert f"test/sink: {disk}/out: No space left on device" in done.stderr


DISK_FULL_FOR_A_WHILE = """
mount -t tmpfs -o size=64k tmpfs "$disk" || exit 99
"$@" &
node=$!
until grep -q 'No space left' /proc/$$/fd/2; do kill -0 $node || exit 98; sleep 0.1; done
mount -o remount,size=8m "$disk"
until [ "$(stat -c %s "$disk/out")" -gt 100000 ]; do kill -0 $node || exit 97; sleep 0.1; done
kill -TERM $node
wait $node
status=$?
cp "$disk/out" "$disk.out"
exit $status
"""


def test_disk_full_for_a_while(tmp_path):
    """Writing goes on when there is room again; only what came in between is lost, and counted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    config = tmp_path / "pipeline.yaml"
    config.write_text(REPLAY)
    settings = [f"sink.path={disk}/out", "source.loops=0", "source.rate=2k"]
    words = [word for setting in settings for word in ("--set", setting)]
    with open(tmp_path / "messages", "w+", encoding="utf-8") as errors:
        done = subprocess.run(["unshare", "-m", "sh", "-c", DISK_FULL_FOR_A_WHILE, "sh", WEIR, *EAL, "--config", config,
                               *words], env={**os.environ, "disk": str(disk)}, stderr=errors, timeout=60, check=False)
        errors.seek(0)
        done.stderr = errors.read()
    assert done.returncode == 1, done.stderr
    lines = (tmp_path / "disk.out").read_text().splitlines()
    for line in lines:
        json.loads(line)
    packets = int(re.search(r": (\d+) packets, ", done.stderr).group(1))
    assert dropped(done, "write_error") > 0
    assert len(lines) + dropped(done, "write_error") == packets


def test_device_full(run):
    done = run(captures.pcap(flow_frames(7)), settings=["sink.path=/dev/full"])
    assert done.returncode == 1
    assert dropped(done, "write_error") == 7
    assert "test/sink: /dev/full: No space left on device" in done.stderr


def test_file_that_cannot_be_created(run):
    done = run(captures.pcap(flow_frames(1)), settings=["sink.path=/nonexistent/out"])
    assert done.returncode == 1
    assert messages(done) == [
        "weir-dataplane: test/sink: path: /nonexistent/out: cannot be written: No such file or directory"]


def test_reader_gone(run, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    (tmp_path / "in.pcap").write_bytes(captures.pcap(flow_frames(500)))
    config = tmp_path / "pipeline.yaml"
    config.write_text(PACKETS)
    done = subprocess.run([WEIR, *EAL, "--config", config, "--set", f"source.path={tmp_path / 'in.pcap'}"],
                          stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writer)
    assert done.returncode == 1  # and not killed by SIGPIPE
    packets = int(re.search(r": (\d+) packets, ", done.stderr).group(1))
    assert dropped(done, "write_error") == packets  # it may have stopped before the end of the file
    assert messages(done) == [
        "weir-dataplane: test/sink: standard output: its reader is gone: no more records are written"]


@pytest.mark.parametrize("beside", ["", """\
  - {name: flow_id, type: flow_id}
  - {name: stats, type: flow_stats, update_interval: 10ms}
  - {name: report, type: summary}
streams:
  - {from: source, to: sink}
  - {from: source, to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats, to: report}
"""], ids=["alone", "beside a summary that nobody hears"])
def test_reader_that_has_seen_enough(tmp_path, beside):
    """What `| head -1` asks for: the node ends, though its source never does."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(REPLAY.replace("  - {name: flow_id, type: flow_id}\n", "") + beside if beside else REPLAY)
    with subprocess.Popen([WEIR, *EAL, "--config", config, "--set", "source.loops=0", "--set", "source.rate=1k"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as node:
        assert json.loads(node.stdout.readline())
        node.stdout.close()
        assert node.wait(60) == 1
        assert b"standard output: its reader is gone" in node.stderr.read()


def test_reader_that_stalls(tmp_path):
    """The node waits for it, answers signals meanwhile, and gives up what is left when told to stop."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(REPLAY)
    words = ["--set", "source.loops=1000", "--set", "sink.drain_timeout=100ms"]
    with subprocess.Popen([WEIR, *EAL, "--config", config, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as node:
        assert json.loads(node.stdout.readline())
        node.send_signal(signal.SIGTERM)
        assert node.wait(60) == 1
        node.stdout.close()
        message = node.stderr.read().decode()
    written, unsent, full = (int(found.group(1)) if found else 0 for found in (
        re.search(pattern, message) for pattern in (r"(\d+) records to sink", r"unsent (\d+)", r"queue_full (\d+)")))
    assert unsent > 0
    assert written + unsent + full == int(re.search(r": (\d+) packets, ", message).group(1)) < 100_000


def test_rotation_by_size(run, tmp_path):
    out = tmp_path / "out" / "flows.jsonl"
    out.parent.mkdir()
    done = run(captures.pcap(flow_frames(1000)), PACKETS, [f"sink.path={out}", "sink.rotate_size=10KiB"])
    assert done.returncode == 0, done.stderr
    files = list(out.parent.iterdir())
    assert out in files and len(files) > 10
    ports = []
    for file in files:
        assert file == out or re.fullmatch(r"flows\.jsonl\.\d{8}T\d{6}Z(-\d+)?", file.name)
        content = file.read_text()
        assert len(content) <= 10240 and content.endswith("\n")
        ports += [json.loads(line)["src_port"] for line in content.splitlines()]
    assert sorted(ports) == list(range(1, 1001))


def test_rotation_that_fails(run, tmp_path):
    """A name that has no room for a time stamp: the file grows on and has every record, and the node says so."""
    out = tmp_path / ("x" * 250)
    done = run(captures.pcap(flow_frames(100)), PACKETS, [f"sink.path={out}", "sink.rotate_size=1KiB"])
    assert done.returncode == 1
    assert len(out.read_text().splitlines()) == 100
    assert dropped(done, "write_error") == 0
    assert messages(done)[0] == (
        f"weir-dataplane: test/sink: {out}: not rotated: File name too long; it grows on, and no record is lost")


def test_append(run, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        assert run(captures.pcap(flow_frames(2)), settings=[f"sink.path={out}"]).returncode == 0
    assert len(out.read_text().splitlines()) == 4
    assert run(captures.pcap(flow_frames(2)), settings=[f"sink.path={out}", "sink.append=no"]).returncode == 0
    assert len(out.read_text().splitlines()) == 2


TWO_SINKS = """
pipeline: test
operators:
  - {name: source, type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: one, type: json, path: PATH}
  - {name: two, type: json, path: PATH}
streams:
  - {from: source, to: flow_id}
  - {from: flow_id, to: one}
  - {from: flow_id, to: two}
"""


def test_two_sinks_on_one_file(run, tmp_path):
    done = run(captures.pcap(flow_frames(1)), TWO_SINKS.replace("PATH", f"{tmp_path}/out"))
    assert (done.returncode, done.stdout) == (1, "")
    assert messages(done) == [
        f"weir-dataplane: test/two: path: {tmp_path}/out: cannot be written: another sink writes to it"]
    done = run(captures.pcap(flow_frames(1)), TWO_SINKS.replace("PATH", '"-"'))
    assert (done.returncode, done.stdout) == (1, "")
    assert messages(done) == [
        "weir-dataplane: test/two: path: -: cannot be written: another sink writes to standard output: "
        "expected a file"]



def test_replay_made_up(run):
    done = run(None, REPLAY.replace("- {name: sink", "- {name: stats, type: flow_stats}\n  - {name: sink"),
               ["source.loops=3", "source.interval=1ms"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 10
    assert sum(r["fwd"]["packets"] + r.get("rev", {"packets": 0})["packets"] for r in done.records) == 300
    assert {record["protocol"] for record in done.records} == {6, 17}
    assert max(r["end_ns"] for r in done.records) - min(r["start_ns"] for r in done.records) == 299_000_000


STATS = REPLAY.replace("- {name: sink", "- {name: stats, type: flow_stats}\n  - {name: sink").replace(
    "flows: 10,", "flows: 10, protocols: tcp,")


def test_replay_conversation(run):
    """Each round answers the one before: nothing is sent twice, and what is sent is acknowledged."""
    done = run(None, STATS, ["source.loops=8", "source.rounds=converse"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 10
    assert sum(r["fwd"]["packets"] + r["rev"]["packets"] for r in done.records) == 800
    for record in done.records:
        for side, figures in (("fwd", record["tcp"]["fwd"]), ("rev", record["tcp"]["rev"])):
            assert figures["retransmitted_packets"] == figures["out_of_order_packets"] == 0
            assert figures["unique_bytes"] == record[side]["payload_bytes"] == 10 * record[side]["packets"]
            assert figures["rtt_samples"] > 0


def test_replay_renewal(run):
    """Each round has flows of its own."""
    done = run(None, STATS, ["source.loops=4", "source.rounds=renew"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 40
    assert len({(r["src_ip"], r["dst_ip"], r["src_port"], r["dst_port"]) for r in done.records}) == 40


@pytest.mark.parametrize("steer", ["flow", "group"])
def test_replay_steered(run, steer):
    """Several instances share the frames flow by flow, and the conversations stay whole."""
    done = run(None, STATS.replace("type: replay,", "type: replay, parallelism: 3,"),
               ["source.loops=5", "source.rounds=converse", f"source.steer={steer}"])
    assert done.returncode == 0, done.stderr
    assert len(done.records) == 10
    assert sum(r["fwd"]["packets"] + r["rev"]["packets"] for r in done.records) == 500
    assert not any(r["tcp"][side]["retransmitted_packets"] for r in done.records for side in ("fwd", "rev"))


@pytest.mark.parametrize("settings,message", [
    (["source.rounds=renew", "source.path=x.pcap"], "rounds: renew: expected repeat: only made-up frames change"),
    (["source.rounds=converse", "source.frame_size=60"],
     "frame_size: 60: expected at least 62 where rounds is converse"),
])
def test_replay_refused(run, settings, message):
    done = run(None, STATS, settings)
    assert done.returncode != 0
    assert message in done.stderr


def test_replay_capture(run):
    """Rounds follow each other in time, with the gaps of the file."""
    done = run(captures.pcap(flow_frames(3)), PACKETS.replace("type: pcap", "type: replay, loops: 2"))
    assert done.returncode == 0, done.stderr
    times = [record["timestamp_ns"] - captures.START * 10**9 for record in done.records]
    assert times == [0, 1_000_000, 2_000_000, 2_000_001, 3_000_001, 4_000_001]


def test_replay_until_stopped(tmp_path):
    """Frames come back and are sent again, through rings as well; a stop at any moment balances the account."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(REPLAY)
    settings = [f"sink.path={tmp_path}/out", "source.loops=0", "source.rate=20k", "channels=ring"]
    words = [word for setting in settings for word in ("--set", setting)]
    node = Process("node", [WEIR, "--lcores", "0@0,1@0", *EAL[2:], "--config", config, *words], tmp_path)
    try:
        wait_for(lambda: (tmp_path / "out").exists() and (tmp_path / "out").stat().st_size > 100_000, "records")
        assert node.stop() == 0
    finally:
        node.kill()
    content = (tmp_path / "out").read_text()
    assert content.endswith("\n")
    sent = int(re.search(r": (\d+) packets, ", node.err()).group(1))
    assert len(content.splitlines()) == sent


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
