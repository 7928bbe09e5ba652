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
import records  # noqa: E402
import telemetry  # noqa: E402

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf"
SHOWN_MAX = 20  # records of a file
# Pipeline -> the options that name its inputs, and what is in them.
INPUTS = {
    "trending_topics": {"source.path": "messages"},
    "trending_tags": {"source.path": "profiles"},
    "kmeans": {"points.path": "points", "start.path": "starts"},
    "trucking_latest": {"trucks.path": "trucks", "roads.path": "roads"},
    "trucking_pairs": {"trucks.path": "trucks", "roads.path": "roads"},
}


def pipelines():
    """Name -> configuration, of those that data can be made for."""
    tasks = {path.stem: path for path in sorted((CONF / "sonata").glob("*.yaml"))}
    return tasks | {name: CONF / f"{name}.yaml" for name in INPUTS}


def make_inputs(name, directory):
    """The settings that lead the pipeline to its inputs."""
    if name not in INPUTS:
        made = telemetry.packets()
        telemetry.write(directory / "traffic.pcap", made)
        print(f"input: {len(made):,} packets of {(made[-1].time_ns - made[0].time_ns) / 1e9:.0f} s")
        return ["--set", f"source.path={directory / 'traffic.pcap'}"]
    settings = []
    for option, kind in INPUTS[name].items():
        made = list(records.KINDS[kind]())
        records.write(directory / f"{kind}.jsonl", made)
        times = [row["timestamp_ns"] for row in made if "timestamp_ns" in row]
        print(f"input: {len(made):,} {kind}" + (f" of {(times[-1] - times[0]) / 1e9:.0f} s" if times else ""))
        settings += ["--set", f"{option}={directory / f'{kind}.jsonl'}"]
    return settings


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
    settings = make_inputs(name, directory)
    done = subprocess.run([program, "--config", path, *settings], cwd=directory, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode == 0:
        if done.stdout:
            show("found", done.stdout.splitlines())
        for file in sorted(directory.glob("*.jsonl")):
            if file.stem not in records.KINDS:
                show(file.stem, file.read_text(encoding="utf-8").splitlines())
    print(f"\n{done.stderr}", end="")
    return done.returncode


def main(arguments):
    if arguments == ["list"]:
        print(" ".join(pipelines()))
        return 0
    if len(arguments) != 3 or arguments[0] not in pipelines():
        sys.exit(f"pipeline: \"{arguments[0] if arguments else ''}\": expected one of {', '.join(pipelines())}")
    program, directory = (pathlib.Path(path).resolve() for path in arguments[1:])
    return run(arguments[0], program, directory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
