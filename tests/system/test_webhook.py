# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Webhooks against a real HTTP server: what it gets, and what happens while it fails or hangs."""
import http.server
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading

import pytest
from conftest import free_port, wait_for

RULE = ("{name: big, over: hosts, field: bytes, aggregate: sum, threshold: 100, window: 2s, hold_down: 0s,"
        " severity: critical, description: why, actions: [ACTIONS]}")


class Receiver:
    """An HTTP server on loopback that answers each POST with the next of `answers`, the last one for ever."""

    def __init__(self, answers=(204,), port=0, tls=None):
        self.posts, self.answers = [], list(answers)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                receiver.posts.append((answer, self.path, dict(self.headers), json.loads(body)))
                self.send_response(answer)
                if answer == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def events(self, answer=204):
        """(event, alert) of what was answered so."""
        return [(body["event"], body["alert"]) for code, _, _, body in self.posts if code == answer]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def make_receiver():
    made = []

    def make(*arguments, **named):
        made.append(Receiver(*arguments, **named))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def rules(tmp_path):
    """rules(url, "option: value"…): a file with an action `ops` and a rule that has it."""
    def write(url, *options, actions="ops"):
        path = tmp_path / "rules.yaml"
        extra = "".join(f", {option}" for option in options)
        path.write_text(f"actions:\n- {{name: ops, type: webhook, url: '{url}', backoff: 50ms{extra}}}\nrules:\n- "
                        + RULE.replace("ACTIONS", actions) + "\n")
        return path
    return write


def hook(controller):
    logic = next(s for s in controller.ask("status")["stages"] if s["type"] == "logic")
    return logic["webhooks"][0]


def raise_alert(node, host="10.0.0.1"):
    node.summary(hosts=[node.host(host, sent_packets=1, sent_bytes=500)])


def test_start_and_end_are_posted(make_controller, make_node, make_receiver, rules):
    receiver = make_receiver()
    controller = make_controller(alerts=rules(f"http://127.0.0.1:{receiver.port}/hook?x=1",
                                              "headers: ['X-Token: secret', 'X-Other: 1']"))
    node = make_node(controller)
    node.register()
    node.start_beating()
    raise_alert(node)
    wait_for(lambda: len(receiver.posts) == 2, "start and end are told")
    (_, path, headers, start), (_, _, _, end) = receiver.posts
    assert path == "/hook?x=1" and headers["X-Token"] == "secret" and headers["X-Other"] == "1"
    assert headers["Content-Type"] == "application/json" and headers["User-Agent"].startswith("weir-controller/")
    assert (start["version"], start["event"], end["event"]) == (1, "start", "end")
    assert start["controller"]["epoch"] == 1
    assert start["alert"].items() >= {"rule": "big", "subject": "10.0.0.1", "severity": "critical", "value": 500,
                                      "threshold": 100, "description": "why", "end_ns": None}.items()
    assert end["alert"]["id"] == start["alert"]["id"] and end["alert"]["end_ns"] >= start["alert"]["start_ns"]
    wait_for(lambda: hook(controller)["sent"] == 2)
    assert hook(controller).items() >= {"failed": 0, "retried": 0, "dropped": 0, "queued": 0}.items()
    assert "alert" not in controller.process.err()  # no action `log` was asked for


def test_only_what_was_asked_for(make_controller, make_node, make_receiver, rules):
    receiver = make_receiver()
    controller = make_controller(alerts=rules(f"http://127.0.0.1:{receiver.port}/", "on: end", actions="log, ops"))
    node = make_node(controller)
    node.register()
    raise_alert(node)
    wait_for(lambda: receiver.posts)
    assert [event for event, _ in receiver.events()] == ["end"]
    assert "started: big (critical)" in controller.process.err()


def test_failures_are_tried_again_in_order(make_controller, make_node, make_receiver, rules):
    receiver = make_receiver([500, 503, 429, 204])
    controller = make_controller(alerts=rules(f"http://127.0.0.1:{receiver.port}/"))
    node = make_node(controller)
    node.register()
    node.start_beating()
    raise_alert(node)
    wait_for(lambda: len(receiver.events()) == 2)
    assert [code for code, *_ in receiver.posts] == [500, 503, 429, 204, 204]
    assert [event for event, _ in receiver.events()] == ["start", "end"]
    wait_for(lambda: hook(controller)["sent"] == 2)
    assert hook(controller).items() >= {"failed": 0, "retried": 3}.items()
    log = controller.process.err()
    assert "webhook ops: answered 500" in log and "webhook ops: delivers again" in log


