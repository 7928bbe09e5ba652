# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Runs of a pipeline that are cut by a snapshot and gone on with, beside those that nothing happens to. A sink named
`slow` that writes to `{pipe}` holds all of it up, so that a short input lasts."""
import json
import os
import select
import threading
import time

from conftest import wait_for
from node import Node


class Reader:
    """Who reads a pipe: slowly, until told to hurry."""

    def __init__(self, path):
        os.mkfifo(path)
        self.is_slow = True
        self.descriptor = os.open(path, os.O_RDWR)  # never without a reader, nor at its end
        self.is_done = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.is_done:
            if select.select([self.descriptor], [], [], 0.05)[0]:
                os.read(self.descriptor, 1 << 13 if self.is_slow else 1 << 20)
            if self.is_slow:
                time.sleep(0.02)  # this is how slow it is

    def close(self):
        self.is_done = True
        self.thread.join()
        os.close(self.descriptor)


class Run:
    """Runs of one pipeline in a folder of their own, under a controller."""

    def __init__(self, folder, controller, pipeline, eal=("-l", "0")):
        self.folder, self.controller, self.eal, self.nodes = folder, controller, eal, []
        folder.mkdir()
        self.config = folder / "pipeline.yaml"
        self.reader = Reader(folder / "pipe")
        self.config.write_text(pipeline.format(folder=folder, pipe=folder / "pipe"))

    def start(self, *arguments, eal=None):
        words = ["--config", self.config, "--node", "edge", "--controller", self.controller.endpoint,
                 "--set", "hash_secret=fixed", *arguments]
        self.nodes.append(Node(self.folder, words, name="n", eal=eal or self.eal))
        return self.nodes[-1]

    def finish(self, node):
        self.reader.is_slow = False
        assert node.process.wait() == 0, node.process.err()
        node.close()

    def outputs(self):
        """Of each file its lines, in an order that no plan has a say in."""
        return {path.name: sorted(path.read_text().splitlines())
                for path in self.folder.iterdir() if path.suffix in (".jsonl", ".csv")}

    def snapshot(self, directory):
        wait_for(lambda: self.controller.node("edge").get("state") == "up", "node edge is up")
        return self.controller.ctl("snapshot", "edge", directory)

    def undisturbed(self):
        """What its files have in the end, if nothing happens to it."""
        self.reader.is_slow = False
        self.finish(self.start())
        return self.outputs()

    def saved(self, directory):
        """A snapshot, asked for again where a slow machine's sinks were not rid in time of what they had."""
        result = self.snapshot(directory)
        for _ in range(5):
            if "in time" in result.stdout:
                result = self.snapshot(directory)
        assert result.returncode == 0 and "saved" in result.stdout, result

    def interrupted(self, count, restored_eal=None, again=()):
        """It is killed some time after a snapshot, and goes on from that to its end.

        count         of what its source has
        restored_eal  the EAL's arguments then, where they are others
        again         further ones of the node
        return        the snapshot's manifest
        """
        node, directory = self.start().wait_until_up(), self.folder / "snapshot"
        wait_for(lambda: node.instance("source")["in"] > count / 5, "some of the input is read")
        self.saved(directory)
        before = node.instance("source")["in"]
        assert before < count, "the input was over before the snapshot"
        wait_for(lambda: node.instance("source")["in"] > before, "the node has gone on")
        node.process.kill()
        node.close()
        self.finish(self.start("--restore", directory, *again, eal=restored_eal))
        return json.loads((directory / "manifest.json").read_text())

    def close(self):
        for node in self.nodes:
            node.close()
        self.reader.close()
