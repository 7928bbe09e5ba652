# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""One interface through several queues: nothing is lost or doubled between them, and the records are those of one."""
import json
import os
import threading

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


CHANGING = """
pipeline: queues
operators:
  - {name: source,  type: port, interface: wa, driver: af_packet, queues: 4, parallelism: COUNT}
  - {name: flow_id, type: flow_id, parallelism: COUNT}
  - {name: stats,   type: flow_stats, parallelism: 2}
  - {name: sink,    type: json, path: PATH}
"""


def test_instances_come_and_go_while_packets_come(network, make_controller, tmp_path):
    """Queues go from instance to instance, and no packet is lost or counted twice; more than queues is refused."""
    def write(count):
        config = tmp_path / "changing.yaml"
        config.write_text(CHANGING.replace("COUNT", str(count)).replace("PATH", str(tmp_path / "flows.jsonl")))
        return config

    # Reached through the file system: the node is in a namespace of its own.
    controller = make_controller(listen=f"ipc://{tmp_path}/controller")
    echo = network.start("echo", "a", "/usr/bin/python3", "-c", ECHO)
    wait_for(lambda: "ready" in echo.out(), "the echo is there")
    node = Node(tmp_path, ["--config", write(1), "--node", "edge", "--controller", controller.endpoint],
                eal=("--lcores", "(0-1)@0"), before=("ip", "netns", "exec", f"{network.name}-a"))
    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")

        def is_capturing():
            exchange(network, 3000, 1, 1)
            return node.instance("source")["in"] > 0
        wait_for(is_capturing, "the first packet is captured")
        result = controller.ctl("apply", "edge", write(5))
        assert "source: parallelism 5: expected 1, or up to 4: it has no more queues" in result.stdout, result
        first = 4000
        for count in (4, 2, 3, 1, 4):
            traffic = threading.Thread(target=exchange, args=(network, first, FLOWS, EXCHANGES))
            before = sum(one["in"] for one in node.instances() if one["operator"] == "source")
            traffic.start()
            wait_for(lambda: sum(one["in"] for one in node.instances() if one["operator"] == "source") > before,
                     "packets come")
            result = controller.ctl("apply", "edge", write(count))
            assert result.returncode == 0 and f"source.parallelism {count}" in result.stdout, result
            traffic.join()
            first += FLOWS
        assert all(node.instance("source", i)["in"] for i in range(4)), "each instance gets packets"
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0, node.process.err()
    finally:
        node.close()
    records = [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
    found = [(record["src_port"], *tell(record)) for record in records if 4000 <= record.get("src_port", 0) < 5000]
    assert sorted(found) == [
        (4000 + flow, (EXCHANGES, EXCHANGES * (REQUEST + 28)), (EXCHANGES, EXCHANGES * (REPLY + 28)))
        for flow in range(5 * FLOWS)]
