# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A Redis primary, its replica and three Sentinels that watch them, on loopback."""
import subprocess

import pytest

from conftest import Process, Redis, free_port, wait_for

NAME = "weir"


class Sentinels:
    """Two Redis and three Sentinels on loopback; a failover takes about two seconds."""

    def __init__(self, folder):
        self.folder = folder
        self.servers = []
        for index in range(2):
            home = folder / f"redis{index}"
            home.mkdir()
            port = free_port(pair=False)
            server = Redis(home, ["--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0",
                                  *(["--replicaof", f"127.0.0.1 {self.servers[0].port}"] if index else [])])
            server.port = port
            self.servers.append(server.start())
        wait_for(lambda: "state=online" in self.servers[0].run("INFO", "replication"), "the replica is in step")
        self.ports = [self.start_sentinel(index) for index in range(3)]
        wait_for(lambda: all("sentinels=3" in self.ask(port, "INFO", "sentinel") and
                             "slaves=1" in self.ask(port, "INFO", "sentinel") for port in self.ports),
                 "the Sentinels know each other")

    def start_sentinel(self, index):
        port = free_port(pair=False)
        file = self.folder / f"sentinel{index}.conf"
        file.write_text(f"port {port}\nbind 127.0.0.1\ndir {self.folder}\n"
                        f"sentinel monitor {NAME} 127.0.0.1 {self.servers[0].port} 2\n"
                        f"sentinel down-after-milliseconds {NAME} 1000\n"
                        f"sentinel failover-timeout {NAME} 6000\n")
        self.processes = getattr(self, "processes", []) + [
            Process(f"sentinel{index}", ["redis-server", file, "--sentinel"], self.folder)]
        wait_for(lambda: self.ask(port, "PING") == "PONG", "Sentinel answers")
        return port

    def ask(self, port, *words):
        return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True, timeout=60,
                              check=False).stdout.strip()

    def is_replica(self, server):
        """Whether it says so; it hangs up when it becomes one."""
        try:
            return "role:slave" in server.run("INFO", "replication")
        except subprocess.CalledProcessError:
            return False

    def endpoint(self, *first):
        return f"sentinel://{','.join(f'127.0.0.1:{port}' for port in [*first, *self.ports])}/{NAME}"

    def kill(self):
        for process in getattr(self, "processes", []):
            process.kill()
        for server in self.servers:
            server.kill()


@pytest.fixture
def sentinels(tmp_path):
    made = Sentinels.__new__(Sentinels)
    try:
        made.__init__(tmp_path)
        yield made
    finally:
        made.kill()
