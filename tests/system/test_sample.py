# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The operator sample in a pipeline: mode flow keeps whole flows, the same ones in packets and in records, under every
plan; what is not kept is accounted for."""
import json
import re

import pytest

import captures
from node import run_file
from test_anonymize import PLANS

FLOWS, PACKETS, ONE_IN = 600, 5, 4

SAMPLE = f"type: sample, one_in: {ONE_IN}, mode: flow, secret: one for all"
PIPELINE = """
pipeline: sampled
operators:
  - {name: source,  type: pcap}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats}
  - {name: sink,    type: json}
"""
OF_PACKETS = PIPELINE.replace("  - {name: stats", f"  - {{name: chosen,  {SAMPLE}}}\n  - {{name: stats")
OF_RECORDS = PIPELINE.replace("  - {name: sink", f"  - {{name: chosen,  {SAMPLE}}}\n  - {{name: sink")


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """FLOWS flows of PACKETS packets, in turn, both directions."""
    path = tmp_path_factory.mktemp("sample") / "in.pcap"
    frames = []
    for number in range(PACKETS):
        for flow in range(FLOWS):
            client, server = (f"10.0.{flow // 200}.{flow % 200}", 1024 + flow), ("10.1.0.1", 443)
            (source, source_port), (destination, port) = (client, server) if number % 2 == 0 else (server, client)
            frames.append(captures.ethernet(captures.ipv4_udp(60, source_port, port, source, destination)))
    path.write_bytes(captures.pcap(frames))
    return path


def run(folder, capture, text, plan="chained"):
    (folder / "sampled.yaml").write_text(text, encoding="utf-8")
    eal, arguments = PLANS[plan]
    done = run_file(["--config", folder / "sampled.yaml", "--set", f"source.path={capture}", *arguments], eal=eal)
    assert done.returncode == 0, done.stderr
    records = sorted(done.stdout.splitlines())
    dropped = re.search(r"chosen dropped not_sampled (\d+)", done.stderr)
    return records, int(dropped[1]) if dropped else 0


def test_flows_are_kept_whole(tmp_path, capture):
    everything, dropped = run(tmp_path, capture, PIPELINE)
    assert (len(everything), dropped) == (FLOWS, 0)
    kept, dropped_records = run(tmp_path, capture, OF_RECORDS)
    assert set(kept) < set(everything)
    assert dropped_records == FLOWS - len(kept)
    # Six standard deviations; the secret is fixed, so it is the same figure each time.
    assert abs(len(kept) - FLOWS / ONE_IN) < 6 * (FLOWS * 3 / 16) ** 0.5
    for plan in ("chained", "two workers, ringed"):
        assert run(tmp_path, capture, OF_PACKETS, plan) == (kept, (FLOWS - len(kept)) * PACKETS), plan


def test_each_nth_packet_is_counted(tmp_path, capture):
    text = OF_PACKETS.replace("mode: flow, secret: one for all", "mode: packet")
    records, dropped = run(tmp_path, capture, text)
    records = [json.loads(record) for record in records]
    packets = sum(r["fwd"]["packets"] + r.get("rev", {"packets": 0})["packets"] for r in records)
    assert (packets, dropped) == (FLOWS * PACKETS // ONE_IN, FLOWS * PACKETS * (ONE_IN - 1) // ONE_IN)


def test_a_bad_key_is_refused(tmp_path, capture):
    (tmp_path / "bad.yaml").write_text(OF_RECORDS.replace("one for all", "s, key: [src_ip, vlan]"), encoding="utf-8")
    done = run_file(["--config", tmp_path / "bad.yaml", "--set", f"source.path={capture}"])
    assert done.returncode != 0
    assert 'sampled/chosen: key: "vlan": a list of schema flow' in done.stderr
