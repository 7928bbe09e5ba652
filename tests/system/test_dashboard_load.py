# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A thousand browsers, slow readers, and clients that mean no good: bounded memory, and everybody else is served."""
import asyncio
import concurrent.futures
import errno
import http.client
import os
import resource
import signal
import socket
import time

import pytest
from conftest import PATIENCE_S, wait_for

BROWSERS = 1000


@pytest.fixture(autouse=True)
def descriptors():
    """Room for the browsers' sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def dashboard(controller, redis, make_node, make_dashboard):
    node = make_node(controller, "edge-1")
    node.register()
    node.start_beating()
    node.summary(packets=10, hosts=[node.host(f"10.0.0.{i}", sent_packets=i, sent_bytes=i) for i in range(1, 20)])
    node.wait_ack(1)
    made = make_dashboard(redis.endpoint)
    wait_for(lambda: made.state() == "live")
    return made


def has_sanitizer(pid):
    """Its shadow memory is terabytes of addresses."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as sizes:
        return int(sizes.read().split()[0]) * resource.getpagesize() > 1 << 40


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS:")).split()[1])


def processor_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(dashboard, receive_buffer=None):
    client = socket.socket()
    client.settimeout(PATIENCE_S)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect((dashboard.host, dashboard.port))
    return client


def request_events(parts):
    return f"GET /api/v1/events?parts={parts} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def browse(dashboard, turns):
    """One browser: reads its stream until it has seen so many different moments."""
    reader, writer = await asyncio.open_connection(dashboard.host, dashboard.port)
    writer.write(request_events("status,overview,alerts,top/hosts/10"))
    seen = set()
    while len(seen) < turns:
        line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        assert line, "the server hung up"
        if line.startswith(b'data: {"now_ns":'):
            seen.add(line)
    writer.close()


async def browse_all(dashboard, turns):
    await asyncio.gather(*(browse(dashboard, turns) for _ in range(BROWSERS)))


def test_a_thousand_browsers_are_served(dashboard):
    before = memory_kb(dashboard.process.pid)
    asyncio.run(browse_all(dashboard, turns=2))
    middle = memory_kb(dashboard.process.pid)
    wait_for(lambda: dashboard.get("status")["clients"]["events"] == 0, "all are forgotten")
    used, start = processor_s(dashboard.process.pid), time.monotonic()
    asyncio.run(browse_all(dashboard, turns=8))
    used, spent = processor_s(dashboard.process.pid) - used, time.monotonic() - start
    after = memory_kb(dashboard.process.pid)
    # What a connection may have (README); the second thousand costs next to nothing more. The address sanitizer holds
    # back what was freed, up to its quarantine of 256 MB.
    quarantine = 256 * 1024 if has_sanitizer(dashboard.process.pid) else 0
    print(f"memory: {before} kB, with {BROWSERS} browsers {middle} kB, again {after} kB; "
          f"{used:.2f} s of processor in {spent:.1f} s")
    assert middle - before < 64 * BROWSERS + quarantine and after < middle + 16 * 1024 + quarantine
    wait_for(lambda: dashboard.get("status")["clients"]["events"] == 0, "all are forgotten")
    assert dashboard.get("status")["clients"]["dropped_slow"] == 0


def test_slow_readers_are_dropped_and_others_are_not(dashboard):
    # Big parts, and a client whose kernel takes next to nothing.
    parts = ",".join(["nodes", "graph", "top/hosts/10", "top/hosts/60", "top/flows/60", "status", "tcp/60"] * 2)
    slow = [connect(dashboard, receive_buffer=2048) for _ in range(50)]
    for client in slow:
        client.sendall(request_events(parts))
    fast = connect(dashboard)
    fast.sendall(request_events("status"))
    reader = fast.makefile("rb")
    moments = set()
    end = time.monotonic() + 3 * PATIENCE_S
    while dashboard.get("status")["clients"]["dropped_slow"] < len(slow):
        assert time.monotonic() < end, dashboard.get("status")["clients"]
        line = reader.readline()
        assert line, "the fast one was dropped as well"
        if line.startswith(b"data: "):
            moments.add(line)
    assert len(moments) > 10
    assert dashboard.get("status")["clients"]["events"] == 1
    for client in (*slow, fast):
        client.close()


def test_more_streams_than_allowed_are_refused(dashboard):
    limit = dashboard.get("status")["clients"]["events_max"]
    clients = [connect(dashboard) for _ in range(limit + 20)]
    for client in clients:
        client.sendall(request_events("status"))
    statuses = [int(client.recv(64).split()[1]) for client in clients]
    assert statuses.count(200) == limit and statuses.count(503) == 20
    assert dashboard.get("overview")["totals"]["packets"] == 10
    for client in clients:
        client.close()
    wait_for(lambda: dashboard.get("status")["clients"]["events"] == 0)


