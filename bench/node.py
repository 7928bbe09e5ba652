# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A node under measurement: started with a pipeline, asked over telemetry while it runs, and killed.

Rates are differences of the counters that workers publish once a loop, so that neither start-up nor the records
written at the end count.
"""
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

START_LIMIT_S = 240
NUMBERS = itertools.count()


class NodeFailed(Exception):
    """The node ended, or never came as far as it should."""


class Node:
    def __init__(self, weir, pipeline, lcores, settings, eal=(), words=()):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-bench-")
        folder = pathlib.Path(self.folder.name)
        config = folder / "bench.yaml"
        config.write_text(pipeline, encoding="utf-8")
        self.command = [str(weir), "--lcores", lcores, "--no-huge", "--no-shconf", "--no-pci", "--log-level=error",
                        "--file-prefix", "bench", *eal, "--", "--config", str(config), *words]
        for name, value in settings.items():
            self.command += ["--set", f"{name}={value}"]
        self.errors = open(folder / "stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.errors, env={**os.environ, "RUNTIME_DIRECTORY": str(folder)})
        self.socket_path = folder / "dpdk/bench/dpdk_telemetry.v2"
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.connection:
            self.connection.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.errors.close()
        self.folder.cleanup()

    def fail(self, what):
        self.errors.seek(0)
        raise NodeFailed(f"{what}: {' '.join(self.command)}: {self.errors.read()[-600:].strip()}")

    def ask(self, question):
        if self.connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            connection.settimeout(60)
            connection.connect(str(self.socket_path))
            connection.recv(1 << 16)
            self.connection = connection
        self.connection.send(question.encode())
        return next(iter(json.loads(self.connection.recv(1 << 16)).values()))

    def instances(self):
        """All instances' counters, as one dictionary each."""
        return [self.ask(f"/weir/instance,{i}") for i in self.ask("/weir/instances") or ()]

    def total(self, operator, counter, instances=None):
        return sum(i[counter] for i in instances or self.instances() if i["operator"] == operator)

    def wait_until(self, is_so, what, limit_s=START_LIMIT_S):
        """Wait until is_so(instances)."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                self.fail(f"exit {self.process.returncode} before {what}")
            try:
                if is_so(self.instances()):
                    return
            except (FileNotFoundError, ConnectionRefusedError):
                pass
            time.sleep(0.02)
        self.fail(f"not {what} within {limit_s} s")

    def is_running(self):
        return self.process.poll() is None

    def wait_for_end(self):
        """A source has ended, and with it the node."""
        if self.process.wait(START_LIMIT_S) != 0:
            self.fail(f"exit {self.process.returncode}")

    def warm_up(self, packets, operator="stats"):
        self.wait_until(lambda all: self.total(operator, "in", all) >= packets, f"{packets} packets at {operator}")

    def times_ns(self):
        """Of the workers' threads: processor time, and time that they waited for a core."""
        cpu = waited = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                name = (task / "comm").read_text(encoding="ascii").strip()
                times = (task / "schedstat").read_text(encoding="ascii").split()
            except (FileNotFoundError, ProcessLookupError):
                continue # a thread that has ended meanwhile: no worker
            if re.fullmatch(r"lcore-worker-\d+|rte-worker-\d+", name) or task.name == str(self.process.pid):
                cpu, waited = cpu + int(times[0]), waited + int(times[1])
        return cpu, waited

    def cpu_ns(self):
        return self.times_ns()[0]

    def waited_ns(self):
        return self.times_ns()[1]

    def other_cpu_ns(self):
        """Processor time of all threads but the workers: those that format and send records."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf("SC_CLK_TCK") - self.cpu_ns()

    def rss_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def rates(self, windows, window_s, operator="stats", counter="in"):
        """Nanoseconds by the clock, and of processor time, per packet: medians over the windows."""
        clock, cpu = [], []
        for _ in range(windows):
            before, start_ns, cpu_ns = self.total(operator, counter), time.monotonic_ns(), self.cpu_ns()
            time.sleep(window_s)
            packets = self.total(operator, counter) - before
            if packets == 0:
                self.fail(f"no packet in {window_s} s")
            clock.append((time.monotonic_ns() - start_ns) / packets)
            cpu.append((self.cpu_ns() - cpu_ns) / packets)
        return statistics.median(clock), statistics.median(cpu)
