# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Keys: beyond loopback nobody talks to anybody without the right one. Real processes in two network namespaces."""
import json
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, Process, free_port, wait_for
from network import Network, unique_name

CLIENT = ROOT / "tests" / "system" / "curve_client.py"


def keygen(folder, name, directory=None):
    directory = directory or folder
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run([BUILD / "weirctl", "keygen", "--output", directory, name], check=True, capture_output=True,
                   timeout=60)
    return directory / name


def read_key(path):
    fields = [line.split(":", 1) for line in path.read_text().splitlines() if not line.startswith("#")]
    return {name: value.strip() for name, value in fields}


class Site:
    """A controller at 10.78.1.1 in namespace a, whom others talk to from namespace b."""

    def __init__(self, folder, network):
        self.folder, self.network = folder, network
        self.endpoint = f"tcp://10.78.1.1:{free_port()}"
        for name in ("controller", "edge", "core", "alice", "stranger"):
            keygen(folder / "keys", name)
        for kind, name in (("nodes", "edge"), ("nodes", "core"), ("users", "alice")):
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / f"{name}.public").write_text((folder / "keys" / f"{name}.public").read_text())
        config = folder / "controller.yaml"
        config.write_text(f"listen: {self.endpoint}\nredis: none\nkey: keys/controller.secret\n"
                          "allowed_nodes: nodes\nallowed_users: users\n")
        self.controller = network.start("controller", "a", BUILD / "weir-controller", "--config", config)

    def key(self, name, part="secret"):
        return self.folder / "keys" / f"{name}.{part}"

    def ctl(self, *words, key="alice", controller="controller", name="b", timeout=20):
        command = ["ip", "netns", "exec", f"{self.network.name}-{name}", BUILD / "weirctl", "--controller",
                   self.endpoint, "--timeout", timeout]
        if key:
            command += ["--key", self.key(key), "--controller-key", self.key(controller, "public")]
        return subprocess.run([str(word) for word in (*command, *words)], capture_output=True, text=True, timeout=80,
                              check=False)

    def status(self):
        result = self.ctl("--json", "status")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def refused(self):
        return self.status()["controller"]["refused_connections"]

    def say(self, message, key=None, port=0):
        """What a client of its own making is answered."""
        host, number = self.endpoint.rsplit(":", 1)
        words = [sys.executable, CLIENT, f"{host}:{int(number) + port}", message.SerializeToString().hex()]
        if key:
            own = read_key(self.key(key))
            words += [read_key(self.key("controller", "public"))["public"], own["public"], own["secret"]]
        out = subprocess.run(["ip", "netns", "exec", f"{self.network.name}-b", *map(str, words)], capture_output=True,
                             text=True, timeout=80, check=True).stdout.strip()
        return None if out == "nothing" else type(message).FromString(bytes.fromhex(out))

    def start_node(self, name, key=None):
        return self.network.start(
            f"node-{name}", "b", BUILD / "weir-dataplane", "-l", "0", "--no-huge", "--no-shconf", "--no-pci",
            "--log-level=error", "--", "--node", name, "--controller", self.endpoint, "--key", self.key(key or name),
            "--controller-key", self.key("controller", "public"))


@pytest.fixture
def site(tmp_path):
    network = Network(tmp_path, unique_name())
    try:
        network.up()
        site = Site(tmp_path, network)
        wait_for(lambda: site.ctl("status").returncode == 0 or not site.controller.is_running(), "controller answers")
        assert site.controller.is_running(), site.controller.err()
        yield site
    finally:
        network.down()


def test_keygen_makes_files_for_their_owner_alone(tmp_path):
    base = keygen(tmp_path, "edge")
    for part in ("secret", "public"):
        assert base.with_suffix(f".{part}").stat().st_mode & 0o777 == 0o600
    public, secret = (read_key(base.with_suffix(f".{part}")) for part in ("public", "secret"))
    assert public["name"] == secret["name"] == "edge" and public["public"] == secret["public"]
    assert "secret" not in public and len(secret["secret"]) == 40
    again = subprocess.run([BUILD / "weirctl", "keygen", "--output", tmp_path, "edge"], capture_output=True, text=True,
                           timeout=60, check=False)
    assert again.returncode == 1 and "nothing is overwritten" in again.stderr
    assert read_key(base.with_suffix(".secret")) == secret
    for bad in ("../x", "a b", ""):
        assert subprocess.run([BUILD / "weirctl", "keygen", bad], capture_output=True, timeout=60,
                              check=False).returncode == 64


def test_keygen_makes_a_missing_folder(tmp_path):
    folder = tmp_path / "keys"
    subprocess.run([BUILD / "weirctl", "keygen", "--output", folder, "edge"], check=True, capture_output=True,
                   timeout=60)
    assert folder.stat().st_mode & 0o777 == 0o700 and (folder / "edge.secret").exists()


