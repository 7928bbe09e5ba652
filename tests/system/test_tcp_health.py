# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""TCP health at the controller is what the node's own records add up to: counters exactly, times within the error that
the answer states."""
import ipaddress
import json

import pytest
from conftest import wait_for
from node import run_file

PIPELINE = """
pipeline: health
operators:
  - {name: source,  type: pcap, path: CAPTURE}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: sink,    type: json, path: SINK}
  - {name: report,  type: summary, floor: 500KiB, prefixes: 256}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: sink}
  - {from: stats,   to: report, grouping: forward}
"""
WINDOW_S = 600


def prefix_of(address):
    address = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def add(sums, ends, **figures):
    for end in ends:
        for name, value in figures.items():
            sums.setdefault(end, {}).setdefault(name, 0)
            sums[end][name] += value


def truth(file):
    """Sums over the records, and by prefix."""
    everything, prefixes = {}, {}
    for line in file.read_text().splitlines():
        record = json.loads(line)
        if record["protocol"] != 6:
            continue
        ends = {"fwd": prefix_of(record["dst_ip"]), "rev": prefix_of(record["src_ip"])}  # where each was sent to
        for way, there in ends.items():
            counts, tcp = record.get(way, {"packets": 0}), record["tcp"].get(way, {})
            figures = {"packets": counts["packets"]} | {
                name: tcp.get(name, 0) for name in ("retransmitted_packets", "out_of_order_packets", "zero_windows")}
            samples = tcp.get("rtt_samples", 0)
            add(everything, [""], **figures, samples=samples, sum_ns=samples * tcp.get("rtt_avg_ns", 0))
            add(prefixes, ends.values(), **figures)
            add(prefixes, [there], samples=samples)
    return everything[""], prefixes


def mean_ns(distribution):
    buckets = distribution["buckets"]
    return sum(upper_ns * count for upper_ns, count in buckets) / sum(count for _, count in buckets)


@pytest.mark.parametrize("plan", [[], ["--set", "stats.active_timeout=2s"]], ids=["whole", "cut records"])
def test_sums_and_times_are_those_of_the_records(tmp_path, make_controller, redis, made_captures, plan):
    config, pipeline, sink = tmp_path / "controller.yaml", tmp_path / "health.yaml", tmp_path / "flows.jsonl"
    config.write_text(f"windows: [10s, {WINDOW_S}s]\nentries_max: 4096\n")
    pipeline.write_text(PIPELINE.replace("CAPTURE", str(made_captures["all"])).replace("SINK", str(sink)))
    controller = make_controller(redis=redis.endpoint, config=config)
    done = run_file(["--config", pipeline, "--node", "probe", "--controller", controller.endpoint, *plan])
    assert done.returncode == 0, done.stderr
    sums, prefixes = truth(sink)
    totals = wait_for(lambda: (node := controller.node("probe")).get("state") == "ended" and node["totals"], "the end")
    for name in ("packets", "retransmitted_packets", "out_of_order_packets", "zero_windows"):
        assert totals[f"tcp_{name}"] == sums[name] > 0, name
    health = controller.ask("tcp", "--window", WINDOW_S, "--limit", 1000)
    for name in ("packets", "retransmitted_packets", "out_of_order_packets", "zero_windows"):
        assert health[name] == sums[name], name
    assert health["retransmitted_share"] == pytest.approx(sums["retransmitted_packets"] / sums["packets"], rel=1e-4)
    rtt = health["rtt"]
    assert rtt["samples"] == sums["samples"] > 0
    # Buckets are known by their upper ends: the mean is above the true one, by a bucket at most.
    assert mean_ns(rtt) == pytest.approx(sums["sum_ns"] / sums["samples"], rel=2.1 * rtt["relative_error"])
    assert rtt["p50_ns"] <= rtt["p90_ns"] <= rtt["p95_ns"] <= rtt["p99_ns"] <= rtt["max_ns"]
    assert health["handshake"]["samples"] > 0
    seen = {entry["prefix"]: entry for entry in health["prefixes"]}
    assert set(seen) == set(prefixes)
    for prefix, expected in prefixes.items():
        for name, value in expected.items():
            assert seen[prefix][name] == value, (prefix, name)
    # The worst is surely worse than the last one.
    assert health["prefixes"][0]["retransmitted_share"] >= health["prefixes"][-1]["retransmitted_share"]
    assert "round trip" in controller.ctl("tcp").stdout

    def is_stored():
        stored = redis.run("GET", f"weir:1:tcp:{WINDOW_S}")
        return stored and json.loads(stored)["rtt"]["samples"] == rtt["samples"]
    wait_for(is_stored, "the same in Redis")
