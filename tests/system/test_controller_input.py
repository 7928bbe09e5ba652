# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Bad input to the controller and weirctl: always a clear line or a counted refusal, never a crash."""
import contextlib
import json
import random
import socket
import subprocess
import threading

import pytest
import zmq
from conftest import BUILD, Controller, Process, free_port, wait_for
from fake_node import summary_endpoint


def dealer(context, endpoint):
    peer = context.socket(zmq.DEALER)
    peer.linger = 0
    peer.connect(endpoint)
    return peer


@pytest.mark.parametrize("which", ["commands", "summaries"])
def test_malformed_bytes_are_counted_and_answered(make_controller, messages, which):
    controller = make_controller()
    endpoint = controller.endpoint if which == "commands" else summary_endpoint(controller.endpoint)
    generator = random.Random(7)
    registration = messages.Message(version=1, register=messages.Register(node="a", incarnation=1)).SerializeToString()
    with zmq.Context() as context, dealer(context, endpoint) as peer:
        for size in [0, 1, 2, 10, 1000, 65536]:
            peer.send(generator.randbytes(size))
        for cut in range(len(registration)):
            peer.send(registration[:cut] + generator.randbytes(1))
        peer.send_multipart([b"", b"a", b"b"])
        peer.send(messages.Message(version=9, goodbye=messages.Goodbye()).SerializeToString())
        peer.send(messages.Message(version=1, reply=messages.Reply(json="{}")).SerializeToString())
        codes = set()

        def are_answered():
            while peer.poll(0):
                codes.add(messages.Message.FromString(peer.recv()).error.code)
            return codes >= {messages.ERROR_MALFORMED, messages.ERROR_VERSION}

        wait_for(are_answered, "both kinds of refusal")
    wait_for(lambda: controller.ask("status")["controller"]["messages"]["malformed"] >= 10)
    assert controller.process.is_running()


def test_not_zeromq_at_all(make_controller):
    controller = make_controller()
    port = int(controller.endpoint.rsplit(":", 1)[1])
    for at in (port, port + 1):
        with socket.create_connection(("127.0.0.1", at)) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: weir\r\n\r\n" + bytes(range(256)) * 100)
    assert controller.ctl("status").returncode == 0


def test_oversized_messages_are_refused_and_counted(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller)
    assert node.register().accepted
    counts = lambda: controller.ask("status")["controller"]
    for number, socket_ in enumerate((node.commands, node.summaries), 1):
        for size in ((1 << 20) + 1, 4 << 20):
            socket_.send(bytes(size))
            error = node.receive(socket_, "error")
            assert error.code == messages.ERROR_MALFORMED and error.text == (
                f"a message of {size} bytes: expected at most {1 << 20}")
        assert counts()["refused_connections"]["oversized"] == counts()["messages"]["refused"] == 2 * number
    assert "4 oversized" in controller.ctl("status").stdout
    assert getattr(node.beat(), "epoch", None) == 1, "its connection still serves"
    socket_.send(bytes(1 << 20))
    assert node.receive(socket_, "error").text == "not a message of weir.proto"
    assert counts()["refused_connections"]["oversized"] == 4


def test_what_is_too_large_to_be_read_costs_its_sender_the_connection(make_controller, make_node, messages):
    controller = make_controller()
    asker = make_node(controller)

    def connections():
        """Asked on a connection that lasts, so that asking changes nothing."""
        asker.send(asker.commands, request=messages.Request(command="status"))
        return json.loads(asker.receive(asker.commands, "reply").json)["controller"]["connections"]

    ended = connections()["ended"]
    with zmq.Context() as context, dealer(context, controller.endpoint) as peer:
        for number in range(1, 4):
            peer.send(bytes((4 << 20) + 1))
            wait_for(lambda: connections()["ended"] == ended + number, "the connection is closed")
            wait_for(lambda: connections()["accepted"] > connections()["ended"] + 2, "and made again")
    assert controller.ask("status")["controller"]["refused_connections"]["oversized"] == 0
    assert make_node(controller).register().accepted


