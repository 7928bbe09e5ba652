# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A controller for nodes under measurement, on a socket in a folder of its own, without Redis. It is asked by weirctl,
or over one connection that stays: a process for each question would take milliseconds of the cores that are measured.
"""
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from machine import ROOT
from node import NodeFailed

NODE = "bench"
START_LIMIT_S = 30


def message_module(folder):
    """api/weir.proto as a Python module, made in `folder` the first time."""
    if "weir_pb2" not in sys.modules:
        subprocess.run(["protoc", f"--proto_path={ROOT / 'api'}", f"--python_out={folder}", "weir.proto"], check=True)
        sys.path.insert(0, str(folder))
        importlib.import_module("weir_pb2")
        sys.path.remove(str(folder))
    return sys.modules["weir_pb2"]


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
        self.messages = message_module(folder)
        self.context = self.socket = None
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
        if self.socket is not None:
            self.socket.close()
            self.context.term()
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

    def request(self, command, **fields):
        """What a controller answers to one Request of api/weir.proto, over the connection that stays."""
        if self.socket is None:
            zmq = importlib.import_module("zmq")
            self.context = zmq.Context()
            self.socket = self.context.socket(zmq.DEALER)
            self.socket.linger = 0
            self.socket.connect(self.endpoint)
        request = self.messages.Request(command=command, timeout_ms=1000 * START_LIMIT_S, **fields)
        self.socket.send(self.messages.Message(version=1, request=request).SerializeToString())
        if not self.socket.poll(2000 * START_LIMIT_S):
            raise NodeFailed(f"controller: no answer to {command} within {2 * START_LIMIT_S} s")
        answer = self.messages.Message.FromString(self.socket.recv())
        if answer.WhichOneof("body") != "reply":
            raise NodeFailed(f"controller: {command}: {answer}")
        return json.loads(answer.reply.json)

    def act(self, command, target, value="", document=""):
        """A command to the node. Returns what it answered; NodeFailed where it did not do it."""
        done = self.request(command, node=NODE, what=target, value=value, document=document)
        if done["status"] != "done":
            raise NodeFailed(f"{command} {target} {value}: {done['status']}: {done.get('answer')}")
        return done["answer"]

    def wait_until(self, is_so, what, limit_s=START_LIMIT_S):
        end = time.monotonic() + limit_s
        while not is_so():
            if self.process.poll() is not None or time.monotonic() > end:
                self.errors.seek(0)
                raise NodeFailed(f"controller: no {what} within {limit_s} s: {self.errors.read()[-600:].strip()}")
            time.sleep(0.05)

    def wait_for_node(self):
        self.wait_until(lambda: any(node["state"] == "up" for node in self.ask("status")["nodes"]), "node that is up")
