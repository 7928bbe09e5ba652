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


def join(kept, run, rows):
    """The results of a run beside those kept of earlier ones: {"runs": [...], "rows": [...]}. Each run names its jobs;
    one of which others have taken all again is left out."""
    jobs = list(dict.fromkeys(row["job"] for row in rows))
    earlier = [{**other, "jobs": [job for job in other["jobs"] if job not in jobs]} for other in kept["runs"]]
    return {"runs": [other for other in earlier if other["jobs"]] + [{**run, "jobs": jobs}],
            "rows": [row for row in kept["rows"] if row["job"] not in jobs] + rows}


def run_of(results, job):
    return next(run for run in results["runs"] if job in run["jobs"])


def as_json(results):
    """One run and one row a line, so that differences can be read."""
    parts = (f' "{name}": [\n' + ",\n".join("  " + json.dumps(one) for one in results[name]) + "\n ]"
             for name in ("runs", "rows"))
    return "{\n" + ",\n".join(parts) + "\n}\n"


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


def taken(run):
    """When and on what figures were taken, as a line."""
    machine, build = run["machine"], run["build"]
    load = f"; load before: {run['load_before']}" if "load_before" in run else ""
    return (f"`{run['command']}`, {run['date']}: {machine['cpu']}, {machine['cores']} cores, "
            f"{machine['memory_gb']} GB, Linux {machine['kernel']}; commit {build['commit']}, -march={build['march']}, "
            f"{build['compiler']}{load}.")


def as_markdown(results):
    lines = ["# Results", "",
             "`ns` and `mpps` go by the clock, `cpu ns` by the processor time of the workers; `ratio` is to the limit "
             "on the same core in the same run. What each job is: `bench/run --help` and docs/performance.md."]
    for job in dict.fromkeys(row["job"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["job"] == job]
        lines += ["", f"## {job[0].upper()}{job[1:]}", "", taken(run_of(results, job)), "", *table(rows)]
    return "\n".join(lines) + "\n"


def compare(committed, rows):
    """Lines about ratios that are not as they were."""
    before = {name_of(row): row for row in committed}
    for row in rows:
        for figure in RATIOS:
            old, new = before.get(name_of(row), {}).get(figure), row.get(figure)
            if old and new and abs(new / old - 1) > CHANGED:
                yield f"{', '.join(str(value) for _, value in name_of(row))}: {figure} {new}, committed {old}"
