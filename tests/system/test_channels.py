# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Channels between nodes as their ends report them: the rates that they should have, why, and what is refused."""
import json
import subprocess

import pytest

from conftest import BUILD, wait_for

BASE = "stages:\n- {type: collect}\n- {type: lists}\n"
MBIT = 10**6


class Channels:
    """Six nodes a-f that send to g, whose downlink is the only bottleneck: a five-way join and a pipeline of one."""

    def __init__(self, controller, make_node, messages):
        self.controller, self.pb = controller, messages
        self.nodes = {name: make_node(controller, name) for name in "abcdefg"}
        for node in self.nodes.values():
            node.register()
            node.start_beating()

    def end(self, pipeline, peer, index=0, sends=True, **values):
        return self.pb.RemoteEnd(pipeline=pipeline, stream="in>out", index=index, peer=peer, sends=sends,
                                 interval_ns=10**9, **values)

    def report(self, name, *ends):
        self.nodes[name].beat(uplink=self.pb.UplinkCounters(), remotes=ends)

    def offer(self, join=2 * MBIT, alone=10 * MBIT):
        for index, name in enumerate("abcde"):
            self.report(name, self.end("join", "g", index, offered_bps=join, begin_bytes=1000, end_bytes=3000,
                                       volume_bytes=250_000, rate_bps=0))
        self.report("f", self.end("alone", "g", offered_bps=alone, volume_bytes=250_000, rate_bps=7 * MBIT))

    def settled(self, total):
        """The answer once so many channels have rates."""
        def answer():
            now = self.controller.ask("channels")
            return now if now["total"] == total and all(c["rate_bps"] for c in now["channels"]) else None
        return wait_for(answer, f"{total} channels have rates")

    def rates(self):
        return {channel["channel"]: channel["rate_bps"] for channel in self.controller.ask("channels")["channels"]}


@pytest.fixture
def channels(make_controller, make_node, messages, redis, tmp_path):
    def make(options=""):
        config = tmp_path / "controller.yaml"
        config.write_text(f"{BASE}- {{type: bandwidth, capacity: 100M, nodes: [{{node: g, downlink: 12M}}]{options}}}\n"
                          "- {type: store}\n")
        return Channels(make_controller(redis=redis.endpoint, config=config), make_node, messages)
    return make


def near(value, wanted):
    return abs(value - wanted) < 1e-6 * wanted


def test_the_worst_served_gets_most(channels, redis):
    world = channels()
    world.offer()
    answer = world.settled(6)
    assert (answer["allocation"], answer["error"], answer["total"]) == ("global", None, 6)
    by_name = {channel["channel"]: channel for channel in answer["channels"]}
    alone, first = by_name["alone/in>out.0"], by_name["join/in>out.0"]
    # Plain TCP would serve the join whole and the other at a fifth: three times better for the worst served.
    assert near(alone["rate_bps"], 6 * MBIT) and near(first["rate_bps"], 1.2 * MBIT)
    assert near(alone["share"], 0.6) and near(first["share"], 0.6)
    assert near(alone["fair_bps"], 2 * MBIT) and near(alone["fair_share"], 0.2) and near(first["fair_share"], 1)
    assert alone["bottleneck"] == first["bottleneck"] == "g downlink"
    assert (alone["from_node"], alone["to_node"], alone["in_force_bps"]) == ("f", "g", 7 * MBIT)
    assert (first["sender_begin_bytes"], first["sender_end_bytes"], first["receiver_end_bytes"]) == (1000, 3000, None)
    link = next(link for link in answer["links"] if link["link"] == "g downlink")
    assert near(link["allocated_bps"], 12 * MBIT) and near(link["price_per_mbit"], 1 / 20)
    world.report("g", world.end("alone", "f", sends=False, begin_bytes=5, end_bytes=7))
    wait_for(lambda: 7 in {channel["receiver_end_bytes"] for channel in world.controller.ask("channels")["channels"]},
             "the other end is known")
    stored = wait_for(lambda: json.loads(redis.run("GET", "weir:1:channels") or "{}"), "they are in Redis")
    assert stored["total"] == 6 and "alone/in>out.0" in world.controller.ctl("channels").stdout


