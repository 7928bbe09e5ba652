# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Pipelines on files: NAME.yaml over its capture gives NAME.expect, line for line (sorted), under every plan.

The comment line `# capture: FILE` of a pipeline names its capture, or other input; without it, it makes its own.
To see what changed: run the pipeline by hand and compare.
"""
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
WEIR = pathlib.Path(os.environ.get("WEIR_BUILD", "build")).resolve() / "weir-dataplane"
EAL = ["--no-huge", "--no-shconf", "--no-pci", "--log-level=error"]
PLANS = {
    "chained": ["-l", "0", *EAL, "--"],
    "ringed": ["-l", "0", *EAL, "--", "--set", "channels=ring"],
    "two-workers": ["--lcores", "0@0,1@0", *EAL, "--"],
    "two-workers-chained": ["--lcores", "0@0,1@0", *EAL, "--", "--set", "placement=chained"],
    "source-and-two": ["--lcores", "(0-2)@0", *EAL, "--", "--set", "placement=pipeline"],
    "two-workers-ringed": ["--lcores", "0@0,1@0", *EAL, "--", "--set", "channels=ring", "--set", "ring_size=64"],
}


def run(pipeline, plan):
    text = pipeline.read_text(encoding="utf-8")
    capture = re.search(r"^# capture: (\S+)$", text, re.MULTILINE)
    settings = ["--set", f"source.path={HERE / capture.group(1)}"] if capture else []
    done = subprocess.run(
        [WEIR, *PLANS[plan], "--config", pipeline, *settings],
        capture_output=True, text=True, timeout=60, check=False)
    return done


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("pipeline", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_pipeline(pipeline, plan):
    done = run(pipeline, plan)
    assert done.returncode == 0, done.stderr
    expected = pipeline.with_suffix(".expect").read_text(encoding="utf-8").splitlines()
    assert sorted(done.stdout.splitlines()) == expected