def test_right_keys_work(site):
    node = site.start_node("edge")
    wait_for(lambda: any(n["name"] == "edge" and n["state"] == "up" for n in site.status()["nodes"])
             or not node.is_running(), "node edge is up")
    assert node.is_running(), node.err()
    result = site.ctl("log", "edge", "hello")
    assert result.returncode == 0 and "done" in result.stdout, result.stderr
    assert "asked for by alice" in site.ctl("explain").stdout
    wait_for(lambda: "hello" in node.err())
    assert sum(site.refused().values()) == 0
    assert node.stop() == 0


def test_wrong_key_no_key_plain_client(site, messages):
    hello = messages.Message(version=1, register=messages.Register(node="edge", incarnation=1))
    stranger = site.ctl("status", key="stranger")
    assert stranger.returncode == 2 and "it does not allow this key" in stranger.stderr
    wait_for(lambda: site.refused()["unknown_key"] >= 1)
    without = site.ctl("status", key=None)
    assert without.returncode == 64 and "beyond loopback keys are required" in without.stderr

    def plain():  # a client that finds out first breaks off
        refused = site.refused()
        return refused["not_encrypted"] + refused["bad_handshake"]

    for port in (0, 1):
        before = plain()
        assert site.say(hello, port=port) is None
        wait_for(lambda before=before: plain() > before, "a plain client is counted")
    # Who was given another controller's key finds out, and so does the controller.
    assert site.ctl("status", controller="core").returncode == 2
    wait_for(lambda: site.refused()["other_controller"] >= 1, "a client of another controller is counted")
    assert site.status()["nodes"] == []
    assert "unknown_key" in site.ctl("status").stdout


def test_a_key_speaks_for_its_own_name_alone(site, messages):
    def message(**body):
        return messages.Message(version=1, **body)

    answer = site.say(message(register=messages.Register(node="core", incarnation=1)), "edge")
    assert answer.error.code == messages.ERROR_FORBIDDEN and "edge" in answer.error.text
    answer = site.say(message(register=messages.Register(node="core", incarnation=1)), "core")
    assert answer.registered.accepted
    # Neither may anybody else report as core, end it, or ask with a node's key; nor may a user register.
    for forged, port in (
            (message(summary=messages.Summary(node="core", incarnation=1, pipeline="p", operator="r", sequence=1)), 1),
            (message(heartbeat=messages.Heartbeat(node="core", incarnation=1)), 0),
            (message(goodbye=messages.Goodbye(node="core", incarnation=1)), 0),
            (message(request=messages.Request(command="status")), 0)):
        assert site.say(forged, "edge", port).error.code == messages.ERROR_FORBIDDEN
    answer = site.say(message(register=messages.Register(node="alice", incarnation=1)), "alice")
    assert answer.error.code == messages.ERROR_FORBIDDEN
    refused = site.refused()
    assert refused["wrong_name"] == 4 and refused["wrong_role"] == 2
    assert site.status()["nodes"][0]["totals"]["packets"] == 0
    asked = site.ctl("status", key="edge")
    assert asked.returncode == 1 and "not among the allowed users'" in asked.stderr


def test_keys_are_read_again_on_reload(site, messages):
    """A new key serves without a restart, one taken off does no longer, and a bad list changes nothing."""
    register = messages.Message(version=1, register=messages.Register(node="stranger", incarnation=1))
    list_of = site.folder / "nodes"
    (list_of / "stranger.public").write_text(site.key("stranger", "public").read_text())
    assert site.ctl("reload").returncode == 0
    assert site.say(register, "stranger").registered.accepted
    (list_of / "bad.public").write_text("nonsense")
    (list_of / "stranger.public").unlink()
    refused = site.ctl("reload")
    assert refused.returncode == 1 and "bad.public:1: expected a key file" in refused.stderr
    assert site.say(register, "stranger").registered.accepted
    (list_of / "bad.public").unlink()
    assert site.ctl("reload").returncode == 0
    assert site.say(register, "stranger") is None


def test_a_node_is_revoked_and_allowed_while_it_runs(site):
    """It says so, and comes back by itself: also where its key was not allowed when it first knocked."""
    public = site.folder / "nodes" / "stranger.public"
    node = site.start_node("stranger")

    def is_up():
        assert node.is_running(), node.err()
        return any(n["name"] == "stranger" and n["state"] == "up" for n in site.status()["nodes"])

    wait_for(lambda: "does not allow this key" in node.err(), "the node says that nobody answers")
    public.write_text(site.key("stranger", "public").read_text())
    assert site.ctl("reload").returncode == 0
    wait_for(is_up, "a node that was allowed later")
    public.unlink()
    assert site.ctl("reload").returncode == 0
    wait_for(lambda: "this key is not allowed any more" in node.err(), "the node says that it was revoked")
    public.write_text(site.key("stranger", "public").read_text())
    assert site.ctl("reload").returncode == 0
    wait_for(lambda: "is accepted now" in node.err(), "the node is back")
    wait_for(is_up)


