# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The sink redis against a real Redis: what is stored, what happens while it is away, and what it refuses."""
import json
import re
import signal

import pytest

from conftest import ROOT, Redis, wait_for
from node import Node, assert_accounts_hold, run_file

CAPTURE = ROOT / "tests/pipeline/network_layers.pcap"
PIPELINE = """
pipeline: test
operators:
  - {name: source,  type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: json,    type: json, append: no}
  - {name: redis,   type: redis, key: flows}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: json,  grouping: global}
  - {from: stats,   to: redis, grouping: global}
"""
# A record a packet, at a rate, until told to stop; each has a time of its own.
LIVE = """
pipeline: test
operators:
  - {name: source,  type: replay, flows: 10, frames: 100, loops: 0, rate: 2k}
  - {name: flow_id, type: flow_id}
  - {name: redis,   type: redis, key: packets, when_full: drop, queue_size: 256}
"""


def settings(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]


def export(folder, redis, *pairs):
    """Run a file; the records that the json sink wrote of it, and the report."""
    (folder / "pipeline.yaml").write_text(PIPELINE)
    done = run_file(["--config", folder / "pipeline.yaml", *settings(
        f"source.path={CAPTURE}", f"json.path={folder}/flows.jsonl", f"redis.redis={redis.endpoint}", *pairs)])
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / "flows.jsonl").read_text().splitlines()]


