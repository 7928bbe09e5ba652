# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""What figures were taken on: the machine, the commit, the build; and the programs to compare with."""
import json
import os
import pathlib
import platform
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = ROOT.parent / "shared/limit/flow_table_limit.c"


def note(text):
    """A line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def output_of(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()


def describe_machine():
    cpu = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "memory_gb": round(memory / 1e9, 1),
            "kernel": platform.release()}


def describe_build(weir):
    """The commit, and the -march that weir was built with."""
    options = pathlib.Path(weir).resolve().parent / "meson-info/intro-buildoptions.json"
    march = "unknown"
    if options.exists():
        native = {o["name"]: o["value"] for o in json.loads(options.read_text(encoding="utf-8"))}.get("native")
        march = "native" if native else "corei7 (DPDK's)"
    return {"commit": output_of("git", "describe", "--always", "--dirty", "--abbrev=12") or "unknown", "march": march,
            "compiler": output_of("cc", "--version").split("\n", maxsplit=1)[0]}


def load():
    """How much else the machine did in the last minute: figures taken on a busy one are too low."""
    return os.getloadavg()[0]


class Limit:
    """../shared/limit, built for this machine; it may not be there."""

    def __init__(self, folder):
        self.program = None
        if LIMIT.exists():
            self.program = os.path.join(folder, "flow_table_limit")
            subprocess.run(["gcc", "-O3", "-march=native", str(LIMIT), "-o", self.program], check=True)

    def ns_per_packet(self, flows, cpu):
        """None where there is no limit to compare with."""
        if self.program is None:
            return None
        done = subprocess.run(["taskset", "-c", str(cpu), self.program, str(flows), "mbuf"], capture_output=True,
                              text=True, check=True)
        return json.loads(done.stdout)["ns_per_packet"]
