# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Metrics of controller and dashboard: sound for promtool, scraped by a real Prometheus, and right."""
import http.client
import json
import subprocess
import urllib.parse

import pytest
from conftest import PATIENCE_S, Process, free_port, wait_for

HARD_NAME = 'a "drop" with \\ and more'  # labels may be any text


def fetch(port, path="/metrics", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def ports(make_controller, redis, make_node, make_dashboard, messages, tmp_path):
    """Ports of a controller's and of a dashboard's metrics, with a node behind them."""
    metrics = free_port(pair=False)
    config = tmp_path / "controller.yaml"
    config.write_text(f"metrics: 127.0.0.1:{metrics}\n")
    controller = make_controller(redis=redis.endpoint, config=config)
    node = make_node(controller, "edge-1")
    node.register()
    node.summary(packets=12, size=3456)
    node.beat(instances=[messages.InstanceCounters(
        pipeline="p", operator="stats", **{"in": 12}, absorbed=5, drops=[messages.Named(name=HARD_NAME, value=7)])],
        channels=[messages.ChannelCounters(pipeline="p", **{"from": "a"}, to="b", ring=True, ring_size=64)])
    node.start_beating()
    node.wait_ack(1)
    dashboard = make_dashboard(redis.endpoint)
    wait_for(lambda: 'weir_packets_total{node="edge-1"} 12\n' in fetch(dashboard.port)[1])
    wait_for(lambda: 'weir_packets_total{node="edge-1"} 12\n' in fetch(metrics)[1])
    return metrics, dashboard.port


def test_promtool_has_nothing_to_say(ports):
    for port in ports:
        result = subprocess.run(["promtool", "check", "metrics"], input=fetch(port)[1], capture_output=True, text=True,
                                timeout=PATIENCE_S)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_both_name_the_nodes_alike(ports):
    def of_nodes(text):
        return sorted(line for line in text.splitlines() if 'node="' in line and "heartbeat" not in line)

    controller, dashboard = ports
    wait_for(lambda: of_nodes(fetch(controller)[1]) == of_nodes(fetch(dashboard)[1]) != [], "both say the same")


def test_a_real_prometheus_scrapes_them(ports, tmp_path):
    port = free_port(pair=False)
    config = tmp_path / "prometheus.yml"
    jobs = "".join(f"- job_name: job{i}\n  static_configs:\n  - targets: ['127.0.0.1:{target}']\n"
                   for i, target in enumerate(ports))
    config.write_text(f"global:\n  scrape_interval: 1s\nscrape_configs:\n{jobs}")
    prometheus = Process("prometheus", ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data",
                                        f"--web.listen-address=127.0.0.1:{port}"], tmp_path)
    try:
        def ask(query):
            try:
                status, text = fetch(port, "/api/v1/query?query=" + urllib.parse.quote(query))
            except OSError:
                assert prometheus.is_running(), prometheus.err()
                return {}
            results = json.loads(text)["data"]["result"] if status == 200 else []
            return {result["metric"]["job"]: float(result["value"][1]) for result in results}

        wait_for(lambda: ask("up") == {"job0": 1, "job1": 1}, "both targets are up")
        wait_for(lambda: ask('weir_bytes_total{node="edge-1"}') == {"job0": 3456, "job1": 3456})
        dropped = "weir_operator_dropped_tuples_total{reason=" + json.dumps(HARD_NAME) + "}"
        assert ask(dropped) == {"job0": 7, "job1": 7}
    finally:
        prometheus.stop()


def test_controller_serves_nothing_else(ports, make_controller, tmp_path):
    port = ports[0]
    assert fetch(port, "/")[0] == 404 and fetch(port, method="POST")[0] == 405
    assert fetch(port, method="HEAD") == (200, "")


def test_foreign_hosts_are_refused(ports):
    # What a browser sends for a page whose name was made to lead here.
    for port in ports:
        for host in ("evil.example.org", f"evil.example.org:{port}", "127.0.0.1.evil.example.org", "10.0.0.1", ""):
            status, text = fetch(port, Host=host)
            assert status == 403 and "weir_packets" not in text, host
        for host in ("localhost", f"LOCALHOST:{port}", "127.0.0.1", "127.1.2.3:80", "[::1]"):
            assert fetch(port, Host=host)[0] == 200, host


def test_controller_serves_loopback_alone(make_controller, tmp_path):
    config = tmp_path / "open.yaml"
    for address, said in (("0.0.0.0:0", "expected a loopback address"), ("nowhere", "expected ADDRESS:PORT")):
        config.write_text(f"metrics: {address}\n")
        controller = make_controller(start=False, config=config)
        process = Process("refused", controller.arguments, tmp_path)
        assert process.wait() == 1 and said in process.err()
