# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The dashboard's page in a real browser, over real traffic: the demo's programs in their namespaces, a node, three
more that share a pipeline, the controller, Redis and weir-dashboard. What is looked at is in
dashboard/web/test/browse.ts.

WEIR_SCREENSHOTS=docs/images has the pictures of the documents taken anew, after five minutes of traffic.
"""
import json
import os
import pathlib
import subprocess
import time

import pytest

from conftest import BUILD, PATIENCE_S, ROOT, Process, free_port, remove_runtime, wait_for
from network import unique_name
from node import Node

HELPERS = ROOT / "scripts" / "demo.d"
SHOTS = os.environ.get("WEIR_SCREENSHOTS")
TRAFFIC_S = 400 if SHOTS else 36  # a third of it later, the port scan
BEFORE_SHOTS_S = 310  # so that the live charts are full
BROWSE_LIMIT_S = 1200
# A browser that draws by software keeps all cores busy; the capture's buffer lasts for a second.
FIRST, LAST = ("nice", "-n", "-15"), ("nice", "-n", "10")
CONTROLLER = """
stages:
- {type: collect}
- {type: lists}
- {type: logic}
- {type: bandwidth, enforce: true, capacity: 100M, nodes: [{node: warehouse, downlink: 2M}]}
- {type: store}
"""
# Truck and van want more of the warehouse's downlink than there is; what the warehouse sends meets nothing.
SPREAD = """
nodes: {{truck: "tcp://127.0.0.1:{truck}", van: "tcp://127.0.0.1:{van}", warehouse: "tcp://127.0.0.1:{warehouse}"}}
pipeline: deliveries
operators:
  - {{name: positions, type: generate, node: truck, rate: 12000, fields: [number u64 sequence, at time]}}
  - {{name: parcels, type: generate, node: van, rate: 6000, fields: [number u64 sequence, at time]}}
  - {{name: seen, type: "null", node: warehouse}}
  - {{name: stock, type: "null", node: warehouse}}
  - {{name: orders, type: generate, node: warehouse, rate: 500, fields: [number u64 sequence, at time]}}
  - {{name: list, type: "null", node: van}}
streams:
  - {{from: positions, to: seen, grouping: shuffle}}
  - {{from: parcels, to: stock, grouping: shuffle}}
  - {{from: orders, to: list, grouping: shuffle}}
"""


class Demo:
    """The demo's network, the programs in it, and a node on both of its links."""

    def __init__(self, folder):
        self.folder, self.name = folder, unique_name()
        self.processes = []

    def network(self, action):
        subprocess.run([HELPERS / "network", action, self.name], check=True, timeout=PATIENCE_S)

    def start(self, name, end, *words):
        process = Process(name, ["ip", "netns", "exec", f"{self.name}-{end}", *words], self.folder)
        self.processes.append(process)
        return process

    def start_node(self, controller):
        eal = ["--no-huge", "--no-shconf", "--no-pci", "--log-level=error", "--file-prefix", self.name, "-l", "0",
               "--vdev", "net_pcap0,iface=wide-a", "--vdev", "net_pcap1,iface=narrow-a"]
        node = self.start("node", "a", *FIRST, BUILD / "weir-dataplane", *eal, "--", "--config",
                          ROOT / "conf" / "flow-monitor.yaml", "--node", "demo", "--controller", controller.endpoint,
                          "--set", f"sink.path={self.folder / 'flows.jsonl'}")
        wait_for(lambda: controller.node("demo").get("state") == "up" or not node.is_running(), "the node is up")
        assert node.is_running(), node.err()
        return node

    def start_traffic(self):
        self.start("servers", "a", HELPERS / "traffic", "servers", self.folder)
        self.start("clients", "b", HELPERS / "traffic", "clients", self.folder, TRAFFIC_S)

    def start_scan(self):
        return self.start("scan", "b", "nmap", "-n", "-Pn", "-sS", "-S", "10.77.1.66", "-e", "wide-b", "-p", "1-1000",
                          "--max-retries", "1", "10.77.1.1")

    def end_traffic(self):
        pids = subprocess.run(["ip", "netns", "pids", f"{self.name}-b"], capture_output=True, text=True, check=True)
        subprocess.run(["kill", *pids.stdout.split()], check=False)

    def down(self):
        for process in self.processes:
            process.kill()
        self.network("down")
        remove_runtime(self.name)


