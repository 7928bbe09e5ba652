# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The sink pcapng: Wireshark's tools read the file as they read the capture it was made of."""
import re
import subprocess

import pytest

import captures
from conftest import ROOT
from node import run_file

# The source sets right what the clocks of clock_*.pcap say.
CAPTURES = sorted(path for path in (ROOT / "tests/pipeline").glob("*.pcap") if not path.stem.startswith("clock_"))
FIELDS = ["frame.time_epoch", "frame.cap_len", "frame.encap_type", "eth.src", "ip.src", "ipv6.src", "frame.protocols"]


def write(folder, capture, *settings, operators=""):
    text = f"""
pipeline: test
operators:
  - {{name: source, type: pcap, path: {capture}}}
{operators}  - {{name: sink, type: pcapng, path: {folder}/out.pcapng}}
"""
    (folder / "pipeline.yaml").write_text(text)
    return run_file(["--config", folder / "pipeline.yaml", *(w for s in settings for w in ("--set", s))])


def dissect(path):
    words = [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", *words], capture_output=True, text=True,
                          check=False)
    assert "malformed" not in done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_tshark_sees_the_same(tmp_path, capture):
    done = write(tmp_path, capture)
    assert done.returncode == 0, done.stderr
    assert dissect(tmp_path / "out.pcapng") == dissect(capture)


def test_nanoseconds(tmp_path):
    times = [1, 999_999_999, 123_456_789]
    frames = [(captures.START + i, times[i], 60 + i, captures.ethernet(captures.ipv4_udp(46 + i))) for i in range(3)]
    (tmp_path / "in.pcap").write_bytes(captures.pcap(frames, nanoseconds=True))
    assert write(tmp_path, tmp_path / "in.pcap").returncode == 0
    stamps = [line.split("\t")[0] for line in dissect(tmp_path / "out.pcapng")]
    assert stamps == [f"{captures.START + i}.{times[i]:09}" for i in range(3)]
    said = subprocess.run(["capinfos", tmp_path / "out.pcapng"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Number of packets:\s+3\b", said)
    assert re.search(r"Time precision = nanoseconds \(9\)", said)
    assert re.search(r"Capture application:\s+weir ", said)


def test_cut_and_chosen(tmp_path):
    """snap_length cuts a frame and keeps its length; a filter before the sink chooses."""
    frames = [captures.ethernet(captures.ipv4_udp(size, destination_port=port))
              for size, port in ((46, 53), (900, 53), (900, 80))]
    (tmp_path / "in.pcap").write_bytes(captures.pcap(frames))
    done = write(tmp_path, tmp_path / "in.pcap", "sink.snap_length=100",
                 operators='  - {name: dns, type: filter, pcap: "udp port 53"}\n')
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(["tshark", "-n", "-r", tmp_path / "out.pcapng", "-T", "fields", "-e", "frame.len", "-e",
                            "frame.cap_len", "-e", "udp.dstport"], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["60\t60\t53", "914\t100\t53"]


def test_rotation(tmp_path):
    """Each file is a capture of its own, and together they have every packet."""
    frames = [captures.ethernet(captures.ipv4_udp(1000, 1000 + number)) for number in range(3000)]
    (tmp_path / "in.pcap").write_bytes(captures.pcap(frames))
    done = write(tmp_path, tmp_path / "in.pcap", "sink.rotate_size=1MiB", "sink.queue_size=128")
    assert done.returncode == 0, done.stderr
    files = sorted(tmp_path.glob("out.pcapng*"))
    assert len(files) >= 3
    assert all(file.stat().st_size <= 1 << 20 for file in files)
    counts = [len(dissect(file)) for file in files]
    assert sum(counts) == 3000 and min(counts) > 0


@pytest.mark.parametrize("setting, message", [
    ("sink.snap_length=10", "sink.snap_length: \"10\": expected a size"),
    ("sink.path=/nowhere/x", "test/sink: path: /nowhere/x: cannot be written: No such file or directory"),
])
def test_refused(tmp_path, setting, message):
    done = write(tmp_path, CAPTURES[0], setting)
    assert done.returncode == 1
    assert message.removeprefix("sink.snap_length: ") in done.stderr
