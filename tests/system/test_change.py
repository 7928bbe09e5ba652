# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Pipelines that change while they run: the counts of each key are those of an undisturbed run."""
import collections
import itertools
import os
import threading
import json

from conftest import wait_for
from node import Node, assert_accounts_hold, run_file

TWO_WORKERS = ("-l", "0-1")
PACKETS = """
pipeline: changed
placement: chained
operators:
  - {name: source,  type: replay, flows: 3000, frames: 32768, loops: 100, rounds: converse, interval: 2us,
     parallelism: 1}
BEFORE
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats, parallelism: 2, idle_timeout: 300ms, active_timeout: 3s}
BEHIND
  - {name: sink,    type: json, path: PATH}
"""
BEFORE = "  - {name: before, type: filter, where: protocol >= 0}"
BEHIND = "  - {name: behind, type: filter, where: protocol >= 0}"


def write(tmp_path, name, before="", behind="", **changes):
    text = PACKETS.replace("BEFORE", before).replace("BEHIND", behind).replace("PATH", str(tmp_path / f"{name}.jsonl"))
    for old, new in changes.items():
        text = text.replace(old, new)
    config = tmp_path / f"{name}-{bool(before)}-{bool(behind)}.yaml"
    config.write_text(text)
    return config


def records(tmp_path, name):
    return sorted((tmp_path / f"{name}.jsonl").read_text().splitlines())


def node_of(controller, tmp_path, *arguments):
    node = Node(tmp_path, ["--node", "edge", "--controller", controller.endpoint, *arguments], eal=TWO_WORKERS)
    node.wait_until_up()
    wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
    return node


def test_operators_come_and_go(make_controller, tmp_path):
    still = run_file(["--config", write(tmp_path, "still")], eal=TWO_WORKERS)
    assert still.returncode == 0, still.stderr
    controller = make_controller()
    node = node_of(controller, tmp_path, "--config", write(tmp_path, "changing"))
    forms = [write(tmp_path, "changing", *form)
             for form in ((BEFORE, ""), (BEFORE, BEHIND), ("", BEHIND), ("", ""), (BEFORE, BEHIND), ("", ""))]
    changed = 0
    try:
        for form in itertools.cycle(forms):
            result = controller.ctl("apply", "edge", form, timeout=5)
            if not node.process.is_running():
                break
            changed += result.returncode == 0 and "runs changed: " in result.stdout
            if changed == 3:
                for one in filter(None, node.instances()):
                    assert_accounts_hold(one)
        assert node.process.wait() == 0
    finally:
        node.close()
    assert changed >= 3
    assert len(records(tmp_path, "still")) > 3000
    assert records(tmp_path, "changing") == records(tmp_path, "still")


def wait_for_share(counts, least, most):
    """Wait until the first of counts() has got such a share of many tuples. Figures may be a moment apart."""
    before = counts()

    def has_share():
        got = [now - then for now, then in zip(counts(), before)]
        return sum(got) > 20_000 and least <= got[0] / sum(got) <= most

    wait_for(has_share, f"a share of {least}..{most}")


WEIGHED = """
pipeline: weighed
operators:
  - {name: source, type: generate, rate: 100000, count: COUNT, fields: [n u64 sequence], parallelism: 1}
  - {name: part,   type: filter, where: n >= 0, parallelism: 2}
  - {name: sink,   type: json, path: PATH}
streams:
  - {from: source, to: part, grouping: shuffle, weights: WEIGHTS}
  - {from: part,   to: sink}
"""
RECORDS = 400_000


def test_weights_change_while_tuples_are_on_their_way(make_controller, tmp_path):
    def weighed(*weights):
        config = tmp_path / f"{weights}.yaml"
        text = WEIGHED.replace("COUNT", str(RECORDS)).replace("PATH", str(tmp_path / "records.jsonl"))
        config.write_text(text.replace("WEIGHTS", str(list(weights))))
        return config

    def parts():
        """Tuples that each instance of `part` got so far."""
        return [one["in"] for one in node.instances() if one["operator"] == "part"]

    controller = make_controller()
    node = node_of(controller, tmp_path, "--config", weighed(70, 30))
    try:
        for weights in ((20, 80), (0, 1), (70, 30)):
            result = controller.ctl("apply", "edge", weighed(*weights))
            assert result.returncode == 0, result
            assert f"weighed: groups source -> part shuffle {weights[0]}/{weights[1]}; workers for" in result.stdout
            share = weights[0] / sum(weights)
            wait_for_share(parts, share - 0.1, share + 0.1)
        assert node.process.wait() == 0
    finally:
        node.close()
    numbers = sorted(int(line.split(":")[1].rstrip("}")) for line in records(tmp_path, "records"))
    assert numbers == list(range(RECORDS))


