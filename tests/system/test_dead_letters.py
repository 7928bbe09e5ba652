# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""What operators drop for what it is: counted by name in any case, and told in one form where a stream leaves by the
output dead."""
import json
import re

import pytest

from node import run_pipeline

START_MS = 1_767_225_600_000
SOURCE = """
  - {name: source, type: lines, fields: [user string 8, at time ms, seen time ms, x f64, y f64], time: at,
     out_of_order: 0s}
"""
# Operator -> its options, and what it does not take: reason -> indices of the records.
CASES = {
    "window": ("time: seen, size: 1s, compute: [n = count()]", {"late": [40], "no_time": [30]}),
    "top_k": ("time: seen, window: 1s, k: 3, key: [user]", {"late": [40], "no_time": [30]}),
    "join": ("time: seen, within: 500ms, key: [user]", {"late": [40, 40], "no_time": [30, 30]}),
    "dedup": ("time: seen, key: [seen], within: 1s", {"late": [40], "no_time": [30]}),
    "threshold": ("value: x / y, above: 1e9", {"no_value": [50, 60]}),
    "reduce": ("key: [user], compute: [n = count()], max_keys: 1, evict: none", None),
}


def rows():
    """A second between records; one that was seen a minute ago, one that never was, two without a quotient."""
    for n in range(100):
        row = {"user": f"u{n % 4}", "at": START_MS + n * 1000, "seen": START_MS + n * 1000, "x": n, "y": 2}
        if n == 30:
            del row["seen"]
        if n == 40:
            row["seen"] -= 39_000
        if n == 50:
            del row["x"]
        if n == 60:
            row["y"] = 0
        yield row


def run(folder, operators, streams, plan):
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    done = run_pipeline(folder, f"pipeline: dead\noperators:{SOURCE}{operators}streams:\n{streams}",
                        f"source.path={folder / 'in.jsonl'}", plan=plan)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def place(letter):
    """Which record it is about."""
    assert letter["operator"] == "step" and "position" not in letter
    return (json.loads(letter["text"])["at"] // 10**6 - START_MS) // 1000


@pytest.mark.parametrize("plan", ["one worker, chained", "two workers, ringed"])
@pytest.mark.parametrize("kind", CASES)
def test_told_and_counted(tmp_path, kind, plan):
    options, dropped = CASES[kind]
    step = f"  - {{name: step, type: {kind}, {options}}}\n  - {{name: rest, type: \"null\"}}\n"
    inputs = ["step.left", "step.right"] if kind == "join" else ["step"]
    flow = "".join(f"  - {{from: source, to: {name}}}\n" for name in inputs)
    flow += "  - {from: step, to: rest, grouping: global}\n"
    letters, report = run(tmp_path, step + "  - {name: sink, type: json}\n",
                          flow + "  - {from: step.dead, to: sink, grouping: global}\n", plan)
    if dropped is None:  # of four keys one has a place
        assert {letter["reason"] for letter in letters} == {"table_full"} and len(letters) == 75
    else:
        told = {}
        for letter in letters:
            told.setdefault(letter["reason"], []).append(place(letter))
        assert {reason: sorted(at) for reason, at in told.items()} == dropped
    _, unheard = run(tmp_path, step, flow, plan)
    for reason in {letter["reason"] for letter in letters}:
        count = sum(letter["reason"] == reason for letter in letters)
        assert re.search(rf"\bstep\b.*\b{reason} {count}\b", report), report
        assert re.search(rf"\bstep\b.*\b{reason} {count}\b", unheard), unheard
