# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Operators built outside of the tree, against what `meson install` leaves: the headers, the examples, and
docs/write-an-operator.md, followed to the letter in a clean folder."""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

import pytest

import captures
from conftest import BUILD, ROOT, wait_for
from node import Node, assert_accounts_hold

DOCUMENT = (ROOT / "docs/write-an-operator.md").read_text()
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/meson.build"))


class Installed:
    """An installed tree below a folder, and the environment of someone who uses it."""

    def __init__(self, folder):
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], check=True,
                       capture_output=True, timeout=120)
        options = json.loads(subprocess.run(["meson", "introspect", BUILD, "--buildoptions"], check=True, text=True,
                                            capture_output=True, timeout=60).stdout)
        values = {option["name"]: option["value"] for option in options}
        self.prefix = pathlib.Path(f"{folder}{values['prefix']}")
        self.library = self.prefix / values["libdir"]
        self.environment = os.environ | {
            "PKG_CONFIG_PATH": str(self.library / "pkgconfig"),
            "PATH": f"{self.prefix / 'bin'}:{os.environ['PATH']}",
            "WEIR_PLUGIN_DIR": str(self.library / "weir"),
        }

    def run(self, *words, cwd=None, status=0):
        result = subprocess.run([str(word) for word in words], env=self.environment, cwd=cwd, text=True, check=False,
                                capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
        assert result.returncode == status, result.stdout + result.stderr
        return result

    def pkg_config(self, *words):
        return self.run("pkg-config", *words, "weir-dev").stdout.split()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("installed"))


def headers(installed):
    folder = installed.prefix / "include/weir"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.h"))


def test_headers_are_whole(installed):
    """Each can be included alone, and they include nothing that is not installed."""
    flags = installed.pkg_config("--cflags")
    assert "dataplane/operator.h" in headers(installed)
    for header in headers(installed):
        source = installed.prefix / "one.c"
        source.write_text(f'#include "{header}"\n')
        installed.run("gcc", "-std=gnu11", "-Wall", "-Werror", "-fsyntax-only", *flags, source)


def symbols(*arguments):
    listed = subprocess.run(["nm", *map(str, arguments)], check=True, text=True, capture_output=True, timeout=60)
    return {line.split()[2] for line in listed.stdout.splitlines() if re.match(r"[0-9a-f]+ [A-Z] ", line)}


def test_what_headers_declare_is_exported_and_nothing_else():
    listed = set(re.findall(r"\t(\w+);", (BUILD / "dataplane/plugin_symbols.list").read_text()))
    assert {"instance_emit", "operator_type_register", "packet_schema", "schema_field", "batch_free"} <= listed
    exported = symbols("-D", "--defined-only", BUILD / "weir-dataplane")
    own = symbols("--defined-only", BUILD / "dataplane/libweir-dataplane.a", BUILD / "api/libweir-api.a")
    # What a library that it uses defines under the same name is exported by the linker, whatever the list says.
    used = subprocess.run(["ldd", BUILD / "weir-dataplane"], check=True, text=True, capture_output=True, timeout=60)
    libraries = set().union(*(symbols("-D", "--defined-only", path) for path in re.findall(r"=> (/\S+)", used.stdout)))
    assert (exported & own) - libraries == listed


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(installed, tmp_path, name):
    """Builds without a warning, passes its own test, and is found by its name once it is installed."""
    source = pathlib.Path(installed.pkg_config("--variable=examplesdir")[0]) / name
    installed.run("meson", "setup", "-Dwerror=true", source, tmp_path / "build")
    installed.run("meson", "test", "-C", tmp_path / "build")
    installed.run("meson", "install", "-C", tmp_path / "build")
    help_text = installed.run("weir-dataplane", "--plugin", name, f"--help={name}").stdout
    assert help_text.startswith(f"{name}: ")


def test_the_document_to_the_letter(installed, tmp_path):
    """Files are written as shown, commands are run in order; what the document shows of their output is what comes."""
    blocks = re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", DOCUMENT, re.S | re.M)
    output, ran = "", 0
    for language, name, text in blocks[1:]:  # the first installs weir
        if name:
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        elif language == "sh":
            for command in text.splitlines():
                result = installed.run("bash", "-c", command, cwd=tmp_path)
                output = result.stdout + result.stderr
                ran += 1
        elif language == "text":
            for line in text.splitlines():
                assert line in output, (line, output)
    assert ran > 4
    manual = installed.run("weir-dataplane", "--plugin", tmp_path / "build/min_ttl.so", "--manual=min_ttl").stdout
    assert "low_ttl" in manual


FRAMES, LOOPS = 32768, 200
RUNNING = f"""
pipeline: running
operators:
  - {{name: source,  type: replay, flows: 3000, frames: {FRAMES}, loops: {LOOPS}, interval: 2us, parallelism: 1}}
  - {{name: flow_id, type: flow_id}}
  - {{name: stats,   type: flow_stats, parallelism: 2}}
  - {{name: sink,    type: json, path: flows.jsonl}}
"""
WATCHED = RUNNING + """  - {name: watch,   type: ttl_watch, parallelism: 1}
  - {name: changes, type: json, path: changes.jsonl}
streams:
  - {from: source,  to: flow_id}
  - {from: flow_id, to: stats}
  - {from: stats,   to: sink}
  - {from: flow_id, to: watch}
  - {from: watch,   to: changes}
"""
ANOTHER = """
pipeline: another
operators:
  - {name: source,  type: replay, flows: 10, frames: 64, loops: 0, rate: 1000, parallelism: 1}
  - {name: flow_id, type: flow_id}
  - {name: watch,   type: ttl_watch}
  - {name: sink,    type: 'null'}
