# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Key groups that move between workers while everything runs: how long a group rests, what it costs the others, whether
each flow is still told as in a run without moves, and what the controller's own moves give where keys are skewed.
"""
import statistics
import tempfile
import time

from control import Controller
from machine import note

GROUPS = 1024
FLOWS = 1000 * GROUPS
PIPELINE = """\
pipeline: bench
placement: chained
operators:
  - {{name: source,  type: replay, flows: {flows}, frames: 1048576, loops: {loops}, interval: 100ns,
     rounds: converse, parallelism: 1}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats,   type: flow_stats, parallelism: 2, max_flows: {max_flows}, idle_timeout: 7d, active_timeout: 7d}}
  - {{name: sink,    type: csv, path: {path}}}
"""
SKEWED = """\
pipeline: bench
placement: chained
operators:
  - {{name: source, type: generate, fields: [key u64 zipf {exponent} {keys}, value u32 uniform 1 1000000]}}
  - {{name: work,   type: reduce, key: [key], compute: [p50 = p50(value), p99 = p99(value), keys = distinct(value)]}}
  - {{name: sink,   type: 'null'}}
"""
BALANCE = "  - {type: balance, pause: 1s}\n"
EXPONENT, KEYS = 1.2, 100_000
KEY_COLUMNS = 5 # addresses, ports, protocol: the first ones of a record
MIN_TUPLES = 2_000_000
BETWEEN_S = 0.01 # two moves
SETTLED_S = 6 # without a move


def two_workers(bench, name):
    """--lcores of one worker on each core; None where there is one core."""
    if len(bench.cpus) < 2:
        note(f"{name}: needs two cores")
        return None
    return f"0@{bench.cpus[0]},1@{bench.cpus[1]}"


def moves(bench):
    lcores = two_workers(bench, "moves")
    if lcores:
        yield pauses(bench, lcores)
        yield compared(bench, lcores)


def pipeline(flows, loops, path="/dev/null"):
    return PIPELINE.format(flows=flows, loops=loops, path=path, max_flows=flows * 3 // 2)


def move_groups(controller, count, is_wanted=lambda: True, pause_s=0):
    """Move one group after the other to the instance that does not have it, and the next time back."""
    moved = 0
    for i in range(count):
        if not is_wanted():
            break
        time.sleep(pause_s)
        group, round_ = i * 7 % GROUPS, i // GROUPS
        owner = 0 if group < GROUPS // 2 else 1
        moved += "moved in" in controller.act("move", "stats", f"{group} {(owner + round_ + 1) % 2}")
    return moved


def pauses(bench, lcores):
    """How long groups of about a thousand flows rest while they move, under full load, and the rate meanwhile."""
    count, flows = (20, FLOWS // 8) if bench.quick else (500, FLOWS)
    with Controller(bench.weir) as controller, \
            bench.node(pipeline(flows, 0), lcores, {}, words=controller.words) as node:
        controller.wait_for_node()
        node.warm_up(4 << 20)
        still = node.rates(bench.windows, bench.window_s)
        before, start_ns = node.total("stats", "in"), time.monotonic_ns()
        move_groups(controller, count, pause_s=BETWEEN_S)
        moving_ns = (time.monotonic_ns() - start_ns) / (node.total("stats", "in") - before)
        still_after = node.rates(bench.windows, bench.window_s)
        told = node.ask("/weir/moves")
    still_ns = statistics.mean((still[0], still_after[0]))
    return {"job": "move of one group", "flows": flows, "flows_per_group": round(flows / GROUPS),
            "moves": told["moves"], "called_off": told["called_off"],
            "pause_p50_us": round(told["pause_p50_ns"] / 1e3), "pause_p99_us": round(told["pause_p99_ns"] / 1e3),
            "pause_max_us": round(told["pause_max_ns"] / 1e3), "goal_p99_us": 1000, "mpps": round(1e3 / still_ns, 2),
            "mpps_while_moving": round(1e3 / moving_ns, 2)}


def flows_told(path):
    """What a CSV file says of each flow, as {key: a hash of its line}, and how many lines are of a key told before."""
    told, lines = {}, 0
    with open(path, encoding="ascii") as file:
        next(file) # names of the columns
        for line in file:
            told[tuple(line.split(",", KEY_COLUMNS)[:KEY_COLUMNS])] = hash(line)
            lines += 1
    return told, lines - len(told)


def compared(bench, lcores):
    """The flows that a run tells in which groups move all the time, beside those of a run without moves."""
    flows, loops = (65_536, 100) if bench.quick else (FLOWS, 200)
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        still_path, moved_path = f"{folder}/still.csv", f"{folder}/moved.csv"
        with bench.node(pipeline(flows, loops, still_path), lcores, {}) as node:
            node.wait_for_end()
        with Controller(bench.weir) as controller, \
                bench.node(pipeline(flows, loops, moved_path), lcores, {}, words=controller.words) as node:
            controller.wait_for_node()
            source_ended = 0.95 * loops * (1 << 20)
            moved = move_groups(controller, 1 << 20, lambda: node.is_running() and
                                node.total("stats", "in") < source_ended)
            node.wait_for_end()
        still, _ = flows_told(still_path)
        told, doubled = flows_told(moved_path)
    return {"job": "flows of a run with moves", "flows": flows, "packets": loops << 20, "moves": moved,
            "flows_told": len(told), "differing": sum(told.get(key) != line for key, line in still.items()),
            "doubled": doubled + len(told.keys() - still.keys()), "goal_differing": 0}


def shares(bench, node, seconds):
    """Tuples a second into all instances of `work`, and each one's share, largest first."""
    def counts():
        return [one["in"] for one in node.instances() if one["operator"] == "work"]
    before, start = counts(), time.monotonic()
    time.sleep(seconds)
    done = [b - a for a, b in zip(before, counts())]
    return sum(done) / (time.monotonic() - start), sorted((each / sum(done) for each in done), reverse=True)


