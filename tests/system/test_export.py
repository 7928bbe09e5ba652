# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Every sink says the same of a flow: json, csv and ipfix of one run, field by field."""
import csv
import json

import pytest

from conftest import ROOT
from ipfix_reader import Reader, as_exported
from node import run_file

CAPTURES = sorted((ROOT / "tests/pipeline").glob("*.pcap"))
PIPELINE = """
pipeline: test
operators:
  - {name: source,  type: pcap}
  - {name: flow_id, type: flow_id, tunnels: inner}
  - {name: stats,   type: flow_stats}
  - {name: json,    type: json, path: flows.jsonl}
  - {name: csv,     type: csv, path: flows.csv}
  - {name: ipfix,   type: ipfix, path: flows.ipfix}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: json,  grouping: global}
  - {from: stats,   to: csv,   grouping: global}
  - {from: stats,   to: ipfix, grouping: global}
"""


def flat(record, prefix=""):
    """Nested members by dotted names, values as the csv sink writes them."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield prefix + name, " ".join(map(str, value))
        else:
            yield prefix + name, str(value).lower() if isinstance(value, bool) else str(value)


def run(folder, capture, *settings):
    config = folder / "pipeline.yaml"
    config.write_text(PIPELINE)
    paths = {"json.path": "flows.jsonl", "csv.path": "flows.csv", "ipfix.path": "flows.ipfix"}
    words = [f"source.path={capture}", *(f"{option}={folder / name}" for option, name in paths.items()), *settings]
    return run_file(["--config", config, *(word for setting in words for word in ("--set", setting))])


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_sinks_agree(tmp_path, capture):
    done = run(tmp_path, capture)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
    assert records
    with open(tmp_path / "flows.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [{k: v for k, v in row.items() if v != ""} for row in rows] == [dict(flat(record)) for record in records]
    reader = Reader()
    assert reader.feed((tmp_path / "flows.ipfix").read_bytes()) == b""
    assert reader.records == [as_exported(record) for record in records]


def test_csv_goes_on_with_its_columns(tmp_path):
    capture = CAPTURES[0]
    for _ in range(2):
        assert run(tmp_path, capture).returncode == 0
    lines = (tmp_path / "flows.csv").read_text().splitlines()
    header = lines[0]
    assert header.startswith("src_ip,dst_ip,") and lines.count(header) == 1
    assert len(lines) == 1 + len((tmp_path / "flows.jsonl").read_text().splitlines())
    (tmp_path / "flows.csv").write_text("a,b,c\n1,2,3\n")
    done = run(tmp_path, capture)
    assert done.returncode == 1
    assert "flows.csv: cannot be written: it has other columns, or none: expected append: no, or another path" in (
        done.stderr)
    assert (tmp_path / "flows.csv").read_text() == "a,b,c\n1,2,3\n"


def test_csv_that_rotates_has_its_columns_in_each_file(tmp_path):
    assert run(tmp_path, ROOT / "tests/pipeline/timeouts.pcap", "csv.rotate_size=2KiB").returncode == 0
    files = list(tmp_path.glob("flows.csv*"))
    assert len(files) > 1
    lines = [file.read_text().splitlines() for file in files]
    assert {content[0] for content in lines} == {lines[0][0]}
    assert sum(len(content) - 1 for content in lines) == len((tmp_path / "flows.jsonl").read_text().splitlines())
