# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Clocks of its own for one process: a test sets them while it runs, or lets them run faster (own_clock.c)."""
import os
import struct
import time

from conftest import BUILD

LIBRARY = BUILD / "tests/system/own_clock.so"


class Clock:
    """set_ahead(s): how far it is ahead of the machine's. Monotonic time is left alone, as when a clock is set; only
    `speed` makes both run faster."""

    def __init__(self, folder, ahead_s=0, speed=1):
        self.path = folder / "clock"
        self.speed = speed
        self.set_ahead(ahead_s)

    def set_ahead(self, seconds):
        self.ahead_s = seconds
        # In place: the process has the file mapped.
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(file, struct.pack("=q", round(seconds * 1e9)), 0)
        os.close(file)

    def start_at(self, minute, second):
        """Let it be so many minutes and seconds past an hour now."""
        past = time.time() % 3600
        self.set_ahead(60 * minute + second - past)

    def wrap(self, arguments):
        """The command line that runs a program by this clock."""
        # ASan wants to be the first library, which only matters for those that allocate.
        options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
        return ["env", f"LD_PRELOAD={LIBRARY}", f"WEIR_TEST_CLOCK={self.path}", f"WEIR_TEST_CLOCK_SPEED={self.speed}",
                f"ASAN_OPTIONS={options}", *arguments]