def rebalance(bench):
    """Keys by Zipf's law on 2 to 4 workers, before and after the controller has moved groups. The bound is that no
    worker can have less than an even share, nor less than the most frequent key."""
    if not two_workers(bench, "rebalance"):
        return
    largest_key = 1 / sum(key ** -EXPONENT for key in range(1, KEYS + 1))
    for workers in (2,) if bench.quick else (2, 3, 4):
        lcores = ",".join(f"{i}@{bench.cpus[i % len(bench.cpus)]}" for i in range(workers))
        with Controller(bench.weir, BALANCE) as controller, \
                bench.node(SKEWED.format(exponent=EXPONENT, keys=KEYS), lcores, {}, ("-m", "512"),
                           words=controller.words) as node:
            node.warm_up(MIN_TUPLES, "work")
            rate, skewed = shares(bench, node, bench.window_s)
            controller.wait_for_node()
            last, since = 0, time.monotonic()
            while time.monotonic() - since < SETTLED_S: # no more moves, or none: the secret may have cut even shares
                moved = node.ask("/weir/moves")["moves"]
                if moved != last:
                    last, since = moved, time.monotonic()
                time.sleep(0.2)
            rate_after, even = shares(bench, node, 4 * bench.window_s)
            groups = node.ask("/weir/moves")["groups"]
        bound = max(1 / workers, largest_key)
        yield {"job": "skewed keys", "workers": workers, "largest_key_percent": round(100 * largest_key, 1),
               "busiest_percent": round(100 * skewed[0], 1), "after_percent": round(100 * even[0], 1),
               "groups_moved": groups, "of_bound": round(bound / even[0], 3), "goal_of_bound": 0.9,
               "mtuples_per_s": round(rate / 1e6, 2), "mtuples_per_s_after": round(rate_after / 1e6, 2)}
