# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""How late flows end, by event time: the same in every run and on every machine."""
import pytest

from conftest import wait_for
from node import Node

FLOWS = 1_000_000  # live at once
CONFIG = f"""
pipeline: expiry
operators:
  - {{name: source,  type: replay, loops: 0, frames: {FLOWS // 4}, flows: {FLOWS // 4}, rounds: renew}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats,   type: flow_stats, max_flows: {2 * FLOWS}, tcp: no}}
"""


@pytest.mark.parametrize("interval_us", (0.1, 1, 100), ids=lambda us: f"{1 / us:g} Mpps")
def test_flows_end_in_time_at_any_packet_rate(tmp_path, interval_us):
    """A million flows live, each begun by one packet: at most one in a hundred ends later than 100 ms."""
    config = tmp_path / "expiry.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    node = Node(tmp_path, ["--config", config, "--set", f"source.interval={int(interval_us * 1000)}ns",
                           "--set", f"stats.idle_timeout={int(FLOWS * interval_us / 1000)}ms"])
    try:
        node.wait_until_up()
        wait_for(lambda: node.instance("stats")["gauge_ended_idle"] > FLOWS // 4, "flows that end")
        stats = node.instance("stats")
    finally:
        node.close()
    ended = sum(stats[f"gauge_late_{name}"] for name in ("100ms", "1s", "more"))
    assert stats["gauge_flows"] > 0.9 * FLOWS
    assert ended >= FLOWS // 4
    assert stats["gauge_late_1s"] + stats["gauge_late_more"] <= ended // 100
    assert stats["drop_table_full"] == 0
