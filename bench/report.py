# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Rows of figures as lines, as JSON, as Markdown tables, and compared with those of another run."""
import json

# What names a row, and what is a figure that can be compared between machines. The rest is shown only.
NAMES = ("job", "flows", "event_mpps", "idle_timeout", "tcp", "steer", "workers", "captures", "keys", "sink", "task",
         "consumers", "snapshot", "time_by")
RATIOS = ("ratio", "speedup", "of_random", "times_softflowd", "bytes_per_flow")
NOT_SHOWN = ("job",)
CHANGED = 0.1  # less than that is noise


def name_of(row):
    return tuple((name, row[name]) for name in NAMES if name in row)


def line(row):
    return ", ".join(f"{name} {value}" for name, value in row.items())


def as_json(results):
    """One row a line, so that differences can be read."""
    head = {name: value for name, value in results.items() if name != "rows"}
    rows = ",\n".join("  " + json.dumps(row) for row in results["rows"])
    return json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n{rows}\n ]\n}}\n'


def show(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(rows):
    columns = [name for name in rows[0] if name not in NOT_SHOWN]
    columns += [name for row in rows for name in row if name not in columns and name not in NOT_SHOWN]
    columns = list(dict.fromkeys(columns))
    lines = ["| " + " | ".join(column.replace("_", " ") for column in columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(show(row[column]) if column in row else "" for column in columns) + " |")
    return lines


def as_markdown(results):
    machine, build = results["machine"], results["build"]
    lines = ["# Results", "",
             f"`{results['command']}`, {results['date']}, {results['seconds']} s: {machine['cpu']}, "
             f"{machine['cores']} cores, {machine['memory_gb']} GB, Linux {machine['kernel']}; "
             f"commit {build['commit']}, -march={build['march']}, "
             f"{build['compiler']}; load before: {results['load_before']}.", "",
             "`ns` and `mpps` go by the clock, `cpu ns` by the processor time of the workers; `ratio` is to the limit "
             "on the same core in the same run. What each job is: `bench/run --help` and docs/performance.md."]
    for job in dict.fromkeys(row["job"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["job"] == job]
        lines += ["", f"## {job[0].upper()}{job[1:]}", "", *table(rows)]
    return "\n".join(lines) + "\n"


def compare(committed, rows):
    """Lines about ratios that are not as they were."""
    before = {name_of(row): row for row in committed}
    for row in rows:
        for figure in RATIOS:
            old, new = before.get(name_of(row), {}).get(figure), row.get(figure)
            if old and new and abs(new / old - 1) > CHANGED:
                yield f"{', '.join(str(value) for _, value in name_of(row))}: {figure} {new}, committed {old}"
