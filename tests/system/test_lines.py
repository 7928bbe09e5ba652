# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Records from lines of text: by socket from several senders at once, by a pipe, and several pipelines of packets and
records in one node. Every line is accounted for."""
import json
import socket
import subprocess
import threading

import captures
from conftest import PATIENCE_S, wait_for
from node import NO_DEVICES, WEIR, Node, assert_accounts_hold, run_file

SENDERS, LINES = 4, 5000
LISTENER = """
pipeline: received
operators:
  - {name: source, type: lines, listen: "LISTEN", fields: [sender u32, number u32, text string 8], connections: 3}
  - {name: sink, type: json, path: received.jsonl}
"""


def send(connect, sender):
    with connect() as connection:
        for number in range(LINES):
            connection.sendall(b'{"sender":%d,"number":%d,"text":"x"}\n' % (sender, number))
        connection.sendall(b"not json\n")


def receive(folder, listen, connect):
    """More senders than connections at a time; returns the records once all lines are in and the node was stopped."""
    (folder / "received.yaml").write_text(LISTENER.replace("LISTEN", listen), encoding="utf-8")
    node = Node(folder, ["--config", folder / "received.yaml", "--set", f"sink.path={folder / 'received.jsonl'}"])
    try:
        node.wait_until_up()
        port = node.instance("source")["gauge_port"]
        senders = [threading.Thread(target=send, args=(lambda: connect(port), sender), daemon=True)
                   for sender in range(SENDERS)]
        for sender in senders:
            sender.start()
        wait_for(lambda: node.instance("source")["in"] == SENDERS * (LINES + 1), "all lines are in")
        source = node.instance("source")
        assert_accounts_hold(source)
        assert source["drop_malformed"] == SENDERS
        wait_for(lambda: node.instance("source")["gauge_connections"] == 0, "all senders have gone")
        assert node.process.stop() == 0, node.process.err()
    finally:
        node.close()
    return [json.loads(line) for line in (folder / "received.jsonl").read_text(encoding="utf-8").splitlines()]


def assert_complete(records):
    for sender in range(SENDERS):
        assert [r["number"] for r in records if r["sender"] == sender] == list(range(LINES))
    assert len(records) == SENDERS * LINES


def test_tcp(tmp_path):
    def connect(port):
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)

    assert_complete(receive(tmp_path, "tcp://127.0.0.1:0", connect))


def test_unix_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # paths of sockets are short

    def connect(_):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        connection.connect("s")
        return connection

    assert_complete(receive(tmp_path, "unix:/proc/self/cwd/s", connect))
    assert not (tmp_path / "s").exists()


def test_pipe_ends_where_it_is_closed(tmp_path):
    (tmp_path / "piped.yaml").write_text("""
pipeline: piped
operators:
  - {name: source, type: lines, path: "-", format: text, fields: [line string 100]}
  - {name: sink, type: json}
""", encoding="utf-8")
    with subprocess.Popen([WEIR, "-l", "0", *NO_DEVICES, "--no-shconf", "--", "--config", tmp_path / "piped.yaml"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        out, err = child.communicate("first\n\nlast, without an end", timeout=PATIENCE_S)
    assert child.returncode == 0, err
    assert [json.loads(line)["line"] for line in out.splitlines()] == ["first", "", "last, without an end"]


def test_pipelines_of_packets_and_records_in_one_node(tmp_path):
    (tmp_path / "in.pcap").write_bytes(captures.pcap([captures.ethernet(captures.ipv4_udp(60, 1024 + i, 53,
                                       "10.0.0.1", "10.0.0.2")) for i in range(50)]))
    (tmp_path / "in.csv").write_text("a,1\nb,2\n", encoding="utf-8")
    (tmp_path / "all.yaml").write_text(f"""
pipeline: flows
operators:
  - {{name: source, type: pcap, path: {tmp_path}/in.pcap}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats, type: flow_stats}}
  - {{name: sink, type: json, path: {tmp_path}/flows.jsonl}}
---
pipeline: lines
operators:
  - {{name: source, type: lines, path: {tmp_path}/in.csv, format: csv, fields: [name string 4, value u8]}}
  - {{name: sink, type: csv, path: {tmp_path}/out.csv}}
---
pipeline: made_up
operators:
  - {{name: source, type: generate, count: 3000, fields: [n u32 sequence, user u16 zipf 1.1 100]}}
  - {{name: spread, type: sample, one_in: 1, parallelism: 2}}
  - {{name: sink, type: json, path: {tmp_path}/made_up.jsonl}}
streams:
  - {{from: source, to: spread, grouping: shuffle, weights: [2, 1]}}
  - {{from: spread, to: sink}}
""", encoding="utf-8")
    done = run_file(["--config", tmp_path / "all.yaml"], eal=("--lcores", "0@0,1@0"))
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "flows.jsonl").read_text(encoding="utf-8").splitlines()) == 50
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "name,value\na,1\nb,2\n"
    made_up = [json.loads(line) for line in (tmp_path / "made_up.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(record["n"] for record in made_up) == list(range(3000))
    shown = run_file(["--config", tmp_path / "all.yaml", "--check"])
    assert "schema source, 16 bytes\n    n u32, user u16\n" in shown.stdout