GROUPED = """
pipeline: grouped
operators:
  - {name: source, type: generate, rate: 100000, count: COUNT, fields: [n u64 sequence, user u32 uniform 0 1000],
     parallelism: 2}
  - {name: part,   type: filter, where: n >= 0, parallelism: 2}
  - {name: sums,   type: reduce, key: [user], compute: [tuples = count()], parallelism: 2}
  - {name: sink,   type: json, path: PATH}
  - {name: totals, type: json, path: TOTALS}
streams:
  - {from: source, to: part, PART}
  - {from: part,   to: sums, SUMS}
  - {from: part,   to: sink}
  - {from: sums,   to: totals}
"""


def test_groupings_change(make_controller, tmp_path):
    def grouped(part, sums="grouping: key"):
        config = tmp_path / "grouped.yaml"
        text = GROUPED.replace("COUNT", str(RECORDS)).replace("PART", part).replace("SUMS", sums)
        for word in ("PATH", "TOTALS"):
            text = text.replace(word, str(tmp_path / f"{word}.jsonl"))
        config.write_text(text)
        return config

    def parts():
        return [one["in"] for one in node.instances() if one["operator"] == "part"]

    controller = make_controller()
    node = node_of(controller, tmp_path, "--config", grouped("grouping: shuffle"))
    try:
        # What the first of the two instances gets then, at least and at most.
        for part, said, least, most in (
                ("grouping: partial_key, key: [user]", "partial_key", 0.4, 0.6),
                ("grouping: global", "global", 1, 1), # the other one has no input any more, and ends
                ("grouping: forward", "forward", 0.4, 0.6), # and begins again
                ("grouping: key, key: [user]", "key", 0.3, 0.7),
                ("grouping: shuffle, weights: [0, 1]", "shuffle 0/1", 0, 0),
                ("grouping: shuffle", "shuffle", 0.4, 0.6)):
            result = controller.ctl("apply", "edge", grouped(part))
            assert result.returncode == 0, result
            assert f"grouped: groups source -> part {said}; " in result.stdout, result
            wait_for_share(parts, least, most)
        # What keeps state by key stays so.
        for sums in ("grouping: shuffle", "grouping: key, key: [n]"):
            result = controller.ctl("apply", "edge", grouped("grouping: shuffle", sums))
            assert result.returncode == 1 and "part -> sums" in result.stdout + result.stderr, result
        assert node.process.wait() == 0
    finally:
        node.close()
    lines = [json.loads(line) for line in records(tmp_path, "PATH")]
    assert sorted(line["n"] for line in lines) == list(range(RECORDS))
    totals = {line["user"]: line["tuples"] for line in map(json.loads, records(tmp_path, "TOTALS"))}
    assert totals == collections.Counter(line["user"] for line in lines)


COUNTED = """
pipeline: counted
operators:
  - {name: source, type: generate, rate: 50000, fields: [n u64 sequence], parallelism: SOURCES}
PART
  - {name: sink,   type: 'null', parallelism: 1}
STREAMS
"""
PART = "  - {name: part, type: filter, where: n % 2 == 0, parallelism: PARTS}"
STREAMS = """streams:
  - {from: source, to: part, grouping: shuffle}
  - {from: part,   to: sink, grouping: shuffle}"""
DIRECT = """streams:
  - {from: source, to: sink, grouping: shuffle}"""


