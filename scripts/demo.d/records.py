#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Records for the pipelines of conf/ that are not about packets, as JSON lines, always the same.

    records.py KIND FILE        KIND: messages, profiles, trucks, roads, points, starts

As a module: messages(), … give the same as dictionaries, from which tests compute what the pipelines should find.
"""
import itertools
import json
import random
import sys

SECOND = 1_000_000_000
START_NS = 1_700_000_010 * SECOND  # windows of 5, 10 and 30 s begin here
SKILLS = "C Rust Go Python SQL DPDK Linux Kubernetes statistics design writing selling".split()
JOBS = "engineer analyst manager researcher teacher nurse driver cook".split()


def zipf(count, exponent):
    """Weights that fall as Zipf's law says, added up."""
    return list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(count)))


def messages(seconds=60, rate=100, seed=1):
    """Short texts of words by Zipf's law; #flood comes up after 15 s and goes after 35 s, #cup stays from 40 s on."""
    chance, words = random.Random(seed), [f"word{i}" for i in range(400)]
    weights = zipf(len(words), 1.0)
    for i in range(seconds * rate):
        second = i / rate
        text = chance.choices(words, cum_weights=weights, k=chance.randint(4, 12))
        for tag, begin, end in (("#flood", 15, 35), ("#cup", 40, seconds)):
            if begin <= second < end and chance.random() < 0.7:
                text.insert(chance.randrange(len(text)), tag)
        yield {"timestamp_ns": START_NS + i * SECOND // rate, "id": i, "text": " ".join(text)}


def profiles(seconds=20, rate=100, seed=2):
    """Updates of profiles: what somebody can do, or is."""
    chance, weights = random.Random(seed), {"skill": zipf(len(SKILLS), 0.8), "job": zipf(len(JOBS), 0.8)}
    for i in range(seconds * rate):
        kind = chance.choice(["skill", "job"])
        names = SKILLS if kind == "skill" else JOBS
        found = chance.choices(names, cum_weights=weights[kind], k=chance.randint(1, 4))
        yield {"timestamp_ns": START_NS + i * SECOND // rate, "member": chance.randrange(500), "kind": kind,
               "text": ("," if kind == "skill" else ";").join(found)}


def trucks(seconds=20, rate=250, seed=3):
    """What trucks report, each on one of 40 roads: the large ones of the two kinds of records."""
    chance = random.Random(seed)
    for i in range(seconds * rate):
        truck = i % 120
        yield {"timestamp_ns": START_NS + i * SECOND // rate, "sequence": i, "truck": truck, "road": truck % 40,
               "speed": chance.randint(30, 110), "driver": f"driver-{truck:04}",
               "state": "".join(chance.choices("abcdefgh", k=200))}


def roads(seconds=20, rate=250, seed=4):
    """How congested each road is, in percent."""
    chance = random.Random(seed)
    for i in range(seconds * rate):
        yield {"timestamp_ns": START_NS + i * SECOND // rate + 1_000_000, "sequence": i, "road": i % 120 % 40,
               "congestion": chance.randint(0, 100)}


def points(count=5000, clusters=8, seed=5):
    """Places in a plane, around as many others as there are clusters."""
    chance = random.Random(seed)
    middles = [(chance.uniform(-100, 100), chance.uniform(-100, 100)) for _ in range(clusters)]
    for i in range(count):
        x, y = middles[chance.randrange(clusters)]
        yield {"id": i, "x": round(chance.gauss(x, 12), 6), "y": round(chance.gauss(y, 12), 6)}


def starts(clusters=8):
    """The first center of each cluster: some of the points."""
    for cluster, point in enumerate(itertools.islice(points(), clusters)):
        yield {"cluster": cluster, "x": point["x"], "y": point["y"]}


KINDS = {"messages": messages, "profiles": profiles, "trucks": trucks, "roads": roads, "points": points,
         "starts": starts}


def write(path, made):
    with open(path, "w", encoding="utf-8") as file:
        for record in made:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in KINDS:
        sys.exit(f"records.py: expected a kind ({', '.join(KINDS)}) and the path of the file to write")
    write(sys.argv[2], KINDS[sys.argv[1]]())
