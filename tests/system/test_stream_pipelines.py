# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The pipelines of conf/ that are not about packets find what a few lines of Python find in the records that their
inputs were made from."""
import json
import subprocess
import sys
from collections import Counter

import pytest

from conftest import BUILD, ROOT

sys.path.insert(0, str(ROOT / "scripts/demo.d"))
import records  # noqa: E402

EAL = ["--no-huge", "--no-shconf", "--no-pci", "--log-level=error", "--"]
PLANS = {"one worker": ["-l", "0", *EAL], "two workers": ["--lcores", "0@0,1@0", *EAL]}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Kind -> (its records, the file with them)."""
    folder = tmp_path_factory.mktemp("records")
    made = {kind: list(make()) for kind, make in records.KINDS.items()}
    for kind, rows in made.items():
        records.write(folder / f"{kind}.jsonl", rows)
    return {kind: (rows, folder / f"{kind}.jsonl") for kind, rows in made.items()}


def run(plan, name, paths):
    settings = [word for source, path in paths.items() for word in ("--set", f"{source}.path={path}")]
    done = subprocess.run([BUILD / "weir-dataplane", *PLANS[plan], "--config", ROOT / f"conf/{name}.yaml", *settings],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(words, every):
    """(time, word) of every `every`-th arrival of each word."""
    seen = Counter()
    for time_ns, word in words:
        seen[word] += 1
        if seen[word] % every == 0:
            yield time_ns, word


def assert_rankings(found, arrivals, every, span_s, k):
    """Each complete window has the k greatest; of those that are equal to the last one, any."""
    last_ns = max(time_ns for time_ns, _ in arrivals)
    ends = sorted({row["window_end_ns"] for row in found if row["window_end_ns"] <= last_ns})
    assert len(ends) >= 3
    for end_ns in ends:
        counts = Counter(word for time_ns, word in arrivals if end_ns - span_s * records.SECOND <= time_ns < end_ns)
        expected = [(word, times * every) for word, times in counts.most_common()]
        ranked = sorted((row for row in found if row["window_end_ns"] == end_ns), key=lambda row: row["rank"])
        got = [(row.get("topic") or (row["kind"], row["tag"]), row["sum_times"]) for row in ranked]
        assert [times for _, times in got] == [times for _, times in expected[:k]]
        assert set(got) <= set(expected)


@pytest.mark.parametrize("plan", PLANS)
def test_trending_topics(inputs, plan):
    rows, path = inputs["messages"]
    words = [(row["timestamp_ns"], word) for row in rows for word in row["text"].split()]
    found = run(plan, "trending_topics", {"source": path})
    assert_rankings(found, list(told(words, 4)), 4, 30, 10)
    assert any(row["topic"] == "#flood" for row in found) and any(row["topic"] == "#cup" for row in found)


def test_trending_tags_on_one_worker(inputs):
    """One worker keeps the order of updates, so that which of them is the fourth of a tag is known."""
    rows, path = inputs["profiles"]
    tags = [(row["timestamp_ns"], (row["kind"], tag)) for row in rows
            for tag in row["text"].split("," if row["kind"] == "skill" else ";")]
    found = run("one worker", "trending_tags", {"source": path})
    assert_rankings(found, list(told(tags, 4)), 4, 5, 5)


def action(speed, congestion):
    return "take another road" if congestion > 80 else "slow down" if speed > 90 else "go on"


@pytest.mark.parametrize("plan", PLANS)
def test_trucks_in_pairs(inputs, plan):
    (trucks, trucks_path), (roads, roads_path) = inputs["trucks"], inputs["roads"]
    reports = {(road["sequence"], road["road"]): road["congestion"] for road in roads}
    expected = [(truck["sequence"], action(truck["speed"], reports[truck["sequence"], truck["road"]]))
                for truck in trucks]
    found = run(plan, "trucking_pairs", {"trucks": trucks_path, "roads": roads_path})
    assert sorted((row["sequence"], row["action"]) for row in found) == \
        sorted(pair for pair in expected if pair[1] != "go on")


@pytest.mark.parametrize("plan", PLANS)
def test_trucks_with_the_latest_report(inputs, plan):
    """Which report is the latest depends on how the files are read; that it is one of the road, and none after a later
    one, does not."""
    (trucks, trucks_path), (roads, roads_path) = inputs["trucks"], inputs["roads"]
    reports = {road["sequence"]: road for road in roads}
    sent = {truck["sequence"]: truck for truck in trucks}
    found = run(plan, "trucking_latest", {"trucks": trucks_path, "roads": roads_path})
    assert found
    latest = {}
    for row in found:
        report, truck = reports[row["right_sequence"]], sent[row["sequence"]]
        assert report["road"] == truck["road"] == row["road"] and report["congestion"] == row["congestion"]
        assert row["action"] == action(truck["speed"], row["congestion"]) != "go on"
        assert latest.get(row["road"], 0) <= row["right_sequence"]
        latest[row["road"]] = row["right_sequence"]


def move_centers(points, centers):
    """One iteration of Lloyd's: cluster -> mean of the points that its center is the nearest to, and their number."""
    near = {cluster: [] for cluster in centers}
    for x, y in points:
        near[min(centers, key=lambda c: (x - centers[c][0]) ** 2 + (y - centers[c][1]) ** 2)].append((x, y))
    return {cluster: (sum(x for x, _ in them) / len(them), sum(y for _, y in them) / len(them), len(them))
            for cluster, them in near.items() if them}


@pytest.mark.parametrize("plan", PLANS)
def test_kmeans(inputs, plan):
    (points, points_path), (starts, starts_path) = inputs["points"], inputs["starts"]
    centers = {start["cluster"]: (start["x"], start["y"]) for start in starts}
    for _ in range(5):
        moved = move_centers([(p["x"], p["y"]) for p in points], centers)
        assert moved != centers, "the test's own data leaves nothing to iterate"
        centers = moved
    found = {row["cluster"]: (row["x"], row["y"], row["points"]) for row in run(
        plan, "kmeans", {"points": points_path, "start": starts_path})}
    assert found.keys() == centers.keys()
    for cluster, (x, y, count) in centers.items():
        assert found[cluster][2] == count
        assert found[cluster][:2] == pytest.approx((x, y), rel=1e-9)
