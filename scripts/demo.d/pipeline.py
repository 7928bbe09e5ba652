#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Run one of the pipelines of conf/ over data that is made for it, and show what it says.

    pipeline.py list
    pipeline.py NAME PROGRAM DIRECTORY     DIRECTORY: where the data and the records go
"""
import json
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
import telemetry  # noqa: E402

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf"
SHOWN_MAX = 20  # records of a file


def pipelines():
    """Name -> configuration, of those that data can be made for."""
    return {path.stem: path for path in sorted((CONF / "sonata").glob("*.yaml"))}


def make_input(directory):
    """The settings that lead a pipeline to its input."""
    made = telemetry.packets()
    telemetry.write(directory / "traffic.pcap", made)
    print(f"input: {len(made):,} packets of {(made[-1].time_ns - made[0].time_ns) / 1e9:.0f} s")
    return ["--set", f"source.path={directory / 'traffic.pcap'}"]


def show(title, lines):
    print(f"\n{title}: {len(lines)} records")
    for line in lines[:SHOWN_MAX]:
        print("  " + "  ".join(f"{name}={value}" for name, value in json.loads(line).items()))
    if len(lines) > SHOWN_MAX:
        print(f"  … and {len(lines) - SHOWN_MAX} more")


def description(path):
    """The comment at the head of a configuration, without the licence and the command."""
    head = path.read_text(encoding="utf-8").split("\n#   weir-dataplane")[0]
    return " ".join(line[1:].strip() for line in head.splitlines()[3:])


def run(name, program, directory):
    path = pipelines()[name]
    print(f"{path.relative_to(CONF.parent)}: {description(path)}")
    settings = make_input(directory)
    done = subprocess.run([program, "--config", path, *settings], cwd=directory, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode == 0:
        if done.stdout:
            show("found", done.stdout.splitlines())
        for file in sorted(directory.glob("*.jsonl")):
            show(file.stem, file.read_text(encoding="utf-8").splitlines())
    print(f"\n{done.stderr}", end="")
    return done.returncode


def main(arguments):
    if arguments == ["list"]:
        print(" ".join(pipelines()))
        return 0
    if len(arguments) != 3 or arguments[0] not in pipelines():
        sys.exit(f"pipeline: \"{arguments[0] if arguments else ''}\": expected one of {', '.join(pipelines())}")
    return run(arguments[0], arguments[1], pathlib.Path(arguments[2]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
