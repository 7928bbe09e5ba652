# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A Redis that refuses: wrong password, missing rights, no memory, no disk, a replica. The controller says so once,
goes on, and stores everything when it can. And users with no more rights than they need."""
import os
import signal
import subprocess

import pytest
from conftest import ROOT, Redis, free_port, wait_for

SECRET = "a-secret-that-nobody-says"
LOGIN = ("--user", "admin", "--pass", "admin", "--no-auth-warning")


def status(controller):
    return controller.ask("status")["redis"]


def wait_for_error(controller, word):
    return wait_for(lambda: word in status(controller).get("error", "") and status(controller), f"{word} in status")


def wait_until_stored(controller):
    before = status(controller)["stored_ns"]
    wait_for(lambda: status(controller)["stored_ns"] not in (None, before), "the state is stored")
    assert "error" not in status(controller)


@pytest.fixture
def guarded(tmp_path):
    """A Redis on a TCP port with the users of conf/redis-users.acl, and an admin for the test."""
    users = (ROOT / "conf/redis-users.acl").read_text().rstrip("\n").split("\n")
    lines = [line if " default " in line else f"{line} >{SECRET}" for line in users]
    (tmp_path / "users.acl").write_text("\n".join([*lines, "user admin on >admin ~* &* +@all", ""]))
    port = free_port(pair=False)
    server = Redis(tmp_path, ["--port", port, "--bind", "127.0.0.1", "--aclfile", tmp_path / "users.acl"], LOGIN)
    server.port = port
    yield server.start()
    server.kill()


def configure(folder, mode=0o600, password=SECRET):
    """A configuration with a password file; returns its path."""
    file = folder / "password"
    file.write_text(password + "\n")
    file.chmod(mode)
    path = folder / "controller.yaml"
    path.write_text("redis_password_file: password\nredis_timeout: 1s\n")
    return path


def test_users_have_what_they_need_and_no_more(guarded, tmp_path, make_controller, make_node):
    controller = make_controller(redis=f"tcp://weir@127.0.0.1:{guarded.port}", config=configure(tmp_path))
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    node.wait_ack(1)
    wait_until_stored(controller)
    command_line = (tmp_path / f"/proc/{controller.process.pid}/cmdline").read_bytes()
    assert SECRET.encode() not in command_line
    assert SECRET not in controller.process.err() + controller.ctl("--json", "status").stdout
    guarded.login = ("--user", "weir-dashboard", "--pass", SECRET, "--no-auth-warning")
    assert guarded.run("HGET", "weir:1:total", "packets") == "5"
    assert guarded.run("XRANGE", "weir:1:history", "-", "+")
    assert guarded.run("SET", "weir:1:total", "0").startswith("NOPERM")
    assert guarded.run("DEL", "weir:1:total").startswith("NOPERM")
    assert guarded.run("GET", "other").startswith("NOPERM")
    for user in ("weir", "weir-dashboard"):
        guarded.login = ("--user", user, "--pass", SECRET, "--no-auth-warning")
        for words in (("FLUSHALL",), ("CONFIG", "GET", "*"), ("SHUTDOWN",), ("KEYS", "*"), ("SET", "other", "1"),
                      ("ACL", "LIST"), ("REPLICAOF", "127.0.0.1", "1")):
            assert guarded.run(*words).startswith("NOPERM"), (user, words)


def test_wrong_password_is_reported_once_and_a_right_one_taken(guarded, tmp_path, make_controller, make_node):
    config = configure(tmp_path, password="wrong")
    controller = make_controller(redis=f"tcp://weir@127.0.0.1:{guarded.port}", config=config)
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    shown = wait_for_error(controller, "WRONGPASS")
    assert shown["state"] == "away" and "WRONGPASS" in controller.ctl("status").stdout
    wait_for(lambda: status(controller)["errors"] >= 4, "it is tried again")
    assert controller.process.err().count("WRONGPASS") == 1
    (tmp_path / "password").write_text(SECRET)
    node.wait_ack(1)
    assert "stored again" in controller.process.err()


def test_missing_right_is_reported(guarded, tmp_path, make_controller, make_node):
    controller = make_controller(redis=f"tcp://weir@127.0.0.1:{guarded.port}", config=configure(tmp_path))
    wait_until_stored(controller)
    guarded.run("ACL", "SETUSER", "weir", "-hset")
    node = make_node(controller)
    node.register()
    node.summary(packets=5)
    wait_for_error(controller, "NOPERM")
    assert not node.has_ack()
    guarded.run("ACL", "SETUSER", "weir", "+hset")
    node.wait_ack(1)
    assert controller.process.err().count("NOPERM") == 1


@pytest.mark.parametrize("mode, password", [(0o644, SECRET), (0o600, ""), (0o620, SECRET), (None, "")])
def test_password_files_that_are_refused(tmp_path, make_controller, mode, password):
    config = configure(tmp_path, mode or 0o600, password)
    if mode is None:
        (tmp_path / "password").unlink()
    controller = make_controller(redis="tcp://weir@127.0.0.1:6379", config=config, start=False)
    result = subprocess.run(controller.arguments, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and f"redis_password_file: {tmp_path}/password: " in result.stderr
    assert SECRET not in result.stderr


def test_password_in_an_endpoint_is_refused_and_not_repeated(tmp_path, make_controller):
    controller = make_controller(redis=f"tcp://weir:{SECRET}@127.0.0.1:6379", start=False)
    result = subprocess.run(controller.arguments, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "redis_password_file" in result.stderr and SECRET not in result.stderr


def lose_and_regain(controller, redis, node, error, spoil, mend):
    """Redis refuses between `spoil` and `mend`: what came meanwhile is stored afterwards, without a gap."""
    node.register()
    node.start_beating()
    node.summary(packets=5)
    node.wait_ack(1)
    spoil()
    wait_for_error(controller, error)
    node.summary(packets=6)
    wait_for(lambda: controller.node("a")["totals"]["packets"] == 11)
    wait_for(lambda: status(controller)["errors"] >= 3, "it is tried again")
    wait_for(lambda: status(controller)["history_pending"] >= 2, "the history waits")
    assert not node.has_ack()
    shown = controller.ctl("status").stdout
    assert error in shown
    mend()
    node.wait_ack(2)
    assert redis.hash("weir:1:node:a")["totals.packets"] == "11"
    wait_for(lambda: status(controller)["history_pending"] <= 1 and "error" not in status(controller), "all is stored")
    ids = [int(line.split("-")[0]) for line in redis.run("XRANGE", "weir:1:history", "-", "+").split("\n")
           if line.endswith("-0") and line[:-2].isdigit()]
    assert all(b - a == 1000 for a, b in zip(ids, ids[1:])), ids
    assert controller.process.err().count(error) == 1


def test_redis_out_of_memory(controller, redis, make_node):
    lose_and_regain(controller, redis, make_node(controller), "OOM",
                    lambda: redis.run("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction"),
                    lambda: redis.run("CONFIG", "SET", "maxmemory", "0"))


def test_redis_becomes_a_replica(controller, redis, make_node):
    lose_and_regain(controller, redis, make_node(controller), "not a primary",
                    lambda: redis.run("REPLICAOF", "127.0.0.1", free_port(pair=False)),
                    lambda: redis.run("REPLICAOF", "NO", "ONE"))


def test_too_few_replicas(controller, redis, make_node):
    lose_and_regain(controller, redis, make_node(controller), "NOREPLICAS",
                    lambda: redis.run("CONFIG", "SET", "min-replicas-to-write", "1"),
                    lambda: redis.run("CONFIG", "SET", "min-replicas-to-write", "0"))


@pytest.fixture
def impatient(tmp_path, redis, make_controller):
    config = tmp_path / "controller.yaml"
    config.write_text("redis_timeout: 500ms\n")
    return make_controller(redis=redis.endpoint, config=config)


def test_redis_stopped(impatient, redis, make_node):
    lose_and_regain(impatient, redis, make_node(impatient), "no answer within 0.5 s",
                    lambda: redis.process.child.send_signal(signal.SIGSTOP),
                    lambda: redis.process.child.send_signal(signal.SIGCONT))


def test_redis_paused(impatient, redis, make_node):
    lose_and_regain(impatient, redis, make_node(impatient), "no answer within 0.5 s",
                    lambda: redis.run("CLIENT", "PAUSE", os.environ.get("WEIR_PAUSE_MS", "4000")), lambda: None)
