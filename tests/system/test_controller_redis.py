# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The controller and Redis: each killed and restarted, nothing counted twice, what is unknown shown as such."""
import json
import signal
import socket
import subprocess
import threading

import pytest
from conftest import Controller, wait_for

FENCED = 75  # exit code of a controller that another one took over from


def history(redis):
    return redis.run("XRANGE", "weir:1:history", "-", "+")


def test_acknowledged_is_stored(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    node.wait_ack(1)
    series = json.loads(redis.hash("weir:1:node:a:series")["p/report/0"])
    assert series["sequence"] == 1 and series["cumulative"]["packets"] == 5
    assert redis.hash("weir:1:total")["packets"] == "5"
    assert redis.hash("weir:1:meta")["version"] == "1"


def test_killed_controller_goes_on_from_redis(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    first = node.summary(packets=5)
    node.wait_ack(1)
    epoch = controller.ask("status")["controller"]["epoch"]
    controller.kill()
    controller.start()
    node.start_beating()  # is told to register, and does
    wait_for(lambda: controller.node("a").get("state") == "up")
    wait_for(lambda: "node a registered again" in controller.process.err())
    node.stop_beating()
    node.resend(first)  # its acknowledgement might have been lost
    node.summary(packets=6)
    node.wait_ack(2)
    seen = controller.node("a")
    assert seen["totals"]["packets"] == 11 and seen["gaps"]["missing"] == 0 and seen["duplicates"] == 1
    assert seen["unknown"]["duration_ns"] == 0
    assert controller.ask("status")["controller"]["epoch"] == epoch + 1


def test_node_killed_while_the_controller_is_away(controller, redis, make_node):
    first = make_node(controller)
    first.register()
    first.summary(packets=5)
    first.wait_ack(1)
    controller.kill()
    first.close()
    controller.start()
    second = make_node(controller)
    wait_for(lambda: second.register().accepted)
    second.summary(packets=6)
    second.wait_ack(1)
    seen = controller.node("a")
    assert seen["totals"]["packets"] == 11 and seen["incarnations"] == 2
    assert seen["unknown"]["count"] == 1 and seen["unknown"]["duration_ns"] > 0


def test_redis_killed_and_restarted_empty(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    node.start_beating()
    node.summary(packets=5)
    node.wait_ack(1)
    wait_for(lambda: history(redis).count("flows_live") >= 2, "two entries of history")
    redis.kill()
    wait_for(lambda: controller.ask("status")["redis"]["state"] == "away")
    node.summary(packets=6)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 11)
    assert not node.has_ack()
    redis.start()
    node.wait_ack(2)
    assert redis.hash("weir:1:node:a")["totals.packets"] == "11"
    assert redis.hash("weir:1:total")["packets"] == "11"
    text = history(redis)
    assert "gap_from_ms" in text and "redis lost it" in text
    assert "came back without" in controller.process.err()


def test_redis_absent_at_start(make_controller, make_node, redis):
    redis.kill()
    controller = make_controller(redis=redis.endpoint)
    assert controller.process.err().count("going on without") == 1
    node = make_node(controller)
    node.register()
    node.start_beating()
    node.summary(packets=5)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 5)
    redis.start()
    node.wait_ack(1)
    assert redis.hash("weir:1:node:a")["totals.packets"] == "5"


def test_what_was_not_taken_as_it_should_is_remembered(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    node.wait_ack(1)
    counts = {"duplicates": 2, "late": 3, "shed": 4}
    controller.kill()
    redis.run("HSET", "weir:1:node:a", *(word for pair in counts.items() for word in pair))
    controller.start()
    assert controller.node("a").items() >= counts.items()


def test_controller_started_without_redis_joins_what_was_stored(controller, redis, make_node):
    first = make_node(controller)
    first.register()
    for _ in range(3):
        first.summary(packets=5)
    first.wait_ack(3)
    controller.kill()
    redis.process.child.send_signal(signal.SIGSTOP)  # keeps what it has, answers nothing
    controller.start()
    first.epoch = 1
    first.register()
    first.summary(packets=5)  # number 4; 1 to 3 were acknowledged by the controller before
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 20)
    second = make_node(controller, "b", epoch=41)
    second.register()
    redis.process.child.send_signal(signal.SIGCONT)
    first.wait_ack(4)
    seen = controller.node("a")
    assert seen["totals"]["packets"] == 20 and seen["gaps"]["missing"] == 0 and seen["incarnations"] == 1
    assert controller.ask("status")["controller"]["epoch"] >= 42


def test_another_process_is_there_before_redis_is(controller, redis, make_node):
    first = make_node(controller)
    first.register()
    first.summary(packets=5)
    first.wait_ack(1)
    controller.kill()
    first.close()
    redis.process.child.send_signal(signal.SIGSTOP)
    controller.start()
    second = make_node(controller)
    second.register()
    second.summary(packets=6)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 6)
    redis.process.child.send_signal(signal.SIGCONT)
    second.wait_ack(1)
    seen = controller.node("a")
    assert seen["totals"]["packets"] == 11 and seen["incarnations"] == 2
    assert seen["unknown"]["count"] == 1 and seen["unknown"]["duration_ns"] > 0
    assert seen["past_incarnations"] == [first.incarnation]


