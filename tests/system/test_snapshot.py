# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A node is killed some time after a snapshot and goes on from it: what its files hold in the end is what those of a
node hold that nothing happened to."""
import json
import shutil

import pytest

from conftest import wait_for
from test_windows import make_packets, write

COUNT = 20000
# The sink `slow` writes to a pipe that is read slowly: a file of a second's length is read in several, and still waits
# while there is no room.
PIPELINE = """
pipeline: kept
operators:
  - {{name: source,  type: pcap, path: {folder}/in.pcap}}
  - {{name: flow_id, type: flow_id}}
  - {{name: slow,    type: json, path: {pipe}, queue_size: 128}}
  - {{name: sums,    type: window, key: [src_ip], kind: sliding, size: 10s, slide: 2s,
     compute: [bytes = sum(bytes), others = distinct(dst_ip), p50(bytes)]}}
  - {{name: visits,  type: window, key: [src_ip, dst_ip], kind: session, gap: 3s, compute: [packets = count()]}}
  - {{name: got,     type: window, key: [dst_ip], size: 1s, compute: [got = count()]}}
  - {{name: sent,    type: window, key: [src_ip], size: 1s, compute: [sent = count()]}}
  - {{name: both,    type: join, key: [src_ip], right_key: [dst_ip], time: window_end_ns, within: 2s}}
  - {{name: totals,  type: reduce, key: [dst_ip], every: 7, compute: [packets = count(), last(timestamp_ns)]}}
  - {{name: firsts,  type: dedup, key: [src_ip, dst_ip, dst_port], within: 5s}}
  - {{name: top,     type: top_k, key: [src_ip], by: sum(bytes), k: 5, window: 6s, every: 2s, emit: change}}
  - {{name: limit,   type: threshold, value: bytes, above: 9000, key: [src_ip]}}
  - {{name: sums_out,   type: json, path: {folder}/sums.jsonl, append: no}}
  - {{name: visits_out, type: json, path: {folder}/visits.jsonl}}
  - {{name: both_out,   type: json, path: {folder}/both.jsonl}}
  - {{name: totals_out, type: csv,  path: {folder}/totals.csv}}
  - {{name: firsts_out, type: json, path: {folder}/firsts.jsonl}}
  - {{name: top_out,    type: json, path: {folder}/top.jsonl}}
  - {{name: limit_out,  type: json, path: {folder}/limit.jsonl}}
streams:
  - {{from: source,  to: flow_id}}
  - {{from: flow_id, to: slow}}
  - {{from: flow_id, to: sums}}
  - {{from: flow_id, to: visits}}
  - {{from: flow_id, to: got}}
  - {{from: flow_id, to: sent}}
  - {{from: sent,    to: both.left}}
  - {{from: got,     to: both.right}}
  - {{from: flow_id, to: totals}}
  - {{from: flow_id, to: firsts}}
  - {{from: flow_id, to: top}}
  - {{from: sums,    to: sums_out}}
  - {{from: sums,    to: limit}}
  - {{from: visits,  to: visits_out}}
  - {{from: both,    to: both_out}}
  - {{from: totals,  to: totals_out}}
  - {{from: firsts,  to: firsts_out}}
  - {{from: top,     to: top_out}}
  - {{from: limit,   to: limit_out}}
"""


@pytest.fixture(scope="module", name="capture")
def fixture_capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "in.pcap"
    write(path, make_packets(COUNT))
    return path


@pytest.mark.parametrize("eal,restored", (
    (("-l", "0"), ("-l", "0")),
    (("-l", "0-1"), ("-l", "0-1")),
    (("-l", "0"), ("-l", "0-1")),
    (("-l", "0-1"), ("-l", "0")),
), ids=("1", "2", "1-2", "2-1"))
def test_keyed_state_goes_on_where_it_was(make_run, capture, eal, restored):
    whole, run = (make_run(name, PIPELINE, eal=eal) for name in ("whole", "cut"))
    for one in (whole, run):
        shutil.copy(capture, one.folder / "in.pcap")
    expected = whole.undisturbed()
    manifest = run.interrupted(COUNT, restored)
    assert {operator["name"] for operator in manifest["operators"] if int(operator.get("file", {}).get("items", 0)) > 1}
    got = run.outputs()
    assert got.keys() == expected.keys() and len(got) == 7
    for name, lines in expected.items():
        assert lines and got[name] == lines, name


SMALL = """
pipeline: kept
operators:
  - {{name: source, type: generate, fields: [key u32 uniform 1 1000, at time], rate: 20000, interval: 1ms}}
  - {{name: slow,   type: json, path: {pipe}, queue_size: 128}}
  - {{name: sums,   type: reduce, key: [key], every: 5, compute: [count()]}}
  - {{name: sink,   type: json, path: {folder}/sums.jsonl}}
  - {{name: frames, type: replay, flows: 10, frames: 16, loops: 0, rate: 100}}
  - {{name: none,   type: 'null'}}
