# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Sources, sinks and operators without state come to run in more or fewer instances under load: each tuple arrives
once, no time runs ahead of a tuple, and what a source can't share out is refused by name."""
import re
import struct

import pytest

import captures
from conftest import wait_for
from node import Node, assert_accounts_hold, run_file

TWO_WORKERS = ("-l", "0-1")
COUNTS = (2, 4, 1, 3, 2, 1)


class Running:
    """A node that runs a configuration, whose operators are changed in turns until its sources have ended."""

    def __init__(self, controller, folder, write, counts=COUNTS):
        self.controller, self.write, self.counts = controller, write, counts
        self.node = Node(folder, ["--config", write(counts[-1]), "--node", "edge", "--controller",
                                  controller.endpoint], eal=TWO_WORKERS)
        self.node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")

    def change_until_it_ends(self, operator):
        """Returns how many instances each change that was made came to."""
        counts = self.counts
        made, before = [], counts[-1]
        try:
            while True:
                count = counts[len(made) % len(counts)]
                result = self.controller.ctl("apply", "edge", self.write(count), timeout=20)
                if not self.node.process.is_running():
                    break
                if result.returncode != 0:  # it is ending, or busy with others: tried again
                    continue
                assert f"{operator}.parallelism {count} (was {before})" in result.stdout, result
                made.append(count)
                before = count
                if len(made) <= len(counts):
                    instances = self.node.instances()
                    if None in instances:  # its sources have ended while it was asked
                        continue
                    assert len([one for one in instances if one["operator"] == operator]) in (count, 0)
                    for one in instances:
                        assert_accounts_hold(one)
            assert self.node.process.wait() == 0, self.node.process.err()
        finally:
            self.node.close()
        return made


def lines(path):
    return sorted(path.read_text().splitlines())


MADE = """
pipeline: made
placement: chained
operators:
  - {name: source, type: generate, count: 2000000, interval: 1us, seed: 7, parallelism: SOURCES,
     fields: [n u64 sequence, at time, user u32 zipf 1.1 2000, size u32 uniform 64 1500]}
  - {name: part,   type: filter, where: size > 1400, parallelism: PARTS}
  - {name: sums,   type: window, time: at, key: [user], size: 20ms, parallelism: 2,
     compute: [tuples = count(), bytes = sum(size)]}
  - {name: totals, type: json, path: TOTALS}
  - {name: each,   type: json, path: EACH}
  - {name: end,    type: 'null', parallelism: ENDS}
streams:
  - {from: source, to: part, grouping: shuffle}
  - {from: source, to: sums}
  - {from: sums,   to: totals}
  - {from: part,   to: each}
  - {from: source, to: end, grouping: shuffle}
"""


@pytest.mark.parametrize("changed", ["source", "part", "end"])
def test_made_records(make_controller, tmp_path, changed):
    def write(name):
        def write_one(count):
            text = MADE
            for word, operator in (("SOURCES", "source"), ("PARTS", "part"), ("ENDS", "end")):
                text = text.replace(word, str(count if operator == changed else 2))
            for word in ("TOTALS", "EACH"):
                text = text.replace(word, str(tmp_path / f"{name}-{word}.jsonl"))
            config = tmp_path / f"{name}.yaml"
            config.write_text(text)
            return config
        return write_one

    still = run_file(["--config", write("still")(2)], eal=TWO_WORKERS)
    assert still.returncode == 0, still.stderr
    running = Running(make_controller(), tmp_path, write("changing"))
    assert len(running.change_until_it_ends(changed)) >= 2
    for word in ("TOTALS", "EACH"):
        expected = lines(tmp_path / f"still-{word}.jsonl")
        assert len(expected) > 10_000
        assert lines(tmp_path / f"changing-{word}.jsonl") == expected


CAPTURES = """
pipeline: captures
placement: chained
operators:
  - {name: source,  type: pcap, path: FIRST, more_paths: MORE, parallelism: COUNT}
  - {name: flow_id, type: flow_id, parallelism: COUNT}
  - {name: stats,   type: flow_stats, parallelism: 2, idle_timeout: 50ms, active_timeout: 100ms}
  - {name: sink,    type: json, path: RECORDS}
  - {name: each,    type: json, path: /dev/null}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: sink}
  - {from: flow_id, to: each}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """Four files that cover about the same time, at other rates, and have no flow in common."""
    folder = tmp_path_factory.mktemp("captures")
    paths = []
    for number, interval_ns in enumerate((2000, 2100, 1900, 1000), 1):
        frames = [captures.ethernet(captures.ipv4_udp(60, 1000 + port, source=f"10.0.{number}.1"))
                  for port in range(500)]
        paths.append(folder / f"{number}.pcap")
        with open(paths[-1], "wb") as file:
            file.write(captures.pcap([], nanoseconds=True))
            for i in range(200_000):
                file.write(struct.pack("<IIII", captures.START, i * interval_ns, len(frames[0]), len(frames[0])) +
                           frames[i * i % 499])
    return paths


def test_files(captured, make_controller, tmp_path):
    def write(name):
        def write_one(count):
            config = tmp_path / f"{name}.yaml"
            config.write_text(CAPTURES.replace("FIRST", str(captured[0])).replace(
                "MORE", "[" + ", ".join(map(str, captured[1:])) + "]").replace("COUNT", str(count)).replace(
                "RECORDS", str(tmp_path / f"{name}.jsonl")))
            return config
        return write_one

    still = run_file(["--config", write("still")(4)], eal=TWO_WORKERS)
    assert still.returncode == 0, still.stderr
    running = Running(make_controller(), tmp_path, write("changing"))
    result = running.controller.ctl("--dry-run", "apply", "edge", write("changing")(5))
    assert "source: parallelism 5: expected 1, or up to 4: it has no more files" in result.stdout, result
    assert len(running.change_until_it_ends("source")) >= 2
    # Which of the last records are cut, and which end with the input, depends on which file was read to its end last.
    still, changed = ([re.sub('"end_reason":"(active|end_of_input)"', "", line) for line in lines(tmp_path / name)]
                      for name in ("still.jsonl", "changing.jsonl"))
    assert len(still) > 2000
    assert sorted(changed) == sorted(still)


UNEVEN = """
change_limit: 60s
pipeline: uneven
placement: chained
operators:
  - {{name: source,  type: pcap, path: {folder}/short.pcap, more_paths: [{folder}/long.pcap], parallelism: 2}}
  - {{name: flow_id, type: flow_id, parallelism: 2}}
  - {{name: stats,   type: flow_stats, parallelism: 2}}
  - {{name: flows,   type: json, path: {folder}/flows.jsonl}}
  - {{name: slow,    type: json, path: {pipe}, queue_size: 128}}
