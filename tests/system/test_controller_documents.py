# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Manual pages, completion and api/redis.md name what the programs have, and nothing else."""
import re
import subprocess

import pytest
from conftest import BUILD, ROOT, wait_for
from test_manuals import groff

REDIS = (ROOT / "api/redis.md").read_text()


def options(text):
    return set(re.findall(r"--[a-z]+", text))


@pytest.mark.parametrize("program", ["weir-controller", "weirctl"])
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
    assert complete("t") == {"top"}
    assert complete("--json", "") == {"status", "top", "operators", "alerts"}
    assert complete("top", "p") == {"ports", "prefixes"}
    assert complete("top", "-") | complete("alerts", "-") | complete("operators", "-") == options(usage)


def generic(key):
    key = re.sub(r"^weir:1:node:a\b", "weir:1:node:NAME", key)
    return re.sub(r"^weir:1:top:\w+:\d+$", "weir:1:top:LIST:SECONDS", key)


def test_every_key_and_field_is_described(controller, redis, make_node, messages):
    node = make_node(controller)
    node.register()
    node.summary()
    node.beat(instances=[messages.InstanceCounters(pipeline="p", operator="o")])
    node.wait_ack(1)
    described = set(re.findall(r"^\| `(weir:1:[^`]*)` \|", REDIS, re.M))
    found = lambda: {generic(key) for key in redis.run("KEYS", "*").split("\n")}
    empty = {"weir:1:alerts:active", "weir:1:alerts:history"}  # no alert: no key
    wait_for(lambda: found() | empty == described, "the keys are those described")
    assert redis.run("TYPE", "weir:1:history") == "stream"
    words = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)*", REDIS))
    for key in ("meta", "total", "node:a"):
        for field in redis.hash(f"weir:1:{key}"):
            sums = re.fullmatch(r"(totals|finished|departed)\.(\w+)", field)
            assert (sums[2] if sums else field) in words or field.split(".")[-1] in words, field