def test_after_a_goodbye_nothing_is_unknown_even_if_redis_tells_late(controller, redis, make_node):
    first = make_node(controller)
    first.register()
    first.summary(packets=5)
    first.wait_ack(1)
    first.goodbye()
    wait_for(lambda: redis.hash("weir:1:node:a")["state"] == "ended")
    controller.kill()
    redis.process.child.send_signal(signal.SIGSTOP)
    controller.start()
    second = make_node(controller)
    second.register()
    second.summary(packets=6)
    redis.process.child.send_signal(signal.SIGCONT)
    second.wait_ack(1)
    seen = controller.node("a")
    assert seen["totals"]["packets"] == 11 and seen["incarnations"] == 2 and seen["unknown"]["count"] == 0


def test_a_process_that_ended_before_redis_told_of_it_counts(controller, redis, make_node):
    first = make_node(controller)
    first.register()
    first.summary(packets=5)
    first.wait_ack(1)
    controller.kill()
    redis.process.child.send_signal(signal.SIGSTOP)
    controller.start()
    first.epoch = 1
    first.register()  # and not a summary more
    first.goodbye()
    second = make_node(controller)
    wait_for(lambda: second.register().accepted)
    second.summary(packets=6)
    redis.process.child.send_signal(signal.SIGCONT)
    second.wait_ack(1)
    assert controller.node("a")["totals"]["packets"] == 11


def test_what_an_earlier_controller_took_is_no_gap(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    for _ in range(300):  # more than may be out of order
        node.summary(packets=1)
    node.wait_ack(300)
    controller.kill()
    redis.process.child.send_signal(signal.SIGSTOP)
    controller.start()
    node.epoch = 1
    node.register()
    node.sequence += 5  # these five were discarded
    node.summary(packets=1)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 301)
    assert controller.node("a")["gaps"]["missing"] == 0
    redis.process.child.send_signal(signal.SIGCONT)
    node.wait_ack(306)
    assert controller.node("a")["gaps"]["missing"] == 5


def test_without_redis_a_successor_begins_where_the_node_is(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller)
    node.register()
    for _ in range(3):
        node.summary(packets=5)
    node.wait_ack(3)
    controller.kill()
    controller.start()
    node.epoch = 1
    node.register()
    node.summary(packets=5)
    node.wait_ack(4)
    assert controller.node("a")["gaps"]["missing"] == 0


def test_a_node_that_is_gone_is_acknowledged_to_once(controller, redis, make_node):
    def status():
        return controller.ask("status")

    node = make_node(controller)
    node.register()
    redis.process.child.send_signal(signal.SIGSTOP)
    node.summary(packets=5)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 5)
    node.summaries.close()
    redis.process.child.send_signal(signal.SIGCONT)
    wait_for(lambda: status()["controller"]["messages"]["undeliverable"], "an acknowledgement for nobody")
    stored_ns = status()["redis"]["stored_ns"]
    wait_for(lambda: status()["redis"]["stored_ns"] >= stored_ns + 2 * 10**9, "two more intervals")
    assert status()["controller"]["messages"]["undeliverable"] == 1


