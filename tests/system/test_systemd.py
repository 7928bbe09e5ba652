# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The systemd units say what systemd understands, and are closed; the node needs no root."""
import json
import re
import shutil
import subprocess

import pytest
from conftest import BUILD, ROOT, Process, wait_for
from network import Network, unique_name

UNITS = ("weir-controller.service", "weir-dashboard.service", "weir-dataplane@.service")
EXPOSURE_MAX = 2.0  # of 10, systemd's own measure; its word up to here is OK


@pytest.fixture
def units(tmp_path):
    """The units as they would be installed, with the programs of this build."""
    for name in UNITS:
        text = (ROOT / "conf/systemd" / f"{name}.in").read_text()
        (tmp_path / name).write_text(text.replace("@bindir@", str(BUILD)).replace("@confdir@", "/etc/weir"))
    return tmp_path


def analyze(*words):
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60,
                          check=False)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_the_unit(units, name):
    path = units / name.replace("@", "@edge1")
    if "@" in name:
        (units / name).rename(path)
    result = analyze("verify", "--man=no", "--recursive-errors=no", path)
    ours = [line for line in result.stderr.splitlines() if "weir" in line]
    assert result.returncode == 0 and not ours, result.stderr


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_is_closed(units, name):
    result = analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX * 10:.0f}", units / name)
    exposure = re.search(r"Overall exposure level for .*: ([0-9.]+)", result.stdout)
    assert exposure and float(exposure[1]) <= EXPOSURE_MAX, result.stdout
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", UNITS)
def test_no_new_privileges(name):
    text = (ROOT / "conf/systemd" / f"{name}.in").read_text().splitlines()
    for line in ("NoNewPrivileges=yes", "PrivateTmp=yes", "ProtectSystem=strict"):
        assert line in text
    bounds = [line for line in text if line.startswith("CapabilityBoundingSet=")]
    assert bounds == ["CapabilityBoundingSet=CAP_NET_RAW" if "dataplane" in name else "CapabilityBoundingSet="]


def test_users_are_made_as_described():
    result = subprocess.run(["systemd-sysusers", "--dry-run", ROOT / "conf/systemd/weir-sysusers.conf"],
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_a_node_captures_as_nobody_with_one_capability(tmp_path):
    """What docs/security.md tells to do: no root, and of its rights CAP_NET_RAW alone."""
    network = Network(tmp_path, unique_name())
    # The tree may lie where nobody gets to.
    program = shutil.copy(BUILD / "weir-dataplane", tmp_path)
    tmp_path.chmod(0o777)
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o011)
    try:
        network.up()
        node = network.start(
            "node", "a", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
            "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw", "env",
            f"RUNTIME_DIRECTORY={tmp_path}", program, "--interface", "wa", "--set",
            f"sink.path={tmp_path}/flows.jsonl")
        wait_for(lambda: network.is_watched() or not node.is_running(), "port wa is watched")
        assert node.is_running(), node.err()
        status = open(f"/proc/{node.pid}/status", encoding="utf-8").read()
        assert re.search(r"^CapEff:\s*0*2000$", status, re.M) and re.search(r"^Uid:\s*65534\b", status, re.M), status
        assert network.ping(3) == 3
        assert node.stop() == 0, node.err()
        records = [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
        # The socket may have been there a moment before it took packets in.
        assert any(record["src_ip"] == "10.78.1.2" and record["fwd"]["packets"] > 0 for record in records)
    finally:
        network.down()
