# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Rates of channels from end to end: two real nodes report their channel, the controller works out its rate, the node
holds it to that and lets it go when told; no record is lost or doubled meanwhile."""
import pytest

from conftest import wait_for
from test_links import Pair

CONFIG = """
stages:
- {{type: collect}}
- {{type: lists}}
- {{type: bandwidth, allocation: {allocation}, enforce: {enforce}, capacity: 8M, fall: 1}}
"""
CAPACITY_BPS = 8_000_000


@pytest.fixture
def run(tmp_path, make_controller):
    made = []

    def make(allocation, enforce="true"):
        path = tmp_path / "controller.yaml"
        path.write_text(CONFIG.format(allocation=allocation, enforce=enforce))
        controller = make_controller(config=path)
        pair = Pair(tmp_path, count=900_000, rate=60_000).start(extra=["--controller", controller.endpoint])
        made.append(pair)
        return controller, pair, path

    yield make
    for pair in made:
        pair.close()


def channel(controller):
    return next(iter(controller.ask("channels")["channels"]), {})


@pytest.mark.parametrize("allocation, then, enforce", [("global", "tcp", "true"), ("s1", "s1", "false")])
def test_a_channel_is_held_to_its_rate_and_let_go(run, allocation, then, enforce):
    controller, pair, config = run(allocation)
    held = wait_for(lambda: channel(controller).get("in_force_bps") and channel(controller), "the channel has a rate")
    assert (held["channel"], held["from_node"], held["to_node"]) == ("two/made>tally.0", "a", "b")
    assert held["in_force_bps"] == CAPACITY_BPS and held["rate_bps"] == pytest.approx(CAPACITY_BPS)
    # It wants more than it gets, and what gets through in a whole interval at the rate is that rate.
    wait_for(lambda: channel(controller)["offered_bps"] > CAPACITY_BPS, "more is offered")
    wait_for(lambda: 0 < channel(controller)["volume_bytes"] * 8e9 / channel(controller)["interval_ns"]
             < 1.1 * CAPACITY_BPS, "the rate is kept")
    assert pair.channel("a")["rate_bps"] == CAPACITY_BPS
    decisions = controller.ask("explain", "bandwidth")["decisions"]
    assert decisions[-1]["command"] == "rates" and decisions[-1]["status"] == "done"
    assert decisions[-1]["reason"] == f"{allocation}: other rates for 1 of its channels"
    wait_for(lambda: channel(controller)["receiver_end_bytes"] is not None, "the other end is known")
    config.write_text(CONFIG.format(allocation=then, enforce=enforce))
    assert controller.ctl("reload").returncode == 0
    wait_for(lambda: pair.channel("a")["rate_bps"] == 0, "it is let go")
    assert pair.wait() == [0, 0], pair.errors()
    pair.assert_exactly_once()


def test_shown_alone_nothing_is_held_back(run):
    controller, pair, _ = run("global", enforce="false")
    shown = wait_for(lambda: channel(controller).get("rate_bps") and channel(controller), "the channel has a rate")
    assert shown["rate_bps"] == pytest.approx(CAPACITY_BPS) and shown["in_force_bps"] is None
    assert pair.wait() == [0, 0], pair.errors()
    pair.assert_exactly_once()
    assert controller.ask("explain")["decisions"] == []
