# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Operators built outside of the tree, against what `meson install` leaves: the headers, the examples, and
docs/write-an-operator.md, followed to the letter in a clean folder."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD, ROOT

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


def test_what_is_no_plugin_is_refused(installed, tmp_path):
    (tmp_path / "a.so").write_text("no object")
    result = installed.run("weir-dataplane", "--plugin", "./a.so", "--help", cwd=tmp_path, status=1)
    assert result.stderr.startswith('weir-dataplane: --plugin: "./a.so": ./a.so: ') and result.stdout == ""
    (tmp_path / "a.yaml").write_text("plugins: [./a.so]\n")
    result = installed.run("weir-dataplane", "--config", tmp_path / "a.yaml", "--check", status=1)
    assert f'/a.yaml:1: plugins: "./a.so": {tmp_path}' in result.stderr
