# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""What bench/ says of the keys it makes, and of its own results. Speed itself is not tested."""
import importlib.util
import json
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from conftest import BUILD, ROOT

sys.dont_write_bytecode = True
KEYS = 500
HASHES = r"""
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <stdio.h>
int main(void) {
	char key[16];
	while (fread(key, sizeof(key), 1, stdin) == 1)
		printf("%u %llu\n", XXH32(key, sizeof(key), 0), (unsigned long long)XXH64(key, sizeof(key), 0));
}
"""


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"bench/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


collisions, report = load("collisions"), load("report")


def test_known_hashes():
    """RFC 3720's check value of CRC32C, and the first one of Microsoft's verification suite for RSS."""
    assert collisions.crc32c(b"123456789") == 0xe3069283
    ends = bytes([66, 9, 149, 187, 161, 142, 100, 80]) + (2794).to_bytes(2, "big") + (1766).to_bytes(2, "big")
    assert collisions.toeplitz(ends, collisions.MICROSOFT_KEY) == 0x51ccc178


@pytest.mark.parametrize("kind", collisions.KINDS)
def test_keys_differ(kind):
    keys = collisions.keys(kind, KEYS)
    assert len(set(keys)) == KEYS
    assert all(src < dst for src, dst, _, _ in keys)


def test_affine_collisions():
    for kind, function in (("crc", collisions.crc32c),
                           ("toeplitz", lambda key: collisions.toeplitz(key[:12], collisions.MICROSOFT_KEY)),
                           ("toeplitz", lambda key: collisions.toeplitz(key[:12], collisions.SYMMETRIC_KEY))):
        assert len({function(collisions.packed(key)) for key in collisions.keys(kind, KEYS)}) == 1
        assert len({function(collisions.packed(key)) for key in collisions.keys("random", KEYS)}) > 1


def test_xxh_collisions(tmp_path):
    (tmp_path / "hashes.c").write_text(HASHES)
    subprocess.run(["gcc", "-O1", tmp_path / "hashes.c", "-o", tmp_path / "hashes"], check=True)
    for column, kind in enumerate(("xxh32", "xxh64")):
        # XXH64's keys are hashed ports and protocol first.
        keys = [collisions.packed(key) for key in collisions.keys(kind, KEYS)]
        given = b"".join(keys if kind == "xxh32" else [key[8:] + key[:8] for key in keys])
        done = subprocess.run([tmp_path / "hashes"], input=given, capture_output=True, check=True)
        assert len({line.split()[column] for line in done.stdout.splitlines()}) == 1


def test_comparison():
    committed = [{"job": "tcp", "flows": 1000, "mpps": 5, "ratio": 2.0}, {"job": "tcp", "flows": 9, "ratio": 1.0}]
    rows = [{"job": "tcp", "flows": 1000, "mpps": 9, "ratio": 2.5}, {"job": "tcp", "flows": 9, "ratio": 1.05},
            {"job": "tcp", "flows": 7, "ratio": 1.0}]
    assert list(report.compare(committed, rows)) == ["tcp, 1000: ratio 2.5, committed 2.0"]


def test_results_say_which_run_they_are_of():
    row = {"job": "tcp", "flows": 1000, "ns": 80}
    old = report.join({"runs": [], "rows": []}, {"date": "1", "jobs": []}, [row, {"job": "ring", "ns": 40}])
    new = report.join(old, {"date": "2"}, [{**row, "ns": 70}])
    assert [(run["date"], run["jobs"]) for run in new["runs"]] == [("1", ["ring"]), ("2", ["tcp"])]
    assert [line["ns"] for line in new["rows"]] == [40, 70]
    assert [run["date"] for run in report.join(new, {"date": "3"}, [{"job": "ring", "ns": 50}])["runs"]] == ["2", "3"]
    recorded = json.loads((ROOT / "bench/results.json").read_text())
    assert all(report.run_of(recorded, line["job"]) for line in recorded["rows"])
    assert (ROOT / "bench/results.md").read_text() == report.as_markdown(recorded)


def test_plot(tmp_path):
    picture = tmp_path / "curve.svg"
    subprocess.run([ROOT / "bench/plot", "-o", picture], check=True)
    texts = [element.text for element in xml.etree.ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert {"weir, counters", "weir, TCP analysis", "1 k", "20 M"} <= set(texts)
    assert picture.read_text() == (ROOT / "bench/curve.svg").read_text()


def test_one_point():
    done = subprocess.run([ROOT / "bench/flow_stats", "--flows", "1000", "--weir", BUILD / "weir-dataplane"],
                          capture_output=True, text=True, check=True, timeout=300)
    point = json.loads(done.stdout)
    assert (point["job"], point["flows"]) == ("counters", 1000)
    assert point["mpps"] > 0 and point["cpu_ns"] > 0
    assert ("ratio" in point) == (ROOT.parent / "shared/limit/flow_table_limit.c").exists()


def test_one_point_of_a_core_that_is_not_there():
    done = subprocess.run([ROOT / "bench/flow_stats", "--cpu", "4096", "--weir", BUILD / "weir-dataplane"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "--cpu: 4096: expected one of" in done.stderr
