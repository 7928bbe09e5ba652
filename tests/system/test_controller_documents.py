# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Manual pages and completion name what the programs have, and nothing else."""
import re
import subprocess

import pytest
from conftest import BUILD, ROOT
from test_manuals import groff


def options(text):
    return set(re.findall(r"--[a-z]+(?:-[a-z]+)*", text))


@pytest.mark.parametrize("program", ["weir-controller", "weir-dashboard", "weirctl"])
def test_page_has_the_options_of_the_program(program):
    usage = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    page = groff((ROOT / f"docs/man/{program}.1").read_text())
    assert options(page.split("OPTIONS")[1].split("EXAMPLE")[0]) == options(usage)


def complete(*words):
    script = ROOT / "scripts/completion/weirctl"
    run = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weirctl; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return set(subprocess.run(["bash", "-c", run, "bash", "weirctl", *words], capture_output=True, text=True,
                              timeout=60, check=True).stdout.split())


def test_completion():
    usage = subprocess.run([BUILD / "weirctl", "--help"], capture_output=True, text=True, timeout=60).stdout
    assert complete("t") == {"top", "tcp"}
    assert complete("--json", "") == {
        "status", "top", "tcp", "paths", "channels", "operators", "alerts", "reload", "explain", "set", "move",
        "apply", "list", "remove", "snapshot", "log", "stop", "keygen"}
    assert complete("top", "p") == {"ports", "prefixes"}
    offered = [complete(command, "-") for command in ("top", "alerts", "operators", "apply", "keygen")]
    assert set().union(*offered) == options(usage)