def test_hostile_summaries(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    node.summary(flows=[messages.FlowDelta(src_ip=b"xyz", dst_ip=b"", fwd_packets=3, fwd_bytes=30)],
                 hosts=[messages.HostDelta(ip=b"1234", flows_out=1, endpoints_out=b"\xff" * 300)],
                 prefixes=[messages.PrefixDelta(prefix=b"1234", length=77, sent_packets=1)])
    node.wait_ack(1)
    top = controller.ask("top", "flows")
    assert top["entries"] == [] and top["rest"] == {"count": 1, "packets": 3, "bytes": 30} and not top["exact"]
    for bad in (dict(pipeline="../x", sequence=2), dict(pipeline="p", sequence=0),
                dict(pipeline="p", sequence=2, start_ns=5, end_ns=4)):
        body = messages.Summary(node="a", incarnation=node.incarnation, operator="r", **bad)
        node.send(node.summaries, summary=body)
        assert node.receive(node.summaries, "error").code == messages.ERROR_MALFORMED
    node.send(node.summaries, summary=messages.Summary(
        node="a", incarnation=node.incarnation, pipeline="p", operator="far", sequence=2**64 - 1,
        start_ns=2**64 - 1, end_ns=2**64 - 1, cumulative=messages.Totals(packets=1)))
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 11)


def test_a_report_of_nothing_but_instances_is_cut(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    empty = messages.InstanceCounters()
    assert node.beat(instances=[empty] * 200_000).epoch == 1
    assert len(controller.ask("operators")["nodes"][0]["operators"]) == 4096


def test_a_report_of_nothing_but_names_is_cut(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    names = [messages.Named(name=f"{i:x}", value=1) for i in range(50_000)]
    made = messages.InstanceCounters(**{"in": len(names)}, drops=names, gauges=names[:65])
    assert node.beat(instances=[made]).epoch == 1
    kept, = controller.ask("operators")["nodes"][0]["operators"]
    assert len(kept["drops"]) == len(kept["gauges"]) == 64 and kept["names_left_out"] == 50_000 - 64 + 1
    assert kept["dropped"] == 50_000 and kept["holds"]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "x" * 64, "../a"])
def test_bad_node_names_are_refused(make_controller, make_node, name):
    controller = make_controller()
    answer = make_node(controller, name).register()
    assert not answer.accepted and "expected 1..63 of" in answer.reason


def test_many_names_do_not_grow_the_registry(make_controller, make_node, tmp_path):
    config = tmp_path / "controller.yaml"
    config.write_text("nodes_max: 2")
    controller = make_controller(config=config)
    nodes = [make_node(controller, f"n{i}") for i in range(3)]
    assert [n.register().accepted for n in nodes] == [True, True, False]
    nodes[0].summary(packets=9)
    nodes[0].wait_ack(1)
    nodes[0].goodbye()
    wait_for(lambda: nodes[2].register().accepted)
    status = controller.ask("status")
    assert status["departed_nodes"] == 1 and status["totals"]["packets"] == 9
    nodes[2].goodbye()
    wait_for(lambda: nodes[0].register().accepted)
    nodes[0].summary(packets=4)
    nodes[0].wait_ack(2)
    status = controller.ask("status")
    assert status["departed_nodes"] == 1 and status["totals"]["packets"] == 13
    assert controller.node("n0")["gaps"]["missing"] == 0


def test_registrations_without_end_do_not_fill_the_log(make_controller, make_node, messages):
    controller = make_controller()
    node = make_node(controller, epoch=2**62)
    for _ in range(2000):
        node.send(node.commands, register=messages.Register(node="a", incarnation=node.incarnation, epoch=node.epoch))
    wait_for(lambda: controller.ask("status")["controller"]["messages"]["forged_epochs"] == 2000)
    assert controller.process.err().count("\n") < 1000
    wait_for(lambda: node.register().accepted and "lines about peers left out" in controller.process.err())


