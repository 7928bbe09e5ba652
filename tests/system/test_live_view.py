# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""`weirctl top` on a terminal: what is on the screen after each key, at 80x24 and after a resize."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios

import pyte
import pytest
from conftest import BUILD, wait_for


class Terminal:
    """weirctl top in a pseudo terminal, and what that shows."""

    def __init__(self, endpoint, words=(), columns=80, lines=24, **environment):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        self.set_size(columns, lines)
        self.child = subprocess.Popen(
            [BUILD / "weirctl", "--controller", endpoint, "--timeout", "20", "top", *words], stdin=slave, stdout=slave,
            stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "linux", "LC_ALL": "C.UTF-8", **environment})
        os.close(slave)

    def set_size(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def resize(self, columns, lines):
        self.set_size(columns, lines)
        self.child.send_signal(signal.SIGWINCH)  # it is not the terminal's session that gets it by itself

    def text(self):
        while select.select([self.master], [], [], 0)[0]:
            try:
                self.stream.feed(os.read(self.master, 65536))
            except OSError:  # it has ended
                break
        return "\n".join(self.screen.display)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def see(self, *words):
        try:
            wait_for(lambda: all(word in self.text() for word in words), f"{words} on the screen")
        except BaseException:
            print(self.text())
            raise
        return self.screen.display

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        os.close(self.master)


@pytest.fixture
def terminal(make_controller, make_node):
    controller = make_controller()
    node = make_node(controller, "edge")
    node.register()
    node.start_beating()
    node.summary(packets=3000, size=3_000_000,
                 flows=[node.flow("10.0.0.1", "10.0.0.2", size=2_000_000),
                        node.flow("10.0.0.3", "10.0.0.4", size=9000)],
                 hosts=[node.host("10.0.0.1", sent_bytes=2_000_000)])
    node.wait_ack(1)
    made = []

    def make(*words, **options):
        made.append(Terminal(controller.endpoint, words, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_lists_sort_filter_pause_help(terminal):
    top = terminal()
    lines = top.see("10.0.0.1:40000", "10.0.0.3:40000", "q quit", "1 flows", "7 alerts")
    assert all(len(line.rstrip()) <= 80 for line in lines)
    first = next(i for i, line in enumerate(lines) if "10.0.0.1" in line)
    assert first < next(i for i, line in enumerate(lines) if "10.0.0.3" in line)
    top.press("r")
    top.see("least first")
    wait_for(lambda: top.text().index("10.0.0.3") < top.text().index("10.0.0.1"), "the other way round")
    top.press("/10.0.0.3\n")
    top.see("filter: 10.0.0.3", "1 rows")
    assert "10.0.0.1:" not in top.text()
    top.press("\x1b")
    top.see("10.0.0.1:40000")
    top.press("2")
    top.see("HOST", "10.0.0.1")
    top.press("6")
    top.see("edge", "STATE", "up")
    top.press("7")
    top.see("nothing yet", "SEVERITY")
    top.press("?")
    top.see("this text")
    top.press("?")
    top.press("p")
    top.see("PAUSED")
    top.press("q")
    assert top.child.wait(60) == 0


def test_it_follows_the_size_of_the_terminal(terminal):
    top = terminal("hosts")
    top.see("HOST", "NEW FLOWS")
    top.resize(50, 14)
    wait_for(lambda: "NEW FLOWS" not in top.text() and "BITS" in top.text(), "fewer columns")
    top.resize(20, 5)
    top.see("40x10")
    top.resize(120, 40)
    top.see("NEW FLOWS", "q quit")
    top.child.terminate()
    assert top.child.wait(60) == 0


def test_once_on_a_terminal_is_a_list(terminal):
    top = terminal("flows", "--once")
    top.see("top flows of the last 10 s")
    assert top.child.wait(60) == 0


def test_an_aggregate_is_a_tab_of_its_own(make_controller, make_node, tmp_path):
    config = tmp_path / "controller.yaml"
    config.write_text("stages:\n  - {type: collect}\n  - {type: lists, windows: [20s, 30s]}\n"
                      "  - {type: aggregate, name: by_site, over: hosts, v4: 16, window: 25s}\n")
    controller = make_controller(config=config)
    node = make_node(controller, "edge")
    node.register()
    node.summary(hosts=[node.host("10.1.0.1", sent_bytes=100), node.host("10.1.9.9", sent_bytes=50)])
    node.wait_ack(1)
    top, wrong = Terminal(controller.endpoint, ["by_site"], 100), Terminal(controller.endpoint, ["by_nobody"])
    try:
        top.see("8 by_site", "PREFIX", "10.1.0.0/16", "of the last 25 s")
        top.press("2")
        top.see("10.1.9.9", "of the last 20 s")
        top.press("w")
        top.see("of the last 30 s")
        top.press("w")
        top.see("of the last 20 s")
        top.press("q")
        assert top.child.wait(60) == 0
        wrong.see("by_nobody", "expected flows, hosts")
        assert wrong.child.wait(60) == 1
    finally:
        top.close()
        wrong.close()
