#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Do the two ways out of the pipeline agree? check.py STATUS FLOWS: what the summaries told the controller (weirctl
status --json) against the flow records. Exit 1 and one line if they do not."""
import json
import sys


def main(status_path, flows_path):
    with open(status_path, encoding="utf-8") as file:
        totals = json.load(file)["totals"]
    packets = size = 0
    with open(flows_path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            for direction in (record["fwd"], record.get("rev", {})):
                packets += direction.get("packets", 0)
                size += direction.get("bytes", 0)
    if packets == 0:
        sys.exit("demo: no packet was seen")
    if (packets, size) != (totals["packets"], totals["bytes"]):
        sys.exit(f"demo: flow records have {packets} packets, {size} bytes; the controller was told of "
                 f"{totals['packets']} packets, {totals['bytes']} bytes")
    print(f"every packet is in a flow record: {packets:,} packets, {size:,} bytes in the records and in the summaries")


if __name__ == "__main__":
    main(*sys.argv[1:])