def test_who_is_refused_raises_no_epoch(make_controller, make_node):
    controller = make_controller()
    first, second = make_node(controller), make_node(controller)
    assert first.register().accepted
    first.goodbye()
    wait_for(lambda: second.register().accepted)
    second.goodbye()
    first.epoch = 7
    wait_for(lambda: "taken over by another process" in first.register().reason)
    assert controller.ask("status")["controller"]["epoch"] == 1


@pytest.mark.parametrize("listen", ["tcp://0.0.0.0:5570", "tcp://192.0.2.1:5570", "tcp://*:5570", "tcp://127.0.0.1",
                                    "tcp://127.0.0.1:0", "tcp://127.0.0.1:65535", "udp://127.0.0.1:5570", "ipc://", "x",
                                    "tcp://127.0.0.1.example.net:5570"])
def test_listens_nowhere_but_loopback(listen):
    result = subprocess.run([BUILD / "weir-controller", "--redis", "none", "--listen", listen], capture_output=True,
                            text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "expected tcp://127.0.0.1:PORT" in result.stderr


@pytest.mark.parametrize("kind", ["tcp", "ipc"])
def test_endpoint_in_use_is_one_line(make_controller, tmp_path, kind):
    controller = make_controller(listen=f"ipc://{tmp_path}/c" if kind == "ipc" else None)
    result = subprocess.run([BUILD / "weir-controller", "--redis", "none", "--listen", controller.endpoint],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and "Address already in use" in result.stderr
    assert controller.ctl("status").returncode == 0


def test_a_file_where_the_socket_should_be(tmp_path):
    """Nobody's file is removed to make room for a socket."""
    (tmp_path / "notes").write_text("mine")
    result = subprocess.run([BUILD / "weir-controller", "--redis", "none", "--listen", f"ipc://{tmp_path}/notes"],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert f'listen: "ipc://{tmp_path}/notes": Address already in use' in result.stderr
    assert (tmp_path / "notes").read_text() == "mine"


def test_ipc_endpoints(make_controller, make_node, tmp_path):
    controller = make_controller(listen=f"ipc://{tmp_path}/weir")
    node = make_node(controller)
    assert node.register().accepted
    node.summary(packets=3)
    node.wait_ack(1)
    assert controller.node("a")["totals"]["packets"] == 3


BAD_CONFIGURATION = {
    "nodes_max: \"0\": expected a whole number (1..1024)": "nodes_max: 0",
    "entries_max: 100: expected a power of two": "entries_max: 100",
    "windows: \"10\": expected a duration": "windows: [10]",
    "ascending": "windows: [60s, 10s]",
    "expected one of listen, nodes_max": "listn: x",
    "expected a mapping": "- a",
}


@pytest.mark.parametrize("message", BAD_CONFIGURATION)
def test_bad_configuration_is_refused(tmp_path, message):
    config = tmp_path / "controller.yaml"
    config.write_text(BAD_CONFIGURATION[message])
    result = subprocess.run([BUILD / "weir-controller", "--config", config], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and f"{config}:1: " in result.stderr and message in result.stderr


@pytest.mark.parametrize("words", [["--nonsense"], ["--config"], ["word"]])
def test_controller_usage(words):
    result = subprocess.run([BUILD / "weir-controller", *words], capture_output=True, text=True, timeout=60)
    assert result.returncode == 64 and result.stderr


def test_controller_ends_cleanly(make_controller):
    controller = make_controller()
    assert controller.process.stop() == 0


def test_controller_ends_cleanly_while_many_knock(make_controller):
    """Handshakes of ZeroMQ's oldest protocol, and connections that break off, without end."""
    controller = make_controller()
    port = int(controller.endpoint.rsplit(":", 1)[1])
    ended, knocks = threading.Event(), [0, 0]

    def knock(number):
        while not ended.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port + number), 1) as raw:
                raw.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(100))
                knocks[number] += 1

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(len(knocks))]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: min(knocks) > 200, "many knock")
        assert controller.process.stop() == 0, controller.process.err()
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_weirctl_without_a_controller(tmp_path):
    controller = Controller(tmp_path)
    for endpoint in (controller.endpoint, f"ipc://{tmp_path}/none"):
        controller.endpoint = endpoint
        result = controller.ctl("status", timeout=0.5)
        assert result.returncode == 2 and result.stdout == ""
        assert result.stderr.startswith(f"weirctl: no controller at {endpoint}") and result.stderr.count("\n") == 1


