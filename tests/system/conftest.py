# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Fixtures of the system tests: real processes, a real Redis on a Unix socket, loopback ports, conditions with limits.

The programs are taken from $WEIR_BUILD (default: build/ in the root of the tree).
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
# How long a test waits for what must come: long enough for a busy machine, since only a failure waits in vain.
PATIENCE_S = 60


def remove_runtime(name):
    """What the EAL leaves of a process whose --file-prefix begins so."""
    for left in pathlib.Path("/run/dpdk").glob(f"{name}*"):
        shutil.rmtree(left)


def wait_for(condition, what="condition"):
    """Return the first true value of condition(); fail when there is none within PATIENCE_S."""
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.02)


def free_port(pair=True):
    """A loopback TCP port that nobody uses; with `pair`, the next one is free as well."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            if not pair:
                return port
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except (OSError, OverflowError):
                continue


class Process:
    """A child with its output in files; killed at the end of the test, if it still lives."""

    def __init__(self, name, arguments, folder, cwd=None):
        self.out_path = folder / f"{name}.out"
        self.err_path = folder / f"{name}.err"
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.child = subprocess.Popen(
                [str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd)

    @property
    def pid(self):
        return self.child.pid

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def is_running(self):
        return self.child.poll() is None

    def kill(self):
        if self.is_running():
            self.child.send_signal(signal.SIGCONT)
            self.child.kill()
        self.child.wait()

    def wait(self):
        """The exit code of a child that ends by itself."""
        return self.child.wait(PATIENCE_S)

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.child.terminate()
        return self.wait()


class Redis:
    """A private Redis: a Unix socket in its own folder, no port, nothing on disk, unless `arguments` say otherwise.
    `login` are redis-cli's words for a user and password."""

    def __init__(self, folder, arguments=(), login=()):
        self.folder, self.arguments, self.login = folder, arguments, login
        self.path = folder / "redis.sock"
        self.endpoint = f"unix://{self.path}"
        self.process = None

    def start(self):
        self.process = Process("redis", ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
                                         "--appendonly", "no", "--dir", self.folder, *self.arguments], self.folder)
        wait_for(lambda: self.try_ping(), "redis answers")
        return self

    def try_ping(self):
        try:
            return self.run("PING") == "PONG"
        except subprocess.CalledProcessError:
            return False

    def run(self, *words):
        """One command by redis-cli; returns its output."""
        return subprocess.run(["redis-cli", "-s", str(self.path), *self.login, *map(str, words)], check=True,
                              timeout=PATIENCE_S, capture_output=True, text=True).stdout.rstrip("\n")

    def hash(self, key):
        words = self.run("HGETALL", key).split("\n")
        return dict(zip(words[::2], words[1::2]))

    def kill(self):
        if self.process is not None:
            self.process.kill()
        self.path.unlink(missing_ok=True)


class Controller:
    """weir-controller on a loopback port of its own, and weirctl to ask it. `before` runs both, in a namespace for
    example."""

    def __init__(self, folder, redis="none", alerts=None, config=None, listen=None, before=()):
        self.folder = folder
        self.endpoint = listen or f"tcp://127.0.0.1:{free_port()}"
        self.redis = redis
        self.before = before
        self.arguments = [*before, BUILD / "weir-controller", "--listen", self.endpoint, "--redis", redis]
        if config:
            self.arguments += ["--config", config]
        if alerts:
            self.arguments += ["--alerts", alerts]
        self.process = None

    def start(self):
        self.process = Process("controller", self.arguments, self.folder, cwd=self.folder)
        wait_for(lambda: self.ctl("status").returncode == 0 or not self.process.is_running(), "controller answers")
        assert self.process.is_running(), self.process.err()
        return self

    def ctl(self, *words, timeout=20):
        return subprocess.run([*self.before, str(BUILD / "weirctl"), "--controller", self.endpoint, "--timeout",
                               str(timeout), *map(str, words)], capture_output=True, text=True,
                              timeout=timeout + PATIENCE_S)

    def ask(self, *words):
        """The JSON answer to a weirctl command."""
        result = self.ctl("--json", *words)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def node(self, name):
        """What `status` says of a node; {} while it is not known."""
        return next((n for n in self.ask("status")["nodes"] if n["name"] == name), {})

    def kill(self):
        if self.process is not None:
            self.process.kill()


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def make_controller(tmp_path):
    """make_controller(redis=endpoint, alerts=path, …): a running controller, ended with the test."""
    made = []

    def make(start=True, **arguments):
        controller = Controller(tmp_path, **arguments)
        made.append(controller)
        return controller.start() if start else controller

    yield make
    codes = [c.process.stop() for c in made if c.process is not None and c.process.is_running()]
    for controller in made:
        controller.kill()
    assert not any(codes), "the controller did not end with 0"


@pytest.fixture
def make_run(tmp_path, make_controller):
    """make_run(folder's name, pipeline's text, eal=…): see snapshot_runs.py."""
    from snapshot_runs import Run  # pylint: disable=import-outside-toplevel # which needs what is here
    controller, runs = make_controller(), []

    def make(name, pipeline, **arguments):
        runs.append(Run(tmp_path / name, controller, pipeline, **arguments))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


@pytest.fixture
def make_dashboard(tmp_path):
    """make_dashboard(redis=endpoint, option…): a running weir-dashboard, ended with the test; see dashboard.py."""
    from dashboard import Dashboard
    made = []

    def make(redis, *options, **arguments):
        made.append(Dashboard(tmp_path, redis, *options, **arguments))
        return made[-1]

    yield make
    codes = [d.process.stop() for d in made if d.process.is_running()]
    for dashboard in made:
        dashboard.process.kill()
    assert not any(codes), "the dashboard did not end with 0"


@pytest.fixture
def controller(make_controller, redis):
    return make_controller(redis=redis.endpoint)


@pytest.fixture(scope="session")
def made_captures(tmp_path_factory):
    """Name -> path of the captures that tests/captures/tcp_captures.py makes; `all` is all of them in one."""
    sys.path.insert(0, str(ROOT / "tests" / "captures"))
    import tcp_captures as maker
    folder = tmp_path_factory.mktemp("tcp")
    return {name: maker.make(name, folder) for name in maker.KIND} | {"all": maker.make_one_of_all(folder)}


@pytest.fixture(scope="session")
def messages(tmp_path_factory):
    """The Python module of api/weir.proto."""
    folder = tmp_path_factory.mktemp("proto")
    subprocess.run(["protoc", f"--proto_path={ROOT / 'api'}", f"--python_out={folder}", "weir.proto"], check=True)
    sys.path.insert(0, str(folder))
    import weir_pb2
    return weir_pb2


@pytest.fixture
def make_node(messages):
    """make_node(controller, name): a node in Python that says what a test wants; see fake_node.py."""
    from fake_node import FakeNode
    made = []

    def make(controller, name="a", **arguments):
        node = FakeNode(messages, controller.endpoint, name, **arguments)
        made.append(node)
        return node

    yield make
    for node in made:
        node.close()