def test_figures_never_run_back(make_controller, tmp_path):
    """Instances, an operator and its pipeline go and come again: what was counted stays counted."""
    def counted(sources, part=""):
        config = tmp_path / "counted.yaml"
        text = COUNTED.replace("SOURCES", str(sources)).replace("STREAMS", STREAMS if part else DIRECT)
        config.write_text(text.replace("PART", part))
        return config

    def parts(count):
        return PART.replace("PARTS", str(count))

    controller = make_controller()
    node = node_of(controller, tmp_path, "--config", counted(2, parts(2)))
    seen, dropped = {}, [0]

    def look():
        """Compare all figures with those of before."""
        for one in node.instances():
            assert_accounts_hold(one)
            name = (one["operator"], one["index"])
            for counter in ("in", "out", "forwarded", "absorbed", "drop_not_matched"):
                assert one.get(counter, 0) >= seen.get((*name, counter), 0), (one, counter)
                seen[(*name, counter)] = one.get(counter, 0)
        dropped.append(controller.node("edge")["dropped"])
        assert dropped[-1] >= dropped[-2]
        return dropped[-1]

    def go_on():
        """Wait until the controller has heard of more."""
        wait_for(lambda: look() > dropped[0] + 5000, "more is dropped")
        dropped[:] = dropped[-1:]

    try:
        go_on()
        for form in (counted(1, parts(2)), counted(2, parts(1)), counted(2, parts(2)), counted(1, parts(4))):
            assert controller.ctl("apply", "edge", form).returncode == 0
            go_on()
        assert controller.ctl("apply", "edge", counted(1)).returncode == 0
        before = node.instance("sink")["in"]
        wait_for(lambda: look() and node.instance("sink")["in"] > before + 5000, "it goes on without the operator")
        assert controller.ctl("apply", "edge", counted(2, parts(2))).returncode == 0
        assert node.instance("part", 0)["in"] >= seen[("part", 0, "in")] > 0
        go_on()
        assert controller.ctl("remove", "edge", "counted").returncode == 0
        beat = controller.node("edge")["beat_ns"]
        wait_for(lambda: controller.node("edge")["beat_ns"] > beat + 1_500_000_000 and look(), "what is gone is told")
        assert controller.ctl("apply", "edge", counted(2, parts(2))).returncode == 0
        go_on()
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
    finally:
        node.close()


ANOTHER = """
pipeline: NAME
operators:
  - {name: source,  type: replay, flows: 500, frames: 4096, loops: 0, rate: 20000, parallelism: 1}
  - {name: flow_id, type: flow_id}
  - {name: stats,   type: flow_stats, parallelism: 2}
  - {name: sink,    type: json, path: PATH}
"""


def test_several_each_on_its_own(make_controller, tmp_path):
    controller = make_controller()
    configs = {}
    for name in ("first", "second", "third"):
        configs[name] = tmp_path / f"{name}.yaml"
        configs[name].write_text(ANOTHER.replace("NAME", name).replace("PATH", str(tmp_path / f"{name}.jsonl")))

    def listed():
        return {line.split()[1] for line in controller.ctl("list").stdout.splitlines() if line.startswith("edge")}

    def counted():
        """Packets of each pipeline so far."""
        counts = {}
        for one in node.instances():
            assert_accounts_hold(one)
            if one["operator"] == "stats":
                counts[one["pipeline"]] = counts.get(one["pipeline"], 0) + one["in"]
        return counts

    node = node_of(controller, tmp_path, "--config", configs["first"])
    try:
        for name in ("second", "third"):
            result = controller.ctl("apply", "edge", configs[name])
            assert result.returncode == 0 and f"runs {name}: new, 4 operators" in result.stdout, result
        wait_for(lambda: listed() == {"first", "second", "third"}, "the controller lists all")
        wait_for(lambda: all(count > 1000 for count in counted().values()), "all count packets")
        # A name that several have needs the pipeline's.
        assert "in several pipelines" in controller.ctl("set", "edge", "source.rate=1000").stdout
        assert controller.ctl("set", "edge", "third/source.rate=30000").returncode == 0
        result = controller.ctl("--dry-run", "apply", "edge", configs["third"])
        difference = "third: sets source.rate 20000 (was 30000)"
        assert f"would run {difference}" in result.stdout, result
        result = controller.ctl("apply", "edge", configs["third"])
        assert f"runs {difference}" in result.stdout, result
        # What is set by hand stays when another pipeline is changed.
        assert controller.ctl("set", "edge", "third/source.rate=30000").returncode == 0
        result = controller.ctl("apply", "edge", configs["second"])
        assert "runs second: no difference" in result.stdout, result
        result = controller.ctl("--dry-run", "apply", "edge", configs["third"])
        assert f"would run {difference}" in result.stdout, result
        result = controller.ctl("move", "edge", "second/stats", "0-99", 1)
        assert result.returncode == 0, result
        for name, others in (("second", {"first", "third"}), ("first", {"third"}), ("third", set())):
            before = counted()
            result = controller.ctl("remove", "edge", name)
            assert result.returncode == 0 and f"drained and removed: {name}" in result.stdout, result
            records = (tmp_path / f"{name}.jsonl").read_text().splitlines()
            assert len(records) == 500 and all("shutdown" in line for line in records)
            wait_for(lambda: listed() == others, "the controller lists the others")
            assert set(counted()) == others
            wait_for(lambda: all(counted()[other] > before[other] for other in others), "the others go on")
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
    finally:
        node.close()