@pytest.mark.parametrize("answer", [404, 302])
def test_a_refusal_is_final_and_redirects_are_not_followed(make_controller, make_node, make_receiver, rules, answer):
    receiver = make_receiver([answer])
    controller = make_controller(alerts=rules(f"http://127.0.0.1:{receiver.port}/"))
    node = make_node(controller)
    node.register()
    raise_alert(node)
    wait_for(lambda: hook(controller)["failed"] == 2)
    assert {path for _, path, _, _ in receiver.posts} == {"/"} and len(receiver.posts) == 2
    assert hook(controller)["error"] == f"answered {answer}"


def test_a_server_that_comes_back_gets_what_waited(make_controller, make_node, make_receiver, rules):
    port = free_port(pair=False)
    controller = make_controller(alerts=rules(f"http://127.0.0.1:{port}/", "retries: 100"))
    node = make_node(controller)
    node.register()
    node.start_beating()
    raise_alert(node)
    wait_for(lambda: hook(controller)["retried"] >= 1)
    receiver = make_receiver(port=port)
    wait_for(lambda: len(receiver.events()) == 2)
    assert [event for event, _ in receiver.events()] == ["start", "end"]


def test_a_server_that_hangs_holds_nothing_up(make_controller, make_node, rules):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        controller = make_controller(alerts=rules(f"http://127.0.0.1:{deaf.getsockname()[1]}/", "timeout: 200ms",
                                                  "retries: 1", "queue: 2"))
        node = make_node(controller)
        node.register()
        node.start_beating()
        for i in range(9):
            raise_alert(node, f"10.0.0.{i}")
        node.wait_ack(9)
        # 9 starts and 9 ends: some find a place in the queue, and are given up after two attempts each.
        wait_for(lambda: hook(controller)["failed"] + hook(controller)["dropped"] == 18)
        status = hook(controller)
        assert status["dropped"] > 0 and status["failed"] >= 2 and status["sent"] == 0 and status["queued"] == 0
        assert "imed out" in status["error"] or "imeout" in status["error"]
        assert controller.node("a")["state"] == "up"


def test_a_reload_leaves_a_request_alone(make_controller, make_node, rules):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        controller = make_controller(alerts=rules(f"http://127.0.0.1:{server.getsockname()[1]}/", "timeout: 60s"))
        node = make_node(controller)
        node.register()
        raise_alert(node)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1 << 16).startswith(b"POST / ")
            assert controller.ctl("reload").returncode == 0
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            wait_for(lambda: hook(controller)["sent"] == 1)
            assert hook(controller)["retried"] == 0


# A namespace where servers of names are asked, and never answer.
NAMELESS = """
ip link add near type veth peer name far && ip link set far up && ip link set near up &&
ip addr add 192.0.2.1/24 dev near && ip neigh add 192.0.2.53 lladdr 02:00:00:00:00:53 dev near &&
mount --bind "$0" /etc/resolv.conf && exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_a_server_of_names_that_hangs_holds_nothing_up(make_controller, make_node, rules, tmp_path):
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 192.0.2.53\noptions timeout:30 attempts:5\n")
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:  # pytest's is too long a path for a socket
        controller = make_controller(listen=f"ipc://{folder}/controller", alerts=rules(
            "http://weir.example/", "timeout: 200ms", "retries: 1"),
            before=["unshare", "--net", "--mount", "sh", "-c", NAMELESS, resolver])
        node = make_node(controller)
        node.register()
        node.start_beating()
        raise_alert(node)
        wait_for(lambda: hook(controller)["failed"] == 2)
        assert "imed out" in hook(controller)["error"] and hook(controller)["retried"] == 2
        assert controller.node("a")["state"] == "up"


def test_certificates_are_verified(make_controller, make_node, make_receiver, rules, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
    receiver = make_receiver(tls=(certificate, key))
    url = f"https://127.0.0.1:{receiver.port}/"
    path = rules(url, "retries: 0")
    controller = make_controller(alerts=path)
    node = make_node(controller)
    node.register()
    node.start_beating()
    raise_alert(node)
    wait_for(lambda: hook(controller)["failed"] == 2)
    assert "certificate" in hook(controller)["error"] and not receiver.posts
    rules(url, "ca: cert.pem")
    assert controller.ctl("reload").returncode == 0
    raise_alert(node)
    wait_for(lambda: len(receiver.events()) == 2)