def test_hung_redis_does_not_stall_the_controller(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    redis.process.child.send_signal(signal.SIGSTOP)
    wait_for(lambda: controller.ask("status")["redis"]["state"] == "away")
    assert node.beat().epoch == 1
    redis.process.child.send_signal(signal.SIGCONT)
    wait_for(lambda: controller.ask("status")["redis"]["state"] == "connected")


def test_history_says_how_long_the_controller_was_away(controller, redis, make_node):
    wait_for(lambda: history(redis).count("flows_live") >= 1)
    controller.kill()
    last_ms = int(redis.hash("weir:1:meta")["history_last_ms"])
    redis.run("HSET", "weir:1:meta", "history_last_ms", last_ms - 60_000)  # as if it had been a minute
    redis.run("DEL", "weir:1:history")
    controller.start()
    wait_for(lambda: "controller was away" in history(redis))


def test_a_controller_with_a_lesser_epoch_ends(controller, redis):
    wait_for(lambda: redis.hash("weir:1:meta").get("epoch") == "1")
    redis.run("HSET", "weir:1:meta", "epoch", "9")
    wait_for(lambda: not controller.process.is_running())
    assert controller.process.child.returncode == FENCED
    assert "greater epoch" in controller.process.err()
    assert redis.hash("weir:1:meta")["epoch"] == "9", "written over what the successor had stored"


def test_of_two_controllers_with_one_redis_one_stays(make_controller, redis):
    """Which of them depends on who finds Redis first: one that finds the other's epoch there takes the next. Both write
    once an interval, and the one that must give way learns it when it is not the first to write: a matter of chance."""
    redis.kill()
    controllers = [make_controller(redis=redis.endpoint) for _ in range(2)]  # both of epoch 1
    redis.start()
    wait_for(lambda: sum(c.process.is_running() for c in controllers) == 1, "one of them ends")
    stays, = (c for c in controllers if c.process.is_running())
    ended, = (c for c in controllers if not c.process.is_running())
    assert ended.process.child.returncode == FENCED
    assert "greater epoch" in ended.process.err()
    wait_for(lambda: stays.ask("status")["redis"]["state"] == "connected", "the other goes on storing")
    assert stays.process.is_running()


def test_redis_emptied_while_it_runs(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    node.wait_ack(1)
    wait_for(lambda: history(redis).count("flows_live") >= 2, "two entries of history")
    redis.run("FLUSHALL")
    wait_for(lambda: "redis lost it" in history(redis), "the lost stretch is named")
    assert redis.hash("weir:1:total")["packets"] == "5"


def test_foreign_type_under_a_key_is_reported(redis, make_controller):
    redis.run("SADD", "weir:1:history", "not a stream")
    controller = make_controller(redis=redis.endpoint)
    wait_for(lambda: "WRONGTYPE" in controller.process.err())
    redis.run("DEL", "weir:1:history")
    wait_for(lambda: controller.ask("status")["redis"]["stored_ns"])


class CutRedis:
    """Stands between a controller and Redis: cuts the first connections just before the end of the second answer."""

    def __init__(self, redis, cuts):
        self.redis = redis
        self.left = cuts
        path = redis.folder / "cut.sock"
        self.endpoint = f"unix://{path}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return  # the test is over
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.redis.path))
            is_cut = self.left > 0
            self.left -= is_cut
            for source, sink, cut_at in ((client, server, None), (server, client, 2 if is_cut else None)):
                threading.Thread(target=self.carry, args=(source, sink, cut_at), daemon=True).start()

    @staticmethod
    def carry(source, sink, cut_at):
        try:
            answers = 0
            while answers != cut_at and (data := source.recv(1 << 20)):
                answers += 1
                sink.sendall(data[:-1] if answers == cut_at else data)
            for end in (source, sink):
                end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other direction ended first


def test_redis_gone_while_it_is_read_counts_nothing_twice(controller, redis, make_controller, make_node):
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    node.wait_ack(1)
    successor = make_node(controller)
    node.goodbye()
    wait_for(lambda: successor.register().accepted)
    successor.summary(packets=7)
    successor.wait_ack(1)
    assert controller.process.stop() == 0
    cut = CutRedis(redis, cuts=3)
    second = make_controller(redis=cut.endpoint, listen=controller.endpoint)
    wait_for(lambda: second.ask("status")["redis"]["stored_ns"], "stored by the second controller")
    cut.listener.close()
    seen = second.node("a")
    assert cut.left == 0
    assert seen["totals"]["packets"] == 12 and seen["incarnations"] == 2


def test_damaged_texts_in_redis_do_not_stop_the_store(controller, redis, make_node):
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    node.wait_ack(1)
    alert = {"id": "1-1", "rule": "r", "subject": "ä" * 127, "severity": "info", "measure": "m", "hold_down_ns": 10**12}
    assert controller.process.stop() == 0
    redis.run("HSET", "weir:1:node:a", "host", "\udcff\udcfe", "version", "x" * 126 + "ä", "past_incarnations", "[}")
    redis.run("HSET", "weir:1:node:a:series", "p/report/1", "no JSON", "p/report/2", "[]")
    redis.run("HSET", "weir:1:alerts:active", "1-1", json.dumps(alert, ensure_ascii=False))
    controller.start()
    assert node.register().accepted
    node.summary(packets=5)
    node.wait_ack(2)
    assert redis.hash("weir:1:total")["packets"] == "10"
    ended = wait_for(lambda: controller.ask("alerts", "--all")["history"], "the alert of a rule that is gone ends")
    assert [(e["event"], e["alert"]["id"], e["alert"]["reason"]) for e in ended] == [
        ("end", "1-1", "the rule was removed")]


@pytest.mark.parametrize("endpoint", ["tcp://redis.example.net:6379", "tcp://localhost:6379", "tcp://:6379",
                                      "tcp://::1", "tcp://127.0.0.1:0", "unix://x", "none "])
def test_redis_endpoints_that_would_have_to_be_looked_up_are_refused(tmp_path, endpoint):
    controller = Controller(tmp_path, redis=endpoint)
    result = subprocess.run(controller.arguments, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and f'"{endpoint}": expected unix:///PATH, tcp://' in result.stderr
