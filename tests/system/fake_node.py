# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A node that speaks api/weir.proto and does exactly what a test says: nothing is sent or repeated by itself."""
import ipaddress
import random
import threading
import time

import zmq

from conftest import PATIENCE_S


def summary_endpoint(endpoint):
    if endpoint.startswith("ipc://"):
        return endpoint + "-summaries"
    address, port = endpoint.rsplit(":", 1)
    return f"{address}:{int(port) + 1}"


class FakeNode:
    def __init__(self, messages, endpoint, name, incarnation=None, epoch=0):
        self.pb = messages
        self.name = name
        self.incarnation = incarnation or time.time_ns()
        self.epoch = epoch
        self.sequence = 0
        self.totals = {"packets": 0, "bytes": 0, "flows_started": 0, "flows_ended": 0}
        self.beats = None
        self.lock = threading.Lock()
        self.context = zmq.Context()
        self.commands = self.connect(endpoint)
        self.summaries = self.connect(summary_endpoint(endpoint))

    def connect(self, endpoint):
        socket = self.context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(endpoint)
        return socket

    def close(self):
        self.stop_beating()
        self.commands.close()
        self.summaries.close()
        self.context.term()

    def send(self, socket, **body):
        socket.send(self.pb.Message(version=1, **body).SerializeToString())

    def receive(self, socket, kind, limit=PATIENCE_S):
        """The next message of this kind; others are passed over."""
        end = time.monotonic() + limit
        while True:
            left = end - time.monotonic()
            assert left > 0 and socket.poll(left * 1000), f"no {kind} within {limit} s"
            message = self.pb.Message.FromString(socket.recv())
            if message.WhichOneof("body") == kind:
                return getattr(message, kind)

    def register(self):
        with self.lock:
            self.send(self.commands, register=self.pb.Register(
                node=self.name, incarnation=self.incarnation, host="test", pid=4711, weir_version="0.1.0", workers=2,
                epoch=self.epoch))
            return self.receive(self.commands, "registered")

    def beat(self, limit=PATIENCE_S, **counters):
        """One heartbeat; returns the controller's answer, a HeartbeatReply or an Error."""
        with self.lock:
            self.send(self.commands, heartbeat=self.pb.Heartbeat(
                node=self.name, incarnation=self.incarnation, sequence=1, time_ns=time.time_ns(), **counters))
            assert self.commands.poll(limit * 1000), "no answer to a heartbeat"
            message = self.pb.Message.FromString(self.commands.recv())
            return getattr(message, message.WhichOneof("body"))

    def start_beating(self):
        """Beat in the background every 0.2 s, and register again where the controller asks for it."""
        self.beats = threading.Event()

        def run(ended):
            while not ended.wait(0.2):
                try:
                    if getattr(self.beat(limit=5), "code", 0) == self.pb.ERROR_UNREGISTERED:
                        self.register()
                except AssertionError:
                    pass  # the controller is away

        self.thread = threading.Thread(target=run, args=(self.beats,), daemon=True)
        self.thread.start()

    def stop_beating(self):
        if self.beats is not None:
            self.beats.set()
            self.thread.join()
            self.beats = None

    def goodbye(self):
        self.send(self.commands, goodbye=self.pb.Goodbye(node=self.name, incarnation=self.incarnation))

    def summary(self, sequence=None, packets=10, size=1000, end_ns=None, send=True, **lists):
        """Send the next summary, or the one given; its cumulative counters are the sum of all made so far."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        end_ns = end_ns or time.time_ns()
        interval = {"packets": packets, "bytes": size, "flows_started": 1, "tcp_packets": packets, "tcp_bytes": size}
        for name, value in interval.items():
            self.totals[name] = self.totals.get(name, 0) + value
        message = self.pb.Message(version=1, summary=self.pb.Summary(
            node=self.name, incarnation=self.incarnation, pipeline="p", operator="report", instance=0,
            sequence=sequence, start_ns=end_ns - 10**9, end_ns=end_ns, cumulative=self.pb.Totals(**self.totals),
            interval=self.pb.Totals(**interval), **lists))
        if send:
            self.summaries.send(message.SerializeToString())
        return message

    def resend(self, message):
        self.summaries.send(message.SerializeToString())

    def wait_ack(self, sequence, limit=PATIENCE_S):
        """Wait until this summary is acknowledged."""
        end = time.monotonic() + limit
        while True:
            left = end - time.monotonic()
            assert left > 0, f"summary {sequence}: no acknowledgement within {limit} s"
            if self.receive(self.summaries, "summary_ack", left).sequence >= sequence:
                return

    def has_ack(self):
        """Whether an answer waits on the socket for summaries."""
        return self.summaries.poll(0) != 0

    def flow(self, src, dst, size=1000, port=80, packets=10):
        return self.pb.FlowDelta(
            src_ip=ipaddress.ip_address(src).packed, dst_ip=ipaddress.ip_address(dst).packed, src_port=40000,
            dst_port=port, protocol=6, fwd_packets=packets, fwd_bytes=size, total_bytes=size,
            start_ns=time.time_ns())

    def host(self, ip, **values):
        return self.pb.HostDelta(ip=ipaddress.ip_address(ip).packed, **values)


def sketch(items, seed=1):
    """The packed HyperLogLog (api/hll.h) of so many different items."""
    generator = random.Random(seed)
    registers = bytearray(256)
    for _ in range(items):
        register, rank = generator.randrange(256), 1
        while generator.random() < 0.5:
            rank += 1
        registers[register] = max(registers[register], rank)
    packed, i = bytearray(), 0
    while i < 256:
        run = 0
        while i + run < 256 and run < 128 and registers[i + run] == 0:
            run += 1
        packed.append(0x80 | (run - 1) if run else registers[i])
        i += run or 1
    return bytes(packed)