def answer_to(dashboard, data, shut=True):
    """The first line of the answer to raw bytes; b"" if the server hangs up."""
    with connect(dashboard) as client:
        try:
            client.sendall(data)
            if shut:
                client.shutdown(socket.SHUT_WR)
            return client.recv(4096).split(b"\r\n")[0]
        except OSError as error:
            # Who was hung up on before the end of the sending is not connected, which is no ConnectionError.
            assert isinstance(error, ConnectionError) or error.errno == errno.ENOTCONN, error
            return b""


def test_garbage_is_refused(dashboard):
    head = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n"
    garbage = (b"\x00" * 100, b"\xff\xfe" * 5000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000,
                 b"G" * 100000, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 head + b"X: " + b"y" * 20000 + b"\r\n\r\n", head + b"X: y\r\n" * 5000 + b"\r\n",
                 head + b"Content-Length: -1\r\n\r\n", head + b"Content-Length: 99999999999999999999\r\n\r\n",
                 head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", head + b"Content-Length: 10\r\n\r\n0123456789",
                 b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100000,
                 b"GET /api/v1/status HTTP/1.1\r\n\r\n")
    # Some are only half a request, which has its time to become a whole one.
    with concurrent.futures.ThreadPoolExecutor(len(garbage)) as pool:
        for data, line in zip(garbage, pool.map(lambda data: answer_to(dashboard, data), garbage)):
            assert line == b"" or line.split()[1][:1] in (b"4", b"5"), (data[:60], line)
    assert dashboard.state() == "live"


def test_wrong_paths_and_parameters_are_answered(dashboard):
    # "é" in the middle of what fits into the answer, and where it is cut there: half a character is no UTF-8.
    cut = "%C3%A9" * 20, "x" + "%C3%A9" * 40
    asked = [(404, path) for path in ("%00%ff%0a", "%ff", "top/%ff/10", "nodes/%ff", "graph/%ff", *cut)]
    names = "last", "from", "to", "points", "resolution", "node", "fields"
    asked += [(400, f"series?{name}={value}") for name in names for value in ("%ff", "%C3", *cut)]
    asked += [(400, "events?parts=%0aevent:x"), (400, "events?parts=%ff"), (400, "events?parts=" + "a," * 3000),
              (400, "series?fields=" + "flows_live," * 100), (400, "series?from=-1&to=99999999999999999999")]
    for status, path in asked:
        answer = dashboard.request(f"/api/v1/{path}")
        assert answer.status == status and answer.json()["error"], path
    assert dashboard.process.stop() == 0, dashboard.process.err()


def test_connections_that_never_ask_are_ended(dashboard):
    # A browser that keeps its connection after an answer does nothing wrong: it is ended, but not as refused.
    kept = [http.client.HTTPConnection(dashboard.host, dashboard.port, timeout=PATIENCE_S) for _ in range(10)]
    for client in kept:
        client.request("GET", "/api/v1/status")
        assert client.getresponse().read()
    idle = [connect(dashboard) for _ in range(200)]
    dripping = connect(dashboard)
    dripping.sendall(b"GET /api/v1/status HTTP/1.1\r\n")
    end = time.monotonic() + 2 * PATIENCE_S
    while True:
        assert time.monotonic() < end, "a slow request went on for ever"
        try:
            dripping.sendall(b"X: y\r\n")
            dripping.settimeout(0.5)
            if dripping.recv(1) == b"":
                break
        except TimeoutError:
            assert dashboard.state() == "live"
        except ConnectionError:
            break
    for client in (*idle, *(client.sock for client in kept)):
        assert client.recv(1) == b""
        client.close()
    dripping.close()
    # Read until it is so: what the dashboard says of itself is as old as its last look at Redis.
    wait_for(lambda: dashboard.get("status")["clients"]["refused"] == 201, "201 are counted")


@pytest.mark.parametrize("path", ["metrics", "api/v1/status", "api/v1/overview", "api/v1/series?last=60"])
def test_requests_during_the_end_are_no_trouble(dashboard, path):
    client = connect(dashboard)
    # Its connection is known by the time that one which came later was answered.
    assert dashboard.state() == "live"
    os.kill(dashboard.process.pid, signal.SIGSTOP)
    client.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    os.kill(dashboard.process.pid, signal.SIGTERM)
    os.kill(dashboard.process.pid, signal.SIGCONT)
    assert dashboard.process.wait() == 0, dashboard.process.err()
    client.close()


def test_keep_alive_and_many_requests(dashboard):
    connection = http.client.HTTPConnection(dashboard.host, dashboard.port, timeout=PATIENCE_S)
    first = connection.connect()
    for _ in range(500):
        connection.request("GET", "/api/v1/series?last=60")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    assert first is None and connection.sock is not None
    connection.close()
