# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A real node for system tests: weir-dataplane with telemetry in a folder of the test."""
import json
import os
import socket
import subprocess

from conftest import BUILD, PATIENCE_S, Process, wait_for

WEIR = BUILD / "weir-dataplane"
NO_DEVICES = ["--no-pci", "--no-huge", "--log-level=error"]
# Name -> the EAL's arguments and the node's: the same capture gives the same records under all of them.
PLANS = {
    "one worker, chained": (["-l", "0"], []),
    "one worker, ringed": (["-l", "0"], ["--set", "channels=ring"]),
    "two workers": (["-l", "0-1"], []),
    "two workers, ringed": (["-l", "0-1"], ["--set", "channels=ring"]),
    "three workers on one CPU, small rings": (
        ["--lcores", "0@0,1@0,2@0"], ["--set", "channels=ring", "--set", "ring_size=64"]),
}


class Node:
    """weir-dataplane under --file-prefix NAME; its sockets and files lie in `folder`. `before` runs it, in a
    namespace for example."""

    def __init__(self, folder, arguments, name="node", eal=("-l", "0"), before=()):
        self.folder = folder / f"run-{name}"
        self.folder.mkdir(exist_ok=True)
        command = [*before, "env", f"RUNTIME_DIRECTORY={self.folder}", WEIR, *eal, *NO_DEVICES, "--file-prefix", name,
                   "--", *arguments]
        self.process = Process(name, command, folder)
        self.socket_path = self.folder / "dpdk" / name / "dpdk_telemetry.v2"
        self.connection = None

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(PATIENCE_S)
        # Unix socket paths are short; the test's folder may not be.
        here = os.open(self.socket_path.parent, os.O_PATH)
        try:
            connection.connect(f"/proc/self/fd/{here}/{self.socket_path.name}")
            connection.recv(4096)
        except OSError:  # it exists, and nobody listens yet
            connection.close()
            raise
        finally:
            os.close(here)
        return connection

    def ask(self, command):
        """One telemetry command; returns its answer."""
        if self.connection is None:
            wait_for(lambda: self.socket_path.exists() or not self.process.is_running(), "telemetry socket")
            self.connection = self.connect()
        self.connection.send(command.encode())
        return json.loads(self.connection.recv(1 << 20))[command.split(",")[0]]

    def is_up(self):
        try:
            return bool(self.ask("/weir/info"))
        except (OSError, KeyError, json.JSONDecodeError):
            return False

    def wait_until_up(self):
        wait_for(lambda: self.is_up() or not self.process.is_running(), "node answers")
        assert self.process.is_running(), self.process.err()
        return self

    def instances(self):
        return [self.ask(f"/weir/instance,{number}") for number in self.ask("/weir/instances")]

    def instance(self, operator, index=0):
        return next(i for i in self.instances() if i["operator"] == operator and i["index"] == index)

    def channels(self):
        return [self.ask(f"/weir/channel,{number}") for number in self.ask("/weir/channels")]

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.process.kill()


def assert_accounts_hold(instance):
    drops = sum(value for name, value in instance.items() if name.startswith("drop_"))
    assert instance["in"] == instance["forwarded"] + instance["absorbed"] + drops + instance["held"], instance
    assert instance["out"] == instance["forwarded"] + instance["created"], instance


def settings(*pairs):
    """OPERATOR.OPTION=VALUE each, as words of the command line."""
    return [word for pair in pairs for word in ("--set", str(pair))]


def run_file(arguments, eal=("-l", "0"), limit=120):
    """Run to the end of a file; returns the finished process."""
    return subprocess.run([str(a) for a in (WEIR, *eal, *NO_DEVICES, "--no-shconf", "--", *arguments)],
                          capture_output=True, text=True, timeout=limit, check=False)


def run_pipeline(folder, text, *pairs, plan="one worker, chained"):
    """Write a configuration and run it under one of the PLANS; returns the finished process."""
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    eal, arguments = PLANS[plan]
    return run_file(["--config", folder / "p.yaml", *settings(*pairs), *arguments], eal=eal)
