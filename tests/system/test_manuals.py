# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The documents of configurations say what the program does: examples run, pages exist and are sound roff."""
import re
import shlex
import subprocess

import pytest

from conftest import ROOT
from test_bad_config import dataplane

DOCUMENT = (ROOT / "docs/configuration.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.S)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.S) for line in block.splitlines()]
OPERATORS = re.findall(r"^  '(\w+)',$", (ROOT / "docs/man/meson.build").read_text(), re.M)
EXAMPLE_OF_PAGE = re.search(r"\.SH EXAMPLE\n\.nf\n(.*?)\.fi", (ROOT / "docs/man/weir-pipeline.5").read_text(), re.S)


def groff(page):
    result = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-c"], input=page, capture_output=True, text=True,
                            timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    return re.sub(r".\x08", "", result.stdout)


@pytest.mark.parametrize("example", [*EXAMPLES, EXAMPLE_OF_PAGE[1].replace("\\-", "-")])
def test_examples_are_accepted(tmp_path, example):
    (tmp_path / "a.yaml").write_text(example)
    for node in [["--node", name] for name in re.findall(r'(\w+): "tcp:', example)] or [[]]:
        result = dataplane("--config", "a.yaml", "--check", *node, cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_accepted(tmp_path, command):
    (tmp_path / "a.yaml").write_text(EXAMPLES[0])
    program, *arguments = shlex.split(command)
    assert program == "weir-dataplane"
    result = dataplane(*arguments, "--check", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_message_shown_is_the_program_s(tmp_path):
    shown = re.search(r"```text\n(weir-dataplane: .*)\n```", DOCUMENT)[1]
    (tmp_path / "a.yaml").write_text(EXAMPLES[0].replace("idle_timeout: 30s", "idle_timeout: banana"))
    assert dataplane("--config", "a.yaml", "--check", cwd=tmp_path).stderr == shown + "\n"


def test_shipped_configurations_are_accepted():
    for name, setting in (("flow-file", "source.path=x"), ("flow-monitor", "source.interface=lo"),
                          ("flow-anonymous", "source.interface=lo"), ("flow-ipfix", "source.interface=lo"),
                          ("flow-kafka", "source.interface=lo")):
        result = dataplane("--config", ROOT / f"conf/{name}.yaml", "--set", setting, "--check")
        assert (result.returncode, result.stderr) == (0, ""), name


def test_every_operator_has_its_page():
    listed = re.findall(r"^  (\w+) +", dataplane("--help").stdout.split("Operators")[1], re.M)
    assert OPERATORS == sorted(listed)
    for name in listed:
        page = groff(dataplane(f"--manual={name}").stdout)
        assert f"weir-{name} - " in " ".join(page.split())
        options = re.findall(r"^  (\w+) +\S", dataplane(f"--help={name}").stdout, re.M)
        for option in [*options, "parallelism", "workers", "node"]:
            assert re.search(rf"^ +{option}\b", page.split("OPTIONS")[1], re.M), (name, option)


def test_the_pages_of_program_and_format_are_sound():
    page = groff(dataplane("--manual").stdout)
    for name in ["--config", "ring_size", *(f"weir-{name}(7)" for name in OPERATORS)]:
        assert name in page, name
    assert "weir-pipeline" in groff((ROOT / "docs/man/weir-pipeline.5").read_text())