"""
REFUSED = {"plugin_other_abi": "built against other headers (ABI 1.", "./plugin_good.so": "a path; expected the name",
           "nothing": "nothing.so: No such file", "plugin_twice": "there is an operator type of that name already"}


def test_a_plugin_comes_to_a_running_node(installed, make_controller, tmp_path):
    """Under load: a pipeline gets an operator of a class that the node did not know, another one begins with it, and
    what can't be loaded is refused; no packet of what runs is lost or counted twice."""
    folder = tmp_path / "plugins"
    shutil.copytree(BUILD / "tests/unit/plugins", folder, ignore=shutil.ignore_patterns("*.p"))
    source = pathlib.Path(installed.pkg_config("--variable=examplesdir")[0]) / "ttl_watch"
    installed.run("meson", "setup", source, tmp_path / "build")
    installed.run("meson", "compile", "-C", tmp_path / "build")
    shutil.copy(tmp_path / "build/ttl_watch.so", folder)
    texts = {"running": RUNNING, "unknown": WATCHED, "watched": "plugins: [ttl_watch]\n" + WATCHED,
             "another": "plugins: [ttl_watch.so]\n" + ANOTHER}
    texts |= {f"refused{i}": f"plugins: [{name}]\n{WATCHED}" for i, name in enumerate(REFUSED)}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text.replace("path: ", f"path: {tmp_path}/"))
    controller = make_controller()
    arguments = ["--node", "edge", "--controller", controller.endpoint, "--config", tmp_path / "running.yaml"]
    node = Node(tmp_path, arguments, eal=("-l", "0-1"), before=("env", f"WEIR_PLUGIN_DIR={folder}"))

    def apply(name):
        return controller.ctl("apply", "edge", tmp_path / f"{name}.yaml")

    try:
        node.wait_until_up()
        wait_for(lambda: controller.node("edge").get("state") == "up", "node edge is up")
        for i, expected in enumerate(REFUSED.values()):
            result = apply(f"refused{i}")
            assert result.returncode == 1 and expected in result.stdout + result.stderr, result
        result = apply("unknown")
        assert result.returncode == 1 and '"ttl_watch": unknown operator type' in result.stdout + result.stderr, result
        for name, expected in (("watched", "running"), ("another", "another: new, 4 operators")):
            result = apply(name)
            assert result.returncode == 0 and f"runs {expected}" in result.stdout, result
        assert {one["pipeline"] for one in node.instances()} == {"running", "another"}
        for one in node.instances():
            assert_accounts_hold(one)
        wait_for(lambda: any(i["operator"] == "watch" and i["pipeline"] == "running" and i["in"] > FRAMES
                             for i in node.instances()), "the new class gets packets")
        assert controller.ctl("remove", "edge", "another").returncode == 0
        assert node.process.wait() == 0, node.process.err()
    finally:
        node.close()
    flows = [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
    assert sum(flow[way]["packets"] for flow in flows for way in ("fwd", "rev") if way in flow) == FRAMES * LOOPS


SAVED = """
plugins: [PLUGIN]
pipeline: kept
operators:
  - {{name: source,  type: pcap, path: CAPTURE}}
  - {{name: flow_id, type: flow_id}}
  - {{name: slow,    type: json, path: {pipe}, queue_size: 128}}
  - {{name: watch,   type: ttl_watch}}
  - {{name: sink,    type: json, path: {folder}/out.jsonl}}
streams:
  - {{from: source,  to: flow_id}}
  - {{from: flow_id, to: slow}}
  - {{from: flow_id, to: watch}}
  - {{from: watch,   to: sink}}
"""


def write_packets(path, count):
    """Of addresses whose TTL changes every few hundred packets."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for number in range(count):
            source = number * 7 % 97
            frame = bytearray(captures.ethernet(captures.ipv4_udp(60, 1000, 53, f"10.0.0.{source}", "10.0.1.1")))
            frame[22] = 64 - number // (300 + source) % 5
            out.write(struct.pack("<IIII", 1_700_000_000 + number // 1000, number % 1000, len(frame), len(frame)))
            out.write(frame)


@pytest.mark.parametrize("restored", ("0", "0-1"))
def test_what_the_example_keeps_is_saved(installed, make_run, tmp_path, restored):
    """A node that goes on from a snapshot says of each address what one says that nothing happened to."""
    source = pathlib.Path(installed.pkg_config("--variable=examplesdir")[0]) / "ttl_watch"
    installed.run("meson", "setup", source, tmp_path / "build")
    installed.run("meson", "compile", "-C", tmp_path / "build")
    write_packets(tmp_path / "in.pcap", 20000)
    text = SAVED.replace("PLUGIN", f"{tmp_path}/build/ttl_watch.so").replace("CAPTURE", f"{tmp_path}/in.pcap")
    expected = make_run("whole", text).undisturbed()
    run = make_run("cut", text)
    run.interrupted(20000, ("-l", restored))
    assert len(expected["out.jsonl"]) > 1000 and run.outputs() == expected


def test_what_is_no_plugin_is_refused(installed, tmp_path):
    (tmp_path / "a.so").write_text("no object")
    result = installed.run("weir-dataplane", "--plugin", "./a.so", "--help", cwd=tmp_path, status=1)
    assert result.stderr.startswith('weir-dataplane: --plugin: "./a.so": ./a.so: ') and result.stdout == ""
    (tmp_path / "a.yaml").write_text("plugins: [./a.so]\n")
    result = installed.run("weir-dataplane", "--config", tmp_path / "a.yaml", "--check", status=1)
    assert f'/a.yaml:1: plugins: "./a.so": {tmp_path}' in result.stderr