BLOCKED = """
change_limit: 300ms
pipeline: blocked
placement: chained
channels: CHANNELS
operators:
  - {name: source,  type: replay, flows: 3000, frames: 32768, loops: 0, interval: 2us, parallelism: 1}
  - {name: flow_id, type: flow_id, parallelism: 1}
  - {name: sums,    type: window, parallelism: 1, size: 100ms, key: [src_ip, src_port], compute: [packets = count()]}
MORE
  - {name: sink,    type: json, path: PATH}
"""
MORE = "  - {name: more, type: filter, where: packets > 0, parallelism: 1}"


def blocked_node(controller, tmp_path, channels):
    """A node whose sink writes to a pipe that nobody reads, once it takes nothing any more; and its configurations."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)  # which never sees an end
    configs = []
    for name, more in (("with", MORE), ("without", "")):
        configs.append(tmp_path / f"{name}.yaml")
        configs[-1].write_text(BLOCKED.replace("CHANNELS", channels).replace("MORE", more).replace("PATH", str(pipe)))
    node = node_of(controller, tmp_path, "--config", configs[1])
    seen = [-1]

    def stands_still():
        seen.append(node.instance("source")["in"])
        return seen[-1] == seen[-2] > 0

    wait_for(stands_still, "the source waits")
    return node, reader, configs


def test_what_does_not_come_to_rest_is_named(make_controller, tmp_path):
    controller = make_controller()
    node, reader, (more, _) = blocked_node(controller, tmp_path, "ring")
    try:
        for _ in range(2):
            result = controller.ctl("apply", "edge", more)
            assert result.returncode == 1 and "nothing was changed: what was on its way was not handled in 300 ms, by" \
                in result.stdout and " sink" in result.stdout, result
        threading.Thread(target=read_all, args=(reader,), daemon=True).start()
        wait_for(lambda: controller.ctl("apply", "edge", more).returncode == 0, "it is changed once somebody reads")
        assert {one["operator"] for one in node.instances()} >= {"more", "sink"}
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() == 0
    finally:
        node.close()


def read_all(descriptor):
    while True:
        os.read(descriptor, 1 << 16)


def test_what_does_not_end_is_given_up(make_controller, tmp_path):
    """The sink takes nothing of what a window gives at its end."""
    controller = make_controller()
    node, reader, (_, plain) = blocked_node(controller, tmp_path, "auto")
    try:
        result = controller.ctl("remove", "edge", "blocked")
        assert result.returncode == 0 and "given up:" in result.stdout and "sums" in result.stdout, result
        assert "tuples lost" in result.stdout
        wait_for(lambda: not node.ask("/weir/instances"), "it runs nothing")
        threading.Thread(target=read_all, args=(reader,), daemon=True).start()
        result = controller.ctl("apply", "edge", plain)
        assert result.returncode == 0, result
        wait_for(lambda: node.instance("sink")["in"] > 1000, "what came later runs")
        assert controller.ctl("stop", "edge").returncode == 0
        assert node.process.wait() in (0, 1)  # 1 where the sink told of records that it dropped when it went
    finally:
        node.close()
