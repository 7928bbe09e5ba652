# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A controller that says exactly what a test wants, word by word."""
import zmq

from conftest import wait_for
from fake_node import summary_endpoint


class FakeController:
    """Two sockets that a node finds at an endpoint. With an `epoch`, it answers registrations and heartbeats while it
    waits for what else comes."""

    def __init__(self, messages, endpoint, epoch=None):
        self.pb, self.context, self.peer = messages, zmq.Context(), None
        self.epoch = epoch
        self.sockets = [self.context.socket(zmq.ROUTER) for _ in range(2)]
        for socket, address in zip(self.sockets, (endpoint, summary_endpoint(endpoint))):
            socket.linger = 0
            socket.bind(address)

    def send(self, **body):
        self.sockets[0].send_multipart([self.peer, self.pb.Message(version=1, **body).SerializeToString()])

    def look(self, kind):
        """The next message, if it is of this kind; None: it is not, or there is none."""
        if not self.sockets[0].poll(100):
            return None
        self.peer, data = self.sockets[0].recv_multipart()
        message = self.pb.Message.FromString(data)
        found = message.WhichOneof("body")
        if self.epoch and found == "register":
            self.send(registered=self.pb.Registered(accepted=True, epoch=self.epoch))
        if self.epoch and found == "heartbeat":
            self.send(heartbeat_reply=self.pb.HeartbeatReply(sequence=message.heartbeat.sequence, epoch=self.epoch))
        return getattr(message, kind) if found == kind else None

    def await_body(self, kind):
        return wait_for(lambda: self.look(kind), kind)

    def command(self, **command):
        """Have the node carry it out; returns its answer. It is asked again and again, as a controller does."""
        def ask():
            self.send(command=self.pb.Command(epoch=self.epoch, **command))
            results = [self.look("command_result") for _ in range(5)]
            return next((result for result in results if result and result.id == command["id"]), None)
        return wait_for(ask, f"an answer to {command['id']}")

    def close(self):
        for socket in self.sockets:
            socket.close()
        self.context.term()
