# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A Kafka cluster for tests: kafka_cluster.c and what its consumer got."""
import subprocess

import pytest

from conftest import BUILD, wait_for

TOPIC = "flows"
PARTITIONS = 4


class Cluster:
    """Messages are (key, value) each, in bytes; no key: None."""

    def __init__(self, folder):
        self.path = folder / "cluster.out"
        with open(self.path, "wb") as out:
            self.child = subprocess.Popen([BUILD / "tests/system/kafka_cluster", TOPIC], stdin=subprocess.PIPE,
                                          stdout=out, text=True)
        self.brokers = wait_for(lambda: self.lines(), "the cluster's address")[0]

    def lines(self):
        whole, _, _ = self.path.read_text().rpartition("\n")
        return whole.split("\n") if whole else []

    def messages(self):
        pairs = (line.split(" ") for line in self.lines()[1:])
        return [(None if key == "-" else bytes.fromhex(key), bytes.fromhex(value)) for key, value in pairs]

    def tell(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()

    def send(self, messages):
        """Messages (partition, key, value); returns once all of them are there."""
        before = len(self.lines())
        for partition, key, value in messages:
            self.child.stdin.write(f"send {partition} {key.hex() if key else '-'} {value.hex() if value else '-'}\n")
        self.child.stdin.flush()
        wait_for(lambda: len(self.lines()) >= before + len(messages), "all messages are in the topic")

    def close(self):
        self.child.stdin.close()
        self.child.wait(30)


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.close()
