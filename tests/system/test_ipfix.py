# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""What the sink ipfix sends, read back: by a decoder that knows only docs/ipfix.md, and by nfcapd, a real collector."""
import json
import re
import socket
import subprocess
import threading

import pytest

from conftest import ROOT, Process, free_port, wait_for
from ipfix_reader import Reader, as_exported
from node import run_file

CAPTURES = sorted((ROOT / "tests/pipeline").glob("*.pcap"))
MIX = ROOT.parent / "shared/traces/mix.pcap.gz"
PIPELINE = """
pipeline: test
operators:
  - {name: source,  type: pcap, path: CAPTURE}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: json,    type: json, path: FOLDER/flows.jsonl, append: no}
  - {name: sink,    type: ipfix, OPTIONS}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: json, grouping: global}
  - {from: stats,   to: sink, grouping: global}
"""


@pytest.fixture
def export(tmp_path):
    """export(capture, options): the records that the json sink wrote of it, while ipfix sent them as told."""

    def run(capture, options):
        config = tmp_path / "pipeline.yaml"
        config.write_text(PIPELINE.replace("CAPTURE", str(capture)).replace("FOLDER", str(tmp_path)).replace(
            "OPTIONS", options))
        done = run_file(["--config", config])
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text().splitlines()]

    return run


@pytest.fixture
def mix(tmp_path):
    if not MIX.exists():
        pytest.skip("no ../shared/traces/mix.pcap.gz")
    path = tmp_path / "mix.pcap"
    with open(path, "wb") as out:
        subprocess.run(["gzip", "-dc", MIX], stdout=out, check=True)
    return path


class TcpCollector:
    """Takes one connection and keeps what comes."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.data = b""
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with self.server, self.server.accept()[0] as connection:
            while part := connection.recv(1 << 16):
                self.data += part

    def all(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.data


def read_all(data):
    reader = Reader()
    assert reader.feed(data) == b""
    return reader


def test_tcp_has_every_field(export, mix):
    collector = TcpCollector()
    expected = export(mix, f'collector: "127.0.0.1:{collector.port}", transport: tcp')
    assert read_all(collector.all()).records == [as_exported(r) for r in expected]


def test_small_messages(export, tmp_path):
    """A template that leaves no room for its records in a message is sent ahead of them."""
    expected = export(ROOT / "tests/pipeline/link_layers.pcap", f"path: {tmp_path}/flows.ipfix, message_size: 512")
    assert read_all((tmp_path / "flows.ipfix").read_bytes()).records == [as_exported(r) for r in expected]


def test_closed_port(tmp_path):
    """Every other message is refused; templates that take several hold no record up."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(PIPELINE.replace("CAPTURE", str(ROOT / "tests/pipeline/network_layers.pcap")).replace(
        "FOLDER", str(tmp_path)).replace("OPTIONS", f'collector: "127.0.0.1:{free_port()}", message_size: 600'))
    done = run_file(["--config", config], limit=30)
    assert done.returncode == 1, done.stderr
    assert "Connection refused: records are lost (counted as send_error)" in done.stderr
    assert re.search(r"sink dropped send_error [1-9]", done.stderr)


def turned(record):
    """A record's directions as two, the way `biflow: no` has them."""
    both = {k: v for k, v in record.items() if k not in ("fwd", "rev", "tcp")}
    tcp = {k: v for k, v in record.get("tcp", {}).items() if k not in ("fwd", "rev")}

    def one(flow, way):
        of_tcp = tcp | ({"fwd": record["tcp"][way]} if way in record.get("tcp", {}) else {})
        return flow | {"fwd": record[way]} | ({"tcp": of_tcp} if of_tcp else {})

    yield one(both, "fwd")
    if "rev" not in record:
        return
    back = dict(both, src_ip=both["dst_ip"], dst_ip=both["src_ip"])
    for kind in ("port", "mac"):
        if f"src_{kind}" in both:
            back |= {f"src_{kind}": both[f"dst_{kind}"], f"dst_{kind}": both[f"src_{kind}"]}
    yield one(back, "rev")


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_uniflows(export, tmp_path, capture):
    expected = export(capture, f"path: {tmp_path}/flows.ipfix, biflow: no")
    expected = [uniflow for record in expected for uniflow in turned(as_exported(record))]
    assert read_all((tmp_path / "flows.ipfix").read_bytes()).records == expected


