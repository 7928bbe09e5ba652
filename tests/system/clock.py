# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A wall clock of its own for one process, which a test sets while it runs; the machine's stays as it is."""
import pathlib
import time

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), "libfaketime.so.1")


class Clock:
    """set_ahead(s): how far it is ahead of the machine's. Monotonic time is left alone, as when a clock is set."""

    def __init__(self, folder, ahead_s=0):
        self.file = folder / "clock"
        self.set_ahead(ahead_s)

    def set_ahead(self, seconds):
        self.ahead_s = seconds
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+.3f}\n")
        new.rename(self.file)

    def start_at(self, minute, second):
        """Let it be so many minutes and seconds past an hour now."""
        past = time.time() % 3600
        self.set_ahead(60 * minute + second - past)

    def wrap(self, arguments):
        """The command line that runs a program by this clock."""
        return ["env", f"LD_PRELOAD={LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={self.file}", "FAKETIME_NO_CACHE=1",
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1", "ASAN_OPTIONS=verify_asan_link_order=0",
                *arguments]