def test_weirctl_with_something_else_there(tmp_path):
    controller = Controller(tmp_path, listen=f"tcp://127.0.0.1:{free_port()}")
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(controller.endpoint.rsplit(":", 1)[1])))
        other.listen()
        assert controller.ctl("status", timeout=0.5).returncode == 2


@pytest.mark.parametrize("words", [[], ["nonsense"], ["top", "cats!"], ["status", "flows"], ["--limit", "0", "top"],
                                   ["--window", "x", "top"], ["--timeout", "-1", "status"], ["--nonsense"],
                                   ["--controller", "nonsense", "status"]])
def test_weirctl_usage(words):
    result = subprocess.run([BUILD / "weirctl", *words], capture_output=True, text=True, timeout=60)
    assert result.returncode == 64 and result.stdout == "" and result.stderr


def test_weirctl_refused(make_controller):
    controller = make_controller()
    result = controller.ctl("top", "--window", "599")
    assert result.returncode == 1 and "expected 1..60 s" in result.stderr
    assert controller.ctl("operators", "--node", "nobody").returncode == 1


def test_weirctl_text(make_controller, make_node, messages):
    controller = make_controller()
    assert "no node has registered yet" in controller.ctl("status").stdout
    node = make_node(controller, "edge")
    node.register()
    node.summary(packets=2500, size=5_000_000, flows=[node.flow("2001:db8::1", "2001:db8::2", size=5_000_000)])
    node.wait_ack(1)
    counters = messages.InstanceCounters(
        pipeline="p", operator="flow_id", index=1, worker=1, forwarded=90, absorbed=0, out=90, held=3, created=0,
        drops=[messages.Named(name="not_ip", value=7)], **{"in": 100})
    wrong = messages.InstanceCounters(pipeline="p", operator="stats", **{"in": 5}, absorbed=4)
    ring = messages.ChannelCounters(pipeline="p", to="flow_id", to_index=1, ring=True, ring_size=1000, ring_used=250,
                                    **{"from": "source"})
    node.beat(instances=[counters, wrong], channels=[ring])
    status = controller.ctl("status").stdout
    assert "edge" in status and "2,500" in status and "\033[" not in status
    top = controller.ctl("top", "flows", "--window", "10").stdout
    assert "[2001:db8::2]:80" in top and "40.0 Mbit/s" in top and "4.77 MiB" in top
    lines = controller.ctl("operators").stdout.splitlines()
    assert "p/flow_id.1" in lines[1] and "25 %" in lines[1] and "not_ip 7" in lines[1] and " yes " in lines[1]
    assert " NO " in lines[2]
    assert controller.ctl("alerts").stdout == "no alerts\n"
    seen = controller.ask("operators")["nodes"][0]["operators"]
    assert [o["holds"] for o in seen] == [True, False]


def test_weirctl_watches_on_while_the_controller_is_away(make_controller, tmp_path):
    controller = make_controller()
    watch = Process("watch", [BUILD / "weirctl", "--controller", controller.endpoint, "--watch", "0.1", "status"],
                    tmp_path)
    try:
        wait_for(lambda: watch.out().count("no node has registered yet") >= 2)
        controller.kill()
        wait_for(lambda: "no controller at" in watch.err())
        seen = watch.out().count("controller  ")
        controller.start()
        wait_for(lambda: watch.out().count("controller  ") > seen)
        assert "\033[" not in watch.out()
    finally:
        watch.kill()


def test_ipv6_loopback(make_controller, make_node):
    controller = make_controller(listen=f"tcp://[::1]:{free_port()}")
    assert controller.ctl("status").returncode == 0
