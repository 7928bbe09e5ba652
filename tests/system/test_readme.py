# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Every command in README.md works: those of the code blocks marked sh are run here, in a network namespace."""
import re
import shlex
import signal
import subprocess

import pytest

from conftest import BUILD, ROOT, wait_for
from network import Network, unique_name

CAPTURE = ROOT / "tests" / "pipeline" / "tcp_end.pcap"


def commands():
    text = (ROOT / "README.md").read_text()
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = " ".join(shlex.split(line, comments=True))
            if command:
                yield command


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    made = Network(tmp_path_factory.mktemp("readme"), unique_name())
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture(scope="module")
def running(network):
    """The controller and the node that README starts and then asks about."""
    started = {}
    for command in commands():
        if runs_on(command):
            name = "controller" if "weir-controller" in command else "node"
            started[name] = network.start(name, "a", "env", f"--chdir={ROOT}", *words(command, network.folder))
    pings = network.start("pings", "b", "ping", "-i", "0.05", "10.78.1.1")
    assert pings.is_running()
    return started


def runs_on(command):
    return "weir-controller" in command or "--controller" in command


def words(command, folder):
    """The command for this test: programs of the build under test, the namespace's port, a short time."""
    command = re.sub(r"(?<![\w/])build\b(?=/|$| &&)", str(BUILD), command)
    command = command.replace("eth0", "wa").replace("CAPTURE.pcap", str(CAPTURE))
    given = shlex.split(command)
    if "conf/flow-monitor.yaml" in given:
        given += ["--set", f"sink.path={folder}/flows.jsonl"]
    return given


def alone():
    return [command for command in commands() if "weir-dataplane" in command and not runs_on(command)]


@pytest.mark.parametrize("command", [command for command in alone() if "--interface" not in command])
def test_capture_file(network, command):
    run = subprocess.run(words(command, network.folder), cwd=ROOT, timeout=60, text=True, capture_output=True,
                         check=False)
    assert run.returncode == 0, run.stderr
    assert ("flow_id" if "--check" in command else '"end_reason":"tcp_end"') in run.stdout


@pytest.mark.parametrize("command", [command for command in alone() if "--interface" in command])
def test_interface(network, command):
    node = network.start("live", "a", "env", f"--chdir={ROOT}", *words(command, network.folder))

    def captures():
        assert node.is_running(), node.err()
        return network.is_watched()

    wait_for(captures, "the port is opened")
    assert network.ping(5) == 5
    node.child.send_signal(signal.SIGINT)
    assert node.wait() == 0, node.err()
    assert '"src_ip":"10.78.1.2"' in node.out()


def test_controller_and_node_are_started(running):
    assert sorted(running) == ["controller", "node"]


@pytest.mark.parametrize("command", [c for c in commands() if "weirctl" in c])
def test_questions(network, running, command):
    prefix = ["ip", "netns", "exec", f"{network.name}-a"]

    def ask():
        for process in running.values():
            assert process.is_running(), process.err()
        return subprocess.run([*prefix, *words(command, network.folder)], cwd=ROOT, timeout=60, text=True,
                              capture_output=True, check=False)

    def has_answer():
        run = ask()
        seen = "10.78.1.1" if " top " in command else "flow_id" if " operators" in command else ""
        return run if run.returncode == 0 and seen in run.stdout else None

    assert wait_for(has_answer, command).stdout.strip()


def test_packages_and_build(network):
    for command in commands():
        if command.startswith(("scripts/install-packages", "meson")):
            subprocess.run(["sh", "-c", " ".join(words(command, network.folder))], cwd=ROOT, check=True, timeout=600,
                           capture_output=True)


def test_demo():
    """What the demo promises is checked by the demo itself: its exit status tells."""
    assert "scripts/demo" in commands()
    run = subprocess.run(["scripts/demo", "--seconds", "15"], cwd=ROOT, timeout=300, text=True, capture_output=True,
                         stdin=subprocess.DEVNULL, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "port_scan" in run.stdout


def test_no_command_is_left_out():
    known = ("scripts/demo", "scripts/test", "scripts/install-packages", "meson", "build/weir")
    assert [command for command in commands() if not command.startswith(known)] == []
