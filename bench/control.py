# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A controller for nodes under measurement, on a socket in a folder of its own, without Redis; weirctl to ask it."""
import json
import pathlib
import subprocess
import tempfile
import time

from node import NodeFailed

NODE = "bench"
START_LIMIT_S = 30


class Controller:
    """
    weir     the data plane's program: the others lie beside it
    stages   more stages for its configuration, as YAML
    """

    def __init__(self, weir, stages=""):
        self.build = pathlib.Path(weir).resolve().parent
        self.folder = tempfile.TemporaryDirectory(prefix="weir-bench-")
        folder = pathlib.Path(self.folder.name)
        self.endpoint = f"ipc://{folder}/commands"
        config = folder / "controller.yaml"
        config.write_text(f"stages:\n  - {{type: collect, listen: '{self.endpoint}'}}\n  - {{type: lists}}\n{stages}",
                          encoding="utf-8")
        self.errors = open(folder / "stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen([self.build / "weir-controller", "--config", config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.errors)

    def __enter__(self):
        self.wait_until(lambda: self.run("status").returncode == 0, "a controller that answers")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.errors.close()
        self.folder.cleanup()

    @property
    def words(self):
        """What a node is told on its command line."""
        return ["--node", NODE, "--controller", self.endpoint]

    def run(self, *words):
        command = [self.build / "weirctl", "--controller", self.endpoint, "--timeout", "30", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def ask(self, *words):
        """The answer of a weirctl command, as its JSON says it."""
        done = self.run("--json", *words)
        if done.returncode:
            raise NodeFailed(f"weirctl {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def wait_until(self, is_so, what, limit_s=START_LIMIT_S):
        end = time.monotonic() + limit_s
        while not is_so():
            if self.process.poll() is not None or time.monotonic() > end:
                self.errors.seek(0)
                raise NodeFailed(f"controller: no {what} within {limit_s} s: {self.errors.read()[-600:].strip()}")
            time.sleep(0.05)

    def wait_for_node(self):
        self.wait_until(lambda: any(node["state"] == "up" for node in self.ask("status")["nodes"]), "node that is up")
