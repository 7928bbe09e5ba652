# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""weir-dashboard as tests use it: started on a free port, asked over HTTP."""
import http.client
import json
import re

from conftest import BUILD, PATIENCE_S, Process, wait_for

PROGRAM = BUILD / "weir-dashboard"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Dashboard:
    def __init__(self, folder, redis, *options, listen="127.0.0.1:0", name="dashboard"):
        self.process = Process(name, [PROGRAM, "--redis", redis, "--listen", listen, *options], folder)
        address = wait_for(self.address, "the dashboard listens")
        self.host, self.port = address
        self.headers = {}

    def address(self):
        found = re.search(r"http://\[?([0-9a-f.:]+?)\]?:(\d+)/", self.process.err())
        assert found or self.process.is_running(), self.process.err()
        return found and (found[1], int(found[2]))

    def request(self, path, method="GET", body=None, headers=None, source=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S,
                                                source_address=source and (source, 0))
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, part):
        """The JSON of a path of the API."""
        answer = self.request(f"/api/v1/{part}")
        assert answer.status == 200, (part, answer.status, answer.body)
        return answer.json()

    def state(self):
        return self.get("status")["state"]


class Events:
    """An event stream: events() yields (name, object)."""

    def __init__(self, dashboard, parts):
        self.connection = http.client.HTTPConnection(dashboard.host, dashboard.port, timeout=PATIENCE_S)
        self.connection.request("GET", f"/api/v1/events?parts={parts}", headers=dashboard.headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()

    def events(self):
        name = None
        for line in self.response:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)

    def next(self, wanted, condition=lambda data: True):
        """The data of the next event of a name that fulfils the condition."""
        return next(data for name, data in self.events() if name == wanted and condition(data))

    def close(self):
        self.connection.close()
