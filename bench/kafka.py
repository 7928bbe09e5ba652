# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Messages of Kafka as records, from the first ones that the source has taken to the last one of the topic. The cluster
is librdkafka's mock of one (tests/system/kafka_cluster.c), on the other core.
"""
import pathlib
import statistics
import subprocess
import tempfile
import time

from machine import note
from node import NodeFailed

TOPIC, PARTITIONS = "bench", 4
MESSAGES, AT_ONCE = 400_000, 8000 # of all partitions
MESSAGE = '{"user":"u%d","number":%d}'
FILL_LIMIT_S, READ_LIMIT_S, LOOK_S = 120, 60, 0.002
PIPELINE = """\
pipeline: bench
operators:
  - {{name: source, type: kafka_source, brokers: '{brokers}', topics: [{topic}],
     fields: [user string 8, number u32]}}
  - {{name: sink,   type: 'null'}}
"""


class Cluster:
    def __init__(self, program, folder):
        self.path = pathlib.Path(folder) / "out"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen([program, TOPIC], stdin=subprocess.PIPE, stdout=out, text=True)
        self.wait_for_lines(1)
        self.brokers = self.path.read_text(encoding="ascii").split()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def wait_for_lines(self, count):
        """The first says where it is, then there is one for each message that is in the topic."""
        end = time.monotonic() + FILL_LIMIT_S
        while self.path.read_bytes().count(b"\n") < count:
            if self.process.poll() is not None or time.monotonic() > end:
                raise NodeFailed(f"the cluster has not {count} lines within {FILL_LIMIT_S} s")
            time.sleep(0.02)

    def fill(self, messages):
        for base in range(0, messages, AT_ONCE):
            self.process.stdin.writelines(f"send {n % PARTITIONS} - {(MESSAGE % (n % 7, n)).encode().hex()}\n"
                                          for n in range(base, base + AT_ONCE))
            self.process.stdin.flush()
            self.wait_for_lines(1 + base + AT_ONCE)


def rate(bench, brokers, messages):
    """Messages a second, from the first ones that are seen to the last one; of the whole topic."""
    with bench.node(PIPELINE.format(brokers=brokers, topic=TOPIC), f"0@{bench.last}", {}, ("-m", "256")) as node:
        node.warm_up(1, "source")
        start, first = time.monotonic(), node.total("source", "in")
        while (count := node.total("source", "in")) < messages:
            if time.monotonic() > start + READ_LIMIT_S:
                node.fail(f"{count} of {messages} messages in {READ_LIMIT_S} s")
            time.sleep(LOOK_S)
        return (messages - first) / (time.monotonic() - start)


def source(bench):
    program = pathlib.Path(bench.weir).resolve().parent / "tests/system/kafka_cluster"
    if not program.exists():
        note("kafka: needs a build with -Dtests=true")
        return
    runs, messages = (2, MESSAGES // 10) if bench.quick else (5, MESSAGES)
    with bench.aside(), tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, \
            Cluster(program, folder) as cluster:
        cluster.fill(messages)
        rates = [rate(bench, cluster.brokers, messages) for _ in range(runs)]
    yield {"job": "messages of kafka", "messages": messages, "partitions": PARTITIONS,
           "bytes_each": len(MESSAGE % (0, messages)), "runs": runs,
           "mmessages_per_s": round(statistics.median(rates) / 1e6, 2),
           **{f"{name}_of_runs": round(of(rates) / 1e6, 2) for name, of in (("least", min), ("most", max))}}
