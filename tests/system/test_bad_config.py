# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Configurations and command lines that weir-dataplane refuses: one line that says where, what, and what is allowed.

The words of each message are tested in tests/unit/test_pipeline_errors.c; here it is the program that a person runs.
"""
import subprocess

import pytest

from conftest import BUILD, ROOT

LINE = """\
pipeline: p
operators:
  - {name: source, type: pcap, path: a.pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats, type: flow_stats}
  - {name: sink, type: json}
"""


def dataplane(*arguments, cwd=None):
    return subprocess.run([str(BUILD / "weir-dataplane"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL, cwd=cwd, errors="replace")


def check(tmp_path, text, *arguments):
    (tmp_path / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return dataplane("--config", "a.yaml", "--check", *arguments, cwd=tmp_path)


def assert_refused(result, expected, status=1):
    """One line on standard error, nothing on standard output, no signal."""
    assert result.returncode == status, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("weir-dataplane: "), lines
    for part in expected:
        assert part in lines[0], lines
    assert result.stdout == ""


def assert_view_refused(folder, head, what, message):
    """Of a pipeline that begins with `head` the operator `view`, its options as written, is refused at its line."""
    (folder / "a.yaml").write_text(head + f"  - {{name: view, {what}}}\n  - {{name: sink, type: json}}\n")
    assert_refused(dataplane("--config", "a.yaml", "--check", cwd=folder),
                   [f"a.yaml:{head.count(chr(10)) + 1}: ", message])


BAD_FILES = {
    "empty": ("", ["a.yaml: empty"]),
    "only a comment": ("# nothing\n", ["a.yaml: empty"]),
    "binary": (bytes(range(256)), ["a.yaml:1: ", "UTF-8 text"]),
    "a capture": (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", ["a.yaml:1: ", "UTF-8 text"]),
    "not YAML": (LINE + "streams: [\n", ["a.yaml:8: column 1: YAML syntax"]),
    "a tab": ("pipeline: p\n\toperators: []\n", ["a.yaml:2: column 1: YAML syntax"]),
    "truncated": (LINE[:-10], ["a.yaml:7: column 1: YAML syntax", "did not find expected ',' or '}'"]),
    "an alias to itself": ("pipeline: &a [*a]\n", ["a.yaml:1: anchors (&) and aliases (*)"]),
    "deep": ("[" * 100000, ["a.yaml:1: lists and maps are nested more than 8 deep"]),
    "huge": ("# " + "x" * (1 << 20), ["a.yaml: larger than 1 MiB"]),
    "text": ("hello\n", ["a.yaml:1: expected a map of pipeline, operators, streams"]),
    "unknown key": (LINE + "stream: []\n", ["a.yaml:7: \"stream\"", "did you mean \"streams\"?"]),
    "key twice": (LINE + "pipeline: q\n", ["a.yaml:7: \"pipeline\": given twice, first on line 1"]),
    "pipeline twice": (LINE + "---\n" + LINE, ["a.yaml:8: pipeline: \"p\"", "first in a.yaml:1"]),
    "unknown type": (LINE.replace("flow_stats", "flowstats"),
                     ["a.yaml:5: stats.type: \"flowstats\"", "did you mean \"flow_stats\"?", "pcap"]),
    "unknown option": (LINE.replace("flow_stats", "flow_stats, max_flow: 1"),
                       ["a.yaml:5: stats: \"max_flow\"", "did you mean \"max_flows\"?", "idle_timeout"]),
    "wrong type": (LINE.replace("flow_stats", "flow_stats, idle_timeout: banana"),
                   ["a.yaml:5: stats.idle_timeout: \"banana\": expected a duration such as 30s, 500ms (1ms..7d)"]),
    "out of range": (LINE.replace("flow_stats", "flow_stats, max_flows: 0"),
                     ["a.yaml:5: stats.max_flows: \"0\": expected a whole number"]),
    "negative": (LINE.replace("flow_stats", "flow_stats, max_flows: -5"), ["a.yaml:5: stats.max_flows: \"-5\""]),
    "name twice": (LINE.replace("name: sink", "name: stats"),
                   ["a.yaml:6: operators.name: \"stats\"", "first on line 5"]),
    "required": (LINE.replace(", path: a.pcap", ""), ["a.yaml:3: source.path: missing"]),
    "unknown end": (LINE + "streams:\n  - {from: source, to: flowid}\n",
                    ["a.yaml:8: streams.to: \"flowid\"", "did you mean \"flow_id\"?"]),
    "unknown grouping": (LINE + "streams:\n  - {from: source, to: flow_id, grouping: hash}\n",
                         ["a.yaml:8: streams.grouping: \"hash\": expected forward, shuffle, key, partial_key, "
                          "global or all"]),
    "unknown field": (LINE + "streams:\n  - {from: source, to: flow_id}\n"
                      "  - {from: flow_id, to: stats, grouping: key, key: [src]}\n"
                      "  - {from: stats, to: sink}\n", ["a.yaml:9: streams.key: \"src\": unknown field of packet"]),
    "no input": (LINE + "streams:\n  - {from: source, to: flow_id}\n", ["a.yaml:5: stats: no stream leads to it"]),
    "cycle": (LINE.replace("type: flow_stats}", "type: flow_id}").replace("  - {name: sink, type: json}\n", "")
                     + "streams:\n  - {from: source, to: flow_id}\n  - {from: flow_id, to: stats}\n"
                     "  - {from: stats, to: flow_id}\n", ["a cycle: flow_id -> stats -> flow_id"]),
    "source in the middle": (LINE + "streams:\n  - {from: flow_id, to: source}\n",
                             ["a.yaml:8: flow_id -> source: source is a source"]),
    "sink in the middle": (LINE + "streams:\n  - {from: sink, to: flow_id}\n",
                           ["a.yaml:8: sink -> flow_id: sink is a sink"]),
    "records to flow_id": (LINE + "  - {name: more, type: flow_id}\nstreams:\n  - {from: source, to: flow_id}\n"
                           "  - {from: flow_id, to: stats}\n  - {from: stats, to: sink}\n  - {from: stats, to: more}\n",
                           ["a.yaml:12: stats -> more: flow_stats gives flow or flow_update; flow_id accepts packet"]),
    "unequal forward": (LINE.replace("type: flow_id", "type: flow_id, parallelism: 2"),
                        ["a.yaml:4: source -> flow_id: forward joins", "parallelism 1 and flow_id 2"]),
    "too parallel": (LINE.replace("type: json", "type: json, parallelism: 2"),
                     ["a.yaml:6: sink.parallelism: \"2\": expected auto or 1"]),
    "no such worker": (LINE.replace("type: flow_stats", "type: flow_stats, workers: [1000]"), ["a.yaml:5: ", "1000"]),
    "ring size": (LINE + "ring_size: 1000\n", ["a.yaml:7: ring_size: \"1000\": expected a power of two"]),
    "controller": (LINE + "controller: localhost\n", ["a.yaml:7: controller: \"localhost\": expected tcp://"]),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_in_one_line(tmp_path, name):
    text, expected = BAD_FILES[name]
    assert_refused(check(tmp_path, text), expected)


BAD_SETTINGS = {
    "stats.idle_timeout=banana": ["--set stats.idle_timeout=banana: \"banana\": expected a duration"],
    "stat.idle_timeout=1s": ["\"stat\": unknown operator, did you mean \"stats\"?", "source, flow_id, stats or sink"],
    "stats.idle=1s": ["\"idle\": unknown option of flow_stats", "idle_timeout"],
    "q/stats.idle_timeout=1s": ["\"q\": unknown pipeline", "expected p"],
    "idle=lazy": ["\"lazy\": expected adaptive or busy"],
    "speed=9": ["\"speed\": unknown node option"],
    "stats": ["expected operator.option=value"],
    "=": ["expected operator.option=value"],
    "stats.workers=first": ["\"first\": no worker index"],
}


@pytest.mark.parametrize("setting", BAD_SETTINGS)
def test_a_bad_setting_is_refused_in_one_line(tmp_path, setting):
    assert_refused(check(tmp_path, LINE, "--set", setting), [f"--set {setting}: ", *BAD_SETTINGS[setting]])


USAGE, FAILURE = 64, 1
BAD_COMMANDS = {
    ("--chek",): (USAGE, ["\"--chek\": unknown option, did you mean --check"]),
    ("-z",): (USAGE, ["\"-z\": unknown option"]),
    ("--config",): (USAGE, ["\"--config\": expected a value: --config FILE"]),
    ("--set",): (USAGE, ["expected a value", "OPERATOR.OPTION=VALUE"]),
    ("--check=yes",): (USAGE, ["--check takes no value"]),
    ("a.pcap", "b.pcap"): (USAGE, ["\"b.pcap\": only one capture file"]),
    ("--interface", "lo", "a.pcap"): (USAGE, ["exclude each other"]),
    ("--help=flowid",): (USAGE, ["\"flowid\"", "flow_id"]),
    (): (FAILURE, ["nothing to do"]),
    ("--config", "/nowhere/a.yaml"): (FAILURE, ["/nowhere/a.yaml: No such file or directory"]),
    ("--config", "/"): (FAILURE, ["/: Is a directory"]),
    ("--config", "/dev/zero"): (FAILURE, ["/dev/zero: larger than 1 MiB"]),
    ("/nowhere/a.pcap",): (FAILURE, ["/nowhere/a.pcap: No such file or directory"]),
    (str(ROOT / "conf/flow-file.yaml"),): (FAILURE, ["flow-file.yaml", "expected a pcap or pcapng capture"]),
    ("--controller", "10.0.0.9"): (FAILURE, ["\"10.0.0.9\": expected tcp://HOST:PORT (1..65534) or ipc://PATH"]),
    ("--controller", "tcp://127.0.0.1"): (FAILURE, ["\"tcp://127.0.0.1\": expected tcp://HOST:PORT (1..65534) or ipc"]),
    ("--controller", "tcp://127.0.0.1:99999"): (FAILURE, ["\"tcp://127.0.0.1:99999\": expected tcp://HOST"]),
    ("--config", str(ROOT / "conf/flow-file.yaml")): (FAILURE, ["conf/flow-file.yaml:", "source.path: missing"]),
}


@pytest.mark.parametrize("arguments", BAD_COMMANDS, ids=" ".join)
def test_a_bad_command_line_is_refused_in_one_line(arguments, tmp_path):
    status, expected = BAD_COMMANDS[arguments]
    assert_refused(dataplane(*arguments, cwd=tmp_path), expected, status)


def test_help_beside_a_capture(tmp_path):
    done = dataplane("a.pcap", "--help", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == dataplane("--help", cwd=tmp_path).stdout


def test_a_good_file_is_planned_and_drawn(tmp_path):
    result = check(tmp_path, LINE)
    assert (result.returncode, result.stderr) == (0, "")
    text, dot = result.stdout.split("digraph", 1)
    assert "p/source[0]  type pcap" in text
    assert "-> flow_id[0]  forward, call, schema packet" in text
    assert dot.rstrip().endswith("}")
    assert 'label="source[0]\\npcap"' in dot and "->" in dot


def test_check_starts_nothing(tmp_path):
    """The capture does not exist and the sink's file is not made: --check only plans."""
    result = check(tmp_path, LINE, "--set", "sink.path=out.jsonl")
    assert result.returncode == 0
    assert not (tmp_path / "out.jsonl").exists()


def test_settings_change_the_plan(tmp_path):
    one = check(tmp_path, LINE, "--set", "stats.parallelism=1", "--set", "channels=ring")
    assert one.returncode == 0, one.stderr
    assert "stats[0]" in one.stdout and "stats[1]" not in one.stdout
    assert ", ring, schema packet" in one.stdout and ", call," not in one.stdout
