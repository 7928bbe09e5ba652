#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Real TCP over a link that loses, delays, holds back and duplicates: bad_link.py FOLDER [NAME...], as root.

Two network namespaces, joined by relay.c, whose observer writes FOLDER/NAME.pcap; tcpdump at end A writes
FOLDER/NAME-a.pcap. The kernels' TCPs transfer up and down, over IPv4 and IPv6, with SACK, time stamps and window
scaling and without, slowly read and cut off by a reset. Everything ends by itself and is removed, also when something
fails.
"""
import concurrent.futures
import ctypes
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import time

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")).resolve()
RELAY = BUILD / "tests" / "captures" / "relay"
PORT, NOBODY = 5001, 0xf7f8
ADDRESSES = {4: ("10.79.0.1", "10.79.0.2"), 6: ("fd79::1", "fd79::2")}
PATIENCE_S = 60
# The kernel's own troubles, at both ends, beside those of the relay.
SHAPED = ["tc", "qdisc", "add", "dev", "wire", "root", "tbf", "rate", "10mbit", "burst", "10kb", "latency", "40ms"]
DROPPING = ["nft", "add table inet bad; add chain inet bad in { type filter hook input priority 0; }; "
            "add rule inet bad in numgen random mod 100 < 2 drop"]
# name -> (the relay's options, TCP's settings in both namespaces, a command to run in both)
LINKS = {
    "clean": ({}, {}),
    "lossy": ({"loss": 0.02}, {}),
    "lossy_without_sack": ({"loss": 0.02}, {"tcp_sack": 0}),
    "lossy_without_timestamps": ({"loss": 0.02, "jitter_us": 1000}, {"tcp_timestamps": 0, "tcp_sack": 0}),
    "reordering": ({"reorder": 0.03, "held_us": 1500}, {}),
    "reordering_far": ({"reorder": 0.01, "held_us": 30000}, {"tcp_timestamps": 0}),
    "duplicating": ({"duplicate": 0.03}, {}),
    "slow": ({"rate_bps": 8e6, "queue": 20}, {}),
    "unscaled": ({"loss": 0.01}, {"tcp_window_scaling": 0}),
    "shaped": ({}, {}, SHAPED),
    "dropping": ({}, {}, DROPPING),
    "everything": ({"loss": 0.01, "reorder": 0.01, "duplicate": 0.01, "jitter_us": 3000, "rate_bps": 5e7}, {}),
}


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=PATIENCE_S, **more)


def in_namespace(name, function):
    """The function's result, in a thread of its own whose network namespace is this one: what sockets it makes stay."""
    def enter():
        with open(f"/run/netns/{name}", "rb") as space:
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0x40000000):
                raise OSError(ctypes.get_errno(), f"setns {name}")
        return function()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(enter).result()


class Link:
    """Namespaces NAME-a and NAME-b with `wire` in each, while the block lasts."""

    def __init__(self, folder, name, seed=1):
        self.options, self.settings, self.command = (*LINKS[name], [])[:3]
        self.spaces = [f"weir-link-{os.getpid()}-{end}" for end in "ab"]
        self.seen, self.seen_at_a = folder / f"{name}.pcap", folder / f"{name}-a.pcap"
        self.seed = seed
        self.processes = []

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        self.seen_at_a.unlink(missing_ok=True)
        for space in self.spaces:
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
            # No neighbour discovery, no router solicitations: no packets but those of the transfers.
            settings = {"ipv6.conf.default.accept_dad": 0, "ipv6.conf.default.router_solicitations": 0,
                        "ipv4.tcp_congestion_control": "reno", "ipv4.tcp_no_metrics_save": 1}
            settings |= {f"ipv4.{name}": value for name, value in self.settings.items()}
            words = [f"net.{name}={value}" for name, value in settings.items()]
            run("ip", "netns", "exec", space, "sysctl", "-qw", *words)
        words = [f"{name}={value}" for name, value in {"seed": self.seed, "capture": self.seen, **self.options}.items()]
        self.start(RELAY, *self.spaces, *words)
        for number, space in enumerate(self.spaces):
            self.wait_for(lambda s=space: subprocess.run(["ip", "-n", s, "link", "show", "wire"], check=False,
                                                         capture_output=True).returncode == 0)
            run("ip", "-n", space, "addr", "add", f"{ADDRESSES[4][number]}/24", "dev", "wire")
            run("ip", "-n", space, "-6", "addr", "add", f"{ADDRESSES[6][number]}/64", "dev", "wire", "nodad")
            run("ip", "-n", space, "link", "set", "wire", "up")
            if self.command:
                run("ip", "netns", "exec", space, *self.command)
        self.start("ip", "netns", "exec", self.spaces[0], "tcpdump", "-i", "wire", "-s", "2048", "-B", "32768",
                   "--immediate-mode", "-U", "-w", self.seen_at_a, "tcp")
        self.wait_for(self.seen_at_a.exists)
        self.knock()

    def knock(self):
        """Connect to a port that nobody listens on until tcpdump has written it, and so all that came before."""
        def is_heard():
            with self.client(4) as knocking:
                knocking.settimeout(1)
                knocking.connect_ex((ADDRESSES[4][1], NOBODY))
            return struct.pack(">H", NOBODY) in self.seen_at_a.read_bytes()[-2000:]

        self.wait_for(is_heard)

    def start(self, *words):
        self.processes.append(subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL,
                                               stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return self.processes[-1]

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            for process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args[0]}: {process.stderr.read().decode()}")
            if time.monotonic() > end:
                raise TimeoutError(f"the link is not there within {PATIENCE_S} s")
            time.sleep(0.01)

    def __exit__(self, *what):
        for process in reversed(self.processes):
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)

    def listen(self, version):
        def make():
            listener = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((ADDRESSES[version][1], PORT))
            listener.listen(64)
            return listener
        return in_namespace(self.spaces[1], make)

    def client(self, version):
        return in_namespace(self.spaces[0], lambda: socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET))


