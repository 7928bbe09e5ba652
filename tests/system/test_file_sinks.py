# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""JSON lines through the real program onto bad disks and closed pipes, and into files that are renamed."""
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios

import pytest

import captures
from conftest import wait_for
from file_runs import EAL, PACKETS, REPLAY, WEIR, dropped, flow_frames, messages, run  # noqa: F401 (a fixture)


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


def is_full(pipe):
    """But for what a record may need, and the buffer that reading a line has filled."""
    unread = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return unread > fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) - 8192


def test_reader_that_stalls(tmp_path):
    """The node waits for it, answers signals meanwhile, and gives up what is left when told to stop."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(REPLAY)
    words = ["--set", "source.loops=1000", "--set", "sink.drain_timeout=100ms"]
    with subprocess.Popen([WEIR, *EAL, "--config", config, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as node:
        assert json.loads(node.stdout.readline())
        wait_for(lambda: is_full(node.stdout), "the pipe is full")
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
