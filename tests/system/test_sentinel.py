# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A primary, a replica and three Sentinels: when the primary fails over, the controller follows, and what it had been
told is counted once."""
import signal
import socketserver
import threading

import pytest

from conftest import Controller, Process, free_port, wait_for
from sentinels import NAME, sentinels  # noqa: F401 (a fixture)

def primary(controller):
    return controller.ask("status")["redis"].get("primary")


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_controller_follows_a_failover(sentinels, make_controller, make_node, fault):
    old, new = sentinels.servers
    controller = make_controller(redis=sentinels.endpoint())
    node = make_node(controller)
    node.register()
    node.start_beating()
    node.summary(packets=5)
    node.wait_ack(1)
    assert primary(controller) == f"127.0.0.1:{old.port}"
    assert controller.ask("status")["redis"]["sentinels"] == 3
    epoch = controller.ask("status")["controller"]["epoch"]
    old.process.child.send_signal(fault)
    node.summary(packets=6)
    node.wait_ack(2)
    assert primary(controller) == f"127.0.0.1:{new.port}"
    assert new.hash("weir:1:node:a")["totals.packets"] == "11"
    if fault == signal.SIGKILL:
        old.kill()
        old.start()
    else:
        old.process.child.send_signal(signal.SIGCONT)
    wait_for(lambda: sentinels.is_replica(old), "the old primary is a replica")
    node.summary(packets=7)
    node.wait_ack(3)
    wait_for(lambda: old.hash("weir:1:node:a").get("totals.packets") == "18", "the replica has it from the primary")
    status = controller.ask("status")
    assert status["controller"]["epoch"] == epoch and controller.node("a")["totals"]["packets"] == 18
    assert status["redis"]["primary"] == f"127.0.0.1:{new.port}"
    assert "the primary is" in controller.process.err() or "stored again" in controller.process.err()


class StaleSentinel(socketserver.ThreadingTCPServer):
    """Cut off before the failover: says for ever what was true then."""
    allow_reuse_address = daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while line := self.rfile.readline():
                words = [(self.rfile.readline(), self.rfile.readline().strip())[1] for _ in range(int(line[1:]))]
                fields = [b"127.0.0.1", b"%d" % self.server.says]
                if words[1].upper() == b"MASTER":
                    fields = [b"name", NAME.encode(), b"config-epoch", b"0"]
                self.wfile.write(b"*%d\r\n" % len(fields) + b"".join(b"$%d\r\n%s\r\n" % (len(f), f) for f in fields))


def test_sentinel_that_missed_the_failover_is_not_believed(sentinels, make_controller, make_node):
    old, new = sentinels.servers
    stale = StaleSentinel(("127.0.0.1", 0), StaleSentinel.Handler)
    stale.says = old.port
    threading.Thread(target=stale.serve_forever, daemon=True).start()
    try:
        assert sentinels.ask(sentinels.ports[0], "SENTINEL", "FAILOVER", NAME) == "OK"
        wait_for(lambda: all(str(new.port) in sentinels.ask(port, "SENTINEL", "get-master-addr-by-name", NAME)
                             for port in sentinels.ports), "all Sentinels know of it")
        controller = make_controller(redis=sentinels.endpoint(stale.server_address[1]))
        node = make_node(controller)
        node.register()
        node.summary(packets=5)
        node.wait_ack(1)
        assert controller.ask("status")["redis"]["sentinels"] == 4
        assert primary(controller) == f"127.0.0.1:{new.port}"
    finally:
        stale.shutdown()
        stale.server_close()


def test_no_sentinel(tmp_path, make_controller):
    controller = make_controller(redis=f"sentinel://127.0.0.1:{free_port(pair=False)}/{NAME}")
    assert "no Sentinel" in controller.ask("status")["redis"]["error"]
    assert controller.ask("status")["redis"]["state"] == "away"


@pytest.mark.parametrize("endpoint", ["sentinel://127.0.0.1:26379", "sentinel://127.0.0.1/weir", "sentinel:///weir",
                                      "sentinel://127.0.0.1:1,/weir", "sentinel://host:26379/weir",
                                      "sentinel://" + ",".join(f"127.0.0.1:{p}" for p in range(1, 10)) + "/weir"])
def test_sentinels_that_make_no_sense_are_refused(tmp_path, endpoint):
    controller = Controller(tmp_path, redis=endpoint)
    controller.process = Process("controller", controller.arguments, tmp_path)
    assert controller.process.wait() == 1
    assert f'"{endpoint}": expected unix:///PATH' in controller.process.err()