streams:
  - {{from: source,  to: flow_id}}
  - {{from: flow_id, to: slow}}
  - {{from: flow_id, to: stats}}
  - {{from: stats,   to: flows}}
"""


def write_uneven(folder):
    for number, (name, count) in enumerate((("short", 500), ("long", 20_000))):
        frames = [captures.ethernet(captures.ipv4_udp(60, 1000 + port, source=f"10.0.{number}.1"))
                  for port in range(100)]
        (folder / f"{name}.pcap").write_bytes(captures.pcap([
            (captures.START, i * 10, len(frames[0]), frames[i % 100]) for i in range(count)]))


def test_who_stays_has_read_all_of_its_files(make_run):
    """It gets the file of the one that goes: nothing behind it is at its end."""
    whole, run = (make_run(name, UNEVEN, eal=TWO_WORKERS) for name in ("whole", "changed"))
    for one in (whole, run):
        write_uneven(one.folder)
    expected = whole.undisturbed()
    node = run.start().wait_until_up()
    wait_for(lambda: node.instance("source", 0)["finished"] == 1, "the short file was read")
    wait_for(lambda: run.controller.node("edge").get("state") == "up", "node edge is up")
    assert node.instance("source", 1)["finished"] == 0
    fewer = run.folder / "fewer.yaml"
    fewer.write_text(run.config.read_text().replace("pcap], parallelism: 2", "pcap], parallelism: 1").replace(
        "flow_id, parallelism: 2", "flow_id, parallelism: 1"))
    result = run.controller.ctl("apply", "edge", fewer, timeout=60)
    assert result.returncode == 0 and "source.parallelism 1 (was 2)" in result.stdout, result
    run.finish(node)
    assert len(expected["flows.jsonl"]) == 200 and run.outputs() == expected


FRAMES = """
pipeline: frames
placement: chained
operators:
  - {name: source,  type: replay, flows: 3000, frames: 32768, loops: 100, interval: 2us, rounds: converse,
     parallelism: COUNT}
  - {name: flow_id, type: flow_id, parallelism: COUNT}
  - {name: stats,   type: flow_stats, parallelism: 2, idle_timeout: 300ms, active_timeout: 1s}
  - {name: sink,    type: json, path: RECORDS}
"""


def test_frames(make_controller, tmp_path):
    def write(name):
        def write_one(count):
            config = tmp_path / f"{name}.yaml"
            config.write_text(FRAMES.replace("COUNT", str(count)).replace("RECORDS", str(tmp_path / f"{name}.jsonl")))
            return config
        return write_one

    # Which instance sends a flow is drawn from the secret of the hash: what comes out does not depend on it.
    still = run_file(["--config", write("still")(3)], eal=TWO_WORKERS)
    assert still.returncode == 0, still.stderr
    running = Running(make_controller(), tmp_path, write("changing"), (1, 2, 1, 3))
    assert running.change_until_it_ends("source"), "it is changed while it runs"
    assert lines(tmp_path / "changing.jsonl") == lines(tmp_path / "still.jsonl")


REFUSED = {
    "frames": (FRAMES, "or fewer: it has no more slices of frames, which are made at the start"),
    "lines": ("pipeline: text\noperators:\n  - {name: source, type: lines, listen: unix:SOCKET, fields: [n u64],"
              " parallelism: COUNT}\n  - {name: sink, type: 'null'}\n",
              "source.parallelism: \"2\": expected auto or 1"),
    "nearest": ("pipeline: near\noperators:\n  - {name: source, type: generate, rate: 1000, fields: [x u64 sequence]}\n"
                "  - {name: near, type: nearest, fields: [x], parallelism: COUNT}\n  - {name: sink, type: 'null'}\n"
                "streams:\n  - {from: source, to: near.points}\n  - {from: source, to: near.centers}\n"
                "  - {from: near, to: sink}\n",
                "expected 1, as it runs: each instance answers at the end, by all centers since the beginning"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_can_not_be_shared_is_refused(make_controller, tmp_path, kind):
    text, message = REFUSED[kind]

    def write(count):
        config = tmp_path / "refused.yaml"
        config.write_text(text.replace("COUNT", str(count)).replace("loops: 100", "loops: 0, rate: 1000").replace(
            "RECORDS", str(tmp_path / "records.jsonl")).replace("SOCKET", str(tmp_path / "lines.sock")))
        return config

    running = Running(make_controller(), tmp_path, write)
    try:
        result = running.controller.ctl("apply", "edge", write(2))
        assert result.returncode == 1 and message in result.stdout, result
        assert running.node.instance("source")["finished"] == 0
        assert running.controller.ctl("stop", "edge").returncode == 0
        assert running.node.process.wait() == 0
    finally:
        running.node.close()
