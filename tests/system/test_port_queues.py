# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""One interface through several queues: nothing is lost or doubled between them, and the records are those of one."""
import json
import os

import pytest

from conftest import wait_for
from network import Network
from node import Node, assert_accounts_hold

FLOWS, EXCHANGES, REQUEST, REPLY = 48, 5, 100, 300
ECHO = """
import socket
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end.bind(("10.78.1.1", 5000))
print("ready", flush=True)
while True:
    end.sendto(b"y" * %d, end.recvfrom(2000)[1])
""" % REPLY
# One datagram at a time: none waits in a buffer that could overflow.
CLIENT = """
import socket, sys
for port in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.settimeout(20)
    end.bind(("10.78.1.2", port))
    for _ in range(int(sys.argv[3])):
        end.sendto(b"x" * %d, ("10.78.1.1", 5000))
        end.recv(2000)
""" % REQUEST
PIPELINE = """
pipeline: queues
operators:
  - {name: source,  type: port, interface: wa, driver: af_packet}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: sink,    type: json, path: "-"}
"""


@pytest.fixture
def network(tmp_path):
    made = Network(tmp_path, f"weir-queues-{os.getpid()}")
    try:
        yield made.up()
    finally:
        made.down()


def exchange(network, first_port, flows, exchanges):
    network.run("ip", "netns", "exec", f"{network.name}-b", "/usr/bin/python3", "-c", CLIENT, first_port, flows,
                exchanges)


def tell(record):
    return [(record[way]["packets"], record[way]["bytes"]) for way in ("fwd", "rev")]


@pytest.mark.parametrize("queues", [1, 2, 3])
def test_records_of_several_queues(network, tmp_path, queues):
    config = tmp_path / "queues.yaml"
    config.write_text(PIPELINE)
    echo = network.start("echo", "a", "/usr/bin/python3", "-c", ECHO)
    wait_for(lambda: "ready" in echo.out(), "the echo is there")
    node = Node(tmp_path, ["--config", config], eal=("--lcores", f"(0-{queues - 1})@0"),
                before=("ip", "netns", "exec", f"{network.name}-a"))
    try:
        node.wait_until_up()

        def taken():
            return [node.instance("source", i)["in"] for i in range(queues)]

        def is_capturing():
            exchange(network, 3000, 1, 1)
            return sum(taken()) > 0
        wait_for(is_capturing, "the first packet is captured")
        exchange(network, 4000, FLOWS, EXCHANGES)
        assert all(taken()), "every queue gets packets"
        for instance in node.instances():
            assert_accounts_hold(instance)
        assert node.process.stop() == 0, node.process.err()
    finally:
        node.close()
    records = [json.loads(line) for line in node.process.out().splitlines()]
    found = [(record["src_port"], *tell(record)) for record in records if 4000 <= record.get("src_port", 0) < 5000]
    assert sorted(found) == [
        (4000 + flow, (EXCHANGES, EXCHANGES * (REQUEST + 28)), (EXCHANGES, EXCHANGES * (REPLY + 28)))
        for flow in range(FLOWS)]