def test_a_node_says_that_its_key_is_anothers(site):
    node = site.start_node("edge", key="core")
    assert node.wait() == 1 and 'is of "core"; expected the key of this node, "edge"' in node.err()


@pytest.mark.parametrize("listen", ["tcp://0.0.0.0:5570", "tcp://192.0.2.1:5570", "tcp://[::]:5570"])
def test_beyond_loopback_the_controller_wants_keys(listen):
    result = subprocess.run([BUILD / "weir-controller", "--redis", "none", "--listen", listen], capture_output=True,
                            text=True, timeout=60, check=False)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "beyond loopback keys are required" in result.stderr and "weirctl keygen" in result.stderr


def test_beyond_loopback_a_node_wants_keys(tmp_path):
    process = Process("node", [BUILD / "weir-dataplane", "--controller", "tcp://192.0.2.1:5570"], tmp_path)
    assert process.wait() == 1 and "beyond loopback keys are required" in process.err()


@pytest.mark.parametrize("option, name", [("--key", "key"), ("--controller-key", "controller_key")])
def test_a_key_for_no_controller_is_refused(tmp_path, option, name):
    process = Process("node", [BUILD / "weir-dataplane", option, "k", "--interface", "lo"], tmp_path)
    assert process.wait() == 1 and f"{name}: expected a controller" in process.err()


@pytest.mark.parametrize("words", [
    ("status", "--window", "10"), ("operators", "--limit", "5"), ("top", "--all"), ("tcp", "--once"),
    ("status", "--output", "."), ("reload", "--watch"), ("keygen", "x", "--json"), ("keygen", "x", "--timeout", "3"),
    ("keygen", "x", "--controller", "tcp://127.0.0.1:1"), ("keygen", "x", "--key", "k")])
def test_weirctl_refuses_an_option_that_would_do_nothing(tmp_path, words):
    result = subprocess.run([BUILD / "weirctl", *words], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                            check=False)
    option = next(word for word in words if word.startswith("--"))
    assert result.returncode == 64 and f"weirctl: {words[0]}: {option}: " in result.stderr, result.stderr
    assert not list(tmp_path.iterdir())


def test_a_name_is_no_address_to_listen_on():
    result = subprocess.run([BUILD / "weir-controller", "--redis", "none", "--listen", "tcp://localhost:5570"],
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1 and "expected an address of this machine, as a number" in result.stderr


@pytest.mark.parametrize("arguments, expected", [
    (("--controller", ""), 'controller "": expected tcp://HOST:PORT'),
    (("--controller", "http://x"), 'controller "http://x": expected tcp://HOST:PORT'),
    (("--controller", "tcp://127.0.0.1"), 'controller "tcp://127.0.0.1": expected tcp://HOST:PORT'),
    (("--controller", "tcp://127.0.0.1:99999"), 'controller "tcp://127.0.0.1:99999": expected tcp://HOST:PORT'),
    (("--controller", "tcp://127.0.0.1:5570", "--key", "k.secret"), "one of two keys: expected both"),
    (("--controller", "tcp://192.0.2.1:5570"), "beyond loopback keys are required: expected both"),
])
def test_weirctl_says_what_is_wrong_with_the_controller(arguments, expected):
    result = subprocess.run([BUILD / "weirctl", *arguments, "status"], capture_output=True, text=True, timeout=60,
                            check=False)
    assert result.returncode == 64 and expected in result.stderr, result.stderr


BAD_KEYS = {
    "others may read or write it": ("key: k.secret", {"k.secret": 0o644}),
    "No such file": ("key: none.secret", {}),
    "has no secret": ("key: k.public", {}),
    "has the secret key of k; expected NAME.public": ("key: k.secret\nallowed_nodes: k.secret", {}),
    "the key of k is that of other as well": ("key: k.secret\nallowed_nodes: list", {}),
    "expected a key of the controller's own": ("allowed_nodes: list", {}),
}


@pytest.mark.parametrize("message", BAD_KEYS)
def test_bad_key_files_are_one_line(tmp_path, message):
    text, modes = BAD_KEYS[message]
    keygen(tmp_path, "k")
    public = (tmp_path / "k.public").read_text()
    (tmp_path / "list").write_text(public.replace("name: k", "name: other") + public)
    for name, mode in modes.items():
        (tmp_path / name).chmod(mode)
    config = tmp_path / "controller.yaml"
    config.write_text(f"listen: tcp://127.0.0.1:{free_port()}\nredis: none\n{text}\n")
    result = subprocess.run([BUILD / "weir-controller", "--config", config], capture_output=True, text=True, timeout=60,
                            check=False)
    assert result.returncode == 1 and message in result.stderr and result.stderr.count("\n") == 1