class Nfcapd:
    """Debian's collector on a loopback UDP port."""

    def __init__(self, folder):
        self.folder = folder / "nfcapd"
        self.folder.mkdir()
        self.port = free_port(pair=False)
        self.process = Process("nfcapd", ["nfcapd", "-w", self.folder, "-p", self.port, "-b", "127.0.0.1", "-B",
                                          8 << 20, "-t", 3600], folder)
        wait_for(lambda: "Startup" in self.process.err() + self.process.out(), "nfcapd listens")

    def stop(self):
        """What it collected: flows, sequence errors, and for each flow packets and bytes (forward, reverse)."""
        assert self.process.stop() == 0
        files = sorted(self.folder.glob("nfcapd.2*"))
        info = [line.split(": ") for f in files for line in self.nfdump("-r", f, "-I").splitlines() if ": " in line]
        rows = [line for f in files for line in self.nfdump(
            "-r", f, "-q", "-N", "-o", "fmt:%ipkt,%opkt,%ibyt,%obyt").splitlines() if line]
        flows = [tuple(int(number) for number in row.split(",")) for row in rows]
        assert [int(v) for k, v in info if k == "Sequence failures"] == [0] * len(files)
        assert sum(int(v) for k, v in info if k == "Flows") == len(flows)
        return flows

    @staticmethod
    def nfdump(*words):
        return subprocess.run(["nfdump", *map(str, words)], capture_output=True, text=True, check=True,
                              timeout=60).stdout


def totals(records, biflow):
    """The same of json records."""
    rows = []
    for record in records:
        fwd, rev = record["fwd"], record.get("rev")
        if biflow:
            rows.append((fwd["packets"], rev["packets"] if rev else 0, fwd["bytes"], rev["bytes"] if rev else 0))
        else:
            rows += [(part["packets"], 0, part["bytes"], 0) for part in (fwd, rev) if part]
    return sorted(rows)


@pytest.fixture
def nfcapd(tmp_path):
    collector = Nfcapd(tmp_path)
    yield collector
    collector.process.kill()


@pytest.mark.parametrize("biflow", [True, False], ids=["biflow", "uniflow"])
@pytest.mark.parametrize("name", ["network_layers", "link_layers", "mix"])
def test_nfcapd_agrees(export, nfcapd, request, name, biflow):
    """By UDP into nfcapd, out of nfdump: each flow's packets and bytes in both directions."""
    capture = request.getfixturevalue("mix") if name == "mix" else ROOT / f"tests/pipeline/{name}.pcap"
    expected = export(capture, f'collector: "127.0.0.1:{nfcapd.port}", biflow: {"yes" if biflow else "no"}')
    expected = totals(expected, biflow)
    wait_for_datagrams(nfcapd.port)
    assert sorted(nfcapd.stop()) == expected


def wait_for_datagrams(port):
    """Until the socket bound to a UDP port has nothing left to read."""

    def is_read():
        with open("/proc/net/udp", encoding="ascii") as table:
            rows = [line.split() for line in table if f":{port:04X} " in line.split("rem_address")[0]]
        return rows and all(row[4].endswith(":00000000") for row in rows if row[1].endswith(f":{port:04X}"))

    wait_for(is_read, "the collector has read all")


def test_nfcapd_reads_the_tcp_stream(export, nfcapd, mix):
    """nfcapd takes UDP alone: what came by TCP is the same messages, sent on to it one by one."""
    collector = TcpCollector()
    expected = export(mix, f'collector: "127.0.0.1:{collector.port}", transport: tcp, message_size: 1400')
    data = collector.all()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        while data:
            size = int.from_bytes(data[2:4], "big")
            assert size <= 1400
            out.sendto(data[:size], ("127.0.0.1", nfcapd.port))
            data = data[size:]
    wait_for_datagrams(nfcapd.port)
    assert sorted(nfcapd.stop()) == totals(expected, True)
