# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The sink ipfix where something is in its way: what was sent can be read, and the rest is counted and said."""
import contextlib
import fcntl
import re
import resource
import subprocess
import termios
from pathlib import Path

import pytest

from conftest import ROOT, wait_for
from ipfix_reader import Reader
from node import NO_DEVICES, WEIR, run_file

EAL = ["-l", "0", *NO_DEVICES, "--no-shconf", "--no-telemetry", "--"]
PIPELINE = """
pipeline: test
operators:
  - {name: source,  type: SOURCE}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats, idle_timeout: 20ms}
  - {name: sink,    type: ipfix, path: PATH}
"""


@pytest.fixture
def config(tmp_path):
    """config(source, path): the file of a pipeline that exports its flows."""

    def write(source, path):
        file = tmp_path / "pipeline.yaml"
        file.write_text(PIPELINE.replace("SOURCE", source).replace("PATH", str(path)))
        return file

    return write


@contextlib.contextmanager
def start(words, before=()):
    """A node that gets an error where it would write more than it may, and no signal."""
    with subprocess.Popen([str(word) for word in (*before, WEIR, *EAL, *words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, restore_signals=False) as node:
        try:
            yield node
        finally:
            node.kill()


def count(pattern, message):
    found = re.search(pattern, message)
    return int(found.group(1)) if found else 0


def test_message_that_holds_no_record(config, tmp_path):
    """Records of TCP take more than 512 bytes, or their templates do: all are lost, the node ends and says why."""
    file = config(f"pcap, path: {ROOT}/tests/pipeline/tcp_figures.pcap", tmp_path / "flows.ipfix")
    done = run_file(["--config", file, "--set", "sink.message_size=512"], limit=60)
    assert done.returncode == 1
    assert "message_size is too small for a record or its template: expected more" in done.stderr
    assert count(r"send_error (\d+)", done.stderr) > 0


def test_message_that_no_datagram_holds(config, tmp_path):
    file = config(f"pcap, path: {ROOT}/tests/pipeline/tcp_figures.pcap", "")
    file.write_text(file.read_text().replace("path: }", 'collector: "127.0.0.1:4739", message_size: 65535}'))
    done = run_file(["--config", file, "--check"])
    assert done.returncode != 0
    assert "message_size: 65535: expected 0 or 512..65507" in done.stderr


def waits_of(pid, name):
    """How often a thread of the process has waited so far."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return count(r"\nvoluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text())
    return 0


def test_pipe_that_stalls(config):
    """The sender tries again and again meanwhile; the stream goes on where it stopped."""
    file = config("replay, flows: 5000, frames: 5000, loops: 1", "-")
    words = ["--config", file, "--set", "sink.message_size=30000"]
    with start(words) as node:
        fcntl.fcntl(node.stdout, fcntl.F_SETPIPE_SZ, 4096)
        wait_for(lambda: fcntl.ioctl(node.stdout, termios.FIONREAD, bytes(4)) != bytes(4),
                 "a part of a message is there")
        before = waits_of(node.pid, "weir-ipfix")
        wait_for(lambda: waits_of(node.pid, "weir-ipfix") >= before + 4, "the sender has waited for the reader")
        data, message = node.communicate(timeout=60)
    assert node.returncode == 0, message
    reader = Reader()
    assert reader.feed(data) == b""
    assert len(reader.records) == count(r"(\d+) records to sink", message.decode()) == 5000


def test_reader_that_goes_away(config):
    """A node whose only sink has no reader any more ends, as with sinks of lines."""
    with start(["--config", config("replay, flows: 10, frames: 10, loops: 0, rate: 200", "-")]) as node:
        assert node.stdout.read(16)
        node.stdout.close()
        assert node.wait(60) == 1
        assert b"-: Broken pipe: records are lost (counted as send_error)" in node.stderr.read()


def test_file_that_takes_nothing_for_a_while(config, tmp_path):
    """What is written afterwards can be read: its templates come again."""
    out = tmp_path / "flows.ipfix"
    words = ["--config", config("replay, flows: 10, frames: 10, loops: 0, rate: 200", out)]
    with start(words, before=["prlimit", "--fsize=0:unlimited"]) as node:
        lines = iter(node.stderr.readline, b"")
        assert any(b"File too large: records are lost (counted as send_error)" in line for line in lines)
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        wait_for(lambda: out.stat().st_size > 4000, "the file grows")
        node.terminate()
        message = node.communicate(timeout=60)[1].decode()
    assert node.returncode == 1
    reader, data = Reader(), out.read_bytes()
    while data:
        size = int.from_bytes(data[2:4], "big")
        reader.message(data[16:size])
        data = data[size:]
    assert len(reader.records) == count(r"(\d+) records to sink", message) > 0