@pytest.fixture
def demo(tmp_path):
    made = Demo(tmp_path)
    made.network("up")
    yield made
    made.down()


@pytest.fixture
def dashboard(tmp_path, redis):
    port = free_port(pair=False)
    process = Process("dashboard", [BUILD / "weir-dashboard", "--redis", redis.endpoint, "--listen",
                                    f"127.0.0.1:{port}", "--page", BUILD / "dashboard" / "web" / "page"], tmp_path)
    process.url = f"http://127.0.0.1:{port}/"
    yield process
    process.kill()


@pytest.fixture
def spread(tmp_path):
    """spread(controller): the nodes of a pipeline over three of them, joined over loopback."""
    nodes = []

    def start(controller):
        config = tmp_path / "spread.yaml"
        names = ("truck", "van", "warehouse")
        config.write_text(SPREAD.format(**{name: free_port(pair=False) for name in names}))
        for name in names:
            nodes.append(Node(tmp_path, ["--config", config, "--node", name, "--controller", controller.endpoint],
                              name=name))
        wait_for(lambda: controller.ask("channels")["total"] == 3, "all channels are reported")

    yield start
    for node in nodes:
        node.close()


def test_page(tmp_path, demo, spread, dashboard, redis, make_controller):
    config = tmp_path / "controller.yaml"
    config.write_text(CONTROLLER)
    controller = make_controller(redis=redis.endpoint, listen=f"ipc://{tmp_path}/weir", config=config,
                                 alerts=ROOT / "conf" / "alerts.yaml")
    node = demo.start_node(controller)
    spread(controller)
    demo.start_traffic()
    if SHOTS:
        start = time.monotonic()
        while time.monotonic() - start < BEFORE_SHOTS_S:
            assert node.is_running() and dashboard.is_running()
            time.sleep(1)
    enough, settled = tmp_path / "enough", tmp_path / "settled"
    task = {"url": dashboard.url, "weirctl": [str(BUILD / "weirctl"), "--controller", controller.endpoint],
            "controllerPid": controller.process.pid, "dashboardPid": dashboard.pid, "enough": str(enough),
            "settled": str(settled), "shots": str(pathlib.Path(SHOTS).resolve()) if SHOTS else None}
    browser = Process("browser", [*LAST, ROOT / "scripts" / "build-page", "browse",
                                  BUILD / "dashboard" / "web" / "work", json.dumps(task)], tmp_path)
    try:
        scan = None
        while browser.is_running() and not enough.exists():
            # The traffic has one scan; more of them, so that an alert fires whenever the page is asked for it.
            if scan is None or not scan.is_running():
                scan = demo.start_scan()
            time.sleep(0.1)
        demo.end_traffic()
        settled.touch()
        code = browser.child.wait(BROWSE_LIMIT_S)
    finally:
        browser.kill()
    print(browser.out())
    assert code == 0, browser.out() + browser.err()
    # Rates are told all the time, and push out nothing that was decided otherwise.
    assert controller.ctl("log", "demo", "seen").returncode == 0
    wait_for(lambda: "seen" in redis.run("XRANGE", "weir:1:decisions", "-", "+"), "a decision is stored")
    assert redis.run("XLEN", "weir:1:decisions:rates") != "0"
    assert "rates" not in redis.run("XRANGE", "weir:1:decisions", "-", "+").split()
    assert dashboard.stop() == 0, dashboard.err()
    assert node.is_running(), node.err()