streams:
  - {{from: source, to: slow}}
  - {{from: source, to: sums}}
  - {{from: sums,   to: sink}}
  - {{from: frames, to: none}}
"""


@pytest.fixture(name="saved")
def fixture_saved(make_run):
    """A run whose node has ended, and its snapshot."""
    run = make_run("small", SMALL)
    run.reader.is_slow = False
    node, directory = run.start().wait_until_up(), run.folder / "saved"
    wait_for(lambda: node.instance("sums")["in"] > 3000, "some keys are there")
    assert run.snapshot("saved").returncode != 0, "a path that is not absolute"
    assert run.snapshot(directory).returncode == 0
    again = run.snapshot(directory)
    assert again.returncode != 0 and "File exists" in again.stdout, again
    assert sorted(path.name for path in run.folder.iterdir() if "saved" in path.name) == ["saved"]
    node.process.kill()
    node.close()
    return run, directory


def refused(run, *arguments):
    """What a node says that does not start."""
    node = run.start(*arguments)
    assert node.process.wait() == 1
    return node.process.err()


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_what_does_not_fit_is_refused(saved):
    run, directory = saved
    restore = ("--restore", directory)
    assert "sums.every: \"6\": expected \"5\"" in refused(run, *restore, "--set", "sums.every=6")
    assert "hash_secret: is not that of the snapshot" in refused(run, *restore, "--set", "hash_secret=other")
    assert "frames: has 2 instances; expected 1" in refused(run, *restore, "--set", "frames.parallelism=2")
    assert "No such file" in refused(run, "--restore", directory / "not")
    state = directory / "kept.sums.state"
    whole = state.read_bytes()
    flip(state, len(whole) // 2)
    assert "damaged: it does not have its checksum" in refused(run, *restore)
    state.write_bytes(whole[:-8])
    assert "damaged: it does not have its size" in refused(run, *restore)
    state.write_bytes(whole)
    manifest = directory / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"weir_snapshot": 1', '"weir_snapshot": 2'))
    assert "expected a snapshot of format 1" in refused(run, *restore)
    manifest.write_text(text.replace('"instances": 1', '"instances": 3'))
    assert "damaged" in refused(run, *restore)
    manifest.write_text(text)
    sink = run.folder / "sums.jsonl"
    lines = sink.read_bytes()
    sink.write_bytes(lines[:10])
    assert "is not the file that was written before the snapshot" in refused(run, *restore)
    assert sink.read_bytes() == lines[:10], "a node that does not start cuts nothing"
    run.config.write_text(run.config.read_text().replace("name: sums, ", "name: adds, ").replace("sums,", "adds,")
                          .replace("sums}", "adds}"))
    sink.write_bytes(lines)
    assert "kept/adds: is not in the snapshot" in refused(run, *restore)


NUMBERS = """
pipeline: kept
operators:
  - {{name: source, type: generate, count: 20000, fields: [n u64 sequence, long string 64 constant LONG]}}
  - {{name: slow,   type: json, path: {pipe}, queue_size: 128}}
  - {{name: sink,   type: json, path: {folder}/numbers.jsonl}}
streams:
  - {{from: source, to: slow}}
  - {{from: source, to: sink}}
"""


def test_numbers_go_on_in_more_instances(make_run):
    run = make_run("numbers", NUMBERS.replace("LONG", 60 * "x"))
    run.interrupted(COUNT, ("-l", "0-1"), ("--set", "source.parallelism=2"))
    numbers = sorted(json.loads(line)["n"] for line in run.outputs()["numbers.jsonl"])
    assert numbers == list(range(COUNT))


def test_what_can_not_be_saved_is_named(make_run):
    run = make_run("sketch", SMALL.replace("type: reduce, key: [key], every: 5, compute: [count()]",
                                           "type: heavy_hitters, key: [key]"))
    run.reader.is_slow = False
    node = run.start().wait_until_up()
    result = run.snapshot(run.folder / "saved")
    assert result.returncode != 0 and "kept/sums: what an operator of type heavy_hitters keeps can't be saved" \
        in result.stdout, result
    before = node.instance("source")["in"]
    wait_for(lambda: node.instance("source")["in"] > before, "the node goes on")
    assert not (run.folder / "saved").exists()
