# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The sink redis against a real Redis: what is stored, what happens while it is away, and what it refuses."""
import json
import re
import signal

import pytest

from conftest import Redis, wait_for
from exports import export, in_order, live, run_flows  # noqa: F401 (a fixture)
from node import assert_accounts_hold
from sentinels import sentinels  # noqa: F401 (a fixture)

SINK = "type: redis, key: flows"
LIVE = "type: redis, key: packets"


def at(redis):
    return f"sink.redis={redis.endpoint}"


def flat(record, prefix=""):
    """The fields of a record as the sink names and writes them."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, (bool, list)):
            yield prefix + name, json.dumps(value, separators=(",", ":"))
        else:
            yield prefix + name, str(value)


def entries(redis, key):
    """The entries of a stream, by redis-cli's lines: id, then fields and values in turn."""
    lines = redis.run("XRANGE", key, "-", "+").split("\n")
    found = []
    at = 0
    while at < len(lines) and re.fullmatch(r"\d+-\d+", lines[at]):
        end = at + 1
        while end < len(lines) and not re.fullmatch(r"\d+-\d+", lines[end]):
            end += 2
        words = lines[at + 1:end]
        found.append(dict(zip(words[::2], words[1::2])))
        at = end
    return found


def test_stream(redis, tmp_path):
    expected = export(tmp_path, SINK, at(redis))
    assert expected
    assert in_order(entries(redis, "flows")) == in_order(dict(flat(record)) for record in expected)
    assert redis.run("PTTL", "flows") == "-1"


def test_stream_is_cut(redis, tmp_path):
    expected = export(tmp_path, SINK, at(redis), "sink.max_length=1", "sink.expire=1h")
    # About: Redis cuts whole nodes of a hundred entries.
    assert 1 <= int(redis.run("XLEN", "flows")) <= max(100, len(expected))
    assert 0 < int(redis.run("PTTL", "flows")) <= 3_600_000


def test_hashes(redis, tmp_path):
    expected = export(tmp_path, SINK, at(redis), "sink.as=hash", "sink.key=flow:{src_ip}:{src_port}:{start_ns}")
    hashes = {key: redis.hash(key) for key in redis.run("KEYS", "*").split("\n")}
    wanted = {}
    for record in expected:
        key = f"flow:{record['src_ip']}:{record.get('src_port', '')}:{record['start_ns']}"
        wanted.setdefault(key, {}).update(flat(record))
    assert hashes == wanted


def test_sorted_set(redis, tmp_path):
    expected = export(tmp_path, SINK, at(redis), "sink.as=sorted_set", "sink.score=fwd.bytes",
                      "sink.member={src_ip}-{dst_ip}:{dst_port}/{start_ns}", "sink.key=by-bytes")
    words = redis.run("ZRANGE", "by-bytes", "0", "-1", "WITHSCORES").split("\n")
    members = dict(zip(words[::2], map(int, words[1::2])))
    wanted = {f"{r['src_ip']}-{r['dst_ip']}:{r.get('dst_port', '')}/{r['start_ns']}": r["fwd"]["bytes"]
              for r in expected}
    assert members == wanted


