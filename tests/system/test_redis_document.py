# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""api/redis.md is an interface: what a running controller writes is what it says, key by key and field by field."""
import json
import re

from clock import Clock
from conftest import ROOT, wait_for

TEXT = (ROOT / "api/redis.md").read_text()
DAY_S = 86400
KEPT_S = {"for ever": None, "7 days": 7 * DAY_S, "60 s": 60}
SUMS = re.findall(r"`(\w+)`", TEXT.split("there are thirteen fields:")[1].split("Unless")[0])


def rows(table):
    """Cells of each row of the first table in a text, its head left out."""
    lines = [line for line in table.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def names(cell):
    """The names in a cell, SUMS taken apart."""
    return [name.replace("SUMS", one) for name in re.findall(r"`([^`]+)`", cell)
            for one in (SUMS if "SUMS" in name else [""])]


def described_keys():
    """Pattern of a key -> (type, seconds it is kept)."""
    return {row[0].strip("`"): (row[1], next((s for text, s in KEPT_S.items() if text in row[2]), None))
            for row in rows(TEXT.split("## Keys")[1].split("**Sums.**")[0])}


def described_fields():
    """Pattern of a key -> names of its fields or members."""
    result = {}
    for section in re.split(r"^## ", TEXT, flags=re.M)[1:]:
        head = section.split("\n")[0]
        keys = re.findall(r"`(weir:1:[^`]+)`", head)
        for row in rows(section) if keys else []:
            for key in keys:
                result.setdefault(key, set()).update(names(row[0]))
    for key, section in re.findall(r"^`(weir:1:alerts:\w+)`:(.*?)(?=^`weir:1:|^## )", TEXT, flags=re.M | re.S):
        result[key] = {name for row in rows(section) for name in names(row[0])}
    return result


def pattern_of(key):
    key = re.sub(r"^(weir:1:node:)[^:]+", r"\1NAME", key)
    key = re.sub(r"^weir:1:top:\w+:\d+$", "weir:1:top:LIST:SECONDS", key)
    return re.sub(r"^weir:1:tcp:\d+$", "weir:1:tcp:SECONDS", key)


def flatten(value, prefix=""):
    """Names of a JSON object's members as the page writes them."""
    result = set()
    for name, member in value.items():
        if isinstance(member, dict):
            result |= flatten(member, f"{prefix}{name}.")
        else:
            result.add(prefix + name + ("[]" if isinstance(member, list) else ""))
    return result


def stream_fields(redis, key):
    lines = redis.run("--json", "XRANGE", key, "-", "+")
    return {name for _, fields in json.loads(lines) for name in fields[::2]}


def fields_in(redis, key):
    """Names in a key, as the page would write them."""
    kind, pattern = redis.run("TYPE", key), pattern_of(key)
    if kind == "stream":
        return stream_fields(redis, key)
    if kind == "string":
        return flatten(json.loads(redis.run("GET", key)))
    if kind == "hash" and (pattern.endswith(":series") or pattern.endswith("alerts:active")):
        return set().union(*(flatten(json.loads(value)) for value in redis.hash(key).values()))
    return set(redis.hash(key)) if kind == "hash" else set()


RULES = """
rules:
  - {name: ends, over: total, field: packets, aggregate: sum, window: 1s, threshold: 1, hold_down: 1s}
  - {name: stays, over: total, field: packets, aggregate: sum, window: 1s, threshold: 1, hold_down: 10min}
"""
# What this run has no reason to have: each is in a test of its own.
ABSENT = {
    "weir:1:node:NAME": {"unknown.since_ns",                    # test_recovery: a node is lost
                         "clock_offset_ns"},                    # test_aggregate: clocks differ
    "weir:1:alerts:history": {"lost"},                      # unit/test_store_events: too many while Redis is away
    "weir:1:top:LIST:SECONDS": {"error", "repeated.packets", "repeated.bytes"},  # exact, one node
}
# Not part of every controller's work.
OTHERS = {"weir:1:decisions", "weir:1:decisions:rates", "weir:1:baselines",
          "weir:1:departed"}  # test_departed


def make_everything_happen(controller, redis, node, messages):
    """Traffic, an alert that starts and ends, an hour that ends, an emptied Redis."""
    node.register()
    node.beat(instances=[messages.InstanceCounters(pipeline="p", operator="o")],
              channels=[messages.ChannelCounters(pipeline="p")], uplink=messages.UplinkCounters(submitted=1))
    node.start_beating()
    times = bytes([4, 100, 5])  # a histogram with five samples in one bucket
    node.summary(flows=[node.flow("10.0.0.1", "10.0.0.2")], hosts=[node.host("10.0.0.1", sent_bytes=1)], rtt=times)
    node.wait_ack(1)
    wait_for(lambda: redis.run("EXISTS", "weir:1:history:1h") == "1", "an hour that is over")
    wait_for(lambda: redis.run("EXISTS", "weir:1:node:a:history:1h") == "1", "an hour of the node")
    wait_for(lambda: "end" in redis.run("XRANGE", "weir:1:alerts:history", "-", "+"), "an alert that ended")
    over = {key: stream_fields(redis, key) for key in redis.run("KEYS", "*:1[hm]").split("\n")}
    redis.run("FLUSHALL")
    node.summary(rtt=times)
    wait_for(lambda: "gap_from_ms" in stream_fields(redis, "weir:1:history"), "a gap in the history")
    wait_for(lambda: redis.run("EXISTS", "weir:1:alerts:active") == "1", "an alert that is active")
    wait_for(lambda: "tcp_rtt_p99_ns" in stream_fields(redis, "weir:1:node:a:history"), "round-trip times")
    return over


def test_every_key_and_field_is_described(tmp_path, make_controller, redis, make_node, messages):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    clock = Clock(tmp_path)
    clock.start_at(minute=59, second=55)
    config = tmp_path / "controller.yaml"
    config.write_text("stages: [{type: collect}, {type: lists}, {type: logic}, {type: bandwidth}, {type: store}]")
    controller = make_controller(redis=redis.endpoint, alerts=rules, config=config, start=False)
    controller.arguments = clock.wrap(controller.arguments)
    controller.start()
    seen = make_everything_happen(controller, redis, make_node(controller), messages)
    keys, fields = described_keys(), described_fields()
    for key in redis.run("KEYS", "*").split("\n"):
        kind, kept_s = keys[pattern_of(key)]
        seen.setdefault(key, set()).update(fields_in(redis, key))
        left_s = int(redis.run("TTL", key))
        assert redis.run("TYPE", key) == ("string" if kind == "JSON" else kind), key
        assert left_s == -1 if kept_s is None else kept_s - 60 <= left_s <= kept_s, f"{key}: TTL {left_s}"
    by_pattern = {}
    for key, found in seen.items():
        by_pattern.setdefault(pattern_of(key), set()).update(found)
    assert set(keys) - OTHERS == set(by_pattern) - OTHERS
    for pattern, found in by_pattern.items():
        described = fields.get(pattern, set())
        assert found <= described, f"{pattern}: not described: {found - described}"
        missing = described - found - {"time_ms"}  # test_clock_jumps: the clock is set back
        assert missing <= ABSENT.get(pattern, set()), f"{pattern}: described, but not written: {missing}"


def test_no_key_is_described_twice():
    keys = [row[0] for row in rows(TEXT.split("## Keys")[1].split("**Sums.**")[0])]
    assert len(keys) == len(set(keys)) and set(described_fields()) <= {key.strip("`") for key in keys}