def receive(connection, size, pause_s):
    while size > 0:
        data = connection.recv(min(size, 16384 if pause_s else 1 << 16))
        if not data:
            return
        size -= len(data)
        if pause_s:
            time.sleep(pause_s)


def exchange(connection, sends, takes, pause_s=0):
    """Send and receive at the same time; a reader that pauses lets its window close."""
    def send():
        try:
            connection.sendall(bytes(sends))
        except OSError:
            pass  # cut off

    sender = threading.Thread(target=send)
    sender.start()
    receive(connection, takes, pause_s)
    sender.join()


def serve(listener, count):
    """Answer so many connections: each says first what it sends, what it wants, and how slowly it is read."""
    def answer(connection):
        with connection:
            connection.settimeout(PATIENCE_S)
            try:
                up, down, pause_ms = struct.unpack(">III", connection.recv(12, socket.MSG_WAITALL))
                exchange(connection, down, up, pause_ms / 1000)
                connection.recv(1)  # the other end closes first
            except OSError:
                pass  # it was cut off

    threads = []
    for _ in range(count):
        threads.append(threading.Thread(target=answer, args=(listener.accept()[0],)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def transfer(link, version, up, down, pause_ms=0, cut=False):
    with link.client(version) as connection:
        connection.settimeout(PATIENCE_S)
        if pause_ms:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect((ADDRESSES[version][1], PORT))
        connection.sendall(struct.pack(">III", up, down, pause_ms))
        if cut:
            receive(connection, down // 2, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            exchange(connection, up, down, pause_ms / 1000)


# (up, down, pause in ms, cut off): what each link carries, over IPv4 and IPv6, all at once.
TRANSFERS = ((200_000, 0, 0, False), (0, 200_000, 0, False), (50_000, 50_000, 0, False), (100, 300, 0, False),
             (0, 120_000, 20, False), (0, 400_000, 0, True))


def carry(folder, name, transfers=TRANSFERS, seed=1):
    """All transfers over one link; returns the captures of the observer and of end A."""
    with Link(pathlib.Path(folder), name, seed) as link:
        jobs = [(link, version, *job) for version in (4, 6) for job in transfers]
        listeners = [link.listen(version) for version in (4, 6)]
        servers = [threading.Thread(target=serve, args=(listener, len(transfers))) for listener in listeners]
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
            for server in servers:
                server.start()
            for done in [pool.submit(transfer, *job) for job in jobs]:
                done.result()
        for server, listener in zip(servers, listeners):
            server.join()
            listener.close()
        settle(link)
    return link.seen, link.seen_at_a


def settle(link):
    """Wait until no connection is about to end any more."""
    def is_quiet():
        states = [run("ip", "netns", "exec", space, "ss", "-Htan").stdout.decode().split("\n") for space in link.spaces]
        return not any(re.match(r"(FIN-WAIT-1|LAST-ACK|CLOSING|ESTAB)", line) for space in states for line in space)

    link.wait_for(is_quiet)
    link.knock()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or LINKS:
        print(*carry(folder, name))


if __name__ == "__main__":
    main()