def test_explain_says_what_would_change_it(channels):
    world = channels()
    world.offer()
    world.settled(6)
    channel = world.controller.ask("explain", "alone/in>out.0")["channel"]
    assert near(channel["price_per_mbit"], 1 / 20) and near(channel["with_tenth_more_capacity_bps"], 6.6 * MBIT)
    assert near(channel["with_twice_its_weight_bps"], 8 * MBIT) and near(channel["minimum_possible_bps"], 12 * MBIT)
    assert "Held by g downlink: its 6 channels offer 20.0 Mbit/s, it has 12.0 Mbit/s" in channel["text"]
    assert "Held by g downlink" in world.controller.ctl("explain", "alone/in>out.0").stdout
    refused = world.controller.ctl("explain", "nobody")
    assert refused.returncode == 1 and "or a channel" in refused.stderr


def test_needs_count_and_what_does_not_fit_is_told(channels):
    world = channels(", needs: [{pipeline: alone, weight: 4}, {pipeline: join, stream: in>out, minimum: 2M}]")
    world.offer()
    world.settled(6)
    assert near(world.rates()["join/in>out.3"], 2 * MBIT) and near(world.rates()["alone/in>out.0"], 2 * MBIT)
    before = world.rates()
    world.report("a", *(world.end("join", "g", index, offered_bps=2 * MBIT) for index in (0, 5, 6)))  # now seven
    error = wait_for(lambda: world.controller.ask("channels")["error"], "the minimum rates are refused")
    assert error.startswith("g downlink: the minimum rates of its 8 channels are 1.4e+07 bit/s together, 2e+06 more")
    assert {name: world.rates()[name] for name in before} == before
    assert world.rates()["join/in>out.5"] is None
    assert "the last rates stay" in world.controller.ctl("channels").stdout
    world.report("a")
    wait_for(lambda: world.controller.ask("channels")["error"] is None, "they fit again")


def test_s1_goes_by_queues(channels):
    world = channels(", allocation: s1")
    world.report("a", world.end("join", "g", 0, offered_bps=MBIT, end_bytes=250_000, volume_bytes=750_000))
    world.report("b", world.end("join", "g", 1, offered_bps=MBIT, volume_bytes=750_000))
    # Both received 6 Mbit, and 4 of the first are not processed yet: it gets less.
    world.report("g", world.end("join", "a", 0, sends=False, end_bytes=500_000),
                 world.end("join", "b", 1, sends=False, end_bytes=0))


    def settled():
        rates = world.rates()
        return len(rates) == 2 and near(rates["join/in>out.1"] or 0, 12 * MBIT) and rates["join/in>out.0"] < 1
    wait_for(settled, "the queue that waits is not fed further")


def test_a_node_that_is_gone_takes_its_channels_along(channels):
    world = channels()
    world.offer()
    world.settled(6)
    world.nodes["f"].stop_beating()
    world.nodes["f"].goodbye()
    wait_for(lambda: len(world.rates()) == 5, "five are left")
    wait_for(lambda: world.rates()["join/in>out.0"] >= 2 * MBIT, "they have their demand")


def test_without_the_stage_there_is_no_answer(make_controller):
    refused = make_controller().ctl("channels")
    assert refused.returncode == 1 and "no stage bandwidth" in refused.stderr


BAD = {
    "bandwidth.nodes.node: missing": "nodes: [{uplink: 1M}]",
    "bandwidth.nodes.uplink: \"fast\": expected": "nodes: [{node: a, uplink: fast}]",
    "expected a list of mappings": "nodes: 5",
    "cap 1e+06: expected at least the minimum, 2e+06": "needs: [{pipeline: p, cap: 1M, minimum: 2M}]",
    "weight, minimum: go with allocation global": "allocation: s1, needs: [{pipeline: p, weight: 2}]",
    "allocation: \"best\": expected": "allocation: best",
}


@pytest.mark.parametrize("message", BAD)
def test_bad_options_are_refused(tmp_path, message):
    config = tmp_path / "controller.yaml"
    config.write_text(f"{BASE}- {{type: bandwidth, {BAD[message]}}}\n")
    result = subprocess.run([BUILD / "weir-controller", "--config", config, "--listen", f"ipc://{tmp_path}/c",
                             "--redis", "none"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and message in result.stderr and result.stderr.count("\n") == 1, result.stderr
