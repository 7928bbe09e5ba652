# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The operator anonymize in a pipeline: the published figures of Crypto-PAn, whatever the plan; no raw address in any
branch that it guards; and what is said of keys that are of no use."""
import json

import pytest

import captures
from node import run_file

PLANS = {
    "chained": (["-l", "0"], []),
    "ringed": (["-l", "0"], ["--set", "channels=ring"]),
    "two workers": (["--lcores", "0@0,1@0"], []),
    "two workers, ringed": (["--lcores", "0@0,1@0"], ["--set", "channels=ring", "--set", "ring_size=64"]),
}
# Key and addresses of the sample trace that Crypto-PAn's authors published.
KEY = bytes([21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
             216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2])
PSEUDONYMS = {
    "128.11.68.132": "135.242.180.132", "129.118.74.4": "134.136.186.123", "130.132.252.244": "133.68.164.234",
    "141.223.7.43": "141.167.8.160", "24.0.250.221": "100.15.198.226", "64.14.118.196": "0.255.183.58",
    "205.188.147.153": "242.96.16.101", "205.188.248.25": "242.96.88.27", "10.185.25.118": "117.161.29.118",
}
PIPELINE = """
pipeline: anonymous
operators:
  - {name: source,  type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: flows,   type: anonymize, key: anonymize.key, cache: 2}
  - {name: changes, type: anonymize, key: anonymize.key}
  - {name: raw,     type: json, path: raw.jsonl}
  - {name: sink,    type: json, path: flows.jsonl}
  - {name: updates, type: json, path: updates.jsonl}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: raw}
  - {from: stats,   to: flows}
  - {from: flows,   to: sink}
  - {from: stats.updates, to: changes}
  - {from: changes, to: updates}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    addresses = list(PSEUDONYMS)
    frames = [captures.ethernet(captures.ipv4_udp(60, 1000 + i, 53, a, b))
              for i, a in enumerate(addresses) for b in addresses if a != b]
    (tmp_path / "in.pcap").write_bytes(captures.pcap(frames))
    (tmp_path / "anonymous.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "anonymize.key").write_bytes(KEY)
    (tmp_path / "anonymize.key").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder, plan):
    eal, arguments = PLANS[plan]
    return run_file(["--config", folder / "anonymous.yaml", "--set", f"source.path={folder / 'in.pcap'}", *arguments],
                    eal=eal)


def read(path):
    return sorted((json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()),
                  key=lambda record: (record["src_port"], record["start_ns"]))


@pytest.mark.parametrize("plan", PLANS)
def test_records_have_the_published_addresses(folder, plan):
    done = run(folder, plan)
    assert done.returncode == 0, done.stderr
    raw = read(folder / "raw.jsonl")
    assert len(raw) == len(PSEUDONYMS) * (len(PSEUDONYMS) - 1)
    for record in raw:
        assert record.pop("src_mac") and record.pop("dst_mac")
        record["src_ip"] = PSEUDONYMS[record["src_ip"]]
        record["dst_ip"] = PSEUDONYMS[record["dst_ip"]]
    assert read(folder / "flows.jsonl") == raw
    updates = {(u["src_ip"], u["dst_ip"]) for u in read(folder / "updates.jsonl")}
    assert updates == {(r["src_ip"], r["dst_ip"]) for r in raw}


def test_a_key_that_everybody_reads_is_refused(folder):
    (folder / "anonymize.key").chmod(0o644)
    done = run(folder, "chained")
    assert done.returncode != 0
    assert "anonymous/flows: key: anonymize.key: others may read or write it (mode 0644)" in done.stderr
    assert not (folder / "flows.jsonl").exists() or not (folder / "flows.jsonl").read_text()


def test_a_short_key_is_refused(folder):
    (folder / "anonymize.key").write_bytes(KEY[:31])
    done = run(folder, "chained")
    assert done.returncode != 0
    assert "anonymize.key: 31 bytes: expected exactly 32" in done.stderr
