# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Sources go on behind the last tuple before a snapshot, none is lost or comes twice; and what chooses tuples, or waits
for their end, goes on as if nothing had happened."""
import collections
import json

import pytest

COUNT = 20000
PIPELINE = """
pipeline: kept
operators:
  - {{{{name: source, {source}}}}}
{more}  - {{{{name: slow, type: json, path: {{pipe}}, queue_size: 128}}}}
  - {{{{name: sink, type: json, path: {{folder}}/out.jsonl}}}}
streams:
  - {{{{from: source, to: {first}}}}}
{streams}  - {{{{from: {last}, to: slow}}}}
  - {{{{from: {end}, to: sink}}}}
"""


def pipeline(source, *chain, behind=""):
    """A source, a chain of operators as (name, what else) behind it, then the sinks; one more that the file's sink
    alone is behind."""
    chain = [(name, f"  - {{{{name: {name}, {rest}}}}}\n") for name, rest in chain]
    names = ["source", *(name for name, _ in chain)]
    streams = [f"  - {{{{from: {a}, to: {b}}}}}\n" for a, b in zip(names[1:], names[2:])]
    more = [text for _, text in chain]
    if behind:
        more.append(f"  - {{{{name: behind, {behind}}}}}\n")
        streams.append(f"  - {{{{from: {names[-1]}, to: behind}}}}\n")
    text = PIPELINE.format(source=source, more="".join(more), streams="".join(streams), last=names[-1],
                           first=names[1] if chain else "slow", end="behind" if behind else names[-1])
    return text if chain else text.replace("  - {{from: source, to: slow}}\n", "", 1)


def lines(format_, more=""):
    return pipeline(f"type: lines, path: {{folder}}/in.txt, format: {format_}, fields: [n u32, text string 90]{more}")


def write_input(run, name):
    rows = [(n, f"{n * 7919:090}") for n in range(COUNT)]
    (run.folder / "in.txt").write_text({
        "json": "".join(f'{{"n": {n}, "text": "{word}"}}\n' for n, word in rows),
        "csv": "".join(f"{n},{word}\n" for n, word in rows),
        "header": "text,other,n\n" + "".join(f"{word},x,{n}\r\n" for n, word in rows)}[name])
    return rows


@pytest.mark.parametrize("name,text", (
    ("json", lines("json")), ("csv", lines("csv")), ("header", lines("csv", ", header: true")),
), ids=("json", "csv", "header"))
def test_a_file_is_gone_on_with_behind_its_last_line(make_run, name, text):
    run = make_run("cut", text)
    rows = write_input(run, name)
    run.interrupted(COUNT)
    got = [json.loads(line) for line in (run.folder / "out.jsonl").read_text().splitlines()]
    assert [(one["n"], one["text"]) for one in got] == rows


RANDOM = "fields: [n u64 sequence, key u32 zipf 1.1 5000, size u32 uniform 64 1500, x f64 normal 0 10, at time]"
GENERATE = f"type: generate, count: {COUNT}, {RANDOM}"
REPLAY = f"type: replay, flows: 300, frames: 1000, loops: {COUNT // 1000}"
FLOW_ID = ("flow_id", "type: flow_id")
SAMPLE = "type: sample, one_in: 3, secret: one, mode: "


@pytest.mark.parametrize("text,eal", (
    (pipeline(GENERATE), "0"),
    (pipeline(GENERATE + ", parallelism: 2"), "0-1"),
    (pipeline(REPLAY + ", parallelism: 1", FLOW_ID), "0"),
    (pipeline(REPLAY + ", parallelism: 2, interval: 7us", FLOW_ID), "0-1"),
    (pipeline(GENERATE, behind=SAMPLE + "packet"), "0"),
    (pipeline(GENERATE, behind=SAMPLE + "random"), "0"),
    (pipeline(GENERATE + ", parallelism: 2", behind=SAMPLE + "flow, key: [key], symmetric: no"), "0-1"),
), ids=("generate", "generate 2", "replay", "replay 2", "packet", "random", "flow"))
def test_it_goes_on_as_if_nothing_had_happened(make_run, text, eal):
    expected = make_run("whole", text, eal=("-l", eal)).undisturbed()
    run = make_run("cut", text, eal=("-l", eal))
    run.interrupted(COUNT // (2 if eal == "0-1" else 1))
    assert len(expected["out.jsonl"]) > COUNT / 4 and run.outputs() == expected


def test_the_same_flows_are_chosen(make_run):
    """By a secret that was drawn: of each flow all frames come, or none."""
    run = make_run("cut", pipeline(REPLAY + ", parallelism: 1", FLOW_ID, behind="type: sample, one_in: 2, mode: flow"))
    run.interrupted(COUNT)
    whole = make_run("whole", pipeline(REPLAY + ", parallelism: 1", FLOW_ID)).undisturbed()

    def flows(path_lines):
        read = (json.loads(line) for line in path_lines)
        return collections.Counter((one["src_ip"], one["src_port"], one["dst_ip"], one["dst_port"]) for one in read)

    expected, got = flows(whole["out.jsonl"]), flows(run.outputs()["out.jsonl"])
    assert 0 < len(got) < len(expected)
    assert {flow: expected[flow] for flow in got} == got


NEAREST = f"""
pipeline: kept
operators:
  - {{{{name: source,  {GENERATE}}}}}
  - {{{{name: centers, type: generate, seed: 2, count: 50, fields: [center u32 sequence, x f64 normal 0 10]}}}}
  - {{{{name: nearest, type: nearest, fields: [x], parallelism: 2}}}}
  - {{{{name: slow,    type: json, path: {{pipe}}, queue_size: 128}}}}
  - {{{{name: sink,    type: json, path: {{folder}}/out.jsonl}}}}
streams:
  - {{{{from: source,  to: slow}}}}
  - {{{{from: source,  to: nearest.points}}}}
  - {{{{from: centers, to: nearest.centers}}}}
  - {{{{from: nearest, to: sink}}}}
"""


@pytest.mark.parametrize("restored", (2, 3))
def test_points_are_kept_until_their_end(make_run, restored):
    expected = make_run("whole", NEAREST).undisturbed()
    run = make_run("cut", NEAREST)
    run.interrupted(COUNT, again=("--set", f"nearest.parallelism={restored}"))
    assert len(expected["out.jsonl"]) == COUNT and run.outputs() == expected