def test_redis_comes_back(redis, live, tmp_path):
    """Killed under load: workers go on, what the queue held arrives, nothing that counted as sent is missing."""
    node = live(LIVE, at(redis))
    wait_for(lambda: node.instance("sink")["gauge_sent"] > 500, "records are sent")
    redis.run("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")
    wait_for(lambda: "aof_rewrite_in_progress:0" in redis.run("INFO", "persistence"), "all is on disk")
    redis.process.kill()
    wait_for(lambda: node.instance("sink")["drop_queue_full"] > 100, "records are dropped")
    before = node.instance("source")["in"]
    wait_for(lambda: node.instance("source")["in"] > before + 1000, "the source goes on")
    for instance in node.instances():
        assert_accounts_hold(instance)
    redis.path.unlink(missing_ok=True)
    again = Redis(tmp_path, arguments=["--appendonly", "yes", "--appendfsync", "always"]).start()
    try:
        sent = node.instance("sink")["gauge_sent"]
        wait_for(lambda: node.instance("sink")["gauge_sent"] > sent + 1000, "records are sent again")
        assert node.instance("sink")["gauge_reconnects"] >= 1
        assert node.process.stop() == 0, node.process.err()
        written = int(re.search(r"(\d+) records to sink", node.process.err()).group(1))
        stored = {entry["timestamp_ns"] for entry in entries(again, "packets")}
        # At least once: an entry may be there twice, and none is missing.
        assert int(again.run("XLEN", "packets")) >= written and len(stored) == written
    finally:
        again.kill()


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_failover(sentinels, live, fault):
    """The sink follows the primary; only what the old one had confirmed and not passed on to its replica is gone."""
    old, new = sentinels.servers
    node = live(LIVE, f"sink.redis={sentinels.endpoint()}", "sink.queue_size=65536")
    wait_for(lambda: node.instance("sink")["gauge_sent"] > 500, "records are sent")
    assert int(old.run("XLEN", "packets")) >= 500
    before = node.instance("sink")["gauge_sent"]
    old.process.child.send_signal(fault)
    wait_for(lambda: "the primary is" in node.process.err() or "no Sentinel" in node.process.err() or
             "onnection" in node.process.err(), "the loss is noticed")
    at_loss = node.instance("sink")["gauge_sent"]
    wait_for(lambda: node.instance("sink")["gauge_sent"] > at_loss + 1000, "records are sent again")
    assert node.instance("sink")["gauge_reconnects"] >= 1
    assert_accounts_hold(node.instance("sink"))
    assert node.process.stop() == 0, node.process.err()
    written = int(re.search(r"(\d+) records to sink", node.process.err()).group(1))
    stored = {entry["timestamp_ns"] for entry in entries(new, "packets")}
    assert written - (at_loss - before) <= len(stored) <= written


def test_wrong_kind(redis, live):
    """What Redis refuses for good is counted as such, and said."""
    redis.run("SET", "packets", "a text")
    node = live(LIVE, at(redis))
    wait_for(lambda: node.instance("sink")["drop_refused"] > 50, "records are refused")
    assert_accounts_hold(node.instance("sink"))
    assert node.process.stop() == 1
    assert "key packets: WRONGTYPE" in node.process.err()


def test_password(redis, live, tmp_path):
    """A wrong one is waited for; the right one is not told to anybody."""
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "password").chmod(0o600)
    redis.run("CONFIG", "SET", "requirepass", "shut")
    node = live(LIVE, at(redis), f"sink.password_file={tmp_path}/password")
    wait_for(lambda: "WRONGPASS" in node.process.err(), "the refusal is said")
    redis.login = ("-a", "shut", "--no-auth-warning")
    redis.run("CONFIG", "SET", "requirepass", "open sesame")
    wait_for(lambda: node.instance("sink")["gauge_sent"] > 100, "records are sent")
    assert node.process.stop() == 0, node.process.err()
    assert "sesame" not in node.process.err()


def test_absent_redis(live, tmp_path):
    """The end comes in time, and says what nobody took."""
    node = live(LIVE, at(Redis(tmp_path)), "sink.drain_timeout=200ms")
    wait_for(lambda: node.instance("sink")["drop_queue_full"] > 100, "records are dropped")
    node.process.child.send_signal(signal.SIGTERM)
    assert node.process.child.wait(60) == 1
    assert re.search(r"unsent 256\b", node.process.err()), node.process.err()


@pytest.mark.parametrize("pairs, message", [
    (["sink.redis=localhost"], 'sink: redis: "localhost"'),
    (["sink.redis=none"], 'redis: "none": expected unix:///PATH, tcp://ADDRESS:PORT or sentinel://'),
    (["sink.as=sorted_set"], "sink: as: sorted_set: expected score and member"),
    (["sink.score=fwd.bytes"], "sink: as: stream: expected no score and no member"),
    (["sink.as=hash", "sink.max_length=5"], "sink: max_length: expected as: stream with it"),
    (["sink.key=a:{colour}"], 'test/sink: key: "colour": no field of flow'),
    (["sink.key=a:{src_ip"], 'test/sink: key: "a:{src_ip": expected text with up to 31 fields as {NAME}'),
    (["sink.as=sorted_set", "sink.score=colour", "sink.member=x"], 'test/sink: score: "colour": no field of flow'),
    (["sink.password_file=/nowhere/x"], "test/sink: password_file: /nowhere/x: "),
])
def test_refused(tmp_path, pairs, message):
    done = run_flows(tmp_path, SINK, "sink.redis=unix:///nowhere/redis.sock", *pairs)
    assert done.returncode == 1
    assert message in done.stderr, done.stderr