def flat(record, prefix=""):
    """The fields of a record as the sink names and writes them."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, (bool, list)):
            yield prefix + name, json.dumps(value, separators=(",", ":"))
        else:
            yield prefix + name, str(value)


def in_order(records):
    return sorted(json.dumps(record, sort_keys=True) for record in records)


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
    expected = export(tmp_path, redis)
    assert expected
    assert in_order(entries(redis, "flows")) == in_order(dict(flat(record)) for record in expected)
    assert redis.run("PTTL", "flows") == "-1"


def test_stream_is_cut(redis, tmp_path):
    expected = export(tmp_path, redis, "redis.max_length=1", "redis.expire=1h")
    # About: Redis cuts whole nodes of a hundred entries.
    assert 1 <= int(redis.run("XLEN", "flows")) <= max(100, len(expected))
    assert 0 < int(redis.run("PTTL", "flows")) <= 3_600_000


def test_hashes(redis, tmp_path):
    expected = export(tmp_path, redis, "redis.as=hash", "redis.key=flow:{src_ip}:{src_port}:{start_ns}")
    hashes = {key: redis.hash(key) for key in redis.run("KEYS", "*").split("\n")}
    wanted = {}
    for record in expected:
        key = f"flow:{record['src_ip']}:{record.get('src_port', '')}:{record['start_ns']}"
        wanted.setdefault(key, {}).update(flat(record))
    assert hashes == wanted


def test_sorted_set(redis, tmp_path):
    expected = export(tmp_path, redis, "redis.as=sorted_set", "redis.score=fwd.bytes",
                      "redis.member={src_ip}-{dst_ip}:{dst_port}/{start_ns}", "redis.key=by-bytes")
    words = redis.run("ZRANGE", "by-bytes", "0", "-1", "WITHSCORES").split("\n")
    members = dict(zip(words[::2], map(int, words[1::2])))
    wanted = {f"{r['src_ip']}-{r['dst_ip']}:{r.get('dst_port', '')}/{r['start_ns']}": r["fwd"]["bytes"]
              for r in expected}
    assert members == wanted


@pytest.fixture
def live(tmp_path):
    made = []

    def start(redis, *pairs):
        (tmp_path / "live.yaml").write_text(LIVE)
        made.append(Node(tmp_path, ["--config", tmp_path / "live.yaml",
                                    *settings(f"redis.redis={redis.endpoint}", *pairs)]))
        return made[-1].wait_until_up()

    yield start
    for node in made:
        node.close()


def test_redis_comes_back(redis, live, tmp_path):
    """Killed under load: workers go on, what the queue held arrives, nothing that counted as sent is missing."""
    node = live(redis)
    wait_for(lambda: node.instance("redis")["gauge_sent"] > 500, "records are sent")
    redis.run("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")
    wait_for(lambda: "aof_rewrite_in_progress:0" in redis.run("INFO", "persistence"), "all is on disk")
    redis.process.kill()
    wait_for(lambda: node.instance("redis")["drop_queue_full"] > 100, "records are dropped")
    before = node.instance("source")["in"]
    wait_for(lambda: node.instance("source")["in"] > before + 1000, "the source goes on")
    for instance in node.instances():
        assert_accounts_hold(instance)
    redis.path.unlink(missing_ok=True)
    again = Redis(tmp_path, arguments=["--appendonly", "yes", "--appendfsync", "always"]).start()
    try:
        sent = node.instance("redis")["gauge_sent"]
        wait_for(lambda: node.instance("redis")["gauge_sent"] > sent + 1000, "records are sent again")
        assert node.instance("redis")["gauge_reconnects"] >= 1
        assert node.process.stop() == 0, node.process.err()
        written = int(re.search(r"(\d+) records to redis", node.process.err()).group(1))
        stored = {entry["timestamp_ns"] for entry in entries(again, "packets")}
        # At least once: an entry may be there twice, and none is missing.
        assert int(again.run("XLEN", "packets")) >= written and len(stored) == written
    finally:
        again.kill()


def test_wrong_kind(redis, live):
    """What Redis refuses for good is counted as such, and said."""
    redis.run("SET", "packets", "a text")
    node = live(redis)
    wait_for(lambda: node.instance("redis")["drop_refused"] > 50, "records are refused")
    assert_accounts_hold(node.instance("redis"))
    assert node.process.stop() == 1
    assert "key packets: WRONGTYPE" in node.process.err()


def test_password(redis, live, tmp_path):
    """A wrong one is waited for; the right one is not told to anybody."""
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "password").chmod(0o600)
    redis.run("CONFIG", "SET", "requirepass", "shut")
    node = live(redis, f"redis.password_file={tmp_path}/password", "redis.drain_timeout=200ms")
    wait_for(lambda: "WRONGPASS" in node.process.err(), "the refusal is said")
    redis.login = ("-a", "shut", "--no-auth-warning")
    redis.run("CONFIG", "SET", "requirepass", "open sesame")
    wait_for(lambda: node.instance("redis")["gauge_sent"] > 100, "records are sent")
    assert node.process.stop() == 0, node.process.err()
    assert "sesame" not in node.process.err()


def test_absent_redis(live, tmp_path):
    """The end comes in time, and says what nobody took."""
    node = live(Redis(tmp_path), "redis.drain_timeout=200ms")
    wait_for(lambda: node.instance("redis")["drop_queue_full"] > 100, "records are dropped")
    node.process.child.send_signal(signal.SIGTERM)
    assert node.process.child.wait(60) == 1
    assert re.search(r"unsent 256\b", node.process.err()), node.process.err()


@pytest.mark.parametrize("pairs, message", [
    (["redis.redis=localhost"], 'redis: redis: "localhost"'),
    (["redis.redis=sentinel://127.0.0.1:1/x"], 'expected unix:///PATH or tcp://ADDRESS:PORT'),
    (["redis.as=sorted_set"], "redis: as: sorted_set: expected score and member"),
    (["redis.score=fwd.bytes"], "redis: as: stream: expected no score and no member"),
    (["redis.as=hash", "redis.max_length=5"], "redis: max_length: expected as: stream with it"),
    (["redis.key=a:{colour}"], 'test/redis: key: "colour": no field of flow'),
    (["redis.key=a:{src_ip"], 'test/redis: key: "a:{src_ip": expected text with up to 31 fields as {NAME}'),
    (["redis.as=sorted_set", "redis.score=colour", "redis.member=x"], 'test/redis: score: "colour": no field of flow'),
    (["redis.password_file=/nowhere/x"], "test/redis: password_file: /nowhere/x: "),
])
def test_refused(tmp_path, pairs, message):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    done = run_file(["--config", tmp_path / "pipeline.yaml", *settings(
        f"source.path={CAPTURE}", "json.path=/dev/null", "redis.redis=unix:///nowhere/redis.sock", *pairs)])
    assert done.returncode == 1
    assert message in done.stderr, done.stderr
